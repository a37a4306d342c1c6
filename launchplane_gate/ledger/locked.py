"""The row of a lane that is locked: what a transaction that changes it goes by, and leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from launchplane_gate.model import Lane

if TYPE_CHECKING:
    from launchplane_gate.ledger.lease import Lease, Renewal


class LaneRow:
    """A lane's row that is locked, as this transaction leaves it: whoever updates it says so here, too.

    ``now``: the database's clock when it was locked or right before, in seconds since 1970; ``since``: the steady clock
    from before that. Until the transaction ends nobody else takes the lane, whatever the clocks say.
    """

    def __init__(self, lane: Lane, row: sa.Row[Any], now: float, since: float) -> None:
        self.lane, self.now, self.since = lane, now, since
        self.length, self.head, self.holder = row.length, row.head, row.holder
        self.holder_process, self.held_since, self.holder_run = row.holder_process, row.held_since, row.holder_run
        self.lease_until, self.held_until, self.hold = row.lease_until, row.held_until, row.hold
        self.renewal: Renewal | None = None

    def is_under(self, lease: Lease) -> bool:
        return bool(self.holder == lease.holder and lease.is_ours() and self.lease_until > self.now)

    def renew(self, lease: Lease) -> bool:
        """Start a lease anew as of the moment of the lock; False where this transaction did so before."""
        self.renewal = lease.renewal(self.since)
        before, self.lease_until = self.lease_until, self.now + self.renewal.length_s
        return bool(self.lease_until != before)

    def update(self, columns: dict[str, Any]) -> None:
        """Take over what was changed of it."""
        vars(self).update(columns)

    def is_kept(self) -> None:
        """The transaction was committed."""
        if self.renewal:
            self.renewal.is_kept()
