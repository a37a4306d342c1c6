"""Working in a thread of its own, which nobody waits for beyond a deadline."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def run_apart(work: Callable[[], T], timeout_s: float) -> T:
    """The result of some work, or what it raised. Raises TimeoutError where it has not ended in time.

    The work has to see to its own deadline. Only what the system does for it, as looking for a host, may outlast that.
    """
    result: Future[T] = Future()

    def finish() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001  # raised again below, in the caller's thread
            result.set_exception(error)

    threading.Thread(target=finish, name="http", daemon=True).start()
    return result.result(max(timeout_s, 0))


def all_at_once(works: Sequence[Callable[[], T]], most: int) -> list[T]:
    """The results of works in their order, done so many at a time; or what the first that failed raised."""
    if len(works) < 2:  # noqa: PLR2004  # no other to wait for
        return [work() for work in works]
    with ThreadPoolExecutor(most, thread_name_prefix="http") as threads:
        started = [threads.submit(work) for work in works]
        try:
            return [one.result() for one in started]
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
