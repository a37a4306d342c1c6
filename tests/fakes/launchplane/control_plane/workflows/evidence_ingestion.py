"""What somebody else did, and says so. A trap: whatever they say of its end, it becomes the inventory."""

from __future__ import annotations

from typing import Any

import click

from ..contracts.deployment_record import DeploymentRecord
from ..contracts.promotion_record import PromotionRecord
from .inventory import build_environment_inventory, inventory_record_id
from .ship import utc_now_timestamp


def apply_deployment_evidence(*, record_store: Any, deployment_record: DeploymentRecord) -> dict[str, str]:
    record_store.write_deployment_record(deployment_record)
    return {
        "deployment_record_id": deployment_record.record_id,
        "inventory_record_id": _write_inventory(record_store, deployment_record),
    }


def apply_promotion_evidence(*, record_store: Any, promotion_record: PromotionRecord) -> dict[str, str]:
    record_store.write_promotion_record(promotion_record)
    result = {"promotion_record_id": promotion_record.record_id}
    if not promotion_record.deployment_record_id.strip():
        return result
    deployed = record_store.read_deployment_record(promotion_record.deployment_record_id)
    if (deployed.context, deployed.instance) != (promotion_record.context, promotion_record.to_instance):
        raise click.ClickException("The deployment of a promotion is on another lane.")
    if deployed.artifact_identity and deployed.artifact_identity != promotion_record.artifact_identity:
        raise click.ClickException("The deployment of a promotion is of another artifact.")
    written = _write_inventory(
        record_store,
        deployed,
        promotion_record_id=promotion_record.record_id,
        promoted_from_instance=promotion_record.from_instance,
    )
    return result | {"inventory_record_id": written}


def _write_inventory(record_store: Any, deployment_record: DeploymentRecord, **promoted: str) -> str:
    record_store.write_environment_inventory(
        build_environment_inventory(deployment_record=deployment_record, updated_at=utc_now_timestamp(), **promoted)
    )
    return inventory_record_id(context_name=deployment_record.context, instance_name=deployment_record.instance)
