"""What a request may hold, and the complaint of the real API about anything else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.fakes.github.answers import Refused

Type = Literal["string", "boolean", "array", "object"]

_TYPES: dict[Type, type] = {"string": str, "boolean": bool, "array": list, "object": dict}


@dataclass(frozen=True)
class Field:
    """``keys`` are those that an object may have; where there are none, any."""

    type: Type = "string"
    required: bool = False
    among: tuple[str, ...] = ()
    keys: frozenset[str] = field(default_factory=frozenset)

    def complaint(self, name: str, given: Mapping[str, Any]) -> str | None:
        if name not in given:
            return f'"{name}" wasn\'t supplied.' if self.required else None
        value = given[name]
        if not isinstance(value, _TYPES[self.type]):
            article = "an" if self.type[0] in "ao" else "a"
            return f"For 'properties/{name}', {json.dumps(value)} is not {article} {self.type}."
        if self.among and value not in self.among:
            return f"For 'properties/{name}', {json.dumps(value)} is not a member of {list(self.among)}."
        return None


Fields = Mapping[str, Field]

NEEDED = Field(required=True)
SWITCH = Field("boolean")

PAGED = frozenset({"per_page", "page"})

LATEST = Field(among=("true", "false", "legacy"))

UPDATE_RELEASE: Fields = {
    **dict.fromkeys(("tag_name", "target_commitish", "name", "body", "discussion_category_name"), Field()),
    "draft": SWITCH,
    "prerelease": SWITCH,
    "make_latest": LATEST,
}
CREATE_RELEASE: Fields = {**UPDATE_RELEASE, "tag_name": NEEDED, "generate_release_notes": SWITCH}
GENERATE_NOTES: Fields = {
    "tag_name": NEEDED,
    **dict.fromkeys(("target_commitish", "previous_tag_name", "configuration_file_path"), Field()),
}

CREATE_REF: Fields = {"ref": NEEDED, "sha": NEEDED}
UPDATE_REF: Fields = {"sha": NEEDED, "force": SWITCH}
CREATE_TAG: Fields = {
    **dict.fromkeys(("tag", "message", "object"), NEEDED),
    "type": Field(required=True, among=("commit", "tree", "blob")),
    "tagger": Field("object", keys=frozenset({"name", "email", "date"})),
}

_PERMISSIONS = """
    actions administration artifact_metadata attestations checks code_quality codespaces contents dependabot_secrets
    deployments discussions environments issues members merge_queues metadata organization_administration
    organization_plan organization_projects organization_secrets packages pages pull_requests
    repository_custom_properties repository_hooks repository_projects secret_scanning_alerts secrets security_events
    single_file statuses vulnerability_alerts workflows
"""
CREATE_TOKEN: Fields = {
    "repositories": Field("array"),
    "repository_ids": Field("array"),
    "permissions": Field("object", keys=frozenset(_PERMISSIONS.split())),
}


def hold(fields: Fields, given: Mapping[str, Any]) -> None:
    """Refuse what has another form than the API takes."""
    found = [complaint for name, field in fields.items() if (complaint := field.complaint(name, given))]
    if found:
        raise Refused("Invalid request.\n\n" + "\n".join(found))


def unknown(fields: Fields, given: Mapping[str, Any]) -> list[str]:
    """Name the body's keys, and those within them, that the API would not look at."""
    names = [f"body key {name!r}" for name in given if name not in fields]
    for name, known in fields.items():
        inner = given.get(name)
        if known.keys and isinstance(inner, dict):
            names += [f"body key {name}/{key!r}" for key in inner if key not in known.keys]
    return names
