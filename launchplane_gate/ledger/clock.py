"""Two clocks: one that says when, which several machines share, and one that counts how long."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from launchplane_gate.ledger.database import Database

APART_S = 1.0  # that the database's clock and our count from it may be apart before it is asked again

_COUNTER = getattr(time, "CLOCK_BOOTTIME", None)  # goes on while the machine sleeps


def elapsed() -> float:
    """Seconds from a moment that stays the same: for what is left of a lease or a deadline, also after a sleep."""
    return time.monotonic() if _COUNTER is None else time.clock_gettime(_COUNTER)


class Clock:
    """The database's clock, asked once a gathering, and counted on from there. It never goes back in a process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._anchor: tuple[datetime, float] | None = None
        self._last = datetime.min.replace(tzinfo=UTC)

    def anchor(self) -> None:
        """Ask the database what time it is. Raises LedgerError."""
        with self._database.read() as connection:
            asked = elapsed()  # not before: a transaction may wait for its beginning
            seconds = self._database.time(connection)
            then = (asked + elapsed()) / 2
        with self._lock:
            self._anchor = (datetime.fromtimestamp(seconds, UTC), then)

    def now(self) -> datetime:
        """Raises LedgerError, the first time."""
        if self._anchor is None or (self._database.is_local and self._is_apart()):
            self.anchor()
        assert self._anchor is not None
        with self._lock:
            self._last = max(self._last, self._counted(*self._anchor))
            return self._last

    def _is_apart(self) -> bool:
        assert self._anchor is not None
        return abs(time.time() - self._counted(*self._anchor).timestamp()) > APART_S

    @staticmethod
    def _counted(wall: datetime, then: float) -> datetime:
        return wall + timedelta(seconds=elapsed() - then)
