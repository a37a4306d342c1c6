"""Which Rego tests a bundle has, and whether each is true: shared by loading and by the tools for policy authors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from launchplane_gate.errors import EngineError
from launchplane_gate.policy.bundle.syntax import Parsed, Source
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter

TESTS_TIMEOUT_S = 60.0  # for all of them: they are one question, with a bound of its own


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


def interpreter_of_tests(modules: Iterable[Source], data: Mapping[str, Any]) -> Interpreter:
    """Tests stand in no other interpreter: what decides does not hold them."""
    texts = ((module.path, module.text) for module in modules)
    return Interpreter(texts, data, timeout_s=TESTS_TIMEOUT_S)


def passes(interpreter: Interpreter, test: RegoTest) -> bool:
    """Whether a test is true. Raises EngineError where it is undefined, or ends in an error."""
    return interpreter.value(test.rule, None, read=json.loads) is True


def failing(interpreter: Interpreter, tests: Iterable[RegoTest]) -> list[RegoTest]:
    """The tests that are not true, those to be done left out. All of them are evaluated at once, if that can be."""
    due = [test for test in tests if not test.is_todo]
    try:
        everything = interpreter.value("data.gate_test", None, read=json.loads)
    except EngineError:
        return [test for test in due if not _passes_alone(interpreter, test)]
    return [test for test in due if _at(everything, test.rule) is not True]


def _passes_alone(interpreter: Interpreter, test: RegoTest) -> bool:
    try:
        return passes(interpreter, test)
    except EngineError:
        return False


def _at(everything: Any, rule: str) -> Any:
    for name in rule.split(".")[2:]:
        everything = everything.get(name) if isinstance(everything, dict) else None
    return everything
