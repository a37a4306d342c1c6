"""Writing a case of a decision on record: cut down, read again, and run before anybody is given it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launchplane_gate.authoring.cases.asking import Embedded, came_of
from launchplane_gate.authoring.cases.case import Case
from launchplane_gate.authoring.cases.form import Result
from launchplane_gate.authoring.cases.questions import Good, good_questions
from launchplane_gate.authoring.cases.reading import meant, policies_of, read_text
from launchplane_gate.authoring.cases.recorded import Cut, base_for, cut
from launchplane_gate.authoring.cases.running import run_cases
from launchplane_gate.authoring.cases.written import SCHEMA, as_text, value_text
from launchplane_gate.authoring.changes import MISSING, dotted, facts_in
from launchplane_gate.authoring.schema import Schema
from launchplane_gate.errors import GateError, RequestError
from launchplane_gate.model import Decision, Waiver
from launchplane_gate.moments import unstamp
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.files import CASES


@dataclass(frozen=True)
class Left:
    """A text of the decision's own that is in the case, since it matters there."""

    path: str
    line: int
    text: str


@dataclass(frozen=True)
class Otherwise:
    """A rule of which another thing comes by today's policies."""

    code: str
    was: str
    now: str


@dataclass(frozen=True)
class Made:
    """``differed``: in how many facts the decision's input was another than the base; ``stated``: how many matter."""

    text: str
    case: Case
    differed: int
    stated: int
    left: tuple[Left, ...]
    otherwise: tuple[Otherwise, ...]


def case_of(
    bundle: Bundle,
    authoring: Schema,
    decision: Decision,
    question: Mapping[str, Any],
    offered: tuple[Waiver, ...],
    *,
    file: Path | None,
    base: str | None,
    progress: Callable[[str], None],
) -> Made:
    """The case of a decision, as today's policies decide it. Raises RequestError."""
    folder = folder_of(bundle, file)
    good = good_questions(bundle)
    name = base or base_for(good.questions, question)
    if name not in good.questions:
        raise RequestError(f"there is no question {name!r}", hint=f"Nothing was written. {meant(name, good.questions)}")
    policies = policies_of(bundle, folder, good)
    found = cut(policies, (name, good.questions[name]), question, offered, progress)
    target = file or bundle.folders[folder].path / CASES / f"{decision.decision_id.lower()}.yaml"

    def read(rules: Mapping[str, Result]) -> Case:
        return read_text(bundle, authoring, _text(found, decision, rules, target), target, folder)

    came = came_of(read(_refusing(found)), Embedded())  # a refusal names a rule, so that some are before they are known
    rules = {code: result for code, (result, _) in came.items() if result != "satisfied"}
    case = read(rules)
    [ran] = run_cases([case])
    if not ran.passed:
        raise GateError(f"the case does not hold, which is a fault of ours: {ran.saw}", hint="Nothing was written.")
    text = _text(found, decision, rules, target)
    return Made(
        text, case, found.differed, len(found.facts), tuple(_left(case, good, name)), tuple(_otherwise(decision, found))
    )


def folder_of(bundle: Bundle, file: Path | None) -> int:
    """The folder of policies that a case belongs to: the one that it stands in, else the last."""
    for index, folder in enumerate(bundle.folders):
        if file and file.absolute().is_relative_to((folder.path / CASES).absolute()):
            return index
    return len(bundle.folders) - 1


def shown(name: str, question: Mapping[str, Any]) -> str:
    """A good question whole: what a case that starts from it starts with."""
    facts = [f"  {dotted(path)}: {value_text(fact)}" for path, fact in facts_in(question) if not _has_parts(fact)]
    return "\n".join([f"# the facts of the base {name}", "facts:", *facts])


def _has_parts(fact: Any) -> bool:
    return isinstance(fact, Mapping | list) and bool(fact)


def _refusing(found: Cut) -> dict[str, Result]:
    return {code: "not satisfied" for code, status in found.statuses.items() if status == "fail"}


def _text(found: Cut, decision: Decision, rules: Mapping[str, Result], file: Path) -> str:
    refusing = [code for code, status in found.statuses.items() if status == "fail"]
    said = f"refused by {refusing[0]}" if refusing else "allowed"
    more = f" and {len(refusing) - 1} more" if len(refusing) > 1 else ""
    return as_text(
        f"{decision.decision_id}, {decision.action} {decision.phase}: {said}{more}",
        found.base,
        at=found.at,
        facts=found.facts,
        waivers=found.waivers,
        rules=rules,
        allowed=not refusing,
        schema=schema_for(file),
    )


def schema_for(file: Path) -> str:
    """Where the schema of a case stands for a file: in the folder of cases, else beside it."""
    above = [parent.name for parent in file.absolute().parents]
    depth = above.index(CASES) if CASES in above else 0
    return "../" * depth + SCHEMA


def _left(case: Case, good: Good, base: str) -> Iterator[Left]:
    """Texts that the base has nowhere: names, addresses and reasons of the decision's own."""
    known = {fact for _, fact in facts_in(good.questions[base]) if isinstance(fact, str)}
    for stated in case.stated:
        if stated.value is MISSING:
            continue
        for _, fact in [((), stated.value), *facts_in(stated.value)]:
            if isinstance(fact, str) and fact not in known and unstamp(fact) is None:
                yield Left(dotted(stated.path), stated.line, fact)
    for waiver in case.said.waivers:
        for path, fact in facts_in(waiver.model_dump(mode="json", exclude_unset=True)):
            if isinstance(fact, str) and path[0] != "rule" and unstamp(fact) is None:
                yield Left(f"waivers: {dotted(path)}", case.lines["expect"], fact)


def _otherwise(decision: Decision, found: Cut) -> Iterator[Otherwise]:
    before = {one.code: one.status for one in decision.results}
    for code in dict.fromkeys((*before, *found.statuses)):
        was, now = before.get(code, "not asked"), found.statuses.get(code, "not asked")
        if was != now:
            yield Otherwise(code, was, now)
