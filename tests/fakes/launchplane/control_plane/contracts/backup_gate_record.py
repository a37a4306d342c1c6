"""Backups."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from .promotion_record import ReleaseStatus
from .rules import Closed, named


class BackupGateRecord(Closed):
    schema_version: int = Field(default=1, ge=1)
    record_id: str
    context: str
    instance: str
    created_at: str
    source: str
    required: bool = True
    status: ReleaseStatus = "pending"
    evidence: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        named(self, "record_id", "context", "instance", "created_at", "source")
        if self.status == "pass" and not self.evidence:
            raise ValueError("a backup that passed has evidence")
        return self
