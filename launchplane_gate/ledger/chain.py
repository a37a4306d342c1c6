"""The chain of entries: how one follows another, and whether all of them still do."""

from __future__ import annotations

from typing import Any, get_args

import sqlalchemy as sa

from launchplane_gate import strictjson
from launchplane_gate.ledger import tables
from launchplane_gate.model import RunStatus

GENESIS = "0" * 64
CLOSING = frozenset(get_args(RunStatus)) - {"open"}
PUBLISHING = frozenset({"publishing", "published", "unpublished"})  # what follows the recording of a run
ADDED = PUBLISHING | {"found"}  # what may follow the end of a run


def verify(connection: sa.Connection) -> tuple[int, list[str]]:
    """Read every chain from its first row: how many entries stand, and what is wrong with them."""
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
        if row.hash != hash_of(row):
            wrong.append(f"{row.context}/{row.instance}: entry {row.position} ({row.kind}) was altered")
        heads[lane] = (row.position, row.hash)
        if row.kind not in ADDED:
            steps[row.subject] = row.kind
    for row in connection.execute(sa.select(tables.lanes)):
        if heads.get((row.context, row.instance), (0, GENESIS)) != (row.length, row.head):
            wrong.append(f"{row.context}/{row.instance}: the chain does not end where the lane says")
    for row in connection.execute(sa.select(tables.runs)):
        expected = steps.get(row.run_id, "")
        if (row.step, row.status) != (expected, expected if expected in CLOSING else "open"):
            wrong.append(f"run {row.run_id} says {row.status}, its entries end with {expected or 'nothing'}")
    return count, wrong


def hash_of(row: Any) -> str:
    get = row.get if isinstance(row, dict) else row._mapping.get
    chained = ("context", "instance", "position", "kind", "subject", "decision_id", "at", "body", "input", "previous")
    return strictjson.digest([get(name) for name in chained])
