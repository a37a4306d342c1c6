"""The chain of a lane's entries: how one is put behind the other, and found again where an answer was lost.

An entry is hashed with the hash of the one before it. The policy input of a decision is hashed apart and stored apart.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, get_args

import sqlalchemy as sa
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from launchplane_gate import strictjson
from launchplane_gate.errors import LedgerError
from launchplane_gate.ledger import spending, tables
from launchplane_gate.ledger.clock import Clock
from launchplane_gate.ledger.database import AnswerLost, Database
from launchplane_gate.ledger.lease import Lease
from launchplane_gate.ledger.locked import LaneRow
from launchplane_gate.ledger.mark import Mark
from launchplane_gate.model import Lane, RunStatus, stamp

CLOSING = frozenset(get_args(RunStatus)) - {"open"}
PUBLISHING = frozenset({"publishing", "published", "unpublished"})  # what follows the recording of a run
ATTESTING = frozenset({"attested", "unattested"})
ADDED = PUBLISHING | ATTESTING | {"found"}  # what may follow the end of a run
LOOK_AGAIN_S = 30.0  # where an answer was lost, while the database comes back; longer than it keeps what halted

T = TypeVar("T")

_BY_ID = sa.select(tables.entries.c.position, tables.entries.c.hash).where(
    tables.entries.c.entry_id == sa.bindparam("of_entry")
)
_INSERT_ENTRY = tables.entries.insert()
_INSERT_INPUT = tables.inputs.insert()
_MOVE_HEAD = tables.UPDATE_LANE.values(
    length=sa.bindparam("to_length"), head=sa.bindparam("to_head"), lease_until=sa.bindparam("to_lease")
)


@dataclass(frozen=True)
class Head:
    """The last entry of a lane's chain, at some moment."""

    lane: Lane
    position: int
    hash: str

    def __str__(self) -> str:
        return f"{self.position}:{self.hash}"


@dataclass(frozen=True)
class Entering:
    """A transaction in which a lane is locked, for an entry of this id; ``lease``: the one that it is under."""

    connection: sa.Connection
    row: LaneRow
    entry_id: str = ""
    lease: Lease | None = None


class Chain:
    """What every room of the ledger stands on: the database, its clock, and the appending of entries."""

    def __init__(self, database: Database, mark: Mark | None = None) -> None:
        self.database = database
        self.clock = Clock(database)
        self._mark = mark
        self._write, self._read = database.write, database.read

    def now(self) -> datetime:
        """The ledger's clock."""
        return self.clock.now()

    def snapshot(self) -> AbstractContextManager[None]:
        """Whatever this thread reads inside is of one moment, and from one connection."""
        return self.database.snapshot()

    def _locked(self, connection: sa.Connection, *lanes: Lane) -> dict[Lane, LaneRow]:
        """The rows of some lanes, which nobody else writes to until the transaction ends."""
        return self.database.lock(connection, lanes)

    def _enter(
        self, lane: Lane, work: Callable[[Entering], Head], *, lease: Lease | None = None, durable: bool = True
    ) -> Head:
        """Let ``work`` append one entry and whatever goes with it.

        Where the answer to the commit is lost, the entry is looked for under the lane's lock: nothing is taken for done
        that is not there, and nothing that is there is done twice. Raises LedgerError.
        """
        entry_id = secrets.token_hex(16)
        try:
            with self._write(durable=durable) as connection:
                row = self._locked(connection, lane)[lane]
                head = work(Entering(connection, row, entry_id, lease))
        except AnswerLost as lost:
            head = self._found_again(lane, entry_id, lost)
        if joined := self.database.joined:
            joined.entry = (lane, entry_id)
        self.database.when_kept(row.is_kept)
        if durable and (mark := self._mark):
            self.database.when_kept(lambda: mark.rise(head))
        return head

    @contextmanager
    def together(self, *lanes: Lane) -> Iterator[None]:
        """Whatever this thread writes inside, records in the same database too, is kept whole or not at all.

        Nobody else writes anything of the lanes meanwhile; at least one entry is appended to one. Raises LedgerError
        where nothing was kept.
        """
        joined = None
        try:
            with self.database.together() as joined:
                self._locked(joined.connection, *lanes)
                yield
        except AnswerLost as lost:
            if joined is None or joined.entry is None:
                raise
            self._found_again(*joined.entry, lost)
            joined.is_kept()

    def _found_again(self, lane: Lane, entry_id: str, lost: AnswerLost) -> Head:
        """Raises ``lost`` where the entry is not there, or nobody can be asked about it."""

        def look() -> Head | None:
            with self._write(durable=True) as connection:
                self._locked(connection, lane)  # waits for the transaction whose answer was lost, if it goes on
                row = connection.execute(_BY_ID, {"of_entry": entry_id}).first()
            return Head(lane, row.position, row.hash) if row else None

        try:
            head = again(look)
        except LedgerError:
            raise lost from None
        if head is None:
            raise LedgerError(f"{self.database.name} has not kept it: {lost}", hint=self.database.hint) from lost
        return head

    def _append(self, at: Entering, kind: str, subject: str, body: Mapping[str, Any]) -> Head:
        """Add an entry to a locked lane's chain. Raises ActorUnproven for a token that it would spend, and may not."""
        row, now, input_digest = at.row, self.now(), None
        moment = stamp(now)
        if spent := body.get("spent"):
            spending.spend(at.connection, spent, subject, now.timestamp())
        if policy_input := body.get("input"):
            input_digest = _put_apart(at.connection, policy_input, moment)
        entry = {
            "context": row.lane.context,
            "instance": row.lane.instance,
            "position": row.length + 1,
            "kind": kind,
            "subject": subject,
            "decision_id": (body.get("decision") or {}).get("decision_id"),
            "at": moment,
            "body": strictjson.dumps({key: value for key, value in body.items() if key != "input"}),
            "previous": row.head,
            "format": tables.ENTRY_FORMAT,
            "entry_id": at.entry_id or secrets.token_hex(16),
            "input_digest": input_digest,
        }
        entry["hash"] = hash_of(entry)
        at.connection.execute(_INSERT_ENTRY, entry)
        row.length, row.head = row.length + 1, str(entry["hash"])
        moved = {"to_length": row.length, "to_head": row.head, "to_lease": row.lease_until}
        at.connection.execute(_MOVE_HEAD, tables.of_lane(row.lane, **moved))
        return Head(row.lane, row.length, row.head)

    def _append_under(self, at: Entering, kind: str, subject: str, body: Mapping[str, Any]) -> Head | None:
        """The same while the lease is in force, which is renewed by it; None where it is over, or another's."""
        assert at.lease
        if not at.row.is_under(at.lease):
            return None
        at.row.renew(at.lease)
        return self._append(at, kind, subject, body)


def again(work: Callable[[], T]) -> T:
    """Do it once more, and until it succeeds, while the database comes back. Raises the last LedgerError."""
    patiently = Retrying(
        retry=retry_if_exception_type(LedgerError),
        stop=stop_after_delay(LOOK_AGAIN_S),
        wait=wait_random_exponential(0.1, max=2),
        reraise=True,
    )
    return patiently(work)


def surely(work: Callable[[], T]) -> T:
    """Do what may be done twice; once more where its answer was lost."""
    try:
        return work()
    except AnswerLost:
        return again(work)


def _put_apart(connection: sa.Connection, policy_input: Mapping[str, Any], at: str) -> str:
    text = strictjson.dumps(policy_input).encode("utf-8", "surrogatepass")
    digest = strictjson.sha256(text)
    connection.execute(_INSERT_INPUT, {"digest": digest, "at": at, "packed": zlib.compress(text, 1)})
    return digest


def hash_of(entry: Mapping[str, Any]) -> str:
    """The hash of an entry, by the format in which it was written."""
    if entry["format"] is None:
        chained = ["context", "instance", "position", "kind", "subject", "decision_id", "at", "body", "input"]
    else:
        chained = ["format", "entry_id", "context", "instance", "position", "kind", "subject", "decision_id", "at"]
        chained += ["body", "input_digest"]
    return strictjson.digest([entry[name] for name in [*chained, "previous"]])
