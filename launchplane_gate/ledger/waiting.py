"""Waiting for lanes that somebody else holds: one request an actor and lane, so that nobody queues for all others."""

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
