"""Ids of promotions: one a second, as those of deployments."""

from __future__ import annotations

from datetime import UTC, datetime

from ..contracts.promotion_record import ArtifactIdentityReference, DeploymentEvidence, PromotionRecord


def generate_promotion_record_id(*, context_name: str, from_instance_name: str, to_instance_name: str) -> str:
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return f"promotion-{now}-{context_name}-{from_instance_name}-to-{to_instance_name}"


def build_promotion_record(
    *,
    record_id: str,
    artifact_id: str,
    deployment_record_id: str = "",
    backup_record_id: str = "",
    context_name: str,
    from_instance_name: str,
    to_instance_name: str,
    target_name: str,
    target_type: str,
    deploy_mode: str,
    deployment_id: str = "",
) -> PromotionRecord:
    """Of one that is still to come."""
    deploy = {
        "target_name": target_name,
        "target_type": target_type,
        "deploy_mode": deploy_mode,
        "deployment_id": deployment_id,
    }
    return PromotionRecord(
        record_id=record_id,
        artifact_identity=ArtifactIdentityReference(artifact_id=artifact_id),
        deployment_record_id=deployment_record_id,
        backup_record_id=backup_record_id,
        context=context_name,
        from_instance=from_instance_name,
        to_instance=to_instance_name,
        deploy=DeploymentEvidence.model_validate(deploy),
    )
