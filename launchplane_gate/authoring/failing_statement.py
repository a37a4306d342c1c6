"""Which statement of a failing Rego test does not hold, and on what values.

The engine does not tell, so it is asked: for the test's body up to each of its statements, in rules added at the end of
the test's own module. The syntax tree says where a statement stands, but not whether brackets or quotes stand around
it; so the body is cut between statements, never within one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from launchplane_gate.errors import EngineError
from launchplane_gate.policy.bundle.load import Bundle
from launchplane_gate.policy.bundle.rego_tests import RegoTest, interpreter_of_tests
from launchplane_gate.policy.bundle.syntax import Tree, line_of, parse
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Unanswered

LONGEST = 200
MOST_VALUES = 3
_VALUE = "what_it_saw"
_SIDES = {"lhs": "left is", "rhs": "right is", "value": "left is", "collection": "right is"}


def what_it_saw(bundle: Bundle, test: RegoTest) -> tuple[int, str]:
    """The line of the first statement that does not hold, and what it saw."""
    body = _Body(bundle, test)
    values_after = body.probe([(count, "true") for count in range(1, len(body.statements) + 1)])
    for index, statement in enumerate(body.statements):
        try:
            if values_after(index):
                continue
            told = f"does not hold: {'; '.join(_seen(body, index))}".removesuffix(": ")
        except EvaluationFailed as error:
            told = f"ended in an error: {error}"
        except Unanswered as error:
            told = f"gives no answer: {error}"
        return line_of(statement), f"`{body.text(index)}` {told}"
    return test.line, "its value is not true" if not body.statements else "all of it holds, but its value is not true"


class _Body:
    """The first body of a test, and where to cut it: before, between and after its statements (in bytes)."""

    def __init__(self, bundle: Bundle, test: RegoTest) -> None:
        self.bundle, self.test = bundle, test
        self.source = next(module for module in bundle.modules if module.path == test.path)
        self.data = self.source.text.encode()
        rules = parse(self.source).rules
        rule = next(rule for rule in rules if rule.name == test.name)
        self.statements: list[Tree] = []
        self.cuts: list[int] = []
        if rule.bodies:
            self.statements = rule.bodies[0]["query"]["stmts"]
            ends = [other.start for other in rules if other.start > rule.start]
            self.cuts = list(self._cuts(rule.bodies[0], min(ends, default=len(self.data))))

    def _cuts(self, body: Tree, end_of_rule: int) -> Iterator[int]:
        braces = body["query"]["span"]
        if self.data[braces["start"] : braces["start"] + 1] == b"{":
            yield braces["start"] + 1
            yield from self._between()
            yield braces["end"] - 1
        else:  # `if` and one statement, which ends somewhere before the next rule
            yield body["span"]["start"] + len("if")
            yield end_of_rule

    def _between(self) -> Iterator[int]:
        for before, after in zip(self.statements, self.statements[1:], strict=False):
            gap = before["span"]["end"], after["span"]["start"]
            yield max(self.data.rfind(b";", *gap), self.data.rfind(b"\n", *gap)) + 1

    def probe(self, asked: Sequence[tuple[int, str]]) -> Callable[[int], list[Any]]:
        """Ask for expressions, each with a count: wherever so many first statements hold, what are its values?

        What is returned answers for one of them, by its index. It raises EngineError where that cannot be evaluated.
        """
        rules = [
            f"{_VALUE}_{index} := [{_VALUE} |\n{self._first(count)}\n{_VALUE} := {expression}\n]\n"
            for index, (count, expression) in enumerate(asked)
        ]
        probed = replace(self.source, text="\n\n".join([self.source.text, *rules]))
        modules = [probed if module.path == probed.path else module for module in self.bundle.modules]
        interpreter = interpreter_of_tests(modules, self.bundle.data)
        return lambda index: list(
            interpreter.value(f"data.{self.test.package}.{_VALUE}_{index}", None, read=json.loads)
        )

    def _first(self, count: int) -> str:
        return self.data[self.cuts[0] : self.cuts[count]].decode()

    def text(self, index: int) -> str:
        """A statement on one line, for people."""
        written = self.data[self.cuts[index] : self.cuts[index + 1]].decode().strip(" \t\r\n;")
        lines = [line.strip() for line in written.splitlines()]
        return _cut(" ".join(line for line in lines if not line.startswith("#")))

    def part(self, first: Tree, last: Tree | None = None) -> str:
        """What stands from one node's place to another's, with the quotes that the place of a text leaves out."""
        start, end = self._start(first), _span(last or first)["end"]
        start -= self.data[start - 1 : start] in (b'"', b"`")
        end += self.data[end : end + 1] in (b'"', b"`")
        return self.data[start:end].decode()

    def _start(self, node: Tree) -> int:
        """Where a node starts; the place of an object is that of its last entry."""
        [(kind, inner)] = node.items()
        if kind == "Object" and inner["fields"]:
            return self.data.rfind(b"{", 0, self._start(inner["fields"][0][1]))
        return self._start(inner["lhs"]) if "lhs" in inner else _span(node)["start"]


def _seen(body: _Body, index: int) -> Iterator[str]:
    """What the parts of a statement came to."""
    parts = list(_parts(body, body.statements[index]))
    values_of = body.probe([(index, expression) for _, expression in parts])
    for number, (label, _) in enumerate(parts):
        try:
            values = values_of(number)
        except Unanswered:
            return
        except EngineError:  # not every expression can be asked by itself
            continue
        shown = [_cut(json.dumps(value, ensure_ascii=False)) for value in values[:MOST_VALUES]]
        more = ", ..." if len(values) > MOST_VALUES else ""
        yield f"{label} {', '.join(shown) or 'undefined'}{more}"


def _parts(body: _Body, statement: Tree) -> Iterator[tuple[str, str]]:
    """What to ask about a statement: a few words for people, and an expression."""
    changes = statement.get("with_mods", [])
    changed = f" {body.part({'With': changes[0]}, changes[-1]['as'])}" if changes else ""
    [(kind, node)] = statement["literal"].items()
    if kind == "Every":
        names = [body.part({"Name": {"span": span}}) for span in (node["key"], node["value"]) if span]
        each = ", ".join(names)
        entry = each if len(names) == 1 else f"[{each}]"
        inner = body.part({"Query": node["query"]}).removeprefix("{").removesuffix("}")
        fails = f"some {each} in {body.part(node['domain'])}\ncount([1 | {inner}\n]) == 0{changed}"
        yield f"not for {each} in", f"[{entry} | {fails}\n]"
    elif kind == "SomeIn":
        yield "from", body.part(node["collection"]) + changed
    elif kind in ("Expr", "NotExpr"):
        [(kind, expression)] = node["expr"].items()
        sides = {"BoolExpr": ("lhs", "rhs"), "Membership": ("value", "collection"), "AssignExpr": ("rhs",)}
        for side in sides.get(kind, ()):
            yield _SIDES[side], body.part(expression[side]) + changed
        if kind not in sides:
            yield "it is", body.part(node["expr"]) + changed


def _span(node: Tree) -> Tree:
    [inner] = node.values()
    span: Tree = inner["span"]
    return span


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
