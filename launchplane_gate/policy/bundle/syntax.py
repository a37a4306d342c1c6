"""Rego modules and their syntax trees, as the engine parses them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from launchplane_gate.policy.engines.embedded.interpreter import NotRego, syntax_tree

Tree = Mapping[str, Any]

DEEPEST = 10  # brackets in brackets; the engine's parser takes twice as long with each one, minutes at 20

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)")
_STRINGS_COMMENTS_BRACKETS = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`|#[^\n]*|(?P<open>[\[({])|(?P<close>[\])}])')
_NO_CHILDREN = frozenset({"span", "eidx", "sidx", "qidx", "with_mods"})
_REFERENCES = frozenset({"Var", "RefDot", "RefBrack"})


@dataclass(frozen=True, order=True)
class Finding:
    """What keeps a file from being part of a bundle, and how to mend it."""

    file: str
    line: int
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}. {self.remedy}"


@dataclass(frozen=True)
class Source:
    """A Rego file as read: ``path`` is relative to its bundle's folder, ``file`` is for people and editors."""

    path: str
    file: str
    text: str

    @property
    def is_test(self) -> bool:
        return self.path.endswith("_test.rego")


@dataclass(frozen=True)
class Parsed:
    """A source with its package (dotted, without ``data``), its imports and its rules."""

    source: Source
    package: str
    package_line: int
    imports: tuple[Import, ...]
    rules: tuple[Rule, ...]

    @cached_property
    def own(self) -> frozenset[str]:
        """What the module defines."""
        return frozenset(rule.name for rule in self.rules)

    @cached_property
    def imported(self) -> Mapping[str, str]:
        return {imported.name: imported.target.removeprefix("data.") for imported in self.imports}

    def meaning(self, reference: Reference) -> str | None:
        """The full path that a reference means, without ``data``; None for a variable and for ``input``."""
        root, *rest = reference.parts or ("",)
        if root in self.own:
            return ".".join([self.package, root, *rest])
        if root in self.imported:
            return ".".join([self.imported[root], *rest])
        return ".".join(rest) if root == "data" else None


@dataclass(frozen=True)
class Import:
    """``name`` is what the module calls it; ``renamed`` says that it chose the name with ``as``."""

    name: str
    target: str
    renamed: bool
    line: int


@dataclass(frozen=True)
class Rule:
    """One definition: a rule of several bodies has several. ``kind`` is Compr, Set, Func or Default.

    ``name`` is empty where the head is a reference such as ``a.b``; ``start`` is its offset in bytes.
    """

    name: str
    kind: str
    line: int
    start: int
    head: Tree
    bodies: tuple[Tree, ...]

    @cached_property
    def nodes(self) -> tuple[tuple[str, Any], ...]:
        """Every node of what the rule says: of its key, its value and its bodies, but not of its arguments."""
        return tuple(walk(self.head.get("key"), self.head.get("assign"), self.head.get("value"), self.bodies))


@dataclass(frozen=True)
class Reference:
    """``parts`` holds the names up to the first one that is computed; ``whole`` says that none is.

    There are no parts where the reference starts at a value, as in ``f(x).y``.
    """

    parts: tuple[str, ...]
    whole: bool
    line: int

    def __str__(self) -> str:
        return ".".join(self.parts) + ("" if self.whole else "[...]")


@dataclass(frozen=True)
class Call:
    function: Reference
    arguments: tuple[Tree, ...]


def parse(source: Source) -> Parsed:
    """Raises NotRego for a text that does not parse, or that the parser would not come back from."""
    _bound_depth(source.text)
    _know_characters(source.text)
    tree = syntax_tree(source.path, source.text)
    package = reference(tree["package"]["refr"])
    if not package.whole or "target" in tree:
        raise NotRego(package.line, "only plain packages, without targets, are known here")
    return Parsed(
        source=source,
        package=str(package),
        package_line=package.line,
        imports=tuple(_import(imported, source.text) for imported in tree["imports"]),
        rules=tuple(_rule(rule) for rule in tree["rules"]),
    )


def walk(*trees: Any) -> Iterator[tuple[str, Any]]:
    """Every node below, with its kind. A whole reference is one node, and so is a call (its function is no other)."""
    waiting: list[Any] = list(trees)
    while waiting:
        value = waiting.pop()
        if isinstance(value, list | tuple):
            waiting.extend(value)
        elif not isinstance(value, dict):
            continue
        elif len(value) != 1:
            for change in value.get("with_mods", ()):
                yield "With", change
                waiting.append(change["as"])
            waiting.extend(child for key, child in value.items() if key not in _NO_CHILDREN)
        else:
            [(kind, node)] = value.items()
            if kind in _REFERENCES:
                yield "Reference", reference(value)
                waiting.extend(_computed_parts(value))
            elif kind == "Call":
                yield kind, Call(reference(node["fcn"]), tuple(node["params"]))
                waiting.extend(_computed_parts(node["fcn"]))
                waiting.extend(node["params"])
            else:
                yield kind, node
                waiting.append(node)


def reference(node: Tree) -> Reference:
    [(_, outermost)] = node.items()
    computed, names = False, []
    while True:
        [(kind, inner)] = node.items()
        if kind == "RefDot":
            names.append(inner["field"][1])
        elif kind == "RefBrack":
            [(index, key)] = inner["index"].items()
            if index in ("String", "RawString"):
                names.append(key["value"])
            else:
                computed, names = True, []
        else:
            break
        node = inner["refr"]
    if kind != "Var":
        return Reference((), whole=False, line=outermost["span"]["line"])
    return Reference((inner["value"], *reversed(names)), whole=not computed, line=outermost["span"]["line"])


def line_of(node: Tree) -> int:
    line: int = node["span"]["line"]
    return line


def text_at(text: str, span: Tree) -> str:
    """What stands at a span, which counts in bytes of UTF-8."""
    return text.encode()[span["start"] : span["end"]].decode()


def _computed_parts(node: Tree) -> Iterator[Any]:
    """What inside a reference is an expression of its own: its indices, and where it starts at a value, that value."""
    while True:
        [(kind, inner)] = node.items()
        if kind == "RefBrack":
            [(index, _)] = inner["index"].items()
            if index not in ("String", "RawString"):
                yield inner["index"]
        elif kind != "RefDot":
            break
        node = inner["refr"]
    if kind != "Var":
        yield node


def _import(tree: Tree, text: str) -> Import:
    target = reference(tree["refr"])
    renamed = "as" in tree
    name = text_at(text, tree["as"]) if renamed else target.parts[-1]
    return Import(name=name, target=str(target), renamed=renamed, line=line_of(tree))


def _rule(tree: Tree) -> Rule:
    [(kind, rule)] = tree.items()
    if kind == "Default":
        head, bodies = rule, ()
    else:
        [(kind, head)] = rule["head"].items()
        bodies = tuple(rule["bodies"])
    name = reference(head["refr"])
    plain = name.parts[0] if len(name.parts) == 1 and name.whole else ""
    return Rule(name=plain, kind=kind, line=line_of(rule), start=rule["span"]["start"], head=head, bodies=bodies)


def _bound_depth(text: str) -> None:
    depth = 0
    for token in _STRINGS_COMMENTS_BRACKETS.finditer(text):
        if token["open"]:
            depth += 1
            if depth > DEEPEST:
                line = text.count("\n", 0, token.start()) + 1
                raise NotRego(line, f"brackets are nested more than {DEEPEST} deep, which may hang the engine")
        elif token["close"]:
            depth -= 1


def _know_characters(text: str) -> None:
    """After a NUL one engine reads nothing more, and what is blank to one of them may be a letter to the other."""
    code = _STRINGS_COMMENTS_BRACKETS.sub(lambda token: "\n" * token[0].count("\n"), text)
    if (odd := _CONTROL.search(text)) is not None:
        line, what = text.count("\n", 0, odd.start()) + 1, odd[0]
    elif (odd := re.search(r"[^\x00-\x7f]", code)) is not None:
        line, what = code.count("\n", 0, odd.start()) + 1, odd[0]
    else:
        return
    raise NotRego(line, f"the character U+{ord(what):04X} may stand in texts and comments alone, if it can be seen")
