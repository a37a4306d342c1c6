"""The driver ``generic-web``: sets the image of a target by its digest, deploys, and waits for that very deployment.

``done`` is not live: Docker may take the image back, and what runs may end again. So the services of the target are
waited for, and what is observed is by which digest each of its containers was pulled.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from launchplane_gate.errors import SettingsError, Undecided
from launchplane_gate.hookspecs import Approval, Driver, InventoryWriter, PluginConfig, Progress, hookimpl
from launchplane_gate.model import Lane, Observation, Outcome, ReleaseIdentity, Run, Target, stamp
from launchplane_gate_dokploy import Deployment, Dokploy, DokployError, QueuedJob, RightMissing, connection
from launchplane_gate_generic_web.changing import NotDeployed, set_image
from launchplane_gate_generic_web.compose_file import Unusable
from launchplane_gate_generic_web.options import GenericWebOptions, Targets, TargetTable, read_options
from launchplane_gate_generic_web.rollout import Rollout
from launchplane_gate_generic_web.running import Running, read_running
from launchplane_gate_generic_web.targets import ReadTarget, read_target
from launchplane_gate_generic_web.waiting import ALREADY_SET, Wait

TITLE = "launchplane-gate "  # of a deployment of ours; the run follows
LOOK_TIMEOUTS = 2  # of a call, that a whole look at a target may take
CHANGE_TIMEOUTS = 4  # for the target read again, its image set and read back, and its deployment


class GenericWebPlugin:
    """Brings the driver ``generic-web``. Raises SettingsError for settings that it cannot deploy with."""

    def __init__(self, config: PluginConfig) -> None:
        self.driver = GenericWebDriver.told(config, read_options(config), f"plugins.{config.name}")

    @hookimpl
    def gate_drivers(self) -> Iterable[Driver]:
        return [self.driver]


@dataclass(frozen=True)
class _Seen:
    """A target with its queue and its rows."""

    target: ReadTarget
    jobs: list[QueuedJob]
    rows: list[Deployment]

    @property
    def busy(self) -> str:
        """The deployment that is under way on the target, by anybody; empty where there is none."""
        if self.jobs:
            return f"{self.jobs[0].title!r} is {'running' if self.jobs[0].state == 'active' else 'queued'}"
        running = [row for row in self.rows if row.status == "running"]
        if running:
            return f"{running[0].title!r} is running since {running[0].created_at}"
        return ""

    @property
    def never_deployed(self) -> bool:
        return self.target.status == "idle" and not self.jobs and not self.rows

    @property
    def doubt(self) -> str:
        """A status that a restart of Dokploy left behind; the next deployment ends it."""
        if self.target.status != "running" or self.busy:
            return ""
        return "Dokploy says running, but has neither a job nor a running deployment of it, as after a restart"


class _Refused(Exception):
    """Why a deploy was not begun."""


class GenericWebDriver:
    """``after_s``: what a deploy may take once Dokploy's deployment has ended, where more belongs to it."""

    driver_id = "generic-web"
    after_s = 0.0

    def __init__(
        self,
        dokploy: Dokploy,
        options: GenericWebOptions,
        targets: Targets,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._dokploy = dokploy
        self._options = options
        self._targets = targets
        self._now = now
        self._look_s = LOOK_TIMEOUTS * options.timeout_s
        self._change_s = CHANGE_TIMEOUTS * options.timeout_s
        # A look before the changes; and one after, that began when the wait was over but for a moment.
        self.deploy_timeout_s = self._look_s + self._change_s + options.deploy_timeout_s + self._look_s
        self.deploy_timeout_s += self.after_s

    @classmethod
    def told(cls, config: PluginConfig, options: GenericWebOptions, place: str) -> Self:
        """The driver by what the settings say, the options at ``place``. Raises SettingsError."""
        server = connection(options, place=place, base_dir=config.base_dir)
        targets = Targets(config, options.compose_variable)
        return cls(Dokploy(server), options, targets, now=config.now)

    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        try:
            table, seen = self._prepare(approval)
        except (_Refused, Unusable, DokployError, Undecided) as error:
            return Outcome(status="fail", touched=False, detail=str(error))
        dokploy = self._dokploy.reading_within(approval.run_seconds_left).writing_within(approval.write_seconds_left)
        meanwhile = ""
        if seen.doubt:
            progress(f"deploying all the same: {seen.doubt}")
        try:
            with approval.redeem(_target(table, seen.target)) as release:
                progress(f"setting the image of {table.target_type} {table.target_id}")
                meanwhile = set_image(dokploy, seen.target, lambda: self._read(dokploy, table), release.artifact_id)
                self._trigger(dokploy, table, approval)
        except NotDeployed as end:
            return end.outcome
        except DokployError as error:
            if not error.acted:
                return Outcome(status="unknown", touched=True, detail=f"nothing was deployed: {error}; {ALREADY_SET}")
            progress(f"looking for the deployment all the same: {error}")
        timeout_s = max(min(self._options.deploy_timeout_s, approval.run_seconds_left()), 0)
        watching = self._reading(timeout_s + self._look_s, approval.run_seconds_left)
        rollout = Rollout(watching, lambda: seen.target.place, approval.release.artifact_id)
        wait = Wait(watching, table.ref, title_of(approval.run_id), rollout, timeout_s, self._options.poll_s, progress)
        return _with(wait.outcome(), meanwhile)

    def find(self, run: Run) -> Outcome:
        """What is known now: a deployment that is queued or runs is ``unknown``, and may be asked about again."""
        try:
            table = self._table(run.destination)
        except (_Refused, Undecided) as error:
            return Outcome(status="unknown", touched=True, detail=str(error))
        image = run.release.artifact_id if run.release else ""
        dokploy = self._reading(self._look_s)
        rollout = Rollout(dokploy, lambda: self._read(dokploy, table).place, image) if image else None
        return Wait(dokploy, table.ref, title_of(run.run_id), rollout, 0, 0, lambda _: None).found()

    def observe(self, lane: Lane) -> Observation:
        seen_at = stamp(self._now())  # before it is read: what is true then is true no earlier
        try:
            table = self._table(lane)
            dokploy = self._reading(self._look_s)
            seen = self._look(dokploy, table)
        except (_Refused, DokployError, Undecided) as error:
            return _not_reached(seen_at, error)
        try:
            image, place = seen.target.image, seen.target.place
            running = read_running(dokploy, place, never_deployed=seen.never_deployed)
        except Unusable as error:
            image, running = None, Running("not_shown", detail=f"what runs is not shown: {error}")
        return Observation(
            seen_at=seen_at,
            reachable=True,
            artifact_id=running.artifact_id,
            configured_artifact_id=image,
            digests=running.digests,
            containers=running.containers,
            in_flight=bool(seen.busy) or running.updating,
            detail=f"{running.detail}; {_last_deployment(seen)}",
            lacks=running.lacks,
            run_id=_named_by(seen.rows),
        )

    def record(self, outcome: Outcome, inventory: InventoryWriter) -> None:
        inventory.write()

    def obstacle(self, lane: Lane, release: ReleaseIdentity | None) -> str:
        """What ``_prepare`` would find, but for a deployment that is under way: that one ends by itself."""
        try:
            table = self._table(lane)
            target = self._read(self._reading(self._look_s), table)
            target.check(release.artifact_id if release else None)
        except (_Refused, Unusable, DokployError, Undecided) as error:
            return str(error)
        return ""

    def _prepare(self, approval: Approval) -> tuple[TargetTable, _Seen]:
        """Check whatever can be checked, and change nothing. Raises _Refused, Unusable or DokployError."""
        table = self._table(approval.lane)
        seen = self._look(self._reading(self._look_s, approval.run_seconds_left), table)
        if seen.busy:
            raise _Refused(
                f"another deployment of {table.target_type} {table.target_id} is under way: {seen.busy}; "
                "wait for its end, or cancel it in Dokploy, then deploy again"
            )
        seen.target.check(approval.release.artifact_id)
        if (left_s := approval.run_seconds_left()) <= self._change_s:
            raise _Refused(f"{left_s:.0f} s of the run are left, and the changes may take {self._change_s:.0f} s")
        return table, seen

    def _table(self, lane: Lane) -> TargetTable:
        """Raises _Refused, and Undecided where it cannot be told now."""
        try:
            table = self._targets.of(lane)
        except SettingsError as error:
            raise _Refused(f"{error}: {error.hint.removeprefix('Nothing was done. ')}") from None
        if table is None:
            where = "name target_type and target_id in its table `target`, or in the host's record"
            raise _Refused(f"there is no target for {lane}: {where}")
        return table

    def _look(self, dokploy: Dokploy, table: TargetTable) -> _Seen:
        """The queue first: a job that leaves it meanwhile is found among the rows. Raises DokployError."""
        jobs, rows = self._deployments(dokploy, table)
        seen = _Seen(self._read(dokploy, table), jobs, rows)
        if seen.doubt:  # a job that has started since it was looked for would look the same
            seen = _Seen(seen.target, *self._deployments(dokploy, table))
        return seen

    def _deployments(self, dokploy: Dokploy, table: TargetTable) -> tuple[list[QueuedJob], list[Deployment]]:
        jobs = [job for job in dokploy.queue() if job.is_of(table.ref)]
        return jobs, dokploy.deployments(table.ref)

    def _read(self, dokploy: Dokploy, table: TargetTable) -> ReadTarget:
        return read_target(dokploy, table, self._options.compose_variable)

    def _reading(self, limit_s: float, run_seconds_left: Callable[[], float] = lambda: math.inf) -> Dokploy:
        """For all that is read from now on: a server that is slow each time is not waited for each time."""
        deadline = time.monotonic() + limit_s
        return self._dokploy.reading_within(lambda: min(deadline - time.monotonic(), run_seconds_left()))

    def _trigger(self, dokploy: Dokploy, table: TargetTable, approval: Approval) -> None:
        release = approval.release
        dokploy.deploy(
            table.ref,
            title=title_of(approval.run_id),
            description=f"{release.artifact_id} of commit {release.source_git_ref}",
        )


def title_of(run_id: str) -> str:
    """By this the deployment of a run is found again, whoever made it: a run makes one at most."""
    return f"{TITLE}{run_id}"


def _named_by(rows: list[Deployment]) -> str:
    """The run of a gate that the newest deployment names; empty where that is none's."""
    named = re.fullmatch(re.escape(TITLE) + r"(r-[0-9A-Z]{8})", rows[0].title or "") if rows else None
    return named[1] if named else ""


def _target(table: TargetTable, target: ReadTarget) -> Target:
    return Target(
        target_type=table.target_type,
        target_id=table.target_id,
        target_name=table.target_name or target.name or table.target_id,
        deploy_mode=f"dokploy-{table.target_type}-api",
    )


def _with(outcome: Outcome, meanwhile: str) -> Outcome:
    if not meanwhile:
        return outcome
    return outcome.model_copy(update={"detail": f"{outcome.detail}; {meanwhile}"})


def _not_reached(seen_at: str, error: Exception) -> Observation:
    hidden = isinstance(error, _Refused | RightMissing)  # it will be so the next time too
    return Observation(
        seen_at=seen_at,
        reachable=False,
        artifact_id=None,
        digests="not_shown" if hidden else "failed",
        in_flight=None,
        detail=str(error),
        lacks=str(error) if isinstance(error, RightMissing) else "",
    )


def _last_deployment(seen: _Seen) -> str:
    what = f"status {seen.target.status}"
    if seen.busy or seen.doubt:
        return f"{what}; {seen.busy or seen.doubt}"
    if not seen.rows:
        return f"{what}; no deployment is remembered"
    row = seen.rows[0]
    return f"{what}; last deployment {row.title!r}: {row.status} at {row.finished_at or row.created_at}"
