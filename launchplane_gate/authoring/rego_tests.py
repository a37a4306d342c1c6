"""Running a bundle's Rego tests, as ``opa test`` would, and telling what a failing one saw."""

from __future__ import annotations

import time
from dataclasses import dataclass

from launchplane_gate.authoring.failing_statement import what_it_saw
from launchplane_gate.errors import EngineError, PolicyError
from launchplane_gate.policy.bundle import Bundle
from launchplane_gate.policy.interpreter import Interpreter
from launchplane_gate.policy.rego_tests import RegoTest, interpreter_of_tests, passes


@dataclass(frozen=True)
class TestResult:
    """``line`` is that of the test or, where it failed, of the statement that did not hold; ``saw`` says why not.

    ``path`` is the file as people name it. A ``todo_test_*`` is skipped, and is no failure.
    """

    __test__ = False  # not one of pytest's

    name: str
    path: str
    line: int
    passed: bool
    skipped: bool
    saw: str
    duration_s: float


def run_rego_tests(bundle: Bundle, only: str | None = None) -> list[TestResult]:
    """Run the tests, or those that have ``only`` in their full name. Raises PolicyError where that leaves none."""
    chosen = [test for test in bundle.tests if only is None or only in test.rule]
    if not chosen:
        raise PolicyError("the bundle has no Rego tests" if only is None else f"no Rego test is called {only!r}")
    interpreter = interpreter_of_tests(bundle.modules, bundle.data)
    return [_run(bundle, interpreter, test) for test in chosen]


def _run(bundle: Bundle, interpreter: Interpreter, test: RegoTest) -> TestResult:
    started, passed, line, saw = time.perf_counter(), False, test.line, ""
    if not test.is_todo:
        try:
            passed = passes(interpreter, test)
        except EngineError:
            passed = False
    duration_s = time.perf_counter() - started
    if not passed and not test.is_todo:
        line, saw = what_it_saw(bundle, test)
    return TestResult(
        name=test.rule.removeprefix("data."),
        path=test.file,
        line=line,
        passed=passed,
        skipped=test.is_todo,
        saw=saw,
        duration_s=duration_s,
    )
