"""Promises on what a driver says of a lane."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from launchplane_gate.model import Observation, ReleaseIdentity, unstamp
from launchplane_gate.testing.bench import Bench
from launchplane_gate.testing.door import WatchedDriver
from launchplane_gate.testing.platform import TESTING, Fate, Platform, unproven
from launchplane_gate.testing.promises.base import POLL_S, Promises


class ObservingPromises(Promises):
    def test_observe_tells_what_runs(self, bench: Bench, platform: Platform) -> None:
        """Observe tells what runs after a deploy, at rest, and when that was seen by the config's clock."""
        bench.deployed(platform.first)

        def ahead() -> Any:
            return bench.seat.gate.ledger.now() + timedelta(hours=1)

        began = ahead()
        seen = self._observed(bench, bench.driver(ahead))
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
        self._tells_no_other(bench, platform, bench.driver())

    def test_observe_asks_each_time(self, bench: Bench, platform: Platform) -> None:
        """Observe has no memory: a driver that deployed, or that looked before, sees a change behind the gate too."""
        bench.deployed(platform.first)
        drivers = (bench.seat.driver, bench.driver())
        for driver in drivers:
            self._observed(bench, driver)
        platform.change_behind_the_gate(TESTING, platform.second)
        for driver in drivers:
            self._tells_no_other(bench, platform, driver)

    def _tells_no_other(self, bench: Bench, platform: Platform, driver: WatchedDriver) -> None:
        seen = self._observed(bench, driver)
        told, runs = seen.artifact_id or seen.configured_artifact_id, platform.running(TESTING)
        bench.expect(
            told is None or (runs and told == runs.artifact_id),
            expected=f"{runs and runs.artifact_id}, or nothing that it could tell",
            seen=repr(seen),
        )

    def test_a_digest_is_told_only_where_all_run_it(self, bench: Bench, platform: Platform) -> None:
        """An artifact is told where every running container is shown to have it, and only there."""
        self._told_by_all(bench)
        bench.deployed(platform.first)
        self._told_by_all(bench)
        platform.side_by_side(TESTING, platform.second)
        seen = self._told_by_all(bench)
        bench.expect(seen.artifact_id is None, expected="no artifact while two run side by side", seen=repr(seen))
        both, shown = {platform.first.artifact_id, platform.second.artifact_id}, _artifacts(seen)
        bench.expect(seen.digests != "shown" or both <= shown, expected="both, if digests are shown", seen=repr(seen))

    def _told_by_all(self, bench: Bench) -> Observation:
        seen = self._observed(bench)
        artifacts = _artifacts(seen)
        told = artifacts.pop() if seen.digests == "shown" and len(artifacts) == 1 else None
        bench.expect(seen.artifact_id == told, expected=f"artifact_id {told}, by what is shown", seen=repr(seen))
        return seen

    def test_what_cannot_be_read_is_told_as_failed(self, bench: Bench, platform: Platform) -> None:
        """Where digests are shown but cannot be read just now, they are failed: not "not_shown", nor a memory."""
        bench.deployed(platform.first)
        driver = bench.driver()
        if self._observed(bench, driver).digests == "not_shown":
            unproven("the driver shows no digests")
        for fate in (Fate.UNREADABLE, Fate.UNREACHABLE):
            self.arrange(platform, fate)
            seen = self._observed(bench, driver)
            in_reach = fate is Fate.UNREACHABLE and seen.reachable  # a deploy cannot reach it, a look can
            failed = (seen.digests, seen.artifact_id) == ("failed", None)
            bench.expect(failed or in_reach, expected='digests "failed" and artifact_id None', seen=repr(seen))

    def test_a_container_is_the_same_until_it_is_restarted(self, bench: Bench, platform: Platform) -> None:
        """A container has an id and a start, the same in each look, and a restart changes what is told of it."""
        bench.deployed(platform.first)
        seen, later = self._observed(bench), self._observed(bench)
        if seen.digests == "not_shown" and not seen.containers:
            unproven("the driver shows no containers")
        ids = [one.container_id for one in seen.containers]
        bench.expect(ids and len(set(ids)) == len(ids), expected="containers, each with its own id", seen=repr(seen))
        bench.expect(all(one.started_at for one in seen.containers), expected="a start of each", seen=repr(seen))
        same = _starts(later) == _starts(seen)
        bench.expect(same, expected=f"{_starts(seen)} again, for nothing happened", seen=_starts(later))
        platform.restart(TESTING)
        until = time.monotonic() + self.confirm_timeout_s
        while _starts(later) in ([], _starts(seen)) and time.monotonic() < until:
            time.sleep(POLL_S)
            later = self._observed(bench)
        changed = _starts(later) not in ([], _starts(seen))
        bench.expect(changed, expected=f"another id, start or number of restarts than {_starts(seen)}", seen=later)

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

    def test_an_obstacle_is_told_where_no_deploy_could_begin(self, bench: Bench, platform: Platform) -> None:
        """Obstacle tells why no deploy could begin, nothing of a lane that can be deployed to, and changes nothing."""
        driver = bench.driver()
        self._no_obstacle(bench, driver, None, platform.first)
        bench.deployed(platform.first)
        made = platform.changes(TESTING)
        self._no_obstacle(bench, driver, None, platform.first, platform.second)
        changed = platform.changes(TESTING) - made
        bench.expect(changed == 0, expected="no change by looking", seen=f"{changed} of them")
        platform.arrange(Fate.UNREACHABLE)
        for release in (None, platform.second):
            told = self._obstacle(bench, driver, release)
            bench.expect(told, expected="why a platform that does not answer cannot be deployed to", seen=repr(told))

    def _no_obstacle(self, bench: Bench, driver: WatchedDriver, *releases: ReleaseIdentity | None) -> None:
        for release in releases:
            told = self._obstacle(bench, driver, release)
            bench.expect(told == "", expected=f"no obstacle to a deploy of {release or 'whatever comes'}", seen=told)

    def _obstacle(self, bench: Bench, driver: WatchedDriver, release: ReleaseIdentity | None) -> object:
        try:
            told = driver.obstacle(TESTING, release)
        except Exception as error:  # whatever a driver raises breaks the promise
            bench.expect(False, expected="a text", seen=repr(error))
            raise
        if told is None:
            unproven("the driver has no `obstacle`, so `doctor` cannot tell whether a deploy could begin")
        bench.expect(isinstance(told, str), expected="a text", seen=repr(told))
        return told

    def _observed(self, bench: Bench, driver: WatchedDriver | None = None) -> Observation:
        """What a driver observes; that of another process of the gate, unless one is given."""
        try:
            seen = (driver or bench.driver()).observe(TESTING)
        except Exception as error:  # whatever a driver raises breaks the promise
            bench.expect(False, expected="an Observation", seen=repr(error))
            raise
        bench.expect(isinstance(seen, Observation), expected="an Observation", seen=repr(seen))
        return seen


def _artifacts(seen: Observation) -> set[str | None]:
    return {one.artifact_id for one in seen.containers}


def _starts(seen: Observation) -> list[tuple[str, str, int]]:
    """By what a container is known to be still the same."""
    return sorted((one.container_id, one.started_at, one.restarts) for one in seen.containers)
