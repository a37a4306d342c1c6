"""Holding lanes: the lease of whoever runs something on them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from launchplane_gate.model import Lane

if TYPE_CHECKING:
    from launchplane_gate.ledger.ledger import Ledger


class Lease:
    """A hold on one or two lanes, until ``seconds_left`` is used up or it is released."""

    def __init__(self, ledger: Ledger, holder: str, lanes: Sequence[Lane], lease_s: float) -> None:
        self._ledger = ledger
        self.holder = holder
        self.lanes = list(lanes)
        self._lease_s = lease_s
        self._until = time.monotonic() + lease_s

    def seconds_left(self) -> float:
        return self._until - time.monotonic()

    def renewed(self) -> float:
        """Start the lease anew; gives the wall-clock second at which it will end."""
        self._until = time.monotonic() + self._lease_s
        return time.time() + self._lease_s

    def keep_alive(self) -> None:
        """Start the lease anew. Raises NotSettled where it is over, or another's."""
        self._ledger.keep_alive(self)

    def release(self, lanes: Iterable[Lane]) -> None:
        """Give up those of ``lanes`` that are held."""
        going = [lane for lane in lanes if lane in self.lanes]
        if going:
            self._ledger.release(self.holder, going)
            self.lanes = [lane for lane in self.lanes if lane not in going]
