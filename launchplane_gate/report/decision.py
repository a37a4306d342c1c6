"""A decision, as text: the rules that refuse come first, each with what it saw and its remedy."""

from __future__ import annotations

from collections.abc import Iterator

from launchplane_gate.authoring.explain.told import ExplainedRule
from launchplane_gate.commands import WHY, command
from launchplane_gate.model import Decision, RuleResult, short
from launchplane_gate.report.text import Block, Cell, Table
from launchplane_gate.report.words import brief, count

MARKS = {"fail": "x", "waived": "w", "pass": "."}  # in the order in which they are shown
ASKED = {
    "standing": "standing: may this one ask this here?",
    "admit": "admit: may it happen?",
    "confirm": "confirm: did it happen, and nothing else?",
}


def decision_text(decision: Decision, *, every_rule: bool, shows_all: str = "--all") -> list[Block]:
    """A table of rules, and what to type where one may be waived.

    Unless all are asked for, only the refusals that follow from no other one are told, and what was waived.
    ``shows_all``: what to type to see the others.
    """
    by_status = {status: [result for result in decision.results if result.status == status] for status in MARKS}
    causes, passed = list(decision.causes), by_status["pass"]
    following = [result for result in by_status["fail"] if result.follows]
    shown = [*causes, *(following if every_rule else ()), *by_status["waived"], *(passed if every_rule else ())]
    text: list[Block] = [Table([_row(decision, result) for result in shown])] if shown else []
    if not every_rule and (rest := _rest(len(causes), len(following), len(passed), others=bool(shown))):
        text.append(f"  {MARKS['pass']}   {rest}   ({shows_all} shows them)")
    return [*text, *_leave(decision)]


def _rest(causes: int, following: int, passed: int, *, others: bool) -> str:
    """``4 more follow from it, 14 other rules passed``."""
    verb = "follows" if following == 1 else "follow"
    follow = f"{following} more {verb} from {'it' if causes == 1 else 'these'}" if following else ""
    good = f"{count(passed, 'other rule' if others else 'rule')} passed" if passed else ""
    return ", ".join(filter(None, [follow, good]))


def _leave(decision: Decision) -> Iterator[str]:
    """Lines: a command must not be folded."""
    waivable = [cause.code for cause in decision.causes if cause.waivable]
    if waivable and decision.release:
        yield ""
    for code in waivable:
        yield f"  have {code} waived (why, and for how long, is yours to say):"
        yield f"    {requesting(decision, code)}"


def requesting(decision: Decision, code: str) -> str:
    """The command that asks for leave to pass a rule, for two hours; why is its reader's to say."""
    assert decision.release
    lane = f"{decision.product}/{decision.destination.instance}"
    artifact, ref = decision.release.artifact_id, decision.release.source_git_ref
    return command("waiver", "request", code, lane=lane, artifact=artifact, ref=ref, reason=WHY, expires="2h")


def waived_text(decision: Decision) -> list[Block]:
    """What was waived, by whom and why; nothing where nothing was."""
    rows = [_row(decision, result) for result in decision.results if result.status == "waived"]
    return ["", Table(rows)] if rows else []


def _row(decision: Decision, result: RuleResult) -> tuple[str, str, Cell]:
    mark, said = MARKS[result.status], brief(result.message)
    if result.status == "pass":
        return mark, result.code, result.title
    if result.status == "waived":
        used = (waiver for waiver in decision.waivers if waiver.waiver_id == result.waiver_id)
        why = "".join(f", approved by {waiver.approved_by}: {waiver.reason}" for waiver in used)
        return mark, result.code, tuple(filter(None, [f"Waived by {result.waiver_id}{why}", said]))
    return mark, result.code, tuple(filter(None, [said, way_on(result)]))


def way_on(result: RuleResult | ExplainedRule) -> str:
    """What to do where a rule refuses; of one that follows from others, that is what they say."""
    return f"Follows from {' and '.join(result.follows)}." if result.follows else result.remedy


def what(decision: Decision) -> str:
    """``sellyouroutboard testing -> prod``; ``sellyouroutboard testing, release 41620cf`` for a deploy.

    ``sellyouroutboard prod, back to 215f71b`` for a rollback.
    """
    to = decision.destination.instance
    if decision.source:
        return f"{decision.product} {decision.source.instance} -> {to}"
    said = "back to" if decision.action == "rollback" else "release"
    return f"{decision.product} {to}" + (f", {said} {decision.release}" if decision.release else "")


def admitted(decision: Decision) -> str:
    """``16 of 16 rules``, and how many of them were waived."""
    waived = sum(result.status == "waived" for result in decision.results)
    good = len(decision.results) - len(decision.refusals)
    return f"{good} of {count(len(decision.results), 'rule')}" + (f", {waived} waived" if waived else "")


def engine_line(decision: Decision) -> str:
    return f"policy {short(decision.policy_revision)} on {decision.engine}"


def refused_text(action: str, decision: Decision) -> list[Block]:
    """A request that is no run, and that was refused."""
    return [
        f"Refused: to {action} on {decision.destination}. Nothing was done.",
        "",
        *decision_text(decision, every_rule=False),
        "",
        on_record(decision),
    ]


def on_record(decision: Decision) -> str:
    """Under which id a refusal can be read again; of too many of them in an hour only the number is kept."""
    if not decision.decision_id:
        return f"{engine_line(decision).capitalize()}. This refusal is only counted, or there is no ledger to keep it."
    return (
        f"Decision {decision.decision_id}, {engine_line(decision)}. "
        f"Why in full: launchplane-gate decisions explain {decision.decision_id}"
    )


def checked_line(decision: Decision) -> str:
    return f"{_verdict(decision)}: {decision.action} {what(decision)}. This was a check: nothing was done."


def checked_text(decision: Decision) -> list[Block]:
    """The answer of ``check``, which saves nothing."""
    return [
        checked_line(decision),
        "",
        *decision_text(decision, every_rule=True),
        "",
        f"{admitted(decision)} passed, {engine_line(decision)}.",
    ]


def saved_text(
    decision: Decision, run_id: str, repeats: int = 0, *, input_is: str = "--output json shows it"
) -> list[Block]:
    """A decision of the ledger, in full; ``repeats``: how often the same was refused again within its hour.

    ``input_is``: where what it was made on can be seen.
    """
    actor, release = decision.actor, decision.release
    facts = [
        ("asked", ASKED[decision.phase]),
        ("mode", "observe: nothing was refused" if decision.mode == "observe" else decision.mode),
        ("by", actor.subject + (f", verified by {actor.verified_by}" if actor.verified_by else "")),
        ("at", decision.decided_at),
        ("commit", release.source_git_ref if release else "none"),
        ("artifact", release.artifact_id if release else "none"),
        ("policy", f"{decision.policy_revision}, on {decision.engine}"),
        ("input", f"sha256 {decision.input_digest} ({input_is})"),
        *([("trace", decision.trace)] if decision.trace else []),
        *([("run", run_id)] if run_id.startswith("r-") else []),
        *([("repeated", f"{count(repeats, 'time')} within that hour")] if repeats else []),
    ]
    return [
        f"{decision.decision_id}  {_verdict(decision)}: {decision.action} {what(decision)}",
        Table(facts),
        "",
        *decision_text(decision, every_rule=True),
    ]


def _verdict(decision: Decision) -> str:
    if decision.allowed:
        return "Allowed"
    return "Would be refused, and is only observed" if is_overlooked(decision) else "Refused"


def is_overlooked(decision: Decision) -> bool:
    """Whether a decision that refuses keeps nothing from happening. What is confirmed is held to it in any mode."""
    return not decision.allowed and decision.mode == "observe" and decision.phase != "confirm"
