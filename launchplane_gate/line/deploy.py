"""Letting the driver act, and saving what it says became of that."""

from __future__ import annotations

import math
from typing import Literal

from launchplane_gate.errors import in_a_sentence
from launchplane_gate.line import journal
from launchplane_gate.line.approval import RunApproval
from launchplane_gate.line.errand import Errand
from launchplane_gate.line.record import promotion_now
from launchplane_gate.line.written import ended
from launchplane_gate.model import Outcome, Target, stamp
from launchplane_gate.plugins import deploy_timeout_of
from launchplane_gate.policy_input import OutcomeFacts


def deploy(errand: Errand, approval: RunApproval) -> Outcome | None:
    """An outcome if the deploy passed, else None with the run closed."""
    errand.at = "unknown"
    errand.progress(f"deploying {errand.release} to {errand.destination.instance} with {errand.driver.driver_id}")
    approval.limit(_seconds_for(errand))
    outcome = _acted(errand, approval)
    if approval.stale and not approval.redeemed:
        journal.close(errand, "stale", str(approval.stale))
        return None
    if not approval.redeemed:
        _never_redeemed(errand, approval, outcome)
        return None
    errand.overlooked = errand.overlooked or str(approval.stale or "")
    finished_at = stamp(errand.parts.ledger.now())
    assert approval.deployment  # redeemed, so there is one
    errand.deployment = ended(approval.deployment, outcome, at=finished_at)
    errand.outcome = OutcomeFacts(
        status=outcome.status,
        touched=outcome.touched,
        started_at=errand.deployment.deploy.started_at,
        finished_at=finished_at,
        told_apart_by=told_apart_by(errand),
    )
    promotion = promotion_now(errand, "fail" if outcome.status == "fail" else "pending")
    promotion_id = promotion and promotion.record_id
    told = {"detail": outcome.detail, "promotion_record_id": promotion_id}
    with errand.as_one():
        journal.step(errand, "outcome", {**errand.outcome.model_dump(), **told})
        errand.writing.write_deployment_record(errand.deployment)
        if promotion:
            errand.writing.write_promotion_record(promotion)
        if outcome.status != "pass":
            untouched = outcome.status == "fail" and not outcome.touched
            journal.close(errand, outcome.status, outcome.detail, untouched=untouched)
    return outcome if outcome.status == "pass" else None


def _seconds_for(errand: Errand) -> float:
    """What the deploy may take: what the caller lets it, and whoever deploys in its driver's place what that may.

    Of itself the driver knows.
    """
    limit_s, wanted_s = deploy_timeout_of(errand.driver), errand.request.timeout_s
    if wanted_s is None:
        return limit_s if errand.is_acted_for else math.inf
    if wanted_s <= limit_s:
        return wanted_s
    driver_id = errand.driver.driver_id
    errand.progress(f"the caller's timeout of {wanted_s:.0f} s is cut to the {limit_s:.0f} s that {driver_id} may take")
    return limit_s


def told_apart_by(errand: Errand) -> Literal["digests", "commit"]:
    """What told the release from others when it was admitted."""
    if not errand.facts:  # let go without a decision: nothing was looked at, so the stricter one
        return "digests"
    observed = errand.facts["destination"]["observed"]
    return "digests" if observed["reachable"] and observed["digests"] == "shown" else "commit"


def _acted(errand: Errand, approval: RunApproval) -> Outcome:
    try:
        outcome = errand.act(approval, errand.progress)
    except Exception as error:  # noqa: BLE001  # whatever a driver raises is an outcome
        if approval.redeemed:
            return Outcome(status="unknown", touched=True, detail=in_a_sentence(error))
        return Outcome(status="fail", touched=False, detail=in_a_sentence(error))
    if not isinstance(outcome, Outcome):
        return Outcome(status="unknown", touched=True, detail=f"it answered with {type(outcome).__name__}")
    return outcome


def _never_redeemed(errand: Errand, approval: RunApproval, outcome: Outcome) -> None:
    """A driver that did not redeem has changed nothing, unless it broke its promise."""
    driver_id, destination = errand.driver.driver_id, errand.destination
    if outcome.status != "fail" or outcome.touched:
        fault = f"the driver {driver_id} says {outcome.status!r} without having redeemed its approval"
        journal.close(errand, "unknown", f"{fault}; {outcome.detail}".rstrip("; "), redeemed=True)
        return
    target = Target(
        target_type="application",
        target_id=str(destination),
        target_name=str(destination),
        deploy_mode=f"{driver_id} (not begun)",
    )
    now = stamp(errand.parts.ledger.now())
    record = ended(approval.pending(target, now), outcome, at=now)
    errand.writing.write_deployment_record(record)
    journal.close(errand, "fail", outcome.detail, untouched=True, deployment_record_id=record.record_id)
