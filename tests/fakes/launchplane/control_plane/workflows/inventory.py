"""What a lane runs, taken from a deployment record as it is."""

from __future__ import annotations

from ..contracts.deployment_record import DeploymentRecord
from ..contracts.environment_inventory import EnvironmentInventory


def inventory_record_id(*, context_name: str, instance_name: str) -> str:
    return f"{context_name}-{instance_name}"


def build_environment_inventory(
    *,
    deployment_record: DeploymentRecord,
    updated_at: str,
    promotion_record_id: str = "",
    promoted_from_instance: str = "",
) -> EnvironmentInventory:
    taken = {
        name: getattr(deployment_record, name)
        for name in (
            "context",
            "instance",
            "artifact_identity",
            "source_git_ref",
            "deploy",
            "post_deploy_update",
            "destination_health",
        )
    }
    return EnvironmentInventory(
        **taken,
        updated_at=updated_at,
        deployment_record_id=deployment_record.record_id,
        promotion_record_id=promotion_record_id,
        promoted_from_instance=promoted_from_instance,
    )
