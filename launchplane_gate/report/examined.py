"""What ``doctor`` found, in words: what is well and what is not, what a promotion would meet, and what nobody saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from launchplane_gate.errors import GateError, in_a_sentence
from launchplane_gate.examining import Evidence, Heard, NotAsked, Obstacle
from launchplane_gate.hookspecs import Answered
from launchplane_gate.looking import reported
from launchplane_gate.model import Decision, Observation, short
from launchplane_gate.report.decision import admitted, decision_text
from launchplane_gate.report.run import ways_text
from launchplane_gate.report.seen import lacking_text, platform_text
from launchplane_gate.report.text import Block, Table
from launchplane_gate.report.words import brief, count
from launchplane_gate.ways import Standing, Way


@dataclass(frozen=True)
class Check:
    """One thing looked at. ``remedy`` is empty where nothing is wrong, and nothing could be better."""

    what: str
    ok: bool
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class NotSeen:
    """One thing that nobody looked at, and why."""

    what: str
    why: str


@dataclass(frozen=True)
class Told:
    """All that was heard, by what it is. ``promotions`` are what the policies said, allowed or not."""

    checks: Sequence[Check]
    promotions: Sequence[tuple[str, Decision]]
    not_seen: Sequence[NotSeen]


def told(heard: Iterable[Heard], *, holds_records: bool) -> Told:
    """``holds_records``: whether anything was ever recorded here, so that there is something to confirm."""
    checks: list[Check] = []
    promotions: list[tuple[str, Decision]] = []
    not_seen: list[NotSeen] = []
    for what, said in ((one.what, one.said) for one in heard):
        match said:
            case Decision():
                promotions.append((what, said))
            case NotAsked(late=False):
                not_seen.append(NotSeen(what, said.why))
            case Evidence() if not said.looked:
                not_seen.append(NotSeen(what, _why_not_looked(said)))
            case tuple():
                checks += [_of_answered(what, answered) for answered in said]
            case _:
                checks.append(_check(what, said, holds_records=holds_records))
    return Told(checks, promotions, not_seen)


def _check(what: str, said: object, *, holds_records: bool) -> Check:
    match said:
        case Observation():
            return _of_platform(what, said, holds_records=holds_records)
        case Obstacle():
            return _of_obstacle(what, said)
        case Evidence():
            return _of_evidence(what, said)
        case NotAsked():
            return Check(
                what, False, said.why, "See what it waits for: its platform, its server, or the plugin itself."
            )
        case GateError():
            return Check(what, False, str(said), said.hint)
        case _:
            assert isinstance(said, Exception)
            return Check(what, False, in_a_sentence(said), "Mend what it names.")


def _of_platform(what: str, seen: Observation, *, holds_records: bool) -> Check:
    if not seen.reachable:
        return Check(what, False, f"it cannot be reached: {seen.detail}", "Bring the platform back.")
    if seen.digests == "failed" and holds_records:
        hint = "Until it can be read, nothing on this lane is confirmed. Look at what it runs there."
        return Check(what, False, f"it answers, but {platform_text(seen)}", hint)
    lacks = f"; {lacking_text(seen.lacks)}" if seen.lacks else ""
    return Check(what, True, f"it answers: {platform_text(seen)}{lacks}")


def _of_obstacle(what: str, obstacle: Obstacle) -> Check:
    if not obstacle.what:
        return Check(what, True, f"{obstacle.driver_id} finds nothing that would keep one from beginning")
    return Check(what, False, obstacle.what, "No deploy to this lane begins until that is mended.")


def _of_evidence(what: str, evidence: Evidence) -> Check:
    facts = evidence.facts
    if isinstance(facts, GateError):
        return Check(what, False, str(facts), facts.hint)
    if not isinstance(facts, Mapping):
        return Check(what, True, "it answers, and found nothing")
    if "destination" in facts:
        return _of_health(what, facts["destination"], runs=evidence.release is not None)
    missing = [name for name, fact in facts.items() if fact is None]
    found = f"it answers, about {evidence.release}" if evidence.release else "it answers"
    return Check(what, True, found + (f"; looked for and not found: {', '.join(missing)}" if missing else ""))


def _of_health(what: str, samples: Any, *, runs: bool) -> Check:
    """What each URL of a lane reports, where that was told in the form that we know; ``runs``: something should."""
    known = [sample for sample in samples if isinstance(sample, Mapping)] if isinstance(samples, list | tuple) else []
    answers = reported(known)
    each = [
        f"{one.url} reports {short(one.revision)}" if one.revision else f"{one.url}: no revision, {brief(one.detail)}"
        for one in answers
    ]
    is_known = bool(answers) and all(one.revision for one in answers)
    remedy = (
        ""
        if is_known
        else "No deploy to this lane is confirmed, and none promoted from it, until each URL reports one."
    )
    return Check(what, True, "; ".join(each) or "no URL of the lane is known", remedy)


def _why_not_looked(evidence: Evidence) -> str:
    if evidence.release is None:
        return "nothing is recorded on this lane, nor comes to it, so there is no release to ask about"
    return f"it asks nobody about this product, or about {evidence.release}"


def _of_answered(what: str, answered: Answered) -> Check:
    remedy = "What needs it fails until that is mended." if answered.wrong else ""
    return Check(what, not answered.wrong, f"{answered.whom}: {answered.wrong or 'well'}", remedy)


def examined_text(
    checks: Sequence[Check], heard: Told, asks: str, doubts: Sequence[tuple[Standing, Sequence[Way]]] = ()
) -> list[Block]:
    """``asks``: who would promote; empty where no promotion was asked about. ``doubts``: lanes with their ways on."""
    rows = [
        ("ok" if check.ok else "not ok", check.what, tuple(filter(None, [check.found, check.remedy])))
        for check in checks
    ]
    text: list[Block] = [Table(rows, indent=0, names=(1,))]
    if heard.promotions:
        text += ["", f"A promotion now, by {asks}:"]
        for what, decision in heard.promotions:
            text += _promotion(what, decision)
    for stands, ways in doubts:
        text += ["", f"{stands.product}/{stands.lane.instance} {_in_doubt(stands)}:", *ways_text(ways)]
    if heard.not_seen:
        text += ["", "Not looked at:", Table([(one.what, one.why) for one in heard.not_seen])]
    return [*text, "", _verdict(checks, heard, len(doubts))]


def _in_doubt(stands: Standing) -> str:
    why = "" if stands.settled else f"is unsettled: {brief(stands.why)}"
    said = ["is held" if stands.held else "", "runs a release that is not out" if stands.due else "", why]
    return "; it ".join(filter(None, said))


def _promotion(what: str, decision: Decision) -> list[Block]:
    if decision.allowed:
        return [f"  {what} would be let through: {admitted(decision)}"]
    source = decision.source.instance if decision.source else ""
    command = f"launchplane-gate check promote {decision.product} --from {source} --to {decision.destination.instance}"
    return [f"  {what} would be refused:", *decision_text(decision, every_rule=False, shows_all=command)]


def _verdict(checks: Sequence[Check], heard: Told, lanes: int) -> str:
    wrong = sum(not check.ok for check in checks)
    refused = sum(not decision.allowed for _, decision in heard.promotions)
    said = [f"{wrong} of {len(checks)} are not ok" if wrong else "All is well"]
    if heard.not_seen and not wrong:
        said[0] += " with what was looked at"
    if refused:
        said.append(f"{count(refused, 'promotion')} would be refused")
    if lanes:
        said.append(f"{count(lanes, 'lane waits', 'lanes wait')} for somebody")
    if heard.not_seen:
        said.append(
            f"{count(len(heard.not_seen), 'thing')} {'was' if len(heard.not_seen) == 1 else 'were'} not looked at"
        )
    return "; ".join(said) + "."
