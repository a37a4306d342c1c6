"""Taking times: in turn, so that what slows the machine down slows all that is compared.

With LAUNCHPLANE_GATE_BENCH=short it is a few times of each thing, which shows that all of it still runs, and no more.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

SHORT = os.environ.get("LAUNCHPLANE_GATE_BENCH") == "short"
FEW = 5


WARM = 3  # calls before the first that is timed


def timed(act: Callable[[], object], *, times: int, warm: int = WARM) -> list[float]:
    """Milliseconds of each of ``times`` calls, sorted."""
    [taken] = in_turn(act, times=times, warm=warm)
    return taken


def in_turn(*acts: Callable[[], object], times: int, warm: int = WARM) -> list[list[float]]:
    """Milliseconds of each call of several things, done in turn: what slows the machine down slows all of them."""
    taken: list[list[float]] = [[] for _ in acts]
    for number in range(-warm, min(times, FEW) if SHORT else times):
        for act, calls in zip(acts, taken, strict=True):
            began = time.perf_counter()
            act()
            if number >= 0:
                calls.append((time.perf_counter() - began) * 1000)
    return [sorted(calls) for calls in taken]


def report(what: str, taken: list[float], wanted: str = "") -> float:
    middle = statistics.median(taken)
    late = taken[min(len(taken) - 1, int(len(taken) * 0.99))]
    print(f"  {what:<52} p50 {middle:8.2f} ms   p99 {late:8.2f} ms   {wanted}")
    return middle
