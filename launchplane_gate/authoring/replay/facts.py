"""Which facts a rule reads, and which of them an input never had.

A key that is absent says that nobody looked. A rule that is not satisfied because of it says nothing of what it would
have said then. What was read then by the same rule, and was absent, is another thing: it counted as it stood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from launchplane_gate.authoring.paths import facts_of_module
from launchplane_gate.policy.bundle.packing import modules_in
from launchplane_gate.policy.bundle.syntax import Parsed, Source, parse
from launchplane_gate.policy_input import StandingInput

Reads = Mapping[str, frozenset[str]]
"""The facts that each rule reads, by its code."""

ReadBefore = Callable[[str], Reads]
"""The same of the policies of a revision; nothing of one that is not known."""

OPEN = frozenset({("actor", "claims"), ("request", "expected")})  # what is not named there was not told: that is known
_RULES = "gate.rules."
_ENTRY = "[_]"

_parsed = lru_cache(maxsize=1024)(parse)


def reads_of(modules: Iterable[Source]) -> Reads:
    """What the rules of a bundle read, themselves and in the libraries that they import."""
    parsed = by_package(modules)
    own = {package: facts_of_module(module) for package, module in parsed.items()}
    rules = (package for package in parsed if package.startswith(_RULES))
    return {
        package.removeprefix(_RULES): frozenset().union(*(own[name] for name in reached(package, parsed)))
        for package in rules
    }


def by_package(modules: Iterable[Source]) -> dict[str, Parsed]:
    """What decides, without the tests."""
    parsed = (_parsed(module) for module in modules if not module.is_test)
    return {module.package: module for module in parsed}


def reached(package: str, modules: Mapping[str, Parsed]) -> set[str]:
    """A package, and the libraries that it leads to: nothing else can be called, which loading sees to."""
    waiting, seen = [package], set[str]()
    while waiting:
        name = waiting.pop()
        if name in modules and name not in seen:
            seen.add(name)
            waiting += [imported.target.removeprefix("data.") for imported in modules[name].imports]
    return seen


def read_before(policies: Callable[[str], bytes | None]) -> ReadBefore:
    """What the rules of a revision read, by the policies as they were kept."""

    @lru_cache(maxsize=64)
    def of(revision: str) -> Reads:
        packed = policies(revision)
        return reads_of(modules_in(packed)) if packed else {}

    return of


def never_had(policy_input: Mapping[str, Any], facts: Iterable[str]) -> str:
    """The first of some facts that an input never had, though one of its phase can have it; empty where it has all.

    It is told no further than to what is missing.
    """
    return next(filter(None, (_absent(policy_input, fact.split(".")[1:]) for fact in sorted(facts))), "")


def _absent(policy_input: Mapping[str, Any], steps: Sequence[str]) -> str:
    if not steps or (policy_input.get("phase") == "standing" and steps[0] not in StandingInput.model_fields):
        return ""
    values: list[Any] = [policy_input]
    above: tuple[str, ...] = ()
    for step in steps:
        name, entry, _ = step.partition(_ENTRY)
        below = []
        for value in values:
            if not isinstance(value, dict):
                continue  # null, or what has nothing below: looked for, and that is what was found
            if name in value:
                below += _entries(value[name]) if entry else [value[name]]
            elif above not in OPEN:
                return ".".join(("input", *above, name))
        values, above = below, (*above, step)
    return ""


def _entries(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
