"""Where the ledger lives: its connections and transactions, and the errors of a database in our own words."""

from __future__ import annotations

import errno
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from launchplane_gate import private
from launchplane_gate.errors import LedgerError
from launchplane_gate.ledger import tables

SCHEMA_VERSION = 1
ATTEMPTS = 5  # at a copy of what is written meanwhile


class Database:
    """Raises LedgerError where it cannot be opened, read or written."""

    def __init__(self, engine: sa.Engine, name: str = "") -> None:
        self.engine, self.name = engine, name or str(engine.url.database)
        self.copied = False
        self._folder: tempfile.TemporaryDirectory[str] | None = None
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

    @classmethod
    def to_read(cls, path: Path) -> Database:
        """Open a file for reading alone, for which nothing has to be writable.

        Where even reading wants to write beside it (a log that is not merged yet, on a disk that is read-only or full),
        a copy is read, in a folder of our own; ``copied`` says so. Nothing is there for a file that there is not.
        """
        if not path.exists():
            nothing = cls(
                sa.create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
            )
            nothing._ensure_schema()
            return nothing
        with _told(f"the ledger {path}"):
            try:
                return cls._reading(path)
            except LedgerError as error:
                if not isinstance(error.__cause__, DBAPIError):
                    raise
                return cls._reading_a_copy(path)

    @classmethod
    def _reading(cls, path: Path, mode: str = "ro") -> Database:
        """Raises LedgerError."""
        uri = f"file:{quote(str(path.absolute()))}?mode={mode}"

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(uri, uri=True, timeout=10, check_same_thread=False)
            connection.isolation_level = None  # as in _configure
            connection.execute("PRAGMA query_only = ON")
            return connection

        engine = sa.create_engine("sqlite://", creator=connect, poolclass=QueuePool)
        event.listen(engine, "begin", _begin)
        database = cls(engine, str(path))
        with database.read() as connection:
            database._see_the_schema(connection)
        return database

    @classmethod
    def _reading_a_copy(cls, path: Path) -> Database:
        folder = tempfile.TemporaryDirectory(prefix="launchplane-gate-")
        _copy(path, Path(folder.name))
        database = cls._reading(Path(folder.name) / path.name, "rw")  # a log is merged there, and nothing else
        database.name, database.copied, database._folder = str(path), True, folder
        return database

    def close(self) -> None:
        self.engine.dispose()
        if self._folder:
            self._folder.cleanup()

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sa.Connection]:
        """One transaction. What is not ``durable`` is so with the next one that is, before anything rests on it."""
        with _told(f"the ledger {self.name}"), self.engine.connect() as connection:
            connection.execution_options(writes="FULL" if durable else "NORMAL")
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        shared = getattr(self._snapshots, "connection", None)
        if shared is not None:
            yield shared
            return
        with _told(f"the ledger {self.name}"), self.engine.connect() as connection:
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
            self._see_the_schema(connection)

    def _see_the_schema(self, connection: sa.Connection) -> None:
        found = connection.execute(sa.select(tables.meta.c.schema_version)).scalar()
        if found != SCHEMA_VERSION:
            raise LedgerError(
                f"the ledger {self.name} has schema {found}; this version reads schema {SCHEMA_VERSION}",
                hint="Nothing was done. Run the version of launchplane-gate that wrote it, or a newer one.",
            )


def _copy(path: Path, folder: Path) -> None:
    """Copy a database with the log that is not merged yet, as they stand together. Raises OSError."""
    log = path.with_name(f"{path.name}-wal")
    for _ in range(ATTEMPTS):
        before = _stamps(path, log)
        shutil.copyfile(path, folder / path.name)
        if log.exists():
            shutil.copyfile(log, folder / log.name)
        if _stamps(path, log) == before:
            return
    raise OSError(errno.EBUSY, "it is written all the time, so that no copy of it could be read")


def _stamps(*paths: Path) -> list[tuple[int, int] | None]:
    found = [path.stat() if path.exists() else None for path in paths]
    return [(one.st_mtime_ns, one.st_size) if one else None for one in found]


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
