"""Save the artifact, trigger, wait."""

from __future__ import annotations

import click

from control_plane import dokploy as control_plane_dokploy

from ..contracts.deployment_record import ResolvedTargetEvidence
from ..contracts.ship_request import ShipRequest


def update_dokploy_target_artifact(
    *, host: str, token: str, target_type: str, target_id: str, artifact_id: str
) -> None:
    target = control_plane_dokploy.fetch_dokploy_target_payload(
        host=host, token=token, target_type=target_type, target_id=target_id
    )
    if target_type == "application":
        control_plane_dokploy.dokploy_request(
            host=host,
            token=token,
            path="/api/application.saveDockerProvider",
            method="POST",
            payload={
                "applicationId": target_id,
                "dockerImage": artifact_id,
                **{name: target.get(name) for name in ("username", "password", "registryUrl")},
            },
        )
        return
    if target_type != "compose":
        raise click.ClickException(f"There is no target of the type {target_type}.")
    env = control_plane_dokploy.render_dokploy_env_text_with_overrides(
        str(target.get("env") or ""), updates={"DOCKER_IMAGE_REFERENCE": artifact_id}
    )
    control_plane_dokploy.update_dokploy_target_env(
        host=host, token=token, target_type=target_type, target_id=target_id, target_payload=target, env_text=env
    )


def execute_dokploy_artifact_deploy(
    *,
    host: str,
    token: str,
    ship_request: ShipRequest,
    resolved_target: ResolvedTargetEvidence,
    deploy_timeout_seconds: int,
) -> None:
    """A trap: the newest deployment after ours was triggered is taken for ours."""
    at = {
        "host": host,
        "token": token,
        "target_type": resolved_target.target_type,
        "target_id": resolved_target.target_id,
    }
    before = control_plane_dokploy.latest_deployment_for_target(**at)
    update_dokploy_target_artifact(**at, artifact_id=ship_request.artifact_id)
    control_plane_dokploy.trigger_deployment(**at, no_cache=ship_request.no_cache)
    control_plane_dokploy.wait_for_target_deployment(
        **at, before_key=control_plane_dokploy.deployment_key(before), timeout_seconds=deploy_timeout_seconds
    )
