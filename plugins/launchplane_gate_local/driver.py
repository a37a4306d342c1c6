"""The driver ``local``. A lane's folder holds the copy of its release that runs, a note on its process, and a log.

The gate can be killed between the start of a process and the note on it. Nothing is guessed then: ``find`` says
``unknown``, and the next deploy is refused, untouched, with the pid of the process that holds the port.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from launchplane_gate import private
from launchplane_gate.hookspecs import Approval, Driver, InventoryWriter, PluginConfig, Progress, hookimpl
from launchplane_gate.model import Container, Lane, Observation, Outcome, ReleaseIdentity, Run, Target, stamp
from launchplane_gate_local import containers, processes
from launchplane_gate_local.options import LocalOptions, read_options, read_ports
from launchplane_gate_local.processes import RunningRelease, Unreadable
from launchplane_gate_local.releases import digest_in, find_release, is_intact

LOG_TAIL = 300
READING_S = 30.0  # for finding and copying a release, which is up to 64 MB in a folder of others


class LocalPlugin:
    """Brings the driver ``local``. Raises SettingsError for settings that it cannot run with."""

    def __init__(self, config: PluginConfig) -> None:
        self.driver = LocalDriver(
            read_options(config),
            read_ports(config),
            base_dir=config.base_dir,
            state_dir=config.state_dir,
            now=config.now,
        )

    @hookimpl
    def gate_drivers(self) -> Iterable[Driver]:
        return [self.driver]


class _Refused(Exception):
    """Why a deploy was not begun."""


class _Failed(Exception):
    """What went wrong once it was."""


@dataclass(frozen=True)
class _Plan:
    """A deploy that was checked; ``staged`` is the copy of its release, ready to take its place."""

    lane: Lane
    port: int
    run_id: str
    staged: Path


class LocalDriver:
    driver_id = "local"

    def __init__(
        self,
        options: LocalOptions,
        ports: dict[Lane, int],
        *,
        base_dir: Path,
        state_dir: Path,
        now: Callable[[], datetime],
    ) -> None:
        self._options = options
        self._stopping_s = options.stop_timeout_s + processes.KILL_WAIT_S
        # What runs is stopped, and the release is waited for; or stopped again, where its note cannot be written.
        self.deploy_timeout_s = READING_S + self._stopping_s + max(options.start_timeout_s, self._stopping_s)
        self._releases = base_dir / options.releases
        self._ports = ports
        self._state_dir = state_dir.absolute()  # a release does not run in the folder that the gate runs in
        self._now = now
        self._children: list[subprocess.Popen[bytes]] = []

    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        try:
            plan = self._prepare(approval)
        except (_Refused, Unreadable, OSError) as error:
            return Outcome(status="fail", touched=False, detail=str(error))
        try:
            with approval.redeem(_target(plan)) as release:
                note, child = self._replace(plan, release.artifact_id, approval, progress)
        except _Failed as error:
            return _fail(str(error))
        finally:
            plan.staged.unlink(missing_ok=True)
        limit_s = min(self._options.start_timeout_s, approval.run_seconds_left())
        progress(f"waiting up to {limit_s:.0f} s for {plan.lane} to accept connections on port {plan.port}")
        return self._outcome(plan.lane, note, child, limit_s=limit_s)

    def find(self, run: Run) -> Outcome:
        """Held to what ``deploy`` waits for: a process that lives but does not serve is unknown."""
        lane = run.destination
        try:
            note = self._known(lane)
        except Unreadable as error:
            return Outcome(status="unknown", touched=True, detail=str(error))
        if note is None or note.run_id != run.run_id:
            return Outcome(status="unknown", touched=True, detail=f"no process of run {run.run_id} is known on {lane}")
        self._reap()
        return self._outcome(lane, note, None, limit_s=self._options.start_timeout_s)

    def observe(self, lane: Lane) -> Observation:
        self._reap()
        in_flight: bool | None = False
        seen: tuple[Container, ...] = ()
        try:
            seen, detail = self._running(lane)
            known = all(one.artifact_id for one in seen)
        except Unreadable as error:
            known, detail, in_flight = False, str(error), None
        artifacts = {one.artifact_id for one in seen}
        return Observation(
            seen_at=stamp(self._now()),
            reachable=True,  # it is this machine
            artifact_id=artifacts.pop() if len(artifacts) == 1 else None,
            digests="shown" if known else "failed",
            containers=seen,
            in_flight=in_flight,
            detail=detail,
        )

    def record(self, outcome: Outcome, inventory: InventoryWriter) -> None:
        inventory.write()

    def obstacle(self, lane: Lane, release: ReleaseIdentity | None) -> str:
        """What ``_prepare`` would find, with nothing staged."""
        try:
            self._free_port(lane)
            with suppress(FileNotFoundError):  # it is made with the first release
                next(self._releases.iterdir(), None)
            if release:
                self._content(release.artifact_id)
        except (_Refused, Unreadable, OSError) as error:
            return str(error)
        return ""

    def stop(self, lane: Lane) -> bool:
        """Stop what a lane runs; gives whether it is gone. Raises Unreadable where that is not known."""
        note = self._known(lane)
        gone = note is None or processes.stop(note, timeout_s=self._options.stop_timeout_s)
        self._reap()
        return gone

    def _running(self, lane: Lane) -> tuple[tuple[Container, ...], str]:
        """Every process that a lane runs, its own and whoever else is on its port, and a word on them.

        Raises Unreadable.
        """
        note, port = self._known(lane), self._ports.get(lane)
        strangers = containers.on_port(port, note) if port else ()
        if note is None:
            return strangers, containers.told(strangers, port) or "nothing was deployed here yet"
        if not processes.is_alive(note):
            return strangers, containers.told(strangers, port) or f"its process (pid {note.pid}) has ended"
        intact = is_intact(self._copy(lane, note.artifact_id), digest_in(note.artifact_id))
        detail = f"pid {note.pid}" if intact else f"the file that pid {note.pid} was started from has been altered"
        own = containers.of_note(note, port, artifact_id=note.artifact_id if intact else None)
        return (own, *strangers), "; ".join(filter(None, [detail, containers.told(strangers, port)]))

    def _prepare(self, approval: Approval) -> _Plan:
        """Check whatever can be checked, and change nothing that runs. Raises _Refused, Unreadable or OSError."""
        lane, stopping_s = approval.lane, self._stopping_s
        if (left_s := approval.run_seconds_left()) <= stopping_s:
            raise _Refused(f"{left_s:.0f} s of the run are left, and stopping what runs may take {stopping_s:.0f} s")
        port = self._free_port(lane)
        approval.write_seconds_left()  # where the lane is another's by now, so is what is staged there
        return _Plan(lane, port, approval.run_id, self._stage(lane, approval.release.artifact_id))

    def _free_port(self, lane: Lane) -> int:
        """The lane's port, which nobody but its own process may hold. Raises _Refused."""
        if lane not in self._ports:
            raise _Refused(f"the settings name no port for {lane}: its table `target` needs `port`")
        self._reap()
        port, note = self._ports[lane], self._known(lane)
        obstacle = processes.what_keeps_from(port)
        if obstacle and not (note and processes.owns(note, port)):
            raise _Refused(f"port {port} of {lane} cannot be used: {obstacle}; free it, then deploy again")
        return port

    def _stage(self, lane: Lane, artifact: str) -> Path:
        """A copy of the release, beside those that ran: what can go wrong with it does so before anything stops."""
        content = self._content(artifact)
        folder = self._folder(lane)
        private.make_folder(folder)
        for leftover in folder.glob("staged-*"):
            leftover.unlink()
        handle, name = tempfile.mkstemp(dir=folder, prefix="staged-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(handle, 0o700)
        return Path(name)

    def _content(self, artifact: str) -> bytes:
        """What the file of a release holds. Raises _Refused or OSError."""
        digest = digest_in(artifact)
        if digest is None:
            raise _Refused(f"{artifact} is no artifact of this driver: local/PRODUCT@sha256:DIGEST")
        content = find_release(self._releases, digest)
        if content is None:
            raise _Refused(f"no file in {self._releases} has the digest {digest}")
        return content

    def _replace(
        self, plan: _Plan, artifact: str, approval: Approval, progress: Progress
    ) -> tuple[RunningRelease, subprocess.Popen[bytes]]:
        """Stop what runs and start the staged copy: two signals at most, and a start, each of them at once.

        Raises _Failed.
        """
        lane, old = plan.lane, self._known(plan.lane)
        if old and processes.is_alive(old):
            progress(f"stopping what {lane} runs (pid {old.pid})")
            timeout_s = min(self._options.stop_timeout_s, approval.run_seconds_left())
            if not processes.stop(old, timeout_s=timeout_s, before_each=approval.write_seconds_left):
                raise _Failed(f"pid {old.pid} could not be stopped, so nothing was started")
        copy = self._copy(lane, artifact)
        approval.write_seconds_left()
        plan.staged.replace(copy)
        if not is_intact(copy, digest_in(artifact)):
            raise _Failed("the copy of the release was altered before it ran; nothing runs now")
        progress(f"starting the release on port {plan.port}")
        approval.write_seconds_left()
        try:
            child = self._start(plan, artifact, copy)
        except OSError as error:
            raise _Failed(f"the release cannot be run: {error}; nothing runs now") from None
        note = self._noted(plan, artifact, child)
        self._forget_other_copies(lane, copy)
        return note, child

    def _noted(self, plan: _Plan, artifact: str, child: subprocess.Popen[bytes]) -> RunningRelease:
        """Write the note on a process that was just started. Raises _Failed, with the process stopped again."""
        note = RunningRelease(
            pid=child.pid,
            create_time=psutil.Process(child.pid).create_time(),
            artifact_id=artifact,
            run_id=plan.run_id,
            started_at=stamp(self._now()),
        )
        self._children.append(child)  # from here on it may be reaped
        try:
            processes.write_note(self._note(plan.lane), note)
        except OSError as error:
            processes.stop(note, timeout_s=self._options.stop_timeout_s)
            raise _Failed(f"the note on its process cannot be written: {error}; it was stopped again") from None
        return note

    def _start(self, plan: _Plan, artifact: str, copy: Path) -> subprocess.Popen[bytes]:
        port = str(plan.port)
        command = [word.replace("{release}", str(copy)).replace("{port}", port) for word in self._options.command]
        return processes.start(
            command,
            folder=self._folder(plan.lane),
            log=self._log(plan.lane),
            environment={
                "PORT": port,
                processes.LANE: str(plan.lane),
                processes.RUN: plan.run_id,
                processes.ARTIFACT: artifact,
            },
        )

    def _outcome(
        self, lane: Lane, note: RunningRelease, child: subprocess.Popen[bytes] | None, *, limit_s: float
    ) -> Outcome:
        """Wait until a process serves, ends, or the time is over."""
        port = self._ports.get(lane)
        known_as = f"pid-{note.pid}"
        deadline = time.monotonic() + limit_s
        while processes.is_alive(note):
            if port and processes.serves(note, port):
                return Outcome(status="pass", touched=True, detail=f"pid {note.pid}", deployment_id=known_as)
            if time.monotonic() >= deadline:
                detail = f"pid {note.pid} runs, but did not accept connections on port {port} within {limit_s:.0f} s"
                return Outcome(status="unknown", touched=True, detail=detail, deployment_id=known_as)
            time.sleep(processes.POLL_S)
        return _fail(
            f"the release {_how_it_ended(child.poll() if child else None)}: {self._last_words(lane)}",
            deployment_id=known_as,
        )

    def _last_words(self, lane: Lane) -> str:
        """The end of a release's log, in one line and without what would steer a terminal."""
        with suppress(OSError), private.opened(self._log(lane)) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4 * LOG_TAIL))
            words = " ".join(file.read(4 * LOG_TAIL).decode("utf-8", "replace").split())
            return "".join(letter for letter in words if letter.isprintable())[-LOG_TAIL:] or "it printed nothing"
        return "its log cannot be read"

    def _reap(self) -> None:
        """Let go of the children that have ended: the gate may live long, and they would stay zombies."""
        self._children = [child for child in self._children if child.poll() is None]

    def _forget_other_copies(self, lane: Lane, kept: Path) -> None:
        for copy in self._folder(lane).glob("release-*"):
            if copy != kept:
                with suppress(OSError):  # a leftover costs room and nothing else
                    copy.unlink()

    def _folder(self, lane: Lane) -> Path:
        return self._state_dir / lane.context / lane.instance

    def _note(self, lane: Lane) -> Path:
        return self._folder(lane) / processes.NOTE

    def _known(self, lane: Lane) -> RunningRelease | None:
        """The note on what a lane runs; where its process has ended, on one whose note was never written.

        Raises Unreadable.
        """
        note = processes.read_note(self._note(lane))
        if note and processes.is_alive(note):
            return note
        return processes.without_note(self._folder(lane), lane) or note

    def _log(self, lane: Lane) -> Path:
        return self._folder(lane) / "output.log"

    def _copy(self, lane: Lane, artifact: str) -> Path:
        return self._folder(lane) / f"release-{digest_in(artifact)}"


def _target(plan: _Plan) -> Target:
    return Target(
        target_type="application",
        target_id=f"local-{plan.lane.context}-{plan.lane.instance}",
        target_name=f"{plan.lane} on port {plan.port}",
        deploy_mode="local-process",
    )


def _fail(detail: str, deployment_id: str = "") -> Outcome:
    return Outcome(status="fail", touched=True, detail=detail, deployment_id=deployment_id)


def _how_it_ended(code: int | None) -> str:
    if code is None:
        return "has ended"
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
