"""Verifying: whether every chain is whole, and whether what the tables say is what the entries add up to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import sqlalchemy as sa

from launchplane_gate.errors import LedgerError
from launchplane_gate.ledger import tables
from launchplane_gate.ledger.adding_up import AddedUp
from launchplane_gate.ledger.chain import Chain, Head
from launchplane_gate.ledger.chains import Chains
from launchplane_gate.ledger.comparing import as_stored, compare, compare_lane, streamed
from launchplane_gate.ledger.exporting import EVERY, Progress, first_line, line_of
from launchplane_gate.ledger.heads import KeptHead
from launchplane_gate.ledger.kept import body_in, inflated
from launchplane_gate.ledger.verified import Findings, Verified
from launchplane_gate.model import Lane

_ENTRIES = as_stored(tables.entries).order_by(tables.entries.c.number)
_PACKED = sa.type_coerce(tables.inputs.c.packed, sa.types.NullType()).label("packed")
_INPUT_AT = sa.type_coerce(tables.inputs.c.at, sa.types.NullType()).label("input_at")
_WITH_INPUTS = _ENTRIES.add_columns(_PACKED, _INPUT_AT).join_from(
    tables.entries, tables.inputs, tables.inputs.c.digest == tables.entries.c.input_digest, isouter=True
)
_LENGTH = sa.select(sa.func.coalesce(sa.func.sum(tables.lanes.c.length), 0))
_RECORDING = tables.entries.alias("recording")
_WITH_RECORDS = (
    sa.select(tables.runs, _RECORDING.c.body)
    .join_from(
        tables.runs,
        _RECORDING,
        sa.and_(_RECORDING.c.subject == tables.runs.c.run_id, _RECORDING.c.kind == "recording"),
        isouter=True,
    )
    .where(tables.runs.c.deployment_record_id.is_not(None))
    .order_by(tables.runs.c.number)
)
_OF_LANE = tables.is_lane(tables.runs)
_LAST_NAMING = (
    sa.select(tables.runs).where(*_OF_LANE, tables.NAMES_INVENTORY).order_by(tables.runs.c.number.desc()).limit(1)
)
_WRITTEN_SINCE = (
    sa.select(_RECORDING.c.body)
    .join_from(tables.runs, _RECORDING, _RECORDING.c.subject == tables.runs.c.run_id)
    .where(*_OF_LANE, _RECORDING.c.kind == "recording", tables.runs.c.number > sa.bindparam("of_number"))
)


def _quiet(_: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class RunsRecords:
    """What a run said that it wrote: of which records which digest; ``version`` of its deployment, as a whole."""

    run_id: str
    status: str
    deployment_record_id: str
    version: str | None
    digests: Mapping[str, Any]
    promotion_record_id: str | None


@dataclass(frozen=True)
class _Reader:
    """Takes every entry, and the input of each where the query has them."""

    findings: Findings
    chains: Chains
    added: AddedUp = field(default_factory=AddedUp)

    def take_all(self, connection: sa.Connection, query: sa.Select[Any], progress: Progress) -> None:
        for row in streamed(connection, query):
            self._take(cast("Mapping[str, Any]", row._mapping))
            if self.chains.count % EVERY == 0:
                progress(f"{self.chains.count:,} entries verified")
        self.chains.end()

    def _take(self, entry: Mapping[str, Any]) -> None:
        body = self.chains.take(entry)
        name = f"{entry['context']}/{entry['instance']}: entry {entry['position']}"
        try:
            if body is not None:
                self.added.take(entry, body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self.findings.add(f"{name} ({entry['kind']}) is none of ours: {type(error).__name__}: {error}")
        if "packed" not in entry:
            return
        self.chains.take_input(entry, None if entry["packed"] is None else inflated(entry["packed"]) or b"")
        if entry["input_at"] not in (None, entry["at"]):
            self.findings.add(f"{name}: its input is of another time")


class Verifying(Chain):
    """The room of the ledger in which it is held to its own entries."""

    def verify(self, kept: Iterable[KeptHead] | None = None, *, progress: Progress = _quiet) -> Verified:
        """Read every chain from its first entry, and hold every table to them; ``kept``: heads from elsewhere.

        What means nothing is left out: leases, who waits, and refusals that are not summed up yet.
        """
        findings = Findings()
        kept = None if kept is None else list(kept)
        with self._read(several=True) as connection, self.database.as_it_stands(connection):
            integrity = self.database.integrity(connection)
            for what in integrity or ():
                findings.add(f"the database file is broken: {what}")
            ledger_id = connection.execute(sa.select(tables.meta.c.ledger_id)).scalar() or ""
            chains = Chains(findings, kept or (), ledger_id=ledger_id)
            reader, runs, old = _Reader(findings, chains), None, 0
            try:
                reader.take_all(connection, _WITH_INPUTS, progress)
                now_s = self.database.time(connection)
                runs, old = compare(connection, chains, reader.added, findings, now_s=now_s)
            except sa.exc.SQLAlchemyError as error:
                if not integrity:
                    raise
                findings.add(f"nothing more of it can be read: {error.__cause__ or error}")
        return Verified(
            of="ledger",
            ledger_id=ledger_id,
            entries=chains.count,
            heads=None if kept is None else len(kept),
            runs=runs,
            runs_of_format_1=old,
            inputs=chains.inputs,
            archived=chains.archived,
            integrity="unasked" if integrity is None else "broken" if integrity else "whole",
            wrong=tuple(findings.told),
            wrong_beyond=findings.beyond,
        )

    def verify_lane(self, lane: Lane) -> Verified:
        """The same of one lane: its chain, its runs and its waivers; not its inputs, and nothing that others share."""
        findings = Findings()
        chains = Chains(findings)
        reader = _Reader(findings, chains)
        here = _ENTRIES.where(tables.entries.c.context == lane.context, tables.entries.c.instance == lane.instance)
        with self._read(several=True) as connection, self.database.as_it_stands(connection):
            reader.take_all(connection, here, _quiet)
            compare_lane(connection, lane, chains, reader.added, findings)
            ledger_id = connection.execute(sa.select(tables.meta.c.ledger_id)).scalar() or ""
        told, beyond = tuple(findings.told), findings.beyond
        return Verified(
            of="lane", ledger_id=ledger_id, entries=chains.count, heads=None, wrong=told, wrong_beyond=beyond
        )

    def exported(self, progress: Progress = _quiet) -> Iterator[str]:
        """The whole ledger as lines of JSON, as it stands at one moment."""
        with self._read(several=True) as connection:
            ledger_id = connection.execute(sa.select(tables.meta.c.ledger_id)).scalar() or ""
            total = connection.execute(_LENGTH).scalar_one()
            rows = connection.execute(sa.select(tables.lanes).where(tables.lanes.c.length > 0)).all()
            lanes = [(Lane.model_construct(context=row.context, instance=row.instance), row) for row in rows]
            yield first_line(ledger_id, [Head(lane, row.length, row.head) for lane, row in lanes])
            for number, row in enumerate(streamed(connection, _WITH_INPUTS), 1):
                if row.packed is None:
                    text = None
                elif (text := inflated(row.packed)) is None:
                    raise LedgerError(f"{row.context}/{row.instance}: the input of entry {row.position} cannot be read")
                yield line_of(cast("Mapping[str, Any]", row._mapping), text)
                if number % EVERY == 0:
                    progress(f"{number:,} of {total:,} entries exported")

    # -- what it says of the records, which stand outside of it

    def records_of_runs(self, run_id: str = "") -> Iterator[RunsRecords]:
        """What each run that has a deployment record said that it wrote, the first run first; or one of them."""
        query = _WITH_RECORDS.where(tables.runs.c.run_id == run_id) if run_id else _WITH_RECORDS
        with self._read(several=True) as connection:
            for row in streamed(connection, query):
                body = body_in(row.body) if row.body else {}
                yield RunsRecords(
                    row.run_id,
                    row.status,
                    row.deployment_record_id,
                    row.deployment_version,
                    body.get("records") or {},
                    body.get("promotion_record_id"),
                )

    def inventories_of(self, lane: Lane) -> list[str] | None:
        """The versions that a lane's inventory may have: what its last recorded run wrote, and what others began to.

        None where nobody knows: nothing was recorded there, or it was taken over from elsewhere.
        """
        with self._read(several=True) as connection:
            last = connection.execute(_LAST_NAMING, tables.of_lane(lane)).first()
            if last is None or last.inventory_version is None:
                return None
            since = connection.execute(_WRITTEN_SINCE, tables.of_lane(lane, of_number=last.number)).scalars().all()
        return [last.inventory_version, *(body_in(text)["version_after"] for text in since)]
