"""What the policies say to proposals: allowed, denied, or not known, which is neither.

A rule that refuses is not known where what decides it rests on a fact that nobody observed; whatever else it saw, it
might have been content. A proposal is denied where any rule refuses on what is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from launchplane_gate.authoring.proposals.proposal import Fault, Proposed, raise_for
from launchplane_gate.errors import RequestError, Undecided, in_a_sentence
from launchplane_gate.model import Actor, Contract, Decision, ReleaseIdentity, Request, RuleResult, unstamp
from launchplane_gate.outlook import Outlook
from launchplane_gate.policy import Bundle, PolicyEngine, decide
from launchplane_gate.policy.bundle.reads import inputs_read
from launchplane_gate.policy.bundle.syntax import parse

if TYPE_CHECKING:  # a gate and plugins take as long to load as all else, and some who decide have neither
    from launchplane_gate.gate import Gate
    from launchplane_gate.hookspecs import Progress
    from launchplane_gate.plugins import Plugins

AT_ONCE = 8
LOOK_S = 60.0  # for all that is asked of a Launchplane about one proposal
ALL = "*"
PLACES: Mapping[str, tuple[str, ...]] = {
    "inventory.source_current": ("ref", "artifact", "from"),
    "lane.path_allowed": ("to",),
    "release.version_free": ("version",),
    "release.publisher_ready": ("version",),
}
"""What of a proposal a rule is about, where that is no more than a part of it."""

Status = Literal["allowed", "denied", "not known"]


class NotKnown(Contract):
    """A fact that nobody observed, by its path, and why; ``rules``: those that refuse, and might not if it were."""

    what: str
    why: str
    rules: tuple[str, ...] = ()


class Checked(Contract):
    """What became of one proposal. ``as_of``: when what it was decided on was seen, where that was not just now.

    ``lines``: of what the refusing rules are about. ``detail``: why there is no decision, where there is none.
    """

    file: str
    line: int
    product: str
    source: str
    destination: str
    status: Status
    release: ReleaseIdentity | None = None
    as_of: str | None = None
    decision: Decision | None = None
    lines: dict[str, int] = Field(default_factory=dict)
    not_known: tuple[NotKnown, ...] = ()
    detail: str = ""

    @property
    def open_rules(self) -> frozenset[str]:
        """The rules of which it is not known whether they refuse."""
        return frozenset(code for one in self.not_known for code in one.rules)

    @property
    def refusals(self) -> list[RuleResult]:
        """What refuses on what is known."""
        return [one for one in (self.decision.refusals if self.decision else ()) if one.code not in self.open_rules]


Ask = Callable[[Proposed], Checked]


def decided(proposed: Sequence[Proposed], ask: Ask) -> list[Checked]:
    """All of them, in their order. Raises BadFiles for those that ask for what is not there."""

    def told(one: Proposed) -> Checked | Fault:
        try:
            return ask(one)
        except RequestError as error:
            return Fault(one.file, one.line_told_of(str(error)), str(error))
        except Undecided as error:
            return _checked(one, "not known", detail=in_a_sentence(error))

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        answers = list(pool.map(told, proposed))
    raise_for(one for one in answers if isinstance(one, Fault))
    return [one for one in answers if isinstance(one, Checked)]


def by_state(gate: Gate, as_actor: Callable[[Request], Actor], progress: Progress) -> Ask:
    """Decide on what the gate finds now, as ``check promote`` does."""

    def ask(one: Proposed) -> Checked:
        decision = gate.check(one.request, as_actor(one.request), progress)
        return _checked(one, "allowed" if decision.allowed else "denied", decision=decision)

    return ask


@dataclass(frozen=True)
class Carried:
    """Decides on outlooks that somebody brings. ``find`` raises Undecided for one that is not to be had."""

    bundle: Bundle
    engine: PolicyEngine
    as_actor: Callable[[Request], Actor]
    find: Callable[[Request], Outlook]

    def ask(self, one: Proposed) -> Checked:
        outlook = self.find(one.request)
        at = unstamp(outlook.as_of)
        if ALL in outlook.unseen:
            return _checked(one, "not known", as_of=outlook.as_of, detail=outlook.unseen[ALL])
        ends = (outlook.source.instance, outlook.destination.instance)
        if at is None or ends != (one.request.source, one.request.destination):
            raise Undecided("what was found of it is of other lanes, or of no time", hint="Nothing was decided.")
        question = outlook.question(one.request, self.as_actor(one.request))
        decision = decide(self.engine, self.bundle, question, waivers=outlook.waivers, now=at, decision_id="not-saved")
        open_facts = self._open(outlook, decision, one.request.version)
        checked = _checked(one, "allowed", as_of=outlook.as_of, decision=decision, not_known=open_facts)
        status: Status = "allowed" if decision.allowed else "denied" if checked.refusals else "not known"
        return checked.model_copy(update={"status": status})

    def _open(self, outlook: Outlook, decision: Decision, version: str | None) -> tuple[NotKnown, ...]:
        """What nobody observed, with the rules that refuse and rest on it."""
        found: dict[str, list[str]] = {path: [] for path in outlook.unseen}
        why = dict(outlook.unseen)
        asked_for_version = self._asked_for_version(outlook, decision, version)
        for code in (one.code for one in decision.refusals):
            for path in self._read_by(code, outlook.unseen):
                found[path].append(code)
            for source in sorted(self._sources_of(code) - set(outlook.facts.get("evidence", {}))):
                why.setdefault(f"evidence.{source}", "whoever looked did not ask this plugin")
                found.setdefault(f"evidence.{source}", []).append(code)
            if code in asked_for_version:
                why["version"] = "whoever looked did not know of it, and asked nobody whether it is free"
                found.setdefault("version", []).append(code)
        return tuple(NotKnown(what=path, why=why[path], rules=tuple(codes)) for path, codes in found.items())

    def _asked_for_version(self, outlook: Outlook, decision: Decision, version: str | None) -> frozenset[str]:
        """The rules that only a version brings: what they need, nobody looked at."""
        driver_id = outlook.facts["driver"]["driver_id"]
        without = self.bundle.roll_call("promote", "admit", driver_id, decision.product, None)
        return frozenset(one.code for one in decision.results) - set(without) if version else frozenset()

    def _sources_of(self, code: str) -> frozenset[str]:
        return self.bundle.evidence_read([code]) or frozenset()

    def _read_by(self, code: str, unseen: Iterable[str]) -> list[str]:
        """Which of some paths decide whether a rule is satisfied."""
        if not (paths := [(path, tuple(path.split("."))) for path in unseen]):
            return []
        file = self.bundle.file_of(code)
        module = next(one for one in self.bundle.modules if one.file == file)
        read = inputs_read(parse(module))
        return [path for path, names in paths if any(_meet(names, other) for other in read)]


def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one of two paths leads to the other."""
    return one[: len(other)] == other[: len(one)]


def _checked(
    one: Proposed,
    status: Status,
    *,
    as_of: str | None = None,
    decision: Decision | None = None,
    not_known: tuple[NotKnown, ...] = (),
    detail: str = "",
) -> Checked:
    refusals = decision.refusals if decision else ()
    return Checked(
        file=one.file,
        line=one.line(),
        product=one.request.product,
        source=str(one.request.source),
        destination=one.request.destination,
        status=status,
        release=decision.release if decision else None,
        as_of=as_of,
        decision=decision,
        lines={refused.code: one.line(*PLACES.get(refused.code, ())) for refused in refusals},
        not_known=not_known,
        detail=detail,
    )


def by_plugins(plugins: Plugins, url: str) -> Callable[[Request], Outlook]:
    """What the Launchplane at a URL shows of a promotion. Raises SettingsError where no plugin reads one."""
    plugins.see_that_one_looks_out()
    return lambda request: plugins.outlook(url, request, LOOK_S)


def acting_as(bundle: Bundle, subject: str | None, myself: Callable[[], Actor]) -> Callable[[Request], Actor]:
    """Who asks: whoever is at hand; or ``subject``, as the policies list it for the lane, verified as they want it.

    Nothing is done in anybody's name: it is the answer that this one would get.
    """
    if subject is None:
        actor = myself()
        return lambda _: actor
    named = subject

    def listed(request: Request) -> Actor:
        for entry in bundle.settings.actors_of(request.product, request.destination):
            actor = Actor(subject=named, verified_by=entry.verified_by, claims=entry.claims)
            if entry.names(actor):
                return actor
        return Actor(subject=named)

    return listed


def exit_code(checked: Iterable[Checked]) -> int:
    """1 where any is denied, 3 where of any it is not known, else 0."""
    found = {one.status for one in checked}
    return 1 if "denied" in found else 3 if "not known" in found else 0
