"""One entry of a lane's chain, as it is read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from launchplane_gate.errors import LedgerError
from launchplane_gate.ledger.kept import body_in, unpacked
from launchplane_gate.model import Lane


@dataclass(frozen=True)
class Entry:
    """One row of a lane's chain. ``input``: what its decision was made on; None where it holds none, or where that
    was archived: ``input_digest`` names it then.
    """

    number: int
    lane: Lane
    position: int
    kind: str
    subject: str
    at: str
    body: dict[str, Any]
    input_digest: str | None
    input_text: str | None

    @property
    def input(self) -> dict[str, Any] | None:
        return None if self.input_text is None else body_in(self.input_text)


def entry_of(row: sa.Row[Any]) -> Entry:
    """Raises LedgerError where the body cannot be read, or the input is not what was decided on."""
    lane = Lane.model_construct(context=row.context, instance=row.instance)
    text = row.input if row.packed is None else unpacked(row.packed, row.input_digest)
    try:
        body = body_in(row.body)
    except (ValueError, TypeError) as error:
        hint = "`launchplane-gate decisions verify` tells what else was altered."
        raise LedgerError(f"entry {row.position} of {lane} cannot be read: its body {error}", hint=hint) from None
    return Entry(row.number, lane, row.position, row.kind, row.subject, row.at, body, row.input_digest, text)
