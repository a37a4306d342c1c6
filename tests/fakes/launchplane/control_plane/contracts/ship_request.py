"""What is to be shipped to a target, by whatever route it was asked for."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from .promotion_record import HealthcheckEvidence
from .rules import Closed, named


class ShipRequest(Closed):
    schema_version: int = Field(default=1, ge=1)
    artifact_id: str
    context: str
    instance: str
    source_git_ref: str
    target_name: str
    target_type: str
    deploy_mode: str
    wait: bool = True
    timeout_seconds: int | None = Field(default=None, ge=1)
    verify_health: bool = True
    health_timeout_seconds: int | None = Field(default=None, ge=1)
    dry_run: bool = False
    no_cache: bool = False
    allow_dirty: bool = False
    destination_health: HealthcheckEvidence = Field(default_factory=HealthcheckEvidence)

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        named(self, "artifact_id", "context", "instance", "source_git_ref")
        return self
