"""The run of a replay: over all decisions, by several processes of the engine, in the order in which they were made.

Whatever ends it in between, what was asked by then can be kept in a file, and gone on from.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from queue import SimpleQueue

from launchplane_gate.authoring.replay.asking import Asker, Policies, Replayed
from launchplane_gate.authoring.replay.checkpoint import Checkpoint
from launchplane_gate.authoring.replay.stored import Stored
from launchplane_gate.authoring.replay.tally import Tally
from launchplane_gate.errors import EngineError
from launchplane_gate.settings import EmbeddedSettings

AT_ONCE = 16  # decisions that one process is given: handing them over one by one takes as long as some take
KEPT_EVERY_S = 5.0
UNANSWERED = 10  # decisions that the engine had to be stopped at: each of them takes its whole time
NO_ANSWER = "Nothing is said of any. `launchplane-gate policy test` tells which rule does not come to an end."

Progress = Callable[[str], None]
Told = tuple[Stored, Replayed | None]
"""A decision, and what became of it; None where it was not asked."""


@dataclass(frozen=True)
class Wanted:
    """Which decisions are asked. ``products``, ``rules``: of these alone, where any are named."""

    products: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    since: datetime | None = None

    def takes(self, stored: Stored) -> bool:
        if self.since and stored.at < self.since:
            return False
        return not self.products or stored.product in self.products


def replay(
    decisions: Iterable[Stored],
    policies: Policies,
    wanted: Wanted,
    *,
    workers: int,
    bounds: EmbeddedSettings,
    checkpoint: Checkpoint | None,
    progress: Progress,
    every_s: float,
) -> Tally:
    """Ask every decision that is wanted; ``progress`` is told of it ``every_s`` seconds.

    What ``checkpoint`` says was asked before is read again and held to its chain, and not asked.
    """
    tally, before = checkpoint.begun() if checkpoint else (Tally(), 0)
    clock = _Clock(progress, every_s, before)
    with _askers(policies, bounds, workers) as (pool, idle):
        done = before
        try:
            for some in _in_turn(_chunks(decisions, before), pool, idle, wanted, window=3 * workers):
                for stored, replayed in some:
                    if replayed:
                        tally.take(replayed)
                    elif wanted.takes(stored):
                        tally.leave(stored)
                done += len(some)
                clock.tell(done, tally)
                if checkpoint and clock.is_time_to_keep():
                    checkpoint.keep(tally, done)
                _see_that_it_answers(tally)
        except BaseException:
            if checkpoint:
                checkpoint.keep(tally, done)
            raise
    if checkpoint:
        checkpoint.over()
    return tally


def _see_that_it_answers(tally: Tally) -> None:
    """Raises EngineError."""
    if tally.counts["unanswered"] > UNANSWERED:
        raise EngineError(f"{next(iter(tally.undecided))}, and so with others", hint=NO_ANSWER)


def _chunks(decisions: Iterable[Stored], before: int) -> Iterator[list[Stored]]:
    left = iter(decisions)
    for _ in islice(left, before):
        pass
    while some := list(islice(left, AT_ONCE)):
        yield some


def _in_turn(
    chunks: Iterable[list[Stored]],
    pool: ThreadPoolExecutor,
    idle: SimpleQueue[Asker],
    wanted: Wanted,
    *,
    window: int,
) -> Iterator[list[Told]]:
    """What became of each, in order. No more than ``window`` of the chunks are on their way at once."""

    def ask(some: Sequence[Stored]) -> list[Told]:
        asker = idle.get()
        try:
            asked = [one for one in some if one.input_text and wanted.takes(one)]
            replayed = {one.stored.name: one for one in asker.again(asked)}
            return [(one, replayed.get(one.name)) for one in some]
        finally:
            idle.put(asker)

    waiting: deque[Future[list[Told]]] = deque()
    for some in chunks:
        waiting.append(pool.submit(ask, some))
        if len(waiting) >= window:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@contextmanager
def _askers(
    policies: Policies, bounds: EmbeddedSettings, workers: int
) -> Iterator[tuple[ThreadPoolExecutor, SimpleQueue[Asker]]]:
    """Threads, and as many who ask, each with a process of its own."""
    askers = [Asker(policies, bounds) for _ in range(workers)]
    idle: SimpleQueue[Asker] = SimpleQueue()
    for asker in askers:
        idle.put(asker)
    pool = ThreadPoolExecutor(workers, "replay")
    try:
        yield pool, idle
    finally:
        for asker in askers:
            asker.is_over = True
        pool.shutdown(cancel_futures=True)  # what is on its way ends within the time of one question
        for asker in askers:
            asker.stop()


class _Clock:
    def __init__(self, progress: Progress, every_s: float, before: int) -> None:
        self._progress, self._every_s, self._before = progress, every_s, before
        self._began = self._told = self._kept = time.monotonic()

    def tell(self, done: int, tally: Tally) -> None:
        now = time.monotonic()
        if now - self._told < self._every_s:
            return
        self._told = now
        rate = (done - self._before) / max(now - self._began, 0.001)
        flipped = tally.counts["allow-to-deny"] + tally.counts["deny-to-allow"]
        self._progress(f"{done:,} decisions read, {rate:,.0f} a second; {tally.asked:,} asked, {flipped:,} flipped")

    def is_time_to_keep(self) -> bool:
        now = time.monotonic()
        if now - self._kept < KEPT_EVERY_S:
            return False
        self._kept = now
        return True
