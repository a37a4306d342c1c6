"""A module of the host as this command reads it: by its structure, so that what is not known is told apart.

What is replaced is replaced by whole lines; every other line stays, byte for byte.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from launchplane_gate.errors import UsageError

GATE_MODULE = "control_plane_gate"  # as the host names the modules of its own that it imports whole


class ShapeDiffers(UsageError):
    """A host that this command does not know."""

    hint = (
        "Nothing was changed. This command changes what it knows, whole: look for a release of launchplane-gate that "
        "knows this revision of Launchplane, or use one of Launchplane that this one knows."
    )


@dataclass(frozen=True, kw_only=True)
class Change:
    """Lines ``first`` to ``last``, counted from 1, give way to ``lines``; before ``first`` where last < first."""

    first: int
    last: int
    lines: tuple[str, ...]
    why: str


class Source:
    """One file of a checkout. ``name`` is its path there."""

    def __init__(self, checkout: Path, name: str) -> None:
        self.name = name
        self.path = checkout / name
        try:
            self.text = self.path.read_bytes().decode()
            module = cst.parse_module(self.text)
        except (OSError, UnicodeDecodeError, cst.ParserSyntaxError) as error:
            raise ShapeDiffers(f"{name} cannot be read as Python: {error}") from None
        self.lines = self.text.splitlines(keepends=True)
        self._wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        self._ranges = self._wrapper.resolve(PositionProvider)
        self.module = self._wrapper.module
        self.changes: list[Change] = []

    def differs(self, function: str, what: str) -> NoReturn:
        where = f"{self.name}, {function}" if function else self.name
        raise ShapeDiffers(f"{where}: {what}")

    def range_of(self, node: cst.CSTNode) -> CodeRange:
        found: CodeRange = self._ranges[node]
        return found

    def code(self, node: cst.CSTNode) -> str:
        return self.module.code_for_node(node).strip()

    def lines_of(self, first: cst.CSTNode, last: cst.CSTNode | None = None) -> list[str]:
        start, end = self.range_of(first).start.line, self.range_of(last or first).end.line
        return [line.rstrip("\r\n") for line in self.lines[start - 1 : end]]

    def indent_of(self, node: cst.CSTNode) -> str:
        return " " * self.range_of(node).start.column

    def function(self, name: str, inside: cst.FunctionDef | None = None) -> cst.FunctionDef:
        body = statements(inside) if inside else self.module.body
        found = [node for node in body if isinstance(node, cst.FunctionDef) and node.name.value == name]
        if len(found) != 1:
            self.differs(name, f"there is {'no such function' if not found else 'more than one'}")
        return found[0]

    @cached_property
    def _walk(self) -> tuple[list[cst.CSTNode], dict[cst.CSTNode, tuple[int, int]]]:
        """All nodes from above to below, and for each the first and the end of what is within it."""
        order: list[cst.CSTNode] = []
        spans: dict[cst.CSTNode, tuple[int, int]] = {}

        def walk(node: cst.CSTNode) -> None:
            first = len(order)
            order.append(node)
            for child in node.children:
                walk(child)
            spans[node] = (first, len(order))

        walk(self.module)
        return order, spans

    def nodes(self, inside: cst.CSTNode | None = None) -> list[cst.CSTNode]:
        """All within, itself first, from above to below."""
        order, spans = self._walk
        first, end = spans[inside or self.module]
        return order[first:end]

    def replace(self, first: cst.CSTNode, last: cst.CSTNode, code: Sequence[str], why: str) -> None:
        self._change(self.range_of(first).start.line, self.range_of(last).end.line, code, why)

    def insert_before(self, node: cst.CSTNode, code: Sequence[str], why: str) -> None:
        line = self.range_of(node).start.line
        self._change(line, line - 1, code, why)

    def insert_after(self, node: cst.CSTNode, code: Sequence[str], why: str) -> None:
        line = self.range_of(node).end.line + 1
        self._change(line, line - 1, code, why)

    def _change(self, first: int, last: int, code: Sequence[str], why: str) -> None:
        newline = self._wrapper.module.default_newline
        lines = tuple(f"{line}{newline}" for line in code)
        self.changes.append(Change(first=first, last=last, lines=lines, why=why))

    def edited(self) -> str:
        lines = list(self.lines)
        for change in sorted(self.changes, key=lambda change: change.first, reverse=True):
            lines[change.first - 1 : change.last] = change.lines
        return "".join(lines)

    def imports_the_gate(self) -> bool:
        return any(alias == "gate" for _, alias in self._imported())

    def import_the_gate(self) -> None:
        """Among the modules of the host's own that this one imports whole, in their order."""
        imported = list(self._imported())
        if not imported:
            self.differs("", "imports no module of control_plane by its name")
        later = [node for node, module in imported if module > "gate"]
        code = [f"from control_plane import gate as {GATE_MODULE}"]
        if later:
            self.insert_before(later[0], code, "the gate's module")
        else:
            self.insert_after(imported[-1][0], code, "the gate's module")

    def _imported(self) -> Iterator[tuple[cst.CSTNode, str]]:
        for line in self.module.body:
            statement = sole_statement(line)
            if not isinstance(statement, cst.ImportFrom) or isinstance(statement.names, cst.ImportStar):
                continue
            if statement.module is not None and self.code(statement.module) == "control_plane":
                yield line, self.code(statement.names[0].name)


def statements(block: cst.FunctionDef | cst.If | cst.Try | cst.Else) -> Sequence[cst.CSTNode]:
    return block.body.body


def indented(code: str, indent: str) -> list[str]:
    return textwrap.indent(textwrap.dedent(code).strip("\n"), indent).split("\n")


def sole_statement(node: cst.CSTNode) -> cst.BaseSmallStatement | None:
    """Of a line that has one."""
    if isinstance(node, cst.SimpleStatementLine) and len(node.body) == 1:
        return node.body[0]
    return None


def assigned(node: cst.CSTNode, name: str) -> cst.BaseExpression | None:
    """What the line assigns to a name, if that is what it does."""
    statement = sole_statement(node)
    if isinstance(statement, cst.AnnAssign) and isinstance(statement.target, cst.Name):
        return statement.value if statement.target.value == name else None
    if not isinstance(statement, cst.Assign) or len(statement.targets) != 1:
        return None
    target = statement.targets[0].target
    return statement.value if isinstance(target, cst.Name) and target.value == name else None


def call_of(node: cst.CSTNode | None, function: str) -> cst.Call | None:
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == function:
        return node
    return None


def keywords(source: Source, call: cst.Call) -> dict[str, str] | None:
    """The arguments by their names; None where one has none."""
    named = {argument.keyword.value: source.code(argument.value) for argument in call.args if argument.keyword}
    return named if len(named) == len(call.args) else None


def parameters(function: cst.FunctionDef) -> tuple[list[str], list[str]]:
    """Those that may be given by place, and those by name alone."""
    params = function.params
    by_place = [param.name.value for param in (*params.posonly_params, *params.params)]
    stars = [params.star_kwarg, params.star_arg if isinstance(params.star_arg, cst.Param) else None]
    return by_place + [f"*{star.name.value}" for star in stars if star], [p.name.value for p in params.kwonly_params]
