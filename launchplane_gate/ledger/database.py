"""Where the ledger lives: its transactions, the locks of its lanes, and the errors of a database in our own words."""

from __future__ import annotations

import os
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from launchplane_gate.errors import LedgerError
from launchplane_gate.ledger import tables
from launchplane_gate.ledger.clock import elapsed
from launchplane_gate.ledger.forking import kept_from_forking
from launchplane_gate.ledger.locked import LaneRow
from launchplane_gate.model import Lane

GENESIS = "0" * 64  # what the first entry of a chain follows


class AnswerLost(LedgerError):
    """Whether a transaction was committed is not known: its answer never came."""


@dataclass
class Joined:
    """A transaction that all of a thread's writes and reads go into. ``entry``: the last that was put into a chain.

    ``since``: the steady clock, from before it. ``rows``: of the lanes that it has locked, which nobody else changes
    until it ends.
    """

    connection: sa.Connection
    since: float
    entry: tuple[Lane, str] | None = None  # its lane and its id
    rows: dict[Lane, LaneRow] = field(default_factory=dict)
    afterwards: list[Callable[[], object]] = field(default_factory=list)

    def is_kept(self) -> None:
        for then in self.afterwards:
            then()


class Database(ABC):
    """Raises LedgerError where it cannot be opened, read or written."""

    copied = ""  # why a copy is read, where one is
    is_local = True  # its clock is this machine's
    hint = "Nothing more was done."

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self.engine, self.name = engine, name
        self._here = threading.local()
        os.register_at_fork(after_in_child=_forgets(self))

    @abstractmethod
    def time(self, connection: sa.Connection) -> float:
        """The database's own clock, in seconds since 1970."""

    @abstractmethod
    def _begin(self, connection: sa.Connection, *, durable: bool) -> sa.RootTransaction:
        """Begin a transaction that writes."""

    @abstractmethod
    def _begin_to_read(self, connection: sa.Connection, *, several: bool) -> sa.RootTransaction:
        """Begin a transaction that reads; ``several`` statements, which are to see the same moment."""

    @abstractmethod
    def _lock(self, connection: sa.Connection, lane: Lane) -> tuple[sa.Row[Any], float]:
        """The row of a lane, made where there is none, and the database's clock, which may be of before the lock.

        Nobody else writes anything of the lane until we commit.
        """

    def _is_refused(self, error: SQLAlchemyError) -> bool:
        """Whether a commit that failed so has surely kept nothing."""
        return False

    def integrity(self, connection: sa.Connection) -> list[str] | None:
        """What the database itself finds broken of what it keeps; None where it has no such check."""
        return None

    def as_it_stands(self, connection: sa.Connection) -> AbstractContextManager[None]:
        """Inside, a text that is none is read too, as far as it goes; for whoever looks for what is broken."""
        return nullcontext()

    def close(self) -> None:
        self.engine.dispose()

    def lock(self, connection: sa.Connection, lanes: Iterable[Lane]) -> dict[Lane, LaneRow]:
        """The rows of some lanes, held until the transaction ends; always in one order, so that nobody deadlocks.

        Inside of ``together`` one that is locked is not read again.
        """
        wanted = sorted(set(lanes), key=lambda lane: (lane.context, lane.instance))
        rows, since = (joined.rows, joined.since) if (joined := self.joined) else ({}, elapsed())
        for lane in wanted:
            if lane not in rows:
                rows[lane] = LaneRow(lane, *self._lock(connection, lane), since)
        return {lane: rows[lane] for lane in wanted}

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sa.Connection]:
        """One transaction. What is not ``durable`` is so with the next one that is, before anything rests on it.

        Raises AnswerLost where it may have been committed, and LedgerError where it was not.
        """
        if joined := self.joined:
            yield joined.connection
            return
        with self.told(), self.engine.connect() as connection:
            transaction = self._begin(connection, durable=durable)
            try:
                yield connection
            except BaseException:
                transaction.rollback()
                raise
            try:
                transaction.commit()
            except SQLAlchemyError as error:
                if self._is_refused(error):
                    raise
                raise AnswerLost(f"{self.name} did not say whether it has kept it: {self._words(error)}") from error

    @contextmanager
    def together(self) -> Iterator[Joined]:
        """Whatever this thread writes and reads inside is one transaction, and a durable one."""
        if outer := self.joined:
            yield outer
            return
        since = elapsed()
        with self.write() as connection:
            joined = self._here.joined = Joined(connection, since)
            try:
                yield joined
            finally:
                self._here.joined = None
        joined.is_kept()

    def when_kept(self, then: Callable[[], object]) -> None:
        """Call it once what was written just now is committed, which inside of ``together`` is after it."""
        if joined := self.joined:
            joined.afterwards.append(then)
        else:
            then()

    @contextmanager
    def read(self, *, several: bool = False) -> Iterator[sa.Connection]:
        """For one statement, or for ``several`` that are to see the same moment."""
        if shared := self.joined.connection if self.joined else getattr(self._here, "snapshot", None):
            yield shared
            return
        with self.told(), self.engine.connect() as connection:
            transaction = self._begin_to_read(connection, several=several)
            try:
                yield connection
            finally:
                with suppress(SQLAlchemyError):  # what was read is read, however its end goes
                    transaction.rollback()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Whatever this thread reads inside is of one moment, and from one connection."""
        outer = getattr(self._here, "snapshot", None)
        with self.read(several=True) as connection:
            self._here.snapshot = connection
            try:
                yield
            finally:
                self._here.snapshot = outer

    @property
    def joined(self) -> Joined | None:
        """What this thread is inside of, by ``together``."""
        return getattr(self._here, "joined", None)

    @contextmanager
    def told(self) -> Iterator[None]:
        try:
            with kept_from_forking():
                yield
        except DBAPIError as error:
            what = f"{self.name} cannot be used: {self._words(error)}"
            raise LedgerError(what, hint=self.hint) from error
        except SQLAlchemyError as error:
            raise LedgerError(f"{self.name} cannot be used: {self._words(error)}", hint=self.hint) from error
        except OSError as error:
            raise LedgerError(f"{self.name} cannot be used: {error.strerror}") from error
        except UnicodeDecodeError as error:  # of SQLite's own words about a file that is broken
            raise LedgerError(f"{self.name} cannot be used: it is broken: {error}", hint=self.hint) from error

    def _words(self, error: SQLAlchemyError) -> str:
        orig = error.orig if isinstance(error, DBAPIError) else error
        return " ".join(str(orig).split())[:500]


def create_tables(connection: sa.Connection, ledger_id: str) -> None:
    """Make a ledger where there is none."""
    tables.metadata.create_all(connection)
    connection.execute(tables.meta.insert().values(schema_version=tables.FORMAT, ledger_id=ledger_id))
    connection.execute(tables.version.insert().values(version_num=str(tables.FORMAT)))


def format_of(connection: sa.Connection, schema: str | None = None) -> int | None:
    """The format of the ledger in a database; None where there is none."""
    if not sa.inspect(connection).has_table("meta", schema=schema):
        return None
    return connection.execute(sa.select(tables.meta.c.schema_version)).scalar()


def see_the_format(found: int, name: str) -> None:
    """Raises LedgerError for a ledger of a newer gate."""
    if found > tables.FORMAT:
        raise LedgerError(
            f"{name} has schema {found}; this version reads schema {tables.FORMAT}",
            hint="Nothing was done. Run the version of launchplane-gate that wrote it, or a newer one.",
        )


def _forgets(database: Database) -> Any:
    """What a child process does right after a fork: connections are its parent's."""
    known = weakref.ref(database)

    def forget() -> None:
        if here := known():
            here.engine.dispose(close=False)
            here._here = threading.local()

    return forget
