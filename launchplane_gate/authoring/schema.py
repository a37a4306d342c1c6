"""JSON Schemas of what the gate asks, decides and is set up with, made of the contracts.

They are of draft 7, the last that OPA reads. ``input`` says what a policy input may be; ``authoring`` is stricter than
any input: nothing in it is null or left open, so that a reference to a fact which no input has cannot hide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from launchplane_gate.model import Decision, PolicyInput
from launchplane_gate.settings import SettingsFile

Schema = dict[str, Any]
Document = Literal["input", "decision", "settings", "authoring"]
Evidence = Mapping[str, type[BaseModel] | None]
"""The shape of each plugin's evidence; None where the plugin does not tell it."""

DOCUMENTS: tuple[Document, ...] = ("input", "decision", "settings", "authoring")
SHIPPED = Path(__file__).parent / "schemas"

_DRAFT = "http://json-schema.org/draft-07/schema#"
_NULL = {"type": "null"}


def schema_of(document: Document, evidence: Evidence) -> Schema:
    """Make a schema anew; ``evidence`` is that of the plugins which an input may hold facts of."""
    if document == "decision":
        schema = _of(Decision, mode="serialization")  # it is only ever written
        schema["properties"]["allowed"] = {"type": "boolean"}  # which the commands that print one say too
    elif document == "settings":
        schema = _of(SettingsFile)
    else:
        schema = _of(PolicyInput)
        found = {name: _of_evidence(contract) for name, contract in evidence.items()}
        schema["properties"]["evidence"]["properties"] = found
    if document == "authoring":
        schema = closed(schema, schema.pop("definitions"))
    return {"$schema": _DRAFT, **schema}


def shipped_schema(document: Document) -> Schema:
    """The schema as it was shipped, with the evidence of the shipped plugins."""
    schema: Schema = json.loads((SHIPPED / f"{document}.json").read_text("utf-8"))
    return schema


def as_text(schema: Schema) -> str:
    return json.dumps(schema, indent=2) + "\n"


def closed(node: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """A schema without null, references or unknown keys; a part that says nothing stays as it is.

    OPA looks at nothing below ``anyOf`` with null, nor below what takes any key.
    """
    if "$ref" in node:
        return closed(definitions[node["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in node:
        branches = [closed(branch, definitions) for branch in node["anyOf"] if branch != _NULL]
        return branches[0] if len(branches) == 1 else {"anyOf": branches}
    kept = {key: value for key, value in node.items() if key not in ("title", "default", "required", "definitions")}
    if "items" in node:
        kept["items"] = closed(node["items"], definitions)
    if node.get("type") == "object":
        kept["properties"] = {name: closed(part, definitions) for name, part in node.get("properties", {}).items()}
        values = node.get("additionalProperties")
        kept["additionalProperties"] = closed(values, definitions) if isinstance(values, dict) else False
    return kept


def _of(contract: type[BaseModel], mode: Literal["validation", "serialization"] = "validation") -> Schema:
    schema = contract.model_json_schema(ref_template="#/definitions/{model}", mode=mode)
    schema["definitions"] = schema.pop("$defs", {})  # as draft 7 calls them
    return schema


def _of_evidence(contract: type[BaseModel] | None) -> Schema:
    if contract is None:
        return {}
    schema = _of(contract)
    definitions = schema.pop("definitions")
    return {"anyOf": [_inlined(schema, definitions), _NULL]}  # looked for and not found


def _inlined(node: Any, definitions: Mapping[str, Schema]) -> Any:
    """With each reference replaced by what it means: two plugins may use one name for two things."""
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(definitions[node["$ref"].rpartition("/")[2]], definitions)
    return {key: _inlined(value, definitions) for key, value in node.items()}
