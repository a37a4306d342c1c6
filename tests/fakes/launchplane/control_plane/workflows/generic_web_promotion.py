"""A promotion of the driver ``generic-web``. Traps: it never reads what testing runs, nor asks for a revision."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Literal, Self
from urllib.error import URLError
from urllib.request import urlopen

import click
from pydantic import Field, model_validator

from ..contracts.deployment_record import DeploymentRecord
from ..contracts.product_profile_record import LaunchplaneProductProfileRecord, ProductLaneProfile
from ..contracts.promotion_record import (
    ArtifactIdentityReference,
    BackupGateEvidence,
    DeploymentEvidence,
    HealthcheckEvidence,
    PromotionRecord,
    ReleaseStatus,
)
from ..contracts.rules import Closed, named
from .generic_web_deploy import GenericWebDeployRequest, execute_generic_web_deploy, resolve_generic_web_profile_lane
from .inventory import build_environment_inventory
from .promote import generate_promotion_record_id
from .ship import utc_now_timestamp

OK, REDIRECTED = 200, 300


class GenericWebProdPromotionRequest(Closed):
    schema_version: int = Field(default=1, ge=1)
    product: str
    artifact_id: str
    source_git_ref: str
    from_instance: str = "testing"
    to_instance: str = "prod"
    backup_record_id: str = ""
    backup_required: bool = False
    wait: bool = True
    timeout_seconds: int | None = Field(default=None, ge=1)
    verify_health: bool = True
    health_timeout_seconds: int = Field(default=60, ge=1)
    dry_run: bool = False
    no_cache: bool = False

    @model_validator(mode="after")
    def _goes_from_testing_to_prod(self) -> Self:
        named(self, "product", "artifact_id", "source_git_ref")
        if (self.from_instance, self.to_instance) != ("testing", "prod"):
            raise ValueError("a promotion goes from testing to prod")
        if self.backup_required and not self.backup_record_id.strip():
            raise ValueError("a required backup has a record")
        if not self.wait:
            raise ValueError("a promotion is waited for")
        return self


class GenericWebProdPromotionResult(Closed):
    product: str
    context: str
    from_instance: str
    to_instance: str
    artifact_id: str
    backup_record_id: str = ""
    promotion_record_id: str
    deployment_record_id: str = ""
    inventory_record_id: str = ""
    promotion_status: Literal["pending", "pass", "fail"]
    deployment_status: ReleaseStatus = "skipped"
    backup_status: ReleaseStatus = "skipped"
    source_health_status: ReleaseStatus = "skipped"
    destination_health_status: ReleaseStatus = "skipped"
    target_name: str = ""
    target_type: str = ""
    target_id: str = ""
    dry_run: bool = False
    error_message: str = ""


def resolve_generic_web_promotion_lanes(
    *, record_store: Any, request: GenericWebProdPromotionRequest
) -> tuple[LaunchplaneProductProfileRecord, ProductLaneProfile, ProductLaneProfile]:
    profile, source = _lane(record_store, request, request.from_instance)
    _, destination = _lane(record_store, request, request.to_instance)
    if source.context != destination.context:
        raise click.ClickException("A promotion stays in one context.")
    return profile, source, destination


def execute_generic_web_prod_promotion(
    *, control_plane_root: Path, record_store: Any, request: GenericWebProdPromotionRequest
) -> GenericWebProdPromotionResult:
    profile, source, destination = resolve_generic_web_promotion_lanes(record_store=record_store, request=request)
    promotion_record_id = generate_promotion_record_id(
        context_name=destination.context, from_instance_name=source.instance, to_instance_name=destination.instance
    )
    backup = _backup(record_store, request, destination.context)
    source_health = _health(profile, source, request)
    destination_health = _health(profile, destination, request)
    told: dict[str, Any] = {
        "promotion_record_id": promotion_record_id,
        "context": destination.context,
        "backup_status": backup.status,
        **request.model_dump(
            include={"product", "from_instance", "to_instance", "artifact_id", "backup_record_id", "dry_run"}
        ),
    }
    if request.dry_run:
        told |= {"promotion_status": "pending", "source_health_status": source_health.status}
        told |= {"destination_health_status": destination_health.status}
        return GenericWebProdPromotionResult.model_validate(told)
    error_message, deployment, target_id, inventory_record_id = "", None, "", ""
    try:
        source_health = _asked(source_health)
        deployed = execute_generic_web_deploy(
            control_plane_root=control_plane_root,
            record_store=record_store,
            request=GenericWebDeployRequest(
                instance=destination.instance,
                **request.model_dump(
                    include={"product", "artifact_id", "source_git_ref", "timeout_seconds", "no_cache"}
                ),
            ),
            lane=destination,
        )
        deployment = record_store.read_deployment_record(deployed.deployment_record_id)
        target_id, error_message = deployed.target_id, deployed.error_message
        if deployed.deploy_status == "pass":
            destination_health = _asked(destination_health)
    except click.ClickException as error:
        error_message = str(error)
        if deployment is None:
            source_health = source_health.model_copy(update={"status": "fail"})
        else:
            destination_health = destination_health.model_copy(update={"status": "fail", "verified": True})
    good = not error_message
    if not good and destination_health.status == "pending":
        destination_health = destination_health.model_copy(update={"status": "skipped"})
    if deployment is not None:
        deployment = _with_health(record_store, deployment, destination_health)
    record = _record(
        request,
        record_id=promotion_record_id,
        source_health=source_health,
        backup=backup,
        destination_health=destination_health,
        deployment=deployment,
        good=good,
    )
    record_store.write_promotion_record(record)
    if good and deployment is not None:
        inventory = build_environment_inventory(
            deployment_record=deployment,
            updated_at=utc_now_timestamp(),
            promotion_record_id=record.record_id,
            promoted_from_instance=record.from_instance,
        )
        record_store.write_environment_inventory(inventory)
        inventory_record_id = f"{inventory.context}-{inventory.instance}"
    return GenericWebProdPromotionResult.model_validate(
        told
        | {
            "deployment_record_id": record.deployment_record_id,
            "inventory_record_id": inventory_record_id,
            "promotion_status": "pass" if good else "fail",
            "deployment_status": record.deploy.status,
            "source_health_status": source_health.status,
            "destination_health_status": destination_health.status,
            "target_name": record.deploy.target_name,
            "target_type": record.deploy.target_type,
            "target_id": target_id,
            "error_message": error_message,
        }
    )


def _lane(
    record_store: Any, request: GenericWebProdPromotionRequest, instance: str
) -> tuple[LaunchplaneProductProfileRecord, ProductLaneProfile]:
    asked = GenericWebDeployRequest(
        instance=instance, **request.model_dump(include={"product", "artifact_id", "source_git_ref"})
    )
    return resolve_generic_web_profile_lane(record_store=record_store, request=asked)


def _backup(record_store: Any, request: GenericWebProdPromotionRequest, context: str) -> BackupGateEvidence:
    if not request.backup_record_id:
        return BackupGateEvidence(required=request.backup_required, status="skipped")
    try:
        record = record_store.read_backup_gate_record(request.backup_record_id)
    except FileNotFoundError as error:
        raise click.ClickException("There is no such backup.") from error
    if (record.context, record.instance) != (context, request.to_instance):
        raise click.ClickException("The backup is of another lane.")
    if record.required and record.status != "pass":
        raise click.ClickException("The backup did not pass.")
    return BackupGateEvidence(required=record.required, status=record.status, evidence=record.evidence)


def _health(
    profile: LaunchplaneProductProfileRecord, lane: ProductLaneProfile, request: GenericWebProdPromotionRequest
) -> HealthcheckEvidence:
    """A trap: a lane without a URL is skipped, and skipped is as good as passed."""
    base = lane.base_url.strip().rstrip("/")
    url = lane.health_url.strip() or (f"{base}{profile.health_path}" if base else "")
    if not request.verify_health or not url:
        return HealthcheckEvidence(status="skipped")
    return HealthcheckEvidence(urls=(url,), timeout_seconds=request.health_timeout_seconds, status="pending")


def _asked(health: HealthcheckEvidence) -> HealthcheckEvidence:
    """Raises ClickException where no answer in time is a 2xx."""
    if health.status == "skipped":
        return health
    until = time.monotonic() + (health.timeout_seconds or 60)
    while time.monotonic() < until:
        try:
            with urlopen(health.urls[0], timeout=min(5, health.timeout_seconds or 5)) as answer:  # noqa: S310  # the profile's
                if OK <= answer.status < REDIRECTED:
                    return health.model_copy(update={"verified": True, "status": "pass"})
        except URLError:
            pass
        time.sleep(1)
    raise click.ClickException(f"{health.urls[0]} is not healthy.")


def _with_health(record_store: Any, deployment: DeploymentRecord, health: HealthcheckEvidence) -> DeploymentRecord:
    asked = health.status != "skipped"
    known = deployment.model_copy(update={"verify_destination_health": asked, "destination_health": health})
    record_store.write_deployment_record(known)
    return known


def _record(
    request: GenericWebProdPromotionRequest,
    *,
    record_id: str,
    source_health: HealthcheckEvidence,
    backup: BackupGateEvidence,
    destination_health: HealthcheckEvidence,
    deployment: DeploymentRecord | None,
    good: bool,
) -> PromotionRecord:
    never = DeploymentEvidence(
        target_name=f"{request.product}-{request.to_instance}",
        target_type="application",
        deploy_mode="dokploy-application-api",
        deployment_id="control-plane-dokploy",
    )
    deploy = deployment.deploy if deployment else never
    return PromotionRecord(
        record_id=record_id,
        artifact_identity=ArtifactIdentityReference(artifact_id=request.artifact_id),
        deployment_record_id=deployment.record_id if deployment else "",
        backup_record_id=request.backup_record_id,
        context=deployment.context if deployment else request.product,
        from_instance=request.from_instance,
        to_instance=request.to_instance,
        source_health=source_health,
        backup_gate=backup,
        deploy=deploy if good else deploy.model_copy(update={"status": "fail"}),
        destination_health=destination_health,
    )
