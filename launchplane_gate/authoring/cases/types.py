"""Whether what a case states can be a fact, by the schema of all facts: its type, its values, the names in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from launchplane_gate.authoring.changes import MISSING, Path
from launchplane_gate.authoring.paths import Fact, Unknown

_WORDS = {
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "an object",
}
_QUOTED = "Put it into quotes if it is a text."
LONGEST = 60


class Misfit(Unknown):
    """``path``: where it is, within the value."""

    def __init__(self, message: str, remedy: str, path: Path = ()) -> None:
        super().__init__(message, remedy)
        self.path = path


def misfit(fact: Fact, value: Any) -> Misfit | None:
    """What is wrong with a value as that fact; null says that it was looked for and not found, of any."""
    if value is None or value is MISSING:
        return None
    wanted = fact.schema.get("type")
    here = fact.told.removeprefix("input.")
    if wanted and not _is(wanted, value):
        remedy = _QUOTED if wanted == "string" and isinstance(value, int | float) else "State one."
        return Misfit(f"`{here}` is {_shown(value)} here, and has to be {_WORDS[wanted]}", remedy)
    allowed = _values(fact.schema)
    if allowed and value not in allowed:
        return Misfit(f"`{here}` is never {_shown(value)}", f"There are: {', '.join(map(str, allowed))}.")
    return _within(fact, value)


def _within(fact: Fact, value: Any) -> Misfit | None:
    parts = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for step, part in parts:
        try:
            below = Fact(f"{fact.told}[{step}]", fact.each().schema) if isinstance(step, int) else fact.below(step)
        except Unknown as unknown:
            return Misfit(str(unknown).replace("`input.", "`"), unknown.remedy.replace("`input.", "`"), (step,))
        if odd := misfit(below, part):
            return Misfit(str(odd), odd.remedy, (step, *odd.path))
    return None


def _values(schema: Mapping[str, Any]) -> list[Any]:
    """The only values that a fact may have; none where there are others."""
    of_branches = [_values(branch) for branch in schema.get("anyOf", [])]
    if of_branches and all(of_branches):
        return [value for values in of_branches for value in values]
    return list(schema.get("enum", [schema["const"]] if "const" in schema else []))


def _is(wanted: str, value: Any) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    if isinstance(value, int | float):
        return wanted == "number" or (wanted == "integer" and isinstance(value, int))
    kinds = {"string": str, "array": list, "object": Mapping}
    return wanted in kinds and isinstance(value, kinds[wanted])


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
