"""``resume`` and ``reconcile``: nothing is deployed, the lane is looked at, and what is proven is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.adoption import adopt
from launchplane_gate.errors import RequestError, StaleReplay
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval, InventoryWriter
from launchplane_gate.lanes import look
from launchplane_gate.ledger import Ledger
from launchplane_gate.line import standing
from launchplane_gate.model import Actor, Lane, Outcome, Request, Run
from launchplane_gate.plugins import Plugins
from launchplane_gate.runs import read_run
from launchplane_gate.store import FileStore
from tests.conftest import ACTOR, APPROVER, PROD, PRODUCT, PROFILE, TESTING, A, B, C, MakeGate, deploy, promote
from tests.fakes.platform import FakeHealth, FakePlatform, FakePublisher
from tests.line.test_order import codes, file_of, records_of, somebody_writes, why


def resume(run: Run | str, lane: Lane = TESTING, **rest: Any) -> Request:
    run_id = run if isinstance(run, str) else run.run_id
    return Request(action="resume", product=PRODUCT, destination=lane.instance, of_run=run_id, **rest)


def reconcile(lane: Lane = TESTING, **rest: Any) -> Request:
    return Request(action="reconcile", product=PRODUCT, destination=lane.instance, **rest)


def interrupted(gate: Gate, request: Request, platform: FakePlatform, actor: Actor = ACTOR) -> str:
    """A run whose process ends right after its change; gives its id."""

    def end(platform: FakePlatform, approval: Approval) -> Outcome:
        platform.change(approval)
        raise KeyboardInterrupt

    platform.behaves = end
    with pytest.raises(KeyboardInterrupt):
        gate.run(request, actor)
    platform.behaves = None
    return gate.ledger.runs(limit=1)[0]


@pytest.fixture
def both(gate: Gate) -> Gate:
    """Testing and prod run A."""
    gate.run(deploy(A), ACTOR)
    gate.run(promote(), ACTOR)
    return gate


def runs_now(gate: Gate, lane: Lane) -> str:
    inventory = gate.store.read_environment_inventory(context_name=lane.context, instance_name=lane.instance)
    return inventory.source_git_ref


@pytest.mark.parametrize("found", ["pass", "unknown"])
def test_an_interrupted_run_is_finished_without_a_deploy(both: Gate, platform: FakePlatform, found: Any) -> None:
    run_id, count = interrupted(both, deploy(B), platform), len(platform.deploys)
    platform.found = Outcome(status=found, touched=True, deployment_id="d-7")
    run = both.run(resume(run_id, reason="the container was replaced"), ACTOR)
    assert (run.status, run.action, run.of_run, run.release) == ("recorded", "resume", run_id, B)
    assert (len(platform.deploys), runs_now(both, TESTING), why(both, TESTING)) == (count, B.source_git_ref, "")
    record = both.store.read_deployment_record(str(run.deployment_record_id))
    assert (record.deploy.status, record.destination_health.status) == ("pass", "pass")
    assert record.runtime_source and record.runtime_source["gate_run_id"] == run_id
    assert both.run(promote(), ACTOR).status == "recorded"
    assert both.ledger.verify().wrong == ()
    with pytest.raises(RequestError, match="came after it"):
        both.run(resume(run_id), ACTOR)


def test_a_promotion_that_was_interrupted_is_finished_with_its_record_and_its_release(
    make_gate: MakeGate, platform: FakePlatform
) -> None:
    publisher = FakePublisher((PRODUCT,))
    gate = make_gate(plugins=Plugins({"fake": platform, "health": FakeHealth(platform), "github": publisher}))
    gate.run(deploy(A), ACTOR)
    run_id = interrupted(gate, promote(version="v0.2.10"), platform)
    run = gate.run(resume(run_id, PROD), ACTOR)
    assert run.publication and run.publication.published and publisher.releases == {"v0.2.10": A.source_git_ref}
    assert (run.status, run.source, run.release) == ("recorded", TESTING, A)
    inventory = gate.store.read_environment_inventory(context_name=PROD.context, instance_name="prod")
    promotion = gate.store.read_promotion_record(inventory.promotion_record_id)
    assert (promotion.deploy.status, promotion.from_instance) == ("pass", "testing")
    assert run.promotion_record_id == promotion.record_id and run_id[2:].lower() in promotion.record_id
    assert why(gate, PROD) == "" and gate.run(promote(), ACTOR).status == "unchanged"


def test_what_did_not_come_up_is_not_recorded_and_can_be_looked_at_again(both: Gate, platform: FakePlatform) -> None:
    run_id = interrupted(both, deploy(B), platform)
    platform.reports[str(TESTING)] = A.source_git_ref
    run = both.run(resume(run_id), ACTOR)
    assert (run.status, runs_now(both, TESTING)) == ("unconfirmed", A.source_git_ref)
    assert "ended interrupted" in why(both, TESTING)
    platform.reports.clear()
    assert both.run(resume(run_id), ACTOR).status == "recorded"
    assert both.ledger.verify().wrong == ()


@pytest.mark.parametrize("touched", [True, False])
def test_a_deploy_that_is_known_to_have_failed_is_closed_as_that(
    both: Gate, platform: FakePlatform, touched: bool
) -> None:
    run_id = interrupted(both, deploy(B), platform)
    platform.run(TESTING, A)
    platform.found = Outcome(status="fail", touched=touched, detail="no space left")
    run = both.run(resume(run_id), ACTOR)
    assert run.status == "fail" and "no space left" in run.detail
    record_id = read_run(both.ledger, run_id).deployment_record_id
    assert record_id and both.store.read_deployment_record(record_id).deploy.status == "fail"
    assert both.run(reconcile(), ACTOR).status == "recorded"  # A is what it is seen to run
    assert (runs_now(both, TESTING), why(both, TESTING)) == (A.source_git_ref, "")
    assert both.run(promote(), ACTOR).status == "unchanged"


def test_a_repeat_under_the_key_of_an_interrupted_run_finishes_it(both: Gate, platform: FakePlatform) -> None:
    request = deploy(B, idempotency_key="k")
    run_id, count = interrupted(both, request, platform), len(platform.deploys)
    platform.reports[str(TESTING)] = A.source_git_ref
    first = both.run(request, ACTOR)
    assert (first.status, first.of_run, len(platform.deploys)) == ("unconfirmed", run_id, count)
    platform.reports.clear()
    again = interrupted(both, deploy(B, idempotency_key="j"), platform)
    count = len(platform.deploys)
    run = both.run(deploy(B, idempotency_key="j"), ACTOR)
    assert (run.status, run.of_run, len(platform.deploys)) == ("recorded", again, count)
    replayed = both.run(deploy(B, idempotency_key="j"), ACTOR)
    assert (replayed.run_id, replayed.replayed) == (run.run_id, True)
    assert both.ledger.verify().wrong == ()


def test_a_repeat_of_a_run_that_ended_before_it_changed_anything_is_run(both: Gate, platform: FakePlatform) -> None:
    def end(platform: FakePlatform, approval: Approval) -> Outcome:
        raise KeyboardInterrupt

    platform.behaves = end
    with pytest.raises(KeyboardInterrupt):
        both.run(deploy(B, idempotency_key="k"), ACTOR)
    platform.behaves = None
    run_id = both.ledger.runs(limit=1)[0]
    with pytest.raises(RequestError, match="before it changed anything"):
        both.run(resume(run_id), ACTOR)
    assert both.run(deploy(B, idempotency_key="k"), ACTOR).action == "deploy"


def test_only_the_last_run_of_a_lane_is_resumed(both: Gate, platform: FakePlatform) -> None:
    run_id = interrupted(both, deploy(B), platform)
    assert both.run(deploy(C), ACTOR).status == "recorded"
    for run, says in ((run_id, "came after it"), (both.ledger.runs(limit=1)[0], "nothing to resume")):
        with pytest.raises(RequestError, match=says):
            both.run(resume(run), ACTOR)
    with pytest.raises(RequestError, match="there is no run"):
        both.run(resume("r-NOTHING"), ACTOR)
    other = interrupted(both, deploy(B), platform)
    with pytest.raises(RequestError, match="was on sellyouroutboard/testing"):
        both.run(resume(other, PROD), ACTOR)


# -- reconcile


def test_a_lane_that_was_not_confirmed_is_settled_once_it_is_seen_to_run_it(both: Gate, platform: FakePlatform) -> None:
    platform.reports[str(TESTING)] = A.source_git_ref
    assert both.run(deploy(B), ACTOR).status == "unconfirmed"
    platform.reports.clear()
    run = both.run(reconcile(), ACTOR)
    assert (run.status, run.release, why(both, TESTING)) == ("recorded", B, "")
    assert both.run(promote(), ACTOR).status == "recorded"


def test_what_was_merely_admitted_is_never_recorded(both: Gate, platform: FakePlatform) -> None:
    """A promotion that ended before it redeemed, and the same release deployed by hand: the incident again."""
    both.run(deploy(B), ACTOR)

    def end(platform: FakePlatform, approval: Approval) -> Outcome:
        raise KeyboardInterrupt

    platform.behaves = end
    with pytest.raises(KeyboardInterrupt):
        both.run(promote(), ACTOR)
    platform.behaves = None
    platform.run(PROD, B)
    run = both.run(reconcile(PROD), ACTOR)
    assert (run.status, run.release, runs_now(both, PROD)) == ("unconfirmed", A, A.source_git_ref)


def test_somebody_elses_deploy_is_not_recorded(both: Gate, platform: FakePlatform) -> None:
    interrupted(both, deploy(B), platform)
    platform.run(TESTING, C)
    assert both.run(reconcile(), ACTOR).status == "unconfirmed"
    assert runs_now(both, TESTING) == A.source_git_ref


def test_a_settled_lane_is_looked_at_and_left(both: Gate, platform: FakePlatform) -> None:
    before = both.store.read_environment_inventory(context_name=TESTING.context, instance_name="testing")
    assert both.run(reconcile(), ACTOR).status == "unchanged"
    after = both.store.read_environment_inventory(context_name=TESTING.context, instance_name="testing")
    assert (before, why(both, TESTING)) == (after, "")
    platform.run(TESTING, C)
    assert both.run(reconcile(), ACTOR).status == "unconfirmed"
    assert why(both, TESTING) == ""  # as far as records go; the look tells the rest


@pytest.mark.parametrize("what", ["inventory", "deployment", "promotion"])
@pytest.mark.parametrize("text", ["{", None])
def test_a_record_that_is_torn_or_gone_is_written_anew(both: Gate, what: str, text: str | None) -> None:
    assert isinstance(both.store, FileStore)
    inventory = both.store.read_environment_inventory(context_name=PROD.context, instance_name="prod")
    root = both.store.root
    path = {
        "inventory": root / "inventory" / PROD.context / "prod.json",
        "deployment": file_of(both, PROD, inventory.deployment_record_id),
        "promotion": root / "promotions" / PROD.context / "prod" / f"{inventory.promotion_record_id}.json",
    }[what]
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    assert why(both, PROD)
    run = both.run(reconcile(PROD), ACTOR)
    assert (run.status, run.release, why(both, PROD)) == ("recorded", A, "")
    assert both.run(promote(), ACTOR).status == "unchanged"
    assert both.ledger.verify().wrong == ()


def test_a_strangers_record_is_not_settled_by_a_look(both: Gate, platform: FakePlatform) -> None:
    """A deploy or promotion does, or who may put it aside: a look does not tell what came since from what was there."""
    run_id = interrupted(both, promote(redeploy=True), platform)
    for lane, request in ((TESTING, reconcile()), (PROD, resume(run_id, PROD))):
        somebody_writes(both, lane, f"by-hand-{lane.instance}")
        for ask in (both.run, both.check):
            with pytest.raises(RequestError, match="it may be of a deploy since"):
                ask(request, ACTOR)
        assert "the gate did not write" in why(both, lane)
    assert not any("resume" in view.command for view in look(both, [PROFILE], ACTOR))
    assert both.run(deploy(A), ACTOR).status == "recorded" and why(both, TESTING) == ""


def test_nothing_is_recorded_of_a_lane_that_no_run_has_touched(gate: Gate) -> None:
    with pytest.raises(RequestError, match="no run of the gate has touched"):
        gate.run(reconcile(), ACTOR)


def test_it_is_asked_as_it_is_run(both: Gate, platform: FakePlatform) -> None:
    platform.reports[str(TESTING)] = A.source_git_ref
    both.run(deploy(B), ACTOR)
    platform.reports.clear()
    decision = both.check(reconcile(), ACTOR)
    assert decision.allowed and (decision.action, decision.release) == ("reconcile", B)


def test_what_ends_in_the_middle_of_it_can_be_done_again(both: Gate, platform: FakePlatform) -> None:
    run_id = interrupted(both, deploy(B, idempotency_key="k"), platform)

    def recording(inventory: InventoryWriter) -> None:
        inventory.write()
        raise KeyboardInterrupt

    platform.recording = recording
    with pytest.raises(KeyboardInterrupt):
        both.run(resume(run_id), ACTOR)
    platform.recording = lambda inventory: inventory.write()
    assert why(both, TESTING)
    count = len(platform.deploys)
    run = both.run(deploy(B, idempotency_key="k"), ACTOR)
    assert (run.status, run.of_run, len(platform.deploys)) == ("recorded", run_id, count)
    assert why(both, TESTING) == "" and both.ledger.verify().wrong == ()


def test_who_may_not_ship_may_not_record_either(both: Gate) -> None:
    stranger = ACTOR.model_copy(update={"subject": "unverified:somebody@else"})
    run = both.run(reconcile(), stranger)
    assert run.status == "denied" and codes(run) == {"actor.permitted"}


def test_what_is_being_rolled_back_is_not_recorded_again(make_gate: MakeGate, platform: FakePlatform) -> None:
    """A look at the release that a rollback could not get rid of would have it come back without a waiver."""
    gate = make_gate()
    for what in (A, B):
        gate.run(deploy(what), ACTOR)
        gate.run(promote(), ACTOR)

    def keeps(platform: FakePlatform, approval: Approval) -> Outcome:
        outcome = platform.change(approval)
        platform.run(PROD, B)
        return outcome

    platform.behaves = keeps
    back = Request(action="rollback", product=PRODUCT, destination="prod")
    assert gate.run(back, APPROVER).status == "unconfirmed"
    assert gate.run(reconcile(PROD), ACTOR).status == "unconfirmed"
    platform.behaves = None
    assert gate.run(back, APPROVER).status == "recorded"
    assert "release.not_rolled_back" in codes(gate.run(promote(), ACTOR))


def test_a_repeat_of_what_was_overtaken_is_stale(both: Gate, platform: FakePlatform) -> None:
    """A rollback without a name would go back further each time, and a deploy undo what came after it."""
    interrupted(both, deploy(B, idempotency_key="k"), platform)
    both.run(deploy(C), ACTOR)
    count = len(platform.deploys)
    with pytest.raises(StaleReplay, match="ended interrupted, and a deploy of ccccccc"):
        both.run(deploy(B, idempotency_key="k"), ACTOR)
    assert len(platform.deploys) == count and runs_now(both, TESTING) == C.source_git_ref


def test_a_settled_lane_has_nothing_published(make_gate: MakeGate, platform: FakePlatform) -> None:
    publisher = FakePublisher((PRODUCT,), fails=[RuntimeError("GitHub is away")])
    gate = make_gate(plugins=Plugins({"fake": platform, "health": FakeHealth(platform), "github": publisher}))
    gate.run(deploy(A), ACTOR)
    assert gate.run(promote(version="v0.2.10"), ACTOR).status == "recorded"
    assert gate.run(reconcile(PROD), ACTOR).status == "unchanged"
    assert publisher.releases == {}


@pytest.fixture
def adopted(both: Gate, make_gate: MakeGate, tmp_path: Path) -> Gate:
    """A gate whose ledger is newer than the records of both lanes, which are somebody else's to it."""
    both.ledger.close()
    for path in tmp_path.glob("ledger*"):
        path.unlink()
    ledger = Ledger.create(tmp_path)
    gate = make_gate(ledger=ledger)
    asked = standing.Asked("adopt", "", "")
    consent = standing.consent(gate.bundle, gate.engine, [PROFILE], asked, APPROVER, now=ledger.now())
    adopt(gate.store, ledger, gate.bundle, [PROFILE], APPROVER, decided=consent)
    return gate


def test_a_lane_from_before_the_ledger_is_settled_by_a_look(adopted: Gate) -> None:
    """Its records stay as they are, and one of our own says what was seen."""
    before = records_of(adopted, TESTING)
    assert "adopted" in why(adopted, TESTING)
    run = adopted.run(reconcile(), ACTOR)
    assert (run.status, run.release, why(adopted, TESTING)) == ("recorded", A, "")
    [seen] = [record for record in records_of(adopted, TESTING) if record not in before]
    assert (seen.record_id, seen.deploy.deploy_mode) == (run.deployment_record_id, "seen, not deployed")
    assert adopted.run(promote(), ACTOR).status == "recorded" and adopted.ledger.verify().wrong == ()


def test_a_look_that_did_not_confirm_it_stands_in_nobodys_way(adopted: Gate, platform: FakePlatform) -> None:
    """Seen: its own record was taken for somebody else's, so that only a deploy settled the lane."""
    platform.reports[str(TESTING)] = None
    assert adopted.run(reconcile(), ACTOR).status == "unconfirmed"
    platform.reports.clear()
    assert "adopted" in why(adopted, TESTING)
    assert adopted.run(reconcile(), ACTOR).status == "recorded"
    assert adopted.run(promote(), ACTOR).status == "recorded" and adopted.ledger.verify().wrong == ()
