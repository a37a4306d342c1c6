"""A platform in memory, a driver for it that keeps every promise, and one driver for each way to break one.

A broken driver is the good one with a single thing done wrong; BROKEN says which promises that breaks, by the names of
the kit's tests.
"""

from __future__ import annotations

import itertools
import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from launchplane_gate.errors import ApprovalVoid, GateError, LedgerError, NotSettled, SettingsError, Stale
from launchplane_gate.hookspecs import Approval, InventoryWriter, PluginConfig, Progress, hookimpl
from launchplane_gate.model import Container, Lane, Observation, Outcome, ReleaseIdentity, Run, Target, stamp
from launchplane_gate.testing import LANES, DriverPromises, Fate, Platform

TOKEN = "tok-5up3r-s3cret"
IMAGE = "registry.example/promises"
POLL_S = 0.005
LIFETIME_S = 0.3
HANGS_S = 30.0


def a_release(digit: str, *, commit: str = "") -> ReleaseIdentity:
    return ReleaseIdentity(artifact_id=f"{IMAGE}@sha256:{digit * 64}", source_git_ref=commit or digit * 40)


@dataclass
class Job:
    """A deploy, as the platform has it."""

    run_id: str
    artifact_id: str
    state: str


@dataclass
class Up:
    """Something that runs, by the number that the board gave it."""

    number: int
    artifact_id: str
    restarts: int = 0
    ends_at: float = math.inf


class Unreadable(Exception):
    """What is up cannot be told just now."""


class Board:
    """A platform in memory: lanes by number, each with its jobs, its settings, and with what is up."""

    def __init__(self) -> None:
        self.fate = Fate.PASS
        self.jobs: dict[int, list[Job]] = {number: [] for number in range(len(LANES))}
        self.settings = dict.fromkeys(range(len(LANES)), "password=1")
        self.writes: Counter[int] = Counter()
        self._up: dict[int, list[Up]] = {number: [] for number in range(len(LANES))}
        self._numbers = itertools.count(1)

    # -- what a driver may do

    def write(
        self, number: int, run_id: str, artifact_id: str, *, token: str, timeout_s: float, settings: str | None = None
    ) -> Job:
        self._answer(token)
        self.writes[number] += 1
        job = Job(run_id, artifact_id, {Fate.FAIL: "error", Fate.SILENT: "queued"}.get(self.fate, "done"))
        self.jobs[number].append(job)
        if settings is not None:
            self.settings[number] = settings
        if self.fate in (Fate.PASS, Fate.DIES, Fate.HANGS):
            self.run(number, artifact_id, for_s=LIFETIME_S if self.fate is Fate.DIES else math.inf)
        if self.fate is Fate.HANGS:
            time.sleep(min(timeout_s, HANGS_S))
            raise TimeoutError("the board does not answer to the write")
        return job

    def read(self, number: int, *, token: str) -> tuple[str, list[Job]]:
        """The settings and every job of a lane, oldest first."""
        self._answer(token)
        return self.settings[number], self.jobs[number]

    def ups(self, number: int, *, token: str) -> list[Up]:
        """What is up, oldest first. Raises Unreadable."""
        self._answer(token)
        if self.fate is Fate.UNREADABLE:
            raise Unreadable("the board cannot count just now")
        return self.up(number)

    def _answer(self, token: str) -> None:
        if self.fate is Fate.UNREACHABLE:
            raise ConnectionError("the board does not answer")
        if token != TOKEN:
            raise PermissionError("wrong token")

    # -- what is true

    def up(self, number: int) -> list[Up]:
        return [one for one in self._up[number] if time.monotonic() < one.ends_at]

    def run(self, number: int, artifact_id: str, *, for_s: float = math.inf, beside: bool = False) -> None:
        fresh = Up(next(self._numbers), artifact_id, ends_at=time.monotonic() + for_s)
        self._up[number] = [*(self._up[number] if beside else []), fresh]

    def end(self, number: int) -> None:
        self._up[number] = []


class GoodDriver:
    """Deploys to a board, and keeps every promise."""

    driver_id = "board"
    patience_s = 20.0
    deploy_timeout_s = 60.0
    settings: str | None = None  # that a write sets

    def __init__(self, board: Board, config: PluginConfig) -> None:
        self.board, self.config = board, config
        self.token: str = config.options["token"].get_secret_value()
        self.numbers: dict[Lane, int] = {lane: target["number"] for lane, target in config.targets.items()}
        if len(set(self.numbers.values())) < len(self.numbers):
            self.clash()
        self.begin()

    @hookimpl
    def gate_drivers(self) -> Iterable[GoodDriver]:
        return [self]

    def begin(self) -> None:
        """Nothing is to be done when the plugin is made."""

    def clash(self) -> None:
        raise SettingsError("two lanes have one number")

    # -- the driver

    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        try:
            self.check(approval)
        except ConnectionError as error:
            return self.unreachable(approval, error)
        with approval.redeem(self.target(approval.lane)) as release:
            job = self.write(approval, release)
        return self.wait(job, approval, progress)

    def check(self, approval: Approval) -> None:
        self.look(approval.lane)

    def unreachable(self, approval: Approval, error: Exception) -> Outcome:
        return Outcome(status="fail", touched=False, detail=str(error))

    def target(self, lane: Lane) -> Target:
        number = str(self.numbers[lane])
        return Target(target_type="application", target_id=number, target_name=f"lane {number}", deploy_mode="board")

    def write(self, approval: Approval, release: ReleaseIdentity) -> Job:
        return self.put(approval, release, timeout_s=approval.write_seconds_left())

    def put(self, approval: Approval, release: ReleaseIdentity, *, timeout_s: float) -> Job:
        number = self.numbers[approval.lane]
        return self.board.write(
            number, approval.run_id, release.artifact_id, token=self.token, timeout_s=timeout_s, settings=self.settings
        )

    def wait(self, job: Job, approval: Approval, progress: Progress) -> Outcome:
        progress("waiting for the board")
        until = time.monotonic() + self.bounded(approval)
        while job.state == "queued" and time.monotonic() < until:
            time.sleep(POLL_S)
        return self.outcome(job)

    def bounded(self, approval: Approval) -> float:
        return min(self.patience_s, approval.run_seconds_left())

    def outcome(self, job: Job) -> Outcome:
        if job.state == "done":
            return Outcome(status="pass", touched=True)
        status: Any = "fail" if job.state == "error" else "unknown"
        return Outcome(status=status, touched=True, detail=f"the job of run {job.run_id} is {job.state}")

    def find(self, run: Run) -> Outcome:
        _, jobs = self.look(run.destination)
        mine = [job for job in jobs if job.run_id == run.run_id]
        if not mine:
            return Outcome(status="unknown", touched=True, detail=f"the board has no job of run {run.run_id}")
        return self.outcome(mine[-1])

    def observe(self, lane: Lane) -> Observation:
        try:
            _, jobs = self.look(lane)
            up = self.ups(lane)
        except ConnectionError as error:
            return self.unseen(lane, error)
        except Unreadable:
            up = None
        return self.seen(up, in_flight=any(job.state == "queued" for job in jobs))

    def obstacle(self, lane: Lane, release: ReleaseIdentity | None) -> str:
        try:
            self.look(lane)
        except ConnectionError as error:
            return str(error)
        return ""

    def seen(self, up: list[Up] | None, *, in_flight: bool | None) -> Observation:
        containers = tuple(self.container(one) for one in up or ())
        artifacts = {one.artifact_id for one in containers}
        return Observation(
            seen_at=stamp(self.config.now()),
            reachable=True,
            artifact_id=artifacts.pop() if len(artifacts) == 1 else None,
            digests="shown" if up is not None else "failed",
            containers=containers,
            in_flight=in_flight,
        )

    def container(self, one: Up) -> Container:
        return Container(
            container_id=f"up-{one.number}",
            artifact_id=one.artifact_id,
            started_at=f"as number {one.number}",
            restarts=one.restarts,
        )

    def unseen(self, lane: Lane, error: Exception) -> Observation:
        return Observation(
            seen_at=stamp(self.config.now()),
            reachable=False,
            artifact_id=None,
            digests="failed",
            in_flight=None,
            detail=str(error),
        )

    def record(self, outcome: Outcome, inventory: InventoryWriter) -> None:
        inventory.write()

    def look(self, lane: Lane) -> tuple[str, list[Job]]:
        return self.board.read(self.numbers[lane], token=self.token)

    def ups(self, lane: Lane) -> list[Up]:
        return self.board.ups(self.numbers[lane], token=self.token)


class BoardPlatform(Platform):
    """The board in the kit's hands; ``driver`` is the class that is tried."""

    driver_id = "board"
    image = IMAGE
    first, second = a_release("1"), a_release("2")
    rebuild = a_release("3", commit=second.source_git_ref)
    fates = tuple(Fate)
    options: Mapping[str, Any] = {"token": SecretStr(TOKEN)}
    targets: Mapping[Lane, Mapping[str, Any]] = {lane: {"number": number} for number, lane in enumerate(LANES)}
    secrets = (TOKEN,)

    def __init__(self, driver: type[GoodDriver]) -> None:
        self.driver, self.board = driver, Board()

    def plugin(self, config: PluginConfig) -> object:
        return self.driver(self.board, config)

    def running(self, lane: Lane) -> ReleaseIdentity | None:
        up = {one.artifact_id for one in self.board.up(LANES.index(lane))}
        return next((one for one in (self.first, self.second, self.rebuild) if {one.artifact_id} == up), None)

    def changes(self, lane: Lane) -> int:
        return self.board.writes[LANES.index(lane)]

    def arrange(self, fate: Fate) -> None:
        self.board.fate = fate

    def change_behind_the_gate(self, lane: Lane, release: ReleaseIdentity) -> None:
        self.board.run(LANES.index(lane), release.artifact_id)

    def take_down(self, lane: Lane) -> None:
        self.board.end(LANES.index(lane))

    def side_by_side(self, lane: Lane, release: ReleaseIdentity) -> None:
        self.board.run(LANES.index(lane), release.artifact_id, beside=True)

    def restart(self, lane: Lane) -> None:
        for one in self.board.up(LANES.index(lane)):
            one.restarts += 1

    def settings(self, lane: Lane) -> object:
        return self.board.settings[LANES.index(lane)]

    def change_settings(self, lane: Lane) -> None:
        self.board.settings[LANES.index(lane)] += "!"

    def clashing_targets(self) -> Mapping[Lane, Mapping[str, Any]]:
        return {lane: {"number": 0} for lane in LANES}


class BoardPromises(DriverPromises):
    """The kit in a hurry: nothing on the board takes any time."""

    confirm_timeout_s = 0.05
    limit_s = 0.8
    short_s = 0.05
    grace_s = 0.4


# -- deploy


class SaysPassForAFailedDeploy(GoodDriver):
    def wait(self, job: Job, approval: Approval, progress: Progress) -> Outcome:
        outcome = super().wait(job, approval, progress)
        return outcome.model_copy(update={"status": "pass"}) if outcome.status == "fail" else outcome


class SaysFailForAnUnknownEnd(GoodDriver):
    def outcome(self, job: Job) -> Outcome:
        outcome = super().outcome(job)
        return outcome.model_copy(update={"status": "fail"}) if outcome.status == "unknown" else outcome


class GivesNoReasonForAFailure(GoodDriver):
    def outcome(self, job: Job) -> Outcome:
        return super().outcome(job).model_copy(update={"detail": "" if job.state == "error" else "see the board"})


class NamesNothingToLookAt(GoodDriver):
    def outcome(self, job: Job) -> Outcome:
        return super().outcome(job).model_copy(update={"detail": " " if job.state == "queued" else "see the board"})


class SaysPassForADeployThatNeverRan(GoodDriver):
    def unreachable(self, approval: Approval, error: Exception) -> Outcome:
        return Outcome(status="pass", touched=True)


class RedeemsBeforeItChecks(GoodDriver):
    def check(self, approval: Approval) -> None:
        pass


class RunsNothingOnALaneInUse(GoodDriver):
    """It believes that a lane on which something is up needs no deploy."""

    def write(self, approval: Approval, release: ReleaseIdentity) -> Job:
        if self.board.fate is Fate.PASS and self.ups(approval.lane):
            return self.look(approval.lane)[1][-1]
        return super().write(approval, release)


# -- the approval


class WritesBeforeRedeem(GoodDriver):
    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        if self.board.fate is not Fate.UNREACHABLE:
            self.written = super().write(approval, approval.release)
        return super().deploy(approval, progress)

    def write(self, approval: Approval, release: ReleaseIdentity) -> Job:
        return self.written


class SwallowsStale(GoodDriver):
    swallowed: type[GateError] = Stale

    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        try:
            return super().deploy(approval, progress)
        except self.swallowed as error:
            return Outcome(status="fail", touched=False, detail=str(error))


class SwallowsApprovalVoid(SwallowsStale):
    swallowed = ApprovalVoid


class WritesAlthoughStale(GoodDriver):
    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        try:
            return super().deploy(approval, progress)
        except Stale:
            self.write(approval, approval.release)
            raise


class RedeemsTwice(GoodDriver):
    def wait(self, job: Job, approval: Approval, progress: Progress) -> Outcome:
        with suppress(ApprovalVoid), approval.redeem(self.target(approval.lane)):
            pass
        return super().wait(job, approval, progress)


class RetriesTheWrite(GoodDriver):
    def write(self, approval: Approval, release: ReleaseIdentity) -> Job:
        job = super().write(approval, release)
        return super().write(approval, release) if job.state == "queued" else job


class WritesBackWhatItRead(GoodDriver):
    """Its write sets all of a lane, by what it read before."""

    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        with suppress(ConnectionError):
            self.settings, _ = self.look(approval.lane)
        return super().deploy(approval, progress)


class TakesAnErrorForAPass(GoodDriver):
    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        try:
            return super().deploy(approval, progress)
        except GateError:
            raise
        except Exception:  # noqa: BLE001  # what is wrong with it
            return Outcome(status="pass", touched=True)


class TakesAnErrorForAFailure(GoodDriver):
    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        try:
            return super().deploy(approval, progress)
        except GateError:
            raise
        except Exception as error:  # noqa: BLE001  # what is wrong with it
            return Outcome(status="fail", touched=True, detail=str(error))


class SwallowsCtrlC(GoodDriver):
    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        try:
            return super().deploy(approval, progress)
        except KeyboardInterrupt:
            return Outcome(status="unknown", touched=True, detail="interrupted")


# -- the two limits


class WritesWithoutLeave(GoodDriver):
    def write(self, approval: Approval, release: ReleaseIdentity) -> Job:
        return self.put(approval, release, timeout_s=POLL_S)


class AsksForLeaveBeforeItRedeems(GoodDriver):
    def check(self, approval: Approval) -> None:
        super().check(approval)
        self.leave_s = approval.write_seconds_left()

    def write(self, approval: Approval, release: ReleaseIdentity) -> Job:
        return self.put(approval, release, timeout_s=self.leave_s)


class WritesTwiceUnderOneLeave(GoodDriver):
    def write(self, approval: Approval, release: ReleaseIdentity) -> Job:
        timeout_s = approval.write_seconds_left()
        self.put(approval, release, timeout_s=timeout_s)
        return self.put(approval, release, timeout_s=timeout_s)


class WritesAlthoughTheLeaseIsLost(GoodDriver):
    def write(self, approval: Approval, release: ReleaseIdentity) -> Job:
        timeout_s = POLL_S
        with suppress(GateError):
            timeout_s = approval.write_seconds_left()
        return self.put(approval, release, timeout_s=timeout_s)


class SwallowsTheLostLease(GoodDriver):
    swallowed: type[GateError] = NotSettled

    def write(self, approval: Approval, release: ReleaseIdentity) -> Job:
        try:
            return super().write(approval, release)
        except self.swallowed:
            return Job(approval.run_id, release.artifact_id, "lost")


class SwallowsTheLostLedger(SwallowsTheLostLease):
    swallowed = LedgerError


class WritesOnceMoreWhenTheLeaseIsLost(GoodDriver):
    """It leaves a note behind, on a lane that may be another's by now."""

    def write(self, approval: Approval, release: ReleaseIdentity) -> Job:
        try:
            return super().write(approval, release)
        except GateError:
            self.put(approval, release, timeout_s=POLL_S)
            raise


class WritesForTooLong(GoodDriver):
    def put(self, approval: Approval, release: ReleaseIdentity, *, timeout_s: float) -> Job:
        return super().put(approval, release, timeout_s=0.6)


class WaitsBeyondTheRun(GoodDriver):
    patience_s = 0.6

    def bounded(self, approval: Approval) -> float:
        return self.patience_s


class WaitsForEver(GoodDriver):
    def bounded(self, approval: Approval) -> float:
        return threading.TIMEOUT_MAX


class TellsOfLessTimeThanItTakes(GoodDriver):
    deploy_timeout_s = 0.01


# -- observe


class EchoesTheLastDeploy(GoodDriver):
    """It tells what was last written instead of what is up."""

    def observe(self, lane: Lane) -> Observation:
        done = [job.artifact_id for job in self.board.jobs[self.numbers[lane]] if job.state == "done"]
        return self.seen([Up(0, artifact) for artifact in done[-1:]], in_flight=False)


class TakesAnythingForTheLastDeploy(GoodDriver):
    """It looks whether something is up, not what."""

    def observe(self, lane: Lane) -> Observation:
        seen, jobs = super().observe(lane), self.board.jobs[self.numbers[lane]]
        last = [replace(one, artifact_id=jobs[-1].artifact_id) for one in self.board.up(self.numbers[lane])]
        return self.seen(last, in_flight=False) if seen.digests == "shown" else seen


class RaisesWhenALaneIsDown(GoodDriver):
    def observe(self, lane: Lane) -> Observation:
        up, jobs = self.board.up(self.numbers[lane]), self.board.jobs[self.numbers[lane]]
        if jobs and not up and self.board.fate is not Fate.UNREACHABLE:
            raise LookupError("nothing is up")
        return super().observe(lane)


class RaisesWhenUnreachable(GoodDriver):
    def observe(self, lane: Lane) -> Observation:
        self.look(lane)
        return super().observe(lane)


class RemembersWhenUnreachable(GoodDriver):
    def unseen(self, lane: Lane, error: Exception) -> Observation:
        last = self.board.jobs[self.numbers[lane]][-1].artifact_id
        return super().unseen(lane, error).model_copy(update={"artifact_id": last})


class AsksNobody(GoodDriver):
    """It tells what it deployed itself; only a process that deployed nothing asks the platform."""

    def begin(self) -> None:
        self.own: dict[Lane, str] = {}

    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        outcome = super().deploy(approval, progress)
        if outcome.status == "pass":
            self.own[approval.lane] = approval.release.artifact_id
        return outcome

    def observe(self, lane: Lane) -> Observation:
        own = self.own.get(lane)
        return self.seen([Up(0, own)], in_flight=False) if own else super().observe(lane)


class LooksOnce(GoodDriver):
    """What it saw running once it tells ever after."""

    def begin(self) -> None:
        self.once: dict[Lane, list[Up]] = {}

    def ups(self, lane: Lane) -> list[Up]:
        return self.once.setdefault(lane, up) if (up := super().ups(lane)) else up


class TellsTheNewest(GoodDriver):
    """It takes the newest of what is up for all of it."""

    def ups(self, lane: Lane) -> list[Up]:
        return super().ups(lane)[-1:]


class TellsOneOfThem(GoodDriver):
    """It tells everything that is up, and an artifact that not all of it has."""

    def seen(self, up: list[Up] | None, *, in_flight: bool | None) -> Observation:
        artifact_id = up[-1].artifact_id if up else None
        return super().seen(up, in_flight=in_flight).model_copy(update={"artifact_id": artifact_id})


class TakesFailedForNotShown(GoodDriver):
    def seen(self, up: list[Up] | None, *, in_flight: bool | None) -> Observation:
        seen = super().seen(up, in_flight=in_flight)
        return seen.model_copy(update={"digests": "not_shown"}) if up is None else seen


class TakesFailedForNothing(GoodDriver):
    """It tells that nothing is up where it could not look."""

    def ups(self, lane: Lane) -> list[Up]:
        try:
            return super().ups(lane)
        except Unreadable:
            return []


class RemembersWhatItCannotRead(GoodDriver):
    def begin(self) -> None:
        self.last: dict[Lane, list[Up]] = {}

    def ups(self, lane: Lane) -> list[Up]:
        with suppress(Unreadable):
            self.last[lane] = super().ups(lane)
        return self.last[lane]


class NamesContainersAnew(GoodDriver):
    def container(self, one: Up) -> Container:
        return super().container(one).model_copy(update={"container_id": f"seen-{time.monotonic_ns()}"})


class TellsNoStart(GoodDriver):
    def container(self, one: Up) -> Container:
        return super().container(one).model_copy(update={"started_at": ""})


class TellsNoRestart(GoodDriver):
    def container(self, one: Up) -> Container:
        return super().container(one).model_copy(update={"restarts": 0})


class RevivesWhatDied(GoodDriver):
    """It starts again what has ended, and tells of it as if nothing had been."""

    def ups(self, lane: Lane) -> list[Up]:
        number, up = self.numbers[lane], super().ups(lane)
        if not up and (jobs := self.board.jobs[number]):
            self.board.writes[number] += 1
            self.board.run(number, jobs[-1].artifact_id)
        return super().ups(lane)

    def container(self, one: Up) -> Container:
        return super().container(one).model_copy(update={"container_id": "lane", "started_at": "once"})


class StampsByAClockOfItsOwn(GoodDriver):
    def seen(self, up: list[Up] | None, *, in_flight: bool | None) -> Observation:
        seen = super().seen(up, in_flight=in_flight)
        return seen.model_copy(update={"seen_at": stamp(datetime.now(UTC))})


class StartsWhatItFindsDown(GoodDriver):
    """It writes to the platform when it should only look."""

    def observe(self, lane: Lane) -> Observation:
        seen = super().observe(lane)
        if seen.reachable and not seen.containers:
            self.board.writes[self.numbers[lane]] += 1
        return seen


# -- find


class FindsAnyRunPassed(GoodDriver):
    def find(self, run: Run) -> Outcome:
        return Outcome(status="pass", touched=True)


class FindsTheNewestDeploy(GoodDriver):
    def find(self, run: Run) -> Outcome:
        return self.outcome(self.look(run.destination)[1][-1])


class FindsBySightOfTheRelease(GoodDriver):
    def find(self, run: Run) -> Outcome:
        up = [one.artifact_id for one in self.ups(run.destination)]
        is_up = run.release is not None and run.release.artifact_id in up
        return Outcome(status="pass" if is_up else "unknown", touched=True)


class FindsOnlyWhatItBeganItself(GoodDriver):
    """What it knows of a run dies with its process."""

    def begin(self) -> None:
        self.begun: set[str] = set()

    def write(self, approval: Approval, release: ReleaseIdentity) -> Job:
        self.begun.add(approval.run_id)
        return super().write(approval, release)

    def find(self, run: Run) -> Outcome:
        return super().find(run) if run.run_id in self.begun else Outcome(status="unknown", touched=True)


class DeploysAgainToFind(GoodDriver):
    def find(self, run: Run) -> Outcome:
        self.board.writes[self.numbers[run.destination]] += 1
        return super().find(run)


# -- record


class RecordsTwice(GoodDriver):
    def record(self, outcome: Outcome, inventory: InventoryWriter) -> None:
        inventory.write()
        inventory.write()


class RecordsNothing(GoodDriver):
    def record(self, outcome: Outcome, inventory: InventoryWriter) -> None:
        pass


class SwallowsNotSettled(GoodDriver):
    def record(self, outcome: Outcome, inventory: InventoryWriter) -> None:
        with suppress(NotSettled):
            inventory.write()


class InsistsOnRecording(GoodDriver):
    def record(self, outcome: Outcome, inventory: InventoryWriter) -> None:
        try:
            inventory.write()
        except NotSettled:
            inventory.write()


# -- secrets


class TellsTheTokenInAnOutcome(GoodDriver):
    def outcome(self, job: Job) -> Outcome:
        return super().outcome(job).model_copy(update={"deployment_id": f"job-{self.token}"})


class TellsTheTokenInProgress(GoodDriver):
    def wait(self, job: Job, approval: Approval, progress: Progress) -> Outcome:
        progress(f"asking with {self.token}")
        return super().wait(job, approval, progress)


class LogsTheToken(GoodDriver):
    def look(self, lane: Lane) -> tuple[str, list[Job]]:
        logging.getLogger("board").debug("GET /lanes x-api-key: %s", self.token)
        return super().look(lane)


class PrintsTheToken(GoodDriver):
    def look(self, lane: Lane) -> tuple[str, list[Job]]:
        print("x-api-key:", self.token)
        return super().look(lane)


class RaisesTheToken(GoodDriver):
    def find(self, run: Run) -> Outcome:
        try:
            return super().find(run)
        except ConnectionError as error:
            raise RuntimeError(f"GET /lanes?token={self.token}") from error


class ObservesTheToken(GoodDriver):
    def unseen(self, lane: Lane, error: Exception) -> Observation:
        return super().unseen(lane, error).model_copy(update={"detail": f"no answer to {self.token}"})


class KeepsTheTokenInAFile(GoodDriver):
    def begin(self) -> None:
        self.config.state_dir.mkdir(parents=True, exist_ok=True)
        (self.config.state_dir / "session").write_text(self.token)


# -- several at once


class StopsWhatItDoesNotKnow(GoodDriver):
    """It tidies up when it is made, as if nobody else was at work."""

    def begin(self) -> None:
        for number in self.board.jobs:
            self.board.writes[number] += bool(self.board.up(number))


class KeepsItsPlanInOnePlace(GoodDriver):
    """It has room for one deploy, whatever the lane."""

    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        self.planned = approval.release
        return super().deploy(approval, progress)

    def write(self, approval: Approval, release: ReleaseIdentity) -> Job:
        return super().write(approval, self.planned)


class TakesLanesOnOneTarget(GoodDriver):
    def clash(self) -> None:
        pass


class SeesNoObstacle(GoodDriver):
    def obstacle(self, lane: Lane, release: ReleaseIdentity | None) -> str:
        return ""


class SeesAnObstacleWhereNoneIs(GoodDriver):
    """It takes what runs for one."""

    def obstacle(self, lane: Lane, release: ReleaseIdentity | None) -> str:
        return super().obstacle(lane, release) or ("the lane is in use" if self.ups(lane) else "")


class RaisesTheObstacle(GoodDriver):
    def obstacle(self, lane: Lane, release: ReleaseIdentity | None) -> str:
        self.look(lane)
        return ""


class TriesADeployToSeeTheObstacle(GoodDriver):
    def obstacle(self, lane: Lane, release: ReleaseIdentity | None) -> str:
        told = super().obstacle(lane, release)
        if release and not told:
            self.board.write(self.numbers[lane], "a-try", release.artifact_id, token=self.token, timeout_s=1)
        return told


class TellsTheTokenInAnObstacle(GoodDriver):
    def obstacle(self, lane: Lane, release: ReleaseIdentity | None) -> str:
        told = super().obstacle(lane, release)
        return f"{told} to {self.token}" if told else ""


PASSES = "test_a_deploy_that_passes_is_recorded_as_approved"
FAILS = "test_a_deploy_that_fails_is_told_as_failed"
UNKNOWN = "test_a_deploy_whose_end_nobody_saw_is_unknown"
UNTOUCHED = "test_a_platform_that_cannot_be_reached_is_left_untouched"
DOOR = "test_nothing_is_changed_before_the_approval_is_redeemed"
ONCE = "test_an_approval_is_redeemed_once"
NOT_TWICE = "test_no_change_is_made_twice"
ERROR = "test_an_error_after_redeem_writes_no_inventory"
CTRL_C = "test_ctrl_c_passes_through"
RENEWS = "test_each_write_renews_the_lease_first"
LOST = "test_nothing_is_written_once_the_lease_is_lost"
IN_TIME = "test_a_write_takes_no_longer_than_it_may"
ENDS = "test_a_deploy_ends_with_its_run"
OBSERVE = "test_observe_tells_what_runs"
FOREIGN = "test_observe_sees_a_change_behind_the_gate"
DOWN = "test_observe_claims_nothing_for_a_lane_that_is_down"
UNSEEN = "test_observe_claims_nothing_that_it_cannot_see"
FOUND = "test_find_tells_what_became_of_an_interrupted_deploy"
NO_PASS = "test_find_passes_no_deploy_that_failed"
NO_OTHER = "test_find_takes_no_deploy_for_another"
LOOKING = "test_looking_changes_nothing"
RECORD = "test_record_writes_once"
REFUSAL = "test_record_lets_a_refusal_pass"
ALL = "test_a_digest_is_told_only_where_all_run_it"
FAILED = "test_what_cannot_be_read_is_told_as_failed"
ASKS = "test_observe_asks_each_time"
SAME = "test_a_container_is_the_same_until_it_is_restarted"
DIES = "test_a_release_that_dies_soon_is_not_recorded"
REBUILD = "test_a_rebuild_is_recorded_only_where_it_runs"
BETWEEN = "test_a_change_in_between_is_not_undone"
SECRETS = "test_secrets_stay_out_of_sight"
ONE = "test_a_lane_is_changed_by_one_deploy_at_a_time"
APART = "test_lanes_that_change_at_once_are_not_mixed_up"
OBSTACLE = "test_an_obstacle_is_told_where_no_deploy_could_begin"
CLASH = "test_two_lanes_on_one_target_are_refused"

BROKEN: dict[type[GoodDriver], set[str]] = {
    SaysPassForAFailedDeploy: {FAILS},
    SaysFailForAnUnknownEnd: {UNKNOWN},
    GivesNoReasonForAFailure: {FAILS},
    NamesNothingToLookAt: {UNKNOWN},
    SaysPassForADeployThatNeverRan: {UNTOUCHED},
    RedeemsBeforeItChecks: {UNTOUCHED},
    RunsNothingOnALaneInUse: {PASSES, REBUILD},
    WritesBeforeRedeem: {DOOR, RENEWS, IN_TIME},
    SwallowsStale: {DOOR},
    SwallowsApprovalVoid: {DOOR},
    WritesAlthoughStale: {DOOR},
    RedeemsTwice: {ONCE},
    RetriesTheWrite: {NOT_TWICE},
    WritesBackWhatItRead: {BETWEEN},
    TakesAnErrorForAPass: {ERROR},
    TakesAnErrorForAFailure: {ERROR},
    SwallowsCtrlC: {CTRL_C},
    WritesWithoutLeave: {RENEWS},
    AsksForLeaveBeforeItRedeems: {RENEWS},
    WritesTwiceUnderOneLeave: {RENEWS, NOT_TWICE},
    WritesAlthoughTheLeaseIsLost: {LOST},
    SwallowsTheLostLease: {LOST},
    SwallowsTheLostLedger: {LOST},
    WritesOnceMoreWhenTheLeaseIsLost: {LOST},
    WritesForTooLong: {IN_TIME},
    WaitsBeyondTheRun: {ENDS},
    WaitsForEver: {ENDS, UNKNOWN, NOT_TWICE, SECRETS},
    TellsOfLessTimeThanItTakes: {ENDS},
    EchoesTheLastDeploy: {FOREIGN, DOWN, UNSEEN, ASKS, ALL, FAILED, SAME, REBUILD},
    TakesAnythingForTheLastDeploy: {FOREIGN, ASKS, ALL, REBUILD},
    RaisesWhenALaneIsDown: {DOWN},
    RaisesWhenUnreachable: {UNSEEN, UNTOUCHED, FAILED},
    RemembersWhenUnreachable: {UNSEEN, FAILED},
    AsksNobody: {ASKS, REBUILD},
    LooksOnce: {ASKS, PASSES, REBUILD},
    TellsTheNewest: {ALL},
    TellsOneOfThem: {ALL},
    TakesFailedForNotShown: {FAILED},
    TakesFailedForNothing: {FAILED},
    RemembersWhatItCannotRead: {FAILED},
    NamesContainersAnew: {SAME},
    TellsNoStart: {SAME},
    TellsNoRestart: {SAME},
    RevivesWhatDied: {DIES, DOWN, LOOKING},
    StampsByAClockOfItsOwn: {OBSERVE},
    StartsWhatItFindsDown: {LOOKING},
    FindsAnyRunPassed: {NO_PASS, NO_OTHER},
    FindsTheNewestDeploy: {NO_OTHER},
    FindsBySightOfTheRelease: {NO_OTHER},
    FindsOnlyWhatItBeganItself: {FOUND},
    DeploysAgainToFind: {LOOKING},
    RecordsTwice: {RECORD, PASSES, REBUILD},
    RecordsNothing: {RECORD, PASSES, REBUILD},
    SwallowsNotSettled: {REFUSAL},
    InsistsOnRecording: {REFUSAL},
    TellsTheTokenInAnOutcome: {SECRETS},
    TellsTheTokenInProgress: {SECRETS},
    LogsTheToken: {SECRETS},
    PrintsTheToken: {SECRETS},
    RaisesTheToken: {SECRETS},
    ObservesTheToken: {SECRETS},
    KeepsTheTokenInAFile: {SECRETS},
    StopsWhatItDoesNotKnow: {ONE},
    KeepsItsPlanInOnePlace: {APART},
    TakesLanesOnOneTarget: {CLASH},
    SeesNoObstacle: {OBSTACLE},
    SeesAnObstacleWhereNoneIs: {OBSTACLE},
    RaisesTheObstacle: {OBSTACLE},
    TriesADeployToSeeTheObstacle: {OBSTACLE},
    TellsTheTokenInAnObstacle: {SECRETS},
}
