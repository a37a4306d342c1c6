"""Coming in gently: what is observed is decided, done and recorded as ever; nothing is refused, and it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.errors import EngineError, KeyReused, LedgerError, RequestError
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval, Progress
from launchplane_gate.lane_records import read_lane
from launchplane_gate.model import Actor, Decision, Expected, Lane, Outcome, ReleaseIdentity, Request, Run
from launchplane_gate.observed import Observed, observed
from launchplane_gate.policy import EmbeddedEngine
from launchplane_gate.settled import settled
from launchplane_gate.verify import verify
from tests.conftest import ACTOR, PROD, PRODUCT, TESTING, A, B, C, MakeGate, deploy, promote, release
from tests.fakes.platform import FakePlatform
from tests.forks import in_a_child
from tests.line.test_settling_runs import reconcile, resume

STRANGER = Actor(subject="repo:cbusillo/elsewhere", verified_by="github-oidc")


@pytest.fixture
def gate(make_gate: MakeGate) -> Gate:
    return make_gate(observed=[PRODUCT])


def runs(gate: Gate, lane: Lane) -> ReleaseIdentity | None:
    return read_lane(gate.store, gate.ledger, lane).release


def is_settled(gate: Gate, lane: Lane) -> bool:
    return settled(read_lane(gate.store, gate.ledger, lane), gate.ledger, gate.ledger.last_effective(lane))[0]


def report(gate: Gate) -> Observed:
    return observed(gate.ledger, PRODUCT, mode="observe")


def refused_for(run: Run) -> set[str]:
    return {refusal.code for refusal in run.admitted.refusals} if run.admitted else set()


# -- what is refused, and what is not


def test_what_policies_refuse_is_done_and_told_and_its_inventory_becomes_true(gate: Gate) -> None:
    gate.run(deploy(A), ACTOR)
    run = gate.run(promote(B), ACTOR)
    assert (run.status, run.mode, run.release, run.touched) == ("observed", "observe", B, True)
    assert refused_for(run) == {"inventory.source_current"}
    assert run.overlooked.startswith("inventory.source_current: ")
    assert (runs(gate, PROD), is_settled(gate, PROD)) == (B, False)
    promotion = gate.store.read_promotion_record(str(run.promotion_record_id))
    assert promotion.artifact_identity and promotion.artifact_identity.artifact_id == B.artifact_id
    assert (promotion.deploy.status, promotion.source_health.status) == ("pass", "pass")
    assert gate.ledger.history(PROD) == []
    assert verify(gate.ledger, gate.store).is_whole


def test_what_policies_allow_counts_as_if_they_were_enforced(gate: Gate, make_gate: MakeGate) -> None:
    run = gate.run(deploy(A), ACTOR)
    assert (run.status, run.mode, run.overlooked) == ("recorded", "observe", "")
    promoted = gate.run(promote(A), ACTOR)
    assert (promoted.status, is_settled(gate, TESTING), is_settled(gate, PROD)) == ("recorded", True, True)
    enforced = make_gate()
    assert enforced.run(deploy(B), ACTOR).status == "recorded"
    assert enforced.run(promote(B), ACTOR).status == "recorded"
    back = enforced.run(Request(action="rollback", product=PRODUCT, destination="prod"), ACTOR)
    assert (back.status, back.release) == ("recorded", A)


@pytest.mark.parametrize(
    ("request_", "actor", "code"),
    [
        (deploy(A, to="prod"), ACTOR, "lane.not_bypassed"),
        (deploy(A), STRANGER, "actor.permitted"),
        (
            deploy(ReleaseIdentity(artifact_id="artifact-opw-7", source_git_ref="origin/main")),
            ACTOR,
            "release.commit_full",
        ),
        (deploy(A, driver="verireel"), ACTOR, "lane.driver_matches"),
    ],
)
def test_nobody_is_refused_by_a_rule(
    gate: Gate, platform: FakePlatform, request_: Request, actor: Actor, code: str
) -> None:
    run = gate.run(request_, actor)
    assert code in refused_for(run)
    assert (run.status, len(platform.deploys)) == ("observed", 1)


def test_under_enforced_policies_the_lane_is_unsettled_and_what_ran_there_is_no_way_back(
    gate: Gate, make_gate: MakeGate
) -> None:
    gate.run(deploy(A), ACTOR)
    gate.run(promote(A), ACTOR)
    gate.run(deploy(B, to="prod"), ACTOR)
    enforced = make_gate()
    assert (runs(enforced, PROD), is_settled(enforced, PROD)) == (B, False)
    back_to_it = enforced.run(
        Request(action="rollback", product=PRODUCT, destination="prod", expected=promote(B).expected), ACTOR
    )
    assert "release.ran_here" in refused_for(back_to_it)
    with pytest.raises(RequestError, match="only observed"):
        enforced.run(reconcile(PROD), ACTOR)
    enforced.run(deploy(C), ACTOR)
    assert (enforced.run(promote(C), ACTOR).status, is_settled(enforced, PROD)) == ("recorded", True)


def test_a_report_of_what_was_only_observed_settles_nothing(gate: Gate, make_gate: MakeGate) -> None:
    gate.run(deploy(B, to="prod"), ACTOR)
    told = Request(
        action="evidence", product=PRODUCT, destination="prod", expected=promote(B).expected, reported="pass"
    )
    run = make_gate().run(told, ACTOR)
    assert (run.status, refused_for(run)) == ("denied", {"evidence.approved"})
    again = make_gate(observed=[PRODUCT]).run(told, ACTOR)
    assert (again.status, is_settled(gate, PROD), runs(gate, PROD)) == ("observed", False, B)


def test_what_cannot_be_asked_is_refused_in_any_mode(gate: Gate, platform: FakePlatform) -> None:
    with pytest.raises(RequestError, match="unknown product"):
        gate.run(Request(action="promote", product="nothing", source="testing", destination="prod"), ACTOR)
    assert gate.run(promote(), ACTOR).status == "denied"  # nothing is stated, and nothing is known that could come
    assert platform.deploys == []
    gate.run(deploy(A), ACTOR)
    half = promote().model_copy(update={"expected": Expected(source_git_ref=B.source_git_ref)})
    assert (gate.run(half, ACTOR).status, len(platform.deploys)) == ("denied", 1)  # which of the two was meant?
    assert gate.run(promote(), ACTOR).status == "recorded"


def test_only_what_callers_asked_before_is_observed_and_only_by_the_settings(gate: Gate, make_gate: MakeGate) -> None:
    with pytest.raises(RequestError, match="enforced"):
        make_gate().observe(deploy(A), ACTOR)
    with pytest.raises(RequestError, match="always enforced"):
        gate.observe(reconcile(), ACTOR)
    gate.run(deploy(A), ACTOR)
    assert gate.run(reconcile(), STRANGER).status == "denied"


def test_a_check_says_what_would_be(gate: Gate, platform: FakePlatform) -> None:
    assert not gate.check(promote(B), ACTOR).allowed
    assert [gate.check(deploy(A), who).mode for who in (ACTOR, STRANGER)] == ["observe", "observe"]
    assert gate.check(deploy(A), STRANGER).allowed is False
    assert platform.deploys == []


def test_a_failed_deploy_leaves_the_inventory_alone(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)
    platform.behaves = lambda here, approval: here.change(approval, status="fail")
    assert gate.run(deploy(B), STRANGER).status == "fail"
    assert runs(gate, TESTING) == A


def test_what_is_not_seen_to_run_stays_out_of_the_inventory(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)
    platform.reports[str(TESTING)] = A.source_git_ref
    run = gate.run(deploy(B), STRANGER)
    assert (run.status, runs(gate, TESTING)) == ("unconfirmed", A)


def test_what_the_lane_is_seen_to_run_is_deployed_again_as_ever(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)
    assert [gate.run(promote(A), ACTOR).status for _ in range(2)] == ["recorded", "recorded"]
    assert len(platform.deploys) == 3


# -- where nobody could decide


class Away:
    """An engine that is away for a number of questions, and asks another one after that."""

    name = "away"

    def __init__(self, engine: EmbeddedEngine, questions: float) -> None:
        self.engine, self.left, self.revision = engine, questions, engine.revision

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        if self.left > 0:
            self.left -= 1
            raise EngineError("the engine is away")
        return self.engine.ask(path, policy_input)


def test_what_nobody_could_decide_on_is_done_and_recorded_once_it_is_proven(
    make_gate: MakeGate, engine: EmbeddedEngine
) -> None:
    gate = make_gate(observed=[PRODUCT], engine=Away(engine, 1))
    run = gate.run(deploy(A), ACTOR)
    assert (run.status, run.admitted, runs(gate, TESTING)) == ("observed", None, A)
    assert run.overlooked == "no decision could be had: the engine is away"
    assert not is_settled(gate, TESTING)
    assert [(one.code, one.times) for one in report(gate).refusals] == [("undecided", 1)]


def test_without_any_decision_nothing_is_proven_and_nothing_gets_into_the_inventory(
    make_gate: MakeGate, engine: EmbeddedEngine, platform: FakePlatform
) -> None:
    gate = make_gate(observed=[PRODUCT], engine=Away(engine, 1e9))
    run = gate.run(deploy(A), ACTOR)
    assert (run.status, run.mode, len(platform.deploys), runs(gate, TESTING)) == ("unconfirmed", "observe", 1, None)
    promoted = gate.run(promote(A), ACTOR)
    assert (promoted.status, len(platform.deploys)) == ("unconfirmed", 2)
    promotion = gate.store.read_promotion_record(str(promoted.promotion_record_id))
    assert (promotion.deploy.status, promotion.source_health.status) == ("fail", "skipped")
    assert verify(gate.ledger, gate.store).is_whole


def test_facts_that_could_not_be_gathered_keep_nothing_back(gate: Gate, platform: FakePlatform) -> None:
    def away(lane: Lane) -> None:
        platform.observing = lambda _: None
        raise ConnectionError("the platform is away")

    platform.observing = away
    run = gate.run(deploy(A), ACTOR)
    assert (run.status, runs(gate, TESTING)) == ("observed", A)
    assert "the platform is away" in run.overlooked


def test_without_a_ledger_nothing_is_done(gate: Gate, platform: FakePlatform, tmp_path: Path) -> None:
    gate.ledger.close()
    (tmp_path / "ledger.sqlite").write_bytes(b"torn")
    with pytest.raises(LedgerError):
        gate.run(deploy(A), ACTOR)
    assert platform.deploys == []


# -- at the door


def test_a_lane_that_changed_meanwhile_stops_nothing_and_is_told(
    gate: Gate, make_gate: MakeGate, platform: FakePlatform
) -> None:
    gate.run(deploy(A), ACTOR)

    def meanwhile(here: FakePlatform, approval: Approval) -> Outcome:
        own = read_lane(gate.store, gate.ledger, TESTING).inventory
        assert own
        gate.store.write_environment_inventory(own.model_copy(update={"updated_at": "2026-01-01T00:00:00Z"}))
        return here.change(approval)

    platform.behaves = meanwhile
    run = gate.run(deploy(B), ACTOR)
    assert (run.status, runs(gate, TESTING), is_settled(gate, TESTING)) == ("observed", B, False)
    assert run.admitted and run.admitted.allowed
    assert "has changed since the policies decided" in run.overlooked
    assert [one.code for one in report(gate).refusals] == ["stale"]
    assert verify(gate.ledger, gate.store).is_whole


# -- the answer goes out when the deploy is over


def test_the_answer_is_there_before_it_is_confirmed_and_a_later_request_waits(
    make_gate: MakeGate, platform: FakePlatform
) -> None:
    gate, up = make_gate(observed=[PRODUCT], confirm_timeout_s=20), threading.Event()
    platform.sampling = lambda question: platform.reports.update({} if up.is_set() else {str(TESTING): None})
    begun = gate.observe(deploy(A), ACTOR)
    assert (begun.run.status, begun.run.touched, begun.ended.done()) == ("open", True, False)
    assert runs(gate, TESTING) is None
    later = [threading.Thread(target=gate.run, args=(request, ACTOR)) for request in (promote(A), promote(A))]
    for thread in later:
        thread.start()
    assert not begun.ended.done()
    assert len(platform.deploys) == 1
    platform.reports.clear()
    up.set()
    assert begun.ended.result(20).status == "recorded"
    for thread in later:
        thread.join(20)
    assert (runs(gate, PROD), is_settled(gate, PROD), len(platform.deploys)) == (A, True, 3)


def test_who_waits_is_served_in_the_order_in_which_they_came(make_gate: MakeGate, platform: FakePlatform) -> None:
    up, gates = threading.Event(), [make_gate(observed=[PRODUCT], confirm_timeout_s=20) for _ in range(2)]

    def comes_up(_: Lane) -> None:
        if platform.deploys:
            up.wait(20)

    platform.observing = comes_up
    gates[0].observe(deploy(A), ACTOR)
    waiting = []
    for number, letter in enumerate("BCDEF"):
        run = threading.Thread(target=gates[number % 2].run, args=(deploy(release(letter)), ACTOR))
        run.start()
        waiting.append(run)
        time.sleep(0.1)  # so that they come one after the other
    up.set()
    for run in waiting:
        run.join(20)
    assert [commit for _, commit in platform.deploys] == [release(letter).source_git_ref for letter in "ABCDEF"]


def test_a_deploy_that_fails_is_over_at_once(gate: Gate, platform: FakePlatform) -> None:
    platform.behaves = lambda here, approval: here.change(approval, status="fail")
    begun = gate.observe(deploy(A), ACTOR)
    assert (begun.run.status, begun.ended.result(5).status) == ("fail", "fail")
    platform.behaves = None
    assert gate.run(deploy(A), ACTOR).status == "recorded"


@pytest.mark.parametrize(("wanted", "ends"), [(deploy(A), "recorded"), (deploy(A, to="prod"), "observed")])
def test_a_run_keeps_the_mode_that_it_began_in(
    gate: Gate, make_gate: MakeGate, platform: FakePlatform, wanted: Request, ends: str
) -> None:
    def killed(lane: Lane) -> None:
        if platform.deploys:
            raise KeyboardInterrupt

    platform.observing = killed
    begun = gate.observe(wanted, ACTOR)
    with pytest.raises(KeyboardInterrupt):
        begun.ended.result(5)
    platform.observing = lambda _: None
    assert gate.ledger.run_row(begun.run.run_id).status == "interrupted"  # type: ignore[union-attr]
    enforced = make_gate()
    run = enforced.run(resume(begun.run, Lane(context=PRODUCT, instance=wanted.destination)), ACTOR)
    lane = Lane(context=PRODUCT, instance=wanted.destination)
    assert (run.status, run.of_run, runs(enforced, lane)) == (ends, begun.run.run_id, A)
    assert is_settled(enforced, lane) == (ends == "recorded")
    assert verify(enforced.ledger, enforced.store).is_whole


def test_what_a_process_left_that_answered_and_ended_is_finished_by_the_next(
    make_gate: MakeGate, platform: FakePlatform
) -> None:
    short: dict[str, Any] = {"lease_s": 1, "write_s": 0.1, "lane_wait_s": 20}

    def answers() -> str:
        platform.observing = lambda _: time.sleep(30 if platform.deploys else 0)
        return make_gate(observed=[PRODUCT], **short).observe(deploy(A, to="prod"), ACTOR).run.run_id

    run_id = in_a_child(answers)
    platform.run(PROD, A)  # which was done there
    enforced = make_gate(**short)
    assert runs(enforced, PROD) is None
    run = enforced.run(resume(run_id, PROD), ACTOR)
    assert (run.status, runs(enforced, PROD), is_settled(enforced, PROD)) == ("observed", A, False)


# -- repeats under a key


def test_a_repeat_is_answered_as_the_host_did_and_what_is_not_true_any_more_is_told(
    gate: Gate, platform: FakePlatform
) -> None:
    gate.run(deploy(A), ACTOR)
    first = gate.run(promote(A, idempotency_key="k"), ACTOR)
    gate.run(deploy(B), ACTOR)
    gate.run(promote(B), ACTOR)
    again = gate.run(promote(A, idempotency_key="k"), ACTOR)
    assert (again.run_id, again.replayed, again.status, runs(gate, PROD)) == (first.run_id, True, "recorded", B)
    assert len(platform.deploys) == 4
    assert [(one.code, one.times) for one in report(gate).refusals] == [("stale_replay", 1)]
    with pytest.raises(KeyReused):
        gate.run(promote(B, idempotency_key="k"), ACTOR)


def test_a_failure_is_repeated_too_until_policies_are_enforced(
    gate: Gate, make_gate: MakeGate, platform: FakePlatform
) -> None:
    platform.behaves = lambda here, approval: here.change(approval, status="fail")
    first = gate.run(deploy(A, idempotency_key="k"), ACTOR)
    platform.behaves = None
    again = gate.run(deploy(A, idempotency_key="k"), ACTOR)
    assert (again.run_id, again.status, again.replayed) == (first.run_id, "fail", True)
    assert make_gate().run(deploy(A, idempotency_key="k"), ACTOR).status == "recorded"
    assert verify(gate.ledger, gate.store).is_whole


def test_the_same_key_twice_at_once_deploys_once(make_gate: MakeGate, platform: FakePlatform) -> None:
    gate, ended = make_gate(observed=[PRODUCT]), list[Run]()
    threads = [
        threading.Thread(target=lambda: ended.append(gate.run(deploy(A, idempotency_key="k"), ACTOR))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(run.replayed for run in ended) == [False, True, True]
    assert ({run.status for run in ended}, len(platform.deploys)) == ({"recorded"}, 1)


# -- what is told


def test_the_report_says_what_would_be_refused_and_what_is_over(gate: Gate) -> None:
    first = gate.run(promote(A), ACTOR)  # of a lane whose inventory nobody wrote
    assert {"inventory.source_present", "release.source_revision"} <= refused_for(first)
    gate.run(deploy(A), ACTOR)
    cure = gate.run(promote(A), ACTOR)
    gate.run(deploy(B, to="prod"), ACTOR)
    last = gate.run(deploy(C, to="prod"), ACTOR)
    told = report(gate)
    assert (told.requests, told.overlooked) == (5, 3)
    by_code = {one.code: one for one in told.refusals}
    assert by_code["inventory.source_present"].cured_by == cure.run_id
    bypassed = by_code["lane.not_bypassed"]
    assert (bypassed.times, bypassed.last_run, bypassed.cured_by, bypassed.way) == (
        2,
        last.run_id,
        "",
        "deploy to prod",
    )
    assert told.refusals[0].code == "lane.not_bypassed"  # what is not over comes first


def test_decisions_say_in_which_mode_they_were_made(gate: Gate, make_gate: MakeGate) -> None:
    gate.run(deploy(A), ACTOR)
    make_gate().run(deploy(B), ACTOR)
    entries = gate.ledger.decision_entries()
    told = [(entry.body["mode"], Decision.model_validate(entry.body["decision"]).mode) for entry in entries]
    assert told == [("enforce", "enforce")] * 2 + [("observe", "observe")] * 2


def test_a_call_that_deploys_by_itself_is_called_whatever_policies_say(gate: Gate, platform: FakePlatform) -> None:
    called = []

    def act(approval: Approval, progress: Progress) -> Outcome:
        called.append(approval.release)
        return platform.change(approval)

    assert gate.observe(deploy(A, to="prod"), STRANGER, act=act).ended.result(10).status == "observed"
    assert called == [A]
