"""Somebody else deployed and reports it: a claim, of which one look at the lane decides what becomes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from launchplane_gate.errors import EngineError, Undecided
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import InventoryWriter
from launchplane_gate.line.lane_requests import LaneRequest
from launchplane_gate.model import Expected, Lane, Phase, ReleaseIdentity, Request, Run, unstamp
from launchplane_gate.policy import PolicyEngine, load_bundle, shipped_policies
from launchplane_gate.records import DeploymentRecord
from launchplane_gate.runs import read_run
from tests.conftest import ACTOR, POLICY, PROD, PRODUCT, TESTING, A, B, C, MakeGate, deploy, promote
from tests.fakes.platform import FakePlatform
from tests.line.test_order import codes, file_of, records_of, somebody_writes, why
from tests.line.test_settling_runs import interrupted, reconcile, resume, runs_now


@pytest.fixture
def both(gate: Gate) -> Gate:
    """Testing and prod run A."""
    gate.run(deploy(A), ACTOR)
    gate.run(promote(), ACTOR)
    return gate


def report(release: ReleaseIdentity, lane: Lane = TESTING, **rest: Any) -> Request:
    """A claim that somebody else deployed a release to a lane."""
    claimed = {"expected": Expected(**release.model_dump()), "reported": "pass", **rest}
    return Request(action="evidence", product=PRODUCT, destination=lane.instance, **claimed)


def kept_of(gate: Gate, run: Run) -> DeploymentRecord:
    """The record of a report, which stands alone in the store."""
    assert run.deployment_record_id
    return gate.store.read_deployment_record(run.deployment_record_id)


def claimed_by(record: DeploymentRecord) -> tuple[str, str]:
    assert record.artifact_identity
    return record.artifact_identity.artifact_id, record.source_git_ref


def test_what_is_seen_to_run_where_no_path_ends_becomes_the_inventory(both: Gate, platform: FakePlatform) -> None:
    platform.run(TESTING, B)
    count = len(platform.deploys)
    run = both.run(report(B, reason="deployed from the console"), ACTOR)
    assert (run.status, run.action, run.release, run.of_run) == ("recorded", "evidence", B, None)
    assert (runs_now(both, TESTING), why(both, TESTING), len(platform.deploys)) == (B.source_git_ref, "", count)
    record = kept_of(both, run)
    assert (record.deploy.status, record.deploy.deploy_mode) == ("pass", "reported, not deployed")
    assert run.admitted and record.runtime_source["gate_decision_id"] == run.admitted.decision_id
    assert both.run(promote(), ACTOR).status == "recorded" and runs_now(both, PROD) == B.source_git_ref
    assert both.ledger.verify().wrong == ()


@pytest.mark.parametrize("lane", [TESTING, PROD])
@pytest.mark.parametrize("claimed", [B, ReleaseIdentity(artifact_id=B.artifact_id, source_git_ref=A.source_git_ref)])
def test_a_false_report_blocks_nobody_and_is_kept(
    both: Gate, platform: FakePlatform, lane: Lane, claimed: ReleaseIdentity
) -> None:
    run = both.run(report(claimed, lane), ACTOR)
    assert run.status == ("denied" if lane == PROD else "unconfirmed")
    assert (runs_now(both, lane), why(both, lane)) == (A.source_git_ref, "")
    record = kept_of(both, run)
    assert (claimed_by(record), record.deploy.status) == ((claimed.artifact_id, claimed.source_git_ref), "pass")
    assert both.run(promote(redeploy=True), ACTOR).status == "recorded"
    assert both.ledger.verify().wrong == ()


def test_where_a_path_ends_what_was_deployed_by_hand_is_not_recorded(both: Gate, platform: FakePlatform) -> None:
    """A workflow that may no more than ship says that prod runs what was never let go there (S7)."""
    both.run(deploy(B), ACTOR)
    platform.run(PROD, B)
    run = both.run(report(B, PROD), ACTOR)
    assert (run.status, codes(run), run.touched) == ("denied", {"evidence.approved"}, True)
    assert runs_now(both, PROD) == A.source_git_ref
    assert "a report of bbbbbbb, ended denied" in why(both, PROD)  # it is not as recorded: nobody says that it is
    assert "by promotion" in run.admitted.refusals[0].message if run.admitted else False
    platform.run(PROD, A)
    assert both.run(reconcile(PROD), ACTOR).status == "recorded"
    assert (runs_now(both, PROD), why(both, PROD)) == (A.source_git_ref, "")


def test_what_was_merely_admitted_there_is_not_either(both: Gate, platform: FakePlatform) -> None:
    """The incident again: a promotion that ended before it redeemed, and the same release deployed by hand."""
    both.run(deploy(B), ACTOR)
    platform.behaves = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        both.run(promote(), ACTOR)
    platform.behaves = None
    platform.run(PROD, B)
    assert both.run(report(B, PROD), ACTOR).status == "denied"
    assert both.run(reconcile(PROD), ACTOR).status == "unconfirmed"
    assert runs_now(both, PROD) == A.source_git_ref


def test_it_counts_there_for_the_last_run_that_redeemed(both: Gate, platform: FakePlatform) -> None:
    both.run(deploy(B), ACTOR)
    request = promote(idempotency_key="k")
    run_id = interrupted(both, request, platform)
    run = both.run(report(B, PROD), ACTOR)
    assert (run.status, run.of_run, why(both, PROD)) == ("recorded", run_id, "")
    inventory = both.store.read_environment_inventory(context_name=PROD.context, instance_name="prod")
    assert both.store.read_promotion_record(inventory.promotion_record_id).deploy.status == "pass"
    assert (again := both.run(request, ACTOR)).replayed and again.run_id == run.run_id
    assert both.ledger.verify().wrong == ()


@pytest.mark.parametrize("ended", ["fail", "pending", "skipped"])
def test_a_deploy_that_did_not_pass_is_kept_and_no_more(both: Gate, platform: FakePlatform, ended: Any) -> None:
    """S6: evidence is evidence."""
    run = both.run(report(B, reported=ended), ACTOR)
    assert (run.status, codes(run)) == ("denied", {"evidence.approved"})
    assert (kept_of(both, run).deploy.status, why(both, TESTING)) == (ended, "")
    assert runs_now(both, TESTING) == A.source_git_ref
    platform.run(TESTING, B)
    assert both.run(report(B, reported=ended), ACTOR).touched
    assert why(both, TESTING) and both.run(promote(), ACTOR).status == "denied"
    assert both.run(deploy(B), ACTOR).status == "recorded" and why(both, TESTING) == ""


def test_it_stands_at_the_gates_own_time(both: Gate, platform: FakePlatform) -> None:
    """S57: no other clock is asked, so that a later deploy and promotion pass."""
    before = both.ledger.now()
    record = kept_of(both, both.run(report(B), ACTOR))
    for text in (record.deploy.started_at, record.deploy.finished_at):
        assert (moment := unstamp(text)) and before <= moment <= both.ledger.now() + timedelta(seconds=1)
    assert both.run(deploy(C), ACTOR).status == "recorded"
    assert both.run(promote(), ACTOR).status == "recorded"


def test_what_is_recorded_already_stays_as_it_is(both: Gate) -> None:
    before = both.store.read_environment_inventory(context_name=PROD.context, instance_name="prod")
    run = both.run(report(A, PROD), ACTOR)
    assert (run.status, why(both, PROD)) == ("unchanged", "")
    assert both.store.read_environment_inventory(context_name=PROD.context, instance_name="prod") == before
    assert kept_of(both, run).record_id != before.deployment_record_id


@pytest.mark.parametrize("shown", ["drifted", "silent", "away"])
def test_where_the_look_shows_anything_else_the_lane_is_unsettled(
    both: Gate, platform: FakePlatform, shown: str
) -> None:
    """It is not known that the report is false, so nothing is promoted from the lane until somebody settles it."""
    if shown == "drifted":
        platform.run(TESTING, C)
    elif shown == "silent":
        platform.reports[str(TESTING)] = None
    else:
        platform.digests = "failed"
    run = both.run(report(B), ACTOR)
    assert run.status in ("unconfirmed", "denied", "undecided") and run.touched
    assert "a report of bbbbbbb" in why(both, TESTING) and runs_now(both, TESTING) == A.source_git_ref
    assert claimed_by(kept_of(both, run)) == (B.artifact_id, B.source_git_ref)
    platform.digests = "shown"
    platform.reports.clear()
    platform.run(TESTING, A)
    assert {"lane.settled"} <= codes(both.run(promote(redeploy=True), ACTOR))
    assert both.run(reconcile(), ACTOR).status == "recorded" and why(both, TESTING) == ""


def test_nobody_elses_deploy_since_is_settled_by_a_report(both: Gate, platform: FakePlatform) -> None:
    somebody_writes(both, TESTING)
    platform.run(TESTING, B)
    run = both.run(report(B), ACTOR)
    assert (run.status, codes(run)) == ("denied", {"evidence.approved"})
    assert run.admitted and "deployments that the gate did not write: 1." in run.admitted.refusals[0].message
    assert both.run(deploy(B), ACTOR).status == "recorded" and why(both, TESTING) == ""


def test_a_report_is_kept_over_a_torn_record(both: Gate) -> None:
    file_of(both, TESTING, "torn").write_text("{")
    run = both.run(report(B), ACTOR)
    assert run.status == "denied" and claimed_by(kept_of(both, run)) == (B.artifact_id, B.source_git_ref)


def test_it_is_asked_what_a_deploy_is_asked(both: Gate) -> None:
    named = ReleaseIdentity(artifact_id="ghcr.io/cbusillo/sellyouroutboard:latest", source_git_ref="main")
    run = both.run(report(named), ACTOR)
    assert {"release.artifact_pinned", "release.commit_full"} <= codes(run)
    assert (claimed_by(kept_of(both, run))[0], why(both, TESTING)) == (named.artifact_id, "")
    both.hold_lane(LaneRequest(PRODUCT, "testing", "under repair"), ACTOR)
    assert "lane.not_held" in codes(both.run(report(B), ACTOR))


def test_whatever_is_added_for_a_deploy_is_asked_of_a_report(tmp_path: Path) -> None:
    """Who deploys by hand what a deploy would be refused for gets past nothing by reporting it."""
    added = {
        "base": {"deploy": {"admit": ["release.artifact_revision"]}},
        "products": {PRODUCT: {"deploy": {"admit": ["release.commit_on_branch"]}}},
        "drivers": {"fake": {"deploy": {"confirm": ["release.artifact_pinned"]}}},
    }
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "data.json").write_text(json.dumps({**POLICY, "roll_call": added}))
    bundle = load_bundle([shipped_policies(), tmp_path])
    asked: dict[str, set[str]] = {}
    for phase in get_args(Phase):
        asked[phase] = set(bundle.roll_call("evidence", phase, "fake", PRODUCT))
        assert asked[phase] >= set(bundle.roll_call("deploy", phase, "fake", PRODUCT)) - {"lane.not_bypassed"}
    assert {"release.artifact_revision", "release.commit_on_branch", "evidence.approved"} <= asked["admit"]
    assert "lane.not_bypassed" not in asked["admit"] and "release.artifact_pinned" in asked["confirm"]
    assert bundle.config["roll_call"]["base"]["evidence"]["admit"][-1] == "release.artifact_revision"


def test_who_may_not_ship_is_refused_and_nothing_is_kept(both: Gate) -> None:
    """Who may not ask is told of no record, and leaves none."""
    before = records_of(both, TESTING)
    stranger = ACTOR.model_copy(update={"subject": "unverified:somebody@else"})
    run = both.run(report(B), stranger)
    assert (run.status, codes(run), run.deployment_record_id) == ("denied", {"actor.permitted"}, None)
    assert records_of(both, TESTING) == before and why(both, TESTING) == ""


def test_what_is_refused_before_facts_are_asked_for_is_kept_too(both: Gate, platform: FakePlatform) -> None:
    run = both.run(report(B, PROD, driver="another"), ACTOR)
    assert (run.status, codes(run), why(both, PROD)) == ("denied", {"lane.driver_matches"}, "")
    assert kept_of(both, run).source_git_ref == B.source_git_ref
    platform.run(PROD, C)
    assert both.run(report(B, PROD, driver="another"), ACTOR).touched and why(both, PROD)


class GoesAway:
    """An engine that answers who may ask, and is away when facts are there."""

    def __init__(self, engine: PolicyEngine) -> None:
        self.name, self.revision, self.engine = engine.name, engine.revision, engine

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        if policy_input["phase"] != "standing":
            raise EngineError("it went away")
        return self.engine.ask(path, policy_input)


@pytest.mark.parametrize(("running", "touched"), [(A, False), (B, True)])
def test_it_is_kept_where_nobody_could_decide(
    both: Gate, make_gate: MakeGate, platform: FakePlatform, running: ReleaseIdentity, touched: bool
) -> None:
    platform.run(TESTING, running)
    with pytest.raises(Undecided, match="it went away"):
        make_gate(engine=GoesAway(both.engine)).run(report(B), ACTOR)
    run = read_run(both.ledger, both.ledger.runs(limit=1)[0])
    assert (run.status, run.touched, bool(why(both, TESTING))) == ("undecided", touched, touched)
    assert claimed_by(kept_of(both, run)) == (B.artifact_id, B.source_git_ref)
    platform.run(TESTING, A)
    assert both.run(reconcile(), ACTOR).status == ("recorded" if touched else "unchanged")
    assert why(both, TESTING) == ""


def test_a_false_report_does_not_stop_an_interrupted_run_from_being_finished(
    both: Gate, platform: FakePlatform
) -> None:
    run_id = interrupted(both, deploy(B), platform)
    assert both.run(report(C), ACTOR).status == "unconfirmed"
    assert both.run(resume(run_id), ACTOR).status == "recorded"
    assert (runs_now(both, TESTING), why(both, TESTING)) == (B.source_git_ref, "")


def test_a_repeat_under_a_key_is_told_what_became_of_it(both: Gate, platform: FakePlatform) -> None:
    platform.run(TESTING, B)
    first = both.run(report(B, idempotency_key="k"), ACTOR)
    again = both.run(report(B, idempotency_key="k"), ACTOR)
    assert (first.status, again.run_id, again.replayed) == ("recorded", first.run_id, True)
    assert len([one for one in records_of(both, TESTING) if one.source_git_ref == B.source_git_ref]) == 1


def test_what_ends_in_the_middle_of_it_can_be_done_again(both: Gate, platform: FakePlatform) -> None:
    platform.run(TESTING, B)

    def recording(inventory: InventoryWriter) -> None:
        inventory.write()
        raise KeyboardInterrupt

    platform.recording = recording
    with pytest.raises(KeyboardInterrupt):
        both.run(report(B), ACTOR)
    platform.recording = lambda inventory: inventory.write()
    run_id = both.ledger.runs(limit=1)[0]
    assert "ended interrupted" in why(both, TESTING)
    run = both.run(resume(run_id), ACTOR)
    assert (run.status, run.of_run, why(both, TESTING)) == ("recorded", run_id, "")
    assert both.ledger.verify().wrong == ()


def test_a_lane_that_never_ran_anything_may_be_reported_on(gate: Gate, platform: FakePlatform) -> None:
    platform.run(TESTING, A)
    assert gate.run(report(A), ACTOR).status == "recorded"
    assert (runs_now(gate, TESTING), why(gate, TESTING)) == (A.source_git_ref, "")
    platform.run(PROD, A)
    assert gate.run(report(A, PROD), ACTOR).status == "denied"


def test_it_is_asked_as_it_is_run(both: Gate, platform: FakePlatform) -> None:
    platform.run(TESTING, B)
    decision = both.check(report(B), ACTOR)
    assert decision.allowed and (decision.action, decision.release) == ("evidence", B)
    assert not both.check(report(B, PROD), ACTOR).allowed
    assert len(records_of(both, TESTING)) == 1 and why(both, TESTING) == ""
