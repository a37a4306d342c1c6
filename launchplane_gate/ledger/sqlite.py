"""The ledger in a file, for one machine: how it is opened to write or to read, and when a copy is read instead."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from launchplane_gate import private
from launchplane_gate.errors import LedgerError, PastLost
from launchplane_gate.ledger import tables
from launchplane_gate.ledger.database import GENESIS, Database, create_tables, format_of, see_the_format
from launchplane_gate.model import Lane

ATTEMPTS = 5  # at a copy of what is written meanwhile
NO_WRITING = "its folder cannot be written"
OLD_FORMAT = "an older version wrote it, and it is not migrated yet"
_NEW_LANE = tables.lanes.insert()


class Sqlite(Database):
    """Raises LedgerError where it cannot be opened, read or written."""

    hint = "Nothing more was done. Look at the file, its permissions and the free space on its disk."

    def __init__(self, engine: sa.Engine, path: Path) -> None:
        super().__init__(engine, f"the ledger {path}")
        self.path = path
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._file: tuple[int, int] | None = None

    @classmethod
    def create(cls, path: Path, ledger_id: str, *, group: int | None = None) -> Sqlite:
        """Make a file where there is none, for its own user alone or for a group that may read.

        It stands in its place when it is whole: one that is half made is never taken for a ledger that was emptied.
        """
        with _told(path):
            private.make_state(path.parent, group)
            if not path.exists():
                new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
                private.make_file(new)
                try:
                    _make(new, ledger_id)
                    os.link(new, path)
                except FileExistsError:
                    pass  # somebody else was sooner
                finally:
                    new.unlink()
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Sqlite:
        """Open a file that is there to write it; one of an older format is migrated."""
        with _told(path):
            private.see_that_it_is_a_file(path)
            if not path.stat().st_size:  # to open it would make a database of it
                raise PastLost(f"the ledger {path} is empty: it has 0 bytes")
        database = cls(_engine(path), path)
        database._file = _identity(path)
        with database.told(), database.engine.connect() as connection, database._begin(connection, durable=True):
            if database._format(connection) < tables.FORMAT:
                from launchplane_gate.ledger.migrating import migrate  # noqa: PLC0415  # alembic is seldom needed

                migrate(connection, database.time(connection))
        return database

    @classmethod
    def to_read(cls, path: Path) -> Sqlite:
        """Open a file for reading alone, for which nothing has to be writable.

        Where even reading wants to write beside it (a log that is not merged yet, on a disk that is read-only or full),
        and where it has an older format, a copy is read, in a folder of our own; ``copied`` says why. Nothing is there
        for a file that there is not.
        """
        if not path.exists():
            one = {"pool_size": 1, "max_overflow": 0, "connect_args": {"check_same_thread": False}}  # memory is its own
            nothing = cls(sa.create_engine("sqlite://", poolclass=QueuePool, **one), path)
            with nothing.engine.begin() as connection:
                create_tables(connection, "")
            return nothing
        with _told(path):
            try:
                database, found = cls._reading(path)
            except LedgerError as error:
                if not isinstance(error.__cause__, DBAPIError):
                    raise
                return cls._reading_a_copy(path, NO_WRITING)
            if found == tables.FORMAT:
                return database
            database.close()
            return cls._reading_a_copy(path, OLD_FORMAT)

    @classmethod
    def _reading(cls, path: Path, mode: str = "ro") -> tuple[Sqlite, int]:
        """Raises LedgerError."""
        uri = f"file:{quote(str(path.absolute()))}?mode={mode}"

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(uri, uri=True, timeout=10, check_same_thread=False)
            connection.isolation_level = None  # as in _configure
            connection.execute("PRAGMA query_only = ON")
            return connection

        database = cls(sa.create_engine("sqlite://", creator=connect, poolclass=QueuePool), path)
        with database.read() as connection:
            return database, database._format(connection)

    @classmethod
    def _reading_a_copy(cls, path: Path, why: str) -> Sqlite:
        folder = tempfile.TemporaryDirectory(prefix="launchplane-gate-")
        copy = Path(folder.name) / path.name
        _copy(path, copy.parent)
        if why == OLD_FORMAT:
            cls.open(copy).close()
        database, found = cls._reading(copy, "rw")  # a log is merged there, and nothing else
        if found < tables.FORMAT:
            cls.open(copy).close()
        database.name, database.path, database.copied, database._folder = f"the ledger {path}", path, why, folder
        return database

    def backup(self, path: Path) -> None:
        """Write all of it into a new file, as it stands at one moment, while others go on. Raises LedgerError."""
        private.make_file(path)
        with self.read() as connection, closing(sqlite3.connect(path)) as target:
            source = connection.connection.driver_connection
            assert isinstance(source, sqlite3.Connection)
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # one file, whole by itself
        private.sync(path)

    def _see_that_it_is_in_place(self) -> None:
        """Raises LedgerError where another file was put in its place: what is written here would be lost."""
        if self._file is not None and _identity(self.path) != self._file:
            raise LedgerError(
                f"{self.name} was replaced while it was open",
                hint="Nothing more was done. Start this process again; `launchplane-gate lanes` tells what is left.",
            )

    def close(self) -> None:
        super().close()
        if self._folder:
            self._folder.cleanup()

    def _is_refused(self, error: SQLAlchemyError) -> bool:
        """Of a full disk: what marks a transaction as whole is written last, and was not."""
        return isinstance(error, DBAPIError) and getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL

    def integrity(self, connection: sa.Connection) -> list[str]:
        told = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(20)")]
        return [] if told == ["ok"] else told

    @contextmanager
    def as_it_stands(self, connection: sa.Connection) -> Iterator[None]:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        try:
            yield
        finally:
            driver.text_factory = str

    def time(self, connection: sa.Connection) -> float:
        return time.time()

    def _begin(self, connection: sa.Connection, *, durable: bool) -> sa.RootTransaction:
        self._see_that_it_is_in_place()
        transaction = connection.begin()
        wanted = "FULL" if durable else "NORMAL"
        if connection.info.get("synchronous") != wanted:
            self._say(connection, f"PRAGMA synchronous = {wanted}")
            connection.info["synchronous"] = wanted
        self._say(connection, "BEGIN IMMEDIATE")
        return transaction

    def _begin_to_read(self, connection: sa.Connection, *, several: bool) -> sa.RootTransaction:
        self._see_that_it_is_in_place()
        transaction = connection.begin()
        if several:
            self._say(connection, "BEGIN")
        return transaction

    def _say(self, connection: sa.Connection, statement: str) -> None:
        """What is said with every transaction, to the driver itself. Raises LedgerError."""
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        try:
            driver.execute(statement)
        except sqlite3.Error as error:
            raise LedgerError(f"{self.name} cannot be used: {error}", hint=self.hint) from error

    def _lock(self, connection: sa.Connection, lane: Lane) -> tuple[sa.Row[Any], float]:
        """Whoever writes has the whole file, so that to read is enough."""
        row = connection.execute(tables.SELECT_LANE, tables.of_lane(lane)).first()
        if row is None:
            new = {"context": lane.context, "instance": lane.instance, "length": 0, "head": GENESIS}
            connection.execute(_NEW_LANE, new)
            row = connection.execute(tables.SELECT_LANE, tables.of_lane(lane)).one()
        return row, time.time()

    def _format(self, connection: sa.Connection) -> int:
        """Raises LedgerError for a file that is no ledger, and for one of a newer gate."""
        found = format_of(connection)
        if found is None:
            size = self.path.stat().st_size
            raise PastLost(f"{self.name} is empty: it has {size} bytes and none of our tables")
        see_the_format(found, self.name)
        return found


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # asked with every transaction
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _make(path: Path, ledger_id: str) -> None:
    engine = _engine(path)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            create_tables(connection, ledger_id)
    finally:
        engine.dispose()  # the last one that closes it merges its log


def _engine(path: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 10, "check_same_thread": False})
    event.listen(engine, "connect", _configure)
    return engine


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins no transaction of its own; we do
    connection.execute("PRAGMA journal_mode = WAL")


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
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LedgerError(f"the ledger {path} cannot be used: {error.strerror}") from error
    except DBAPIError as error:
        raise LedgerError(f"the ledger {path} cannot be used: {error.orig}", hint=Sqlite.hint) from error
