"""Where a lane lives on the platform, but for its id there."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from .rules import Closed, named


class DokployTargetRecord(Closed):
    schema_version: int = Field(default=1, ge=1)
    context: str
    instance: str
    project_name: str = ""
    target_type: Literal["compose", "application"] = "compose"
    target_name: str = ""
    deploy_timeout_seconds: int | None = Field(default=None, ge=1)
    healthcheck_enabled: bool = True
    healthcheck_path: str = "/web/health"
    healthcheck_timeout_seconds: int | None = Field(default=None, ge=1)
    env: dict[str, str] = Field(default_factory=dict)
    domains: tuple[str, ...] = ()
    updated_at: str
    source_label: str = ""

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        named(self, "context", "instance", "updated_at")
        return self
