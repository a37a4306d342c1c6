"""By which id the platform knows a lane."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from .rules import Closed, named


class DokployTargetIdRecord(Closed):
    schema_version: int = Field(default=1, ge=1)
    context: str
    instance: str
    target_id: str
    updated_at: str
    source_label: str = ""

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        named(self, "context", "instance", "target_id", "updated_at")
        return self
