"""What a driver's author gives the kit: the driver, and its platform, to be moved and seen from outside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import Any, NoReturn

import pytest

from launchplane_gate.hookspecs import PluginConfig
from launchplane_gate.model import Lane, ReleaseIdentity

PRODUCT = "promises"
TESTING, PROD = Lane(context=PRODUCT, instance="testing"), Lane(context=PRODUCT, instance="prod")
LANES = (TESTING, PROD)
"""The two lanes that the kit deploys to."""


class Fate(Enum):
    """What becomes of the next deploys on a platform."""

    PASS = "the release runs"  # noqa: S105  # no password
    FAIL = "the platform says that it failed, and the release does not run"
    SILENT = "the write arrives, and nobody can say how it ends for as long as a driver would wait"
    UNREACHABLE = "the platform does not answer, to reads and writes alike"
    DIES = "the release runs and answers, and ends by itself before it has stayed for long enough"
    CRASHES = "the platform does what it does when all goes well, and the release never comes up"
    UNREADABLE = "the platform answers, but what runs on a lane cannot be read just now"
    HANGS = "the first write of a deploy arrives and is done, and its answer never comes"


ALWAYS_ARRANGED = frozenset({Fate.PASS, Fate.FAIL, Fate.SILENT, Fate.UNREACHABLE})


def unproven(reason: str) -> NoReturn:
    """For a platform that cannot do what a promise is tried with: the test is skipped, the promise stays unproven."""
    pytest.skip(f"unproven: {reason}")


class Platform(ABC):
    """A driver with the platform that it drives, real or fake. A new one for each test, with nothing running on it.

    Its methods are the kit's own eyes and hands: they never go through the driver, and work whatever was arranged.
    """

    driver_id: str
    image: str
    """The repository that both releases come from; an artifact is ``IMAGE@sha256:DIGEST``."""
    first: ReleaseIdentity
    second: ReleaseIdentity
    """Good releases, of different artifacts and commits; the commits have 40 hex digits."""
    options: Mapping[str, Any] = {}
    """What the settings would say at ``[plugins.NAME]``. Its timeouts are long: the kit has limits of its own."""
    targets: Mapping[Lane, Mapping[str, Any]] = {}
    """What they would say at ``target`` of the lanes ``TESTING`` and ``PROD``."""
    secrets: Sequence[str] = ()
    """Texts that must show up nowhere: tokens in the options, and whatever a server's answer might hold of them."""
    changes_a_deploy: int = 1
    """How many changes one deploy makes at most."""
    rebuild: ReleaseIdentity | None = None
    """Another good artifact, of the commit of ``second``; it can be deployed like the other two."""
    fates: Collection[Fate] = ALWAYS_ARRANGED
    """What it can arrange. What is missing is not tried, and stays unproven."""

    @abstractmethod
    def plugin(self, config: PluginConfig) -> object:
        """Make the plugin, as its entry point does. Called several times: each is another process of the gate."""

    @abstractmethod
    def running(self, lane: Lane) -> ReleaseIdentity | None:
        """What a lane truly runs now; the lane's health is taken from it."""

    @abstractmethod
    def changes(self, lane: Lane) -> int:
        """How often a lane was changed so far, as counted where the changes arrive."""

    @abstractmethod
    def arrange(self, fate: Fate) -> None:
        """Settle what becomes of deploys from now on; at first they pass."""

    @abstractmethod
    def change_behind_the_gate(self, lane: Lane, release: ReleaseIdentity) -> None:
        """Have a lane run another release, as an operator would by hand."""

    @abstractmethod
    def take_down(self, lane: Lane) -> None:
        """End what a lane runs."""

    def side_by_side(self, lane: Lane, release: ReleaseIdentity) -> None:
        """Have another release run on a lane beside the one that runs, as a gradual update would; and stay so."""
        unproven("the platform does not run two releases of a lane side by side")

    def restart(self, lane: Lane) -> None:
        """Have what a lane runs end and start anew, as the platform or an operator would; it runs again soon after."""
        unproven("the platform does not restart what it runs")

    def settings(self, lane: Lane) -> object:
        """All that a deploy must leave as it is: whatever a lane is set to but its image. Compared with ``==``."""
        unproven("the platform has no settings but what it runs")

    def change_settings(self, lane: Lane) -> None:
        """Alter one of them, as a colleague would."""
        unproven("the platform has no settings but what it runs")

    def clashing_targets(self) -> Mapping[Lane, Mapping[str, Any]]:
        """Settings in which both lanes have one target; the plugin has to refuse them."""
        unproven("the platform has no targets that could clash")
