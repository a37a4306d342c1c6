"""Verifying: whether every chain is whole, and whether what the tables say is what the entries add up to."""

from __future__ import annotations

import sqlalchemy as sa

from launchplane_gate.ledger import tables
from launchplane_gate.ledger.chain import ADDED, CLOSING, Chain, hash_of
from launchplane_gate.ledger.database import GENESIS


class Verifying(Chain):
    """The room of the ledger in which it is held to its own entries."""

    def verify(self) -> tuple[int, list[str]]:
        """Read every chain from its first row: how many entries stand, and what is wrong with them."""
        with self._read() as connection:
            return _verify(connection)


def _verify(connection: sa.Connection) -> tuple[int, list[str]]:
    heads: dict[tuple[str, str], tuple[int, str]] = {}
    steps: dict[str, str] = {}
    wrong: list[str] = []
    count = 0
    for row in connection.execute(sa.select(tables.entries).order_by(tables.entries.c.number)):
        count += 1
        lane = (row.context, row.instance)
        position, previous = heads.get(lane, (0, GENESIS))
        if (row.position, row.previous) != (position + 1, previous):
            wrong.append(f"{row.context}/{row.instance}: entry {row.position} does not follow entry {position}")
        if row.hash != hash_of({**row._mapping}):
            wrong.append(f"{row.context}/{row.instance}: entry {row.position} ({row.kind}) was altered")
        heads[lane] = (row.position, row.hash)
        if row.kind not in ADDED | {"key_freed"}:
            steps[row.subject] = row.kind
    for row in connection.execute(sa.select(tables.lanes)):
        if heads.get((row.context, row.instance), (0, GENESIS)) != (row.length, row.head):
            wrong.append(f"{row.context}/{row.instance}: the chain does not end where the lane says")
    for row in connection.execute(sa.select(tables.runs)):
        expected = steps.get(row.run_id, "")
        if (row.step, row.status) != (expected, expected if expected in CLOSING else "open"):
            wrong.append(f"run {row.run_id} says {row.status}, its entries end with {expected or 'nothing'}")
    return count, wrong
