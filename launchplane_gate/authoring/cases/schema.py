"""The JSON Schema of a case, for editors: its fields, every fact that there is, every shipped rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from launchplane_gate.authoring.cases.form import CaseFile
from launchplane_gate.policy.bundle.config import RollCall

Schema = dict[str, Any]

_OTHER_FORM: Schema = {"[.\\[]": {}}  # a path with dots; what it leads to is told by `policy test`


def case_schema(form: Schema, authoring: Schema, roll_call: RollCall) -> Schema:
    """``form`` is that of ``CaseFile``, ``authoring`` that of all facts."""
    assert form["title"] == CaseFile.__name__
    facts = form["properties"]["facts"]
    nested = _nullable(authoring)
    dotted = dict(_dotted(authoring))
    form["properties"]["facts"] = {
        **nested,
        "type": "object",
        "description": facts["description"],
        "properties": {**nested["properties"], **dotted},
    }
    codes = {code for *_, codes in roll_call.lists() for code in codes} | {*roll_call.optional}
    [result] = form["properties"]["rules"]["patternProperties"].values()
    form["properties"]["rules"]["properties"] = dict.fromkeys(sorted(codes), result)
    return form


def _nullable(node: Schema) -> Schema:
    """A part of the facts, which may be null, and in which paths with dots stand, too."""
    kept = {key: value for key, value in node.items() if key not in ("$schema", "const", "enum")}
    if values := node.get("enum", [node["const"]] if "const" in node else None):
        return {**kept, "enum": [*values, None], "type": [node["type"], "null"]}
    if "items" in node:
        kept["items"] = _nullable(node["items"])
    if isinstance(node.get("additionalProperties"), Mapping):
        return {**kept, "type": ["object", "null"]}
    if "properties" in node:
        kept["properties"] = {name: _nullable(part) for name, part in node["properties"].items()}
        kept["patternProperties"] = _OTHER_FORM
    if "type" in node:
        kept["type"] = [node["type"], "null"]
    return kept


def _dotted(node: Schema, above: str = "") -> Iterator[tuple[str, Schema]]:
    """Each fact by its path, as far as no list is on the way."""
    for name, part in node.get("properties", {}).items():
        here = f"{above}.{name}" if above else name
        if part.get("properties"):
            yield from _dotted(part, here)
        elif above:
            yield here, _nullable(part)
