"""One entry of a lane's chain, as it is read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from launchplane_gate import strictjson
from launchplane_gate.model import Lane

LARGEST = 2**26  # bytes of what we wrote ourselves


@dataclass(frozen=True)
class Entry:
    """One row of a lane's chain."""

    number: int
    lane: Lane
    kind: str
    subject: str
    at: str
    body: dict[str, Any]
    input_text: str | None

    @property
    def input(self) -> dict[str, Any] | None:
        """What its decision was made on; None where it holds none."""
        if self.input_text is None:
            return None
        return body_in(self.input_text)


def entry_of(row: sa.Row[Any]) -> Entry:
    lane = Lane.model_construct(context=row.context, instance=row.instance)
    return Entry(row.number, lane, row.kind, row.subject, row.at, body_in(row.body), row.input)


def body_in(text: str) -> dict[str, Any]:
    body: dict[str, Any] = strictjson.loads(text, max_bytes=LARGEST)
    return body
