"""Which Rego tests a bundle has, and whether each is true: shared by loading and by the tools for policy authors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from launchplane_gate.errors import EngineError
from launchplane_gate.policy.bundle.form import BadForm
from launchplane_gate.policy.bundle.syntax import Finding, Parsed, Source
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from launchplane_gate.policy.engines.embedded.worker import Worker
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Unanswered, Undefined

_PLACE = re.compile(r"\((?P<path>[^()\s]+\.rego):(?P<line>\d+)\)")


class NoAnswer(BadForm):
    """A test that the engine was stopped at; the fault may be in whatever it asks."""


@dataclass(frozen=True)
class RegoTest:
    """``path`` is that of the module in its bundle, ``file`` the same for people."""

    package: str
    name: str
    path: str
    file: str
    line: int

    @property
    def rule(self) -> str:
        return f"data.{self.package}.{self.name}"

    @property
    def is_todo(self) -> bool:
        return self.name.startswith("todo_")


def find_tests(modules: Iterable[Parsed]) -> tuple[RegoTest, ...]:
    """Every ``test_*`` and ``todo_test_*``, once each, in the order of the files."""
    found: dict[str, RegoTest] = {}
    for module in modules:
        if module.source.is_test:
            for rule in module.rules:
                if rule.name.startswith(("test_", "todo_test_")):
                    source = module.source
                    test = RegoTest(module.package, rule.name, source.path, source.file, rule.line)
                    found.setdefault(test.rule, test)
    return tuple(found.values())


def interpreter_of_tests(
    modules: Iterable[Source], data: Mapping[str, Any], *, by: Worker | None = None
) -> Interpreter:
    """Tests stand in no other interpreter: what decides does not hold them."""
    return Interpreter(((module.path, module.text) for module in modules), data, by=by)


def passes(interpreter: Interpreter, test: RegoTest) -> bool:
    """Whether a test is true. Raises EngineError where it is undefined, ends in an error, or does not end in time."""
    return interpreter.value(test.rule, None, read=json.loads) is True


def failing(interpreter: Interpreter, tests: Iterable[RegoTest]) -> list[RegoTest]:
    """The tests that are not true, those to be done left out; each package is one question, if that can be.

    Raises NoAnswer for the first test that gives no answer in time: after that, nothing more is asked.
    """
    tests = tuple(tests)
    false: set[str] = set()
    for package, due in _by_package(test for test in tests if not test.is_todo):
        try:
            values = interpreter.value(f"data.{package}", None, read=json.loads)
        except EngineError:
            false.update(test.rule for test in due if not _passes_alone(interpreter, test))
        else:
            false.update(test.rule for test in due if values.get(test.name) is not True)
    return [test for test in tests if test.rule in false]


def _by_package(tests: Iterable[RegoTest]) -> list[tuple[str, list[RegoTest]]]:
    """Those of rules come first: where a rule does not end, its own test is the one to name."""
    packages: dict[str, list[RegoTest]] = {}
    for test in tests:
        packages.setdefault(test.package, []).append(test)
    return sorted(packages.items(), key=lambda package: not package[0].startswith("gate_test.rules."))


def _passes_alone(interpreter: Interpreter, test: RegoTest) -> bool:
    try:
        return passes(interpreter, test)
    except (Undefined, EvaluationFailed):
        return False
    except Unanswered as error:
        message = f"{test.name} gives no answer: {error}"
        raise NoAnswer(
            [Finding(test.file, test.line, message, "Make what it tests end, whatever it is asked.")]
        ) from None


def why_failing(interpreter: Interpreter, modules: Iterable[Source], tests: Iterable[RegoTest]) -> list[Finding]:
    """A finding for each test that fails; for several that end in one error, a single one, where that is."""
    known = tuple(modules)
    findings: dict[tuple[str, int], Finding] = {}
    for test in tests:
        file, line, message = test.file, test.line, f"{test.name} does not hold"
        try:
            passes(interpreter, test)
        except EvaluationFailed as error:
            place, row = place_of(error, known)
            if place:
                message = f"{error}; so {test.name} ({test.file}:{test.line}) does not hold"
                file, line = place, row
        except EngineError:
            pass  # it is told of itself
        remedy = f"See what it saw: launchplane-gate policy test --only {test.name}"
        findings.setdefault((file, line), Finding(file, line, message, remedy))
    return list(findings.values())


def place_of(error: EngineError, modules: Iterable[Source]) -> tuple[str, int]:
    """The file and the line that an engine's error names; no file where it names none."""
    found = _PLACE.search(str(error))
    files = {module.path: module.file for module in modules}
    return (files.get(found["path"], ""), int(found["line"])) if found else ("", 1)
