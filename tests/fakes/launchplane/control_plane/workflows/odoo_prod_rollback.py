"""A rollback of the driver ``odoo``, as far as anybody here needs it: the lane's inventory is written anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ..contracts.promotion_record import ArtifactIdentityReference
from ..contracts.rules import Closed, named
from .ship import utc_now_timestamp


class OdooProdRollbackRequest(Closed):
    schema_version: int = Field(default=1, ge=1)
    context: str
    instance: str = "prod"
    source_channel: Literal["testing"] = "testing"
    promotion_record_id: str = ""
    artifact_id: str = ""
    reason: str = ""

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        named(self, "context", "instance")
        return self


class OdooProdRollbackResult(Closed):
    promotion_record_id: str = ""
    deployment_record_id: str = ""
    rollback_status: str
    rollback_health_status: str = "skipped"
    error_message: str = ""


def execute_odoo_prod_rollback(
    *, control_plane_root: Path, record_store: Any, request: OdooProdRollbackRequest
) -> OdooProdRollbackResult:
    del control_plane_root
    inventory = record_store.read_environment_inventory(context_name=request.context, instance_name=request.instance)
    back = ArtifactIdentityReference(artifact_id=request.artifact_id or "the one of testing")
    record_store.write_environment_inventory(
        inventory.model_copy(update={"artifact_identity": back, "updated_at": utc_now_timestamp()})
    )
    return OdooProdRollbackResult(
        promotion_record_id=request.promotion_record_id,
        deployment_record_id=inventory.deployment_record_id,
        rollback_status="pass",
    )
