"""Promises on what a driver keeps to itself."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial

import pytest

from launchplane_gate.testing.bench import Bench
from launchplane_gate.testing.platform import TESTING, Fate, Platform, unproven
from launchplane_gate.testing.promises.base import Promises


class SecrecyPromises(Promises):
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
            run = bench.deploy(platform.first, meddling=self.patience(fate))
            driver = bench.seat.driver
            for look in (
                partial(driver.observe, TESTING),
                partial(driver.find, run),
                partial(driver.obstacle, TESTING, platform.first),
            ):
                with suppress(Exception):  # what it raised is heard
                    look()
        printed = "".join(capfd.readouterr())
        places = {"what the driver said": "\n".join(bench.seat.driver.heard), "the log": caplog.text, "print": printed}
        for path in bench.state.rglob("*"):
            if path.is_file():
                places[str(path.relative_to(bench.state))] = path.read_bytes().decode("utf-8", "replace")
        leaks = sorted(place for place, text in places.items() for secret in platform.secrets if secret in text)
        bench.expect(not leaks, expected="no secret anywhere", seen=f"one in: {', '.join(leaks)}")
