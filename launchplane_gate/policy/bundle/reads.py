"""Which sources of evidence the rules of a roll call read, so that nobody is asked for what no rule of it reads.

It is read off the syntax tree, by whole modules, messages included: what is told may be too much, and never too little.
A source is told by a name that is written out: ``input.evidence.github.commit``, ``object.get(input, ["evidence",
"github"], {})``. Where a computed key, or all of the input or of its evidence handed on, leaves that open, it is any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

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


def _got(call: Call) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Where ``object.get`` starts, if that is open, and where it leads to, up to the first key not written out."""
    if str(call.function) != "object.get" or not _REFERENCES & call.arguments[0].keys():
        return
    start = reference(call.arguments[0])
    if start.whole and start.parts and _is_open(start.parts):
        yield start.parts, (*start.parts, *_keys(call.arguments[1]))


def _keys(path: Tree) -> Iterator[str]:
    [(kind, node)] = path.items()
    for key in node["items"] if kind == "Array" else [path]:
        if not _TEXTS & key.keys():
            return
        yield from (text["value"] for text in key.values())
