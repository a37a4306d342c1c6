"""Syntax trees as Rego again: one line for each statement, to be shown and to be asked.

What the static check lets stand in rules and libraries is known, and nothing else. Texts stand as they were written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from launchplane_gate.policy.bundle.syntax import Parsed, Tree, text_at

_OPERATORS = {
    "Add": "+",
    "Sub": "-",
    "Mul": "*",
    "Div": "/",
    "Mod": "%",
    "Union": "|",
    "Intersection": "&",
    "Eq": "==",
    "Ne": "!=",
    "Lt": "<",
    "Le": "<=",
    "Gt": ">",
    "Ge": ">=",
    "ColEq": ":=",
}


class Unwritten(Exception):
    """A kind of node that no rule of a bundle has."""


class Writer:
    """Writes parts of one module. Raises Unwritten.

    ``between``: what stands between two statements; an engine reads no line of more than 1,024 letters.
    """

    def __init__(self, module: Parsed, between: str = "; ") -> None:
        self.module, self.between = module, between

    def statement(self, statement: Tree) -> str:
        if statement.get("with_mods"):
            raise Unwritten("With")
        [(kind, node)] = statement["literal"].items()
        match kind:
            case "Expr":
                return self.expression(node["expr"])
            case "NotExpr":
                return f"not {self.expression(node['expr'])}"
            case "SomeIn":
                return f"{self.some(node)} in {self.expression(node['collection'])}"
            case "Every":
                names = ", ".join(self.names_of_every(node))
                return f"every {names} in {self.expression(node['domain'])} {{ {self.query(node['query'])} }}"
        raise Unwritten(kind)

    def some(self, node: Tree) -> str:
        names = [self.expression(part) for part in (node["key"], node["value"]) if part]
        return f"some {', '.join(names)}"

    def names_of_every(self, node: Tree) -> list[str]:
        return [text_at(self.module.source.text, span) for span in (node["key"], node["value"]) if span]

    def query(self, query: Tree) -> str:
        return self.between.join(self.statement(statement) for statement in query["stmts"])

    def expression(self, expression: Tree) -> str:
        """Brackets stand around whatever has two sides and stands within another expression."""
        [(kind, node)] = expression.items()
        match kind:
            case "BoolExpr" | "AssignExpr" | "ArithExpr" | "BinExpr":
                return f"{self.part(node['lhs'])} {_OPERATORS[node['op']]} {self.part(node['rhs'])}"
            case "Membership":
                sides = [self.part(part) for part in (node["key"], node["value"]) if part]
                return f"{', '.join(sides)} in {self.part(node['collection'])}"
            case "Var":
                return str(node["value"])
            case "RefDot":
                return f"{self.expression(node['refr'])}.{node['field'][1]}"
            case "RefBrack":
                return f"{self.expression(node['refr'])}[{self.expression(node['index'])}]"
            case "Call":
                return f"{self.expression(node['fcn'])}({self._each(node['params'])})"
        return self._value(kind, node)

    def part(self, expression: Tree) -> str:
        [kind] = expression
        written = self.expression(expression)
        return f"({written})" if kind in ("BoolExpr", "ArithExpr", "BinExpr", "Membership") else written

    def _value(self, kind: str, node: Tree) -> str:
        match kind:
            case "String":
                return f'"{text_at(self.module.source.text, node["span"])}"'
            case "RawString":
                return f"`{node['value']}`"
            case "Number" | "Bool" | "Null":
                return json.dumps(node.get("value"))
            case "Array":
                return f"[{self._each(node['items'])}]"
            case "Set":
                return f"{{{self._each(node['items'])}}}" if node["items"] else "set()"
            case "Object":
                fields = (f"{self.expression(key)}: {self.part(value)}" for _, key, value in node["fields"])
                return f"{{{', '.join(fields)}}}"
            case "ArrayCompr":
                return f"[{self.part(node['term'])} | {self.query(node['query'])}]"
            case "SetCompr":
                return f"{{{self.part(node['term'])} | {self.query(node['query'])}}}"
            case "ObjectCompr":
                key, value = self.expression(node["key"]), self.part(node["value"])
                return f"{{{key}: {value} | {self.query(node['query'])}}}"
        raise Unwritten(kind)

    def _each(self, items: Sequence[Tree]) -> str:
        return ", ".join(self.part(item) for item in items)
