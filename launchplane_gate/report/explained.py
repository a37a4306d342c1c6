"""A decision explained, as text of 80 columns: rule by rule what did not hold, then what would make it pass.

Commands stand whole, to be pasted; everything else is folded, or cut.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from launchplane_gate.authoring.explain.told import ExplainedRule, Explanation, Expression, Seen, Step, WayOut, Why
from launchplane_gate.model import short, stamp
from launchplane_gate.report.decision import MARKS, way_on
from launchplane_gate.report.text import Block
from launchplane_gate.report.words import brief, count, exact

WIDTH = 80
_FROM, _TO = 946_684_800, 4_102_444_800  # the seconds of this century; what is some 10^9 times that is nanoseconds


def explained_text(told: Explanation, *, saved: bool) -> list[Block]:
    """``saved``: the decision is on record, and not one of a check."""
    text: list[Block] = [_head(told), *_by(told, saved=saved)]
    helped: dict[str, str] = {}
    for rule in sorted(told.rules, key=lambda rule: bool(rule.follows)):  # the causes first
        text += ["", *_rule(rule)]
        if rule.helps:
            first = helped.setdefault(rule.helps.words, rule.code)
            text += (
                _folded(f"helps: the same as of {first}", 2) if first != rule.code else _step(rule.helps, "  helps: ")
            )
    if told.passed:
        text += ["", f"{MARKS['pass']} {count(told.passed, 'other rule' if told.rules else 'rule')} passed"]
    if told.not_explained:
        text += ["", *_why_not(told)]
    elif not told.allowed:
        text += ["", *_ways(told)]
    return text


def _head(told: Explanation) -> str:
    verdict = "Allowed" if told.allowed else "Refused"
    to = told.destination.instance
    what = f"{told.source.instance} -> {to}" if told.source else to
    return f"{verdict}: {told.action} {told.product} {what} ({told.phase})"


def _by(told: Explanation, *, saved: bool) -> Iterator[str]:
    what = f"Decision {told.decision_id} of {told.decided_at[:16]}Z" if saved else "A check: nothing was done"
    then, now = short(told.decided_by), short(told.explained_by)
    if then == now:
        by = f"by the policies {now}"
    elif told.not_explained:
        by = f"by the policies {then}; those of today are {now}"
    else:
        by = f"by the policies {then}; explained by those of today, {now}, which say the same of each rule"
    yield from _folded(f"{what}, {by}.")


def _why_not(told: Explanation) -> Iterator[str]:
    if not told.differs:
        yield from _folded(f"No expression can be named: {told.not_explained}.")
        return
    yield from _folded(f"Not explained: {told.not_explained}, of {', '.join(told.differs)}. What they say:")
    show = f"launchplane-gate decisions show {told.decision_id} --output json"
    yield f"      {show} | jq .input | launchplane-gate check --input - --explain"


def _rule(rule: ExplainedRule) -> Iterator[str]:
    yield f"{MARKS[rule.status]} {rule.code}"
    if rule.why:
        yield from _why(rule.why)
    for said in filter(None, (rule.message, way_on(rule))):
        yield from _folded(brief(said), 4)


def _why(why: Why) -> Iterator[str]:
    if why.error:
        yield from _folded(f"{_at(why.expression)}: {brief(why.error)}", 4)
        return
    yield f"    {_at(why.expression)}"
    yield from _folded(why.expression.text, 6)
    for seen in why.saw:
        yield _seen(seen)
    for place in why.asked_at[:1]:
        if _at(place) != _at(why.expression):
            yield f"      asked at {_at(place)}"


def _at(expression: Expression) -> str:
    """``FILE:LINE``, from here where it stands below."""
    file, here = Path(expression.file), Path.cwd()
    return f"{file.relative_to(here) if file.is_relative_to(here) else file}:{expression.line}"


def _seen(seen: Seen) -> str:
    what = seen.fact or seen.text
    if seen.fact and seen.fact.rpartition(".")[2] != seen.text.rpartition(".")[2]:
        what = f"{seen.text} ({seen.fact})"
    value = "is missing" if seen.missing else f"is {value_text(seen.value)}"
    return _cut(f"        {what} {value}")


def value_text(value: Any) -> str:
    """As JSON, with revisions cut; a moment that is counted in nanoseconds as one."""
    if isinstance(value, int) and not isinstance(value, bool) and _FROM <= value // 10**9 < _TO:
        return stamp(datetime.fromtimestamp(value / 10**9, UTC))[:19] + "Z"
    return exact(json.dumps(value, ensure_ascii=False))


def _ways(told: Explanation) -> Iterator[str]:
    tried = count(told.tried, "thing")
    if not told.ways:
        yield f"What would make it pass: none among {tried} tried."
        return
    yield f"What would make it pass, by asking again ({tried} tried):"
    for number, way in enumerate(told.ways):
        if number:
            yield "  or"
        yield from _way(way)


def _way(way: WayOut) -> Iterator[str]:
    for number, step in enumerate(way.steps):
        yield from _step(step, "  then: " if number else "  - ")
    if way.command and way.steps[-1].commands:
        yield "  then:"
    if way.command:
        yield f"      {way.command}"


def _step(step: Step, mark: str) -> Iterator[str]:
    yield from _folded(f"{mark.strip()} {brief(step.words)}", len(mark) - len(mark.lstrip()), hanging=2)
    for command in step.commands:
        yield f"      {command}"


def _folded(text: str, indent: int = 0, *, hanging: int = 0) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..."
