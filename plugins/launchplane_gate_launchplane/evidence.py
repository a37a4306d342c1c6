"""Reports of what somebody else deployed, and promotions that they tell of: kept as evidence, and judged by a look."""

from __future__ import annotations

from typing import Any

from launchplane_gate.errors import RequestError
from launchplane_gate.gate import Gate
from launchplane_gate.model import Run, stamp
from launchplane_gate.records import ProductProfile, PromotionRecord
from launchplane_gate.store import SAFE_PART
from launchplane_gate_launchplane import answers, calls
from launchplane_gate_launchplane.answers import Refusal
from launchplane_gate_launchplane.protocol import Answer, Call

REPORTED = "reported, not deployed"  # the mode of a deploy that is told of


class Evidence:
    """Of governed lanes. Their inventory is written by no report, unless the policies confirm what it claims."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def taken(self, call: Call, profile: ProductProfile) -> Answer | Refusal:
        if call.route == calls.PROMOTION_EVIDENCE:
            return self._of_a_promotion(call.request)
        return self._of_a_deployment(call, profile)

    def _of_a_deployment(self, call: Call, profile: ProductProfile) -> Answer | Refusal:
        record: Any = call.request
        if record.artifact_identity is None:
            raise RequestError(
                f"the report of a deploy to {record.context}/{record.instance} names no artifact",
                hint="Nothing was kept. Report what was deployed: its artifact and its commit.",
            )
        told: dict[str, Any] = {
            "action": "evidence",
            "product": profile.product,
            "destination": record.instance,
            "expected": {
                "artifact_id": record.artifact_identity.artifact_id,
                "source_git_ref": record.source_git_ref,
            },
            "reported": record.deploy.status,
            "idempotency_key": calls.key_of(call),
        }
        run = self._gate.run(calls.request_from(told), calls.actor_of(call.identity), trace=call.trace_id or None)
        return _answer(run)

    def _of_a_promotion(self, record: Any) -> Answer | Refusal:
        """Kept as it is told, at the gate's time. It names no lane that it could change: the inventory stays."""
        if not SAFE_PART.fullmatch(record.record_id):
            raise RequestError(f"{record.record_id!r} cannot be the name of a record", hint="Nothing was kept.")
        told = PromotionRecord.model_validate(record.model_dump(mode="json", exclude_none=True))
        store, ids = self._gate.store, {"promotion_record_id": told.record_id}
        try:
            known = store.read_promotion_record(told.record_id)
        except FileNotFoundError:
            now = stamp(self._gate.ledger.now())
            store.write_promotion_record(_as_told(told, now))
            return Answer(result=ids)
        if _as_told(known) != _as_told(told):
            there = f"There is a promotion record {told.record_id} already, of another promotion."
            return Refusal(
                409, "record_exists", f"{there} It was left as it is: report this one under an id of its own."
            )
        return Answer(result=ids)


def _answer(run: Run) -> Answer | Refusal:
    """The ids of what was written; a report that was refused is kept all the same, where its reporter may report."""
    if (refusal := answers.refusal_in(run)) and run.deployment_record_id is None:
        return refusal
    ids = {"deployment_record_id": run.deployment_record_id or ""}
    if run.status in answers.PASSED:
        ids["inventory_record_id"] = f"{run.destination.context}-{run.destination.instance}"
    return Answer(result=ids, original_trace_id=(run.trace or run.run_id) if run.replayed else "")


def _as_told(promotion: PromotionRecord, at: str = "") -> PromotionRecord:
    """Without what the teller says of times, in their place the gate's."""
    deploy = promotion.deploy.model_copy(update={"started_at": at, "finished_at": at, "deploy_mode": REPORTED})
    return promotion.model_copy(update={"deploy": deploy})
