"""Where the ledger lives: its connections and transactions, and the errors of a database in our own words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from launchplane_gate import private
from launchplane_gate.errors import LedgerError
from launchplane_gate.ledger import tables

SCHEMA_VERSION = 1


class Database:
    """Raises LedgerError where it cannot be opened, read or written."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._snapshots = threading.local()

    @classmethod
    def sqlite(cls, path: Path, *, group: int | None = None) -> Database:
        """Open a file, which is made where there is none, for its own user alone or for a group that may read."""
        engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 10, "check_same_thread": False})
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
        database = cls(engine)
        with _told(f"the ledger {path}"):
            private.make_state(path.parent, group)
            private.make_file(path)  # SQLite gives what stands beside it, -wal and -shm, the same mode
            database._ensure_schema()
        return database

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sa.Connection]:
        """One transaction. What is not ``durable`` is so with the next one that is, before anything rests on it."""
        with _told(f"the ledger {self.engine.url.database}"), self.engine.connect() as connection:
            connection.execution_options(writes="FULL" if durable else "NORMAL")
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        shared = getattr(self._snapshots, "connection", None)
        if shared is not None:
            yield shared
            return
        with _told(f"the ledger {self.engine.url.database}"), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Whatever this thread reads inside is of one moment, and from one connection."""
        outer = getattr(self._snapshots, "connection", None)
        with self.read() as connection:
            self._snapshots.connection = connection
            try:
                yield
            finally:
                self._snapshots.connection = outer

    def _ensure_schema(self) -> None:
        with self.write() as connection:
            is_new = not sa.inspect(connection).has_table("meta")
            tables.metadata.create_all(connection)  # in a ledger from before, those that it has not
            if is_new:
                connection.execute(tables.meta.insert().values(schema_version=SCHEMA_VERSION))
            found = connection.execute(sa.select(tables.meta.c.schema_version)).scalar()
        if found != SCHEMA_VERSION:
            raise LedgerError(
                f"the ledger {self.engine.url.database} has schema {found}; this version reads schema {SCHEMA_VERSION}",
                hint="Nothing was done. Run the version of launchplane-gate that wrote it, or a newer one.",
            )


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise LedgerError(
            f"{what} cannot be used: {error.orig}",
            hint="Nothing more was done. Look at the file, its permissions and the free space on its disk.",
        ) from error
    except OSError as error:
        raise LedgerError(f"{what} cannot be used: {error.strerror}") from error


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins no transaction of its own; _begin does
    connection.execute("PRAGMA journal_mode = WAL")


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    if writes:
        connection.exec_driver_sql(f"PRAGMA synchronous = {writes}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
