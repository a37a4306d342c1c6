"""Every decision that is on record, one after the other, held to the chains as it is read.

A ledger is read a page at a time, each in a transaction of its own: however long whoever reads takes with one decision,
no lock and no moment of the database is kept for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, NamedTuple, cast

import sqlalchemy as sa

from launchplane_gate.errors import GateError, LedgerError, UsageError
from launchplane_gate.ledger import tables
from launchplane_gate.ledger.chain import Chain, Head
from launchplane_gate.ledger.chains import Chains
from launchplane_gate.ledger.exporting import entries_in, first_in
from launchplane_gate.ledger.heads import KeptHead, kept_from
from launchplane_gate.ledger.kept import inflated
from launchplane_gate.ledger.verified import Findings

PAGE = 200  # entries, each with an input of some ten thousand bytes
BROKEN = "`launchplane-gate decisions verify` tells what else is wrong. Nothing was asked."

_ENTRIES, _INPUTS = tables.entries, tables.inputs
_PAGE = (
    sa.select(_ENTRIES, _INPUTS.c.packed)
    .join_from(_ENTRIES, _INPUTS, _INPUTS.c.digest == _ENTRIES.c.input_digest, isouter=True)
    .where(_ENTRIES.c.number > sa.bindparam("of_number"), _ENTRIES.c.number <= sa.bindparam("of_last"))
    .order_by(_ENTRIES.c.number)
    .limit(PAGE)
)
_LAST = sa.select(sa.func.max(_ENTRIES.c.number))


@dataclass(frozen=True)
class Decided:
    """A decision as it was kept; ``name`` is where it stands, ``body`` has it with what it was offered.

    ``input_text`` is None where it was decided on nothing that is kept here: ``archived`` where that stands elsewhere.
    """

    name: str
    body: Mapping[str, Any]
    input_text: str | None
    archived: bool = False


class Row(NamedTuple):
    """An entry, the text of its input, and the line that it stands on in a file."""

    entry: Mapping[str, Any]
    input_text: bytes | None
    line: int = 0


class Deciding(Chain):
    """The room of the ledger from which decisions are asked again."""

    def decided(self, heads: Sequence[Head]) -> Iterator[Decided]:
        """Every decision up to these heads, the first one first. Raises LedgerError at what is not whole."""
        with self._read() as connection:
            ledger_id = str(connection.execute(sa.select(tables.meta.c.ledger_id)).scalar() or "")
        return held(self._rows(heads), kept_from(ledger_id, heads), LedgerError)

    def _rows(self, heads: Iterable[Head]) -> Iterator[Row]:
        ends = {(head.lane.context, head.lane.instance): head.position for head in heads}
        with self._read() as connection:
            last = connection.execute(_LAST).scalar() or 0
        number = 0
        while True:
            with self._read() as connection:
                rows = connection.execute(_PAGE, {"of_number": number, "of_last": last}).all()
            for row in rows:
                if row.position <= ends.get((row.context, row.instance), 0):  # others were entered meanwhile
                    text = None if row.packed is None else inflated(row.packed) or b""
                    yield Row(cast("Mapping[str, Any]", row._mapping), text)
            if not rows:
                return
            number = rows[-1].number


def decided_in(file: IO[bytes]) -> tuple[list[KeptHead], Iterator[Decided]]:
    """The heads of a file that was exported, and its decisions. Raises UsageError for a line that is not as it was."""
    _, heads = first_in(file)
    return heads, held(_lines(file), heads, UsageError)


def _lines(file: IO[bytes]) -> Iterator[Row]:
    """Raises UsageError."""
    findings = Findings()
    for line, entry in entries_in(file, findings):
        _see(findings, UsageError)
        text = entry["input_text"]
        if text is not None and not isinstance(text, str):
            raise UsageError(f"line {line} has not the form of an entry", hint=BROKEN)
        yield Row(entry, None if text is None else text.encode("utf-8", "surrogatepass"), line)
    _see(findings, UsageError)


def held(rows: Iterable[Row], heads: Iterable[KeptHead], error: type[GateError]) -> Iterator[Decided]:
    """The decisions among entries, which are held to their chains; those end with these heads. Raises ``error``."""
    findings = Findings()
    chains = Chains(findings)
    for row in rows:
        entry, place = row.entry, f"line {row.line}: " if row.line else ""
        try:
            body = chains.take(entry)
            chains.take_input(entry, row.input_text)
        except (TypeError, ValueError, AttributeError) as odd:
            raise error(f"{place}it is no entry: {odd}", hint=BROKEN) from None
        _see(findings, error, place)
        if entry["decision_id"] is not None and body is not None:
            yield _decided(entry, body, row.input_text, place)
    chains.end()
    for head in heads:
        if chains.heads.get(head.lane, (0, "")) != (head.position, head.hash):
            findings.add(f"{head.lane}: the chain does not end with entry {head.position}, as it should")
    _see(findings, error)


def _decided(entry: Mapping[str, Any], body: Mapping[str, Any], text: bytes | None, place: str) -> Decided:
    name = f"{place}{entry['context']}/{entry['instance']}: entry {entry['position']}"
    kept: str | None = entry["input"] if text is None else text.decode("utf-8", "surrogatepass")
    return Decided(name, body, kept, archived=kept is None and entry["input_digest"] is not None)


def _see(findings: Findings, error: type[GateError], place: str = "") -> None:
    if findings.told:
        raise error(f"{place}{findings.told[0]}", hint=BROKEN)
