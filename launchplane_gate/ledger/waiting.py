"""Waiting for lanes that somebody else holds: one request an actor and lane, so that nobody queues for all others.

Or as many as come, each in its turn: their tokens are their turns, and begin with the moment at which they came.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from launchplane_gate.errors import LaneBusy
from launchplane_gate.holders import is_gone, this_process
from launchplane_gate.ledger import tables
from launchplane_gate.model import Lane

_OF_SUBJECT = (*tables.is_lane(tables.waiters), tables.waiters.c.subject == sa.bindparam("of_subject"))
_SELECT = sa.select(tables.waiters).where(*_OF_SUBJECT)
_FORGET = tables.waiters.delete().where(*_OF_SUBJECT)


STAY_S = 10.0  # for which a turn is kept for who does not ask again
_TURNS = (
    sa.select(tables.waiters)
    .where(*tables.is_lane(tables.waiters), tables.waiters.c.token < sa.bindparam("of_turn"))
    .order_by(tables.waiters.c.token)
)
_STAY = (
    tables.waiters.update()
    .where(tables.waiters.c.token == sa.bindparam("of_turn"))
    .values(until=sa.bindparam("to_until"))
)


def begin(
    connection: sa.Connection, subject: str, token: str, lanes: Sequence[Lane], *, now: float, wait_s: float
) -> None:
    """Take the one place of an actor at each lane, which is locked, for some seconds at most. ``now``: the database's.

    Raises LaneBusy where another request of the same actor waits there.
    """
    until = now + wait_s
    for lane in lanes:
        of_subject = tables.of_lane(lane, of_subject=subject)
        other = connection.execute(_SELECT, of_subject).first()
        if other and other.until > now and not is_gone(other.process):
            raise LaneBusy(f"{lane} is held, and another request of {subject} waits for it already")
        connection.execute(_FORGET, of_subject)
        place = {"context": lane.context, "instance": lane.instance, "subject": subject, "token": token}
        connection.execute(tables.waiters.insert(), place | {"process": this_process(), "until": until})


def end(connection: sa.Connection, token: str) -> None:
    connection.execute(tables.waiters.delete().where(tables.waiters.c.token == token))


def stay(connection: sa.Connection, turn: str, lanes: Sequence[Lane], *, now: float) -> str:
    """Keep a turn, and say who of those that came before still waits at one of the lanes, which are locked."""
    connection.execute(_STAY, {"of_turn": turn, "to_until": now + STAY_S})
    for lane in lanes:
        for other in connection.execute(_TURNS, tables.of_lane(lane, of_turn=turn)):
            if other.until > now and not is_gone(other.process):
                return f"{lane} is waited for by {other.subject}, which came before"
    return ""
