"""Our own stores keep every promise of a store, and one that breaks a promise fails that one.

Launchplane's: tests/plugins/launchplane.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from launchplane_gate.errors import RecordUnreadable
from launchplane_gate.ledger import Ledger, SqlStore, tables
from launchplane_gate.ledger.postgres import Postgres
from launchplane_gate.records import DeploymentRecord, EnvironmentInventory, PromotionRecord, Record
from launchplane_gate.store import FileStore, RecordStore, Stored
from launchplane_gate.testing import Shelves, StorePromises
from launchplane_gate.testing.stores import an_inventory


class Folder(Shelves):
    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self) -> RecordStore:
        return FileStore(self.root, {}, keeps_hints=True)

    def tear(self, record: Record) -> None:
        assert isinstance(record, (DeploymentRecord, EnvironmentInventory))
        if isinstance(record, DeploymentRecord):
            path = self.root / "deployments" / record.context / record.instance / f"{record.record_id}.json"
        else:
            path = self.root / "inventory" / record.context / f"{record.instance}.json"
        path.write_bytes(path.read_bytes()[:40])


class Database(Shelves):
    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def open(self) -> RecordStore:
        return SqlStore(self.ledger.database, {})

    def tear(self, record: Record) -> None:
        assert isinstance(record, (DeploymentRecord, EnvironmentInventory))
        if isinstance(record, DeploymentRecord):
            table = tables.deployments
            one = table.c.record_id == record.record_id
        else:
            table = tables.inventories
            one = sa.and_(table.c.context == record.context, table.c.instance == record.instance)
        with self.ledger.database.write() as connection:
            connection.execute(table.update().where(one).values(record='{"record_id": '))


class TestFiles(StorePromises):
    @pytest.fixture
    def shelves(self, tmp_path: Path) -> Folder:
        return Folder(tmp_path)


class TestRows(StorePromises):
    @pytest.fixture
    def shelves(self, tmp_path: Path) -> Iterator[Database]:
        ledger = Ledger.open(tmp_path, holds_records=False)
        yield Database(ledger)
        ledger.close()


class TestPostgres(StorePromises):
    @pytest.fixture
    def shelves(self, tmp_path: Path, postgres: str) -> Iterator[Database]:
        Postgres.connect(postgres).migrate("ab" * 16)
        ledger = Ledger.open(tmp_path, postgres, holds_records=False)
        yield Database(ledger)
        ledger.close()


# -- stores that break a promise


class ListsEveryLane(FileStore):
    def list_deployment_records(self, **_: Any) -> tuple[DeploymentRecord, ...]:
        return super().list_deployment_records()


class TakesOneLaneForAnother(FileStore):
    def _path(self, *parts: str) -> Path:
        return super()._path(parts[0], "-".join(parts[1:])) if parts[0] == "inventory" else super()._path(*parts)


class ReadsNoNewer(FileStore):
    """Whatever it once read stays."""

    def read_environment_inventory(self, **lane: str) -> EnvironmentInventory:
        if not hasattr(self, "first"):
            self.first = super().read_environment_inventory(**lane)
        return self.first


class AsksNoFence(FileStore):
    def behind(self, fence: object) -> FileStore:
        return self


class FindsNothingTorn(FileStore):
    def list_deployment_records(self, **lane: Any) -> tuple[DeploymentRecord, ...]:
        with suppress(RecordUnreadable):
            return super().list_deployment_records(**lane)
        return ()


class TearsEveryLane(FileStore):
    def list_deployment_records(self, **lane: Any) -> tuple[DeploymentRecord, ...]:
        super().list_deployment_records()
        return super().list_deployment_records(**lane)


class LeavesOutWhatIsNew(FileStore):
    def list_deployments_since(self, **asked: Any) -> tuple[Stored[DeploymentRecord], ...]:
        found = super().list_deployments_since(**asked)
        return found if asked["since"].position is None else tuple(one for one in found if one.record_id[-1] != "3")


class LooksEverywhere(FileStore):
    def read_promotion_record(self, record_id: str) -> PromotionRecord:
        return PromotionRecord.model_construct(record_id=record_id)


BREAKS = {
    ListsEveryLane: "test_a_list_is_of_one_lane",
    TakesOneLaneForAnother: "test_no_lane_is_taken_for_another",
    ReadsNoNewer: "test_a_record_of_a_run_takes_the_place_of_its_earlier_form",
    AsksNoFence: "test_nothing_is_written_past_a_fence",
    FindsNothingTorn: "test_a_torn_record_is_told",
    TearsEveryLane: "test_a_torn_record_is_of_its_own_lane",
    LeavesOutWhatIsNew: "test_what_is_bounded_leaves_out_nothing_new",
    LooksEverywhere: "test_what_is_not_there_is_missing",
}


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: str(broken.__name__))
def test_a_store_that_breaks_a_promise_fails_that_one(broken: type[FileStore], tmp_path: Path) -> None:
    class Broken(Folder):
        def open(self) -> RecordStore:
            return broken(self.root, {})

    shelves = Broken(tmp_path)
    store = shelves.open()
    if broken is ReadsNoNewer:
        store.write_environment_inventory(an_inventory())
        store.read_environment_inventory(context_name="promises", instance_name="testing")
        shelves.open = lambda: store  # type: ignore[method-assign]  # the very one that has read it
    promise = getattr(StorePromises(), BREAKS[broken])
    arguments = {"shelves": shelves, "store": store}
    taken = {name: arguments[name] for name in inspect.signature(promise).parameters}
    with pytest.raises((AssertionError, pytest.fail.Exception, RecordUnreadable)):
        promise(**taken)
