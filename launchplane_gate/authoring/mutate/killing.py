"""Putting the tests to one mutant after the other, until one of them does not hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from launchplane_gate.authoring.mutate.mutants import Mutant
from launchplane_gate.authoring.mutate.reach import Reach
from launchplane_gate.policy.bundle.form import check_form
from launchplane_gate.policy.bundle.rego_tests import RegoTest
from launchplane_gate.policy.bundle.syntax import parse
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter, NotRego
from launchplane_gate.policy.engines.embedded.worker import Worker
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Unanswered, Undefined

Fate = Literal["killed", "stopped", "not viable", "survived"]
"""``stopped``: a test gave no answer in time, which is no pass. ``not viable``: the gate would not load it."""


class Killing:
    """The packages of tests that can notice some mutants; those tests come first that noticed the most of them."""

    def __init__(self, reach: Reach, packages: Sequence[str], engine: Worker, *, timeout_s: float) -> None:
        self._reach, self._packages = reach, packages
        self._engine, self._timeout_s = engine, timeout_s
        self._noticed: dict[RegoTest, int] = {}

    def of_module(self, mutant: Mutant, package: str) -> Fate:
        """The fate of a mutant of a module. Raises EngineError where the engine cannot be had."""
        fate = self._fate({mutant.source.path: mutant.text}, self._reach.bundle.data)
        if fate == "survived":
            return fate if self._loads(mutant, package) else "not viable"
        if fate == "broken":
            return "killed" if _parses(mutant) else "not viable"
        return fate

    def of_config(self, data: Mapping[str, Any]) -> Fate:
        """The fate of a configuration. Raises EngineError where the engine cannot be had."""
        fate = self._fate({}, data)
        return "killed" if fate == "broken" else fate

    def _fate(self, texts: Mapping[str, str], data: Mapping[str, Any]) -> Fate | Literal["broken"]:
        """``broken``: it ended in an error, as what does not parse does, too."""
        for tests in self._packages:
            sources = self._reach.sources(self._reach.closure(tests))
            modules = [(one.path, texts.get(one.path, one.text)) for one in sources]
            interpreter = Interpreter(modules, data, timeout_s=self._timeout_s, by=self._engine)
            for test in self._in_turn(self._reach.tests[tests]):
                try:
                    if interpreter.value(test.rule, None, read=json.loads) is True:
                        continue
                    fate: Fate | Literal["broken"] = "killed"
                except Undefined:
                    fate = "killed"
                except EvaluationFailed:
                    fate = "broken"
                except Unanswered:
                    return "stopped"
                self._noticed[test] = self._noticed.get(test, 0) + 1
                return fate
        return "survived"

    def _in_turn(self, tests: Iterable[RegoTest]) -> list[RegoTest]:
        return sorted(tests, key=lambda test: -self._noticed.get(test, 0))

    def _loads(self, mutant: Mutant, package: str) -> bool:
        """Whether the gate would take its form, which refuses much of what no test could tell from the original."""
        if not _parses(mutant):
            return False
        changed = parse(mutant.mutated)
        return not check_form([changed if one.package == package else one for one in self._reach.around(package)])


def _parses(mutant: Mutant) -> bool:
    try:
        parse(mutant.mutated)
    except NotRego:
        return False
    return True
