"""Doing something a while from now, again and again: one thread that waits for all, and one for each that is due."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from launchplane_gate.bounded import start
from launchplane_gate.ledger.clock import elapsed

IDLE_S = 60.0  # after which a thread that waits for nothing ends


class Heart:
    """``beat`` gives the seconds until it is to be called again, or None where it is not."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[Callable[[], float | None], float] = {}
        self._thread: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._forget)

    def keep(self, beat: Callable[[], float | None], in_s: float) -> None:
        with self._changed:
            self._due[beat] = elapsed() + in_s
            if self._thread is None:
                self._thread = threading.Thread(target=self._wait, name="heartbeat", daemon=True)
                self._thread.start()
            self._changed.notify()

    def drop(self, beat: Callable[[], float | None]) -> None:
        with self._changed:
            self._due.pop(beat, None)

    def _wait(self) -> None:
        while True:
            with self._changed:
                if not self._due and not self._changed.wait_for(lambda: self._due, IDLE_S):
                    self._thread = None
                    return
                beat = min(self._due, key=self._due.__getitem__)
                if (left_s := self._due[beat] - elapsed()) > 0:
                    self._changed.wait(left_s)
                    continue
                del self._due[beat]
            start(lambda beat=beat: self._beat(beat), "heartbeat")  # type: ignore[misc]  # bound now, not when it runs

    def _beat(self, beat: Callable[[], float | None]) -> None:
        if (again_s := beat()) is not None:
            self.keep(beat, again_s)

    def _forget(self) -> None:
        self._changed, self._due, self._thread = threading.Condition(), {}, None


HEART = Heart()
