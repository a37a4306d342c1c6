"""In place of a deploy: what is known to have become of the one before it, of which a lane is looked at now."""

from __future__ import annotations

from typing import Any, Literal

from launchplane_gate.line import journal
from launchplane_gate.line.deploy import told_apart_by
from launchplane_gate.line.errand import Errand
from launchplane_gate.line.origin import Origin
from launchplane_gate.line.written import ended, let_go_by
from launchplane_gate.model import Outcome, stamp
from launchplane_gate.policy_input import OutcomeFacts


def found(errand: Errand, origin: Origin) -> Outcome | None:
    """An outcome to be confirmed by looking; None, with the run closed, where the deploy is known to have failed."""
    became, columns = origin.became, dict[str, Any]()
    if errand.request.action == "resume" and origin.run and became and became.status == "fail":
        told = f"the deploy of {origin.run.run_id} failed" + ("" if became.touched else ", and changed nothing")
        journal.close(errand, "fail", f"{told}: {became.detail}".rstrip(": "))
        return None
    now = stamp(errand.parts.ledger.now())
    deployment, deployment_id = origin.deployment, origin.deployment.deploy.deployment_id
    if became and became.status == "pass":
        deployment = ended(deployment, became, at=now)
        deployment_id = deployment.deploy.deployment_id
    errand.deployment = deployment
    errand.outcome = OutcomeFacts(
        status="unchanged",  # by this run
        touched=False,
        started_at=now,
        finished_at=now,
        told_apart_by=_told_apart_by(errand, origin),
    )
    if not origin.run and errand.admitted:
        errand.deployment = let_go_by(deployment, errand.admitted.decision_id)
    if origin.is_only_seen:  # until it is confirmed, a record of our own changes nothing of its lane
        columns = {"deployment_record_id": deployment.record_id, "untouched": True}
    journal.step(errand, "outcome", {**errand.outcome.model_dump(), **origin.of_run}, **columns)
    return Outcome(status="pass", touched=False, deployment_id=deployment_id)


def _told_apart_by(errand: Errand, origin: Origin) -> Literal["digests", "commit"]:
    """Digests, where they are shown now, or were when the deploy was let go."""
    decided = errand.parts.ledger.entries(subject=origin.run.run_id, kinds=["decided"]) if origin.run else ()
    for entry in decided:
        observed = entry.input["destination"]["observed"] if entry.input else None
        if observed is None or (observed["reachable"] and observed["digests"] == "shown"):
            return "digests"  # or nobody knows any more
    return told_apart_by(errand)
