"""The first expression of a rule that did not hold, wherever it stands, and the values that it saw.

Of several bodies that is one of the body that came furthest. A function that gives nothing is gone into, and so is what
an `every` asks of an entry that does not fit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from launchplane_gate.authoring.changes import MISSING, Path, Step, at
from launchplane_gate.authoring.explain.probes import BETWEEN, Level, Library, Way, times_held, values_of, written
from launchplane_gate.authoring.explain.written import Writer
from launchplane_gate.errors import EngineError
from launchplane_gate.policy.bundle.syntax import Parsed, Tree, line_of, reference, walk

_REFERENCES = frozenset({"Var", "RefDot", "RefBrack"})
_TWO_SIDED = frozenset({"BoolExpr", "ArithExpr", "BinExpr"})
_COMPREHENSIONS = frozenset({"ArrayCompr", "SetCompr", "ObjectCompr"})

Names = Mapping[str, Path]
"""Which variables stand for which fact, or are made of it."""


@dataclass(frozen=True)
class Place:
    """An expression where it stands; ``file`` is for people and editors."""

    file: str
    line: int
    text: str


@dataclass(frozen=True)
class Saw:
    """What a part of an expression came to; MISSING where it has no value.

    ``fact``: the place in the input that it stands for, or is made of, if that is known.
    """

    text: str
    fact: Path | None
    value: Any


@dataclass(frozen=True)
class Cause:
    """``asked_at``: from where the place was reached, the rule's own line first. ``error``: where none can be told."""

    place: Place
    asked_at: tuple[Place, ...] = ()
    saw: tuple[Saw, ...] = ()
    error: str = ""

    @property
    def facts(self) -> tuple[Path, ...]:
        """The facts that it rests on, as far as they are known."""
        return tuple(dict.fromkeys(saw.fact for saw in self.saw if saw.fact))


class Holds(Exception):
    """All of the rule holds on the engine that is asked."""


@dataclass(frozen=True)
class _Here:
    """A body, seen from within: what led to it, and what is known of its variables."""

    levels: tuple[Level, ...]
    asked_at: tuple[Place, ...]
    names: Names
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def module(self) -> Parsed:
        return self.levels[-1].module

    def after(self, statements: Sequence[str]) -> _Here:
        """Where these statements hold, too."""
        last = self.levels[-1]
        here = replace(last, before=(*last.before, *statements))
        return replace(self, levels=(*self.levels[:-1], here))

    def at_entry(self, name: str, fact: Path | None, values: Mapping[str, Any]) -> _Here:
        """At one entry of a collection, which a variable stands for; ``fact``: its place, if known."""
        pins = {one: json.dumps(value, indent=0) for one, value in values.items()}
        names = dict(self.names)
        if fact is not None and name in values:
            names[name] = fact
            pins[name] = _as_reference(fact)
        here = self.after([f"{one} == {pin}" for one, pin in pins.items()])
        return replace(here, names=names, values={**self.values, **values})


def cause_of(library: Library, code: str, policy_input: Mapping[str, Any]) -> Cause:
    """Why a rule is not satisfied. Raises Holds where it is; what cannot be evaluated is told in the cause."""
    module = library.module(f"gate.rules.{code}")
    search = _Search(library, policy_input)
    line = next(rule.line for rule in module.rules if rule.name == "satisfied")
    try:
        return search.of(module, "satisfied", _Here((), (), {}))
    except EngineError as error:
        return Cause(Place(module.source.file, line, "satisfied"), error=str(error))


class _Search:
    def __init__(self, library: Library, policy_input: Mapping[str, Any]) -> None:
        self.library, self.input, self.asked = library, policy_input, json.dumps(policy_input)

    def ask(self, here: _Here, questions: Mapping[str, str]) -> dict[str, Any]:
        return self.library.ask(here.levels, self.asked, questions)

    def of(self, module: Parsed, name: str, start: _Here, arguments: Sequence[Path | None] = ()) -> Cause:
        """Why what a module defines has no value, called from where ``start`` is with these facts."""
        reached: list[tuple[int, Way, _Here]] = []
        for way in self.library.ways(module, name):
            names = {one: fact for one, fact in zip(way.parameters, arguments, strict=False) if fact is not None}
            here = replace(start, levels=(*start.levels, Level(module, way.parameters)), names=names)
            reached.append((self.came(here, written(way)), way, here))
        # Of those that came as far the first, but for one that only says where there is nothing to ask.
        far, way, here = max(reached, key=lambda one: (one[0], len(one[1].statements) > 1))
        parts = [*way.statements, *([way.value] if way.value else [])]
        if far == len(parts):
            raise Holds
        return self.at(here, way.statements, far, value=way.value)

    def came(self, here: _Here, statements: Sequence[str]) -> int:
        """How many statements hold, from the first one on."""
        counts = {str(end): times_held(statements[:end]) for end in range(1, len(statements) + 1)}
        held = self.ask(here, counts)
        return next((int(end) - 1 for end in counts if not held[end]), len(statements))

    def at(self, here: _Here, statements: Sequence[Tree], index: int, *, value: Tree | None = None) -> Cause:
        """Why a statement does not hold where those before it do; beyond the last one, why there is no value."""
        writer = Writer(here.module)
        here = self.pinned(here, statements[:index])
        if index < len(statements):
            statement = statements[index]
            place = Place(here.module.source.file, line_of(statement), writer.statement(statement))
            kind, node = _literal(statement)
        else:
            assert value is not None  # there is nothing else beyond the last statement
            [(_, inner)] = value.items()
            kind, node = "Expr", {"expr": value}
            place = Place(here.module.source.file, line_of(inner), writer.expression(value))
        [looked_at] = [node[name] for name in ("expr", "collection", "domain") if name in node]
        operands = list(_operands(here.module, looked_at))
        saw = self.seen(here, writer, operands)
        missing = next((number for number, one in enumerate(saw) if one.value is MISSING), None)
        if missing is not None:
            return self.of_missing(here, place, operands[missing], _told(saw[: missing + 1], operands))
        if kind == "Every" and (found := self.in_every(here, place, writer, node)):
            return found
        return Cause(place, here.asked_at, _told(saw, operands))

    def pinned(self, here: _Here, statements: Sequence[Tree]) -> _Here:
        """Where those statements hold; of entries that were looked for, at the first that got that far."""
        asking = Writer(here.module, BETWEEN)
        before = [asking.statement(statement) for statement in statements]
        looked_for = [node for kind, node in map(_literal, statements) if kind == "SomeIn"]
        chosen = [name for node in looked_for for part in (node["key"], node["value"]) for name in _variables(part)]
        bound = self.ask(here, {"bound": values_of(before, f"[{', '.join(chosen)}]")})["bound"] if chosen else []
        values = dict(zip(chosen, bound[0], strict=True)) if bound else {}
        here = here.after(before)
        for kind, node in map(_literal, statements):
            if kind == "SomeIn":
                here = self.at_one(here, node["key"], node["value"], node["collection"], values)
            elif kind == "Expr" and "AssignExpr" in node["expr"]:
                here = replace(here, names={**here.names, **_named(node["expr"]["AssignExpr"], here)})
        return here

    def at_one(self, here: _Here, key: Tree | None, value: Tree, collection: Tree, values: Mapping[str, Any]) -> _Here:
        """At one entry of what was looked through, by the values of its variables."""
        keys, names = _variables(key), _variables(value)
        known = {name: values[name] for name in (*keys, *names) if name in values}
        is_plain = "Var" in value and names
        name = names[0] if is_plain else ""
        fact = self.entry(_fact(collection, here), known.get(name), known.get(keys[0]) if keys else None)
        return here.at_entry(name, fact, known)

    def entry(self, listed: Path | None, value: Any, key: Any) -> Path | None:
        """The place of the entry of a fact that has this key, or else of the first that is equal to this value."""
        found = at(self.input, listed) if listed is not None else MISSING
        if listed is None or not isinstance(found, list | tuple | Mapping):
            return None
        if isinstance(key, str | int) and at(found, (key,)) == value:
            return (*listed, key)
        entries = found.items() if isinstance(found, Mapping) else enumerate(found)
        return next(((*listed, step) for step, one in entries if one == value), None)

    def seen(self, here: _Here, writer: Writer, operands: Sequence[Tree]) -> list[Saw]:
        texts, asking = [writer.expression(operand) for operand in operands], Writer(here.module, BETWEEN)
        asked = {str(number): values_of((), asking.expression(operand)) for number, operand in enumerate(operands)}
        values = self.ask(here, asked)
        return [
            Saw(text, _fact(operand, here), values[str(number)][0] if values[str(number)] else MISSING)
            for number, (text, operand) in enumerate(zip(texts, operands, strict=True))
        ]

    def of_missing(self, here: _Here, place: Place, operand: Tree, saw: tuple[Saw, ...]) -> Cause:
        """What has no value: a definition of the bundle is gone into, anything else is the cause."""
        there = replace(here, asked_at=(*here.asked_at, place))
        [(kind, node)] = operand.items()
        if kind == "Call":
            meant = here.module.meaning(reference(node["fcn"]))
            if meant:  # a function of the bundle; Rego's own have no meaning in it
                package, _, name = meant.rpartition(".")
                writer = Writer(here.module, BETWEEN)
                arguments = ", ".join(writer.part(argument) for argument in node["params"])
                last = replace(there.levels[-1], arguments=arguments)
                there = replace(there, levels=(*there.levels[:-1], last))
                facts = [_fact(argument, here) for argument in node["params"]]
                return self.of(self.library.module(package), name, there, facts)
        elif kind == "Var" and node["value"] in here.module.own:
            return self.of(here.module, node["value"], there)
        return Cause(place, here.asked_at, saw)

    def in_every(self, here: _Here, place: Place, writer: Writer, node: Tree) -> Cause | None:
        """Why the first entry that does not fit does not; None where there is no entry to look at."""
        names, inner, asking = writer.names_of_every(node), node["query"]["stmts"], Writer(here.module, BETWEEN)
        some = f"some {', '.join(names)} in {asking.expression(node['domain'])}"
        statements = [asking.statement(statement) for statement in inner]
        counts = [times_held(statements[:end]) for end in range(1, len(statements) + 1)]
        shown = [name for name in names if name != "_"]
        told = values_of([some], f"[[{', '.join(shown)}], [{', '.join(counts)}]]")
        entries = self.ask(here, {"entries": told})["entries"]
        unfit = next((entry for entry in entries if not entry[1][-1]), None)
        if unfit is None:
            return None
        values = dict(zip(shown, unfit[0], strict=True))
        key = values.get(names[0]) if len(names) > 1 else None
        fact = self.entry(_fact(node["domain"], here), values.get(names[-1]), key)
        within = here.after([some]).at_entry(names[-1], fact, values)
        head = f"every {', '.join(names)} in {writer.expression(node['domain'])}"
        within = replace(within, asked_at=(*here.asked_at, replace(place, text=head)))
        return self.at(within, inner, sum(1 for count in unfit[1] if count))


def _operands(module: Parsed, node: Tree) -> Iterator[Tree]:
    """The parts of an expression whose values tell why it does not hold: what is evaluated first comes first."""
    [(kind, inner)] = node.items()
    if kind in _TWO_SIDED:
        yield from _operands(module, inner["lhs"])
        yield from _operands(module, inner["rhs"])
    elif kind == "AssignExpr":
        yield from _operands(module, inner["rhs"])
    elif kind == "Membership":
        yield from _operands(module, inner["value"])
        yield from _operands(module, inner["collection"])
    elif kind == "Call":
        for argument in inner["params"]:
            yield from _operands(module, argument)
        yield node
    elif kind in _REFERENCES:
        yield from _of_reference(module, node)
    elif kind in ("Array", "Set"):
        for item in inner["items"]:
            yield from _operands(module, item)
    elif kind == "Object":
        for _, _, value in inner["fields"]:
            yield from _operands(module, value)
    elif kind in _COMPREHENSIONS:
        yield node


def _of_reference(module: Parsed, node: Tree) -> Iterator[Tree]:
    """A reference; before it what its keys are computed of, and what it starts from, where that is made."""
    start = node
    while True:
        [(kind, inner)] = start.items()
        if kind == "RefBrack":
            yield from _operands(module, inner["index"])
        if kind not in ("RefDot", "RefBrack"):
            break
        start = inner["refr"]
    if kind == "Var" and start is not node and inner["value"] in module.own:
        yield start
    elif kind != "Var":
        yield from _operands(module, start)
    yield node


def _told(saw: Sequence[Saw], operands: Sequence[Tree]) -> tuple[Saw, ...]:
    """What says something: not the whole of what only a part is read of, nor a yes or no of a function, each once."""
    texts = {one.text for one in saw}
    whole = {one.text for one in saw if any(other.startswith((f"{one.text}.", f"{one.text}[")) for other in texts)}
    kept = [one for one in saw if one.text not in whole and not (one.value in (True, False) and one.text.endswith(")"))]
    return tuple({one.text: one for one in kept}.values())


def _literal(statement: Tree) -> tuple[str, Tree]:
    [(kind, node)] = statement["literal"].items()
    return kind, node


def _fact(node: Tree, here: _Here) -> Path | None:
    """The place in the input that an expression means; None where that cannot be told from how it is written."""
    [(kind, inner)] = node.items()
    if kind == "Var":
        return () if inner["value"] == "input" else here.names.get(inner["value"])
    if kind == "Call":
        steps = _steps(inner["params"][1]) if str(reference(inner["fcn"])) == "object.get" else None
    elif kind == "RefDot":
        steps = (inner["field"][1],)
    elif kind == "RefBrack":
        steps = _steps(inner["index"]) or _computed(inner["index"], here)
    else:
        return None
    start = _fact(inner["params"][0] if kind == "Call" else inner["refr"], here) if steps else None
    return (*start, *steps) if start is not None and steps else None


def _steps(node: Tree) -> tuple[Step, ...] | None:
    """The keys that are written out, of one or of a list of them."""
    [(kind, inner)] = node.items()
    keys = inner["items"] if kind == "Array" else [node]
    texts = [text["value"] for key in keys for name, text in key.items() if name in ("String", "RawString")]
    return tuple(texts) if len(texts) == len(keys) else None


def _computed(node: Tree, here: _Here) -> tuple[Step, ...] | None:
    value = here.values.get(node["Var"]["value"]) if "Var" in node else None
    return (value,) if isinstance(value, str | int) else None


def _named(assigned: Tree, here: _Here) -> dict[str, Path]:
    """The facts that variables stand for, or are made of: of several at once, each of its own.

    A function that gives as many values as it is given makes each of one, as ``times.both`` does.
    """
    left, right = assigned["lhs"], assigned["rhs"]
    names = left["Array"]["items"] if "Array" in left else [left]
    values = [right] if _fact(right, here) is not None else right["Call"]["params"] if "Call" in right else []
    if len(values) == 1 and "Array" in values[0]:
        values = values[0]["Array"]["items"]
    pairs = zip(names, values, strict=True) if len(names) == len(values) else ()
    facts = {name["Var"]["value"]: _fact(value, here) for name, value in pairs if "Var" in name}
    return {name: fact for name, fact in facts.items() if fact is not None and name != "_"}


def _as_reference(fact: Path) -> str:
    return "input" + "".join(f"[{json.dumps(step)}]" for step in fact)


def _variables(part: Tree | None) -> list[str]:
    names = [node.parts[0] for kind, node in walk(part) if kind == "Reference" and node.parts]
    return [name for name in dict.fromkeys(names) if name != "_"]
