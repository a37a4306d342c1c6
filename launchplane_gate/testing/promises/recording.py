"""Promises on what is recorded."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from launchplane_gate.errors import NotSettled
from launchplane_gate.model import Outcome
from launchplane_gate.testing.bench import Bench, ended
from launchplane_gate.testing.platform import TESTING, Fate, Platform, unproven
from launchplane_gate.testing.promises.base import Promises


@dataclass
class CountingWriter:
    """An inventory writer that writes nothing. ``refuses`` is raised by each write."""

    refuses: NotSettled | None = None
    writes: list[float] = field(default_factory=list)

    def write(self) -> None:
        self.writes.append(time.monotonic())
        if self.refuses:
            raise self.refuses


class RecordingPromises(Promises):
    def test_record_writes_once(self, bench: Bench) -> None:
        """Record has the inventory written exactly once."""
        writer = CountingWriter()
        bench.seat.driver.record(Outcome(status="pass", touched=True), writer)
        bench.expect(len(writer.writes) == 1, expected="one write", seen=f"{len(writer.writes)}")

    def test_a_rebuild_is_recorded_only_where_it_runs(self, bench: Bench, platform: Platform) -> None:
        """Another artifact of the commit that runs is not recorded if it never came up, and is if it did."""
        if platform.rebuild is None:
            unproven("the platform names no rebuild")
        bench.deployed(platform.second)
        before = bench.inventory()
        self.arrange(platform, Fate.CRASHES)
        run = bench.deploy(platform.rebuild)
        bench.expect(run.status != "recorded", expected="not recorded, for it never came up", seen=ended(run))
        bench.expect(bench.inventory() == before, expected="the inventory as it was", seen=bench.inventory())
        platform.arrange(Fate.PASS)
        run, shown = bench.deploy(platform.rebuild), bench.driver().observe(TESTING).digests == "shown"
        bench.expect(run.status == "recorded" or not shown, expected="recorded, for it runs", seen=ended(run))
        running = platform.running(TESTING)
        bench.expect(
            run.status != "recorded" or running == platform.rebuild, expected="what was recorded runs", seen=running
        )

    def test_a_release_that_dies_soon_is_not_recorded(self, bench: Bench, platform: Platform) -> None:
        """A release that comes up, answers, and ends within the time for which it has to stay is not recorded."""
        bench.deployed(platform.first)
        before = bench.inventory()
        self.arrange(platform, Fate.DIES)
        patience_s = min(self.confirm_timeout_s, 4 * self.settle_s)  # nobody waits long for what is dead
        run = bench.deploy(
            platform.second, seat=bench.another_seat(settle_s=self.settle_s, confirm_timeout_s=patience_s)
        )
        bench.expect(run.redeemed and run.status != "recorded", expected="not recorded, for it died", seen=ended(run))
        bench.expect(bench.inventory() == before, expected="the inventory as it was", seen=bench.inventory())

    def test_record_lets_a_refusal_pass(self, bench: Bench) -> None:
        """What inventory.write() raises passes through record, and the write is not tried again."""
        writer = CountingWriter(refuses=NotSettled("the lane was changed by somebody else"))
        raised: BaseException | None = None
        try:
            bench.seat.driver.record(Outcome(status="pass", touched=True), writer)
        except NotSettled as error:
            raised = error
        asked = len(writer.writes)
        bench.expect(raised or not asked, expected="NotSettled out of record()", seen="it came back as if all was well")
        bench.expect(asked <= 1, expected="one write", seen=f"{asked}")
