"""Where each record of a lane has its place in the lane's chain: order comes from here, and never from a clock.

A record of a run of the gate stands where that run redeemed, or was decided on. Any other is entered once, as it is,
when it is first seen, readable or not; where somebody who may has put it aside, it stands before everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from launchplane_gate.ledger import tables
from launchplane_gate.ledger.chain import Chain, Entering, Head
from launchplane_gate.ledger.database import Database
from launchplane_gate.ledger.kept import body_in
from launchplane_gate.ledger.mark import Mark
from launchplane_gate.model import Lane

DEPLOYMENTS = "deployments/"  # what the names of records begin with, by their kind
BACKUPS = "backup_gates/"
SEEN = "seen"
QUARANTINED = "quarantined"
ASIDE = 0  # before the first entry

_RUNS, _ENTRIES = tables.runs, tables.entries
# By name, and the lane is looked at afterwards: asked for a lane too, SQLite goes through all of its past.
_OWN = (
    sa.select(
        _RUNS.c.context,
        _RUNS.c.instance,
        _RUNS.c.deployment_record_id,
        _RUNS.c.run_id,
        _RUNS.c.untouched,
        _ENTRIES.c.position,
    )
    .join(_ENTRIES, _ENTRIES.c.subject == _RUNS.c.run_id)
    .where(
        _RUNS.c.deployment_record_id.in_(sa.bindparam("of_records", expanding=True)),
        # Where it never redeemed, where it was let go; of a report that was not, where it was told.
        _ENTRIES.c.kind.in_(("decided", "overlooked", "redeemed", "denied", "undecided")),
    )
    .order_by(_ENTRIES.c.position)
)
_OTHERS = (
    sa.select(
        _ENTRIES.c.context,
        _ENTRIES.c.instance,
        _ENTRIES.c.subject,
        _ENTRIES.c.kind,
        _ENTRIES.c.position,
        _ENTRIES.c.at,
        _ENTRIES.c.body,
    )
    .where(
        _ENTRIES.c.subject.in_(sa.bindparam("of_records", expanding=True)),
        _ENTRIES.c.kind.in_((SEEN, QUARANTINED)),
    )
    .order_by(_ENTRIES.c.position)
)


@dataclass(frozen=True)
class Sighting:
    """A record as it stands in a store: ``name`` is its kind and its id, ``digest`` that of its bytes.

    ``detail`` says why it cannot be read, where it cannot.
    """

    name: str
    digest: str
    detail: str = ""


@dataclass(frozen=True)
class Place:
    """Where a record stands in its lane's chain. ``run_id``: the run of the gate that wrote it, empty for any other's.

    ``untouched``: that run is known to have changed nothing. ``seen_at``: when one of another's was first seen, as it
    is.
    """

    position: int
    run_id: str = ""
    untouched: bool = False
    seen_at: str = ""


class Seeing(Chain):
    """The room of the ledger for the records that others write."""

    def __init__(self, database: Database, mark: Mark | None = None) -> None:
        super().__init__(database, mark)
        self._redeemed: dict[tuple[Lane, str], int] = {}

    def redeemed_at(self, lane: Lane, record_id: str) -> int | None:
        """Where in a lane's chain the run redeemed that wrote a deployment; None for one of no run of the gate."""
        if not record_id:
            return None
        known = self._redeemed.get((lane, record_id))  # what is in a chain stays where it is
        if known is None:
            with self._read() as connection:
                known = _own(connection, lane, [record_id]).get(record_id, Place(0)).position or None
            if known is not None:
                self._redeemed[lane, record_id] = known
        return known

    def places(self, lane: Lane, records: Iterable[Sighting]) -> dict[str, Place]:
        """The place of each record of a lane that has one, by its name."""
        wanted = {record.name: record for record in records}
        if not wanted:
            return {}
        with self._read(several=True) as connection:
            return _places(connection, lane, wanted)

    def see(self, lane: Lane, records: Sequence[Sighting]) -> None:
        """Enter those that have no place yet. Raises LedgerError."""
        if not records:
            return

        def work(at: Entering) -> Head:
            known = _places(at.connection, lane, {record.name: record for record in records})  # as the lock has it
            head = Head(lane, at.row.length, at.row.head)
            for record in records:
                if record.name not in known:
                    body = {"digest": record.digest, "detail": record.detail}
                    head = self._append(at, SEEN, record.name, body)
                    at = replace(at, entry_id="")
            return head

        self._enter(lane, work)

    def quarantine(self, lane: Lane, record: Sighting, body: Mapping[str, Any]) -> None:
        """Put a record aside, as it is: the lane is settled whatever it says. ``body``: who let that be, and why."""
        self._enter(lane, lambda at: self._append(at, QUARANTINED, record.name, {**body, "digest": record.digest}))


def _own(connection: sa.Connection, lane: Lane, record_ids: Sequence[str]) -> dict[str, Place]:
    return {
        row.deployment_record_id: Place(row.position, row.run_id, bool(row.untouched))
        for row in connection.execute(_OWN, {"of_records": record_ids})
        if _is_of(row, lane)
    }


def _is_of(row: Any, lane: Lane) -> bool:
    return bool((row.context, row.instance) == (lane.context, lane.instance))


def _places(connection: sa.Connection, lane: Lane, wanted: Mapping[str, Sighting]) -> dict[str, Place]:
    ids = {name.rpartition("/")[2]: name for name in wanted if name.startswith(DEPLOYMENTS)}
    own = _own(connection, lane, list(ids)) if ids else {}
    places = {ids[record_id]: place for record_id, place in own.items()}
    others = [name for name in wanted if name not in places]
    if not others:
        return places
    for row in connection.execute(_OTHERS, {"of_records": others}):
        if not _is_of(row, lane) or body_in(row.body)["digest"] != wanted[row.subject].digest:
            continue
        if row.kind == QUARANTINED:
            places[row.subject] = Place(ASIDE, seen_at=row.at)
        else:
            places.setdefault(row.subject, Place(row.position, seen_at=row.at))
    return places
