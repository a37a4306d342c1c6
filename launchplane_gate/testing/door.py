"""The door between a gate and a driver, with somebody who sees what goes through it and can meddle there."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from launchplane_gate.errors import ApprovalVoid, NotSettled
from launchplane_gate.hookspecs import Approval, Driver, InventoryWriter, Progress
from launchplane_gate.model import Lane, Observation, Outcome, ReleaseIdentity, Run, Target

Said = TypeVar("Said", Outcome, Observation)
T = TypeVar("T")


def _nothing() -> None:
    """Nobody meddles."""


@dataclass
class Meddling:
    """What happens to the next deploys on their way through the door.

    ``at_redeem``: before the approval is redeemed; ``at_write``: when leave to write is asked for, before the lease is
    renewed, which fails with what it raises; ``at_trigger``: when the redeem block is left; ``at_progress``: when
    something is told after redeem. ``left_s``: what is left of the run, in seconds from the beginning of the deploy,
    or where ``once_redeemed`` from its redeem. ``write_s``: how long a write may take at most.
    """

    at_redeem: Callable[[], None] = _nothing
    at_write: Callable[[], None] = _nothing
    at_trigger: Callable[[], None] = _nothing
    at_progress: Callable[[], None] = _nothing
    left_s: float | None = None
    once_redeemed: bool = False
    write_s: float = math.inf


@dataclass
class Visit:
    """An approval on its way through a driver, which is that driver's Approval, and what became of it."""

    approval: Approval
    meddling: Meddling
    targets: list[Target] = field(default_factory=list)  # one for each time that redeem was entered
    error: BaseException | None = None
    took_s: float = 0
    until: float | None = None

    @property
    def run_id(self) -> str:
        return self.approval.run_id

    @property
    def lane(self) -> Lane:
        return self.approval.lane

    @property
    def release(self) -> ReleaseIdentity:
        return self.approval.release

    def write_seconds_left(self) -> float:
        self.meddling.at_write()
        if self.run_seconds_left() <= 0:
            raise NotSettled("the run is over, and its lease is not renewed any more")
        return min(self.approval.write_seconds_left(), self.meddling.write_s)

    def run_seconds_left(self) -> float:
        return self.approval.run_seconds_left() if self.until is None else self.until - time.monotonic()

    @contextmanager
    def redeem(self, target: Target) -> Iterator[ReleaseIdentity]:
        self.targets.append(target)
        self.meddling.at_redeem()
        if self.run_seconds_left() <= 0:
            raise ApprovalVoid("the run is over")
        with self.approval.redeem(target) as release:
            if self.meddling.once_redeemed:
                self.shorten()
            yield release
        self.meddling.at_trigger()

    def shorten(self) -> None:
        if self.meddling.left_s is not None:
            self.until = time.monotonic() + self.meddling.left_s


class Within(Protocol):
    """Gives what a call gives, or raises what it raises, if it comes back in time."""

    def __call__(self, what: str, call: Callable[[], T]) -> T: ...


class WatchedDriver:
    """The driver as the gate has it. ``visits``: its deploys; ``heard``: whatever came out of it, as text."""

    def __init__(self, driver: Driver, within: Within) -> None:
        self.driver_id = driver.driver_id
        self.driver, self.within = driver, within
        if hasattr(driver, "deploy_timeout_s"):
            self.deploy_timeout_s = driver.deploy_timeout_s
        self.meddling = Meddling()
        self.visits: list[Visit] = []
        self.heard: list[str] = []

    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        visit, began = Visit(approval, self.meddling), time.monotonic()
        self.visits.append(visit)
        if not self.meddling.once_redeemed:
            visit.shorten()

        def tell(what: str) -> None:
            self.heard.append(what)
            progress(what)
            if visit.targets:
                self.meddling.at_progress()

        try:
            with self._listening():
                return self._hear(self.within("deploy()", lambda: self.driver.deploy(visit, tell)))
        except BaseException as error:
            visit.error = error
            raise
        finally:
            visit.took_s = time.monotonic() - began

    def find(self, run: Run) -> Outcome:
        with self._listening():
            return self._hear(self.within("find()", lambda: self.driver.find(run)))

    def observe(self, lane: Lane) -> Observation:
        with self._listening():
            return self._hear(self.within("observe()", lambda: self.driver.observe(lane)))

    def record(self, outcome: Outcome, inventory: InventoryWriter) -> None:
        with self._listening():
            self.within("record()", lambda: self.driver.record(outcome, inventory))

    def obstacle(self, lane: Lane, release: ReleaseIdentity | None) -> object:
        """None of a driver that has no ``obstacle``."""
        told = getattr(self.driver, "obstacle", lambda *_: None)
        with self._listening():
            said = self.within("obstacle()", lambda: told(lane, release))
        self.heard.append(repr(said))
        return said

    def _hear(self, said: Said) -> Said:
        self.heard.append(repr(said))
        return said

    @contextmanager
    def _listening(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self.heard.append("".join(traceback.format_exception(error)))
            raise
