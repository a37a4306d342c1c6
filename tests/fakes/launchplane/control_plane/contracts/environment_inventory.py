"""What a lane runs, by the last that was written of it."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from .promotion_record import (
    ArtifactIdentityReference,
    DeploymentEvidence,
    HealthcheckEvidence,
    PostDeployUpdateEvidence,
)
from .rules import Closed, named


class EnvironmentInventory(Closed):
    schema_version: int = Field(default=1, ge=1)
    context: str
    instance: str
    artifact_identity: ArtifactIdentityReference | None = None
    source_git_ref: str
    deploy: DeploymentEvidence
    post_deploy_update: PostDeployUpdateEvidence = Field(default_factory=PostDeployUpdateEvidence)
    destination_health: HealthcheckEvidence = Field(default_factory=HealthcheckEvidence)
    updated_at: str
    deployment_record_id: str
    promotion_record_id: str = ""
    promoted_from_instance: str = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        named(self, "context", "instance", "source_git_ref", "updated_at", "deployment_record_id")
        if self.promotion_record_id.strip():
            named(self, "promoted_from_instance")
        return self
