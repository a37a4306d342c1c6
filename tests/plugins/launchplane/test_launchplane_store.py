"""The host's stores, by way of the adapter, keep every promise of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from launchplane_gate.records import Record
from launchplane_gate.store import RecordStore
from launchplane_gate.testing import Shelves, StorePromises
from launchplane_gate_launchplane.host import KINDS
from launchplane_gate_launchplane.store import LaunchplaneStore


class OfTheHost(Shelves):
    def __init__(self, store: Any) -> None:
        self.store = store

    def open(self) -> RecordStore:
        return LaunchplaneStore(self.store)

    def tear(self, record: Record) -> None:
        kind, said = KINDS[type(record)], record.model_dump()
        if hasattr(self.store, "state_dir"):
            name = said.get("record_id") or f"{said['context']}-{said['instance']}"
            path = Path(self.store.state_dir) / kind.folder / f"{name}.json"
            path.write_bytes(path.read_bytes()[:40])
            return
        key = {name: said[name] for name in ([kind.key] if kind.key else ["context", "instance"])}
        with self.store._engine.begin() as connection:
            where = [kind.table.c[name] == value for name, value in key.items()]
            connection.execute(sa.update(kind.table).where(*where).values(payload={"record_id": "torn"}))


class TestFiles(StorePromises):
    @pytest.fixture
    def shelves(self, file_store: Any) -> OfTheHost:
        return OfTheHost(file_store)


class TestRows(StorePromises):
    @pytest.fixture
    def shelves(self, sql_store: Any) -> OfTheHost:
        return OfTheHost(sql_store)


class TestPostgres(StorePromises):
    @pytest.fixture
    def shelves(self, postgres_store: Any) -> OfTheHost:
        return OfTheHost(postgres_store)
