"""What a replay found: what flips first, by rule and product, then what is not known, and what stayed as it was."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from launchplane_gate.authoring.places import place_of_rule
from launchplane_gate.authoring.replay.tally import FLIPS, Group, Kind, Tally
from launchplane_gate.model import short
from launchplane_gate.policy import Bundle
from launchplane_gate.report.points import Outcome, Place, Point, Report
from launchplane_gate.report.text import Block, Table
from launchplane_gate.report.words import count, exact

KINDS: tuple[Kind, ...] = ("allow-to-deny", "deny-to-allow", "not-known")  # that are pointed at
SAME = "The same policies give the same results"
WIDTH = 66  # of what a rule said, beside what stands before it in 80 columns
SHOWN = 20  # groups of a kind
TITLES: Mapping[Kind, str] = {
    "allow-to-deny": "Allowed then, denied now",
    "deny-to-allow": "Denied then, allowed now",
    "not-known": "Not known: nobody looked then for what is read now",
    "within": "Results that changed, in decisions whose answer is the same",
}


@dataclass(frozen=True)
class Asked:
    """``told``: where the decisions are from; ``fail_on``: the flips that fail, ``any`` for both."""

    told: str
    revision: str
    fail_on: tuple[str, ...]
    strict: bool

    def failing(self, tally: Tally) -> int:
        """How many decisions flipped so that it fails."""
        return sum(tally.counts[flip] for flip in FLIPS if flip in self.fail_on or "any" in self.fail_on)


def exit_code(tally: Tally, asked: Asked) -> int:
    """3 before 1: what is not the same under the same policies says nothing of what flips."""
    if tally.differs or tally.counts["undecided"]:
        return 3
    if asked.failing(tally):
        return 1
    if asked.strict and tally.counts["not-known"]:
        return 3
    return 3 if (asked.strict or asked.fail_on) and not tally.asked else 0


def document_of(tally: Tally, asked: Asked) -> dict[str, Any]:
    counts = tally.counts
    return {
        "of": asked.told,
        "policies": asked.revision,
        "asked": tally.asked,
        "same": counts["same"],
        "reworded": counts["reworded"],
        "within": counts["within"],
        "allow_to_deny": counts["allow-to-deny"],
        "deny_to_allow": counts["deny-to-allow"],
        "not_known": counts["not-known"],
        "spared": counts["spared"],
        "undecided": {"decisions": counts["undecided"], "why": dict(tally.undecided)},
        "differs": {"decisions": tally.differs, "some": tally.differing},
        "not_asked": dict(tally.without),
        "decided_under": dict(tally.revisions),
        "groups": [asdict(group) for kind in TITLES for group in tally.of(kind)],
        "groups_beyond": counts["groups_beyond"],
        "flips": tally.flips,
        "flips_beyond": counts["flips_beyond"],
        "failing": asked.failing(tally),
    }


def replayed_text(tally: Tally, asked: Asked) -> list[Block]:
    text: list[Block] = [
        f"{count(tally.asked, 'decision')} of {asked.told}, asked again under the policies {short(asked.revision)}.",
        "",
        Table(_figures(tally)),
        *_spared(tally),
    ]
    for kind, title in TITLES.items():
        if groups := tally.of(kind):
            text += ["", f"{title}:"]
            for group in groups[:SHOWN]:
                text += _group(group)
            if more := len(groups) - SHOWN:
                text += [f"  and {more} more rules and products: --output json has them"] if more > 0 else []
    return [*text, "", *_verdict(tally, asked)]


def _figures(tally: Tally) -> list[tuple[str, str, str]]:
    counts = tally.counts
    within = f"a result changed in {counts['within']:,} of them" if counts["within"] else ""
    words = f"{counts['reworded']:,} in other words" if counts["reworded"] else ""
    rows = [
        ("allow to deny", counts["allow-to-deny"], ""),
        ("deny to allow", counts["deny-to-allow"], ""),
        ("not known", counts["not-known"], ""),
        ("no decision", counts["undecided"], ""),
        ("as before", counts["same"], ", ".join(filter(None, [words, within]))),
        ("not asked", sum(tally.without.values()), ""),
    ]
    told = [(name, f"{number:>9,}", more) for name, number, more in rows if number or name != "no decision"]
    return [*told, *(("", f"{number:>9,}", why) for why, number in sorted(tally.without.items()))]


def _spared(tally: Tally) -> list[Block]:
    if not tally.counts["spared"]:
        return []
    return [f"Of {tally.counts['spared']:,} only what the edit touched was asked (--every-rule asks all)."]


def _group(group: Group) -> list[Block]:
    text: list[Block] = [f"  {group.count:,} x {group.code or 'any rule'}, {group.product}, {group.asked}"]
    rows = []
    if group.fact:
        rows.append(("never had" if group.code else "why", _folded(group.fact)))
    rows += [("was", _said(group.was)), ("now", _said(group.now))] if group.was or group.now else []
    more = group.count - len(group.decisions)
    rows.append(("of", _folded(", ".join(group.decisions) + (f" and {more:,} more" if more else ""))))
    return [*text, Table(rows, indent=6)]


def _said(pair: list[str] | None) -> tuple[str, ...]:
    if pair is None:
        return ("not asked",)
    status, message = pair
    return _folded(exact(message) if status != "pass" and message else status)


def _folded(text: str) -> tuple[str, ...]:
    return tuple(textwrap.wrap(text, WIDTH - 10, break_on_hyphens=False)) or ("",)


def _verdict(tally: Tally, asked: Asked) -> list[Block]:
    if tally.differs:
        some = ", ".join(f"{one['decision_id']} ({one['results'][0]['code']})" for one in tally.differing)
        return [
            f"Under the policies that decided, {count(tally.differs, 'decision')} would have another result now:",
            f"  {some}",
            "What is replayed cannot be relied upon until that is known: see what differs with --output json.",
        ]
    if tally.counts["undecided"]:
        why = next(iter(tally.undecided))
        return [f"No decision could be had again of {tally.counts['undecided']:,}: {why}"]
    if not tally.asked:
        return ["Nothing was asked, so nothing is known of what these policies change."]
    if failing := asked.failing(tally):
        return [f"{count(failing, 'decision')} flipped as --fail-on forbids."]
    flipped = sum(tally.counts[flip] for flip in FLIPS)
    if asked.strict and (unknown := tally.counts["not-known"]):
        return [f"Of {count(unknown, 'decision')} it is not known, as --strict demands."]
    if flipped or tally.counts["not-known"] or tally.counts["within"] or tally.counts["reworded"]:
        return [f"{count(flipped, 'decision')} flipped."]
    return ["Every stored result came out again."]


def replayed_report(tally: Tally, asked: Asked, bundle: Bundle) -> Report:
    """A point for each rule and product of which something flips or is not known, at the rule's file."""
    counts = tally.counts
    points = [_point(group, asked, bundle) for kind in KINDS for group in tally.of(kind)]
    for one in tally.differing:
        code = one["results"][0]["code"]
        what = f"{one['decision_id']}: {code} would have another result now"
        points.append(Point("policy.replay", f"{one['decision_id']} {code}", "error", SAME, what))
    facts = [
        ("decisions", f"{tally.asked:,} of {asked.told}"),
        ("policies", asked.revision),
        ("allow to deny", f"{counts['allow-to-deny']:,}"),
        ("deny to allow", f"{counts['deny-to-allow']:,}"),
        ("not known", f"{counts['not-known']:,}"),
        ("as before", f"{counts['same']:,}"),
        ("not asked", f"{sum(tally.without.values()):,}"),
    ]
    headline = str(_verdict(tally, asked)[0])
    return Report("policy replay", headline, points, facts, failed="flipped", noted="changed")


def _point(group: Group, asked: Asked, bundle: Bundle) -> Point:
    if group.kind == "not-known":
        outcome: Outcome = "error" if asked.strict else "waived"
        said = f"{group.fact} was never looked for" if group.code else group.fact
    else:
        outcome = "fail" if {group.kind, "any"} & set(asked.fail_on) else "waived"
        said = f"was: {_whole(group.was)}; now: {_whole(group.now)}"
    place = place_of_rule(bundle, group.code) if group.code else None
    return Point(
        code=group.code or "policy.replay",
        name=f"{group.code or 'any rule'}, {group.product}, {group.asked}: {group.kind}",
        outcome=outcome,
        title=TITLES[group.kind],
        message=f"{count(group.count, 'decision')}, {group.kind.replace('-', ' ')}. {said}",
        remedy=f"Look at {', '.join(group.decisions)}.",
        place=Place(*place) if place else None,
    )


def _whole(pair: list[str] | None) -> str:
    if pair is None:
        return "not asked"
    return exact(pair[1]) if pair[0] != "pass" and pair[1] else pair[0]
