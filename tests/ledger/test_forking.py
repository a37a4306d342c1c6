"""A server forks while its threads are inside the ledger: the child goes on, and so does the parent."""

from __future__ import annotations

import threading
from pathlib import Path

from launchplane_gate.ledger import Ledger
from tests.conftest import TESTING
from tests.forks import in_a_child


def test_a_child_never_waits_for_a_lock_that_a_thread_of_its_parent_held(tmp_path: Path) -> None:
    """Seen: a child waited for ever for one of SQLite's own, which a thread held when its process forked."""
    ledger, over = Ledger.create(tmp_path), threading.Event()

    def ask() -> None:
        while not over.is_set():
            ledger.last_effective(TESTING)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(30):
            assert in_a_child(lambda: ledger.last_effective(TESTING) is None, within_s=20) is True
    finally:
        over.set()
        for thread in threads:
            thread.join()
    ledger.close()


def test_who_forks_inside_a_transaction_does_not_wait_for_itself(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path)
    with ledger.snapshot():
        assert in_a_child(lambda: ledger.last_effective(TESTING) is None, within_s=20) is True
        assert ledger.last_effective(TESTING) is None
    ledger.close()
