"""Which modules a module leads to, by imports and by what it reads: so which tests can notice a change of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from launchplane_gate.policy.bundle.load import Bundle
from launchplane_gate.policy.bundle.rego_tests import RegoTest
from launchplane_gate.policy.bundle.syntax import Parsed, Source


class Reach:
    """Of a bundle whose modules are ``parsed``."""

    def __init__(self, bundle: Bundle, parsed: Iterable[Parsed]) -> None:
        self.bundle = bundle
        self.by_package: Mapping[str, Parsed] = {module.package: module for module in parsed}
        self._closures: dict[str, tuple[str, ...]] = {}

    @cached_property
    def tests(self) -> Mapping[str, tuple[RegoTest, ...]]:
        """The tests that are run, by their package."""
        found: dict[str, list[RegoTest]] = {}
        for test in self.bundle.tests:
            if not test.is_todo:
                found.setdefault(test.package, []).append(test)
        return {package: tuple(tests) for package, tests in found.items()}

    def closure(self, package: str) -> tuple[str, ...]:
        """The packages that a package leads to, itself first."""
        if package not in self._closures:
            seen: dict[str, None] = {}
            waiting = [package]
            while waiting:
                at = waiting.pop()
                if at not in seen:
                    seen[at] = None
                    waiting.extend(sorted(self._next(self.by_package[at])))
            self._closures[package] = tuple(seen)
        return self._closures[package]

    def _next(self, module: Parsed) -> set[str]:
        named = {imported.target.removeprefix("data.") for imported in module.imports} | _named(module)
        return {package for package in self.by_package for name in named if _meets(package, name)}

    def sources(self, packages: Iterable[str]) -> list[Source]:
        return [self.by_package[package].source for package in packages]

    def tests_of(self, package: str) -> list[str]:
        """The packages of tests that lead to a package: what imports it comes first, then what leads to least."""
        found = [tests for tests in self.tests if package in self.closure(tests)]
        return sorted(found, key=lambda tests: (not self._imports(tests, package), len(self.closure(tests)), tests))

    def tests_of_roll_call(self) -> list[str]:
        """The packages of tests that lead to what reads the roll call, in the order of how little they lead to."""
        reading = {name for name, module in self.by_package.items() if _reads_roll_call(module)}
        found = [tests for tests in self.tests if reading.intersection(self.closure(tests))]
        return sorted(found, key=lambda tests: (len(self.closure(tests)), tests))

    def _imports(self, tests: str, package: str) -> bool:
        return any(imported.target == f"data.{package}" for imported in self.by_package[tests].imports)

    def rules_on(self, package: str, codes: Iterable[str]) -> list[str]:
        """Those rules, by their codes, that lead to a package; a rule leads to its own."""
        return [code for code in codes if package in self.closure(f"gate.rules.{code}")]

    def around(self, package: str) -> Iterator[Parsed]:
        """What has to be looked at to check a package: what it leads to, and what rests on it."""
        deciding = [name for name, module in self.by_package.items() if not module.source.is_test]
        resting = [name for name in deciding if name != "gate.decision" and package in self.closure(name)]
        for name in dict.fromkeys(near for rests in resting for near in self.closure(rests)):
            yield self.by_package[name]


def _named(module: Parsed) -> set[str]:
    """The full paths that the rules of a module refer to."""
    nodes = (node if kind == "Reference" else node.function for kind, node in _references(module))
    return {path for node in nodes if (path := module.meaning(node))}


def _references(module: Parsed) -> Iterator[tuple[str, Any]]:
    return ((kind, node) for rule in module.rules for kind, node in rule.nodes if kind in ("Reference", "Call"))


def _reads_roll_call(module: Parsed) -> bool:
    return any(path == "config" or f"{path}.".startswith("config.roll_call.") for path in _named(module))


def _meets(package: str, name: str) -> bool:
    """Whether what stands at a path is in a package, or holds it."""
    return f"{package}.".startswith(f"{name}.") or f"{name}.".startswith(f"{package}.")
