"""A promotion of the driver ``odoo``, as far as anybody here needs it: through the command's own way to ship."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from ..contracts.rules import Closed, named
from ..contracts.ship_request import ShipRequest


class OdooProdPromotionRequest(Closed):
    schema_version: int = Field(default=1, ge=1)
    context: str
    from_instance: str = "testing"
    to_instance: str = "prod"
    artifact_id: str
    backup_record_id: str
    source_git_ref: str = ""

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        named(self, "context", "artifact_id", "backup_record_id")
        return self


class OdooProdPromotionResult(Closed):
    promotion_record_id: str
    deployment_record_id: str
    backup_record_id: str
    release_tuple_id: str = ""
    promotion_status: str
    deployment_status: str
    post_deploy_status: str
    destination_health_status: str


def execute_odoo_prod_promotion(
    *,
    control_plane_root: Path,
    state_dir: Path,
    database_url: str | None,
    record_store: Any,
    request: OdooProdPromotionRequest,
) -> OdooProdPromotionResult:
    """A trap: what ships makes a store of its own, whichever this one was given."""
    from control_plane import cli as control_plane_cli  # noqa: PLC0415  # as the real one, which would go round else

    del control_plane_root, record_store
    _, deployed = control_plane_cli._execute_ship(
        state_dir=state_dir,
        database_url=database_url,
        env_file=None,
        request=ShipRequest(
            artifact_id=request.artifact_id,
            context=request.context,
            instance=request.to_instance,
            source_git_ref=request.source_git_ref or "origin/main",
            target_name=f"{request.context}-{request.to_instance}",
            target_type="compose",
            deploy_mode="dokploy-compose-api",
        ),
    )
    return OdooProdPromotionResult(
        promotion_record_id="",
        deployment_record_id=deployed.record_id,
        backup_record_id=request.backup_record_id,
        promotion_status=deployed.deploy.status,
        deployment_status=deployed.deploy.status,
        post_deploy_status=deployed.post_deploy_update.status,
        destination_health_status=deployed.destination_health.status,
    )
