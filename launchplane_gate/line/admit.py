"""May it happen now? Gather, decide, and save the decision with its whole input."""

from __future__ import annotations

from launchplane_gate.errors import ActorUnproven, EvidenceFailed, GateError, PastLost, in_a_sentence
from launchplane_gate.ledger import Key
from launchplane_gate.line import journal
from launchplane_gate.line.approval import RunApproval
from launchplane_gate.line.errand import Errand
from launchplane_gate.line.evidence import keep
from launchplane_gate.line.gather import ask, gather
from launchplane_gate.on_record import on_record


def admit(errand: Errand, key: Key | None) -> RunApproval | None:
    """An approval, if the policies allow; else None, with the run closed. Raises GateError where nobody decided."""
    try:
        facts = gather(errand, "admit")
        decision = ask(errand, facts)
    except PastLost:
        raise  # nothing is written into a ledger that is not the one
    except Exception as error:
        journal.begin(errand, "undecided", {"detail": in_a_sentence(error)})
        keep(errand)
        if isinstance(error, GateError):
            raise
        raise EvidenceFailed(f"the facts could not be gathered: {in_a_sentence(error)}") from error
    body = on_record(errand.parts.ledger, errand.parts.bundle, decision, facts, errand.waivers)
    if not decision.allowed or errand.release is None:
        journal.begin(errand, "denied", body)
        return None
    try:
        journal.begin(errand, "decided", body | errand.spends, key=key)
    except ActorUnproven as error:
        journal.refuse(errand, error)
        raise
    errand.admitted = decision
    return RunApproval(
        run_id=errand.run_id,
        release=errand.release,
        decision=decision,
        versions={lane: errand.records[lane].version for lane in errand.lanes},
        lease=errand.held,
        ledger=errand.parts.ledger,
        store=errand.writing,
        reread=errand.read,
        holds={lane: errand.records[lane].hold for lane in errand.lanes},
    )
