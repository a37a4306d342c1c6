"""Running a bundle's Rego tests, as ``opa test`` would and does, and telling what a failing one saw."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from queue import Empty, SimpleQueue

from launchplane_gate.authoring.failing_statement import what_it_saw
from launchplane_gate.authoring.only import Only
from launchplane_gate.authoring.opa_tests import Opa, OpaResult, Verdict
from launchplane_gate.errors import EngineError, PolicyError
from launchplane_gate.policy.bundle.load import Bundle
from launchplane_gate.policy.bundle.rego_tests import RegoTest, interpreter_of_tests, passes
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from launchplane_gate.policy.engines.embedded.worker import Worker, shared
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Undefined

ALL = Only()
MANY = 100  # tests; a process of the engine starts and reads the policies in the time of some dozens
MOST_UNANSWERED = 3  # tests; each takes until the engine is stopped


@dataclass(frozen=True)
class TestResult:
    """``line`` is that of the test or, where it failed, of the statement that did not hold; ``saw`` says why not.

    ``path`` is the file as people name it. A ``todo_test_*`` is skipped, and is no failure. ``engines`` holds what each
    engine that was asked says of the test: only where all of them pass it, it ``passed``. ``duration_s`` is that of the
    embedded one.
    """

    __test__ = False  # not one of pytest's

    name: str
    path: str
    line: int
    passed: bool
    skipped: bool
    saw: str
    duration_s: float
    engines: Mapping[str, Verdict | None]


def run_rego_tests(bundle: Bundle, only: Only = ALL, opa: Opa | None = None) -> list[TestResult]:
    """Run the tests that are asked for; on OPA too, where there is one.

    Raises PolicyError where the bundle has none, or where OPA does not take the policies; EngineError where OPA cannot
    be asked.
    """
    if not bundle.tests:
        raise PolicyError("the bundle has no Rego tests")
    chosen = [test for test in bundle.tests if only.takes(_name(test.rule))]
    if opa is None:
        return list(_results(bundle, chosen, at_once=2))
    with ThreadPoolExecutor(1) as beside:  # it is another process, and waits for nothing of ours
        asked = beside.submit(opa.test, bundle)
        results = list(_results(bundle, chosen, at_once=1))
        on_opa = asked.result()
    known = {test.rule for test in bundle.tests}
    strangers = {rule: said for rule, said in on_opa.items() if rule not in known and only.takes(_name(rule))}
    compared = [_compared(result, on_opa.get(f"data.{result.name}"), opa) for result in results]
    return [*compared, *_only_on_opa(bundle, strangers, opa)]


def _name(rule: str) -> str:
    return rule.removeprefix("data.")


def _results(bundle: Bundle, tests: Sequence[RegoTest], *, at_once: int) -> Iterator[TestResult]:
    interpreter, unanswered = interpreter_of_tests(bundle.modules, bundle.data), 0
    held = _held(bundle, tests, at_once)
    for test in tests:
        started = time.perf_counter()
        if test.is_todo:
            yield _result(test, "todo")
        elif test.rule in held:
            yield replace(_result(test, "pass"), duration_s=held[test.rule])
        elif unanswered == MOST_UNANSWERED:
            yield _result(test, "fail", f"was not run, after {unanswered} tests that gave no answer")
        else:
            try:
                passed, why = passes(interpreter, test), ""
            except (Undefined, EvaluationFailed):
                passed, why = False, ""
            except EngineError as error:  # what it saw would take as long
                passed, why = False, f"gives no answer: {error}"
                unanswered += 1
            duration_s = time.perf_counter() - started
            line, saw = (test.line, why) if passed or why else what_it_saw(bundle, test)
            yield replace(_result(test, "pass" if passed else "fail", saw), line=line, duration_s=duration_s)


def _held(bundle: Bundle, tests: Sequence[RegoTest], at_once: int) -> dict[str, float]:
    """The tests that hold where all of their package are asked at once, each with its share of the time.

    That takes half of what asking them one by one does. Whatever is not told so is asked alone. ``at_once``: processes
    of the engine; few tests need one.
    """
    due: SimpleQueue[list[RegoTest]] = SimpleQueue()
    for _, package in groupby((test for test in tests if not test.is_todo), lambda test: test.package):
        due.put(list(package))
    held: dict[str, float] = {}
    if at_once == 1 or len(tests) < MANY:
        _hold(interpreter_of_tests(bundle.modules, bundle.data), due, held)
        return held
    more = Worker(shared().bounds)
    with ThreadPoolExecutor(1) as beside:
        try:
            done = beside.submit(_hold, interpreter_of_tests(bundle.modules, bundle.data, by=more), due, held)
            _hold(interpreter_of_tests(bundle.modules, bundle.data), due, held)
            done.result()
        finally:
            more.stop()
    return held


def _hold(interpreter: Interpreter, due: SimpleQueue[list[RegoTest]], held: dict[str, float]) -> None:
    """Ask the packages that are due, until there are none."""
    with suppress(Empty):
        while rules := due.get_nowait():
            started = time.perf_counter()
            try:
                values = interpreter.value(f"data.{rules[0].package}", None, read=json.loads)
            except (Undefined, EvaluationFailed):
                continue
            except EngineError:  # it was stopped: the others may not end either
                break
            share = (time.perf_counter() - started) / len(rules)
            held |= {test.rule: share for test in rules if values.get(test.name) is True}


def _result(test: RegoTest, verdict: Verdict, saw: str = "") -> TestResult:
    return TestResult(
        name=_name(test.rule),
        path=test.file,
        line=test.line,
        passed=verdict == "pass",
        skipped=verdict == "todo",
        saw=saw,
        duration_s=0,
        engines={"embedded": verdict},
    )


def _compared(result: TestResult, on_opa: OpaResult | None, opa: Opa) -> TestResult:
    """The result with what OPA says of the same test. Where the two differ, the test failed."""
    embedded = result.engines["embedded"]
    said = on_opa.verdict if on_opa else None
    both = replace(result, engines={"embedded": embedded, "opa": said})
    if said == embedded:
        return both
    why = result.saw or (on_opa.why if on_opa else "")
    saw = f"the engines differ: the embedded one says {embedded}, OPA {opa.version} says {said or 'nothing'}"
    line = on_opa.line if on_opa and not result.saw else result.line
    return replace(both, line=line, passed=False, skipped=False, saw=f"{saw}; {why}" if why else saw)


def _only_on_opa(bundle: Bundle, strangers: Mapping[str, OpaResult], opa: Opa) -> Iterator[TestResult]:
    """What OPA takes for a test and the gate does not."""
    files = {module.path: module.file for module in bundle.modules}
    for rule, said in strangers.items():
        yield TestResult(
            name=_name(rule),
            path=files.get(said.path, said.path),
            line=said.line,
            passed=False,
            skipped=False,
            saw=f"the engines differ: for the gate this is no test, OPA {opa.version} says {said.verdict}",
            duration_s=0,
            engines={"embedded": None, "opa": said.verdict},
        )
