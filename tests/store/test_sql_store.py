"""Records in a database: as strict as files, never trusted, and no question reads a lane's whole past."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from launchplane_gate.errors import LedgerError, NotSettled, RecordUnreadable
from launchplane_gate.lane_records import NEWEST_BACKUPS, read_lane
from launchplane_gate.ledger import Ledger, SqlStore, Terms, Wish, tables
from launchplane_gate.ledger.postgres import Postgres
from launchplane_gate.model import Lane, stamp
from launchplane_gate.records import (
    BackupGateRecord,
    DeploymentEvidence,
    DeploymentRecord,
    EnvironmentInventory,
    PromotionRecord,
)
from launchplane_gate.store import Bounded, Fenceable, FileStore, fenced, plain
from tests.conftest import PROD, PROFILE, TESTING

BEGAN = datetime(2026, 5, 3, 12, tzinfo=UTC)


def deploy(started_at: str) -> DeploymentEvidence:
    return DeploymentEvidence(
        target_name="app", target_type="application", deploy_mode="x", status="pass", started_at=started_at
    )


def deployment(number: int, lane: Lane = TESTING, started_at: str | None = None) -> DeploymentRecord:
    return DeploymentRecord(
        record_id=f"deployment-{lane.instance}-{number}",
        context=lane.context,
        instance=lane.instance,
        source_git_ref="a" * 40,
        deploy=deploy(stamp(BEGAN + timedelta(minutes=number)) if started_at is None else started_at),
    )


def inventory(named: DeploymentRecord) -> EnvironmentInventory:
    return EnvironmentInventory(
        context=named.context,
        instance=named.instance,
        source_git_ref=named.source_git_ref,
        deploy=named.deploy,
        updated_at=named.deploy.started_at,
        deployment_record_id=named.record_id,
    )


def backup(number: int, created_at: str | None = None) -> BackupGateRecord:
    made = stamp(BEGAN + timedelta(minutes=number)) if created_at is None else created_at
    return BackupGateRecord(
        record_id=f"backup-{number}", context=PROD.context, instance="prod", created_at=made, source="x"
    )


PROMOTION = PromotionRecord(
    record_id="promotion-1",
    artifact_identity={"artifact_id": "a"},  # type: ignore[arg-type]  # as it stands in JSON
    context=PROD.context,
    from_instance="testing",
    to_instance="prod",
    deploy=deploy(stamp(BEGAN)),
)


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    url = request.getfixturevalue("postgres") if request.param == "postgres" else ""
    if url:
        Postgres.connect(url).migrate("ab" * 16)
    ledger = Ledger.open(tmp_path, url, holds_records=False)
    yield ledger
    ledger.close()


@pytest.fixture
def store(ledger: Ledger) -> SqlStore:
    return SqlStore(ledger.database, {PROFILE.product: PROFILE})


def change(ledger: Ledger, statement: sa.Update) -> None:
    with ledger.database.write() as connection:
        connection.execute(statement)


def test_every_kind_of_record_comes_back_as_it_was_written(store: SqlStore) -> None:
    one, gate = deployment(1), backup(1)
    assert not store.holds_records()
    for _ in range(2):  # it replaces itself
        store.write_deployment_record(one)
        store.write_environment_inventory(inventory(one))
        store.write_promotion_record(PROMOTION)
        store.write_backup_gate_record(gate)
    assert store.holds_records()
    here = {"context_name": TESTING.context, "instance_name": "testing"}
    assert plain(store.read_environment_inventory(**here)) == plain(inventory(one))
    assert store.list_environment_inventory() == (inventory(one),)
    assert store.read_deployment_record(one.record_id) == one
    assert store.read_promotion_record("promotion-1") == PROMOTION
    assert store.read_backup_gate_record("backup-1") == gate
    assert store.list_deployment_records(context_name=TESTING.context, instance_name="testing") == (one,)
    assert store.list_promotion_records(to_instance_name="prod", limit=1) == (PROMOTION,)
    assert store.list_promotion_records(from_instance_name="prod") == ()
    assert store.list_backup_gate_records(limit=0) == ()


def test_what_is_not_there_is_missing_as_in_every_store(store: SqlStore) -> None:
    for read in (store.read_deployment_record, store.read_promotion_record, store.read_backup_gate_record):
        with pytest.raises(FileNotFoundError):
            read("none")
    with pytest.raises(FileNotFoundError):
        store.read_environment_inventory(context_name="shop", instance_name="prod")
    with pytest.raises(FileNotFoundError):
        store.read_product_profile_record("shop")


@pytest.mark.parametrize(
    "changed",
    [
        {"record": "{}"},
        {"record": '{"record_id": "a", "record_id": "b"}'},
        {"instance": "prod"},
        {"context": "other"},
        {"record_id": "deployment-another"},
        {"moment": 1},
        {"moment": None},
    ],
    ids=str,
)
def test_a_record_that_is_torn_or_not_what_its_row_says_is_unreadable(
    ledger: Ledger, store: SqlStore, changed: dict[str, Any]
) -> None:
    store.write_deployment_record(deployment(1))
    change(ledger, tables.deployments.update().values(**changed))
    with pytest.raises(RecordUnreadable, match="the DeploymentRecord deployment-"):
        store.read_deployment_record(str(changed.get("record_id", "deployment-testing-1")))
    with pytest.raises(RecordUnreadable):
        store.list_deployment_records()


def test_a_record_of_another_lane_is_never_replaced(store: SqlStore) -> None:
    store.write_deployment_record(deployment(1))
    other = deployment(1).model_copy(update={"instance": "prod"})
    with pytest.raises(LedgerError):
        store.write_deployment_record(other)
    assert store.read_deployment_record(other.record_id) == deployment(1)


def test_of_a_lanes_past_only_what_may_matter_is_read(ledger: Ledger, store: SqlStore) -> None:
    """The older ones are torn here: whoever read them would say so."""
    for number in range(30):
        store.write_deployment_record(deployment(number))
        store.write_backup_gate_record(backup(number))
    store.write_deployment_record(deployment(100, started_at="yesterday"))
    store.write_environment_inventory(inventory(deployment(28)))
    named = stamp(BEGAN + timedelta(minutes=28))
    change(ledger, tables.deployments.update().where(tables.deployments.c.moment < micros(named)).values(record="torn"))
    records = read_lane(store, ledger, TESTING)
    assert not records.unreadable
    assert {one.record_id[11:] for one in records.deployments} == {"testing-28", "testing-29", "testing-100"}
    backups = store.list_newest_backups(context_name=PROD.context, instance_name="prod", limit=NEWEST_BACKUPS)
    assert [one.record_id for one in backups if one.record] == [f"backup-{number}" for number in range(29, 9, -1)]


def test_all_are_read_where_the_one_that_the_inventory_names_is_gone(ledger: Ledger, store: SqlStore) -> None:
    for number in range(3):
        store.write_deployment_record(deployment(number))
    assert len(read_lane(store, ledger, TESTING).deployments) == 3
    store.write_environment_inventory(inventory(deployment(9)))
    assert len(read_lane(store, ledger, TESTING).deployments) == 3


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


def test_the_same_is_read_of_files(tmp_path: Path, ledger: Ledger, store: SqlStore) -> None:
    files = FileStore(tmp_path / "files", {})
    for each in (files, store):
        for number in range(5):
            each.write_deployment_record(deployment(number))
            each.write_backup_gate_record(backup(number))
            ledger.see(TESTING, read_lane(each, ledger, TESTING).unseen)
        each.write_backup_gate_record(backup(9, "whenever"))
        each.write_environment_inventory(inventory(deployment(3)))
        assert isinstance(each, Bounded) and isinstance(each, Fenceable)
    found = [read_lane(each, ledger, TESTING) for each in (files, store)]
    assert found[0].version == found[1].version
    for limit in (2, 5, 6):
        where = {"context_name": PROD.context, "instance_name": "prod"}
        read = [each.list_newest_backups(**where, limit=limit) for each in (files, store)]
        assert [one.record for one in read[0]] == [one.record for one in read[1]]


# -- the fence


def test_a_fence_is_asked_when_nobody_else_can_take_the_lane(ledger: Ledger, store: SqlStore) -> None:
    with ledger.hold([TESTING], Wish(Terms(run_s=60))) as lease:
        fenced(store, lease.write_seconds_left).write_deployment_record(deployment(1))
        lease.renewed_at += 1000  # by its own clock it is fresh, as in a machine that was halted for long
        change(ledger, tables.lanes.update().values(holder="h-ANOTHER"))
        with pytest.raises(NotSettled):
            fenced(store, lease.write_seconds_left).write_deployment_record(deployment(2))
    with pytest.raises(FileNotFoundError):
        store.read_deployment_record(deployment(2).record_id)


def test_a_lease_counts_as_renewed_only_when_the_write_is_committed(ledger: Ledger, store: SqlStore) -> None:
    with ledger.hold([TESTING], Wish(Terms(run_s=60))) as lease:
        before = lease.until
        with pytest.raises(RuntimeError), ledger.database.together():
            fenced(store, lease.write_seconds_left).write_deployment_record(deployment(1))
            raise RuntimeError
        assert lease.until == before
        fenced(store, lease.write_seconds_left).write_deployment_record(deployment(1))
        assert lease.until > before


def test_writers_of_one_lane_wait_for_each_other(store: SqlStore) -> None:
    """Each replaces the same record; none fails, and one of them is there whole."""
    said: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for _ in range(10):
                store.write_environment_inventory(inventory(deployment(number)))
        except BaseException as error:  # noqa: BLE001  # told below
            said.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert said == []
    assert store.list_environment_inventory()[0] in [inventory(deployment(number)) for number in range(4)]
