"""The built-in functions of Rego that policies may call, and what each has to be given.

Each depends on its arguments alone, the engines agree on it, and given what it asks for it never ends in an error.
Whoever extends the list adds a vector to ``vectors.json`` that says what is right.
"""

from __future__ import annotations

from typing import NamedTuple

from launchplane_gate.policy.bundle.known import ARRAY, BOOLEAN, COUNT, MOMENT, OBJECT, SET, TEXT, WHOLE, Known


class Function(NamedTuple):
    """``wants`` names the kind that each argument has to be of; `any` is every kind, and `texts` a list of texts."""

    wants: tuple[str, ...]
    gives: Known = Known()


FUNCTIONS = {
    "array.concat": Function(("array", "array"), ARRAY),
    "concat": Function(("text", "texts"), TEXT),
    "contains": Function(("text", "text"), BOOLEAN),
    "count": Function(("collection",), COUNT),
    "endswith": Function(("text", "text"), BOOLEAN),
    "is_array": Function(("any",), BOOLEAN),
    "is_boolean": Function(("any",), BOOLEAN),
    "is_null": Function(("any",), BOOLEAN),
    "is_number": Function(("any",), BOOLEAN),
    "is_object": Function(("any",), BOOLEAN),
    "is_set": Function(("any",), BOOLEAN),
    "is_string": Function(("any",), BOOLEAN),
    "max": Function(("list",)),
    "min": Function(("list",)),
    "object.get": Function(("object", "any", "any")),
    "object.keys": Function(("object",), SET),
    "regex.match": Function(("pattern", "text"), BOOLEAN),
    "split": Function(("text", "text"), ARRAY._replace(of=TEXT)),
    "sprintf": Function(("format", "any"), TEXT),
    "startswith": Function(("text", "text"), BOOLEAN),
    "trim": Function(("text", "text"), TEXT),
    "trim_prefix": Function(("text", "text"), TEXT),
    "trim_suffix": Function(("text", "text"), TEXT),
}

# What is right only within a function that looks closely at what it is given, and what to call instead elsewhere.
WRAPPED = {
    "floor": (Function(("number",)), ("gate.lib.amounts",), "amounts.is_whole"),
    "format_int": (Function(("number", "any"), TEXT), ("gate.lib.windows",), "say.span, or sprintf with %v"),
    "time.clock": (
        Function(("any",), ARRAY._replace(of=COUNT)),
        ("gate.lib.times", "gate.lib.windows"),
        "windows.open",
    ),
    "time.date": (Function(("any",), ARRAY._replace(of=COUNT)), ("gate.lib.times",), "times.written"),
    "time.parse_rfc3339_ns": (Function(("text",), MOMENT), ("gate.lib.times",), "times.ns"),
    "time.weekday": (Function(("any",), TEXT), ("gate.lib.windows",), "windows.open"),
    "to_number": (Function(("text",), WHOLE), ("gate.lib.versions",), "versions.newer"),
}

GUARDS = {
    "is_array": ARRAY,
    "is_boolean": BOOLEAN,
    "is_number": Known(frozenset({"number"})),
    "is_object": OBJECT,
    "is_set": SET,
    "is_string": TEXT,
    "gate.lib.amounts.is_whole": WHOLE,
}
"""What a function that holds proves of its argument."""

FUNCTIONS_OF_TESTS = {
    **{name: len(function.wants) for name, function in FUNCTIONS.items()},
    "json.filter": 2,
    "json.patch": 2,
    "json.remove": 2,
    "numbers.range": 2,
    "object.remove": 2,
    "object.union": 2,
    "replace": 3,
}
"""The number of arguments that each takes. Tests are of the author's own making: what they are given is no riddle."""
