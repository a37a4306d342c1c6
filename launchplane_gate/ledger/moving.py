"""Moving a ledger in a file, and its records, into an empty database of Postgres: all of it, or nothing.

Nobody writes to the file meanwhile, and it stays in force until what was copied is committed; then it is put aside,
so that nobody goes on with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from launchplane_gate import private
from launchplane_gate.errors import LaneBusy, LedgerError
from launchplane_gate.holders import is_gone
from launchplane_gate.ledger import tables
from launchplane_gate.ledger.chain import again
from launchplane_gate.ledger.database import AnswerLost
from launchplane_gate.ledger.ledger import MOVED, Ledger
from launchplane_gate.ledger.postgres import SCHEMA, Postgres
from launchplane_gate.ledger.records import SqlStore, row_of
from launchplane_gate.ledger.sqlite import Sqlite
from launchplane_gate.records import Record
from launchplane_gate.store import RecordStore, version

BATCH = 500  # rows
UNBOUNDED = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"

_RECORDS = (tables.inventories, tables.deployments, tables.promotions, tables.backup_gates)
_APART = (tables.meta, tables.version, tables.waiters, *_RECORDS)
_COPIED = [table for table in tables.metadata.sorted_tables if table not in _APART]
_NOBODYS = {"holder": None, "holder_process": None, "holder_run": None, "lease_until": None, "held_until": None}
_HEADS = sa.select(tables.lanes.c.context, tables.lanes.c.instance, tables.lanes.c.length, tables.lanes.c.head)
_LEDGER_ID = sa.select(tables.meta.c.ledger_id)
_OPEN = sa.select(tables.runs.c.run_id).where(tables.IS_OPEN).limit(1)

Progress = Callable[[str], None]
Heads = set[tuple[str, str, int, str]]


@dataclass(frozen=True)
class Moved:
    """``aside``: where the file is now."""

    ledger_id: str
    entries: int
    runs: int
    records: int
    aside: Path


def move(source: Sqlite, target: Postgres, store: RecordStore, progress: Progress) -> Moved:
    """Raises LedgerError or LaneBusy with nothing changed, and RecordUnreadable for a record that is torn."""
    aside = source.path.with_name(MOVED)
    if aside.exists():
        hint = "Nothing was done. See which of the two is the right one, and put the other elsewhere."
        raise LedgerError(f"{aside} is there already, from an earlier move", hint=hint)
    with source.write() as whole:
        _see_that_nothing_runs(whole, source.time(whole))
        heads, ledger_id = _heads(whole), whole.execute(_LEDGER_ID).scalar_one()
        if not _has(target, ledger_id, heads):
            try:
                with target.together() as joined:
                    _copy_all(whole, joined.connection, target, store, progress)
            except AnswerLost:
                if not again(lambda: _has(target, ledger_id, heads)):
                    raise
        entries, runs = _count(whole, tables.entries), _count(whole, tables.runs)
        with target.read() as connection:
            records = sum(_count(connection, table) for table in _RECORDS)
        _put_aside(source.path, aside)
    return Moved(ledger_id, entries, runs, records, aside)


def _see_that_nothing_runs(whole: sa.Connection, now: float) -> None:
    """Raises LaneBusy."""
    for row in whole.execute(sa.select(tables.lanes).where(tables.lanes.c.holder.is_not(None))):
        if row.lease_until > now and not is_gone(row.holder_process):
            raise LaneBusy(f"{row.context}/{row.instance} is held by a run")
    if run_id := whole.execute(_OPEN).scalar():
        hint = f"Nothing was done. `launchplane-gate runs show {run_id}`; the next request to its lane closes it."
        raise LaneBusy(f"the run {run_id} is open, and nobody holds its lane", hint=hint)


def _copy_all(
    whole: sa.Connection, to: sa.Connection, target: Postgres, store: RecordStore, progress: Progress
) -> None:
    """Raises LedgerError where what was copied does not verify."""
    to.exec_driver_sql(UNBOUNDED)
    ledger_id = whole.execute(_LEDGER_ID).scalar_one()
    target.make_tables(to, ledger_id)
    for table in (*_COPIED, *_RECORDS):
        if _count(to, table):
            hint = "Nothing was done. Name a database in which nothing was recorded yet."
            raise LedgerError(f"{target.name} is not empty: there is something in {table.name}", hint=hint)
    to.execute(tables.meta.update().values(ledger_id=ledger_id))
    for table in _COPIED:
        progress(f"copying {table.name}")
        _copy(whole, to, table)
    progress("copying records")
    versions = _copy_records(to, store)
    progress("verifying what was copied")
    _verify(whole, to, target, versions)


def _copy(whole: sa.Connection, to: sa.Connection, table: sa.Table) -> None:
    numbered = "number" in table.c
    query = sa.select(table).order_by(table.c.number) if numbered else sa.select(table)
    changed = _NOBODYS if table is tables.lanes else {}
    rows = ({**row._mapping, **changed} for row in whole.execute(query))
    for batch in _batches(rows):
        to.execute(table.insert(), batch)
    if numbered:  # what comes next has the number after the last
        sequence = sa.func.pg_get_serial_sequence(f"{SCHEMA}.{table.name}", "number")
        to.execute(sa.select(sa.func.setval(sequence, sa.func.max(table.c.number))))


def _copy_records(to: sa.Connection, store: RecordStore) -> dict[tuple[str, str], str]:
    """Gives the version of each, by its table and its name there."""
    versions: dict[tuple[str, str], str] = {}
    for table, records in _of_store(store):
        for batch in _batches(records):
            to.execute(
                table.insert(), [{**row_of(one), "record": one.model_dump_json(exclude_none=True)} for one in batch]
            )
            versions |= {_name(table, one): version(one) for one in batch}
    return versions


def _of_store(store: RecordStore) -> Iterator[tuple[sa.Table, Iterable[Record]]]:
    yield tables.inventories, store.list_environment_inventory()
    yield tables.deployments, store.list_deployment_records()
    yield tables.promotions, store.list_promotion_records()
    yield tables.backup_gates, store.list_backup_gate_records()


def _name(table: sa.Table, record: Record) -> tuple[str, str]:
    row = row_of(record)
    return table.name, row.get("record_id") or f"{row['context']}/{row['instance']}"


def _verify(whole: sa.Connection, to: sa.Connection, target: Postgres, versions: dict[tuple[str, str], str]) -> None:
    ledger = Ledger(target)
    wrong = list(ledger.verify().wrong)
    if _heads(to) != _heads(whole):
        wrong.append("the chains do not end as they do in the file")
    wrong += [
        f"there are not as many {table.name} as in the file"
        for table in _COPIED
        if _count(to, table) != _count(whole, table)
    ]
    read_back = {_name(table, one): version(one) for table, all_ in _of_store(SqlStore(target, {})) for one in all_}
    if read_back != versions:
        wrong.append("the records do not read back as they are in the files")
    if wrong:
        hint = "Nothing was done. `launchplane-gate decisions verify` tells what is wrong with the ledger in the file."
        raise LedgerError(f"what was copied does not verify: {'; '.join(wrong[:3])}", hint=hint)


def _has(target: Postgres, ledger_id: str, heads: Heads) -> bool:
    """Whether all of it is there already, from a move that was interrupted when it was committed.

    Raises LedgerError where the file has gone on since.
    """
    with target.read(several=True) as connection:
        if not target.has_tables(connection) or connection.execute(_LEDGER_ID).scalar() != ledger_id:
            return False
        if not (there := _heads(connection)):
            return False
        if there == heads:
            return True
    hint = "Nothing was done. Where that database was never in force, empty it: DROP SCHEMA launchplane_gate CASCADE"
    raise LedgerError(f"{target.name} has another state of this very ledger", hint=hint)


def _put_aside(path: Path, aside: Path) -> None:
    """With the log that is not merged into it; who has it open is refused from here on."""
    try:
        path.rename(aside)
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}-wal").rename(aside.with_name(f"{aside.name}-wal"))
        private.sync(aside)
    except OSError as error:
        hint = "It was moved, and both are whole: put the file aside by hand before anybody goes on with it."
        raise LedgerError(f"the ledger {path} cannot be renamed: {error.strerror}", hint=hint) from error


def _heads(connection: sa.Connection) -> Heads:
    return {(row.context, row.instance, row.length, row.head) for row in connection.execute(_HEADS) if row.length}


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
