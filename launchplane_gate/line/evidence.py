"""What somebody reports to have deployed: a claim, which one look at the lane judges.

It becomes the inventory where the policies approve and confirm it. In any other case it is kept as a deployment record
alone: the lane stays settled where platform and health show what is recorded there, whatever was claimed.
"""

from __future__ import annotations

from typing import Any

from launchplane_gate.errors import GateError, LedgerError, in_a_sentence
from launchplane_gate.line.errand import Errand
from launchplane_gate.line.gather import gather, samples_of
from launchplane_gate.line.written import finished, let_go_by
from launchplane_gate.looking import held_against, reported
from launchplane_gate.model import Observation, stamp


def look(errand: Errand) -> None:
    """Gather for a report that is refused before facts were asked for. Raises LedgerError, PastLost among them."""
    try:
        errand.facts = gather(errand, "admit")
    except LedgerError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever keeps the lane from being seen, the refusal stands
        errand.progress(f"what {errand.destination} runs cannot be seen: {in_a_sentence(error)}")


def left(errand: Errand) -> dict[str, Any]:
    """What the row of a report says that was not confirmed: its record, and whether its lane is as it was.

    By the last look that there was; where there was none, nobody knows.
    """
    if errand.claim is None or errand.at in ("unrecorded", "recorded", "observed"):
        return {}
    stays = _is_as_recorded(errand)
    return {"deployment_record_id": errand.claim.record_id, "redeemed": not stays, "untouched": stays}


def keep(errand: Errand, decision_id: str = "") -> None:
    """Write the record of a report that did not become the inventory: as it was told, by the gate's clock."""
    claim, status, seen = errand.claim, errand.request.reported, errand.deployment
    if claim is None or status is None:
        return
    if seen and seen.record_id == claim.record_id:
        claim = seen  # which says what its health was found to be
    told = finished(claim, status, finished_at=stamp(errand.parts.ledger.now()), deployment_id="")
    try:
        errand.writing.write_deployment_record(let_go_by(told, decision_id))
    except GateError as error:  # the ledger has it
        errand.progress(f"the report could not be kept as a record: {in_a_sentence(error)}")


def _is_as_recorded(errand: Errand) -> bool:
    destination = errand.facts.get("destination")
    if not destination:
        return False
    observed = Observation.model_validate(destination["observed"])
    health = reported(samples_of(errand.facts["evidence"], "destination"))
    return held_against(errand.records[errand.destination].release, observed, health)[0] == "as recorded"
