"""What became of proposals, as text of 80 columns: the refusals first, then what nobody could observe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from textwrap import wrap

from launchplane_gate.authoring.proposals.deciding import Checked
from launchplane_gate.model import RuleResult, unstamp
from launchplane_gate.report.decision import engine_line, is_overlooked, way_on
from launchplane_gate.report.words import brief, count

WIDTH = 80
WORDS = {"allowed": "Allowed", "denied": "Refused", "not known": "Not known"}


def proposals_text(checked: Sequence[Checked], *, every_rule: bool, now: datetime) -> list[str]:
    """``every_rule``: else the refusals that follow from no other one, and how many rules passed."""
    told: list[str] = []
    for one in checked:
        told += [*_one(one, every_rule=every_rule, now=now), ""]
    return [*told, *_wrapped(f"{_counted(checked)}. This was a check: nothing was done.", "")]


def headline(checked: Sequence[Checked], now: datetime) -> str:
    """What came of all of them, and as of when."""
    times = dict.fromkeys(as_of(one.as_of, now) for one in checked if one.as_of)
    return ", ".join([_counted(checked), *times])


def as_of(moment: str | None, now: datetime) -> str:
    """``as of 14:02 UTC``, with the day where that is another than today; empty for what was seen just now."""
    at = unstamp(moment) if moment else None
    if at is None:
        return ""
    day = "" if at.date() == now.astimezone(UTC).date() else f"{at:%Y-%m-%d} "
    return f"as of {day}{at:%H:%M} UTC"


def _one(one: Checked, *, every_rule: bool, now: datetime) -> Iterator[str]:
    overlooked = one.decision is not None and is_overlooked(one.decision)
    verdict = "Would be refused, and is only observed" if overlooked else WORDS[one.status]
    release = f", release {one.release}" if one.release else ""
    what = f"{one.product} {one.source} -> {one.destination}{release}"
    yield from _wrapped(f"{one.file}:{one.line}: {verdict}: {what}", "    ")
    yield from _indented(one.detail)
    refused = {result.code for result in one.refusals}
    following = [result for result in one.refusals if refused.intersection(result.follows)]
    causes = [result for result in one.refusals if result not in following]
    for result in [*causes, *(following if every_rule else ())]:
        yield from _rule(one, result)
    if following and not every_rule:
        yield f"  . {count(len(following), 'more follows', 'more follow')} from that (--all shows them)"
    yield from _not_known(one)
    if one.decision:
        yield from _rest(one, every_rule=every_rule)
    yield from _indented("; ".join(filter(None, [as_of(one.as_of, now), *_asked(one)])))


def _rule(one: Checked, result: RuleResult) -> Iterator[str]:
    yield f"  x {result.code} (line {one.lines.get(result.code, one.line)})"
    for text in (result.message, way_on(result)):
        yield from _indented(text)


def _not_known(one: Checked) -> Iterator[str]:
    """Each reason once, with what it keeps from being seen, and the rules that rest on that."""
    whys = dict.fromkeys(fact.why for fact in one.not_known if fact.rules)
    for why in whys:
        facts = [fact for fact in one.not_known if fact.rules and fact.why == why]
        codes = dict.fromkeys(code for fact in facts for code in fact.rules)
        yield from _wrapped(f"  ? not known: {', '.join(fact.what for fact in facts)}", "    ")
        yield from _indented(why)
        yield from _indented(f"so it is open what these say: {', '.join(codes)}")


def _rest(one: Checked, *, every_rule: bool) -> Iterator[str]:
    assert one.decision
    good = [result for result in one.decision.results if result.status != "fail"]
    if every_rule:
        for result in good:
            mark = "w" if result.status == "waived" else "."
            waived = f" (waived by {result.waiver_id})" if result.waiver_id else ""
            yield from _wrapped(f"  {mark} {result.code}{waived}: {result.title}", "    ")
    elif good:
        others = "other rule" if len(good) < len(one.decision.results) else "rule"
        yield f"  . {count(len(good), others)} passed (--all shows them)"


def _asked(one: Checked) -> list[str]:
    """By whom, and of whom."""
    if one.decision is None:
        return []
    actor = one.decision.actor
    verified = f", verified by {actor.verified_by}" if actor.verified_by else ""
    return [f"asked by {actor.subject}{verified}", engine_line(one.decision)]


def _counted(checked: Sequence[Checked]) -> str:
    """``1 of 3 proposals is allowed, 2 are refused``."""
    found = [one.status for one in checked]
    parts = [
        f"{found.count('allowed')} of {count(len(found), 'proposal')} allowed",
        *([f"{found.count('denied')} refused"] if "denied" in found else []),
        *([f"{found.count('not known')} not known"] if "not known" in found else []),
    ]
    return ", ".join(parts)


def _indented(text: str) -> list[str]:
    return _wrapped(f"    {brief(text)}", "    ") if text else []


def _wrapped(text: str, later: str) -> list[str]:
    return wrap(brief(text), WIDTH, subsequent_indent=later, break_long_words=False, break_on_hyphens=False)
