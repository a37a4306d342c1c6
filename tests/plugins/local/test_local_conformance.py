"""The driver ``local`` keeps every promise of a driver, with real processes on real ports."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import psutil
import pytest

from launchplane_gate.demo.release import release_program
from launchplane_gate.demo.workspace import two_free_ports
from launchplane_gate.hookspecs import PluginConfig
from launchplane_gate.model import Lane, ReleaseIdentity
from launchplane_gate.testing import LANES, DriverPromises, Fate, Platform
from launchplane_gate_local import LocalPlugin, artifact_id

pytestmark = pytest.mark.thorough  # processes by the dozen; tests/plugins/local/test_local_driver has a few

SECRET = "hunter2-of-the-gate"

# What a release does first: it notes that it was started, tells all that it knows, and does as was arranged.
BEGIN = """\
import sys, time
with open({starts!r}, "a") as file: file.write(os.environ["LAUNCHPLANE_LANE"] + "\\n")
fate = open({fate!r}).read()
told = " ".join(map(str, os.environ.items()))
if fate in ("FAIL", "CRASHES"): raise SystemExit("cannot start: " + told)
if fate == "SILENT": time.sleep(600)
if fate == "DIES": signal.signal(signal.SIGALRM, lambda *_: os._exit(1)); signal.setitimer(signal.ITIMER_REAL, 0.6)
print(told, flush=True)
"""


class ThisMachine(Platform):
    """A folder of releases, two ports, and whatever processes run below the folder. A start counts as a change.

    What else lies in the folder that a release runs in is a setting of its lane.
    """

    driver_id = "local"
    image = "local/promises"
    secrets = (SECRET,)
    fates = frozenset(Fate) - {Fate.HANGS}  # no signal and no start waits for an answer

    def __init__(self, folder: Path) -> None:
        self.folder, self.releases, self.starts = folder, folder / "releases", folder / "starts"
        self.releases.mkdir()
        self.starts.touch()
        self.ports = dict(zip(LANES, two_free_ports(), strict=True))
        self.state = folder
        self.first, self.second = self._release("1" * 40), self._release("2" * 40)
        self.rebuild = self._release(self.second.source_git_ref, build="again")
        command = [sys.executable, "-S", "-E", "{release}"]
        self.options = {"releases": str(self.releases), "command": command, "start_timeout_s": 3, "stop_timeout_s": 2}
        self.targets = {lane: {"port": port} for lane, port in self.ports.items()}
        self.arrange(Fate.PASS)

    def _release(self, commit: str, *, build: str = "") -> ReleaseIdentity:
        begin = BEGIN.format(starts=str(self.starts), fate=str(self.folder / "fate"))
        program = (
            release_program(commit)
            .replace("signal.signal(", f"{begin}signal.signal(", 1)
            .replace('"revision": REPORTS', f'"revision": REPORTS, "build": {build!r}', 1)
            .replace("allow_reuse_address", "allow_reuse_port = allow_reuse_address", 1)  # two may share a port
        )
        release = ReleaseIdentity(artifact_id=artifact_id("promises", program.encode()), source_git_ref=commit)
        self._file_of(release).write_text(program)
        return release

    def _file_of(self, release: ReleaseIdentity) -> Path:
        return self.releases / release.artifact_id[-64:]

    def plugin(self, config: PluginConfig) -> object:
        self.state = config.state_dir
        return LocalPlugin(config)

    def running(self, lane: Lane) -> ReleaseIdentity | None:
        with suppress(OSError), self._opened(lane) as answer:
            told = json.load(answer)
            if told["build"]:
                return self.rebuild
            return self.first if told["revision"] == self.first.source_git_ref else self.second
        return None

    def _opened(self, lane: Lane) -> Any:
        return build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{self.ports[lane]}/health", timeout=5)

    def changes(self, lane: Lane) -> int:
        return self.starts.read_text().split().count(str(lane))

    def arrange(self, fate: Fate) -> None:
        (self.folder / "fate").write_text(fate.name)
        away = self.folder / "away"
        if fate is Fate.UNREACHABLE:
            self.releases.rename(away)
            self.releases.touch()  # no folder: one that is missing is merely empty
        elif away.exists():
            self.releases.unlink()
            away.rename(self.releases)
        for note in self.state.glob("*/*/process.json"):
            readable = note.with_name("readable.json")
            if readable.exists():
                readable.replace(note)
            if fate is Fate.UNREADABLE:
                note.rename(readable)
                note.write_text("{")

    def change_behind_the_gate(self, lane: Lane, release: ReleaseIdentity) -> None:
        self.take_down(lane)
        self.side_by_side(lane, release)

    def side_by_side(self, lane: Lane, release: ReleaseIdentity) -> None:
        environment = {"PORT": str(self.ports[lane]), "LAUNCHPLANE_LANE": str(lane)}
        command = [sys.executable, str(self._file_of(release))]
        with (self.folder / "by-hand.log").open("w") as log:
            process = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=log, stderr=log)
        until(lambda: psutil.Process(process.pid).net_connections("tcp"))

    def restart(self, lane: Lane) -> None:
        release = self.running(lane)
        assert release, "nothing runs that could be restarted"
        self.change_behind_the_gate(lane, release)

    def settings(self, lane: Lane) -> object:
        files = (self.state / lane.context / lane.instance).iterdir()
        own = ("process.json", "output.log", "release-", "staged-")
        return {file.name: file.read_text() for file in files if not file.name.startswith(own)}

    def change_settings(self, lane: Lane) -> None:
        (self.state / lane.context / lane.instance / "shop.ini").write_text("colour = blue")

    def take_down(self, lane: Lane) -> None:
        self.stop(lane)
        until(lambda: self.running(lane) is None)

    def clashing_targets(self) -> Mapping[Lane, Mapping[str, Any]]:
        return {lane: {"port": 8080} for lane in LANES}

    def stop(self, *lanes: Lane) -> None:
        """Kill every process that was started from these releases for one of the lanes."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                environment = process.environ()
                found = (environment.get("LAUNCHPLANE_LANE"), environment.get("PORT"))
                if found in [(str(lane), str(self.ports[lane])) for lane in lanes]:
                    process.kill()
                    until(partial(has_ended, process))  # its port is closed earlier than it is gone


def has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
    except psutil.NoSuchProcess:
        return True


def until(happened: Callable[[], object], *, limit_s: float = 10) -> None:
    deadline = time.monotonic() + limit_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class TestLocal(DriverPromises):
    short_s = 0.5
    test_a_write_takes_no_longer_than_it_may = None  # type: ignore[assignment]  # none waits for an answer: none is tried

    @pytest.fixture
    def platform(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThisMachine]:
        monkeypatch.setenv("GATE_DATABASE_PASSWORD", SECRET)
        machine = ThisMachine(tmp_path)
        yield machine
        machine.stop(*LANES)
