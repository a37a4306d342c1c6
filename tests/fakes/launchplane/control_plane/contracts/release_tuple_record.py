"""Which commits of which repositories an artifact was made of, per channel of a context."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from .rules import Closed, named


class ReleaseTupleRecord(Closed):
    schema_version: int = Field(default=1, ge=1)
    tuple_id: str
    context: str
    channel: str
    artifact_id: str
    repo_shas: dict[str, str]
    image_repository: str = ""
    image_digest: str = ""
    deployment_record_id: str = ""
    promotion_record_id: str = ""
    promoted_from_channel: str = ""
    provenance: Literal["ship", "promotion"]
    minted_at: str

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        named(self, "tuple_id", "context", "channel", "artifact_id", "minted_at")
        return self
