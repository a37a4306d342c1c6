"""Small faults in what decides, each an edit of a module's text at a place that the syntax tree tells.

What messages alone rest on is left as it is: it decides nothing. So is a condition that is a name given to a value.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from launchplane_gate.policy.bundle.syntax import Parsed, Source, Tree, reference

Kind = Literal["turned", "dropped", "changed", "some", "unasked"]
"""A comparison turned, a condition dropped, a constant changed, ``some`` for ``every``, a rule off the roll call."""

_TURNED = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">"}
"""What tells one from the other is a value that is equal, or one that is not: the very edge that tests have to ask."""

_COMPARISON = re.compile("|".join(sorted(_TURNED, reverse=True)))
_PIECE = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`|#[^\n]*|[\[({]|[\])}]|[;\n]')
_REFERENCES = frozenset({"Var", "RefDot", "RefBrack"})
_PATTERNS = "regex.match"


@dataclass(frozen=True)
class Mutant:
    """``of``: the full path of what is changed, or the code of the rule that is not asked. ``line`` is where."""

    source: Source
    of: str
    kind: Kind
    line: int
    text: str

    @property
    def mutated(self) -> Source:
        return replace(self.source, text=self.text)

    @property
    def change(self) -> tuple[str, ...]:
        """The lines that differ, those of the original with ``- ``, those of the mutant with ``+ ``."""
        before, after = self.source.text.splitlines(), self.text.splitlines()
        return tuple(
            f"{line[0]} {line[1:].strip()}" for line in difflib.unified_diff(before, after, n=0) if _tells(line)
        )


def _tells(line: str) -> bool:
    return line.startswith(("-", "+")) and not line.startswith(("---", "+++")) and bool(line[1:].strip())


def mutants_of(module: Parsed, deciding: Collection[str]) -> list[Mutant]:
    """In the order of the text. ``deciding``: the full paths of the names on which some ``satisfied`` rests."""
    found: list[tuple[int, Mutant]] = []
    text = _Text(module.source.text)
    for rule in module.rules:
        path = f"{module.package}.{rule.name}"
        if path in deciding:
            for start, end, kind, instead in text.edits(rule.head.get("assign"), rule.head.get("value"), *rule.bodies):
                line = text.line(start)
                found.append((start, Mutant(module.source, path, kind, line, text.edited(start, end, instead))))
    return [mutant for _, mutant in sorted(found, key=lambda one: one[0])]


Edit = tuple[int, int, Kind, str]
"""From which byte to which, of what kind, and what stands there instead."""


class _Text:
    """A module's text in bytes, as the places of its syntax tree count."""

    def __init__(self, text: str) -> None:
        self.data = text.encode()

    def line(self, at: int) -> int:
        return self.data.count(b"\n", 0, at) + 1

    def edited(self, start: int, end: int, instead: str) -> str:
        return (self.data[:start] + instead.encode() + self.data[end:]).decode()

    def edits(self, *trees: Any) -> Iterator[Edit]:
        for tree in trees:
            if isinstance(tree, list | tuple):
                yield from self.edits(*tree)
            elif isinstance(tree, dict):
                yield from self._query(tree) if "stmts" in tree else self._node(tree)

    def _query(self, query: Tree) -> Iterator[Edit]:
        for statement in query["stmts"]:
            [(kind, node)] = statement["literal"].items()
            if kind == "Every" or (kind == "Expr" and "AssignExpr" not in node["expr"]):
                start = self._start(node["expr"]) if kind == "Expr" else node["span"]["start"]
                yield start, self._end(start, statement["span"]["end"]), "dropped", "true"
                if kind == "Every":
                    yield self._some(start, node, in_braces=self.data[query["span"]["start"]] == ord("{"))
            yield from self.edits(statement["literal"], statement.get("with_mods"))

    def _node(self, tree: Tree) -> Iterator[Edit]:
        if len(tree) != 1:
            yield from self.edits(*tree.values())
            return
        [(kind, node)] = tree.items()
        if kind in _REFERENCES:
            yield from self._of_reference(tree)
        elif kind == "Call":
            if str(reference(node["fcn"])) == _PATTERNS:
                yield from self._pattern(node["params"][0])
                yield from self.edits(node["params"][1:])
            else:
                yield from self.edits(node["params"])
        elif kind == "BoolExpr":
            yield from self._comparison(node)
            yield from self.edits(node["lhs"], node["rhs"])
        elif kind == "Number":
            start, end = node["span"]["start"], node["span"]["end"]
            written = self.data[start:end].decode()
            yield start, end, "changed", str(int(written) + 1) if written.lstrip("-").isdecimal() else f"{written}1"
        elif kind == "Bool":
            yield node["span"]["start"], node["span"]["end"], "changed", "false" if node["value"] else "true"
        elif kind in ("String", "RawString"):
            end = node["span"]["end"]
            yield end, end, "changed", "!"
        elif isinstance(node, dict):
            yield from self.edits(*node.values())

    def _of_reference(self, tree: Tree) -> Iterator[Edit]:
        """Names are no constants; what is computed inside of a reference holds some."""
        while True:
            [(kind, node)] = tree.items()
            if kind == "RefBrack":
                if not {"String", "RawString"} & node["index"].keys():
                    yield from self.edits(node["index"])
            elif kind != "RefDot":
                break
            tree = node["refr"]
        if kind != "Var":
            yield from self.edits(tree)

    def _comparison(self, node: Tree) -> Iterator[Edit]:
        left, right = (next(iter(node[side].values()))["span"] for side in ("lhs", "rhs"))
        gap = self.data[left["end"] : right["start"]].decode()
        if operator := _COMPARISON.search(gap):
            start = left["end"] + len(gap[: operator.start()].encode())
            yield start, start + len(operator[0]), "turned", _TURNED[operator[0]]

    def _pattern(self, pattern: Tree) -> Iterator[Edit]:
        """A pattern without the one or the other of its ends, where it has them."""
        [node] = pattern.values()
        start, end = node["span"]["start"], node["span"]["end"]
        if self.data[start : start + 1] == b"^":
            yield start, start + 1, "changed", ""
        if self.data[end - 1 : end] == b"$":
            yield end - 1, end, "changed", ""

    def _some(self, start: int, node: Tree, *, in_braces: bool) -> Edit:
        """``some x in y`` with what was to hold of every one: on lines of its own, in the braces that are there."""
        body = node["query"]["span"]
        end = body["end"]
        head = self.data[start + len("every") : body["start"]].decode()
        inner = self.data[body["start"] + 1 : end - 1].decode()
        statements = f"some{head}\n{inner}"
        return start, end, "some", statements if in_braces else f"{{ {statements}\n}}"

    def _start(self, expression: Tree) -> int:
        """Where an expression starts: its place leaves out the quote that a text begins with."""
        [(kind, node)] = expression.items()
        if "lhs" in node:
            return self._start(node["lhs"])
        if kind == "Membership":
            return self._start(node["value"])
        start: int = node["span"]["start"]
        return start - (kind in ("String", "RawString"))

    def _end(self, start: int, told: int) -> int:
        """Where a statement ends that ends at ``told`` or a little later, as its place leaves out a last quote."""
        depth = 0
        text = self.data[start:].decode()
        at = 0
        for piece in _PIECE.finditer(text):
            at = len(text[: piece.start()].encode()) + start
            if piece[0] in "[({":
                depth += 1
            elif depth and piece[0] in "])}":
                depth -= 1
            elif not depth and at >= told - 1 and piece[0][0] in "])};\n#":
                return len(self.data[:at].rstrip())
        return len(self.data.rstrip())
