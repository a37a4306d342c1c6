"""Docker's clock in the fake: faster than ours, and what is due on it."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

BEFORE_S = 86400.0  # of a time before the start, in which what runs from the start was made
NEVER = "0001-01-01T00:00:00Z"


class Clock:
    """``pace`` is how many of Docker's seconds pass in one of ours.

    What is due happens when somebody looks, in the order of its times: ``catch_up`` does it, without a thread.
    """

    def __init__(self, pace: float) -> None:
        self._began = datetime.now(UTC), time.monotonic()
        now = time.monotonic()
        self._legs = [
            (-BEFORE_S, now - BEFORE_S, 1.0),
            (0.0, now, pace),
        ]  # from when on, by Docker and us, a pace holds
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._at: float | None = None

    @property
    def pace(self) -> float:
        return self._legs[-1][2]

    @pace.setter
    def pace(self, pace: float) -> None:
        self._legs.append((self.now, time.monotonic(), pace))

    @property
    def now(self) -> float:
        """Seconds of Docker's since the start; while something is done that was due, the time when it was."""
        if self._at is not None:
            return self._at
        docker_s, ours_s, pace = self._legs[-1]
        return docker_s + (time.monotonic() - ours_s) * pace

    def skip(self, seconds: float) -> None:
        """Let so much of Docker's time have passed at once."""
        self._legs.append((self.now + seconds, time.monotonic(), self.pace))
        self.catch_up()

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something in so many of Docker's seconds; at the same time, what was asked for first comes first."""
        if seconds < math.inf:
            heapq.heappush(self._due, (self.now + seconds, next(self._order), do))

    def catch_up(self) -> None:
        """Do all that is due by now."""
        now = self.now
        while self._due and self._due[0][0] <= now:
            self._at, _, do = heapq.heappop(self._due)
            do()
        self._at = None

    def stamp(self, moment: float | None) -> str:
        """A moment of Docker's clock as an inspection shows it, on the calendar of the rows of deployments."""
        if moment is None:
            return NEVER
        number = max(number for number, leg in enumerate(self._legs) if leg[0] <= moment)
        docker_s, ours_s, pace = self._legs[number]
        ours_s += (moment - docker_s) / pace
        if number + 1 < len(self._legs):  # a skipped moment is shown as the one when it was skipped
            ours_s = min(ours_s, self._legs[number + 1][1])
        began, monotonic = self._began
        shown = began + timedelta(seconds=ours_s - monotonic)
        return f"{shown:%Y-%m-%dT%H:%M:%S.%f}{int(moment * 1e9) % 1000:03}Z"

    def ago(self, moment: float) -> str:
        """How long ago something was, as Docker words it."""
        seconds = int(self.now - moment)
        if seconds < 60:
            return "Less than a second" if seconds < 1 else f"{seconds} second{'s' if seconds > 1 else ''}"
        if seconds < 3600:
            return "About a minute" if seconds < 120 else f"{seconds // 60} minutes"
        return "About an hour" if seconds < 5400 else f"{round(seconds / 3600)} hours"
