"""Deployments."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from .promotion_record import (
    ArtifactIdentityReference,
    DeploymentEvidence,
    HealthcheckEvidence,
    PostDeployUpdateEvidence,
)
from .rules import Closed, named


class ResolvedTargetEvidence(Closed):
    target_type: Literal["compose", "application"]
    target_id: str
    target_name: str

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        named(self, "target_id", "target_name")
        return self


class DeploymentRecord(Closed):
    schema_version: int = Field(default=1, ge=1)
    record_id: str
    artifact_identity: ArtifactIdentityReference | None = None
    context: str
    instance: str
    source_git_ref: str
    wait_for_completion: bool = True
    verify_destination_health: bool = True
    no_cache: bool = False
    delegated_executor: Literal["control-plane.dokploy"] = "control-plane.dokploy"
    resolved_target: ResolvedTargetEvidence | None = None
    runtime_source: dict[str, str] = Field(default_factory=dict)
    deploy: DeploymentEvidence
    post_deploy_update: PostDeployUpdateEvidence = Field(default_factory=PostDeployUpdateEvidence)
    destination_health: HealthcheckEvidence = Field(default_factory=HealthcheckEvidence)

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        named(self, "context", "instance", "source_git_ref")
        return self
