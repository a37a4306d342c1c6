"""May it happen now? Gather, decide, and save the decision with its whole input."""

from __future__ import annotations

from typing import Any

from launchplane_gate.errors import (
    ActorUnproven,
    EvidenceFailed,
    GateError,
    PastLost,
    RecordExists,
    RequestError,
    in_a_sentence,
)
from launchplane_gate.ledger import Key
from launchplane_gate.line import journal
from launchplane_gate.line.approval import RunApproval
from launchplane_gate.line.errand import Errand
from launchplane_gate.line.evidence import keep
from launchplane_gate.line.gather import ask, gather
from launchplane_gate.model import Decision, ReleaseIdentity
from launchplane_gate.on_record import on_record

LONGEST = 4000  # of what enforced policies would have refused a run for


def admit(errand: Errand, key: Key | None) -> RunApproval | None:
    """An approval, if the policies allow; else None, with the run closed. Raises GateError where nobody decided.

    Where they are only observed, what they refuse is let go all the same, and so is what nobody could decide on.
    """
    try:
        facts = gather(errand, "admit")
        decision = ask(errand, facts)
    except PastLost:
        raise  # nothing is written into a ledger that is not the one
    except Exception as error:
        if errand.observes and not isinstance(error, RequestError):
            return _undecided(errand, key, in_a_sentence(error))
        journal.begin(errand, "undecided", {"detail": in_a_sentence(error)})
        keep(errand)
        if isinstance(error, GateError):
            raise
        raise EvidenceFailed(f"the facts could not be gathered: {in_a_sentence(error)}") from error
    body = on_record(errand.parts.ledger, errand.parts.bundle, decision, facts, errand.waivers)
    if decision.allowed and errand.release:
        return _let_go(errand, key, body, decision)
    errand.release = _comes(errand)
    if not errand.observes or errand.release is None:
        journal.begin(errand, "denied", body)
        return None
    errand.overlooked = "; ".join(f"{one.code}: {one.message}" for one in decision.refusals)[:LONGEST]
    return _let_go(errand, key, body, decision)


def _undecided(errand: Errand, key: Key | None, why: str) -> RunApproval | None:
    """Let go of what no decision could be had on: it is on record as that, and the lanes as they stand now."""
    errand.overlooked = f"no decision could be had: {why}"[:LONGEST]
    errand.release, errand.facts, errand.waivers = _comes(errand), {}, []
    errand.records = {lane: errand.read(lane) for lane in errand.lanes}
    if errand.release is None:
        journal.begin(errand, "undecided", {"detail": why})
        return None
    return _let_go(errand, key, {"detail": why}, None)


def _comes(errand: Errand) -> ReleaseIdentity | None:
    """What comes to the lane where nothing is refused: what the caller states in full, else what was resolved.

    None where a part of it is stated, and is not of that: nobody knows then what was meant.
    """
    stated, release = errand.request.expected.stated(), errand.release
    if not errand.observes or errand.origin:
        return release
    if set(stated) == set(ReleaseIdentity.model_fields):
        return ReleaseIdentity.model_validate(stated)
    return release if release and stated.items() <= release.model_dump().items() else None


def _let_go(errand: Errand, key: Key | None, body: dict[str, Any], decision: Decision | None) -> RunApproval:
    assert errand.release  # nothing else is let go
    began = "overlooked" if errand.overlooked and errand.observes else "decided"
    try:
        _begin(errand, began, body | errand.spends, key)
    except (ActorUnproven, RecordExists) as error:
        journal.refuse(errand, error)
        raise
    errand.admitted = decision
    return RunApproval(
        run_id=errand.run_id,
        lane=errand.destination,
        release=errand.release,
        decision=decision,
        versions={lane: errand.records[lane].version for lane in errand.lanes},
        lease=errand.held,
        ledger=errand.parts.ledger,
        store=errand.writing,
        reread=errand.read,
        holds={lane: errand.records[lane].hold for lane in errand.lanes},
        goes_back=errand.request.action == "rollback",
        began=began,
        observes=errand.observes,
        names=errand.names,
    )


def _begin(errand: Errand, began: str, body: dict[str, Any], key: Key | None) -> None:
    try:
        journal.begin(errand, began, body, key=key)
    except RecordExists as error:
        if not errand.observes:
            raise
        errand.give_up_names(str(error))
        journal.begin(errand, began, body, key=key)
