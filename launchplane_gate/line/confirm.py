"""Did what was allowed happen, and nothing else? Observed and asked again until the policies are content."""

from __future__ import annotations

import time

from launchplane_gate.errors import Undecided, in_a_sentence
from launchplane_gate.line import journal
from launchplane_gate.line.approval import RunApproval
from launchplane_gate.line.errand import Errand
from launchplane_gate.line.gather import ask, gather
from launchplane_gate.line.written import health_of, with_health


def confirm(errand: Errand, approval: RunApproval) -> bool:
    """Whether the policies confirmed the deploy in time; else the run is closed."""
    errand.at = "unconfirmed"
    limits = errand.parts.limits
    limit_s = min(limits.confirm_timeout_s, approval.seconds_left() / 2)
    deadline = time.monotonic() + limit_s
    while True:
        reason = ""
        try:
            facts = gather(errand, "confirm")
            decision = ask(errand, facts)
            body = {"decision": decision.model_dump(mode="json"), "input": facts}
        except Undecided as error:
            decision, body, reason = None, {}, f"no decision could be had: {in_a_sentence(error)}"
        if (decision and decision.allowed) or time.monotonic() >= deadline:
            break
        why = reason or (decision.refusals[0].message if decision else "")
        errand.progress(f"waiting up to {limit_s:.0f} s for {errand.destination.instance} to be seen running it: {why}")
        time.sleep(min(limits.confirm_interval_s, max(deadline - time.monotonic(), 0)))
    assert errand.deployment  # written with the outcome
    passed = decision is not None and decision.allowed
    health = health_of(errand.profile, errand.destination, "pass" if passed else "fail", limits.confirm_timeout_s)
    errand.deployment = with_health(errand.deployment, health)
    errand.parts.store.write_deployment_record(errand.deployment)
    if decision and decision.allowed:
        journal.step(errand, "confirmed", body, confirmed_at=decision.decided_at)
        return True
    if decision:
        reason = "; ".join(refusal.message for refusal in decision.refusals)
    journal.close(errand, "unconfirmed", reason, extra=body)
    return False
