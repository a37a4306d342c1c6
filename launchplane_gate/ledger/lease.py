"""What a run holds its lanes by: a short lease that is renewed, until the run's own deadline and never later."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from launchplane_gate.errors import LedgerError, NotSettled
from launchplane_gate.ledger.clock import elapsed
from launchplane_gate.ledger.heartbeat import HEART
from launchplane_gate.model import Lane

if TYPE_CHECKING:
    from launchplane_gate.ledger.holding import Holding

WRITE_S = 10.0  # that a write outside may take; whoever takes a lane over waits as long after the lease's end
SPARE = 1.5  # times that has to be left of the lease where a write begins
FRESH = 1 / 45  # of a lease: one that was renewed so recently, by a step of the run, is not renewed again


@dataclass(frozen=True)
class Terms:
    """Seconds: of the lease, of the whole run, and of one write outside."""

    run_s: float
    lease_s: float = 45
    write_s: float = WRITE_S


@dataclass(frozen=True)
class Renewal:
    """A lease that is being renewed for ``length_s``: from now on the ledger's clock, and from before that on ours."""

    lease: Lease
    since: float
    length_s: float

    def is_kept(self) -> None:
        """The ledger has it."""
        self.lease.renewed_at, self.lease.until = self.since, self.since + self.length_s


class Lease:
    """A hold on one or two lanes, of this process alone. ``until`` and ``renewed_at`` are of the steady clock."""

    def __init__(self, holding: Holding, holder: str, lanes: Sequence[Lane], terms: Terms, *, since: float) -> None:
        """``since``: the steady clock right before the lanes were taken."""
        self.holder, self.lanes = holder, list(lanes)
        self._holding, self._terms, self._pid = holding, terms, os.getpid()
        self._deadline = since + terms.run_s
        self.renewed_at, self.until = since, since + min(terms.lease_s, terms.run_s)
        self._ended, self._beat = False, self._renew_again  # the same one, to drop it by
        HEART.keep(self._beat, terms.lease_s / 3)

    def is_ours(self) -> bool:
        """A fork inherits no lease."""
        return self._pid == os.getpid()

    def run_seconds_left(self) -> float:
        """Until the run's own deadline: what waits and looks may take."""
        return self._deadline - elapsed()

    def write_seconds_left(self) -> float:
        """Renew the lease for a write outside that begins now; gives the seconds that it may take.

        Raises NotSettled where the lease is over, another's, or so near the run's deadline that it would not outlast
        the write, and LedgerError where the ledger cannot be told. Inside of a transaction the ledger is always asked:
        what is written there is then under the lease, whatever befell this process meanwhile.
        """
        is_fresh = elapsed() - self.renewed_at <= FRESH * self._terms.lease_s and self.is_ours()
        if not is_fresh or self._holding.database.joined:
            self.renew()
        left_s = self.until - elapsed()
        if left_s < SPARE * self._terms.write_s:
            raise NotSettled(f"{max(left_s, 0):.0f} s are left until the run's deadline: too little to begin a write")
        return self._terms.write_s

    def renew(self) -> None:
        """Raises NotSettled where the lease is over, or another's."""
        self._holding.renew(self)

    def keep(self) -> None:
        """Renew what was not renewed for a while: the heartbeat may be late. Raises NotSettled as ``renew`` does."""
        if elapsed() - self.renewed_at > self._terms.lease_s / 3 or not self.is_ours():
            self.renew()

    def renewal(self, since: float) -> Renewal:
        """``since``: the steady clock, from before the ledger's was read."""
        return Renewal(self, since, max(min(self._terms.lease_s, self._deadline - since), 0))

    def release(self, lanes: Iterable[Lane]) -> None:
        """Give up those of ``lanes`` that are held."""
        going = [lane for lane in lanes if lane in self.lanes]
        if going and self.is_ours():
            self._holding.release(self.holder, going)
            self.lanes = [lane for lane in self.lanes if lane not in going]

    def end(self) -> None:
        """Stop renewing by itself, and give up whatever is still held."""
        self._ended = True
        HEART.drop(self._beat)
        self.release(self.lanes)

    def _renew_again(self) -> float | None:
        """Renew until the deadline; a ledger that is away for a moment is asked again."""
        if self._ended or self.run_seconds_left() <= 0:
            return None
        try:
            self.renew()
        except NotSettled:
            return None
        except LedgerError:
            return self._terms.lease_s / 10
        return self._terms.lease_s / 3
