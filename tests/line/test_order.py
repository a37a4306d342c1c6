"""Order comes from the ledger, never from a clock; whatever a record says, a deploy through the gate cures its lane."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.errors import StaleReplay
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import InventoryWriter
from launchplane_gate.lane_records import read_backups, read_lane
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Lane, Run, stamp
from launchplane_gate.records import BackupGateRecord, DeploymentRecord
from launchplane_gate.settled import settled
from launchplane_gate.store import FileStore, plain
from tests.conftest import ACTOR, PROD, TESTING, A, B, C, MakeGate, bundle_with, deploy, promote
from tests.fakes.platform import FakePlatform


def records_of(gate: Gate, lane: Lane) -> list[DeploymentRecord]:
    found = gate.store.list_deployment_records(context_name=lane.context, instance_name=lane.instance)
    return sorted(found, key=lambda record: record.deploy.started_at)


def file_of(gate: Gate, lane: Lane, record_id: str) -> Path:
    assert isinstance(gate.store, FileStore)
    return gate.store.root / "deployments" / lane.context / lane.instance / f"{record_id}.json"


def somebody_writes(gate: Gate, lane: Lane, record_id: str = "by-hand", **told: Any) -> Path:
    """A deployment that the gate knows nothing of, made from one of its own."""
    record = records_of(gate, lane)[-1]
    told = {"started_at": stamp(gate.ledger.now()), **told}
    deployed = record.deploy.model_copy(update=told)
    gate.store.write_deployment_record(
        record.model_copy(update={"record_id": record_id, "deploy": deployed, "runtime_source": {}})
    )
    return file_of(gate, lane, record_id)


def why(gate: Gate, lane: Lane) -> str:
    """Why a lane is unsettled; empty where it is settled."""
    is_settled, told = settled(read_lane(gate.store, gate.ledger, lane), gate.ledger, gate.ledger.last_effective(lane))
    return "" if is_settled else told


def codes(run: Run) -> set[str]:
    return {refusal.code for refusal in run.admitted.refusals} if run.admitted else set()


@pytest.fixture
def both(gate: Gate) -> Gate:
    """Testing and prod run A."""
    gate.run(deploy(A), ACTOR)
    gate.run(promote(), ACTOR)
    return gate


ODD = {
    "an hour ahead": {"started_at": "HOUR"},
    "from 2099": {"started_at": "2099-01-01T00:00:00Z"},
    "without a time": {"started_at": ""},
    "of no time": {"started_at": "yesterday"},
    "an hour late": {"started_at": "LATE"},
    "years late": {"started_at": "2001-01-01T00:00:00Z"},
    "failed": {"status": "fail"},
    "pending": {"status": "pending"},
}


@pytest.mark.parametrize("odd", ODD)
def test_a_record_of_somebody_else_stops_promotions_until_the_next_deploy(both: Gate, odd: str) -> None:
    """Seen: a record without a time, or from a clock an hour ahead, blocked promotions for good (S57)."""
    now, hour = both.ledger.now(), timedelta(hours=1)
    moments = {"HOUR": stamp(now + hour), "LATE": stamp(now - hour)}
    somebody_writes(both, TESTING, **{key: moments.get(value, value) for key, value in ODD[odd].items()})
    assert "by-hand, which the gate did not write, is new" in why(both, TESTING)
    refused = both.run(promote(), ACTOR)
    assert refused.status == "denied" and {"lane.settled", "inventory.source_latest"} <= codes(refused)
    assert "was first seen at" in why(both, TESTING)
    assert both.run(deploy(B), ACTOR).status == "recorded"
    assert why(both, TESTING) == ""
    assert both.run(promote(), ACTOR).status == "recorded"
    assert both.ledger.verify().wrong == ()


TORN = ["", "{", '{"schema_version":1', "[]", "\0" * 9, '{"a":1,"a":2}']


@pytest.mark.parametrize("text", TORN)
def test_a_torn_record_is_cured_by_the_next_run_and_stays_so(both: Gate, text: str) -> None:
    """Seen: one torn old deployment record left a lane uncurable, its remedy in a loop."""
    for lane in (TESTING, PROD):
        file_of(both, lane, "deployment-old").write_text(text)
        assert "deployment-old" in why(both, lane)
    assert codes(both.run(promote(), ACTOR)) >= {"lane.settled"}
    assert both.run(deploy(B), ACTOR).status == "recorded"
    assert (why(both, TESTING), bool(why(both, PROD))) == ("", True)
    assert both.run(promote(), ACTOR).status == "recorded"
    assert (why(both, TESTING), why(both, PROD)) == ("", "")
    assert both.run(promote(), ACTOR).status == "unchanged"  # and nothing is in a loop


def test_a_key_deploys_once_whatever_lies_beside_it(both: Gate, platform: FakePlatform) -> None:
    """Seen: over a torn record one idempotency key deployed prod three times, each of them "recorded"."""
    both.run(deploy(B), ACTOR)
    first = both.run(promote(idempotency_key="k"), ACTOR)
    file_of(both, PROD, "deployment-old").write_text("{")
    count = len(platform.deploys)
    for _ in range(2):
        with pytest.raises(StaleReplay, match="deployment-old"):
            both.run(promote(idempotency_key="k"), ACTOR)
    assert (first.status, len(platform.deploys)) == ("recorded", count)
    assert both.run(promote(idempotency_key="another"), ACTOR).status == "recorded"
    assert why(both, PROD) == ""


def test_a_key_is_free_where_prod_is_seen_to_run_something_else(both: Gate, platform: FakePlatform) -> None:
    first = both.run(promote(redeploy=True, idempotency_key="k"), ACTOR)
    assert both.run(promote(redeploy=True, idempotency_key="k"), ACTOR).replayed
    inventory = both.store.read_environment_inventory(context_name=PROD.context, instance_name="prod")
    both.store.write_environment_inventory(inventory.model_copy(update={"updated_at": "2026-01-01T00:00:00Z"}))
    with pytest.raises(StaleReplay):  # unsettled by a hand, and it runs what was recorded
        both.run(promote(redeploy=True, idempotency_key="k"), ACTOR)
    platform.run(PROD, C)
    again = both.run(promote(redeploy=True, idempotency_key="k"), ACTOR)
    assert (again.status, again.run_id != first.run_id) == ("recorded", True)


def test_a_key_is_free_where_a_later_run_unsettled_the_lane(both: Gate, platform: FakePlatform) -> None:
    both.run(promote(redeploy=True, idempotency_key="k"), ACTOR)
    platform.reports[str(PROD)] = B.source_git_ref
    assert both.run(promote(redeploy=True), ACTOR).status == "unconfirmed"
    platform.reports.clear()
    assert both.run(promote(redeploy=True, idempotency_key="k"), ACTOR).status == "recorded"


def test_a_record_that_is_older_stays_so_until_it_changes(both: Gate) -> None:
    path = somebody_writes(both, TESTING)
    both.run(deploy(B), ACTOR)
    assert why(both, TESTING) == ""
    os.utime(path)
    assert why(both, TESTING) == ""  # as it was seen
    record = both.store.read_deployment_record("by-hand")
    both.store.write_deployment_record(record.model_copy(update={"source_git_ref": C.source_git_ref}))
    assert "by-hand" in why(both, TESTING)
    both.store.write_deployment_record(record)
    assert why(both, TESTING) == ""


def test_a_run_of_the_gate_is_ordered_by_itself_whatever_its_record_says(both: Gate) -> None:
    old = records_of(both, TESTING)[0]
    both.run(deploy(B), ACTOR)
    for text in ("{", plain_text(old, started_at="2099-01-01T00:00:00Z"), plain_text(old, started_at="")):
        file_of(both, TESTING, old.record_id).write_text(text)
        assert why(both, TESTING) == ""
    assert both.check(promote(), ACTOR).allowed
    last = records_of(both, TESTING)[-1]
    file_of(both, TESTING, last.record_id).write_text("{")
    assert last.record_id in why(both, TESTING)
    assert both.run(deploy(B), ACTOR).status == "recorded"
    assert why(both, TESTING) == ""


def plain_text(record: DeploymentRecord, **told: Any) -> str:
    return record.model_copy(update={"deploy": record.deploy.model_copy(update=told)}).model_dump_json()


def test_who_cannot_write_counts_what_is_new_as_newest(both: Gate, make_gate: MakeGate, tmp_path: Path) -> None:
    somebody_writes(both, TESTING, started_at="2001-01-01T00:00:00Z")
    heads = both.ledger.heads()
    reader = make_gate(ledger=Ledger.to_read(tmp_path, holds_records=True))
    assert "is new" in why(reader, TESTING)
    assert not reader.check(promote(), ACTOR).allowed and reader.check(deploy(B), ACTOR).allowed
    assert both.ledger.heads() == heads


def test_what_appears_in_the_middle_of_a_run_is_no_older_than_it(both: Gate, platform: FakePlatform) -> None:
    """Recorded is never said of a lane that stays unsettled."""

    def recording(inventory: InventoryWriter) -> None:
        somebody_writes(both, TESTING)
        inventory.write()

    platform.recording = recording
    run = both.run(deploy(B), ACTOR)
    assert (run.status, "changed by somebody else" in run.detail) == ("unrecorded", True)
    platform.recording = lambda inventory: inventory.write()
    assert both.run(deploy(B), ACTOR).status == "recorded"
    assert why(both, TESTING) == ""


def test_each_record_is_entered_once(both: Gate) -> None:
    somebody_writes(both, TESTING)
    for _ in range(3):
        both.run(promote(), ACTOR)
    both.run(deploy(B), ACTOR)
    both.run(deploy(A), ACTOR)
    seen = both.ledger.entries(kinds=["seen"])
    assert [(entry.subject, entry.lane) for entry in seen] == [("deployments/by-hand", TESTING)]


def test_a_lane_of_which_only_others_told_is_unsettled(gate: Gate, make_gate: MakeGate) -> None:
    gate.run(deploy(A), ACTOR)
    record = records_of(gate, TESTING)[0]
    gate.store.write_deployment_record(
        record.model_copy(update={"record_id": "by-hand", "instance": "prod", "runtime_source": {}})
    )
    assert "by-hand" in why(gate, PROD)
    assert gate.run(promote(), ACTOR).status == "recorded"
    assert why(gate, PROD) == ""


# -- backups


def a_backup(gate: Gate, record_id: str, created_at: str) -> None:
    record = BackupGateRecord(
        record_id=record_id,
        context=PROD.context,
        instance="prod",
        created_at=created_at,
        source="x",
        status="pass",
        evidence={"id": "1"},
    )
    gate.store.write_backup_gate_record(record)


@pytest.fixture
def guarded(make_gate: MakeGate, tmp_path: Path) -> Gate:
    """Prod asks for a backup that is not older than a minute."""
    gate = make_gate(bundle=bundle_with(tmp_path / "policies", backup={"prod": {"max_age_s": 60}}))
    gate.run(deploy(A), ACTOR)
    return gate


def test_a_backup_from_a_clock_that_is_ahead_counts_from_when_it_was_seen(guarded: Gate) -> None:
    assert codes(guarded.run(promote(), ACTOR)) == {"backup.present"}
    a_backup(guarded, "ahead", stamp(guarded.ledger.now() + timedelta(hours=1)))
    assert guarded.check(promote(), ACTOR).allowed
    assert guarded.run(promote(), ACTOR).status == "recorded"
    backups = read_backups(guarded.store, guarded.ledger, PROD)
    assert (list(backups.seen_at), backups.unseen) == (["ahead"], ())


def test_a_torn_backup_is_none_and_stops_nothing(guarded: Gate, tmp_path: Path) -> None:
    """Seen: no decision could be had any more over one."""
    a_backup(guarded, "good", stamp(guarded.ledger.now()))
    (tmp_path / "backup_gates" / PROD.context / "prod" / "torn.json").write_text("{")
    assert guarded.run(promote(), ACTOR).status == "recorded"


def test_records_are_what_they_were(both: Gate) -> None:
    """A promise to the host: nothing here changes a record that is not ours."""
    path = somebody_writes(both, TESTING)
    before = path.read_bytes()
    both.run(deploy(B), ACTOR)
    assert path.read_bytes() == before and "gate_run_id" not in str(plain(both.store.read_deployment_record("by-hand")))
