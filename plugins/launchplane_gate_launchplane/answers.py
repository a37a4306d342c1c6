"""A run, and what is raised in place of one, in the shapes that the host's callers know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from launchplane_gate.commands import looking_at
from launchplane_gate.errors import (
    ActorUnproven,
    GateError,
    KeyReused,
    LaneBusy,
    NotSettled,
    RecordExists,
    RecordUnreadable,
    RequestError,
    Stale,
    StaleReplay,
)
from launchplane_gate.gate import Gate
from launchplane_gate.lanes import standing
from launchplane_gate.model import Actor, Decision, Lane, Request, Run, noun
from launchplane_gate.records import DeploymentRecord, EnvironmentInventory, PromotionRecord, ResolvedTarget
from launchplane_gate.store import RecordStore
from launchplane_gate.ways import ways_on
from launchplane_gate_launchplane import calls
from launchplane_gate_launchplane.host import named
from launchplane_gate_launchplane.protocol import Call

PASSED = frozenset({"recorded", "unchanged", "observed"})
NOTHING_HAPPENED = frozenset({"denied", "stale", "undecided"})

ENDED = {
    "fail": "The deploy did not pass",
    "unknown": "Whether the deploy passed cannot be told",
    "unconfirmed": "The deploy passed, and that the lane runs it is not proven",
    "unrecorded": "The lane was seen to run it, and the inventory could not be written",
    "interrupted": "It did not come to its end",
}


@dataclass(frozen=True)
class Refusal:
    """An answer of the host's that is no 202."""

    status: int
    code: str
    message: str


CODES: tuple[tuple[type[GateError], int, str], ...] = (  # the first that fits
    (StaleReplay, 409, "stale_idempotent_replay"),
    (Stale, 409, "stale"),
    (LaneBusy, 409, "lane_busy"),
    (KeyReused, 409, "idempotency_key_reused"),
    (RecordExists, 409, "record_exists"),
    (ActorUnproven, 409, "policy_denied"),
    (RequestError, 400, "invalid_request"),
)


def refusal_of(error: GateError) -> Refusal:
    """What is told where a call raised, and nothing was changed. Whatever kept a decision from being had is 503."""
    status, code = next(((status, code) for kind, status, code in CODES if isinstance(error, kind)), (503, UNAVAILABLE))
    return Refusal(status, code, f"{_sentence(str(error))} {error.hint}".strip())


UNAVAILABLE = "policy_unavailable"


def refusal_in(run: Run) -> Refusal | None:
    """What is told of a run that changed nothing, or is another call's; None of one that came further."""
    if run.replayed and run.status == "open":
        told = f"This request is under way as run {run.run_id}, and did not end while it was waited for."
        return Refusal(409, "in_progress", f"{told} Nothing was done by this repeat of it: ask again for how it ended.")
    if run.status == "denied" and run.admitted:
        return Refusal(409, "policy_denied", denied_text(run.admitted))
    if run.status in NOTHING_HAPPENED:
        code = {"denied": "policy_denied", "stale": "stale"}.get(run.status, UNAVAILABLE)
        status = 503 if code == UNAVAILABLE else 409
        return Refusal(status, code, f"{_sentence(run.detail)} Nothing was deployed (run {run.run_id}).".strip())
    return None


def denied_text(decision: Decision) -> str:
    """Which rules refused, what each saw, and what it would take."""
    what = f"{noun(decision.action).capitalize()} of {decision.release} to" if decision.release else "Nothing new on"
    codes = ", ".join(result.code for result in decision.refusals)
    kept = f", decision {decision.decision_id}" if decision.decision_id else ""
    told = [f"{what} {decision.destination} refused by {codes}{kept}. Nothing was deployed."]
    told += [f"{one.code}: {_sentence(one.message)} {_sentence(one.remedy)}".rstrip() for one in decision.causes]
    told += [f"{one.code} follows from {' and '.join(one.follows)}." for one in decision.refusals if one.follows]
    return "\n".join(told)


def failed_text(run: Run, way_back: str) -> str:
    """What happened that is not proven, by which decision, and the command that settles its lane."""
    decision = run.confirmed or run.admitted
    named = f"run {run.run_id}" + (f", decision {decision.decision_id}" if decision else "")
    told = [f"{ENDED.get(run.status, run.status)}: {run.release} on {run.destination} ({named})."]
    if run.confirmed and run.confirmed.refusals:
        told += [f"{one.code}: {_sentence(one.message)}" for one in run.confirmed.causes]
    elif run.detail:
        told.append(_sentence(run.detail))
    left = f"{run.destination} is unsettled" if run.touched else f"Nothing was changed on {run.destination}"
    told.append(f"{left}; to go on: `{way_back}`.")
    return "\n".join(told)


def way_back(gate: Gate, run: Run) -> str:
    """The command that finishes or settles what a run left; the same request of the host's own does too."""
    ways = ways_on(standing(gate, gate.profile(run.product), run.destination), run)
    return ways[0].command if ways else looking_at(run.product)


def _sentence(text: str) -> str:
    """With a full stop, where it has none."""
    text = text.strip()
    return text if not text or text[-1] in ".!?" else f"{text}."


# -- what the executor would have returned


@dataclass(frozen=True)
class Told:
    """A run that came further than its admission, with its records as they stand.

    ``wrong``: what is told of one that was not recorded; empty where it was.
    """

    call: Call
    run: Run
    deployment: DeploymentRecord | None
    promotion: PromotionRecord | None
    wrong: str

    @property
    def passed(self) -> bool:
        return _passed(self.run, self.deployment)

    @property
    def status(self) -> str:
        return "pass" if self.passed else "fail"

    @property
    def target(self) -> dict[str, str]:
        found = self.deployment and self.deployment.resolved_target
        return {field: str(getattr(found, field)) if found else "" for field in ResolvedTarget.model_fields}

    @property
    def times(self) -> dict[str, str]:
        deploy = self.deployment and self.deployment.deploy
        return {
            "deploy_started_at": deploy.started_at if deploy else self.run.started_at,
            "deploy_finished_at": deploy.finished_at if deploy else "",
        }

    @property
    def health_urls(self) -> tuple[str, ...]:
        return self.deployment.destination_health.urls if self.deployment else ()


def told_of(call: Call, run: Run, gate: Gate) -> Told:
    """A run with its records: of one that found its release running already, those that the inventory names."""
    store, deployment_id, promotion_id = gate.store, run.deployment_record_id, run.promotion_record_id
    if run.status == "unchanged":
        inventory = _inventory(run, store)
        if inventory:
            deployment_id, promotion_id = inventory.deployment_record_id, inventory.promotion_record_id
    deployment = _read(store.read_deployment_record, deployment_id)
    return Told(
        call,
        run,
        deployment,
        _read(store.read_promotion_record, promotion_id),
        "" if _passed(run, deployment) else failed_text(run, way_back(gate, run)),
    )


def _passed(run: Run, deployment: DeploymentRecord | None) -> bool:
    """What is only observed is told as the host has it: by its deploy, whether that is proven or not."""
    deployed = deployment is not None and deployment.deploy.status == "pass"
    return run.status in PASSED or (run.mode == "observe" and deployed)


def unread(call: Call, request: Request, actor: Actor, lane: Lane, error: NotSettled) -> Told:
    """What is told where a run came past its admission, and cannot be read: that it may have deployed."""
    run = Run(
        run_id="",
        status="interrupted",
        action=request.action,
        product=request.product,
        source=None,
        destination=lane,
        release=None,
        previous=None,
        actor=actor,
        reason=request.reason,
        started_at="",
    )
    return Told(call, run, None, None, f"{_sentence(str(error))} {error.hint}")


def _inventory(run: Run, store: RecordStore) -> EnvironmentInventory | None:
    lane = run.destination
    with suppress(FileNotFoundError, RecordUnreadable):
        return store.read_environment_inventory(context_name=lane.context, instance_name=lane.instance)
    return None


def _read(read: Callable[[str], Any], record_id: str | None) -> Any:
    """A record, or None where it is gone: what happened is told all the same."""
    with suppress(FileNotFoundError, RecordUnreadable):
        return read(record_id) if record_id else None
    return None


def result_of(told: Told) -> Any:
    """What the executor of a call returns, made of the run and its records: the same for each repeat."""
    module, kind, fields = _RESULTS[told.call.route]
    return named(f"workflows.{module}", kind)(**fields(told))


def as_executed(result: Any, run: Run) -> Any:
    """What an executor returned, with the ids of the records that the run wrote in place of those that it kept back."""
    ids = {"deployment_record_id": run.deployment_record_id, "promotion_record_id": run.promotion_record_id}
    return result.model_copy(update={name: its for name, its in ids.items() if its and hasattr(result, name)})


def _generic_web_deploy(told: Told) -> dict[str, Any]:
    run = told.run
    return {
        "deployment_record_id": told.deployment.record_id if told.deployment else run.deployment_record_id or "",
        "deploy_status": told.status,
        **told.times,
        "product": run.product,
        "context": run.destination.context,
        "instance": run.destination.instance,
        **told.target,
        "error_message": told.wrong,
    }


def _generic_web_promotion(told: Told) -> dict[str, Any]:
    run, promotion, lane = told.run, told.promotion, told.run.destination
    request: Any = told.call.request
    return {
        "product": run.product,
        "context": lane.context,
        "from_instance": request.from_instance,
        "to_instance": lane.instance,
        "artifact_id": request.artifact_id,
        "backup_record_id": promotion.backup_record_id if promotion else request.backup_record_id,
        "promotion_record_id": promotion.record_id if promotion else "",
        "deployment_record_id": told.deployment.record_id if told.deployment else "",
        "inventory_record_id": f"{lane.context}-{lane.instance}" if told.passed else "",
        "promotion_status": told.status,
        "deployment_status": promotion.deploy.status if promotion else told.status,
        "backup_status": promotion.backup_gate.status if promotion else "skipped",
        "source_health_status": promotion.source_health.status if promotion else "skipped",
        "destination_health_status": promotion.destination_health.status if promotion else "skipped",
        **told.target,
        "error_message": told.wrong,
    }


def _verireel_deploy(told: Told) -> dict[str, Any]:
    urls, confirmed = told.health_urls, told.run.confirmed
    deployed = told.deployment is not None and told.deployment.deploy.status == "pass"
    return {
        "deployment_record_id": told.deployment.record_id if told.deployment else "",
        "deploy_status": "pass" if deployed else "fail",
        **told.times,
        **told.target,
        "rollout_status": told.status if deployed else "skipped",
        "rollout_base_url": _base_of(urls),
        "rollout_health_urls": urls,
        "rollout_started_at": told.times["deploy_finished_at"] if confirmed else "",
        "rollout_finished_at": confirmed.decided_at if confirmed else "",
        "error_message": told.wrong,
    }


def _verireel_promotion(told: Told) -> dict[str, Any]:
    request: Any = told.call.request
    deployed = told.deployment is not None and told.deployment.deploy.status == "pass"
    return {
        "promotion_record_id": told.promotion.record_id if told.promotion else request.promotion_record_id,
        "deployment_record_id": told.deployment.record_id if told.deployment else "",
        "backup_record_id": request.backup_record_id,
        "deploy_status": "pass" if deployed else "fail",
        "rollout_status": told.status if deployed else "skipped",
        "migration_status": told.deployment.post_deploy_update.status if told.deployment else "skipped",
        "health_status": told.status if deployed else "skipped",
        **told.times,
        **told.target,
        "error_message": told.wrong,
    }


def _base_of(urls: tuple[str, ...]) -> str:
    """Where a product is served, by the first of its health URLs."""
    scheme, slashes, rest = (urls[0] if urls else "").partition("://")
    return f"{scheme}{slashes}{rest.partition('/')[0]}" if slashes else ""


Fields = Callable[[Told], Mapping[str, Any]]

_VERIREEL: tuple[str, str, Fields] = ("verireel_stable_deploy", "VeriReelStableDeployResult", _verireel_deploy)
_RESULTS: dict[str, tuple[str, str, Fields]] = {
    calls.GENERIC_WEB_DEPLOY: ("generic_web_deploy", "GenericWebDeployResult", _generic_web_deploy),
    calls.GENERIC_WEB_PROMOTION: (
        "generic_web_promotion",
        "GenericWebProdPromotionResult",
        _generic_web_promotion,
    ),
    calls.VERIREEL_TESTING_DEPLOY: _VERIREEL,
    calls.VERIREEL_PROD_DEPLOY: _VERIREEL,
    calls.VERIREEL_PROMOTION: ("verireel_prod_promotion", "VeriReelProdPromotionResult", _verireel_promotion),
}
