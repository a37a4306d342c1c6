"""Promises on what a driver finds of an interrupted deploy."""

from __future__ import annotations

import time
from contextlib import suppress

from launchplane_gate.model import Outcome, Run
from launchplane_gate.testing.bench import Bench
from launchplane_gate.testing.platform import TESTING, Fate, Platform
from launchplane_gate.testing.promises.base import POLL_S, Promises, another


class FindingPromises(Promises):
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
        outcome = self._found(bench, another(run), limit_s=0)
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
        looks = (lambda: driver.observe(TESTING), lambda: driver.find(run), lambda: driver.find(another(run)))
        for is_up in (True, False):
            if not is_up:
                platform.take_down(TESTING)
            for look in looks:
                before = platform.changes(TESTING)
                with suppress(Exception):  # another promise's business
                    look()
                after = platform.changes(TESTING)
                bench.expect(after == before, expected=f"{before} changes", seen=after)
