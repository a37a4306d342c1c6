"""Holding lanes: one run a lane, across processes and machines, and when a lane may be taken over.

A holder that is gone is known to be so only on the boot of the machine where it ran; of one elsewhere only its lease
tells. Whoever may have written outside is waited for, as long as a write may take, after the end of its lease.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from launchplane_gate.errors import LaneBusy, LedgerError, NotSettled
from launchplane_gate.holders import host_of, is_gone, pid_of, this_process
from launchplane_gate.ledger import tables, waiting
from launchplane_gate.ledger.chain import Chain, Entering, surely
from launchplane_gate.ledger.clock import elapsed
from launchplane_gate.ledger.lease import Lease, Terms
from launchplane_gate.ledger.locked import LaneRow
from launchplane_gate.ledger.names import new_id
from launchplane_gate.model import Lane, RunStatus, stamp

POLL_S = 0.05

_FREE: dict[str, Any] = {"holder": None, "holder_run": None, "lease_until": None, "held_until": None}
_LET_GO = tables.lanes.update().values(_FREE)
_HELD = sa.select(tables.lanes).where(tables.lanes.c.holder.is_not(None))
_HELD_HERE = _HELD.where(*tables.is_lane(tables.lanes))
_RELEASE = tables.UPDATE_LANE.where(tables.lanes.c.holder == tables.HOLDER).values(_FREE)
_RENEW = tables.UPDATE_LANE.values(lease_until=sa.bindparam("to_lease"))
_TAKE = tables.UPDATE_LANE.values(
    {name: sa.bindparam(f"to_{name}") for name in ("holder", "holder_process", "holder_run", "held_since")}
    | {name: sa.bindparam(f"to_{name}") for name in ("lease_until", "held_until")}
)
_OPEN = sa.select(tables.runs).where(*tables.is_lane(tables.runs), tables.IS_OPEN)
_OTHER_OPEN = _OPEN.where(tables.runs.c.run_id != tables.RUN)
_HAS_REDEEMED = sa.select(tables.runs.c.run_id).where(
    tables.IS_OPEN, tables.runs.c.holder == tables.HOLDER, tables.runs.c.redeemed
)
KEY_KEPT = "key_kept"  # in the body of what closes a run: a repeat under its key finishes it
INTERRUPTED = {"status": "interrupted", "step": "interrupted"}
_INTERRUPT = tables.UPDATE_RUN.values(INTERRUPTED)


@dataclass(frozen=True)
class Wish:
    """Who wants to hold lanes. ``subject``: whose request; one of each waits at a lane. ``run_id``: for which run.

    ``in_turn``: as many as want to wait, and each gets the lanes in the order in which it came.
    """

    terms: Terms
    wait_s: float = 0
    waiting: Callable[[str], None] = lambda _: None
    subject: str = ""
    run_id: str = ""
    in_turn: bool = False


class Holding(Chain):
    """The room of the ledger that says who may change a lane."""

    @contextmanager
    def hold(self, lanes: Sequence[Lane], wish: Wish) -> Iterator[Lease]:
        """Hold all of ``lanes`` or none; raises LaneBusy after ``wish.wait_s`` seconds.

        It is raised at once where another request of the same subject waits for one of them already. A run that
        somebody left open there is closed as interrupted.
        """
        lease = self._waited_for(new_id("h"), lanes, wish)
        try:
            yield lease
        finally:
            with suppress(LedgerError):  # the lease ends by itself; the run's own result must not be lost over it
                lease.end()

    def _waited_for(self, holder: str, lanes: Sequence[Lane], wish: Wish) -> Lease:
        turn = f"{stamp(self.now())} {holder}" if wish.in_turn else ""
        taken = surely(lambda: self._take(holder, lanes, wish, turn))
        if isinstance(taken, Lease):
            return taken
        deadline = time.monotonic() + wish.wait_s
        queues = bool((wish.subject or turn) and wish.wait_s)
        if queues:
            self._queue(turn or holder, lanes, wish)
        try:
            while not isinstance(taken, Lease):
                if time.monotonic() >= deadline:
                    raise LaneBusy(taken)
                wish.waiting(taken)
                time.sleep(POLL_S)
                taken = surely(lambda: self._take(holder, lanes, wish, turn))
            return taken
        finally:
            if queues:
                with suppress(LedgerError), self._write(durable=False) as connection:
                    self._locked(connection, *lanes)
                    waiting.end(connection, turn or holder)

    def _queue(self, token: str, lanes: Sequence[Lane], wish: Wish) -> None:
        with self._write(durable=False) as connection:
            now = self._locked(connection, *lanes)[lanes[0]].now
            wait_s = waiting.STAY_S if wish.in_turn else wish.wait_s
            waiting.begin(connection, wish.subject or wish.run_id, token, lanes, now=now, wait_s=wait_s)

    def _take(self, holder: str, lanes: Sequence[Lane], wish: Wish, turn: str) -> Lease | str:
        """A lease on all of the lanes, or who has one of them, or came before."""
        since = elapsed()
        with self._write(durable=False) as connection:
            rows = self._locked(connection, *lanes)
            if turn and (before := waiting.stay(connection, turn, lanes, now=rows[lanes[0]].now)):
                return before
            for lane in lanes:
                if rows[lane].holder != holder and not self._is_free(connection, rows[lane], wish.terms.write_s):
                    return _busy(rows[lane], wish.terms.write_s)
            terms, held_since, process = wish.terms, stamp(self.now()), this_process()
            for row in rows.values():
                taken = {
                    "holder": holder,
                    "holder_process": process,
                    "holder_run": wish.run_id,
                    "held_since": held_since,
                    "lease_until": row.now + min(terms.lease_s, terms.run_s),
                    "held_until": row.now + terms.run_s,
                }
                row.update(taken)
                connection.execute(_TAKE, tables.of_lane(row.lane, **{f"to_{name}": taken[name] for name in taken}))
                self._close_interrupted(connection, row)
        return Lease(self, holder, lanes, terms, since=since)

    def _is_free(self, connection: sa.Connection, row: LaneRow, write_s: float) -> bool:
        if not row.holder or row.now >= row.lease_until + write_s:
            return True
        if not is_gone(row.holder_process):
            return False
        return connection.execute(_HAS_REDEEMED, {"of_holder": row.holder}).first() is None

    def renew(self, lease: Lease) -> None:
        """Start a lease anew on each of its lanes. Raises NotSettled where it is over, or another's."""

        def work() -> Iterable[LaneRow]:
            with self._write(durable=False) as connection:
                rows = self._locked(connection, *lease.lanes)
                for lane, row in rows.items():
                    if not row.is_under(lease):
                        raise NotSettled(f"the lease on {lane} is over")
                    if row.renew(lease):
                        connection.execute(_RENEW, tables.of_lane(lane, to_lease=row.lease_until))
            return rows.values()

        for row in surely(work):
            self.database.when_kept(row.is_kept)

    def release(self, holder: str, lanes: Sequence[Lane]) -> None:
        def work() -> None:
            with self._write(durable=False) as connection:
                for lane, row in self._locked(connection, *lanes).items():
                    connection.execute(_RELEASE, tables.of_lane(lane, of_holder=holder))
                    if row.holder == holder:
                        row.update(_FREE)

        surely(work)

    def is_held(self, lane: Lane, holder: str) -> bool:
        """Whether a hold is in force, and its process alive."""
        with self._read() as connection:
            row = connection.execute(tables.SELECT_LANE, tables.of_lane(lane)).first()
            now = self.database.time(connection)
        return bool(row and row.holder == holder and row.lease_until > now and not is_gone(row.holder_process))

    def status_of(self, run: sa.Row[Any]) -> RunStatus:
        """The status of a run as the next one on its lane will see it: what nobody holds any more is interrupted."""
        status: RunStatus = run.status
        lane = Lane.model_construct(context=run.context, instance=run.instance)
        return status if status != "open" or self.is_held(lane, run.holder) else "interrupted"

    def has_open_run(self, lane: Lane, *, but: str = "") -> bool:
        """Whether a run on a lane is under way; one whose holder is gone is not."""
        with self._read() as connection:
            found = connection.execute(_OTHER_OPEN, tables.of_lane(lane, of_run=but)).all()
        return any(self.status_of(run) == "open" for run in found)

    def held_by(self, lane: Lane | None = None) -> str:
        """Who holds a lane, or any lane where none is named, in one sentence; empty where nobody does."""
        with self._read() as connection:
            now = self.database.time(connection)
            rows = connection.execute(_HELD_HERE, tables.of_lane(lane)) if lane else connection.execute(_HELD)
            held = rows.all()
        for row in held:
            lane = Lane.model_construct(context=row.context, instance=row.instance)
            if row.lease_until > now and not is_gone(row.holder_process):
                return _busy(LaneRow(lane, row, now, elapsed()), 0)
        return ""

    def let_go(self) -> None:
        """Forget every hold: of a ledger that is a copy, in which nobody holds anything."""
        with self._write() as connection:
            connection.execute(_LET_GO)

    def _close_interrupted(self, connection: sa.Connection, row: LaneRow) -> None:
        """Close each open run on a lane that was just taken: whoever ran it is gone."""
        for run in connection.execute(_OPEN, tables.of_lane(row.lane)).all():
            keeps = bool(run.redeemed) or run.action == "resume"
            body = {"detail": ended_after(run.step), "run": INTERRUPTED} | ({KEY_KEPT: True} if keeps else {})
            self._append(Entering(connection, row), "interrupted", run.run_id, body)
            connection.execute(_INTERRUPT, {"of_run": run.run_id})
            if not keeps:
                connection.execute(tables.FREE_KEY, {"of_run": run.run_id})


def ended_after(step: str) -> str:
    """What is said of a run that somebody left open."""
    return f"its process ended after the step {step!r}"


def _busy(row: LaneRow, write_s: float) -> str:
    """Who has a lane, for whom, since when, and until when at the latest."""
    run = f" for run {row.holder_run}" if row.holder_run else ""
    who = f"process {pid_of(row.holder_process)} on {host_of(row.holder_process)}"
    is_held = f"{row.lane} is held by {who}{run} since {row.held_since}"
    over = row.lease_until + write_s
    if is_gone(row.holder_process):
        return f"{is_held}; it is gone, and what it began may go on until {_second(over)}"
    return f"{is_held}, until {_second(max(row.held_until or 0, over))} at the latest"


def _second(seconds: float) -> str:
    return stamp(datetime.fromtimestamp(math.ceil(seconds), UTC))
