"""Which sources of evidence the rules of a roll call read, so that nobody is asked for what no rule of it reads.

It is read off the syntax tree, by whole modules, messages included: what is told may be too much, and never too little.
A source is told by a name that is written out: ``input.evidence.github.commit``, ``object.get(input, ["evidence",
"github"], {})``. Where a computed key, or all of the input or of its evidence handed on, leaves that open, it is any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from launchplane_gate.policy.bundle.syntax import Call, Parsed, Reference, Rule, Tree, reference, walk

Sources = frozenset[str] | None
"""The names of plugins; None where it may be any of them."""

EVIDENCE = ("input", "evidence")

_REFERENCES = frozenset({"Var", "RefDot", "RefBrack"})
_TEXTS = frozenset({"String", "RawString"})
_NO_LIBRARIES = frozenset({"rego.v1", "future.keywords.not"})


@dataclass(frozen=True)
class Reads:
    """What one module reads itself, and the packages that it imports, dotted and without ``data``."""

    sources: Sources
    imports: frozenset[str]


def reads_of(module: Parsed) -> Reads:
    """What a module of rules or functions reads."""
    imports = {imported.target.removeprefix("data.") for imported in module.imports}
    return Reads(_joined(_in_rule(rule) for rule in module.rules), frozenset(imports - _NO_LIBRARIES))


def evidence_read(modules: Mapping[str, Reads], codes: Iterable[str]) -> Sources:
    """The sources that the rules with these codes read, and the libraries that they import; by package, all modules."""
    waiting, seen = [f"gate.rules.{code}" for code in codes], set[str]()
    while waiting:
        package = waiting.pop()
        if package not in modules:
            return None
        if package not in seen:
            seen.add(package)
            waiting.extend(modules[package].imports)
    return _joined(modules[package].sources for package in seen)


def inputs_read(module: Parsed) -> frozenset[tuple[str, ...]]:
    """The paths, below ``input``, of what decides whether a rule is satisfied: too many rather than too few.

    A path leads to all that is below it; the empty one is all of the input. What only its message reads is left out.
    """
    by_name: dict[str, list[Rule]] = {}
    for rule in module.rules:
        by_name.setdefault(rule.name, []).append(rule)
    waiting, seen = ["satisfied"], set[str]()
    found: set[tuple[str, ...]] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for rule in by_name.get(name, ()):
            nodes = (*rule.nodes, *walk(rule.head.get("args")))
            found |= {names[1:] for names in _reached(nodes)}
            waiting.extend(named for named in _names(nodes) if named in by_name)
    return frozenset(found)


def _names(nodes: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """What rules and functions of its own a rule may use."""
    for kind, node in nodes:
        start = node.function if kind == "Call" else node if kind == "Reference" else None
        if start is not None and start.parts:
            yield start.parts[0]


def _reached(nodes: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, ...]]:
    """Where in the input references lead; that of an ``object.get``, which starts there, as far as its keys say."""
    nodes = list(nodes)
    got = [names for kind, node in nodes if kind == "Call" for names in _got(node, open_only=False)]
    left = Counter(names for kind, node in nodes if kind == "Reference" for names in _written_out(node))
    left.subtract(start for start, _ in got)
    yield from (names for names, times in left.items() if times > 0)
    yield from (whole for _, whole in got)


def _joined(parts: Iterable[Sources]) -> Sources:
    found: frozenset[str] = frozenset()
    for sources in parts:
        if sources is None:
            return None
        found |= sources
    return found


def _in_rule(rule: Rule) -> Sources:
    nodes = (*rule.nodes, *walk(rule.head.get("args")))
    reached = [names for kind, node in nodes if kind == "Reference" for names in _written_out(node)]
    got = [names for kind, node in nodes if kind == "Call" for names in _got(node)]
    left = Counter(names for names in reached if _is_open(names))
    left.subtract(start for start, _ in got)  # each stands among what is reached, too
    names_of_all = [*(names for names in reached if not _is_open(names)), *(whole for _, whole in got)]
    if any(left.values()) or any(_is_open(names) for names in names_of_all):
        return None
    return frozenset(names[2] for names in names_of_all if names[:2] == EVIDENCE)


def _is_open(names: tuple[str, ...]) -> bool:
    """Whether this may lead to evidence of any source."""
    return names == EVIDENCE[: len(names)]


def _written_out(start: Reference) -> Iterator[tuple[str, ...]]:
    if start.parts[:1] == ("input",):
        yield start.parts


def _got(call: Call, *, open_only: bool = True) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Where ``object.get`` starts, if that is open, and where it leads to, up to the first key not written out."""
    if str(call.function) != "object.get" or not _REFERENCES & call.arguments[0].keys():
        return
    start = reference(call.arguments[0])
    if start.whole and start.parts[:1] == ("input",) and (_is_open(start.parts) or not open_only):
        yield start.parts, (*start.parts, *_keys(call.arguments[1]))


def _keys(path: Tree) -> Iterator[str]:
    [(kind, node)] = path.items()
    for key in node["items"] if kind == "Array" else [path]:
        if not _TEXTS & key.keys():
            return
        yield from (text["value"] for text in key.values())
