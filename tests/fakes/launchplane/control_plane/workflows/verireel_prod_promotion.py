"""A promotion of the driver ``verireel``. Traps: its caller chooses the record's id; it writes no inventory."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import click
from pydantic import Field, model_validator

from ..contracts.promotion_record import ArtifactIdentityReference, BackupGateEvidence, PromotionRecord, ReleaseStatus
from ..contracts.rules import Closed, named
from .verireel_stable_deploy import VeriReelStableDeployRequest, execute_verireel_stable_deploy


class VeriReelProdPromotionRequest(Closed):
    schema_version: int = Field(default=1, ge=1)
    context: str = "verireel"
    from_instance: str = "testing"
    to_instance: str = "prod"
    artifact_id: str
    source_git_ref: str
    backup_record_id: str
    promotion_record_id: str
    source_health_status: ReleaseStatus = "skipped"
    expected_build_revision: str = ""
    expected_build_tag: str = ""
    rollout_timeout_seconds: int = Field(default=300, ge=1)
    rollout_interval_seconds: int = Field(default=5, ge=1)
    no_cache: bool = False

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        named(self, "context", "artifact_id", "source_git_ref", "backup_record_id", "promotion_record_id")
        if (self.from_instance, self.to_instance) != ("testing", "prod"):
            raise ValueError("a promotion goes from testing to prod")
        return self


class VeriReelProdPromotionResult(Closed):
    promotion_record_id: str
    deployment_record_id: str = ""
    backup_record_id: str = ""
    deploy_status: str
    rollout_status: str
    migration_status: str
    health_status: str
    deploy_started_at: str = ""
    deploy_finished_at: str = ""
    target_name: str
    target_type: str
    target_id: str
    error_message: str = ""


def execute_verireel_prod_promotion(
    *, control_plane_root: Path, record_store: Any, request: VeriReelProdPromotionRequest
) -> VeriReelProdPromotionResult:
    try:
        backup = record_store.read_backup_gate_record(request.backup_record_id)
    except FileNotFoundError as error:
        raise click.ClickException("There is no such backup.") from error
    if not backup.required or backup.status != "pass":
        raise click.ClickException("The backup did not pass.")
    asked = {"context", "artifact_id", "source_git_ref", "expected_build_revision", "expected_build_tag", "no_cache"}
    deployed = execute_verireel_stable_deploy(
        control_plane_root=control_plane_root,
        record_store=record_store,
        request=VeriReelStableDeployRequest(instance="prod", **request.model_dump(include=asked)),
    )
    deployment = record_store.read_deployment_record(deployed.deployment_record_id)
    record_store.write_promotion_record(
        PromotionRecord(
            record_id=request.promotion_record_id,
            artifact_identity=ArtifactIdentityReference(artifact_id=request.artifact_id),
            deployment_record_id=deployment.record_id,
            backup_record_id=backup.record_id,
            context=request.context,
            from_instance=request.from_instance,
            to_instance=request.to_instance,
            backup_gate=BackupGateEvidence(required=True, status=backup.status, evidence=backup.evidence),
            deploy=deployment.deploy,
        )
    )
    good = deployed.deploy_status == "pass"
    return VeriReelProdPromotionResult(
        promotion_record_id=request.promotion_record_id,
        backup_record_id=backup.record_id,
        rollout_status=deployed.rollout_status,
        migration_status="pass" if good else "skipped",
        health_status="pass" if good else "skipped",
        **deployed.model_dump(
            include={
                "deployment_record_id",
                "deploy_status",
                "deploy_started_at",
                "deploy_finished_at",
                "target_name",
                "target_type",
                "target_id",
                "error_message",
            }
        ),
    )
