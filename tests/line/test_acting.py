"""A call that deploys by itself, in place of the product's driver, and that its caller knows by a trace."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import pytest

from launchplane_gate.errors import RequestError
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval, Progress
from launchplane_gate.model import Actor, Outcome, Request, Run, Target
from launchplane_gate.records import PostDeployUpdate, ProductLane
from launchplane_gate.runs import read_run
from launchplane_gate.store import FileStore
from launchplane_gate.verify import verify
from tests.conftest import (
    ACTOR,
    APPROVER,
    LISTED,
    PROD,
    PRODUCT,
    PROFILE,
    A,
    B,
    C,
    MakeGate,
    bundle_with,
    deploy,
    promote,
)
from tests.fakes.platform import FakePlatform
from tests.line.test_settling_runs import reconcile, resume

TARGET = Target(target_type="application", target_id="host-app", target_name="host-app", deploy_mode="host")


class Caller:
    """Deploys to a platform in a way of its own, which the platform's driver knows nothing of."""

    def __init__(self, platform: FakePlatform) -> None:
        self.platform = platform
        self.acted: list[str] = []

    def __call__(self, approval: Approval, progress: Progress) -> Outcome:
        with approval.redeem(TARGET) as release:
            self.acted.append(approval.run_id)
            self.platform.run(approval.lane, release)
            self.platform.newest_run[str(approval.lane)] = approval.run_id
        return Outcome(status="pass", touched=True, deployment_id="of-the-host")


@pytest.fixture
def caller(platform: FakePlatform) -> Caller:
    return Caller(platform)


def test_what_a_call_is_given_deploys_in_place_of_the_driver(
    gate: Gate, platform: FakePlatform, caller: Caller
) -> None:
    run = gate.run(deploy(A), ACTOR, act=caller)
    assert (run.status, caller.acted, platform.deploys) == ("recorded", [run.run_id], [])
    record = gate.store.read_deployment_record(str(run.deployment_record_id))
    assert (record.resolved_target and record.resolved_target.target_id) == "host-app"
    assert record.deploy.deployment_id == "of-the-host"
    assert gate.run(promote(A), ACTOR).status == "recorded"  # and in the next call the driver does again
    assert [lane for lane, _ in platform.deploys] == [str(PROD)]


def test_the_driver_still_observes_records_and_finds_what_a_call_deployed(
    make_gate: MakeGate, platform: FakePlatform
) -> None:
    def lost(approval: Approval, progress: Progress) -> Outcome:
        Caller(platform)(approval, progress)
        raise ConnectionError("the answer was lost")

    gate = make_gate()
    assert gate.run(deploy(A), ACTOR, act=lost).status == "unknown"
    run = make_gate().run(reconcile(), ACTOR)
    assert (run.status, platform.deploys) == ("recorded", [])
    assert run.release == A


def test_what_deploys_in_a_call_is_held_to_what_a_driver_is(gate: Gate, platform: FakePlatform) -> None:
    assert gate.run(deploy(A), ACTOR, act=lambda approval, progress: Outcome(status="pass", touched=True)).status == (
        "unknown"
    )
    run = gate.run(deploy(A), ACTOR, act=lambda approval, progress: Outcome(status="fail", touched=False))
    assert (run.status, run.touched) == ("fail", False)


def test_it_is_called_neither_by_a_check_nor_by_a_repeat_nor_where_it_is_refused(gate: Gate, caller: Caller) -> None:
    assert gate.check(deploy(A), ACTOR, act=caller).allowed
    assert gate.run(promote(A), ACTOR, act=caller).status == "denied"
    assert caller.acted == []
    first = gate.run(deploy(A, idempotency_key="k"), ACTOR, act=caller)
    again = gate.run(deploy(A, idempotency_key="k"), ACTOR, act=caller)
    assert (again.run_id, again.replayed, caller.acted) == (first.run_id, True, [first.run_id])


@pytest.mark.parametrize("action", ["reconcile", "resume", "evidence"])
def test_a_request_that_deploys_nothing_takes_nothing_that_deploys(gate: Gate, caller: Caller, action: str) -> None:
    gate.run(deploy(A), ACTOR)
    told: dict[str, Any] = {"expected": A.model_dump(), "reported": "pass"} if action == "evidence" else {}
    of_run = "r-1" if action == "resume" else None
    request = Request.model_validate(
        {"action": action, "product": PRODUCT, "destination": "testing", "of_run": of_run, **told}
    )
    for ask in (gate.run, gate.check):
        with pytest.raises(RequestError, match="deploys nothing"):
            ask(request, ACTOR, act=caller)
    assert len(gate.ledger.runs()) == 1


def test_the_trace_of_a_call_stands_in_its_run_and_in_its_decisions(gate: Gate, caller: Caller) -> None:
    run = gate.run(deploy(A), ACTOR, act=caller, trace="launchplane_req_1")
    assert run.trace == "launchplane_req_1"
    assert run.admitted and run.admitted.trace == "launchplane_req_1"
    assert run.confirmed and run.confirmed.trace == "launchplane_req_1"
    assert gate.check(deploy(B), ACTOR, trace="launchplane_req_2").trace == "launchplane_req_2"
    assert gate.run(deploy(A), ACTOR).trace is None


def test_a_refusal_has_the_trace_too(gate: Gate) -> None:
    for who in (ACTOR, Actor(subject="nobody")):
        run = gate.run(promote(A), who, trace="launchplane_req_3")
        assert run.status == "denied" and run.trace == "launchplane_req_3"
        assert run.admitted and run.admitted.trace == "launchplane_req_3"


def test_a_repeat_tells_the_trace_of_the_first_call(gate: Gate) -> None:
    gate.run(deploy(A, idempotency_key="k"), ACTOR, trace="first")
    again = gate.run(deploy(A, idempotency_key="k"), ACTOR, trace="second")
    assert (again.replayed, again.trace) == (True, "first")


@pytest.mark.parametrize("trace", ["a b", "a\n", "é", "x" * 513])
def test_a_trace_that_is_none_is_refused_before_anything_is_asked(gate: Gate, trace: str) -> None:
    with pytest.raises(RequestError, match="trace"):
        gate.run(deploy(A), ACTOR, trace=trace)
    assert not gate.ledger.runs()


def test_what_a_deploy_tells_beside_its_outcome_reaches_the_records(gate: Gate, platform: FakePlatform) -> None:
    updated = PostDeployUpdate(attempted=True, status="pass", detail="migrated")
    told = {"workflow": "ship.yml", "gate_run_id": "r-forged", "gate_head": "9:forged"}

    def act(approval: Approval, progress: Progress) -> Outcome:
        outcome = platform.change(approval)
        return outcome.model_copy(update={"post_deploy_update": updated, "runtime_source": told})

    gate.run(deploy(A), ACTOR, act=act)
    run = gate.run(promote(A), ACTOR, act=act)
    assert run.status == "recorded"
    record = gate.store.read_deployment_record(str(run.deployment_record_id))
    assert record.runtime_source["workflow"] == "ship.yml"
    assert record.runtime_source["gate_run_id"] == run.run_id and "forged" not in record.runtime_source["gate_head"]
    inventory = gate.store.read_environment_inventory(context_name=PROD.context, instance_name=PROD.instance)
    promotion = gate.store.read_promotion_record(str(run.promotion_record_id))
    assert record.post_deploy_update == inventory.post_deploy_update == promotion.post_deploy_update == updated


def test_a_deploy_that_changed_nothing_forges_nothing_either(gate: Gate) -> None:
    told = Outcome(status="fail", touched=False, runtime_source={"gate_ledger_id": "forged", "why": "refused"})
    run = gate.run(deploy(A), ACTOR, act=lambda approval, progress: told)
    record = gate.store.read_deployment_record(str(run.deployment_record_id))
    assert record.runtime_source["why"] == "refused" and "gate_ledger_id" not in record.runtime_source


@pytest.mark.parametrize("status", ["fail", "pending"])
def test_nothing_passes_whose_update_after_it_did_not(status: Literal["fail", "pending"]) -> None:
    with pytest.raises(ValueError, match="an update after it"):
        Outcome(status="pass", touched=True, post_deploy_update=PostDeployUpdate(attempted=True, status=status))


def test_what_an_interrupted_deploy_is_found_to_tell_reaches_its_record(
    make_gate: MakeGate, platform: FakePlatform, caller: Caller
) -> None:
    def ends(approval: Approval, progress: Progress) -> Outcome:
        caller(approval, progress)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_gate().run(deploy(A), ACTOR, act=ends, trace="t-1")
    platform.found = Outcome(status="pass", touched=True, deployment_id="found", runtime_source={"told": "later"})
    gate = make_gate()
    [run_id] = gate.ledger.runs()
    run = gate.run(resume(run_id), ACTOR)
    assert run.status == "recorded" and platform.deploys == []
    record = gate.store.read_deployment_record(str(run.deployment_record_id))
    assert (record.deploy.deployment_id, record.runtime_source["told"]) == ("found", "later")
    assert read_run(gate.ledger, run_id).trace == "t-1"


def test_a_caller_lets_a_deploy_take_less_than_its_driver_would(gate: Gate, platform: FakePlatform) -> None:
    left: list[float] = []

    def act(approval: Approval, progress: Progress) -> Outcome:
        left.append(approval.run_seconds_left())
        return platform.change(approval)

    told: list[str] = []
    platform.deploy_timeout_s = 100
    for timeout_s in (7.0, None, 100.0):
        assert gate.run(deploy(A, timeout_s=timeout_s), ACTOR, told.append, act=act).status == "recorded"
    assert [round(one_s) for one_s in left] == [7, 100, 100]
    assert not [line for line in told if "timeout" in line]


def test_a_callers_timeout_beyond_what_a_deploy_may_take_is_cut_and_that_is_told(
    gate: Gate, platform: FakePlatform
) -> None:
    """S63: a caller's timeout beyond the lease is capped, and said so."""
    left: list[float] = []

    def act(approval: Approval, progress: Progress) -> Outcome:
        left.append(approval.run_seconds_left())
        return platform.change(approval)

    told: list[str] = []
    assert gate.run(deploy(A, timeout_s=7200), ACTOR, told.append, act=act).status == "recorded"
    assert round(left[0]) == platform.deploy_timeout_s == 5
    assert "the caller's timeout of 7200 s is cut to the 5 s that fake may take" in told


@pytest.mark.parametrize("wrong", [0, -1, float("inf"), float("nan")])
def test_a_timeout_is_a_number_of_seconds(wrong: float) -> None:
    with pytest.raises(ValueError, match="timeout_s"):
        deploy(A, timeout_s=wrong)


def test_calls_in_threads_each_deploy_by_what_they_were_given_and_by_nothing_else(
    tmp_path: Path, make_gate: MakeGate, platform: FakePlatform
) -> None:
    """One gate and a second one on the same ledger, as two processes of a host have them; a lane for each call."""
    names = [f"lane-{number}" for number in range(6)]
    lanes = tuple(
        ProductLane(instance=name, context=PRODUCT, health_url=f"https://{name}.example.org/health") for name in names
    )
    profile = PROFILE.model_copy(update={"lanes": (*PROFILE.lanes, *lanes)})
    bundle = bundle_with(tmp_path / "many", actors=dict.fromkeys(names, LISTED))
    gates = [make_gate(bundle=bundle, store=FileStore(tmp_path, {PRODUCT: profile}), lane_wait_s=30) for _ in range(2)]
    all_are_in = threading.Barrier(len(names))

    def ship(number: int) -> tuple[Run, list[str]]:
        acted: list[str] = []

        def act(approval: Approval, progress: Progress) -> Outcome:
            all_are_in.wait(timeout=60)  # each has been let go, and none has deployed
            acted.append(f"{approval.run_id} {approval.lane.instance}")
            outcome = platform.change(approval)
            return outcome.model_copy(update={"runtime_source": {"call": str(number)}})

        gate, what = gates[number % 2], (A, B, C)[number % 3]
        return gate.run(deploy(what, names[number]), ACTOR, act=act, trace=f"call-{number}"), acted

    with ThreadPoolExecutor(len(names)) as threads:
        ended = list(threads.map(ship, range(len(names))))
    for number, (run, acted) in enumerate(ended):
        assert (run.status, run.trace, acted) == ("recorded", f"call-{number}", [f"{run.run_id} {names[number]}"])
        record = gates[0].store.read_deployment_record(str(run.deployment_record_id))
        assert (record.instance, record.runtime_source["call"]) == (names[number], str(number))
    assert verify(gates[0].ledger, gates[0].store).is_whole


def test_of_two_calls_on_one_lane_at_once_each_deploys_by_its_own(make_gate: MakeGate, platform: FakePlatform) -> None:
    gate, in_turn = make_gate(lane_wait_s=30), list[str]()

    def ship(letter: str) -> Run:
        def act(approval: Approval, progress: Progress) -> Outcome:
            in_turn.append(f"{letter} begins")
            outcome = platform.change(approval)
            in_turn.append(f"{letter} ends")
            return outcome

        actor = ACTOR if letter == "A" else APPROVER  # of one subject only one call waits
        return gate.run(deploy({"A": A, "B": B}[letter]), actor, act=act, trace=letter)

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(ship, "AB")
    assert (first.status, second.status, first.trace, second.trace) == ("recorded", "recorded", "A", "B")
    assert in_turn in (["A begins", "A ends", "B begins", "B ends"], ["B begins", "B ends", "A begins", "A ends"])


def test_a_driver_that_is_not_the_products_is_refused_with_what_to_do(gate: Gate, caller: Caller) -> None:
    """S36: a product of another driver, asked for by this one's route, is refused."""
    run = gate.run(deploy(A, driver="generic-web"), ACTOR, act=caller)
    assert (run.status, caller.acted) == ("denied", [])
    [refusal] = run.admitted.refusals if run.admitted else ()
    assert refusal.code == "lane.driver_matches" and "generic-web was addressed" in refusal.message
    assert "Set the product's driver right" in refusal.remedy
    assert gate.run(deploy(A, driver="fake"), ACTOR, act=caller).status == "recorded"
