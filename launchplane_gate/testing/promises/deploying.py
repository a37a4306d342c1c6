"""Promises on how a deploy goes and ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from launchplane_gate.errors import ApprovalVoid, GateError, Stale
from launchplane_gate.model import Target
from launchplane_gate.testing.bench import Bench, ended
from launchplane_gate.testing.door import Meddling
from launchplane_gate.testing.platform import TESTING, Fate, Platform
from launchplane_gate.testing.promises.base import Promises


class Mishap(Exception):
    """Something goes wrong where nobody looked for it."""


def raising(error: BaseException) -> Callable[[], None]:
    def meddle() -> None:
        raise error

    return meddle


class DeployingPromises(Promises):
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
        run = bench.deploy(platform.second, meddling=self.patience(fate))
        bench.expect(run.status == status, expected=status, seen=ended(run))
        bench.expect(run.redeemed, expected="a deploy that was begun", seen=run.detail)
        bench.expect(bench.inventory() == before, expected="the inventory as it was", seen=bench.inventory())
        bench.expect(run.detail.strip(), expected="a detail that says why", seen="nothing")

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
            run = bench.deploy(platform.second, meddling=self.patience(fate))
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

    def test_a_change_in_between_is_not_undone(self, bench: Bench, platform: Platform) -> None:
        """What somebody else changes between the driver's reads and its write stays changed, whatever becomes of it."""
        bench.deployed(platform.first)
        before, changed = platform.settings(TESTING), []

        def meanwhile() -> None:
            platform.change_settings(TESTING)
            changed.append(platform.settings(TESTING))

        for meddling in (Meddling(at_redeem=meanwhile), Meddling()):  # and the next deploy undoes nothing either
            run = bench.deploy(platform.second, meddling=meddling)
            after = platform.settings(TESTING)
            bench.expect(changed and changed[-1] != before, expected="a change before redeem", seen=ended(run))
            bench.expect(after == changed[-1], expected=f"settings as changed: {changed[-1]}", seen=after)

    def _strikes(self, error: BaseException) -> list[Meddling]:
        """An error as soon as something is told after redeem, and one when the redeem block is left."""
        strikes = raising(error)
        return [Meddling(at_progress=strikes, at_trigger=strikes), Meddling(at_trigger=strikes)]
