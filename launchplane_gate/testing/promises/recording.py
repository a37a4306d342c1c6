"""Promises on what is recorded."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from launchplane_gate.errors import NotSettled
from launchplane_gate.model import Outcome
from launchplane_gate.testing.bench import Bench
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
