"""Promises on several deploys, and several lanes, at once."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from launchplane_gate.errors import LaneBusy, SettingsError
from launchplane_gate.model import Lane, ReleaseIdentity
from launchplane_gate.testing.bench import Bench, ended
from launchplane_gate.testing.door import Meddling
from launchplane_gate.testing.platform import LANES, PROD, TESTING, Platform
from launchplane_gate.testing.promises.base import Promises


class SharingPromises(Promises):
    def test_a_lane_is_changed_by_one_deploy_at_a_time(self, bench: Bench, platform: Platform) -> None:
        """While a deploy is under way, another one on its lane is refused, and the platform never sees it."""
        bench.deployed(platform.first)
        seen: set[tuple[str, int]] = set()

        def meanwhile() -> None:
            before = platform.changes(TESTING)
            try:
                told: str = bench.deploy(platform.first, seat=bench.another_seat()).status
            except LaneBusy:
                told = "busy"
            seen.add((told, platform.changes(TESTING) - before))

        bench.deploy(platform.second, meddling=Meddling(at_redeem=meanwhile))
        bench.expect(seen == {("busy", 0)}, expected="busy, and no change by it", seen=seen)

    def test_lanes_that_change_at_once_are_not_mixed_up(self, bench: Bench, platform: Platform) -> None:
        """Two lanes that are deployed at once by one driver each run their own release."""
        releases = {TESTING: platform.first, PROD: platform.second}
        both = threading.Barrier(len(releases))

        def together() -> None:
            with suppress(threading.BrokenBarrierError):  # a driver may let one wait for the other
                both.wait(1)

        meddling, seat = Meddling(at_redeem=together), bench.seat
        with ThreadPoolExecutor() as pool:
            deploys = [
                pool.submit(bench.deploy, releases[lane], to=lane, seat=seat, meddling=meddling) for lane in LANES
            ]
        runs = [deploy.result() for deploy in deploys]
        running = {lane: platform.running(lane) for lane in releases}
        bench.expect(running == releases, expected=_each(releases), seen="; ".join([_each(running), *map(ended, runs)]))

    def test_two_lanes_on_one_target_are_refused(self, bench: Bench, platform: Platform) -> None:
        """Settings that give two lanes one target are refused when the plugin is loaded."""
        targets = platform.clashing_targets()
        try:
            bench.plugin(now=bench.seat.gate.ledger.now, targets=targets)
        except SettingsError:
            return
        bench.expect(False, expected="SettingsError", seen=f"a plugin that takes {targets}")


def _each(releases: Mapping[Lane, ReleaseIdentity | None]) -> str:
    return ", ".join(f"{lane} runs {release}" for lane, release in releases.items())
