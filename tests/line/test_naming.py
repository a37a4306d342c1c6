"""Records under ids that the caller chose: new ones, never in place of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.errors import KeyReused, RecordExists
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval, Progress
from launchplane_gate.ledger import Ledger, SqlStore
from launchplane_gate.model import Lane, Outcome, Request, Run
from launchplane_gate.records import ProductLane
from launchplane_gate.runs import read_run
from launchplane_gate.store import FileStore
from launchplane_gate.verify import verify
from tests.conftest import ACTOR, LISTED, PROD, PRODUCT, PROFILE, TESTING, A, B, MakeGate, bundle_with, deploy, promote
from tests.fakes.platform import FakePlatform
from tests.line.test_evidence import report
from tests.line.test_order import file_of
from tests.line.test_settling_runs import interrupted, resume
from tests.on_postgres import migrated

STAGING = Lane(context=PRODUCT, instance="staging")


def last(gate: Gate) -> Run:
    return read_run(gate.ledger, gate.ledger.runs()[0])


def nothing_is_wrong(gate: Gate) -> None:
    assert verify(gate.ledger, gate.store).is_whole


def test_records_have_the_ids_that_the_caller_chose(gate: Gate) -> None:
    deployed = gate.run(deploy(A, deployment_record_id="d-1"), ACTOR)
    promoted = gate.run(promote(A, deployment_record_id="d-2", promotion_record_id="p-1"), ACTOR)
    assert (deployed.status, promoted.status) == ("recorded", "recorded")
    assert (deployed.deployment_record_id, promoted.deployment_record_id) == ("d-1", "d-2")
    inventory = gate.store.read_environment_inventory(context_name=PROD.context, instance_name=PROD.instance)
    assert (inventory.deployment_record_id, inventory.promotion_record_id) == ("d-2", "p-1")
    assert gate.store.read_promotion_record("p-1").deployment_record_id == "d-2"
    nothing_is_wrong(gate)


@pytest.mark.parametrize(
    "wanted",
    [
        deploy(B, deployment_record_id="d-1"),
        promote(B, deployment_record_id="d-1"),
        promote(B, promotion_record_id="p-1"),
    ],
)
def test_an_id_that_a_record_has_is_refused_before_anything_is_deployed(
    gate: Gate, platform: FakePlatform, wanted: Request
) -> None:
    """S46: a caller's id of a record that exists is refused, and that record never overwritten."""
    gate.run(deploy(A, deployment_record_id="d-1"), ACTOR)
    gate.run(promote(A, promotion_record_id="p-1"), ACTOR)
    gate.run(deploy(B), ACTOR)
    before, deploys = gate.store.read_deployment_record("d-1"), list(platform.deploys)
    for ask in (gate.check, gate.run):
        with pytest.raises(RecordExists, match=r"there is a (deployment|promotion) record [dp]-1"):
            ask(wanted, ACTOR)
    assert platform.deploys == deploys and gate.store.read_deployment_record("d-1") == before
    assert last(gate).status == "denied" and last(gate).detail.startswith("there is a ")
    nothing_is_wrong(gate)


def test_a_record_that_is_torn_is_one_too(gate: Gate) -> None:
    gate.run(deploy(A, deployment_record_id="d-1"), ACTOR)
    gate.run(deploy(A), ACTOR)
    file_of(gate, TESTING, "d-1").write_text("{")
    with pytest.raises(RecordExists):
        gate.run(deploy(B, deployment_record_id="d-1"), ACTOR)


def test_a_record_that_somebody_writes_before_the_deploy_begins_is_left_as_it_is(
    gate: Gate, platform: FakePlatform
) -> None:
    gate.run(deploy(A), ACTOR)
    theirs = gate.store.list_deployment_records()[0].model_copy(update={"record_id": "d-2", "instance": "elsewhere"})

    def act(approval: Approval, progress: Progress) -> Outcome:
        gate.store.write_deployment_record(theirs)
        return platform.change(approval)

    run = gate.run(deploy(B, deployment_record_id="d-2"), ACTOR, act=act)
    assert (run.status, run.detail) == ("stale", "there is a deployment record d-2 since the policies decided")
    assert gate.store.read_deployment_record("d-2") == theirs and platform.deploys == [(str(TESTING), A.source_git_ref)]


@pytest.mark.parametrize("where", ["files", "postgres"])
def test_of_two_runs_at_once_on_two_lanes_one_has_the_id(
    request: pytest.FixtureRequest, tmp_path: Path, make_gate: MakeGate, platform: FakePlatform, where: str
) -> None:
    lane = ProductLane(instance="staging", context=PRODUCT, health_url="https://staging.example.org/api/health")
    profile = PROFILE.model_copy(update={"lanes": (*PROFILE.lanes, lane)})
    bundle = bundle_with(tmp_path / "three", actors=dict.fromkeys(("testing", "staging", "prod"), LISTED))
    url = migrated(request.getfixturevalue("postgres")) if where == "postgres" else ""
    ledgers = [Ledger.open(tmp_path, url, holds_records=False) for _ in range(2)]
    profiles = {PRODUCT: profile}
    stores = [SqlStore(one.database, profiles) if url else FileStore(tmp_path, profiles) for one in ledgers]
    gates = [make_gate(bundle=bundle, ledger=one, store=its) for one, its in zip(ledgers, stores, strict=True)]
    refused: list[RecordExists] = []

    def act(approval: Approval, progress: Progress) -> Outcome:
        with pytest.raises(RecordExists, match="chosen for the deployment record of another run") as error:
            gates[1].run(deploy(B, to="staging", deployment_record_id="d-1"), ACTOR)
        refused.append(error.value)
        return platform.change(approval)

    assert gates[0].run(deploy(A, deployment_record_id="d-1"), ACTOR, act=act).status == "recorded"
    assert len(refused) == 1 and str(STAGING) not in platform.runs
    assert gates[0].store.read_deployment_record("d-1").instance == "testing"
    nothing_is_wrong(gates[0])


def test_an_id_is_free_again_where_nothing_was_written_under_it(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)
    platform.behaves = lambda platform, approval: Outcome(status="fail", touched=False)
    gate.run(promote(A, promotion_record_id="p-1"), ACTOR)
    platform.behaves = None
    assert gate.run(promote(A, promotion_record_id="p-1"), ACTOR).promotion_record_id == "p-1"
    nothing_is_wrong(gate)


def test_a_deploy_that_never_began_has_its_record_under_the_id_too(gate: Gate, platform: FakePlatform) -> None:
    platform.behaves = lambda platform, approval: Outcome(status="fail", touched=False)
    assert gate.run(deploy(A, deployment_record_id="d-1"), ACTOR).deployment_record_id == "d-1"
    with pytest.raises(RecordExists):
        gate.run(deploy(A, deployment_record_id="d-1"), ACTOR)


def test_a_repeat_under_its_key_is_no_other_request(gate: Gate) -> None:
    first = gate.run(deploy(A, deployment_record_id="d-1", idempotency_key="k"), ACTOR)
    again = gate.run(deploy(A, deployment_record_id="d-1", idempotency_key="k"), ACTOR)
    assert (again.run_id, again.replayed) == (first.run_id, True)
    for other in ({"deployment_record_id": "d-2"}, {}, {"deployment_record_id": "d-1", "timeout_s": 60}):
        with pytest.raises(KeyReused):
            gate.run(deploy(A, idempotency_key="k", **other), ACTOR)


def test_what_was_interrupted_is_finished_under_the_ids_that_it_began_with(
    make_gate: MakeGate, platform: FakePlatform
) -> None:
    gate = make_gate()
    gate.run(deploy(A), ACTOR)
    named = promote(A, promotion_record_id="p-1", deployment_record_id="d-1", idempotency_key="k")
    run_id = interrupted(gate, named, platform)
    with pytest.raises(RecordExists):
        make_gate().run(promote(A, promotion_record_id="p-1"), ACTOR)
    run = make_gate().run(resume(run_id, PROD), ACTOR)
    assert (run.status, run.deployment_record_id, run.promotion_record_id) == ("recorded", "d-1", "p-1")
    assert gate.store.read_promotion_record("p-1").deploy.status == "pass"
    nothing_is_wrong(gate)


def test_a_report_is_kept_under_the_id_that_it_has(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)
    told = report(B, deployment_record_id="theirs")
    assert gate.run(told, ACTOR).status != "recorded"
    assert gate.store.read_deployment_record("theirs").source_git_ref == B.source_git_ref
    with pytest.raises(RecordExists):
        gate.run(told, ACTOR)


@pytest.mark.parametrize("record_id", ["", "../x", "a/b", "a\\b", "a..b", ".a", "a\n", "a\0", "x" * 201, "é"])
def test_an_id_is_a_name_of_a_file(record_id: str) -> None:
    with pytest.raises(ValueError, match="deployment_record_id"):
        deploy(A, deployment_record_id=record_id)


@pytest.mark.parametrize(
    "named",
    [
        {"action": "deploy", "expected": A.model_dump(), "promotion_record_id": "p-1"},
        {"action": "reconcile", "deployment_record_id": "d-1"},
        {"action": "reconcile", "timeout_s": 60},
    ],
)
def test_only_what_is_written_is_named(named: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no promotion record|makes no deployment|deploys nothing"):
        Request.model_validate({"product": PRODUCT, "destination": "testing", **named})


def test_where_policies_are_only_observed_an_id_that_is_taken_is_given_up(
    make_gate: MakeGate, platform: FakePlatform
) -> None:
    gate = make_gate()
    gate.run(deploy(A, deployment_record_id="d-1"), ACTOR)
    before = gate.store.read_deployment_record("d-1")
    observing = make_gate(observed=[PRODUCT])
    theirs = before.model_copy(update={"record_id": "d-3", "instance": "elsewhere"})

    def act(approval: Approval, progress: Progress) -> Outcome:
        observing.store.write_deployment_record(theirs)
        return platform.change(approval)

    told: list[str] = []
    first = observing.run(deploy(B, deployment_record_id="d-1"), ACTOR, told.append)
    then = observing.run(deploy(B, deployment_record_id="d-3"), ACTOR, act=act)
    assert (first.status, then.status) == ("recorded", "observed")
    assert not {first.deployment_record_id, then.deployment_record_id} & {"d-1", "d-3"}
    assert "there is a deployment record d-1: the gate chooses an id of its own" in told
    assert (gate.store.read_deployment_record("d-1"), gate.store.read_deployment_record("d-3")) == (before, theirs)
    nothing_is_wrong(gate)
