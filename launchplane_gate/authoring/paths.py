"""Whether the facts that the policies read are facts that a policy input can have.

A misspelt name is no error in Rego: it is undefined, so its rule is never satisfied, or its message says "not known".
What is looked at are the names that are written out: ``input.a.b``, ``object.get(input.a, ["b", "c"], ...)``, and both
from a variable that stands for one fact throughout a rule. A reference with a computed part is followed up to there,
and nothing is followed into a function: what its parameters hold is up to its callers.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from launchplane_gate.authoring.schema import shipped_schema
from launchplane_gate.policy.bundle.syntax import (
    Call,
    Finding,
    Parsed,
    Reference,
    Rule,
    Source,
    Tree,
    parse,
    reference,
    text_at,
    walk,
)

_REFERENCES = frozenset({"Var", "RefDot", "RefBrack"})
_TEXTS = frozenset({"String", "RawString"})
_OPEN: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Fact:
    """A place in the input, as people write it, and its schema; an empty schema takes anything."""

    told: str
    schema: Mapping[str, Any]

    def below(self, name: str) -> Fact:
        """Raises Unknown for a name that no input has there."""
        told, schema = f"{self.told}.{name}", self.schema
        if schema.get("type") == "array":
            raise Unknown(f"`{self.told}` is a list, so there is no `{told}`", "Look at its entries: `some x in ...`.")
        if schema.get("type", "object") != "object":
            raise Unknown(f"`{self.told}` is of the type {schema['type']}, so there is no `{told}`", "Leave that out.")
        names = schema.get("properties", {})
        others = schema.get("additionalProperties", not names)
        if name not in names and others is False:
            raise Unknown(f"no policy input has `{told}`", _meant(self.told, name, sorted(names)))
        return Fact(told, names.get(name) or (others if isinstance(others, dict) else _OPEN))

    def each(self) -> Fact:
        """What any one entry of a collection is."""
        of_entries = self.schema.get("items") or self.schema.get("additionalProperties")
        return Fact(f"{self.told}[_]", of_entries if isinstance(of_entries, dict) else _OPEN)


class Unknown(Exception):
    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def unknown_facts(modules: Iterable[Source], schema: Mapping[str, Any]) -> list[Finding]:
    """What rules, libraries and messages read that is not in the authoring schema. Tests break inputs on purpose."""
    found = {
        Finding(module.file, line, str(unknown), unknown.remedy)
        for module in modules
        if not module.is_test
        for line, unknown in _in_module(parse(module), Fact("input", schema))
    }
    return sorted(found)


def facts_read(module: Parsed, name: str) -> dict[tuple[str, ...], int]:
    """The facts of the input that a rule of a module reads, itself or by others of the module, each with its line.

    What is read of the entries of a collection is told as the collection; what is only looked into, not at all.
    """
    found: dict[tuple[str, ...], int] = {}
    waiting, seen = [name], set[str]()
    while waiting:
        asked = waiting.pop()
        seen.add(asked)
        for rule in (rule for rule in module.rules if rule.name == asked):
            for line, told in _read_by(rule, module):
                found.setdefault(tuple(told.partition("[_]")[0].split(".")[1:]), line)
            waiting += [own for own in module.own - seen if _names_it(rule, own)]
    looked_into = {fact[:length] for fact in found for length in range(len(fact))}
    return {fact: line for fact, line in found.items() if fact not in looked_into}


def facts_of_module(module: Parsed) -> frozenset[str]:
    """All facts that a module reads, as people write them; ``[_]`` is any entry of a collection."""
    return frozenset(told for rule in module.rules for _, told in _read_by(rule, module))


def _read_by(rule: Rule, module: Parsed) -> Iterator[tuple[int, str]]:
    """Where facts of the input are read, and what they are called."""
    everything = Fact("input", _OPEN)
    known = {"input": everything, **_variables(module, rule, everything)}
    for kind, node in rule.nodes:
        start, names = (node, []) if kind == "Reference" else _sought(node) if kind == "Call" else (None, [])
        if start and (fact := _fact(start, names, known)):
            yield start.line, fact.told


def _names_it(rule: Rule, name: str) -> bool:
    heads = (
        node if kind == "Reference" else node.function for kind, node in rule.nodes if kind in ("Reference", "Call")
    )
    return any(head.parts[:1] == (name,) for head in heads)


def _in_module(module: Parsed, asked: Fact) -> Iterator[tuple[int, Unknown]]:
    for rule in module.rules:
        known = {"input": asked, **_variables(module, rule, asked)}
        for kind, node in rule.nodes:
            if kind == "Reference":
                yield from _followed(node, (), known)
            elif kind == "Call":
                yield from _got(node, known)


def _followed(start: Reference, more: Sequence[str], known: Mapping[str, Fact]) -> Iterator[tuple[int, Unknown]]:
    try:
        _fact(start, more, known)
    except Unknown as unknown:
        yield start.line, unknown


def _fact(start: Reference, more: Sequence[str], known: Mapping[str, Fact]) -> Fact | None:
    """Raises Unknown. None for what is no fact of the input, or is not certain to be one."""
    fact = known.get(start.parts[0]) if start.parts else None
    for name in [*start.parts[1:], *more]:
        fact = fact and fact.below(name)
    return fact


def _got(call: Call, known: Mapping[str, Fact]) -> Iterator[tuple[int, Unknown]]:
    start, names = _sought(call)
    if start and not _is_of_a_plugin((*start.parts, *names)):
        yield from _followed(start, names, known)


def _sought(call: Call) -> tuple[Reference | None, list[str]]:
    """Where ``object.get`` looks, and for what, up to the first key that is not written out."""
    if str(call.function) != "object.get":
        return None, []
    first, path, _ = call.arguments
    start = reference(first) if _REFERENCES & first.keys() else None
    if start is None or not start.whole:
        return None, []
    [(kind, node)] = path.items()
    names: list[str] = []
    for key in node["items"] if kind == "Array" else [path]:
        if not _TEXTS & key.keys():
            break
        names += [text["value"] for text in key.values()]
    return start, names


def _is_of_a_plugin(place: tuple[str, ...]) -> bool:
    """Whether this asks for all that a shipped plugin found, or else a default: that is how a rule does without it."""
    match place:
        case ("input", "evidence", source):
            return source in shipped_schema("authoring")["properties"]["evidence"]["properties"]
    return False


def _variables(module: Parsed, rule: Rule, asked: Fact) -> dict[str, Fact]:
    """The variables that stand for one fact throughout a rule: bound once, by name, to a reference that is whole."""
    bound = list(_bound(module, rule))
    times = Counter(name for name, _, _ in bound)
    known = {"input": asked}
    waiting = [
        entry
        for entry in bound
        if times[entry[0]] == 1 and entry[1] and entry[0] not in module.own | module.imported.keys()
    ]
    for name, value, is_entry in waiting * len(waiting):  # one may be bound to what another is bound to
        if name not in known and value and value.whole:
            try:
                fact = _fact(value, (), known)
            except Unknown:
                continue  # told where the reference stands
            if fact:
                known[name] = fact.each() if is_entry else fact
    return known


def _bound(module: Parsed, rule: Rule) -> Iterator[tuple[str, Reference | None, bool]]:
    """Each name that a rule binds, the reference that it is bound to, if it is one, and whether to an entry of it."""
    for argument in rule.head.get("args", []):
        yield from ((name, None, False) for name in _names(argument))
    for kind, node in rule.nodes:
        if kind == "AssignExpr":
            yield from _pattern(node["lhs"], node["rhs"], is_entry=False)
        elif kind == "SomeIn":
            yield from _pattern(node["value"], node["collection"], is_entry=True)
            yield from ((name, None, False) for name in _names(node["key"]))
        elif kind == "Every":
            if node["key"]:
                yield text_at(module.source.text, node["key"]), None, False
            yield text_at(module.source.text, node["value"]), _reference(node["domain"]), True
        elif kind == "SomeVars":
            yield from ((text_at(module.source.text, span), None, False) for span in node["vars"])


def _pattern(pattern: Tree, value: Tree, *, is_entry: bool) -> Iterator[tuple[str, Reference | None, bool]]:
    alone = "Var" in pattern
    yield from ((name, _reference(value) if alone else None, is_entry) for name in _names(pattern))


def _names(pattern: Tree | None) -> Iterator[str]:
    return (node.parts[0] for kind, node in walk(pattern) if kind == "Reference" and node.parts)


def _reference(node: Tree) -> Reference | None:
    return reference(node) if _REFERENCES & node.keys() else None


def _meant(place: str, name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    meant = f"Did you mean `{near[0]}`? " if near else ""
    if place == "input.evidence" and not near:
        meant = f"Evidence comes from plugins that are enabled, such as by [plugins.{name}] in the settings. "
    return meant + (f"There are: {', '.join(names)}." if names else "There is nothing below.")
