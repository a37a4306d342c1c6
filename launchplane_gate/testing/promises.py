"""What every driver promises, one test each. The first line of a test's docstring is the promise."""

from __future__ import annotations

import inspect
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from launchplane_gate.errors import ApprovalVoid, GateError, LaneBusy, NotSettled, SettingsError, Stale
from launchplane_gate.ledger import new_id
from launchplane_gate.model import Observation, Outcome, Run, Target, unstamp
from launchplane_gate.testing.bench import Bench, ended
from launchplane_gate.testing.door import Meddling
from launchplane_gate.testing.platform import LANES, PROD, TESTING, Fate, Platform, unproven

POLL_S = 0.02


class Mishap(Exception):
    """Something goes wrong where nobody looked for it."""


def raising(error: BaseException) -> Callable[[], None]:
    def meddle() -> None:
        raise error

    return meddle


@dataclass
class CountingWriter:
    """An inventory writer that writes nothing. ``refuses`` is raised by each write."""

    refuses: NotSettled | None = None
    writes: list[float] = field(default_factory=list)

    def write(self) -> None:
        self.writes.append(time.monotonic())
        if self.refuses:
            raise self.refuses


class DriverPromises:
    """Subclass it, with a fixture ``platform`` that gives a Platform."""

    confirm_timeout_s: float = 5
    """How long a lane may take from the end of a deploy until it is seen to run the release."""
    limit_s: float = 60
    """How long any call of the driver may take at most."""
    short_lease_s: float = 1
    """What is left of a lease that is nearly over."""
    grace_s: float = 2
    """How much later than that the driver may come back."""

    @pytest.fixture
    def platform(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `platform` that gives a Platform")

    @pytest.fixture
    def bench(
        self, platform: Platform, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
    ) -> Iterator[Bench]:
        bench = Bench(
            platform,
            tmp_path_factory.mktemp("gate") / "state",
            (inspect.getdoc(request.function) or "").partition("\n")[0],
            confirm_timeout_s=self.confirm_timeout_s,
            limit_s=self.limit_s,
        )
        yield bench
        bench.close()

    # -- how a deploy ends

    def test_a_deploy_that_passes_is_recorded_as_approved(self, bench: Bench, platform: Platform) -> None:
        """A deploy that passes runs exactly what was approved, and is recorded."""
        for release in (platform.first, platform.second):  # on a lane that is empty, and on one that runs something
            run = bench.deploy(release)
            bench.expect(run.status == "recorded", expected="a recorded run", seen=ended(run))
            running, recorded = platform.running(TESTING), bench.recorded()
            bench.expect(running == release, expected=f"{release!r} runs", seen=repr(running))
            bench.expect(recorded == release, expected=f"the inventory names {release!r}", seen=repr(recorded))

    def test_a_deploy_that_fails_is_told_as_failed(self, bench: Bench, platform: Platform) -> None:
        """A deploy that the platform failed is a fail with a reason, and no inventory is written."""
        self._ends(bench, platform, Fate.FAIL, "fail")

    def test_a_deploy_whose_end_nobody_saw_is_unknown(self, bench: Bench, platform: Platform) -> None:
        """A deploy that nobody saw ending is unknown, neither fail nor pass, and says what to look at."""
        self._ends(bench, platform, Fate.SILENT, "unknown")

    def _ends(self, bench: Bench, platform: Platform, fate: Fate, status: str) -> None:
        bench.deployed(platform.first)
        before = bench.inventory()
        platform.arrange(fate)
        run = bench.deploy(platform.second, meddling=self._patience(fate))
        bench.expect(run.status == status, expected=status, seen=ended(run))
        bench.expect(run.redeemed, expected="a deploy that was begun", seen=run.detail)
        bench.expect(bench.inventory() == before, expected="the inventory as it was", seen=bench.inventory())
        bench.expect(run.detail.strip(), expected="a detail that says why", seen="nothing")

    def _patience(self, fate: Fate) -> Meddling:
        """Where the end of a deploy will never be seen, a lease that is over soon after it was begun."""
        return Meddling(left_s=self.short_lease_s if fate is Fate.SILENT else None, once_redeemed=True)

    def test_a_platform_that_cannot_be_reached_is_left_untouched(self, bench: Bench, platform: Platform) -> None:
        """Where the platform cannot be reached the deploy fails before it is begun, and the lane stays settled."""
        bench.deployed(platform.first)
        before = (platform.changes(TESTING), bench.inventory(), bench.settled())
        platform.arrange(Fate.UNREACHABLE)
        run = bench.deploy(platform.second)
        after = (platform.changes(TESTING), bench.inventory(), bench.settled())
        bench.expect(
            (run.status, run.touched, run.redeemed) == ("fail", False, False),
            expected="fail, untouched, not redeemed",
            seen=f"{run.status}, touched: {run.touched}, redeemed: {run.redeemed}: {run.detail}",
        )
        bench.expect(after == before, expected=f"changes, inventory, settled: {before}", seen=after)
        bench.expect(run.detail.strip(), expected="a detail that says why", seen="nothing")

    # -- the approval

    def test_nothing_is_changed_before_the_approval_is_redeemed(self, bench: Bench, platform: Platform) -> None:
        """Nothing is changed before redeem, and what redeem raises passes through the driver."""
        bench.deployed(platform.first)
        self._refused(bench, platform, Stale, bench.changed_meanwhile, "stale")
        self._refused(bench, platform, ApprovalVoid, raising(ApprovalVoid("somebody else spent it")), "fail")

    def _refused(
        self, bench: Bench, platform: Platform, refusal: type[GateError], happens: Callable[[], None], status: str
    ) -> None:
        changes = [platform.changes(TESTING)]

        def at_redeem() -> None:
            changes.append(platform.changes(TESTING))
            happens()

        run = bench.deploy(platform.second, meddling=Meddling(at_redeem=at_redeem))
        changes.append(platform.changes(TESTING))
        bench.expect(
            changes == changes[:1] * 3, expected="no change up to redeem, and none after its refusal", seen=changes
        )
        bench.expect(
            isinstance(bench.visit.error, refusal),
            expected=f"{refusal.__name__} out of deploy()",
            seen=f"{bench.visit.error!r}; {ended(run)}",
        )
        bench.expect(run.status == status, expected=status, seen=ended(run))

    def test_an_approval_is_redeemed_once(self, bench: Bench, platform: Platform) -> None:
        """A deploy enters redeem exactly once, with a Target in the host's words."""
        bench.deployed(platform.first)
        targets = bench.visit.targets
        bench.expect(len(targets) == 1, expected="redeem entered once", seen=f"{len(targets)} times")
        bench.expect(isinstance(targets[0], Target), expected="a Target", seen=repr(targets[0]))

    def test_no_change_is_made_twice(self, bench: Bench, platform: Platform) -> None:
        """One deploy changes the platform as often as one deploy has to, however it ends."""
        bench.deployed(platform.first)
        most = platform.changes_a_deploy
        for fate in (Fate.PASS, Fate.FAIL, Fate.SILENT):
            platform.arrange(fate)
            before = platform.changes(TESTING)
            run = bench.deploy(platform.second, meddling=self._patience(fate))
            made = platform.changes(TESTING) - before
            bench.expect(made <= most, expected=f"at most {most} changes", seen=f"{made}; {ended(run)}")

    def test_an_error_after_redeem_writes_no_inventory(self, bench: Bench, platform: Platform) -> None:
        """Whatever goes wrong after redeem, the deploy is not told as passed and no inventory is written."""
        bench.deployed(platform.first)
        before = bench.inventory()
        for meddling in self._strikes(Mishap("the disk is full")):
            run = bench.deploy(platform.second, meddling=meddling)
            fails = run.status == "fail" and platform.running(TESTING) != platform.second
            bench.expect(run.status == "unknown" or fails, expected="unknown, or a fail that is true", seen=ended(run))
            bench.expect(bench.inventory() == before, expected="the inventory as it was", seen=bench.inventory())

    def test_ctrl_c_passes_through(self, bench: Bench, platform: Platform) -> None:
        """Ctrl-C during a deploy passes through the driver and leaves the run interrupted."""
        bench.deployed(platform.first)
        before = bench.inventory()
        for meddling in self._strikes(KeyboardInterrupt()):
            with suppress(KeyboardInterrupt):
                bench.deploy(platform.second, meddling=meddling)
            run = bench.last_run()
            bench.expect(run.status == "interrupted", expected="interrupted", seen=ended(run))
            bench.expect(bench.inventory() == before, expected="the inventory as it was", seen=bench.inventory())

    def _strikes(self, error: BaseException) -> list[Meddling]:
        """An error as soon as something is told after redeem, and one when the redeem block is left."""
        strikes = raising(error)
        return [Meddling(at_progress=strikes, at_trigger=strikes), Meddling(at_trigger=strikes)]

    def test_a_deploy_ends_with_its_lease(self, bench: Bench, platform: Platform) -> None:
        """A driver whose lease is nearly over neither writes nor waits for longer than what is left of it."""
        bench.deployed(platform.first)
        platform.arrange(Fate.SILENT)
        most_s = self.short_lease_s + self.grace_s
        for once_redeemed in (False, True):
            meddling = Meddling(left_s=self.short_lease_s, once_redeemed=once_redeemed)
            run = bench.deploy(platform.second, meddling=meddling)
            took_s = bench.visit.took_s
            bench.expect(
                took_s <= most_s,
                expected=f"back within {most_s:.1f} s, for {self.short_lease_s:.1f} s of the lease were left",
                seen=f"{took_s:.1f} s; {ended(run)}",
            )

    # -- observe

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

    # -- find

    def test_find_tells_what_became_of_an_interrupted_deploy(self, bench: Bench, platform: Platform) -> None:
        """Of a deploy that was interrupted right after its trigger, and went well, find says pass once it runs."""
        run = bench.interrupted(platform.first)
        outcome = self._found(bench, run)
        bench.expect(outcome.status == "pass", expected="pass", seen=repr(outcome))
        running = platform.running(TESTING)
        bench.expect(running == platform.first, expected=f"{platform.first} runs where it says so", seen=repr(running))

    def test_find_passes_no_deploy_that_failed(self, bench: Bench, platform: Platform) -> None:
        """Of a deploy that was interrupted right after its trigger, and failed, find does not say pass."""
        bench.deployed(platform.first)
        platform.arrange(Fate.FAIL)
        outcome = self._found(bench, bench.interrupted(platform.second), limit_s=1)
        bench.expect(outcome.status != "pass", expected="fail or unknown", seen=repr(outcome))

    def test_find_takes_no_deploy_for_another(self, bench: Bench, platform: Platform) -> None:
        """Of a run that the platform knows nothing of, find says unknown, whoever else deployed the same release."""
        run = bench.deployed(platform.first)
        outcome = self._found(bench, _another(run), limit_s=0)
        bench.expect(outcome.status == "unknown", expected="unknown", seen=repr(outcome))

    def _found(self, bench: Bench, run: Run, *, limit_s: float | None = None) -> Outcome:
        """What another process finds: what is under way is given time to end."""
        driver = bench.driver()
        deadline = time.monotonic() + (self.limit_s if limit_s is None else limit_s)
        while True:
            outcome = driver.find(run)
            bench.expect(isinstance(outcome, Outcome), expected="an Outcome", seen=repr(outcome))
            if outcome.status != "unknown" or time.monotonic() >= deadline:
                return outcome
            time.sleep(POLL_S)

    def test_looking_changes_nothing(self, bench: Bench, platform: Platform) -> None:
        """Observe and find change nothing, whatever they see."""
        run = bench.deployed(platform.first)
        driver = bench.driver()
        looks = (lambda: driver.observe(TESTING), lambda: driver.find(run), lambda: driver.find(_another(run)))
        for is_up in (True, False):
            if not is_up:
                platform.take_down(TESTING)
            for look in looks:
                before = platform.changes(TESTING)
                with suppress(Exception):  # another promise's business
                    look()
                after = platform.changes(TESTING)
                bench.expect(after == before, expected=f"{before} changes", seen=after)

    # -- record

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

    # -- secrets

    def test_secrets_stay_out_of_sight(
        self,
        bench: Bench,
        platform: Platform,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """No secret stands in a file, a line of progress, a log, an answer or an error, however a deploy ends."""
        if not platform.secrets:
            unproven("the platform names no secrets")
        caplog.set_level(logging.DEBUG)
        for fate in (Fate.PASS, Fate.FAIL, Fate.UNREACHABLE, Fate.SILENT):
            platform.arrange(fate)
            run = bench.deploy(platform.first, meddling=self._patience(fate))
            for look in (lambda: bench.seat.driver.observe(TESTING), partial(bench.seat.driver.find, run)):
                with suppress(Exception):  # what it raised is heard
                    look()
        printed = "".join(capfd.readouterr())
        places = {"what the driver said": "\n".join(bench.seat.driver.heard), "the log": caplog.text, "print": printed}
        for path in bench.state.rglob("*"):
            if path.is_file():
                places[str(path.relative_to(bench.state))] = path.read_bytes().decode("utf-8", "replace")
        leaks = sorted(place for place, text in places.items() for secret in platform.secrets if secret in text)
        bench.expect(not leaks, expected="no secret anywhere", seen=f"one in: {', '.join(leaks)}")

    # -- several at once

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


def _another(run: Run) -> Run:
    """A run of the same release to the same lane, of which no platform knows."""
    return run.model_copy(update={"run_id": new_id("r")})


def _each(releases: Any) -> str:
    return ", ".join(f"{lane} runs {release}" for lane, release in releases.items())
