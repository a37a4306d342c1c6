"""Running cases, on both engines where OPA is at hand, and telling of a failing one which fact decided."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence

from launchplane_gate.authoring.cases.asking import Came, Embedded, came_of
from launchplane_gate.authoring.cases.case import Case
from launchplane_gate.authoring.cases.on_opa import OnOpa
from launchplane_gate.authoring.cases.paths import Stated
from launchplane_gate.authoring.changes import MISSING, at, dotted
from launchplane_gate.authoring.opa_tests import Opa, Verdict
from launchplane_gate.authoring.rego_tests import TestResult
from launchplane_gate.errors import EngineError

MOST_TOLD = 3  # of the rules of one case, and of the facts of one rule
LONGEST = 100  # of a value


def run_cases(cases: Sequence[Case], opa: Opa | None = None) -> list[TestResult]:
    """What came of each case. Raises EngineError where OPA cannot be asked at all."""
    embedded = Embedded()
    on_opa = OnOpa(opa, cases) if opa and cases else None
    return [_run(case, embedded, on_opa) for case in cases]


def _run(case: Case, embedded: Embedded, on_opa: OnOpa | None) -> TestResult:
    started = time.perf_counter()
    verdicts: dict[str, Verdict | None] = {}
    wrong: list[tuple[int, str]] = []
    came: Came | None = None
    try:
        came = came_of(case, embedded)
        wrong = list(_wrong(case, came, embedded))
    except EngineError as error:
        wrong = [(case.lines["expect"], f"gives no answer: {error}")]
    verdicts["embedded"] = "fail" if wrong else "pass"
    if on_opa:
        differs = list(_differences(case, came, on_opa))
        verdicts["opa"] = "fail" if differs or wrong else "pass"
        wrong += differs
    return TestResult(
        name=case.full_name,
        path=case.file,
        line=min((line for line, _ in wrong), default=case.lines["expect"]),
        passed=not wrong,
        skipped=False,
        saw=_in_short([told for _, told in wrong]),
        duration_s=time.perf_counter() - started,
        engines=verdicts,
    )


def _in_short(told: list[str]) -> str:
    more = f"; and {len(told) - MOST_TOLD} more" if len(told) > MOST_TOLD else ""
    return "; ".join(told[:MOST_TOLD]) + more


def _wrong(case: Case, came: Came, embedded: Embedded) -> Iterator[tuple[int, str]]:
    """Each rule that another thing came of than the case expects, with its line."""
    for code, expected in case.expected.items():
        result, message = came[code]
        if result != expected:
            said = f": {message}" if message else ""
            decided = _decided_by(case, code, result, embedded)
            yield case.line_of(code), f"{code} was to be {expected}, and is {result}{said.rstrip('.')}; {decided}"


def _differences(case: Case, came: Came | None, on_opa: OnOpa) -> Iterator[tuple[int, str]]:
    try:
        there = came_of(case, on_opa)
    except EngineError as error:
        yield case.lines["expect"], f"OPA {on_opa.version} gives no answer: {error}"
        return
    for code, (result, _) in (came or {}).items():
        if there[code][0] != result:
            said = f"the embedded one says {result}, OPA {on_opa.version} says {there[code][0]}"
            yield case.line_of(code), f"{code}: the engines differ: {said}"


def _decided_by(case: Case, code: str, result: str, embedded: Embedded) -> str:
    """The facts of the case that, left as they were, would each change what came of a rule."""
    deciding = [one for one in case.stated if _changes(case, one, code, result, embedded)]
    if deciding:
        return "decided by " + ", and by ".join(_told(case, one) for one in deciding[:MOST_TOLD])
    base = came_of(case, embedded, case.stated).get(code)
    if base and base[0] == result:
        return f"nothing that the case states decides it: of {case.said.base} the same comes"
    return "no single fact of the case decides it, but several of them do"


def _changes(case: Case, fact: Stated, code: str, result: str, embedded: Embedded) -> bool:
    try:
        came = came_of(case, embedded, [fact])
    except EngineError:  # without it, it is no question
        return False
    return code in came and came[code][0] != result


def _told(case: Case, fact: Stated) -> str:
    where = f"line {fact.line}" if fact.file == case.file else f"{fact.file}:{fact.line}"
    before = at(case.question([fact]), fact.path)
    is_now = "is missing" if fact.value is MISSING else f"is {_short(fact.value)}"
    was = "missing" if before is MISSING else _short(before)
    return f"{dotted(fact.path)}, which {is_now} ({where}; else it is {was})"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
