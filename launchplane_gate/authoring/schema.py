"""JSON Schemas of what the gate asks, decides, is set up with and reads of proposals, made of the contracts.

They are of draft 7, the last that OPA reads. ``input`` says what a policy input of any phase may be; ``authoring`` has
every fact of all phases, and is stricter than any input: nothing in it is null or left open, so that a reference to a
fact which no input has cannot hide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, RootModel

from launchplane_gate.authoring.cases.form import CaseFile
from launchplane_gate.authoring.cases.schema import case_schema
from launchplane_gate.authoring.explain.told import Explanation
from launchplane_gate.authoring.proposals.proposal import Proposal
from launchplane_gate.model import Decision
from launchplane_gate.policy import shipped_policies
from launchplane_gate.policy.bundle.config import Config, RollCall
from launchplane_gate.policy.bundle.files import CONFIG_PATH
from launchplane_gate.policy_input import PolicyInput, StandingInput
from launchplane_gate.settings import HostedFile, SettingsFile

Schema = dict[str, Any]
Document = Literal["input", "decision", "settings", "authoring", "explanation", "case", "proposal"]
Evidence = Mapping[str, type[BaseModel] | None]
"""The shape of each plugin's evidence; None where the plugin does not tell it."""

DOCUMENTS: tuple[Document, ...] = ("input", "decision", "settings", "authoring", "explanation", "case", "proposal")
SHIPPED = Path(__file__).parent / "schemas"

_DRAFT = "http://json-schema.org/draft-07/schema#"
_NULL = {"type": "null"}


def schema_of(document: Document, evidence: Evidence) -> Schema:
    """Make a schema anew; ``evidence`` is that of the plugins which an input may hold facts of."""
    if document == "decision":
        schema = _of(Decision, mode="serialization")  # it is only ever written
        schema["properties"]["allowed"] = {"type": "boolean"}  # which the commands that print one say too
    elif document == "explanation":
        schema = _of(Explanation, mode="serialization")
    elif document == "settings":
        schema = _of(RootModel[SettingsFile | HostedFile])
    elif document == "case":
        schema = case_schema(_of(CaseFile), schema_of("authoring", evidence), _shipped_roll_call())
    elif document == "proposal":
        schema = _of(Proposal)
    else:
        schema = _of_inputs(evidence)
    if document == "authoring":
        definitions = schema["definitions"]
        of_runs, of_standing = (closed(one, definitions) for one in schema["anyOf"])
        schema = {**either(of_runs, of_standing), "description": "Every fact that a rule may read."}
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


def either(one: Schema, other: Schema) -> Schema:
    """What may stand in the one or in the other; of a fact that both have, whatever either says of it."""
    if one.get("type") == other.get("type") == "object":
        names = {**one["properties"], **other["properties"]}
        both = one["properties"].keys() & other["properties"].keys()
        told = {name: either(one["properties"][name], other["properties"][name]) for name in both}
        return {**other, **one, "properties": {name: told.get(name, part) for name, part in names.items()}}
    if one == other or not _values(one):
        return one
    if not _values(other):
        return other
    return {"enum": [*dict.fromkeys((*_values(one), *_values(other)))], "type": one["type"]}


def _values(schema: Schema) -> list[Any]:
    """The only values that a fact may have; none where there are others."""
    values: list[Any] = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return values


def _shipped_roll_call() -> RollCall:
    file = shipped_policies() / CONFIG_PATH
    return Config.model_validate_json(file.read_text("utf-8")).roll_call


def _of_inputs(evidence: Evidence) -> Schema:
    """What a policy input may be, by its phase."""
    inputs = [_of(contract) for contract in (PolicyInput, StandingInput)]
    inputs[0]["properties"]["evidence"]["properties"] = {
        name: _of_evidence(contract) for name, contract in evidence.items()
    }
    definitions = {name: part for one in inputs for name, part in one["definitions"].items()}
    definitions |= {one["title"]: {key: part for key, part in one.items() if key != "definitions"} for one in inputs}
    return {"anyOf": [{"$ref": f"#/definitions/{one['title']}"} for one in inputs], "definitions": definitions}


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
