"""What all promises are tried with: a bench on the platform, and how long things may take."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from launchplane_gate.ledger import new_id
from launchplane_gate.model import Run
from launchplane_gate.testing.bench import Bench
from launchplane_gate.testing.door import Meddling
from launchplane_gate.testing.platform import Fate, Platform, unproven

POLL_S = 0.02


class Promises:
    """Promises of one subject, one test each. The first line of a test's docstring is the promise."""

    confirm_timeout_s: float = 5
    """How long a lane may take from the end of a deploy until it is seen to run the release."""
    settle_s: int = 1
    """For how long a lane has to stay good where that is tried, in seconds; elsewhere it has not to."""
    limit_s: float = 60
    """How long any call of the driver may take at most."""
    short_s: float = 1
    """What is left of a run that is nearly over; or what a write may take, where that is tried."""
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

    def patience(self, fate: Fate) -> Meddling:
        """Where the end of a deploy will never be seen, a run that is over soon after it was begun."""
        return Meddling(left_s=self.short_s if fate is Fate.SILENT else None, once_redeemed=True)

    def arrange(self, platform: Platform, fate: Fate) -> None:
        """What not every platform can arrange."""
        if fate not in platform.fates:
            unproven(f"the platform cannot arrange that {fate.value}")
        platform.arrange(fate)


def another(run: Run) -> Run:
    """A run of the same release to the same lane, of which no platform knows."""
    return run.model_copy(update={"run_id": new_id("r")})
