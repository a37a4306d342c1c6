"""What became of all decisions that were asked again: figures, and of each kind of change a few that show it.

It does not grow with the decisions: of what is told one by one there are so many, and a number of those beyond.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from launchplane_gate.authoring.replay.asking import Change, Replayed
from launchplane_gate.authoring.replay.stored import Result, Stored

Kind = Literal["allow-to-deny", "deny-to-allow", "not-known", "within"]
MOST_GROUPS = 1000
MOST_FLIPS = 1000
MOST_REASONS = 20
SHOWN = 3  # decisions that a group names
FLIPS = ("allow-to-deny", "deny-to-allow")


@dataclass
class Group:
    """Results that changed alike: of one rule, one product and one question. ``was``, ``now``: of the first of them.

    ``within``: the answer of the decision is the same. ``fact``: what these inputs never had, of what is not known.
    """

    kind: Kind
    code: str
    product: str
    asked: str
    was: list[str] | None
    now: list[str] | None
    fact: str = ""
    count: int = 0
    decisions: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, ...]:
        return self.kind, self.code, self.product, self.asked, self.fact


@dataclass
class Tally:
    """``counts``: of what became of decisions, by ``Replayed.flip``; what did not flip is ``same``, and of it

    ``reworded`` says the same in other words, and ``within`` changed in single results. ``differs``: under the policies
    that decided. ``spared``: some rules of it were not asked, as they are what they were. ``without``: of those
    that were not asked, why, by phase.
    """

    counts: Counter[str] = field(default_factory=Counter)
    without: Counter[str] = field(default_factory=Counter)
    revisions: Counter[str] = field(default_factory=Counter)
    undecided: Counter[str] = field(default_factory=Counter)
    groups: dict[tuple[str, ...], Group] = field(default_factory=dict)
    flips: list[dict[str, Any]] = field(default_factory=list)
    differing: list[dict[str, Any]] = field(default_factory=list)

    @property
    def asked(self) -> int:
        return sum(self.counts[flip] for flip in ("same", *FLIPS, "not-known", "undecided"))

    @property
    def differs(self) -> int:
        return self.counts["differs"]

    def of(self, kind: Kind) -> list[Group]:
        """The groups of a kind, the largest first."""
        found = [group for group in self.groups.values() if group.kind == kind]
        return sorted(found, key=lambda group: (-group.count, group.key))

    def leave(self, stored: Stored) -> None:
        """Count one that has no input to be asked on."""
        self.without[f"{stored.phase}: {stored.lacks}"] += 1

    def take(self, one: Replayed) -> None:
        self.counts[one.flip] += 1
        self.counts["spared"] += one.spared
        _count(self.revisions, one.stored.revision)
        if one.flip == "undecided":
            _count(self.undecided, one.why)
            self.counts["unanswered"] += one.unanswered
        if one.flip == "same" and one.changes:
            self.counts["within" if any(change.is_of_status for change in one.changes) else "reworded"] += 1
        if one.differs:
            self.counts["differs"] += 1
            if len(self.differing) < SHOWN:
                self.differing.append(_told(one))
        if one.flip in FLIPS or one.flip == "not-known":
            if len(self.flips) < MOST_FLIPS:
                self.flips.append(_told(one))
            else:
                self.counts["flips_beyond"] += 1
        for kind, change in _grouped(one):
            self._add(kind, change, one.stored)

    def _add(self, kind: Kind, change: Change, stored: Stored) -> None:
        fact = change.never_had if kind == "not-known" else ""
        new = Group(kind, change.code, stored.product, f"{stored.action} {stored.phase}", *_both(change), fact)
        group = self.groups.get(new.key)
        if group is None:
            if len(self.groups) >= MOST_GROUPS:
                self.counts["groups_beyond"] += 1
                return
            group = self.groups[new.key] = new
        group.count += 1
        if len(group.decisions) < SHOWN:
            group.decisions.append(stored.decision_id)

    # -- kept on disk meanwhile

    def as_document(self) -> dict[str, Any]:
        counters = {name: dict(getattr(self, name)) for name in ("counts", "without", "revisions", "undecided")}
        groups = [asdict(group) for group in self.groups.values()]
        return {**counters, "groups": groups, "flips": self.flips, "differing": self.differing}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Tally:
        """Raises KeyError or TypeError for what is none."""
        groups = [Group(**group) for group in told["groups"]]
        counters = {name: Counter(told[name]) for name in ("counts", "without", "revisions", "undecided")}
        by_key = {group.key: group for group in groups}
        return cls(**counters, groups=by_key, flips=told["flips"], differing=told["differing"])


def _count(counter: Counter[str], name: str) -> None:
    counter[name if name in counter or len(counter) < MOST_REASONS else "others"] += 1


def _grouped(one: Replayed) -> Iterator[tuple[Kind, Change]]:
    """Each result that the outcome rests on; of a decision that was not flipped, those that changed within."""
    if one.flip == "not-known" and one.why:
        yield "not-known", Change("", None, None, one.why)
    for change in one.changes:
        if one.flip == "not-known":
            if change.never_had:
                yield "not-known", change
        elif one.flip == "allow-to-deny":
            if change.now and not change.now.is_good and not change.never_had:
                yield "allow-to-deny", change
        elif one.flip == "deny-to-allow":
            if change.was and not change.was.is_good:
                yield "deny-to-allow", change
        elif change.is_of_status:
            yield "within", change


def _both(change: Change) -> tuple[list[str] | None, list[str] | None]:
    return _pair(change.was), _pair(change.now)


def _pair(result: Result | None) -> list[str] | None:
    return None if result is None else list(result)


def _told(one: Replayed) -> dict[str, Any]:
    stored = one.stored
    return {
        "decision_id": stored.decision_id,
        "where": stored.name,
        "product": stored.product,
        "action": stored.action,
        "phase": stored.phase,
        "flip": one.flip,
        "results": [
            {"code": change.code, "was": _pair(change.was), "now": _pair(change.now), "never_had": change.never_had}
            for change in one.changes
        ],
    }
