"""Questions about parts of a rule, put to an engine as rules and functions beside it.

An engine does not tell how far a body came, so it is asked: for the body up to each of its statements, and for the
values of an expression there. Where the cause sits in a function, the question is asked within that function, called as
the rule calls it: each module on the way is given one more definition, which calls that of the next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from launchplane_gate.authoring.explain.written import Writer
from launchplane_gate.policy.bundle.load import Bundle
from launchplane_gate.policy.bundle.syntax import Parsed, Rule, Tree, parse
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter

Modules = Sequence[tuple[str, str]]
Asks = Callable[[Modules, Mapping[str, Any], str, str], Any]
"""Ask an engine that holds these modules and this data for the value at a path, for an input in JSON."""

BETWEEN = ";\n"

_NAME = "explained_"  # no name of a bundle starts so: those of rules start with _, and a library could not hide it


def ask_embedded(modules: Modules, data: Mapping[str, Any], path: str, policy_input: str) -> Any:
    """Raises EngineError."""
    return Interpreter(modules, data).value(path, policy_input, read=json.loads)  # nanoseconds are large


@dataclass(frozen=True)
class Way:
    """One body of a definition: what it states, and the value that it gives then, where that is not just true."""

    module: Parsed
    rule: Rule
    statements: tuple[Tree, ...]
    value: Tree | None

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(argument["Var"]["value"] for argument in self.rule.head.get("args", ()))


@dataclass(frozen=True)
class Level:
    """A definition on the way to a cause: ``before`` is what holds there, ``arguments`` those of the call to the next.

    Of several bindings under which all of ``before`` holds the first one is followed.
    """

    module: Parsed
    parameters: tuple[str, ...]
    before: tuple[str, ...] = ()
    arguments: str = ""


@dataclass
class Library:
    """The modules of one rule and of all that it imports, by package."""

    bundle: Bundle
    asks: Asks = ask_embedded
    _parsed: dict[str, Parsed] = field(default_factory=dict)

    def module(self, package: str) -> Parsed:
        """Raises KeyError for a package that there is not."""
        if package not in self._parsed:
            path = f"{package.replace('.', '/')}.rego"
            source = next((one for one in self.bundle.modules if one.path == path), None)
            if source is None:
                raise KeyError(package)
            self._parsed[package] = parse(source)
        return self._parsed[package]

    def ways(self, module: Parsed, name: str) -> list[Way]:
        """Every body of what a module defines under a name, in the order in which they stand."""
        return [way for rule in module.rules if rule.name == name for way in _ways(module, rule)]

    def ask(self, levels: Sequence[Level], policy_input: str, questions: Mapping[str, str]) -> dict[str, Any]:
        """The values of expressions at the last of some levels; where several bindings hold there, for the first.

        Raises EngineError.
        """
        texts: dict[str, list[str]] = {}
        for number, level in enumerate(levels):
            is_last = number + 1 == len(levels)
            asked = _object(questions) if is_last else _next(levels[number + 1], number + 1, level.arguments)
            called = f"({', '.join(level.parameters)})" if level.parameters else ""
            body = BETWEEN.join([*(level.before or ("true",)), f"{_NAME}value := {asked}"])
            probe = f"{_NAME}{number}{called} := [{_NAME}value | {body}]"
            texts.setdefault(level.module.package, []).append(probe)
        modules = [(one.path, one.text) for one in self._sources(levels[0].module, texts)]
        value = self.asks(modules, self.bundle.data, f"data.{levels[0].module.package}.{_NAME}0", policy_input)
        for _ in levels:
            value = value[0] if value else {}
        return dict(value)

    def _sources(self, start: Parsed, more: Mapping[str, list[str]]) -> Iterable[Any]:
        waiting, seen = [start.package], set[str]()
        while waiting:
            package = waiting.pop()
            if package in seen:
                continue
            seen.add(package)
            module = self.module(package)
            waiting += [target for target in module.imported.values() if target.startswith("gate.lib.")]
            text = "\n".join([module.source.text, *more.get(package, ()), ""])
            yield replace(module.source, text=text)


def _ways(module: Parsed, rule: Rule) -> Iterable[Way]:
    head = rule.head.get("assign")
    if not rule.bodies:
        yield Way(module, rule, (), head["value"] if head else rule.head.get("value"))
    for body in rule.bodies:
        given = body["assign"] or (None if body["is_else"] else head)
        yield Way(module, rule, tuple(body["query"]["stmts"]), _telling(given["value"] if given else None))


def _telling(value: Tree | None) -> Tree | None:
    """What a body gives, where that says more than that it holds: only a value that is made can be missing."""
    return None if value is None or value.keys() & {"Bool", "String", "RawString", "Number", "Null"} else value


def _object(questions: Mapping[str, str]) -> str:
    return "{" + ",\n".join(f"{json.dumps(name)}: {asked}" for name, asked in questions.items()) + "}"


def _next(level: Level, number: int, arguments: str) -> str:
    called = f"({arguments})" if level.parameters else ""
    return f"data.{level.module.package}.{_NAME}{number}{called}" if called else f"{_NAME}{number}"


def values_of(before: Iterable[str], expression: str) -> str:
    """What an expression comes to, wherever all of ``before`` holds: a list."""
    return f"[{_NAME}seen | {BETWEEN.join([*before, f'{_NAME}seen := {expression}'])}]"


def times_held(statements: Sequence[str]) -> str:
    return f"count([1 | {BETWEEN.join(statements) or 'true'}])"


def written(way: Way) -> list[str]:
    """The statements of a way, and that its value is there."""
    writer = Writer(way.module, BETWEEN)
    value = [f"{_NAME}given := {writer.expression(way.value)}"] if way.value else []
    return [*(writer.statement(statement) for statement in way.statements), *value]
