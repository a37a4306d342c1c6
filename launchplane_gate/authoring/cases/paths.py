"""The places of facts, as a case writes them: ``source.run.settled``, ``source.deployments[1].older``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from launchplane_gate.authoring.changes import Path
from launchplane_gate.authoring.paths import Fact, Unknown

_STEP = re.compile(r"(?P<name>[^.\[\]]+)(?P<indices>(?:\[\d{1,4}\])*)(?:\.(?=.)|$)")


@dataclass(frozen=True)
class Stated:
    """A fact as a case states it: MISSING for one that is missing. ``within``: where it stands in the file."""

    path: Path
    value: Any
    file: str
    line: int
    within: Path


def followed(fact: Fact, text: str) -> tuple[Path, Fact]:
    """What a path leads to from a fact. Raises Unknown, in the words of a case."""
    path: Path = ()
    rest = text
    while rest:
        if _takes_any_name(fact):
            return (*path, rest), fact.below(rest)
        step = _STEP.match(rest)
        if step is None:
            remedy = "One is names with dots between them, and [0] after that of a list."
            raise Unknown(f"`{text}` is no path of a fact", remedy)
        path = (*path, step["name"])
        fact = _below(fact, step["name"])
        for index in re.findall(r"\d+", step["indices"]):
            path = (*path, int(index))
            fact = _entry(fact, int(index))
        rest = rest[step.end() :]
    return path, fact


def leaves(fact: Fact, facts: Mapping[str, Any], within: Path, above: Path = ()) -> Iterator[Any]:
    """Each fact that nested maps state: its path, what it is, its value and where it stands.

    In place of its path Unknown, for what no input has.
    """
    for key, value in facts.items():
        here = (*within, key)
        try:
            path, found = followed(fact, key)
        except Unknown as unknown:
            yield unknown, fact, None, here
            continue
        path = (*above, *path)
        if isinstance(value, dict) and value and not _takes_any_name(found):
            yield from leaves(found, value, here, path)
        else:
            yield path, found, value, here


def _takes_any_name(fact: Fact) -> bool:
    return isinstance(fact.schema.get("additionalProperties"), dict) and not fact.schema.get("properties")


def _below(fact: Fact, name: str) -> Fact:
    if fact.schema.get("type") == "array":
        raise Unknown(
            f"`{_short(fact.told)}` is a list", f"Name one of its entries by its number: `{_short(fact.told)}[0]`."
        )
    try:
        return fact.below(name)
    except Unknown as unknown:
        raise Unknown(str(unknown).replace("`input.", "`"), unknown.remedy.replace("`input.", "`")) from None


def _entry(fact: Fact, index: int) -> Fact:
    if fact.schema.get("type", "array") != "array":
        raise Unknown(f"`{_short(fact.told)}` is no list", "Leave the number out.")
    return Fact(f"{fact.told}[{index}]", fact.each().schema)


def _short(told: str) -> str:
    return told.removeprefix("input.")
