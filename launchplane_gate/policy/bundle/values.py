"""The static check of values: what is known of each, and that no built-in function is given what it takes amiss."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

from launchplane_gate.policy.bundle.functions import FUNCTIONS, WRAPPED
from launchplane_gate.policy.bundle.known import (
    ARRAY,
    BOOLEAN,
    FACT_BITS,
    NOTHING,
    NULL,
    OBJECT,
    SET,
    TEXT,
    Known,
    Scope,
    both,
    either,
    spelt,
    sure,
)
from launchplane_gate.policy.bundle.patterns import fault_of_pattern
from launchplane_gate.policy.bundle.syntax import Parsed, Tree, line_of, reference, text_at

_TEXTS = frozenset({"String", "RawString"})
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)")
_VERBS = re.compile(r"%(?P<verb>.|$)")
_MOST_BITS = 63
_CALCULATES = frozenset({"gate.lib.times"})  # with nanoseconds
_COUNTS_TEXTS = frozenset({"gate.lib.times", "gate.lib.texts"})  # and lets none pass that the engines count otherwise
_LOOK = {
    "text": "is_string({})",
    "texts": "every text in {} {{ is_string(text) }}",
    "collection": "is_array({})",
    "list": "is_array({})",
    "array": "is_array({})",
    "object": "is_object({})",
    "set": "is_set({})",
    "number": "is_number({})",
    "whole": "amounts.is_whole({})",
}
_NAMES = {
    "texts": "a list of texts",
    "list": "a list",
    "object": "an object",
    "array": "an array",
    "whole": "a whole number",
}
_LONGEST_NAMED = 60


class Values(ABC):
    """One definition of a rule or function, as far as its values go; if it ``decides``, a `satisfied` rests on it."""

    def __init__(self, module: Parsed, *, decides: bool) -> None:
        self.module = module
        self.decides = decides
        self.used: set[str] = set()

    @abstractmethod
    def wrong(self, line: int, message: str, remedy: str) -> None: ...

    @abstractmethod
    def value_of(self, path: str) -> Known:
        """What is known of what a rule or function of the bundle gives."""

    @abstractmethod
    def statements(self, statements: Sequence[Tree], scope: Scope) -> None: ...

    def be_sure(self, line: int, is_sure: bool, scope: Scope) -> None:
        if scope.must_be_sure and not is_sure:
            self.wrong(
                line,
                "a comprehension passes over what is missing, and a rule would rest on that",
                "Give what it starts from a name before it; of an entry, say "
                '`object.get(x, "field", ...)` with what one without it counts as; or write `every`.',
            )

    def parts(self, node: Tree, scope: Scope) -> tuple[Known, Known]:
        """What is known of the two sides of a comparison, or of `in`."""
        if "collection" not in node:
            return self.know(node["lhs"], scope), self.know(node["rhs"], scope)
        if node["key"] is not None:
            self.know(node["key"], scope)
        known = self.know(node["value"], scope), self.know(node["collection"], scope)
        self.be_sure(line_of(node), known[0].sure and known[1].sure, scope)
        return known

    def know(self, node: Tree, scope: Scope) -> Known:
        """What is known of the value of an expression."""
        [(kind, inner)] = node.items()
        look = getattr(self, f"_of_{kind.lower()}", None)
        if look is None:
            line = line_of(inner)
            if kind == "Membership":
                self.parts(inner, scope)
                message = "the value of `in` is false on one engine where a fact is missing"
                self.wrong(line, message, "Let `in` stand alone, as a line of a body.")
            elif kind == "ObjectCompr":
                self.wrong(line, "two entries of one key are an error", "Make a set or an array of them.")
            elif kind == "UnaryExpr":
                self.wrong(line, "one engine knows `-` before a number alone", "Write `0 - x`.")
            else:
                self.wrong(line, "this is no value here", "Give it a line of its own.")
            return NOTHING
        known: Known = look(inner, scope)
        return both(known, scope.seen(node))

    def wants(self, kind: str, node: Tree, scope: Scope, who: str) -> Known:
        """What is known of an argument that has to be of a kind."""
        known = self.know(node, scope)
        is_it = kind in known.kinds
        if kind == "texts":
            is_it = "collection" in known.kinds and known.of is not None and "text" in known.of.kinds
        if who == "`count`" and self.module.package in _COUNTS_TEXTS:
            is_it = is_it or "text" in known.kinds
        if kind != "any" and not is_it:
            [(_, inner)] = node.items()
            named = " ".join(text_at(self.module.source.text, inner["span"]).split())
            named = named if len(named) <= _LONGEST_NAMED else "x"
            more = " How long a text is, says `texts.length`." if who == "`count`" else ""
            self.wrong(
                line_of(inner),
                f"{who} needs {_NAMES.get(kind, f'a {kind}')}, and `{named}` may be something else",
                f"Say `{_LOOK[kind].format(named)}` before it.{more}",
            )
        return known

    def _of_string(self, node: Tree, scope: Scope) -> Known:
        return sure(TEXT)

    _of_rawstring = _of_string

    def _of_bool(self, node: Tree, scope: Scope) -> Known:
        return sure(BOOLEAN)

    def _of_null(self, node: Tree, scope: Scope) -> Known:
        return NULL

    def _of_number(self, node: Tree, scope: Scope) -> Known:
        digits = text_at(self.module.source.text, node["span"])
        if not _WHOLE_NUMBER.fullmatch(digits) or int(digits).bit_length() > FACT_BITS:
            self.wrong(
                line_of(node),
                f"the engines calculate in different ways with {digits}",
                "Use whole numbers up to 2^53: percent, seconds, bytes.",
            )
            return NULL
        return Known(frozenset({"whole", "number"}), bits=int(digits).bit_length(), sure=True)

    def _of_array(self, node: Tree, scope: Scope) -> Known:
        return self._literal(ARRAY, [self.know(item, scope) for item in node["items"]])

    def _of_set(self, node: Tree, scope: Scope) -> Known:
        return self._literal(SET, [self.know(item, scope) for item in node["items"]])

    def _of_object(self, node: Tree, scope: Scope) -> Known:
        keys = [key for _, key, _ in node["fields"]]
        if any(not _TEXTS & key.keys() for key in keys):
            self.wrong(line_of(node), "a key of an object is not written out as a text", "Write it as a text.")
        if len({spelt(key) for key in keys}) < len(keys):
            self.wrong(line_of(node), "a key is there twice", "Leave one of them out.")
        return self._literal(OBJECT, [self.know(value, scope) for _, _, value in node["fields"]])

    def _literal(self, kind: Known, items: Sequence[Known]) -> Known:
        of = either(items) if items else None
        return kind._replace(of=of, sure=all(item.sure for item in items))

    def _of_arraycompr(self, node: Tree, scope: Scope) -> Known:
        return self._comprehension(ARRAY, node, scope)

    def _of_setcompr(self, node: Tree, scope: Scope) -> Known:
        return self._comprehension(SET, node, scope)

    def _comprehension(self, kind: Known, node: Tree, scope: Scope) -> Known:
        inner = scope.within(must_be_sure=self.decides)
        self.statements(node["query"]["stmts"], inner)
        of = self.know(node["term"], inner)
        self.be_sure(line_of(node), of.sure, inner)
        return kind._replace(of=of, sure=True)

    def _of_var(self, node: Tree, scope: Scope) -> Known:
        name = node["value"]
        self.used.add(name)
        if name in scope.names:
            return scope.names[name]
        if name == "input":
            return sure(OBJECT)
        if name in self.module.own:
            return self.value_of(f"{self.module.package}.{name}")
        if name not in self.module.imported and name != "data":
            self.wrong(
                line_of(node), f"`{name}` stands for nothing yet", "Say before what it is: `x := ...`, `some x in ...`."
            )
        return NOTHING

    def _of_refdot(self, node: Tree, scope: Scope) -> Known:
        self.know(node["refr"], scope)
        return NOTHING

    def _of_refbrack(self, node: Tree, scope: Scope) -> Known:
        known = self.know(node["refr"], scope)
        self.know(node["index"], scope)
        return (known.of or NOTHING)._replace(sure=False)

    def _of_boolexpr(self, node: Tree, scope: Scope) -> Known:
        parts = self.parts(node, scope)
        if node["op"] not in ("Eq", "Ne") and any("set" in known.kinds for known in parts):
            self.wrong(line_of(node), "the engines order sets in different ways", "Compare numbers, or use `==`.")
        return BOOLEAN._replace(sure=parts[0].sure and parts[1].sure)

    def _of_binexpr(self, node: Tree, scope: Scope) -> Known:
        parts = [self.wants("set", node[side], scope, "an operation on sets") for side in ("lhs", "rhs")]
        return SET._replace(
            sure=all(known.sure for known in parts), of=either([known.of or NOTHING for known in parts])
        )

    def _of_arithexpr(self, node: Tree, scope: Scope) -> Known:
        left, right, op = node["lhs"], node["rhs"], node["op"]
        if op == "Sub" and "set" in self.know(left, scope).kinds:
            return self._of_binexpr(node, scope)
        kinds = "any" if self.module.package in _CALCULATES else "whole"
        one, other = (self.wants(kinds, part, scope, "arithmetic") for part in (left, right))
        bits = max(one.bits, other.bits) + 1
        if op == "Mul":
            bits = one.bits + other.bits
        elif op == "Mod":
            bits = other.bits
            self._divisor(node, right)
        elif op == "Div":
            bits = one.bits
            self._divisor(node, right)
            if not _goes_up_in(left, right):
                self.wrong(line_of(node), "the engines divide in different ways", "Write `(x - (x % 60)) / 60`.")
        if bits > _MOST_BITS and kinds != "any":
            self.wrong(line_of(node), "this may be beyond what all engines calculate exactly", "Multiply less.")
        return Known(frozenset({"whole", "number"}), bits=min(bits, _MOST_BITS), sure=one.sure and other.sure)

    def _divisor(self, node: Tree, divisor: Tree) -> None:
        if not divisor.get("Number", {}).get("value", 0):
            self.wrong(line_of(node), "this may divide by nothing", "Divide by a number that is written out.")

    # -- calls

    def _of_call(self, node: Tree, scope: Scope) -> Known:
        name = reference(node["fcn"])
        arguments = node["params"]
        path = self.module.meaning(name)
        if path is not None:
            given = [self.know(argument, scope) for argument in arguments]
            known = self.value_of(path)
            return known._replace(sure=known.sure and all(one.sure for one in given))
        function = FUNCTIONS.get(str(name)) or (WRAPPED[str(name)][0] if str(name) in WRAPPED else None)
        if function is None or len(function.wants) != len(arguments):
            return NOTHING  # which is a finding elsewhere
        given = [self._argument(str(name), *pair, scope) for pair in zip(function.wants, arguments, strict=True)]
        if str(name) == "sprintf":
            self._format(node)
        gives = function.gives
        if str(name) in ("min", "max"):
            return (given[0].of or NOTHING)._replace(sure=False)
        if str(name) == "array.concat":
            gives = gives._replace(of=either([known.of or NOTHING for known in given]))
        return gives._replace(sure=all(known.sure for known in given))

    def _argument(self, name: str, kind: str, node: Tree, scope: Scope) -> Known:
        if kind == "pattern":
            [(form, text)] = node.items()
            if form not in _TEXTS:
                self.wrong(line_of(text), "a pattern is not written out", "Write it as a text.")
            elif fault := fault_of_pattern(text["value"]):
                self.wrong(line_of(text), fault, "Use letters, digits, `[a-z]`, `( | )`, `* + ? {2,3}`, `^` and `$`.")
        return self.wants(kind if kind in _LOOK else "any", node, scope, f"`{name}`")

    def _format(self, node: Tree) -> None:
        form, arguments = node["params"]
        line = line_of(node)
        if self.decides:
            self.wrong(
                line,
                "the engines write some values in different ways, and a rule would rest on that",
                "Leave `sprintf` to messages; texts are joined by `concat`.",
            )
        [(kind, text)] = form.items()
        if kind not in _TEXTS:
            self.wrong(line, "the format of `sprintf` is not written out", "Write it as a text.")
            return
        verbs = [match["verb"] for match in _VERBS.finditer(text["value"].replace("%%", ""))]
        if any(verb != "v" for verb in verbs):
            self.wrong(line, "the engines differ on all verbs of `sprintf` but %v", "Use %v.")
        elif "Array" not in arguments or len(arguments["Array"]["items"]) != len(verbs):
            self.wrong(line, "`sprintf` has not one value for each %v", "Write `[x, y]`, with as many as there are %v.")


def _goes_up_in(left: Tree, divisor: Tree) -> bool:
    """Whether this is ``x - (x % n)``, which n divides."""
    difference = left.get("ArithExpr", {})
    rest = difference.get("rhs", {}).get("ArithExpr", {})
    return (
        (difference.get("op"), rest.get("op")) == ("Sub", "Mod")
        and spelt(difference["lhs"]) == spelt(rest["lhs"])
        and spelt(rest["rhs"]) == spelt(divisor)
    )
