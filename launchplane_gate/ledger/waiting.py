"""Waiting for lanes that somebody else holds: one request an actor and lane, so that nobody queues for all others."""

from __future__ import annotations

import time
from collections.abc import Sequence

import sqlalchemy as sa

from launchplane_gate.errors import LaneBusy
from launchplane_gate.holders import is_gone, this_process
from launchplane_gate.ledger import tables
from launchplane_gate.model import Lane


def begin(connection: sa.Connection, subject: str, token: str, lanes: Sequence[Lane], *, wait_s: float) -> None:
    """Take the one place of an actor at each lane, for some seconds at most.

    Raises LaneBusy where another request of the same actor waits there.
    """
    until = time.time() + wait_s
    for lane in lanes:
        of_subject = tables.of_lane(lane, of_subject=subject)
        other = connection.execute(tables.SELECT_WAITER, of_subject).first()
        if other and other.until > time.time() and not is_gone(other.process):
            raise LaneBusy(f"{lane} is held, and another request of {subject} waits for it already")
        connection.execute(tables.FORGET_WAITER, of_subject)
        place = {"context": lane.context, "instance": lane.instance, "subject": subject, "token": token}
        connection.execute(tables.waiters.insert(), place | {"process": this_process(), "until": until})


def end(connection: sa.Connection, token: str) -> None:
    connection.execute(tables.waiters.delete().where(tables.waiters.c.token == token))
