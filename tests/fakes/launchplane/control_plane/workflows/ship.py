"""Deployment records, and their ids: a trap, since two of one second have one id."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..contracts.deployment_record import DeploymentRecord, ResolvedTargetEvidence
from ..contracts.promotion_record import (
    ArtifactIdentityReference,
    DeploymentEvidence,
    HealthcheckEvidence,
    PostDeployUpdateEvidence,
)
from ..contracts.ship_request import ShipRequest


def generate_deployment_record_id(*, context_name: str, instance_name: str) -> str:
    return f"deployment-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{context_name}-{instance_name}"


def utc_now_timestamp() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def build_deployment_record(
    *,
    request: ShipRequest,
    record_id: str,
    deployment_id: str,
    deployment_status: str,
    started_at: str,
    finished_at: str,
    resolved_target: ResolvedTargetEvidence | None = None,
    runtime_source: dict[str, str] | None = None,
    post_deploy_update: PostDeployUpdateEvidence | None = None,
    destination_health: HealthcheckEvidence | None = None,
) -> DeploymentRecord:
    """A trap: a compose target's record says that an update after the deploy passed, though none ran."""
    said: Any = deployment_status
    updated = PostDeployUpdateEvidence()
    if request.wait and request.target_type == "compose" and said in ("pending", "pass"):
        updated = PostDeployUpdateEvidence(attempted=True, status=said, detail="updated after the deploy")
    return DeploymentRecord.model_validate(
        {
            "record_id": record_id,
            "artifact_identity": ArtifactIdentityReference(artifact_id=request.artifact_id),
            "context": request.context,
            "instance": request.instance,
            "source_git_ref": request.source_git_ref,
            "wait_for_completion": request.wait,
            "verify_destination_health": request.verify_health,
            "no_cache": request.no_cache,
            "resolved_target": resolved_target,
            "runtime_source": runtime_source or {},
            "deploy": DeploymentEvidence.model_validate(
                {
                    "target_name": request.target_name,
                    "target_type": request.target_type,
                    "deploy_mode": request.deploy_mode,
                    "deployment_id": deployment_id,
                    "status": said,
                    "started_at": started_at,
                    "finished_at": finished_at,
                }
            ),
            "post_deploy_update": post_deploy_update or updated,
            "destination_health": destination_health or request.destination_health,
        }
    )
