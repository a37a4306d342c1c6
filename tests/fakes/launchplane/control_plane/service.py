"""The service of the host: who asks, may they, was it asked before, and only then what does it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import click
from jwt import InvalidTokenError
from pydantic import BaseModel, Field, ValidationError

from control_plane import dokploy as control_plane_dokploy
from control_plane import product_context_cutover as control_plane_product_context_cutover

from .contracts.backup_gate_record import BackupGateRecord
from .contracts.deployment_record import DeploymentRecord
from .contracts.idempotency_record import LaunchplaneIdempotencyRecord, build_launchplane_idempotency_record_id
from .contracts.product_profile_record import LaunchplaneProductProfileRecord, ProductLaneProfile
from .contracts.promotion_record import HealthcheckEvidence, PostDeployUpdateEvidence, PromotionRecord, ReleaseStatus
from .contracts.rules import Closed
from .drivers.registry import list_driver_descriptors, read_driver_descriptor
from .service_auth import (
    GitHubActionsIdentity,
    GitHubHumanIdentity,
    LaunchplaneAuthzPolicy,
    LaunchplaneIdentity,
    TokenVerifier,
)
from .storage.factory import build_record_store, storage_backend_name
from .storage.postgres import PostgresRecordStore
from .workflows.evidence_ingestion import apply_deployment_evidence, apply_promotion_evidence
from .workflows.generic_web_deploy import GenericWebDeployRequest, execute_generic_web_deploy
from .workflows.generic_web_promotion import (
    GenericWebProdPromotionRequest,
    execute_generic_web_prod_promotion,
    resolve_generic_web_promotion_lanes,
)
from .workflows.odoo_prod_promotion import OdooProdPromotionRequest, execute_odoo_prod_promotion
from .workflows.odoo_prod_rollback import OdooProdRollbackRequest, execute_odoo_prod_rollback
from .workflows.ship import utc_now_timestamp
from .workflows.verireel_prod_promotion import VeriReelProdPromotionRequest, execute_verireel_prod_promotion
from .workflows.verireel_prod_rollback import VeriReelProdRollbackRequest, execute_verireel_prod_rollback
from .workflows.verireel_stable_deploy import VeriReelStableDeployRequest, execute_verireel_stable_deploy

StartResponse: TypeAlias = Callable[[str, list[tuple[str, str]]], object]

EVIDENCE = {"/v1/evidence/deployments", "/v1/evidence/backup-gates", "/v1/evidence/promotions"}
PROFILES = {"/v1/product-profiles/context-cutover/apply"}
SHOWN = {
    "deployment_record_id",
    "backup_gate_record_id",
    "backup_record_id",
    "release_tuple_id",
    "inventory_record_id",
    "promotion_record_id",
}
WORDS = {
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    500: "Internal Server Error",
}


class ProductDriverMismatchError(ValueError):
    """A product that is not of the driver that was addressed."""


class Envelope(Closed):
    schema_version: int = Field(default=1, ge=1)
    product: str


class DeploymentEvidenceEnvelope(Envelope):
    deployment: DeploymentRecord


class BackupGateEvidenceEnvelope(Envelope):
    backup_gate: BackupGateRecord


class PromotionEvidenceEnvelope(Envelope):
    promotion: PromotionRecord


class GenericWebDeployEnvelope(Envelope):
    deploy: GenericWebDeployRequest


class GenericWebProdPromotionEnvelope(Envelope):
    promotion: GenericWebProdPromotionRequest


class OdooProdPromotionEnvelope(Envelope):
    promotion: OdooProdPromotionRequest


class OdooProdRollbackEnvelope(Envelope):
    rollback: OdooProdRollbackRequest


class VeriReelDeployEnvelope(Envelope):
    deploy: VeriReelStableDeployRequest


class VeriReelProdPromotionEnvelope(Envelope):
    promotion: VeriReelProdPromotionRequest


class VeriReelProdRollbackEnvelope(Envelope):
    rollback: VeriReelProdRollbackRequest


class VeriReelTestingVerificationRequest(Closed):
    context: str = "verireel"
    instance: str = "testing"
    deployment_record_id: str
    migration_status: ReleaseStatus = "skipped"
    verification_status: ReleaseStatus = "skipped"
    owner_routes_status: ReleaseStatus = "skipped"


class VeriReelTestingVerificationEnvelope(Envelope):
    verification: VeriReelTestingVerificationRequest


def _json_response(
    *,
    start_response: StartResponse,
    status_code: int,
    payload: dict[str, object],
    headers: list[tuple[str, str]] | None = None,
) -> list[bytes]:
    """A trap: the words of a status that it does not know are OK."""
    said = json.dumps(payload, indent=2, sort_keys=True).encode()
    kind = [("Content-Type", "application/json"), ("Content-Length", str(len(said)))]
    start_response(f"{status_code} {WORDS.get(status_code, 'OK')}", kind + (headers or []))
    return [said]


def _rejected(
    *, start_response: StartResponse, status_code: int, trace_id: str, code: str, message: str
) -> list[bytes]:
    told: dict[str, object] = {"status": "rejected", "trace_id": trace_id, "error": {"code": code, "message": message}}
    return _json_response(start_response=start_response, status_code=status_code, payload=told)


def _not_found_response(*, start_response: StartResponse, trace_id: str, path: str) -> list[bytes]:
    return _rejected(
        start_response=start_response,
        status_code=404,
        trace_id=trace_id,
        code="not_found",
        message=f"Nothing answers {path}.",
    )


def _trace_id() -> str:
    return f"launchplane_req_{uuid.uuid4().hex}"


def _match_read_route(path: str) -> tuple[str, dict[str, str]] | None:
    segments = [segment for segment in path.split("/") if segment]
    match segments:
        case ["v1", "deployments", record_id]:
            return "deployment.read", {"record_id": record_id}
        case ["v1", "promotions", record_id]:
            return "promotion.read", {"record_id": record_id}
        case ["v1", "inventory", context, instance]:
            return "inventory.read", {"context": context, "instance": instance}
        case ["v1", "contexts", context, "operations", "recent"]:
            return "operations.read", {"context": context}
        case ["v1", "product-profiles", product]:
            return "product_profile.read", {"product": product}
    return None


def _driver_routes() -> dict[str, tuple[str, str]]:
    """The driver of each route, and what a caller must be allowed to do."""
    return {
        f"/v1/drivers/{descriptor.driver_id}/{action}": (descriptor.driver_id, allowed)
        for descriptor in list_driver_descriptors()
        for action, allowed in descriptor.actions.items()
    }


def _idempotency_key(environ: dict[str, Any]) -> str:
    return str(environ.get("HTTP_IDEMPOTENCY_KEY", "")).strip()


def _idempotency_scope(identity: LaunchplaneIdentity) -> str:
    if isinstance(identity, GitHubHumanIdentity):
        return f"github-human|{identity.login}|{identity.github_id}"
    return f"{identity.repository}|{identity.workflow_ref}|{identity.subject}"


def _request_fingerprint(payload: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _accepted_payload(
    *,
    trace_id: str,
    result: dict[str, object],
    driver_result: BaseModel | dict[str, object] | None,
    replayed: bool = False,
    original_trace_id: str = "",
) -> dict[str, object]:
    """A trap: ids of records that it does not know it leaves out."""
    told: dict[str, object] = {
        "status": "accepted",
        "trace_id": trace_id,
        "records": {name: str(value) for name, value in result.items() if name in SHOWN},
    }
    if driver_result:
        told["result"] = (
            driver_result.model_dump(mode="json") if isinstance(driver_result, BaseModel) else driver_result
        )
    if replayed:
        told |= {"replayed": True, "original_trace_id": original_trace_id}
    return told


def _check_idempotent_request(
    *,
    record_store: Any,
    scope: str,
    route_path: str,
    idempotency_key: str,
    request_fingerprint: str,
    start_response: StartResponse,
    trace_id: str,
) -> list[bytes] | None:
    """Traps: an answer is given again for ever, whatever has moved since, and two of one key may be in flight."""
    if not idempotency_key:
        return None
    known = record_store.read_idempotency_record(scope=scope, route_path=route_path, idempotency_key=idempotency_key)
    if known is None:
        return None
    if known.request_fingerprint != request_fingerprint:
        return _rejected(
            start_response=start_response,
            status_code=409,
            trace_id=trace_id,
            code="idempotency_key_reused",
            message="The key belongs to another request.",
        )
    payload = _accepted_payload(
        trace_id=trace_id,
        result=known.response_payload.get("records") or {},
        driver_result=known.response_payload.get("result"),
        replayed=True,
        original_trace_id=known.response_trace_id,
    )
    return _json_response(start_response=start_response, status_code=known.response_status_code, payload=payload)


def _write_idempotency_record(
    *,
    record_store: Any,
    scope: str,
    route_path: str,
    idempotency_key: str,
    request_fingerprint: str,
    response_status_code: int,
    response_trace_id: str,
    response_payload: dict[str, object],
) -> None:
    record_store.write_idempotency_record(
        LaunchplaneIdempotencyRecord(
            record_id=build_launchplane_idempotency_record_id(response_trace_id=response_trace_id),
            scope=scope,
            route_path=route_path,
            idempotency_key=idempotency_key,
            request_fingerprint=request_fingerprint,
            response_status_code=response_status_code,
            response_trace_id=response_trace_id,
            recorded_at=utc_now_timestamp(),
            response_payload=response_payload,
        )
    )


def _read_json_request(environ: dict[str, Any]) -> dict[str, object]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    payload = json.loads(body or b"null")
    if not isinstance(payload, dict):
        raise ValueError("a body is a JSON object")  # noqa: TRY004  # the host's own, which it answers with 400
    return payload


def _bearer_token(environ: dict[str, Any]) -> str:
    scheme, _, token = str(environ.get("HTTP_AUTHORIZATION", "")).strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise PermissionError("a bearer token is needed")
    return token.strip()


def _read_identity(*, environ: dict[str, Any], verifier: TokenVerifier, session_manager: Any) -> LaunchplaneIdentity:
    session = session_manager.read_cookie(str(environ.get("HTTP_COOKIE", ""))) if session_manager else None
    if session is not None:
        human: GitHubHumanIdentity = session.identity
        return human
    return verifier.verify(_bearer_token(environ))


def _product_driver_compatible(*, profile: LaunchplaneProductProfileRecord, expected_driver_id: str) -> bool:
    """A trap: that a driver stands upon the one that was addressed is enough."""
    if profile.driver_id == expected_driver_id:
        return True
    return read_driver_descriptor(profile.driver_id).base_driver_id == expected_driver_id


def _resolve_lane(
    *, record_store: Any, route_path: str, product: str, context: str = "", instance: str = ""
) -> tuple[LaunchplaneProductProfileRecord | None, ProductLaneProfile | None]:
    """Nothing is asked of a product that is called like its driver."""
    driver_id, _ = _driver_routes()[route_path]
    if product.strip() == driver_id:
        return None, None
    profile = record_store.read_product_profile_record(product.strip())
    if not _product_driver_compatible(profile=profile, expected_driver_id=driver_id):
        raise ProductDriverMismatchError(f"{product} is not of {driver_id}")
    if not context and not instance:
        return profile, None
    for lane in profile.lanes:
        if instance in ("", lane.instance) and context in ("", lane.context):
            return profile, lane
    raise ProductDriverMismatchError(f"{product} has no such lane")


def _driver_route_authorization_response(
    *,
    authz_policy: LaunchplaneAuthzPolicy,
    identity: LaunchplaneIdentity,
    route_path: str,
    product: str,
    context: str,
    start_response: StartResponse,
    trace_id: str,
) -> list[bytes] | None:
    _, action = _driver_routes()[route_path]
    if authz_policy.allows(identity=identity, action=action, product=product, context=context):
        return None
    return _denied_response(start_response=start_response, trace_id=trace_id)


def _denied_response(*, start_response: StartResponse, trace_id: str) -> list[bytes]:
    return _rejected(
        start_response=start_response,
        status_code=403,
        trace_id=trace_id,
        code="authorization_denied",
        message="Not allowed for this product and context.",
    )


def _apply_verireel_testing_verification_records(
    *, record_store: Any, request: VeriReelTestingVerificationRequest
) -> dict[str, str]:
    """A trap: a verification that failed advances the inventory all the same."""
    record = record_store.read_deployment_record(request.deployment_record_id)
    if (record.context, record.instance) != (request.context, request.instance):
        raise click.ClickException("The deployment is on another lane.")
    said = (request.verification_status, request.owner_routes_status)
    status: ReleaseStatus = "fail" if "fail" in said else "pass" if set(said) == {"pass"} else "pending"
    health = record.destination_health
    known = health.model_copy(update={"status": status}) if health.urls else HealthcheckEvidence(status=status)
    migrated = PostDeployUpdateEvidence(
        attempted=request.migration_status != "skipped", status=request.migration_status, detail="migrated"
    )
    record = record.model_copy(update={"post_deploy_update": migrated, "destination_health": known})
    return apply_deployment_evidence(record_store=record_store, deployment_record=record)


def _latest_operations(record_store: Any, context: str) -> dict[str, object]:
    def shown(records: Any) -> list[dict[str, object]]:
        return [record.model_dump(mode="json") for record in records]

    return {
        "context": context,
        "storage_backend": storage_backend_name(record_store),
        "inventory": shown(one for one in record_store.list_environment_inventory() if one.context == context),
        "recent_deployments": shown(record_store.list_deployment_records(context_name=context, limit=10)),
        "recent_promotions": shown(record_store.list_promotion_records(context_name=context, limit=10)),
    }


def create_launchplane_service_app(  # noqa: PLR0915  # of the function in it
    *,
    state_dir: Path,
    verifier: TokenVerifier,
    authz_policy: LaunchplaneAuthzPolicy,
    control_plane_root_path: Path | None = None,
    database_url: str | None = None,
    github_oauth_config: Any = None,
    github_oauth_client: Any = None,
    human_session_store: Any = None,
) -> Any:
    """The real one lets people sign in by OAuth; here ``github_oauth_client`` reads their sessions itself."""
    del github_oauth_config, human_session_store
    resolved_root = control_plane_root_path or Path(control_plane_dokploy.__file__).parent.parent
    record_store = build_record_store(state_dir=state_dir, database_url=database_url)
    write_routes = EVIDENCE | PROFILES | set(_driver_routes())
    by_people = {"/v1/drivers/generic-web/prod-promotion"}

    def app(environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:  # noqa: PLR0912, PLR0915  # as the real one
        request_trace_id = _trace_id()
        method, path = str(environ.get("REQUEST_METHOD", "GET")).upper(), str(environ.get("PATH_INFO", ""))
        if method == "GET" and path == "/v1/health":
            health = {"status": "ok", "trace_id": request_trace_id}
            return _json_response(
                start_response=start_response,
                status_code=200,
                payload={**health, "storage_backend": storage_backend_name(record_store)},
            )
        read_route = _match_read_route(path)
        if path not in write_routes and read_route is None:
            return _not_found_response(start_response=start_response, trace_id=request_trace_id, path=path)
        if method not in {"GET", "POST"} or (method == "GET") != (read_route is not None):
            return _rejected(
                start_response=start_response,
                status_code=405,
                trace_id=request_trace_id,
                code="method_not_allowed",
                message="Read with GET, and write with POST.",
            )
        try:
            if method == "GET" or path in by_people:
                identity = _read_identity(environ=environ, verifier=verifier, session_manager=github_oauth_client)
            else:
                identity = verifier.verify(_bearer_token(environ))
                if not isinstance(identity, GitHubActionsIdentity):
                    raise PermissionError("people do not write")  # noqa: TRY301  # the host's own, which it answers with 401
            if method == "GET":
                assert read_route is not None
                action, params = read_route
                if action == "operations.read":
                    if not authz_policy.allows(
                        identity=identity, action=action, product="launchplane", context=params["context"]
                    ):
                        return _denied_response(start_response=start_response, trace_id=request_trace_id)
                    told = {"status": "ok", "trace_id": request_trace_id}
                    return _json_response(
                        start_response=start_response,
                        status_code=200,
                        payload={**told, **_latest_operations(record_store, params["context"])},
                    )
                if action == "product_profile.read":
                    known = record_store.read_product_profile_record(params["product"])
                    if not authz_policy.allows(
                        identity=identity, action=action, product=known.product, context="launchplane"
                    ):
                        return _denied_response(start_response=start_response, trace_id=request_trace_id)
                    told = {"status": "ok", "trace_id": request_trace_id}
                    return _json_response(
                        start_response=start_response,
                        status_code=200,
                        payload={**told, "profile": known.model_dump(mode="json")},
                    )
                record: Any
                if action == "deployment.read":
                    record = record_store.read_deployment_record(params["record_id"])
                elif action == "promotion.read":
                    record = record_store.read_promotion_record(params["record_id"])
                else:
                    record = record_store.read_environment_inventory(
                        context_name=params["context"], instance_name=params["instance"]
                    )
                if not authz_policy.allows(
                    identity=identity, action=action, product="launchplane", context=record.context
                ):
                    return _denied_response(start_response=start_response, trace_id=request_trace_id)
                return _json_response(
                    start_response=start_response,
                    status_code=200,
                    payload={
                        "status": "ok",
                        "trace_id": request_trace_id,
                        "record": record.model_dump(mode="json"),
                    },
                )
            payload = _read_json_request(environ)
            request_idempotency_key = _idempotency_key(environ)
            request_scope = _idempotency_scope(identity)
            request_fingerprint = _request_fingerprint(payload)
            driver_result: Any = None
            result: dict[str, Any] = {}
            request: Any
            if path == "/v1/evidence/deployments":
                request = DeploymentEvidenceEnvelope.model_validate(payload)
                if not authz_policy.allows(
                    identity=identity,
                    action="deployment.write",
                    product=request.product,
                    context=request.deployment.context,
                ):
                    return _denied_response(start_response=start_response, trace_id=request_trace_id)
                idempotent_response = _check_idempotent_request(
                    record_store=record_store,
                    scope=request_scope,
                    route_path=path,
                    idempotency_key=request_idempotency_key,
                    request_fingerprint=request_fingerprint,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if idempotent_response is not None:
                    return idempotent_response
                result = apply_deployment_evidence(
                    record_store=record_store,
                    deployment_record=request.deployment,
                )
            elif path == "/v1/evidence/backup-gates":
                request = BackupGateEvidenceEnvelope.model_validate(payload)
                if not authz_policy.allows(
                    identity=identity,
                    action="backup_gate.write",
                    product=request.product,
                    context=request.backup_gate.context,
                ):
                    return _denied_response(start_response=start_response, trace_id=request_trace_id)
                idempotent_response = _check_idempotent_request(
                    record_store=record_store,
                    scope=request_scope,
                    route_path=path,
                    idempotency_key=request_idempotency_key,
                    request_fingerprint=request_fingerprint,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if idempotent_response is not None:
                    return idempotent_response
                record_store.write_backup_gate_record(request.backup_gate)
                result = {"backup_gate_record_id": request.backup_gate.record_id}
            elif path == "/v1/drivers/generic-web/deploy":
                request = GenericWebDeployEnvelope.model_validate(payload)
                profile, lane = _resolve_lane(
                    record_store=record_store,
                    route_path=path,
                    product=request.product,
                    instance=request.deploy.instance,
                )
                if profile is None or lane is None:
                    raise ProductDriverMismatchError("a deploy needs a lane")  # noqa: TRY301  # the host's own
                authorization_response = _driver_route_authorization_response(
                    authz_policy=authz_policy,
                    identity=identity,
                    route_path=path,
                    product=profile.product,
                    context=lane.context,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if authorization_response is not None:
                    return authorization_response
                idempotent_response = _check_idempotent_request(
                    record_store=record_store,
                    scope=request_scope,
                    route_path=path,
                    idempotency_key=request_idempotency_key,
                    request_fingerprint=request_fingerprint,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if idempotent_response is not None:
                    return idempotent_response
                driver_result = execute_generic_web_deploy(
                    control_plane_root=resolved_root,
                    record_store=record_store,
                    request=request.deploy,
                    profile=profile,
                    lane=lane,
                )
                result = {"deployment_record_id": driver_result.deployment_record_id}
            elif path == "/v1/drivers/generic-web/prod-promotion":
                request = GenericWebProdPromotionEnvelope.model_validate(payload)
                _, _, destination_lane = resolve_generic_web_promotion_lanes(
                    record_store=record_store, request=request.promotion
                )
                if isinstance(identity, GitHubHumanIdentity) and not request.promotion.dry_run:
                    return _denied_response(start_response=start_response, trace_id=request_trace_id)
                authorization_response = _driver_route_authorization_response(
                    authz_policy=authz_policy,
                    identity=identity,
                    route_path=path,
                    product=request.product,
                    context=destination_lane.context,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if authorization_response is not None:
                    return authorization_response
                idempotent_response = _check_idempotent_request(
                    record_store=record_store,
                    scope=request_scope,
                    route_path=path,
                    idempotency_key=request_idempotency_key,
                    request_fingerprint=request_fingerprint,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if idempotent_response is not None:
                    return idempotent_response
                driver_result = execute_generic_web_prod_promotion(
                    control_plane_root=resolved_root,
                    record_store=record_store,
                    request=request.promotion,
                )
                result = driver_result.model_dump(mode="json")
            elif path == "/v1/drivers/odoo/prod-promotion":
                request = OdooProdPromotionEnvelope.model_validate(payload)
                _resolve_lane(record_store=record_store, route_path=path, product=request.product)
                authorization_response = _driver_route_authorization_response(
                    authz_policy=authz_policy,
                    identity=identity,
                    route_path=path,
                    product=request.product,
                    context=request.promotion.context,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if authorization_response is not None:
                    return authorization_response
                idempotent_response = _check_idempotent_request(
                    record_store=record_store,
                    scope=request_scope,
                    route_path=path,
                    idempotency_key=request_idempotency_key,
                    request_fingerprint=request_fingerprint,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if idempotent_response is not None:
                    return idempotent_response
                driver_result = execute_odoo_prod_promotion(
                    control_plane_root=resolved_root,
                    state_dir=state_dir,
                    database_url=database_url,
                    record_store=record_store,
                    request=request.promotion,
                )
                result = driver_result.model_dump(mode="json")
            elif path == "/v1/drivers/odoo/prod-rollback":
                request = OdooProdRollbackEnvelope.model_validate(payload)
                _resolve_lane(record_store=record_store, route_path=path, product=request.product)
                authorization_response = _driver_route_authorization_response(
                    authz_policy=authz_policy,
                    identity=identity,
                    route_path=path,
                    product=request.product,
                    context=request.rollback.context,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if authorization_response is not None:
                    return authorization_response
                idempotent_response = _check_idempotent_request(
                    record_store=record_store,
                    scope=request_scope,
                    route_path=path,
                    idempotency_key=request_idempotency_key,
                    request_fingerprint=request_fingerprint,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if idempotent_response is not None:
                    return idempotent_response
                driver_result = execute_odoo_prod_rollback(
                    control_plane_root=resolved_root,
                    record_store=record_store,
                    request=request.rollback,
                )
                result = driver_result.model_dump(mode="json")
            elif path == "/v1/drivers/verireel/testing-deploy":
                request = VeriReelDeployEnvelope.model_validate(payload)
                _resolve_lane(
                    record_store=record_store,
                    route_path=path,
                    product=request.product,
                    context=request.deploy.context,
                    instance=request.deploy.instance,
                )
                authorization_response = _driver_route_authorization_response(
                    authz_policy=authz_policy,
                    identity=identity,
                    route_path=path,
                    product=request.product,
                    context=request.deploy.context,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if authorization_response is not None:
                    return authorization_response
                idempotent_response = _check_idempotent_request(
                    record_store=record_store,
                    scope=request_scope,
                    route_path=path,
                    idempotency_key=request_idempotency_key,
                    request_fingerprint=request_fingerprint,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if idempotent_response is not None:
                    return idempotent_response
                driver_result = execute_verireel_stable_deploy(
                    control_plane_root=resolved_root,
                    record_store=record_store,
                    request=request.deploy,
                )
                result = driver_result.model_dump(mode="json")
            elif path == "/v1/drivers/verireel/testing-verification":
                request = VeriReelTestingVerificationEnvelope.model_validate(payload)
                _resolve_lane(
                    record_store=record_store,
                    route_path=path,
                    product=request.product,
                    context=request.verification.context,
                    instance=request.verification.instance,
                )
                authorization_response = _driver_route_authorization_response(
                    authz_policy=authz_policy,
                    identity=identity,
                    route_path=path,
                    product=request.product,
                    context=request.verification.context,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if authorization_response is not None:
                    return authorization_response
                idempotent_response = _check_idempotent_request(
                    record_store=record_store,
                    scope=request_scope,
                    route_path=path,
                    idempotency_key=request_idempotency_key,
                    request_fingerprint=request_fingerprint,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if idempotent_response is not None:
                    return idempotent_response
                result = _apply_verireel_testing_verification_records(
                    record_store=record_store,
                    request=request.verification,
                )
            elif path == "/v1/drivers/verireel/prod-deploy":
                request = VeriReelDeployEnvelope.model_validate(payload)
                _resolve_lane(
                    record_store=record_store,
                    route_path=path,
                    product=request.product,
                    context=request.deploy.context,
                    instance=request.deploy.instance,
                )
                authorization_response = _driver_route_authorization_response(
                    authz_policy=authz_policy,
                    identity=identity,
                    route_path=path,
                    product=request.product,
                    context=request.deploy.context,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if authorization_response is not None:
                    return authorization_response
                idempotent_response = _check_idempotent_request(
                    record_store=record_store,
                    scope=request_scope,
                    route_path=path,
                    idempotency_key=request_idempotency_key,
                    request_fingerprint=request_fingerprint,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if idempotent_response is not None:
                    return idempotent_response
                driver_result = execute_verireel_stable_deploy(
                    control_plane_root=resolved_root,
                    record_store=record_store,
                    request=request.deploy,
                )
                result = driver_result.model_dump(mode="json")
            elif path == "/v1/drivers/verireel/prod-promotion":
                request = VeriReelProdPromotionEnvelope.model_validate(payload)
                _resolve_lane(
                    record_store=record_store,
                    route_path=path,
                    product=request.product,
                    context=request.promotion.context,
                    instance=request.promotion.to_instance,
                )
                authorization_response = _driver_route_authorization_response(
                    authz_policy=authz_policy,
                    identity=identity,
                    route_path=path,
                    product=request.product,
                    context=request.promotion.context,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if authorization_response is not None:
                    return authorization_response
                idempotent_response = _check_idempotent_request(
                    record_store=record_store,
                    scope=request_scope,
                    route_path=path,
                    idempotency_key=request_idempotency_key,
                    request_fingerprint=request_fingerprint,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if idempotent_response is not None:
                    return idempotent_response
                driver_result = execute_verireel_prod_promotion(
                    control_plane_root=resolved_root,
                    record_store=record_store,
                    request=request.promotion,
                )
                result = driver_result.model_dump(mode="json")
            elif path == "/v1/drivers/verireel/prod-rollback":
                request = VeriReelProdRollbackEnvelope.model_validate(payload)
                _resolve_lane(
                    record_store=record_store,
                    route_path=path,
                    product=request.product,
                    context=request.rollback.context,
                    instance=request.rollback.instance,
                )
                authorization_response = _driver_route_authorization_response(
                    authz_policy=authz_policy,
                    identity=identity,
                    route_path=path,
                    product=request.product,
                    context=request.rollback.context,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if authorization_response is not None:
                    return authorization_response
                idempotent_response = _check_idempotent_request(
                    record_store=record_store,
                    scope=request_scope,
                    route_path=path,
                    idempotency_key=request_idempotency_key,
                    request_fingerprint=request_fingerprint,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if idempotent_response is not None:
                    return idempotent_response
                driver_result = execute_verireel_prod_rollback(
                    control_plane_root=resolved_root,
                    record_store=record_store,
                    request=request.rollback,
                )
                result = driver_result.model_dump(mode="json")
            elif path == "/v1/product-profiles/context-cutover/apply":
                request = control_plane_product_context_cutover.ProductContextCutoverRequest.model_validate(payload)
                if not isinstance(record_store, PostgresRecordStore):
                    return _rejected(
                        start_response=start_response,
                        status_code=503,
                        trace_id=request_trace_id,
                        code="database_required",
                        message="A cutover needs a database.",
                    )
                if not authz_policy.allows(
                    identity=identity, action="product_profile.write", product=request.product, context="launchplane"
                ):
                    return _denied_response(start_response=start_response, trace_id=request_trace_id)
                idempotent_response = _check_idempotent_request(
                    record_store=record_store,
                    scope=request_scope,
                    route_path=path,
                    idempotency_key=request_idempotency_key,
                    request_fingerprint=request_fingerprint,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if idempotent_response is not None:
                    return idempotent_response
                try:
                    driver_result = control_plane_product_context_cutover.apply_product_context_cutover(
                        record_store=record_store,
                        request=request,
                    )
                except ValueError:
                    return _rejected(
                        start_response=start_response,
                        status_code=400,
                        trace_id=request_trace_id,
                        code="invalid_context_cutover_request",
                        message="The cutover has not its form.",
                    )
                result = {"product_profile": request.product}
            elif path == "/v1/evidence/promotions":
                request = PromotionEvidenceEnvelope.model_validate(payload)
                if not authz_policy.allows(
                    identity=identity,
                    action="promotion.write",
                    product=request.product,
                    context=request.promotion.context,
                ):
                    return _denied_response(start_response=start_response, trace_id=request_trace_id)
                idempotent_response = _check_idempotent_request(
                    record_store=record_store,
                    scope=request_scope,
                    route_path=path,
                    idempotency_key=request_idempotency_key,
                    request_fingerprint=request_fingerprint,
                    start_response=start_response,
                    trace_id=request_trace_id,
                )
                if idempotent_response is not None:
                    return idempotent_response
                result = apply_promotion_evidence(
                    record_store=record_store,
                    promotion_record=request.promotion,
                )
        except (PermissionError, InvalidTokenError):
            return _rejected(
                start_response=start_response,
                status_code=401,
                trace_id=request_trace_id,
                code="authentication_required",
                message="A token or a session is needed.",
            )
        except FileNotFoundError:
            return _not_found_response(start_response=start_response, trace_id=request_trace_id, path=path)
        except ValidationError:
            return _rejected(
                start_response=start_response,
                status_code=400,
                trace_id=request_trace_id,
                code="invalid_request",
                message="The body does not have its form.",
            )
        except ProductDriverMismatchError:
            return _rejected(
                start_response=start_response,
                status_code=403,
                trace_id=request_trace_id,
                code="product_driver_mismatch",
                message="The product is not of this driver.",
            )
        except (ValueError, click.ClickException):
            return _rejected(
                start_response=start_response,
                status_code=400,
                trace_id=request_trace_id,
                code="invalid_request",
                message="That could not be done.",
            )
        except Exception:  # noqa: BLE001  # as the real one
            return _rejected(
                start_response=start_response,
                status_code=500,
                trace_id=request_trace_id,
                code="internal_error",
                message="Something went wrong; its trace tells where.",
            )
        accepted_payload = _accepted_payload(
            trace_id=request_trace_id,
            result=result,
            driver_result=driver_result,
        )
        should_store_idempotency = True
        if path == "/v1/drivers/verireel/prod-backup-gate":
            should_store_idempotency = False
        if method == "POST" and request_idempotency_key and should_store_idempotency:
            _write_idempotency_record(
                record_store=record_store,
                scope=request_scope,
                route_path=path,
                idempotency_key=request_idempotency_key,
                request_fingerprint=request_fingerprint,
                response_status_code=202,
                response_trace_id=request_trace_id,
                response_payload=accepted_payload,
            )
        return _json_response(start_response=start_response, status_code=202, payload=accepted_payload)

    return app
