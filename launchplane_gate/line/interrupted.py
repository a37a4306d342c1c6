"""What became of a deploy whose process ended: asked of its driver, and told in its record."""

from __future__ import annotations

from functools import partial

from launchplane_gate.bounded import answer_of, start
from launchplane_gate.errors import in_a_sentence
from launchplane_gate.line.errand import Errand
from launchplane_gate.line.written import ended, promotion_of, source_health_of
from launchplane_gate.model import Outcome, Run, stamp
from launchplane_gate.records import DeploymentRecord, ReleaseStatus
from launchplane_gate.runs import names_of, read_run


def tell_what_became(errand: Errand) -> None:
    """Finish the deployment record of the last run of each lane, where it was interrupted, by what its driver finds.

    The lane stays unsettled whatever it finds: nobody confirmed the deploy. What cannot be asked or written is told as
    progress, and changes nothing.
    """
    ledger = errand.parts.ledger
    for lane in errand.lanes:
        last = ledger.last_bringing(lane)
        if last is None or last.status != "interrupted" or not last.deployment_record_id:
            continue
        if last.action == "evidence":  # of a deploy that its driver knows nothing of
            continue
        if (ledger.body_of(last.run_id, "found") or {"status": "unknown"})["status"] != "unknown":
            continue
        run = read_run(ledger, last.run_id)
        try:
            asked = start(partial(errand.driver.find, run), f"find {run.run_id}")
            outcome = answer_of(asked, errand.parts.limits.gather_timeout_s)
            if not isinstance(outcome, Outcome):
                raise TypeError(f"it answered with {type(outcome).__name__}")  # noqa: TRY301  # told like what it raises
            _finish(errand, run, outcome)
        except Exception as error:  # noqa: BLE001  # whatever a driver raises says nothing of the deploy
            errand.progress(f"what became of {run.run_id} cannot be told: {in_a_sentence(error)}")


def _finish(errand: Errand, run: Run, outcome: Outcome) -> None:
    parts = errand.parts
    assert run.deployment_record_id
    record = parts.store.read_deployment_record(run.deployment_record_id)
    now = stamp(parts.ledger.now())
    told = ended(record, outcome, at=now)
    errand.writing.write_deployment_record(told)
    _leave_promotion(errand, run, told, "fail" if outcome.status == "fail" else "pending")
    parts.ledger.note(run.run_id, run.destination, "found", {**outcome.model_dump(), "at": now}, lease=errand.held)
    errand.progress(f"the {run.action} of {run.release} that was interrupted ({run.run_id}): {outcome.status}")


def _leave_promotion(errand: Errand, run: Run, deployment: DeploymentRecord, status: ReleaseStatus) -> None:
    """Where a promotion's process ended before it could, write the record that says so."""
    if run.source is None or run.promotion_record_id:
        return
    source_health = source_health_of(errand.profile, run.source, run.admitted, errand.parts.limits.confirm_timeout_s)
    promotion = promotion_of(
        run.run_id,
        run.source,
        deployment,
        source_health=source_health,
        backup_record_id="",
        status=status,
        name=names_of(errand.parts.ledger, run.run_id).get("promotion", ""),
    )
    errand.writing.write_promotion_record(promotion)
