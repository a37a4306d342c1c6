"""A deploy of the driver ``verireel``: its record is written before it is done, as pending."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import click
from pydantic import Field, model_validator

from control_plane import dokploy as control_plane_dokploy

from ..contracts.deployment_record import ResolvedTargetEvidence
from ..contracts.promotion_record import HealthcheckEvidence
from ..contracts.rules import Closed, named
from ..contracts.ship_request import ShipRequest
from .dokploy_deploy import execute_dokploy_artifact_deploy
from .ship import build_deployment_record, generate_deployment_record_id, utc_now_timestamp


class VeriReelStableDeployRequest(Closed):
    schema_version: int = Field(default=1, ge=1)
    context: str = "verireel"
    instance: Literal["testing", "prod"] = "testing"
    artifact_id: str
    source_git_ref: str
    expected_build_revision: str = ""
    expected_build_tag: str = ""
    rollout_timeout_seconds: int = Field(default=300, ge=1)
    rollout_interval_seconds: int = Field(default=5, ge=1)
    timeout_seconds: int | None = Field(default=None, ge=1)
    no_cache: bool = False

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        named(self, "context", "artifact_id", "source_git_ref")
        return self


class VeriReelStableDeployResult(Closed):
    deployment_record_id: str
    deploy_status: str
    deploy_started_at: str
    deploy_finished_at: str
    target_name: str
    target_type: str
    target_id: str
    rollout_status: str = "skipped"
    rollout_base_url: str = ""
    rollout_health_urls: tuple[str, ...] = ()
    rollout_started_at: str = ""
    rollout_finished_at: str = ""
    error_message: str = ""


def execute_verireel_stable_deploy(
    *, control_plane_root: Path, record_store: Any, request: VeriReelStableDeployRequest
) -> VeriReelStableDeployResult:
    """A trap: that of a process which dies stays pending. The real one then asks for a revision; this one does not."""
    record_id = generate_deployment_record_id(context_name=request.context, instance_name=request.instance)
    started_at = utc_now_timestamp()
    truth = control_plane_dokploy.read_control_plane_dokploy_source_of_truth(control_plane_root=control_plane_root)
    target = control_plane_dokploy.find_dokploy_target_definition(
        truth, context_name=request.context, instance_name=request.instance
    )
    if target is None:
        raise click.ClickException(f"There is no target of {request.context}/{request.instance}.")
    shipped = ShipRequest(
        artifact_id=request.artifact_id,
        context=request.context,
        instance=request.instance,
        source_git_ref=request.source_git_ref,
        target_name=target.target_name,
        target_type=target.target_type,
        deploy_mode=f"dokploy-{target.target_type}-api",
        timeout_seconds=request.timeout_seconds,
        no_cache=request.no_cache,
        destination_health=HealthcheckEvidence(status="skipped"),
    )
    resolved = ResolvedTargetEvidence(
        target_type=target.target_type, target_id=target.target_id, target_name=target.target_name
    )

    def write(status: str, finished_at: str = "") -> None:
        record_store.write_deployment_record(
            build_deployment_record(
                request=shipped,
                record_id=record_id,
                deployment_id="control-plane-dokploy",
                deployment_status=status,
                started_at=started_at,
                finished_at=finished_at,
                resolved_target=resolved,
            )
        )

    write("pending")
    status, error_message = "pass", ""
    try:
        host, token = control_plane_dokploy.read_dokploy_config(control_plane_root=control_plane_root)
        execute_dokploy_artifact_deploy(
            host=host,
            token=token,
            ship_request=shipped,
            resolved_target=resolved,
            deploy_timeout_seconds=control_plane_dokploy.resolve_ship_timeout_seconds(
                timeout_override_seconds=request.timeout_seconds, target_definition=target
            ),
        )
    except click.ClickException as error:
        status, error_message = "fail", str(error)
    finished_at = utc_now_timestamp()
    write(status, finished_at)
    return VeriReelStableDeployResult(
        deployment_record_id=record_id,
        deploy_status=status,
        deploy_started_at=started_at,
        deploy_finished_at=finished_at,
        **resolved.model_dump(),
        rollout_status="pass" if status == "pass" else "skipped",
        error_message=error_message,
    )
