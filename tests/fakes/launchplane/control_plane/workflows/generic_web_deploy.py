"""A deploy of the driver ``generic-web``. Traps: it asks no health, and writes no inventory."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import click
from pydantic import Field, model_validator

from control_plane import dokploy as control_plane_dokploy
from control_plane import runtime_environments as control_plane_runtime_environments

from ..contracts.deployment_record import ResolvedTargetEvidence
from ..contracts.product_profile_record import LaunchplaneProductProfileRecord, ProductLaneProfile
from ..contracts.promotion_record import HealthcheckEvidence
from ..contracts.rules import Closed, named
from ..contracts.ship_request import ShipRequest
from .dokploy_deploy import execute_dokploy_artifact_deploy
from .ship import build_deployment_record, generate_deployment_record_id, utc_now_timestamp


class GenericWebDeployRequest(Closed):
    schema_version: int = Field(default=1, ge=1)
    product: str
    instance: str
    artifact_id: str
    source_git_ref: str
    timeout_seconds: int | None = Field(default=None, ge=1)
    no_cache: bool = False

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        named(self, "product", "instance", "artifact_id", "source_git_ref")
        return self


class GenericWebDeployResult(Closed):
    deployment_record_id: str
    deploy_status: Literal["pass", "fail"]
    deploy_started_at: str
    deploy_finished_at: str
    product: str
    context: str
    instance: str
    target_name: str = ""
    target_type: str = ""
    target_id: str = ""
    error_message: str = ""


def resolve_generic_web_profile_lane(
    *, record_store: Any, request: GenericWebDeployRequest
) -> tuple[LaunchplaneProductProfileRecord, ProductLaneProfile]:
    profile = record_store.read_product_profile_record(request.product)
    if profile.driver_id != "generic-web":
        raise click.ClickException(f"{profile.product} is of the driver {profile.driver_id}.")
    for lane in profile.lanes:
        if lane.instance == request.instance:
            return profile, lane
    raise click.ClickException(f"{profile.product} has no lane {request.instance}.")


def execute_generic_web_deploy(
    *,
    control_plane_root: Path,
    record_store: Any,
    request: GenericWebDeployRequest,
    profile: LaunchplaneProductProfileRecord | None = None,
    lane: ProductLaneProfile | None = None,
) -> GenericWebDeployResult:
    """A trap: who hands in profile and lane is not asked for the driver."""
    if profile is None or lane is None:
        profile, lane = resolve_generic_web_profile_lane(record_store=record_store, request=request)
    record_id = generate_deployment_record_id(context_name=lane.context, instance_name=lane.instance)
    started_at = utc_now_timestamp()
    target, status, error_message = None, "pass", ""
    shipped = _ship(request, lane, name=f"{profile.product}-{lane.instance}", kind="application")
    try:
        definition = _definition(control_plane_root, lane)
        name = definition.target_name.strip() or shipped.target_name
        shipped = _ship(request, lane, name=name, kind=definition.target_type)
        target = ResolvedTargetEvidence(
            target_type=definition.target_type, target_id=definition.target_id, target_name=name
        )
        host, token = control_plane_dokploy.read_dokploy_config(control_plane_root=control_plane_root)
        execute_dokploy_artifact_deploy(
            host=host,
            token=token,
            ship_request=shipped,
            resolved_target=target,
            deploy_timeout_seconds=control_plane_dokploy.resolve_ship_timeout_seconds(
                timeout_override_seconds=request.timeout_seconds, target_definition=definition
            ),
        )
    except click.ClickException as error:
        status, error_message = "fail", str(error)
    finished_at = utc_now_timestamp()
    record_store.write_deployment_record(
        build_deployment_record(
            request=shipped,
            record_id=record_id,
            deployment_id="control-plane-dokploy",
            deployment_status=status,
            started_at=started_at,
            finished_at=finished_at,
            resolved_target=target,
        )
    )
    return GenericWebDeployResult.model_validate(
        {
            "deployment_record_id": record_id,
            "deploy_status": status,
            "deploy_started_at": started_at,
            "deploy_finished_at": finished_at,
            "product": profile.product,
            "context": lane.context,
            "instance": lane.instance,
            **(target.model_dump() if target else {}),
            "error_message": error_message,
        }
    )


def _definition(control_plane_root: Path, lane: ProductLaneProfile) -> Any:
    truth = control_plane_dokploy.read_control_plane_dokploy_source_of_truth(control_plane_root=control_plane_root)
    found = control_plane_dokploy.find_dokploy_target_definition(
        truth, context_name=lane.context, instance_name=lane.instance
    )
    if found is None:
        raise click.ClickException(f"There is no target of {lane.context}/{lane.instance}.")
    control_plane_runtime_environments.resolve_runtime_environment_values(
        control_plane_root=control_plane_root, context_name=lane.context, instance_name=lane.instance
    )
    return found


def _ship(request: GenericWebDeployRequest, lane: ProductLaneProfile, *, name: str, kind: str) -> ShipRequest:
    return ShipRequest(
        artifact_id=request.artifact_id,
        context=lane.context,
        instance=lane.instance,
        source_git_ref=request.source_git_ref,
        target_name=name,
        target_type=kind,
        deploy_mode=f"dokploy-{kind}-api",
        timeout_seconds=request.timeout_seconds,
        verify_health=False,
        no_cache=request.no_cache,
        destination_health=HealthcheckEvidence(status="skipped"),
    )
