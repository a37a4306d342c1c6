"""Promotions, and the evidence that other records hold too."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from .rules import Closed, attempted

ReleaseStatus = Literal["pending", "pass", "fail", "skipped"]


class ArtifactIdentityReference(Closed):
    artifact_id: str
    manifest_version: int = Field(default=1, ge=1)


class HealthcheckEvidence(Closed):
    verified: bool = False
    urls: tuple[str, ...] = ()
    timeout_seconds: int | None = Field(default=None, ge=1)
    status: ReleaseStatus = "skipped"

    @model_validator(mode="after")
    def _was_asked(self) -> Self:
        asked = self.urls and self.timeout_seconds is not None and self.status in ("pass", "fail")
        if self.verified and not asked:
            raise ValueError("health is verified by a URL, within a time, with a result")
        return self


class BackupGateEvidence(Closed):
    required: bool = True
    status: ReleaseStatus = "pending"
    evidence: dict[str, str] = Field(default_factory=dict)


class DeploymentEvidence(Closed):
    target_name: str
    target_type: Literal["compose", "application"]
    deploy_mode: str
    deployment_id: str = ""
    status: ReleaseStatus = "pending"
    started_at: str = ""
    finished_at: str = ""


class PostDeployUpdateEvidence(Closed):
    attempted: bool = False
    status: ReleaseStatus = "skipped"
    detail: str = ""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        attempted(self)
        return self


class RollbackExecutionEvidence(Closed):
    attempted: bool = False
    status: ReleaseStatus = "skipped"
    detail: str = ""
    snapshot_name: str = ""
    started_at: str = ""
    finished_at: str = ""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        attempted(self)
        return self


class PromotionRecord(Closed):
    schema_version: int = Field(default=1, ge=1)
    record_id: str
    artifact_identity: ArtifactIdentityReference
    deployment_record_id: str = ""
    backup_record_id: str = ""
    context: str
    from_instance: str
    to_instance: str
    source_health: HealthcheckEvidence = Field(default_factory=HealthcheckEvidence)
    backup_gate: BackupGateEvidence = Field(default_factory=BackupGateEvidence)
    deploy: DeploymentEvidence
    post_deploy_update: PostDeployUpdateEvidence = Field(default_factory=PostDeployUpdateEvidence)
    destination_health: HealthcheckEvidence = Field(default_factory=HealthcheckEvidence)
    rollback: RollbackExecutionEvidence = Field(default_factory=RollbackExecutionEvidence)
    rollback_health: HealthcheckEvidence = Field(default_factory=HealthcheckEvidence)

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if self.from_instance == self.to_instance:
            raise ValueError("a promotion goes from one instance to another")
        backed_up = self.backup_gate.required and self.backup_gate.status == "pass"
        if backed_up and not self.backup_record_id.strip():
            raise ValueError("a required backup that passed has a record")
        return self


class PromotionRequest(Closed):
    """What the command that promotes reads from a file."""

    schema_version: int = Field(default=1, ge=1)
    artifact_id: str
    backup_record_id: str = ""
    source_git_ref: str
    context: str
    from_instance: str
    to_instance: str
    target_name: str
    target_type: str
    deploy_mode: str
    dry_run: bool = False
