"""The records that a run leaves can be read by the host, and say what happened."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval, InventoryWriter
from launchplane_gate.lane_records import read_lane
from launchplane_gate.model import Lane, Outcome
from launchplane_gate.records import HealthcheckEvidence, PromotionRecord
from launchplane_gate.runs import read_run
from launchplane_gate.settled import settled
from tests.conftest import ACTOR, PROD, TESTING, A, B, deploy, promote
from tests.fakes.platform import FakePlatform


def why_unsettled(gate: Gate, lane: Lane) -> str:
    records = read_lane(gate.store, gate.ledger, lane)
    is_settled, why = settled(records, gate.ledger, gate.ledger.last_effective(lane))
    return "" if is_settled else why


def promotions(gate: Gate) -> list[PromotionRecord]:
    return list(gate.store.list_promotion_records(context_name=PROD.context, to_instance_name="prod"))


@pytest.mark.parametrize(("status", "says"), [("fail", "fail"), ("unknown", "pending")])
def test_a_promotion_that_did_not_pass_leaves_a_record_that_says_so(
    gate: Gate, platform: FakePlatform, status: str, says: str
) -> None:
    gate.run(deploy(A), ACTOR)
    platform.behaves = lambda platform, approval: platform.change(approval, status=status)
    run = gate.run(promote(), ACTOR)
    (record,) = promotions(gate)
    assert (run.status, run.promotion_record_id, record.deploy.status) == (status, record.record_id, says)


def test_a_promotion_that_was_not_confirmed_says_so(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)
    platform.reports[str(PROD)] = B.source_git_ref
    assert gate.run(promote(), ACTOR).status == "unconfirmed"
    (record,) = promotions(gate)
    assert (record.deploy.status, record.destination_health.status) == ("fail", "fail")


def test_a_promotion_that_is_interrupted_leaves_a_pending_record(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)

    def end(platform: FakePlatform, approval: Approval) -> Outcome:
        platform.change(approval)
        raise KeyboardInterrupt

    platform.behaves = end
    with pytest.raises(KeyboardInterrupt):
        gate.run(promote(), ACTOR)
    assert [record.deploy.status for record in promotions(gate)] == ["pending"]


@pytest.mark.parametrize(("found", "says"), [("pass", "pending"), ("fail", "fail"), ("unknown", "pending")])
def test_a_promotion_that_was_killed_gets_its_record_from_the_next_run(
    gate: Gate, platform: FakePlatform, found: Literal["pass", "fail", "unknown"], says: str
) -> None:
    gate.run(deploy(A), ACTOR)

    def end(platform: FakePlatform, approval: Approval) -> Outcome:
        platform.change(approval)
        raise KeyboardInterrupt

    platform.behaves = end
    with pytest.raises(KeyboardInterrupt):
        gate.run(promote(), ACTOR)
    (left,) = promotions(gate)
    Path(str(gate.store.root), "promotions", PROD.context, "prod", f"{left.record_id}.json").unlink()  # type: ignore[attr-defined]  # a FileStore; a kill leaves none
    platform.behaves, platform.found = None, Outcome(status=found, touched=True)
    assert gate.run(promote(), ACTOR).status == "recorded"
    assert [record.deploy.status for record in promotions(gate) if record.record_id == left.record_id] == [says]


def test_a_promotion_is_pending_until_the_inventory_reads_back(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)
    seen = []

    def recording(inventory: InventoryWriter) -> None:
        seen.append(promotions(gate)[0].deploy.status)
        inventory.write()

    platform.recording = recording
    assert gate.run(promote(), ACTOR).status == "recorded"
    assert (seen, [record.deploy.status for record in promotions(gate)]) == (["pending"], ["pass"])


def test_a_lane_is_unsettled_where_a_record_of_its_run_is_gone_or_altered(gate: Gate) -> None:
    gate.run(deploy(A), ACTOR)
    gate.run(promote(), ACTOR)
    (record,) = promotions(gate)
    gate.store.write_promotion_record(record.model_copy(update={"deployment_record_id": "another"}))
    assert why_unsettled(gate, PROD) == f"the promotion record {record.record_id} is not what its run wrote"
    assert gate.run(promote(), ACTOR).status == "recorded"  # a deploy, for the lane was unsettled
    assert why_unsettled(gate, PROD) == ""


def test_what_others_add_to_a_record_is_not_ours(gate: Gate) -> None:
    gate.run(deploy(A), ACTOR)
    (record,) = gate.store.list_deployment_records(context_name=TESTING.context, instance_name="testing")
    update = record.post_deploy_update.model_copy(update={"attempted": True, "status": "pass", "detail": "verified"})
    gate.store.write_deployment_record(record.model_copy(update={"post_deploy_update": update}))
    assert gate.check(promote(), ACTOR).allowed
    gate.store.write_deployment_record(record.model_copy(update={"source_git_ref": B.source_git_ref}))
    assert not gate.check(promote(), ACTOR).allowed


def test_what_the_host_could_not_read_is_no_record() -> None:
    """Seen: health that was "verified" at no URL, after which the host could list no record at all."""
    with pytest.raises(ValueError, match="verified health"):
        HealthcheckEvidence(verified=True, urls=(), timeout_seconds=5, status="pass")


@pytest.mark.parametrize(("status", "says"), [("pass", "pass"), ("fail", "fail"), ("unknown", "pending")])
def test_an_interrupted_run_is_finished_by_what_its_driver_finds(
    gate: Gate, platform: FakePlatform, status: Literal["pass", "fail", "unknown"], says: str
) -> None:
    def end(platform: FakePlatform, approval: Approval) -> Outcome:
        platform.change(approval)
        raise KeyboardInterrupt

    platform.behaves = end
    with pytest.raises(KeyboardInterrupt):
        gate.run(deploy(A), ACTOR)
    platform.behaves, platform.found = None, Outcome(status=status, touched=True)
    interrupted = gate.ledger.runs()[0]
    told: list[str] = []
    assert gate.run(deploy(B), ACTOR, told.append).status == "recorded"
    record = gate.store.read_deployment_record(str(read_run(gate.ledger, interrupted).deployment_record_id))
    found = gate.ledger.body_of(interrupted, "found")
    assert (record.deploy.status, found and found["status"]) == (says, status)
    assert any(interrupted in line for line in told) and gate.ledger.verify().wrong == ()
