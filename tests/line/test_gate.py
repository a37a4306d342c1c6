"""The line from a request to a record, on every way that it can end."""

from __future__ import annotations

import copy
import json
import pickle
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.errors import (
    ApprovalVoid,
    EngineError,
    EvidenceFailed,
    KeyReused,
    LaneBusy,
    LedgerError,
    RequestError,
    Stale,
    StaleReplay,
)
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval, InventoryWriter, Question
from launchplane_gate.model import Actor, Lane, Outcome, ReleaseIdentity, Run, Target
from launchplane_gate.records import DeploymentRecord, EnvironmentInventory
from launchplane_gate.runs import read_run
from tests.conftest import ACTOR, PROD, TESTING, A, B, C, MakeGate, deploy, promote, release
from tests.fakes.platform import FakePlatform


def inventory(gate: Gate, lane: Lane) -> EnvironmentInventory | None:
    try:
        return gate.store.read_environment_inventory(context_name=lane.context, instance_name=lane.instance)
    except FileNotFoundError:
        return None


def runs_now(gate: Gate, lane: Lane) -> ReleaseIdentity | None:
    """What the inventory of a lane says."""
    found = inventory(gate, lane)
    if found is None or found.artifact_identity is None:
        return None
    return ReleaseIdentity(artifact_id=found.artifact_identity.artifact_id, source_git_ref=found.source_git_ref)


def deployments(gate: Gate, lane: Lane) -> list[DeploymentRecord]:
    found = gate.store.list_deployment_records(context_name=lane.context, instance_name=lane.instance)
    return sorted(found, key=lambda record: record.deploy.started_at)


def refused_by(run: Run) -> list[str]:
    assert run.admitted is not None
    return [result.code for result in run.admitted.refusals]


def state(folder: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.json")}


@pytest.fixture
def promoted(gate: Gate) -> Gate:
    """Testing and prod both run A."""
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    assert gate.run(promote(), ACTOR).status == "recorded"
    return gate


# -- what ends well


def test_a_deploy_that_passes_writes_its_records_and_the_inventory(gate: Gate, platform: FakePlatform) -> None:
    run = gate.run(deploy(A, reason="first"), ACTOR)
    assert (run.status, run.touched, run.previous) == ("recorded", True, None)
    (deployment,) = deployments(gate, TESTING)
    found = inventory(gate, TESTING)
    assert found and found.deployment_record_id == deployment.record_id == run.deployment_record_id
    assert found.deploy == deployment.deploy
    assert (deployment.deploy.status, deployment.destination_health.status) == ("pass", "pass")
    assert (found.promotion_record_id, found.promoted_from_instance) == ("", "")
    assert run.admitted and deployment.runtime_source["gate_decision_id"] == run.admitted.decision_id
    assert platform.deploys == [("sellyouroutboard/testing", A.source_git_ref)]
    assert [told.run_id for told in platform.recorded] == [run.run_id]


def test_a_promotion_ships_what_testing_runs_and_links_its_records(promoted: Gate) -> None:
    found = inventory(promoted, PROD)
    assert runs_now(promoted, PROD) == A and found
    promotion = promoted.store.read_promotion_record(found.promotion_record_id)
    assert promotion.deployment_record_id == found.deployment_record_id
    assert (promotion.from_instance, promotion.to_instance, found.promoted_from_instance) == (
        "testing",
        "prod",
        "testing",
    )
    assert promotion.source_health.status == promotion.destination_health.status == "pass"


def test_both_decisions_stand_in_the_ledger_with_their_whole_inputs(promoted: Gate) -> None:
    saved = promoted.ledger.decision_entries()
    assert [entry.body["decision"]["phase"] for entry in saved] == ["confirm", "admit", "confirm", "admit"]
    assert all(entry.input and entry.input["now"] for entry in saved)
    found = promoted.ledger.verify()
    assert found.entries > 10 and found.wrong == ()


def test_a_run_goes_through_every_step_in_order(promoted: Gate) -> None:
    (newest, *_) = promoted.ledger.runs()
    steps = [entry.kind for entry in promoted.ledger.entries(subject=newest)]
    assert steps == ["decided", "redeemed", "triggered", "outcome", "confirmed", "recording", "recorded"]


# -- what is refused


def test_a_stale_promotion_is_refused_with_both_revisions_and_a_remedy(promoted: Gate, platform: FakePlatform) -> None:
    promoted.run(deploy(B), ACTOR)
    before, touched = state(Path(str(promoted.store.root))), len(platform.deploys)  # type: ignore[attr-defined]  # a FileStore
    run = promoted.run(promote(A), ACTOR)
    assert (run.status, refused_by(run)) == ("denied", ["inventory.source_current"])
    assert run.admitted
    (refusal,) = run.admitted.refusals
    assert A.source_git_ref in refusal.message and B.source_git_ref in refusal.message and refusal.remedy
    assert len(platform.deploys) == touched
    assert state(Path(str(promoted.store.root))) == before  # type: ignore[attr-defined]  # a FileStore


def test_the_commit_of_another_artifact_is_refused(promoted: Gate) -> None:
    """S11: the artifact that testing runs is not promoted under another commit."""
    mixed = ReleaseIdentity(artifact_id=A.artifact_id, source_git_ref=B.source_git_ref)
    assert refused_by(promoted.run(promote(mixed), ACTOR)) == ["inventory.source_current"]


def test_nothing_is_promoted_from_a_lane_that_has_run_nothing(gate: Gate) -> None:
    run = gate.run(promote(), ACTOR)
    assert run.status == "denied" and "inventory.source_present" in refused_by(run)


def test_a_deploy_to_the_destination_of_a_promotion_is_refused(promoted: Gate) -> None:
    assert refused_by(promoted.run(deploy(B, to="prod"), ACTOR)) == ["lane.not_bypassed"]


def test_an_actor_who_is_not_listed_is_refused(gate: Gate, platform: FakePlatform) -> None:
    run = gate.run(deploy(A), Actor(subject="unverified:stranger@cafe"))
    assert refused_by(run) == ["actor.permitted"] and platform.deploys == []


def test_a_release_that_prod_has_left_behind_is_not_promoted_again(promoted: Gate) -> None:
    promoted.run(deploy(B), ACTOR)
    promoted.run(promote(), ACTOR)
    promoted.run(deploy(A), ACTOR)
    assert refused_by(promoted.run(promote(), ACTOR)) == ["inventory.forward_only"]


@pytest.mark.parametrize(
    ("artifact", "commit", "rule"),
    [
        ("ghcr.io/cbusillo/sellyouroutboard:latest", "a" * 40, "release.artifact_pinned"),
        ("ghcr.io/somebody/else@sha256:" + "a" * 64, "a" * 40, "release.artifact_pinned"),
        (A.artifact_id, "41620cf", "release.commit_full"),
    ],
)
def test_a_release_that_is_not_pinned_is_refused(gate: Gate, artifact: str, commit: str, rule: str) -> None:
    run = gate.run(deploy(ReleaseIdentity(artifact_id=artifact, source_git_ref=commit)), ACTOR)
    assert refused_by(run) == [rule]


def test_the_source_must_report_the_commit_that_its_inventory_names(promoted: Gate, platform: FakePlatform) -> None:
    promoted.run(deploy(B), ACTOR)
    platform.reports[str(TESTING)] = A.source_git_ref
    assert refused_by(promoted.run(promote(), ACTOR)) == ["release.source_revision"]


def test_a_foreign_change_of_testing_is_seen_before_it_is_promoted(promoted: Gate, platform: FakePlatform) -> None:
    platform.runs[str(TESTING)] = C
    assert "inventory.source_running" in refused_by(promoted.run(promote(), ACTOR))


@pytest.mark.parametrize("unknown", [{"product": "nobody"}, {"destination": "staging"}])
def test_an_unknown_product_or_lane_is_a_bad_request(gate: Gate, unknown: dict[str, str]) -> None:
    with pytest.raises(RequestError):
        gate.run(deploy(A).model_copy(update=unknown), ACTOR)
    assert gate.ledger.runs() == []


# -- what does not end well


@pytest.mark.parametrize("status", ["fail", "unknown"])
def test_a_deploy_that_did_not_pass_leaves_the_inventory_alone(
    promoted: Gate, platform: FakePlatform, status: str
) -> None:
    """S14: after a deploy that failed, or whose end is not known, nothing is promoted until one is recorded."""
    before = inventory(promoted, TESTING)
    platform.behaves = lambda self, approval: self.change(approval, status=status, detail="it broke")
    run = promoted.run(deploy(B), ACTOR)
    assert (run.status, run.detail, run.touched) == (status, "it broke", True)
    assert inventory(promoted, TESTING) == before
    assert deployments(promoted, TESTING)[-1].deploy.status == {"fail": "fail", "unknown": "pending"}[status]
    platform.behaves = None
    assert "lane.settled" in refused_by(promoted.run(promote(), ACTOR))
    assert promoted.run(deploy(B), ACTOR).status == "recorded"  # which settles it
    assert promoted.run(promote(), ACTOR).status == "recorded"


def test_a_driver_that_raises_before_it_redeems_has_changed_nothing(promoted: Gate, platform: FakePlatform) -> None:
    def refuses(_: FakePlatform, __: Approval) -> Outcome:
        raise RuntimeError("the target is of another type")

    platform.behaves = refuses
    run = promoted.run(deploy(B), ACTOR)
    assert (run.status, run.touched) == ("fail", False) and "another type" in run.detail
    assert deployments(promoted, TESTING)[-1].deploy.status == "fail"
    assert runs_now(promoted, TESTING) == A
    platform.behaves = None
    assert promoted.run(promote(redeploy=True), ACTOR).status == "recorded"  # testing is still settled


def test_a_driver_that_raises_after_it_redeemed_leaves_the_outcome_unknown(gate: Gate, platform: FakePlatform) -> None:
    def breaks(self: FakePlatform, approval: Approval) -> Outcome:
        self.change(approval)
        raise ConnectionError("the platform hung up")

    platform.behaves = breaks
    run = gate.run(deploy(A), ACTOR)
    assert (run.status, run.touched, runs_now(gate, TESTING)) == ("unknown", True, None)
    assert deployments(gate, TESTING)[-1].deploy.status == "pending"


def test_a_pass_without_redeeming_is_unknown_and_the_drivers_fault(gate: Gate, platform: FakePlatform) -> None:
    platform.behaves = lambda *_: Outcome(status="pass", touched=True)
    run = gate.run(deploy(A), ACTOR)
    assert run.status == "unknown" and "without having redeemed" in run.detail
    platform.behaves = None
    assert "lane.settled" in refused_by(gate.run(promote(), ACTOR))


def test_a_driver_that_answers_with_anything_else_than_an_outcome_is_not_believed(
    gate: Gate, platform: FakePlatform
) -> None:
    platform.behaves = lambda *_: "pass"  # type: ignore[assignment]  # the fault that is tested
    run = gate.run(deploy(A), ACTOR)
    assert run.status == "unknown" and "answered with str" in run.detail
    platform.behaves = None
    assert "lane.settled" in refused_by(gate.run(promote(), ACTOR))


def test_a_deploy_that_health_does_not_bear_out_is_not_recorded(promoted: Gate, platform: FakePlatform) -> None:
    platform.reports[str(TESTING)] = A.source_git_ref  # the old one keeps answering
    run = promoted.run(deploy(B), ACTOR)
    assert run.status == "unconfirmed" and run.confirmed
    assert [result.code for result in run.confirmed.refusals] == ["confirm.revision_live", "confirm.stayed_up"]
    assert runs_now(promoted, TESTING) == A
    last = deployments(promoted, TESTING)[-1]
    assert (last.deploy.status, last.destination_health.status) == ("pass", "fail")
    platform.reports.clear()
    assert "lane.settled" in refused_by(promoted.run(promote(), ACTOR))


def test_an_unsettled_prod_takes_what_testing_runs_now(promoted: Gate, platform: FakePlatform) -> None:
    promoted.run(deploy(B), ACTOR)
    platform.behaves = lambda self, approval: self.change(approval, status="unknown")
    assert promoted.run(promote(), ACTOR).status == "unknown"
    platform.behaves = None
    assert promoted.run(promote(), ACTOR).status == "recorded"
    assert runs_now(promoted, PROD) == B


def test_confirmation_waits_until_the_platform_has_caught_up(make_gate: MakeGate, platform: FakePlatform) -> None:
    gate = make_gate(confirm_timeout_s=30)
    polls = []

    def slow(question: Question) -> None:
        if question.phase == "confirm":
            polls.append(question)
            platform.reports[str(TESTING)] = A.source_git_ref if len(polls) > 2 else None

    platform.sampling = slow
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    assert len(polls) == 4  # two that were bad, one that was good, and one that found it still so


def test_evidence_that_raises_is_a_refusal_before_and_no_proof_after(gate: Gate, platform: FakePlatform) -> None:
    def broken(phase: str) -> None:
        def sampling(question: Question) -> None:
            if question.phase == phase:
                raise OSError("no route")

        platform.sampling = sampling

    broken("admit")
    with pytest.raises(EvidenceFailed, match="the plugin health failed: OSError: no route"):
        gate.run(deploy(A), ACTOR)
    assert platform.deploys == []
    (run_id,) = gate.ledger.runs()
    assert (row := gate.ledger.run_row(run_id)) and row.status == "undecided"
    broken("confirm")
    run = gate.run(deploy(A), ACTOR)
    assert run.status == "unconfirmed" and "no route" in run.detail and runs_now(gate, TESTING) is None


def test_a_lane_that_cannot_be_observed_is_no_decision(gate: Gate, platform: FakePlatform) -> None:
    def unreachable(_: Lane) -> None:
        raise TimeoutError("no answer")

    platform.observing = unreachable
    with pytest.raises(EvidenceFailed, match="could not observe sellyouroutboard/testing"):
        gate.run(deploy(A), ACTOR)
    assert platform.deploys == []


class DeadEngine:
    """An engine that answers ``alive`` times and then is gone."""

    def __init__(self, inner: Any, alive: int) -> None:
        self.inner, self.alive = inner, alive
        self.name, self.revision = inner.name, inner.revision

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        self.alive -= 1
        if self.alive < 0:
            raise EngineError("connection refused")
        return self.inner.ask(path, policy_input)


def test_without_an_engine_nothing_is_deployed_and_that_is_recorded(
    make_gate: MakeGate, engine: Any, platform: FakePlatform
) -> None:
    gate = make_gate(engine=DeadEngine(engine, 0))
    with pytest.raises(EngineError):
        gate.run(deploy(A), ACTOR)
    assert platform.deploys == []
    run = read_run(gate.ledger, gate.ledger.runs()[0])
    assert (run.status, run.release) == ("undecided", A)  # so that it can be asked again


def test_an_engine_that_dies_during_the_deploy_leaves_it_unconfirmed(make_gate: MakeGate, engine: Any) -> None:
    gate = make_gate(engine=DeadEngine(engine, 2))
    run = gate.run(deploy(A), ACTOR)
    assert run.status == "unconfirmed" and "no decision could be had" in run.detail
    assert runs_now(gate, TESTING) is None


# -- between the decision and the deploy


def test_a_testing_deploy_between_decision_and_redeem_makes_the_promotion_stale(
    promoted: Gate, platform: FakePlatform
) -> None:
    """S28: what testing runs is looked at once more right before prod is touched."""
    promoted.run(deploy(B), ACTOR)
    found = inventory(promoted, TESTING)
    assert found

    def late(self: FakePlatform, approval: Approval) -> Outcome:
        moved = found.model_copy(update={"source_git_ref": C.source_git_ref})
        promoted.store.write_environment_inventory(moved)
        return self.change(approval)

    platform.behaves, touched = late, len(platform.deploys)
    run = promoted.run(promote(), ACTOR)
    assert (run.status, run.touched) == ("stale", False)
    assert "sellyouroutboard/testing has changed since the policies decided" in run.detail
    assert len(platform.deploys) == touched and runs_now(promoted, PROD) == A


def test_a_testing_deploy_after_the_trigger_is_no_fault(promoted: Gate, platform: FakePlatform) -> None:
    """S28: from then on testing may move on, and prod has what was the latest."""
    promoted.run(deploy(B), ACTOR)

    def meanwhile(self: FakePlatform, approval: Approval) -> Outcome:
        outcome = self.change(approval)
        self.behaves = None
        assert promoted.run(deploy(C), ACTOR).status == "recorded"  # the source lane is free again
        return outcome

    platform.behaves = meanwhile
    assert promoted.run(promote(), ACTOR).status == "recorded"
    assert (runs_now(promoted, TESTING), runs_now(promoted, PROD)) == (C, B)


def test_a_destination_that_somebody_else_wrote_meanwhile_is_not_overwritten(
    promoted: Gate, platform: FakePlatform
) -> None:
    promoted.run(deploy(B), ACTOR)
    found = inventory(promoted, PROD)
    assert found

    def writes_too(writer: InventoryWriter) -> None:
        promoted.store.write_environment_inventory(found.model_copy(update={"source_git_ref": C.source_git_ref}))
        writer.write()

    platform.recording = writes_too
    run = promoted.run(promote(), ACTOR)
    assert run.status == "unrecorded" and "changed by somebody else" in run.detail
    assert (after := inventory(promoted, PROD)) and after.source_git_ref == C.source_git_ref


@pytest.mark.parametrize("fault", ["raises", "forgets"])
def test_a_driver_that_does_not_record_leaves_the_run_unrecorded(
    gate: Gate, platform: FakePlatform, fault: str
) -> None:
    def recording(_: InventoryWriter) -> None:
        if fault == "raises":
            raise OSError("disk full")

    platform.recording = recording
    run = gate.run(deploy(A), ACTOR)
    assert run.status == "unrecorded" and runs_now(gate, TESTING) is None
    platform.recording = lambda writer: writer.write()
    assert "lane.settled" in refused_by(gate.run(promote(), ACTOR))


def test_an_approval_opens_one_door_once(gate: Gate, platform: FakePlatform) -> None:
    seen: list[BaseException] = []

    def greedy(self: FakePlatform, approval: Approval) -> Outcome:
        for copier in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(ApprovalVoid):
                copier(approval)
        first = self.change(approval)
        try:
            self.change(approval)
        except ApprovalVoid as error:
            seen.append(error)
        return first

    platform.behaves = greedy
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    assert len(seen) == len(platform.deploys) == 1


def test_an_approval_used_by_many_threads_opens_for_one(gate: Gate, platform: FakePlatform) -> None:
    def crowd(self: FakePlatform, approval: Approval) -> Outcome:
        def enter() -> None:
            target = Target(target_type="application", target_id="app", target_name="app", deploy_mode="fake")
            try:
                with approval.redeem(target) as what:
                    self.deploys.append(("", what.source_git_ref))
            except ApprovalVoid:
                pass

        threads = [threading.Thread(target=enter) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.runs[str(approval.lane)] = approval.release
        return Outcome(status="pass", touched=True)

    platform.behaves = crowd
    gate.run(deploy(A), ACTOR)
    assert len(platform.deploys) == 1


def test_an_approval_that_outlives_its_run_is_void(gate: Gate, platform: FakePlatform) -> None:
    kept: list[Approval] = []

    def keeps(self: FakePlatform, approval: Approval) -> Outcome:
        kept.append(approval)
        return Outcome(status="fail", touched=False, detail="not today")

    platform.behaves = keeps
    gate.run(deploy(A), ACTOR)
    with pytest.raises((ApprovalVoid, Stale)):
        platform.change(kept[0])
    assert platform.deploys == []


# -- one run a lane


def test_a_second_run_on_a_lane_waits_and_is_refused_as_busy(make_gate: MakeGate, platform: FakePlatform) -> None:
    first, second = make_gate(), make_gate()
    entered, leave = threading.Event(), threading.Event()

    def slow(self: FakePlatform, approval: Approval) -> Outcome:
        entered.set()
        leave.wait(5)
        return self.change(approval)

    platform.behaves = slow
    results: list[Run] = []
    thread = threading.Thread(target=lambda: results.append(first.run(deploy(A), ACTOR)))
    thread.start()
    entered.wait(5)
    began = time.monotonic()
    with pytest.raises(LaneBusy, match="sellyouroutboard/testing is held"):
        second.run(deploy(B), ACTOR)
    with pytest.raises(LaneBusy):
        second.run(promote(), ACTOR)  # its source is held
    assert time.monotonic() - began < 5
    leave.set()
    thread.join()
    assert [run.status for run in results] == ["recorded"]
    assert runs_now(first, TESTING) == A


def test_ctrl_c_during_a_deploy_closes_the_run_as_interrupted(gate: Gate, platform: FakePlatform) -> None:
    def interrupted(self: FakePlatform, approval: Approval) -> Outcome:
        self.change(approval)
        raise KeyboardInterrupt

    platform.behaves = interrupted
    with pytest.raises(KeyboardInterrupt):
        gate.run(deploy(A), ACTOR)
    assert (row := gate.ledger.run_row(gate.ledger.runs()[0])) and row.status == "interrupted"
    platform.behaves = None
    assert "lane.settled" in refused_by(gate.run(promote(), ACTOR))
    assert gate.run(deploy(A), ACTOR).status == "recorded"


# -- idempotency


def test_a_repeat_of_a_recorded_run_is_that_run_while_it_is_true(promoted: Gate, platform: FakePlatform) -> None:
    """S20: where nothing has changed since, a repeat is told of the first run and touches nothing."""
    promoted.run(deploy(B), ACTOR)
    first = promoted.run(promote(idempotency_key="k"), ACTOR)
    touched = len(platform.deploys)
    again = promoted.run(promote(idempotency_key="k"), ACTOR)
    assert (again.run_id, again.replayed, again.status) == (first.run_id, True, "recorded")
    assert len(platform.deploys) == touched


def test_a_replay_that_is_no_longer_true_is_refused_and_recorded(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)
    gate.run(promote(A, idempotency_key="k"), ACTOR)
    gate.run(deploy(B), ACTOR)
    touched = len(platform.deploys)
    with pytest.raises(StaleReplay, match="runs bbbbbbb now") as error:
        gate.run(promote(A, idempotency_key="k"), ACTOR)
    assert "aaaaaaa" in str(error.value)
    assert len(platform.deploys) == touched
    assert (row := gate.ledger.run_row(gate.ledger.runs()[0])) and row.status == "stale"


def test_a_key_belongs_to_one_request(gate: Gate) -> None:
    gate.run(deploy(A, idempotency_key="k"), ACTOR)
    with pytest.raises(KeyReused):
        gate.run(deploy(B, idempotency_key="k"), ACTOR)
    other = Actor(subject="unverified:other@desk")
    assert gate.run(deploy(B, idempotency_key="k"), other).status == "denied"  # a scope of its own


@pytest.mark.parametrize("status", ["fail", "unknown"])
def test_a_run_that_ended_unsettled_frees_its_key(gate: Gate, platform: FakePlatform, status: str) -> None:
    platform.behaves = lambda self, approval: self.change(approval, status=status)
    gate.run(deploy(A, idempotency_key="k"), ACTOR)
    platform.behaves = None
    again = gate.run(deploy(A, idempotency_key="k"), ACTOR)
    assert (again.status, again.replayed) == ("recorded", False)


def test_a_recorded_key_is_free_again_where_its_destination_is_unsettled_now(
    gate: Gate, platform: FakePlatform
) -> None:
    gate.run(deploy(A), ACTOR)
    gate.run(promote(idempotency_key="k"), ACTOR)
    platform.behaves = lambda self, approval: self.change(approval, status="unknown")
    gate.run(promote(redeploy=True), ACTOR)
    platform.behaves = None
    cure = gate.run(promote(idempotency_key="k"), ACTOR)
    assert (cure.status, cure.replayed) == ("recorded", False)


def test_a_repeat_of_an_open_run_is_that_run_and_executes_nothing(make_gate: MakeGate, platform: FakePlatform) -> None:
    """S21: of two requests under one key that are under way together one deploys."""
    first, second = make_gate(), make_gate()
    seen: list[Run] = []

    def meanwhile(self: FakePlatform, approval: Approval) -> Outcome:
        outcome = self.change(approval)
        seen.append(second.run(deploy(A, idempotency_key="k"), ACTOR))
        return outcome

    platform.behaves = meanwhile
    run = first.run(deploy(A, idempotency_key="k"), ACTOR)
    assert [(other.run_id, other.status, other.replayed) for other in seen] == [(run.run_id, "open", True)]
    assert len(platform.deploys) == 1


# -- records and time


def test_deployments_of_a_lane_are_strictly_ordered(gate: Gate) -> None:
    for letter in "ABCABC":
        assert gate.run(deploy(release(letter)), ACTOR).status == "recorded"
    started = [record.deploy.started_at for record in deployments(gate, TESTING)]
    assert len(set(started)) == 6 and started == sorted(started)


@pytest.mark.parametrize("content", ["", '{"schema_version":1', "[]", '{"a":1,"a":2}', "null"])
def test_a_torn_inventory_unsettles_its_lane_and_is_replaced(promoted: Gate, tmp_path: Path, content: str) -> None:
    path = tmp_path / "inventory" / "sellyouroutboard" / "testing.json"
    path.write_text(content)
    run = promoted.run(promote(), ACTOR)
    assert "lane.settled" in refused_by(run) and "inventory.source_present" in refused_by(run)
    assert promoted.run(deploy(A), ACTOR).status == "recorded"
    assert promoted.run(promote(), ACTOR).status == "unchanged"


@pytest.mark.parametrize("content", ["", None])
@pytest.mark.parametrize("what", [A, B])
def test_a_prod_inventory_that_is_torn_or_lost_is_replaced_by_the_next_promotion(
    promoted: Gate, tmp_path: Path, what: ReleaseIdentity, content: str | None
) -> None:
    path = tmp_path / "inventory" / "sellyouroutboard" / "prod.json"
    path.unlink() if content is None else path.write_text(content)
    promoted.run(deploy(what), ACTOR)
    assert promoted.run(promote(), ACTOR).status == "recorded"
    assert runs_now(promoted, PROD) == what


@pytest.mark.parametrize("named", ["", "two words", "é"])
def test_an_inventory_that_names_no_release_promotes_nothing_and_is_replaced(
    promoted: Gate, tmp_path: Path, named: str
) -> None:
    path = tmp_path / "inventory" / "sellyouroutboard" / "testing.json"
    edited = json.loads(path.read_text())
    edited["artifact_identity"]["artifact_id"] = named
    path.write_text(json.dumps(edited))
    assert {"lane.settled", "inventory.source_current"} <= set(refused_by(promoted.run(promote(), ACTOR)))
    assert promoted.run(deploy(A), ACTOR).status == "recorded"


def test_an_inventory_edited_by_hand_unsettles_its_lane(promoted: Gate, tmp_path: Path) -> None:
    path = tmp_path / "inventory" / "sellyouroutboard" / "testing.json"
    edited = json.loads(path.read_text())
    edited["updated_at"] = "2026-01-01T00:00:00Z"
    path.write_text(json.dumps(edited))
    assert "lane.settled" in refused_by(promoted.run(promote(), ACTOR))


def test_a_deployment_edited_by_hand_unsettles_its_lane(promoted: Gate) -> None:
    record = deployments(promoted, TESTING)[-1]
    fresher = record.deploy.model_copy(update={"deployment_id": "other"})
    promoted.store.write_deployment_record(record.model_copy(update={"deploy": fresher}))
    assert "lane.settled" in refused_by(promoted.run(promote(), ACTOR))


def test_a_disk_that_is_full_before_the_decision_is_saved_deploys_nothing(
    gate: Gate, platform: FakePlatform, tmp_path: Path
) -> None:
    gate.run(deploy(A), ACTOR)
    touched = len(platform.deploys)

    def fill(_: Question) -> None:
        with gate.ledger.database.engine.connect() as connection:  # the page limit is how SQLite sees a full disk
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    platform.sampling = fill
    with pytest.raises(LedgerError, match="full"):
        for _ in range(20):
            gate.run(deploy(B), ACTOR)
            touched = len(platform.deploys)
    assert len(platform.deploys) == touched


def test_a_check_saves_nothing_and_holds_nothing(promoted: Gate, tmp_path: Path) -> None:
    before, entries = state(tmp_path), promoted.ledger.verify().entries
    assert promoted.check(promote(), ACTOR).allowed
    assert not promoted.check(promote(B), ACTOR).allowed
    assert (state(tmp_path), promoted.ledger.verify().entries) == (before, entries)


def test_one_gate_answers_many_threads_at_once(promoted: Gate) -> None:
    with ThreadPoolExecutor(max_workers=6) as pool:
        stated = [A, B, None] * 20
        decisions = list(pool.map(lambda release: promoted.check(promote(release), ACTOR), stated))
    assert [decision.allowed for decision in decisions] == [release != B for release in stated]
