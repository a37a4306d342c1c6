"""What other writers tell of governed lanes: kept, at the gate's time, where who tells it may.

The inventory is theirs no more: a report becomes it where the policies confirm what it claims, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from launchplane_gate.errors import RecordExists, RecordUnreadable, RequestError
from launchplane_gate.gate import Gate
from launchplane_gate.model import Lane, Request, Run, stamp
from launchplane_gate.records import DeploymentRecord, PostDeployUpdate, ProductProfile, PromotionRecord, ReleaseStatus
from launchplane_gate.store import SAFE_PART
from launchplane_gate_launchplane import answers, calls
from launchplane_gate_launchplane.answers import Refusal
from launchplane_gate_launchplane.protocol import Answer, Call

PERMITTED = "actor.permitted"
REPORTED = "reported, not deployed"  # the mode of a deploy that is told of
UNKNOWN = "unknown"  # the commit of a promotion that links no deployment


class Evidence:
    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def taken(self, call: Call, profile: ProductProfile) -> Answer | Refusal:
        if call.route == calls.DEPLOYMENT_EVIDENCE:
            return self._of_a_deployment(call, profile)
        if call.route == calls.PROMOTION_EVIDENCE:
            return self._of_a_promotion(call, profile)
        return self._of_tests(call, profile)

    def _of_a_deployment(self, call: Call, profile: ProductProfile) -> Answer | Refusal:
        record: Any = call.request
        if record.artifact_identity is None:
            raise RequestError(
                f"the report of a deploy to {record.context}/{record.instance} names no artifact",
                hint="Nothing was kept. Report what was deployed: its artifact and its commit.",
            )
        reported = _report(
            profile,
            record.instance,
            record.artifact_identity.artifact_id,
            record.source_git_ref,
            record.deploy.status,
            deployment_record_id=record.record_id,
            **calls.under_key(call),
        )
        try:
            run = self._gate.run(reported, calls.actor_of(call.identity), trace=call.trace_id or None)
        except RecordExists:
            if ids := self._told_before(reported):
                return Answer(result=ids)
            raise
        return _answer(run)

    def _told_before(self, reported: Request) -> dict[str, str] | None:
        """The ids of what the same report left when it was made before; None where that record tells another thing."""
        record = self._gate.store.read_deployment_record(str(reported.deployment_record_id))
        artifact = record.artifact_identity and record.artifact_identity.artifact_id
        told = {"artifact_id": artifact, "source_git_ref": record.source_git_ref}
        said = (told, record.deploy.status, record.deploy.deploy_mode, record.instance)
        if said != (reported.expected.stated(), reported.reported, REPORTED, reported.destination):
            return None
        ids = {"deployment_record_id": record.record_id}
        with suppress(FileNotFoundError, RecordUnreadable):
            inventory = self._gate.store.read_environment_inventory(
                context_name=record.context, instance_name=record.instance
            )
            if inventory.deployment_record_id == record.record_id:
                ids["inventory_record_id"] = f"{record.context}-{record.instance}"
        return ids

    def _of_a_promotion(self, call: Call, profile: ProductProfile) -> Answer | Refusal:
        """Kept as it is told, at the gate's time; of what it says to run nobody is asked, and the inventory stays."""
        record: Any = call.request
        if not SAFE_PART.fullmatch(record.record_id):
            raise RequestError(f"{record.record_id!r} cannot be the name of a record", hint="Nothing was kept.")
        told = PromotionRecord.model_validate(record.model_dump(mode="json", exclude_none=True))
        artifact_id, status = told.artifact_identity.artifact_id, told.deploy.status
        if refusal := self._refused(call, profile, _report(profile, told.to_instance, artifact_id, UNKNOWN, status)):
            return refusal
        store = self._gate.store
        try:
            known = store.read_promotion_record(told.record_id)
        except FileNotFoundError:
            store.write_promotion_record(_as_told(told, stamp(self._gate.ledger.now())))
        else:
            if _as_told(known) != _as_told(told) and not self._observes(profile):
                there = f"There is a promotion record {told.record_id} already, and it tells of another promotion."
                then = "It stays as it is: report this one under an id of its own."
                return Refusal(409, "record_exists", f"{there} {then}")
        return Answer(result={"promotion_record_id": told.record_id})

    def _of_tests(self, call: Call, profile: ProductProfile) -> Answer | Refusal:
        """What tests found after a deploy of ours: its record says so, in the one part that is not the gate's own."""
        found: Any = call.request
        deployment = self._deployment(found)
        artifact = deployment.artifact_identity
        status = _worst(found.migration_status, found.verification_status, found.owner_routes_status)
        reported = _report(
            profile, found.instance, artifact.artifact_id if artifact else UNKNOWN, deployment.source_git_ref, status
        )
        if refusal := self._refused(call, profile, reported):
            return refusal
        lane = Lane(context=deployment.context, instance=deployment.instance)
        if self._gate.ledger.has_open_run(lane):
            there = f"A run on {lane} is under way, which writes its record too. Nothing was kept."
            return Refusal(409, "in_progress", f"{there} Say it again once that has ended.")
        detail = (
            f"migration {found.migration_status}, verification {found.verification_status}, "
            f"owner routes {found.owner_routes_status}"
        )
        update = PostDeployUpdate(attempted=status != "skipped", status=status, detail=detail)
        told = deployment.model_copy(update={"post_deploy_update": update})
        self._gate.store.write_deployment_record(told)
        return Answer(result={"deployment_record_id": told.record_id})

    def _deployment(self, found: Any) -> DeploymentRecord:
        """The record that tests are about. Raises RequestError."""
        record_id, lane = found.deployment_record_id, f"{found.context}/{found.instance}"
        try:
            deployment = self._gate.store.read_deployment_record(record_id)
        except FileNotFoundError:
            raise RequestError(f"there is no deployment record {record_id}", hint="Nothing was kept.") from None
        if (deployment.context, deployment.instance) != (found.context, found.instance):
            raise RequestError(f"the deployment {record_id} is none of {lane}", hint="Nothing was kept.")
        if deployment.deploy.status == "pending":
            raise RequestError(
                f"the deploy {record_id} is under way, or how it ended is not known",
                hint="Nothing was kept. Say what tests found once it passed.",
            )
        return deployment

    def _observes(self, profile: ProductProfile) -> bool:
        return profile.product in self._gate.observed

    def _refused(self, call: Call, profile: ProductProfile, request: Request) -> Refusal | None:
        """The refusal of who may not report on the lane; of what is reported nothing is decided."""
        if self._observes(profile):
            return None
        actor = calls.actor_of(call.identity)
        decision = self._gate.may_ask(request, actor, trace=call.trace_id or None)
        if any(result.code == PERMITTED and result.status == "pass" for result in decision.results):
            return None
        return Refusal(409, "policy_denied", answers.denied_text(decision.model_copy(update={"decision_id": ""})))


def _report(
    profile: ProductProfile, instance: str, artifact_id: str, commit: str, status: ReleaseStatus, **more: str | None
) -> Request:
    """Raises RequestError for what can be no report."""
    told: Mapping[str, Any] = {
        "action": "evidence",
        "product": profile.product,
        "destination": instance,
        "expected": {"artifact_id": artifact_id, "source_git_ref": commit},
        "reported": status,
        **more,
    }
    return calls.request_from(told)


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


def _worst(*statuses: ReleaseStatus) -> ReleaseStatus:
    """Of three things that all have to pass."""
    bad: tuple[ReleaseStatus, ...] = ("fail", "pending", "skipped")
    return next((status for status in bad if status in statuses), "pass")
