"""What the host was asked, in the gate's words: about which product, by whom, and for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from launchplane_gate import strictjson
from launchplane_gate.errors import ActorUnproven, RequestError
from launchplane_gate.model import Actor, Identifier, Request
from launchplane_gate_launchplane.protocol import COMMANDS, Call

VERIFIER = "launchplane"  # by whose word an actor is who they say: the host asked before it called

GENERIC_WEB_DEPLOY = "/v1/drivers/generic-web/deploy"
GENERIC_WEB_PROMOTION = "/v1/drivers/generic-web/prod-promotion"
VERIREEL_TESTING_DEPLOY = "/v1/drivers/verireel/testing-deploy"
VERIREEL_PROD_DEPLOY = "/v1/drivers/verireel/prod-deploy"
VERIREEL_PROMOTION = "/v1/drivers/verireel/prod-promotion"
VERIREEL_VERIFICATION = "/v1/drivers/verireel/testing-verification"
DEPLOYMENT_EVIDENCE = "/v1/evidence/deployments"
PROMOTION_EVIDENCE = "/v1/evidence/promotions"
CUTOVER = "/v1/product-profiles/context-cutover/apply"

DEPLOYS = frozenset({GENERIC_WEB_DEPLOY, VERIREEL_TESTING_DEPLOY, VERIREEL_PROD_DEPLOY})
PROMOTES = frozenset({GENERIC_WEB_PROMOTION, VERIREEL_PROMOTION})
VERIREEL = frozenset({VERIREEL_TESTING_DEPLOY, VERIREEL_PROD_DEPLOY, VERIREEL_PROMOTION})
WRITES = frozenset({VERIREEL_VERIFICATION, DEPLOYMENT_EVIDENCE, PROMOTION_EVIDENCE})  # of records, and nothing else

OF_A_JOB = (
    "repository", "repository_id", "repository_owner_id", "ref", "ref_protected", "sha", "environment", "event_name",
    "workflow_ref", "job_workflow_ref", "job_workflow_sha", "run_id", "run_attempt", "actor", "actor_id",
    "runner_environment",
)  # fmt: skip
MAX_CHARACTERS = 1000  # of a claim

# What a request names that becomes, or is part of, the name of a file where the host has its records in files.
NAMES = (
    "record_id", "context", "instance", "from_instance", "to_instance",
    "deployment_record_id", "promotion_record_id", "backup_record_id",
)  # fmt: skip
LEADS_OUT = ("/", "\\", "\0", "..")


@dataclass(frozen=True)
class Place:
    """What a call is about, as far as its request says: a lane by both its names, or by its instance alone."""

    context: str
    instance: str

    @classmethod
    def of(cls, request: object) -> Place:
        """Of a promotion it is the destination."""
        instance = _text(request, "to_instance") or _text(request, "instance")
        return cls(_text(request, "context"), instance)


def hold_to_their_folders(request: object) -> None:
    """Raise RequestError for a name that leads out of its folder, whosever lane a request is about.

    The host takes it as it is: a report on a lane of nobody could overwrite the inventory of one that is governed.
    """
    for field in NAMES:
        name = getattr(request, field, "")
        if isinstance(name, str) and any(part in name for part in LEADS_OUT):
            raise RequestError(f"{field}: {name!r} cannot be a name", hint="Nothing was done, and nothing was kept.")


def is_command(route: str) -> bool:
    return route in COMMANDS


def deploys(route: str) -> bool:
    """Whether a call may change what a lane runs; one of a route that nobody knows may."""
    return route not in WRITES and (not is_command(route) or route.endswith(" execute"))


def owns(profile: Any, place: Place) -> bool:
    """Whether a profile, the host's or ours, has a lane."""
    return any(
        (lane.context.strip(), lane.instance.strip()) == (place.context, place.instance) for lane in profile.lanes
    )


def actor_of(identity: object) -> Actor:
    """Who asks, by the host's word. Raises ActorUnproven for an identity that names nobody."""
    try:
        return _human(identity) if hasattr(identity, "login") else _job(identity)
    except (AttributeError, ValidationError):
        raise ActorUnproven(
            "the host says in no form that is known here who asks",
            hint="Nothing was done. This gate knows workflows and people of GitHub, as the host verifies them.",
        ) from None


def _human(identity: Any) -> Actor:
    login = str(identity.login)
    return Actor(
        subject=f"github-human|{login}|{identity.github_id}",
        verified_by=VERIFIER,
        person=login,
        claims={"login": login, "github_id": str(identity.github_id), "role": str(identity.role)},
    )


def _job(identity: Any) -> Actor:
    """A job of GitHub Actions. Who runs one again is not named by its token, so that nobody knows the person then."""
    named = str(identity.workflow_ref or identity.job_workflow_ref or "").strip()
    claims = _claims(identity, identity.raw_claims)
    return Actor(
        subject="|".join((str(identity.repository).strip(), named, str(identity.subject).strip())),
        verified_by=VERIFIER,
        person=claims.get("actor", "") if claims.get("run_attempt") == "1" else "",
        claims=claims,
    )


def _claims(identity: Any, raw: Mapping[str, Any]) -> dict[str, str]:
    found = {name: getattr(identity, name, None) or raw.get(name) for name in OF_A_JOB}
    return {name: str(claim) for name, claim in found.items() if claim not in (None, "") and _is_line(str(claim))}


def _is_line(claim: str) -> bool:
    return claim.isprintable() and len(claim) <= MAX_CHARACTERS


def request_of(call: Call, product: str) -> Request:
    """The deploy or promotion that a call asks for. Raises RequestError for what can be none."""
    asked: Any = call.request
    told: dict[str, Any] = {
        "product": product,
        "expected": {"artifact_id": asked.artifact_id, "source_git_ref": asked.source_git_ref},
        "driver": call.driver_id or None,
    }
    if call.route in PROMOTES:
        told |= {"action": "promote", "source": asked.from_instance, "destination": asked.to_instance}
        told["redeploy"] = asked.no_cache  # which wants a deploy, whatever runs
    else:
        told |= {"action": "deploy", "destination": asked.instance}
    told["timeout_s"] = getattr(asked, "timeout_seconds", None)
    told["promotion_record_id"] = _text(asked, "promotion_record_id") or None  # VeriReel's callers choose it
    return request_from(told | ({} if is_dry(call) else under_key(call)))


def under_key(call: Call) -> dict[str, str]:
    """The key of a call, as the ledger can keep it, and what it is a key for; nothing where it has none."""
    if not call.idempotency_key:
        return {}
    try:
        key = TypeAdapter(Identifier).validate_python(call.idempotency_key)
    except ValidationError:
        key = "digest:" + strictjson.digest(call.idempotency_key)
    return {"idempotency_key": key, "fingerprint": strictjson.digest([call.route, call.fingerprint])}


def request_from(told: Mapping[str, Any]) -> Request:
    """Raises RequestError."""
    try:
        return Request.model_validate(told)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RequestError(
            f"the request cannot be asked of the gate: {place}: {first['msg']}".replace(": : ", ": ")
        ) from None


def is_dry(call: Call) -> bool:
    return bool(getattr(call.request, "dry_run", False))


def _text(request: object, name: str) -> str:
    text = getattr(request, name, "")
    return text.strip() if isinstance(text, str) else ""
