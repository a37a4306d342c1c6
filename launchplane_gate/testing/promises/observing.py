"""Promises on what a driver says of a lane."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from launchplane_gate.model import Observation, unstamp
from launchplane_gate.testing.bench import Bench
from launchplane_gate.testing.platform import TESTING, Fate, Platform
from launchplane_gate.testing.promises.base import Promises


class ObservingPromises(Promises):
    def test_observe_tells_what_runs(self, bench: Bench, platform: Platform) -> None:
        """Observe tells what runs after a deploy, at rest, and when that was seen by the config's clock."""
        bench.deployed(platform.first)

        def ahead() -> Any:
            return bench.seat.gate.ledger.now() + timedelta(hours=1)

        began = ahead()
        seen = self._observed(bench, clock=ahead)
        told, at = seen.artifact_id or seen.configured_artifact_id, unstamp(seen.seen_at)
        bench.expect(told == platform.first.artifact_id, expected=platform.first.artifact_id, seen=repr(seen))
        bench.expect(
            seen.reachable and seen.in_flight is False, expected="reachable, and nothing in flight", seen=repr(seen)
        )
        bench.expect(
            at and began <= at <= ahead(),
            expected=f"stamp(config.now()), between {began} and {ahead()}",
            seen=seen.seen_at,
        )

    def test_observe_sees_a_change_behind_the_gate(self, bench: Bench, platform: Platform) -> None:
        """Observe sees what was changed behind the gate, instead of telling what was last deployed."""
        bench.deployed(platform.first)
        platform.change_behind_the_gate(TESTING, platform.second)
        seen = self._observed(bench)
        told, runs = seen.artifact_id or seen.configured_artifact_id, platform.running(TESTING)
        bench.expect(
            told is None or (runs and told == runs.artifact_id),
            expected=f"{runs and runs.artifact_id}, or nothing that it could tell",
            seen=repr(seen),
        )

    def test_observe_claims_nothing_for_a_lane_that_is_down(self, bench: Bench, platform: Platform) -> None:
        """A lane that is down is an observation, not an exception, and runs nothing."""
        bench.deployed(platform.first)
        platform.take_down(TESTING)
        seen = self._observed(bench)
        bench.expect(seen.artifact_id is None, expected="artifact_id None", seen=repr(seen))

    def test_observe_claims_nothing_that_it_cannot_see(self, bench: Bench, platform: Platform) -> None:
        """A platform that cannot be reached is an observation, not an exception, and claims nothing."""
        bench.deployed(platform.first)
        platform.take_down(TESTING)
        platform.arrange(Fate.UNREACHABLE)
        seen = self._observed(bench)
        unseen = seen.configured_artifact_id is None or seen.reachable
        bench.expect(seen.artifact_id is None and unseen, expected="no artifact", seen=repr(seen))

    def _observed(self, bench: Bench, clock: Callable[[], Any] | None = None) -> Observation:
        """What the driver observes, as another process of the gate would have it."""
        driver = bench.driver(clock)
        try:
            seen = driver.observe(TESTING)
        except Exception as error:  # whatever a driver raises breaks the promise
            bench.expect(False, expected="an Observation", seen=repr(error))
            raise
        bench.expect(isinstance(seen, Observation), expected="an Observation", seen=repr(seen))
        return seen
