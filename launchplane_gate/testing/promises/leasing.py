"""Promises on the two limits of a deploy: each write goes by the lease, each wait by the run's own deadline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, product

from launchplane_gate.errors import GateError, LedgerError, NotSettled
from launchplane_gate.testing.bench import Bench, ended
from launchplane_gate.testing.door import Meddling
from launchplane_gate.testing.platform import TESTING, Fate, Platform
from launchplane_gate.testing.promises.base import Promises

MOST_TURNS = 20  # more often a driver has not to ask
UNTOLD_TIMEOUT_S = 600.0  # where a driver does not tell how long a deploy may take


LOST = (NotSettled("the lease is over"), LedgerError("the ledger is away"))


@dataclass
class Loss:
    """The lease is lost when a driver asks for the ``turn``-th time. ``at``: what ``changes`` counted just then."""

    turn: int
    error: GateError
    changes: Callable[[], int]
    asked: int = 0
    at: int | None = None

    def __call__(self) -> None:
        self.asked += 1
        if self.asked >= self.turn:
            self.at = self.changes() if self.at is None else self.at
            raise self.error


class LeasingPromises(Promises):
    def test_each_write_renews_the_lease_first(self, bench: Bench, platform: Platform) -> None:
        """Each write asks how long it may take right before: inside redeem, and anew for the next one."""
        bench.deployed(platform.first)
        asked: list[int] = []
        before = platform.changes(TESTING)

        def note() -> None:
            if bench.visit.targets:  # what was asked before redeem is too old by now
                asked.append(platform.changes(TESTING))

        run = bench.deploy(platform.second, meddling=Meddling(at_write=note))
        counts = [before, *asked, platform.changes(TESTING)]
        first, *later = (to - since for since, to in pairwise(counts))
        bench.expect(
            not first and all(made <= 1 for made in later),
            expected="no change before it asked, and one at most before it asks again",
            seen=f"it asked {len(asked)} times inside redeem; changes until then, and at last: {counts}; {ended(run)}",
        )

    def test_nothing_is_written_once_the_lease_is_lost(self, bench: Bench, platform: Platform) -> None:
        """Where the lease cannot be renewed nothing more is written, and what says so passes through the driver."""
        bench.deployed(platform.first)
        before = bench.inventory()
        for turn, error in product(range(1, MOST_TURNS), LOST):
            loss = Loss(turn, error, lambda: platform.changes(TESTING))
            run = bench.deploy(platform.second, meddling=Meddling(at_write=loss))
            if loss.at is None:  # so often it does not ask
                return
            changes = platform.changes(TESTING)
            bench.expect(changes == loss.at, expected=f"{loss.at} changes, as before", seen=f"{changes}; {ended(run)}")
            raised = bench.visit.error
            bench.expect(raised is error, expected=f"{error!r} out of deploy()", seen=f"{raised!r}; {ended(run)}")
            status = "unknown" if run.redeemed else "fail"
            bench.expect(run.status == status, expected=status, seen=ended(run))
            bench.expect(bench.inventory() == before, expected="the inventory as it was", seen=bench.inventory())

    def test_a_write_takes_no_longer_than_it_may(self, bench: Bench, platform: Platform) -> None:
        """A write whose answer does not come is given up when the time is over that it may take."""
        bench.deployed(platform.first)
        self.arrange(platform, Fate.HANGS)
        run = bench.deploy(platform.second, meddling=Meddling(write_s=self.short_s))
        bench.expect(run.redeemed, expected="a deploy that was begun", seen=ended(run))
        self._was_back(bench, f"each write may take {self.short_s:.1f} s", platform.changes_a_deploy * self.short_s)

    def test_a_deploy_ends_with_its_run(self, bench: Bench, platform: Platform) -> None:
        """A deploy takes no longer than what is left of its run, and than the driver says that one may take."""
        bench.deployed(platform.first)
        platform.arrange(Fate.SILENT)
        for once_redeemed in (False, True):
            bench.deploy(platform.second, meddling=Meddling(left_s=self.short_s, once_redeemed=once_redeemed))
            self._was_back(bench, f"{self.short_s:.1f} s of the run were left", self.short_s)
        told_s = getattr(bench.seat.driver, "deploy_timeout_s", UNTOLD_TIMEOUT_S)
        took_s = max(visit.took_s for visit in bench.seat.driver.visits)
        bench.expect(took_s <= told_s, expected=f"a deploy_timeout_s of more than {took_s:.3f} s", seen=told_s)

    def _was_back(self, bench: Bench, why: str, within_s: float) -> None:
        took_s, most_s = bench.visit.took_s, within_s + self.grace_s
        bench.expect(took_s <= most_s, expected=f"back within {most_s:.1f} s, for {why}", seen=f"{took_s:.1f} s")
