"""No fork while a thread is inside a database: its child would wait for ever for a lock that no thread there holds.

SQLite has locks of the process's own, around its memory among others, which a fork copies as they stand.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 5.0  # a thread that forks inside a transaction may be what another one waits for


class _Door:
    """Through which threads go into databases, and which is shut while their process forks."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.Lock())
        self.inside: Counter[int] = Counter()  # how deep, by thread
        self.is_shut = False

    def enter(self, thread: int) -> None:
        with self.changed:
            while self.is_shut and thread not in self.inside:
                self.changed.wait(PATIENCE_S)
            self.inside[thread] += 1

    def leave(self, thread: int) -> None:
        with self.changed:
            self.inside[thread] -= 1
            if not self.inside[thread]:
                del self.inside[thread]
                self.changed.notify_all()

    def shut(self, thread: int) -> None:
        """Wait until no other thread is inside."""
        self.changed.acquire()
        self.is_shut = True
        self.changed.wait_for(lambda: not self.inside.keys() - {thread}, PATIENCE_S)

    def open(self) -> None:
        self.is_shut = False
        self.changed.notify_all()
        self.changed.release()


_door = _Door()


@contextmanager
def kept_from_forking() -> Iterator[None]:
    door, here = _door, threading.get_ident()
    door.enter(here)
    try:
        yield
    finally:
        door.leave(here)


def _anew() -> None:
    """In a child, of all threads there is the one that forked."""
    here = threading.get_ident()
    depth = _door.inside[here]
    _door.__init__()  # type: ignore[misc]  # whoever is inside has this one
    if depth:
        _door.inside[here] = depth


os.register_at_fork(before=lambda: _door.shut(threading.get_ident()), after_in_parent=_door.open, after_in_child=_anew)
