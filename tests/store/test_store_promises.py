"""Our own stores keep every promise of a store; that of Launchplane: tests/plugins/launchplane."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from launchplane_gate.ledger import Ledger, SqlStore, tables
from launchplane_gate.ledger.postgres import Postgres
from launchplane_gate.records import DeploymentRecord, EnvironmentInventory, Record
from launchplane_gate.store import FileStore, RecordStore
from launchplane_gate.testing import Shelves, StorePromises


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
