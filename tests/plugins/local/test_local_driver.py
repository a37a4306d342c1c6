"""What the driver ``local`` promises, with real processes on real ports."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import psutil
import pytest

from launchplane_gate.demo.release import release_program
from launchplane_gate.errors import NotSettled, SettingsError, Stale
from launchplane_gate.hookspecs import PluginConfig
from launchplane_gate.model import Actor, Lane, Outcome, ReleaseIdentity, Run, Target, unstamp
from launchplane_gate_local import LocalDriver, LocalPlugin, artifact_id, stop_all
from launchplane_gate_local.driver import READING_S
from launchplane_gate_local.processes import KILL_WAIT_S

A, B = "a" * 40, "b" * 40
TESTING, PROD = Lane(context="shop", instance="testing"), Lane(context="shop", instance="prod")
PYTHON = [sys.executable, "-S", "-E", "{release}"]


@dataclass
class FakeApproval:
    """Leave to deploy, that counts what was redeemed. ``refuses`` is raised instead; ``left_s`` is what is left of the
    run. ``leaves`` are those to write: the one after them is refused.
    """

    release: ReleaseIdentity
    lane: Lane = TESTING
    run_id: str = "r-1"
    left_s: Callable[[], float] = lambda: 60.0
    leaves: int = 100
    asked: int = 0
    refuses: Exception | None = None
    redeemed: list[Target] = field(default_factory=list)
    triggered: bool = False

    def write_seconds_left(self) -> float:
        self.asked += 1
        if self.asked > self.leaves:
            raise NotSettled("the lease is over")
        return 10.0

    def run_seconds_left(self) -> float:
        return self.left_s()

    @contextmanager
    def redeem(self, target: Target) -> Iterator[ReleaseIdentity]:
        if self.refuses:
            raise self.refuses
        self.redeemed.append(target)
        yield self.release
        self.triggered = True


@dataclass
class Site:
    """A machine with two lanes. What is deployed by ``deploy`` is put into the folder of releases first."""

    folder: Path
    ports: dict[Lane, int]
    driver: LocalDriver = field(init=False)

    def __post_init__(self) -> None:
        (self.folder / "releases").mkdir()
        self.driver = self.made()

    def made(self, **options: Any) -> LocalDriver:
        """A driver on this machine, as another run of the gate would make it."""
        options = {"releases": "releases", "command": PYTHON, "stop_timeout_s": 2} | options
        targets = {lane: {"port": port} for lane, port in self.ports.items()}
        (driver,) = LocalPlugin(config(self.folder, options, targets)).gate_drivers()
        assert isinstance(driver, LocalDriver)
        return driver

    def release(self, program: str, name: str = "") -> ReleaseIdentity:
        """A file for a release, and its identity."""
        artifact = artifact_id("shop", program.encode())
        (self.folder / "releases" / (name or f"{artifact[-12:]}.py")).write_text(program)
        return ReleaseIdentity(artifact_id=artifact, source_git_ref=A)

    def deploy(self, program: str, *, driver: LocalDriver | None = None, **rest: Any) -> tuple[Outcome, FakeApproval]:
        approval = FakeApproval(self.release(program), **rest)
        return (driver or self.driver).deploy(approval, print), approval

    def lane_folder(self, lane: Lane = TESTING) -> Path:
        return self.folder / "state" / lane.context / lane.instance

    def note(self, lane: Lane = TESTING) -> dict[str, Any]:
        found = json.loads((self.lane_folder(lane) / "process.json").read_text())
        assert isinstance(found, dict)
        return found

    def edit_note(self, **changed: Any) -> None:
        (self.lane_folder() / "process.json").write_text(json.dumps(self.note() | changed))

    def process(self, lane: Lane = TESTING) -> psutil.Process:
        return psutil.Process(self.note(lane)["pid"])

    def reports(self, lane: Lane = TESTING) -> str:
        url = f"http://127.0.0.1:{self.ports[lane]}/health"
        with build_opener(ProxyHandler({})).open(url, timeout=5) as answer:
            return str(json.load(answer)["revision"])

    def runs(self, lane: Lane = TESTING, driver: LocalDriver | None = None) -> str | None:
        return (driver or self.driver).observe(lane).artifact_id

    def find(self, run_id: str = "r-1", *, driver: LocalDriver | None = None) -> Outcome:
        return (driver or self.driver).find(a_run(run_id))


def config(folder: Path, options: dict[str, Any], targets: dict[Lane, dict[str, Any]]) -> PluginConfig:
    return PluginConfig(
        name="local",
        options=options,
        targets=targets,
        base_dir=folder,
        state_dir=folder / "state",
        now=lambda: datetime.now(UTC),
    )


def a_run(run_id: str) -> Run:
    return Run(
        run_id=run_id,
        status="open",
        action="deploy",
        product="shop",
        source=None,
        destination=TESTING,
        release=None,
        previous=None,
        actor=Actor(subject="somebody"),
        reason="",
        started_at="2026-01-01T00:00:00.000000Z",
    )


def free_ports(number: int) -> list[int]:
    """Ports below those that a system gives out by itself: nobody else is given one before a release takes it."""
    found: list[int] = []
    while len(found) < number:
        port = random.randrange(20000, 32000)  # noqa: S311  # no secret
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
    return found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, dict(zip((TESTING, PROD), free_ports(2), strict=True)))
    yield site
    stop_all(tmp_path / "state", timeout_s=1)
    for process in psutil.process_iter():  # whatever a test has hidden from the driver
        with suppress(psutil.Error):
            if process.cwd().startswith(str(tmp_path)):
                process.kill()


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with any lane."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


def until(happened: Callable[[], object], *, limit_s: float = 5) -> None:
    deadline = time.monotonic() + limit_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def has_ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


# -- a deploy


def test_a_deploy_runs_the_release_and_knows_it_again(site: Site) -> None:
    outcome, approval = site.deploy(release_program(A))

    assert (outcome.status, outcome.touched) == ("pass", True)
    assert site.reports() == A
    assert approval.triggered
    assert [(t.target_type, t.target_id, t.deploy_mode) for t in approval.redeemed] == [
        ("application", "local-shop-testing", "local-process")
    ]
    note = site.note()
    assert note["artifact_id"] == approval.release.artifact_id
    assert note["run_id"] == approval.run_id
    assert unstamp(note["started_at"])
    seen = site.driver.observe(TESTING)
    assert (seen.artifact_id, seen.in_flight, seen.reachable) == (approval.release.artifact_id, False, True)
    assert unstamp(seen.seen_at)
    (container,) = seen.containers
    assert (seen.digests, container.artifact_id, container.state) == ("shown", seen.artifact_id, "running")
    assert str(note["pid"]) in container.container_id
    assert unstamp(container.started_at)


def test_each_lane_runs_its_own(site: Site) -> None:
    site.deploy(release_program(A))
    site.deploy(release_program(B), lane=PROD)
    assert (site.reports(TESTING), site.reports(PROD)) == (A, B)
    assert site.runs(TESTING) != site.runs(PROD)


def test_the_next_release_takes_the_place_of_the_last(site: Site) -> None:
    site.deploy(release_program(A))
    old = site.process()

    outcome, approval = site.deploy(release_program(B), run_id="r-2")

    assert outcome.status == "pass"
    assert site.reports() == B
    assert has_ended(old.pid)
    assert site.runs() == approval.release.artifact_id
    assert len(list(site.lane_folder().glob("release-*"))) == 1
    assert not list(site.lane_folder().glob("staged-*"))


def test_the_same_release_can_be_deployed_again(site: Site) -> None:
    site.deploy(release_program(A))
    old = site.process()
    outcome, _ = site.deploy(release_program(A), run_id="r-2")
    assert outcome.status == "pass"
    assert site.process() != old


def test_a_lane_that_never_ran_anything_is_a_fact(site: Site) -> None:
    seen = site.driver.observe(TESTING)
    assert (seen.artifact_id, seen.in_flight, seen.reachable) == (None, False, True)
    assert (seen.digests, seen.containers) == ("shown", ())


def test_a_release_is_found_by_its_digest_whatever_it_is_called(site: Site) -> None:
    release = site.release(release_program(A), name="no idea what this is")
    assert site.driver.deploy(FakeApproval(release), print).status == "pass"


def test_a_release_can_be_a_program_of_its_own_right(site: Site) -> None:
    program = release_program(A).replace("#!/usr/bin/env python3", f"#!{sys.executable} -SE", 1)
    outcome, _ = site.deploy(program, driver=site.made(command=["{release}"]))
    assert outcome.status == "pass"


def test_the_command_is_told_the_port(site: Site) -> None:
    program = release_program(A).replace('os.environ["PORT"]', "__import__('sys').argv[1]")
    outcome, _ = site.deploy(program, driver=site.made(command=[*PYTHON, "{port}"]))
    assert outcome.status == "pass"


def test_a_release_lives_on_when_the_gate_has_gone(site: Site) -> None:
    release = site.release(release_program(A))
    code = (
        "import sys, pathlib; from tests.plugins.local.test_local_driver import *\n"
        "folder, port, artifact = sys.argv[1:]\n"
        "options = {'releases': 'releases', 'command': PYTHON}\n"
        "plugin = LocalPlugin(config(pathlib.Path(folder), options, {TESTING: {'port': int(port)}}))\n"
        "approval = FakeApproval(ReleaseIdentity(artifact_id=artifact, source_git_ref=A))\n"
        "sys.exit(plugin.driver.deploy(approval, print).status != 'pass')\n"
    )
    gate = [sys.executable, "-c", code, str(site.folder), str(site.ports[TESTING]), release.artifact_id]
    subprocess.run(gate, check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)})

    assert site.reports() == A
    assert site.runs() == release.artifact_id
    assert os.getsid(site.note()["pid"]) == site.note()["pid"]  # so Ctrl-C at the gate's terminal does not reach it
    outcome, _ = site.deploy(release_program(B), run_id="r-2")  # by another process than the one that started it
    assert (outcome.status, site.reports()) == ("pass", B)


def test_a_release_learns_nothing_of_the_gates_secrets(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_DATABASE_PASSWORD", "hunter2")
    told = 'json.dump([dict(os.environ), __import__("sys").stdin.read(), os.getcwd()], open("told.json", "w"))\n'
    program = release_program(A).replace("signal.signal(", f"{told}signal.signal(", 1)

    assert site.deploy(program)[0].status == "pass"

    environment, stdin, folder = json.loads((site.lane_folder() / "told.json").read_text())
    assert environment.pop("PORT") == str(site.ports[TESTING])
    assert environment.pop("LAUNCHPLANE_LANE") == "shop/testing"
    assert environment.pop("LAUNCHPLANE_RUN") == "r-1"
    assert environment.pop("LAUNCHPLANE_ARTIFACT").startswith("local/")
    harmless = {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH"}
    assert set(environment) <= harmless | {"LC_CTYPE"}  # which Python sets itself
    assert stdin == ""
    assert Path(folder) == site.lane_folder()


# -- stopping


def test_the_whole_group_of_a_release_is_stopped(site: Site) -> None:
    helper = 'open("helper", "w").write(str(__import__("subprocess").Popen(["sleep", "60"]).pid))\n'
    site.deploy(release_program(A).replace("signal.signal(", f"{helper}signal.signal(", 1))
    pid = int((site.lane_folder() / "helper").read_text())
    assert psutil.pid_exists(pid)

    assert site.driver.stop(TESTING)

    assert has_ended(pid)
    assert site.runs() is None


def test_a_release_that_does_not_listen_to_reason_is_killed(site: Site) -> None:
    driver = site.made(stop_timeout_s=0.2)
    site.deploy(release_program(A).replace("lambda *_: os._exit(0)", "signal.SIG_IGN"), driver=driver)
    old = site.process()
    outcome, _ = site.deploy(release_program(B), driver=driver)
    assert (outcome.status, site.reports()) == ("pass", B)
    assert has_ended(old.pid)


def test_everything_below_a_folder_can_be_stopped(site: Site) -> None:
    site.deploy(release_program(A))
    site.deploy(release_program(B), lane=PROD)
    assert stop_all(site.folder / "state")
    assert (site.runs(TESTING), site.runs(PROD)) == (None, None)
    assert stop_all(site.folder / "state")
    assert stop_all(site.folder / "nowhere")


def test_what_cannot_be_read_is_not_said_to_be_stopped(site: Site) -> None:
    site.deploy(release_program(A))
    site.deploy(release_program(B), lane=PROD)
    note = site.note(PROD)
    (site.lane_folder(PROD) / "process.json").write_text("{")
    assert not stop_all(site.folder / "state")
    assert site.runs(TESTING) is None
    (site.lane_folder(PROD) / "process.json").write_text(json.dumps(note))


# -- a deploy that is not begun: nothing is redeemed, and what runs runs on


def refused(site: Site, approval: FakeApproval, driver: LocalDriver | None = None) -> str:
    before = site.runs(driver=driver)
    outcome = (driver or site.driver).deploy(approval, print)
    assert (outcome.status, outcome.touched) == ("fail", False)
    assert approval.redeemed == []
    assert site.runs(driver=driver) == before
    return outcome.detail


@pytest.mark.parametrize(
    "artifact",
    [
        "ghcr.io/example/shop@sha256:" + "0" * 64,
        "local/shop:latest",
        "local/shop@sha256:" + "0" * 63,
        "local/shop@sha256:" + "G" * 64,
        "local/../shop@sha256:" + "0" * 64,
        "local/shop@sha256:../../../../bin/sh",
    ],
)
def test_an_artifact_of_another_form_is_refused(site: Site, artifact: str) -> None:
    site.deploy(release_program(A))
    assert "no artifact of this driver" in refused(
        site, FakeApproval(ReleaseIdentity(artifact_id=artifact, source_git_ref=A))
    )
    assert site.reports() == A


def test_a_release_whose_file_is_not_there_is_refused(site: Site) -> None:
    site.deploy(release_program(A))
    missing = ReleaseIdentity(artifact_id=artifact_id("shop", b"gone"), source_git_ref=B)
    assert "has the digest" in refused(site, FakeApproval(missing))
    without = site.made(releases="nowhere")
    assert f"no file in {site.folder}/nowhere has" in refused(site, FakeApproval(missing), without)


def test_a_release_whose_file_was_changed_is_refused(site: Site) -> None:
    release = site.release(release_program(A), name="release.py")
    site.release(release_program(B), name="release.py")
    assert "has the digest" in refused(site, FakeApproval(release))


def test_only_regular_files_of_a_bounded_size_are_releases(site: Site) -> None:
    folder, linked, piped, huge = site.folder / "releases", b"linked", b"piped", bytes(64 * 1024 * 1024 + 1)
    (site.folder / "elsewhere").write_bytes(linked)
    (folder / "link").symlink_to(site.folder / "elsewhere")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "empty pipe")  # reading it would never end
    os.mkfifo(folder / "pipe")
    pipe = os.open(folder / "pipe", os.O_RDWR)
    os.write(pipe, piped)
    (folder / "huge").write_bytes(huge)
    for content in (linked, piped, b"", huge):
        release = ReleaseIdentity(artifact_id=artifact_id("shop", content), source_git_ref=A)
        assert "has the digest" in refused(site, FakeApproval(release))
    assert site.deploy(release_program(B))[0].status == "pass"  # none of them stands in the way
    os.close(pipe)


def test_a_lane_without_a_port_is_refused(site: Site) -> None:
    elsewhere = Lane(context="shop", instance="staging")
    assert "needs `port`" in refused(site, FakeApproval(site.release(release_program(A)), lane=elsewhere))


def test_a_port_that_somebody_else_holds_is_refused_with_their_pid(site: Site) -> None:
    release = site.release(release_program(A))
    with socket.create_server(("127.0.0.1", site.ports[TESTING])):
        detail = refused(site, FakeApproval(release))
    assert f"port {site.ports[TESTING]}" in detail
    assert f"pid {os.getpid()}" in detail
    assert site.driver.deploy(FakeApproval(release), print).status == "pass"


def test_a_port_held_on_every_address_is_held_here_too(site: Site) -> None:
    with socket.create_server(("0.0.0.0", site.ports[TESTING])):
        assert "cannot be used" in refused(site, FakeApproval(site.release(release_program(A))))


def test_a_port_that_somebody_took_beside_the_running_release_is_refused(site: Site) -> None:
    site.deploy("import time; time.sleep(60)", driver=site.made(start_timeout_s=0.1))
    with socket.create_server(("127.0.0.1", site.ports[TESTING])):
        refused(site, FakeApproval(site.release(release_program(A)), run_id="r-2"))
    assert site.process().is_running()


def test_a_run_that_may_end_halfway_is_refused(site: Site) -> None:
    release = site.release(release_program(A))
    assert "of the run are left" in refused(site, FakeApproval(release, left_s=lambda: 3.0))


def test_a_stale_approval_changes_nothing(site: Site) -> None:
    site.deploy(release_program(A))
    with pytest.raises(Stale):
        site.deploy(release_program(B), refuses=Stale("the source has moved"))
    assert site.reports() == A
    assert not list(site.lane_folder().glob("staged-*"))


def test_a_process_that_was_started_but_never_noted_is_known_by_what_it_was_started_with(site: Site) -> None:
    """Seen: after a kill in that moment nothing led back, for its port was served by nobody knew whom."""
    site.deploy(release_program(A))
    process, ran = site.process(), site.runs()
    (site.lane_folder() / "process.json").unlink()  # as if the gate was killed right before it wrote it

    assert ran and site.runs() == ran
    assert (site.find().status, site.find("r-2").status) == ("pass", "unknown")
    assert site.deploy(release_program(B), run_id="r-2")[0].status == "pass"
    assert process.status() == psutil.STATUS_ZOMBIE  # it is this one's child
    assert site.reports() == B


def test_the_note_of_one_that_ended_gives_way_to_one_that_runs_without(site: Site) -> None:
    site.deploy(release_program(A))
    before = (site.lane_folder() / "process.json").read_bytes()
    site.deploy(release_program(B), run_id="r-2")
    (site.lane_folder() / "process.json").write_bytes(before)
    assert site.find("r-2").status == "pass"
    assert site.runs() == site.release(release_program(B)).artifact_id


# -- a deploy that goes wrong


def test_a_release_that_crashes_fails_with_its_own_last_words(site: Site) -> None:
    site.deploy(release_program(A))
    outcome, approval = site.deploy(release_program(B, crashes=True), run_id="r-2")

    assert (outcome.status, outcome.touched) == ("fail", True)
    assert "exit code 1" in outcome.detail
    assert f"cannot start: the database is newer than revision {B}" in outcome.detail
    assert approval.redeemed
    assert site.runs() is None
    assert (site.find("r-2").status, site.find("r-2").touched) == ("fail", True)


def test_last_words_are_cut_and_cannot_steer_a_terminal(site: Site) -> None:
    outcome, _ = site.deploy(r"""raise SystemExit("x" * 9000 + "\n\x1b[2J\x1b]0;owned\x07 the\tend\r")""")
    assert outcome.status == "fail"
    assert len(outcome.detail) < 360
    assert outcome.detail.isprintable()
    assert outcome.detail.endswith("x [2J]0;owned the end")


def test_a_release_that_a_signal_ends_fails(site: Site) -> None:
    outcome, _ = site.deploy("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert (outcome.status, outcome.touched) == ("fail", True)
    assert "signal 9" in outcome.detail
    assert "it printed nothing" in outcome.detail


def test_a_release_that_does_not_serve_in_time_is_unknown(site: Site) -> None:
    driver = site.made(start_timeout_s=0.3)
    outcome, approval = site.deploy("import time; time.sleep(60)", driver=driver)
    assert (outcome.status, outcome.touched) == ("unknown", True)
    assert approval.triggered
    assert site.find(driver=driver).status == "unknown"
    assert site.runs() == approval.release.artifact_id


def test_a_port_answered_by_somebody_else_is_not_this_release_serving(site: Site) -> None:
    """The foreign server takes the port after the check, while the old release is being stopped."""
    port = site.ports[TESTING]
    squat = (
        f"import socket, sys, time; s = socket.create_server(('127.0.0.1', {port})); "
        "open('squatting', 'w').close(); time.sleep(60)"
    )
    hand_over = (
        "def over(*_):\n"
        "    server.socket.close()\n"
        f'    __import__("subprocess").Popen([{sys.executable!r}, "-c", {squat!r}], start_new_session=True)\n'
        '    while not os.path.exists("squatting"): pass\n'
        "    os._exit(0)\n"
        "signal.signal(signal.SIGTERM, over)\n"
        "server = Server("
    )
    site.deploy(
        release_program(A)
        .replace("Server((", f"{hand_over}(", 1)
        .replace(".serve_forever()", "\nserver.serve_forever()")
    )
    outcome, approval = site.deploy("import time; time.sleep(60)", driver=site.made(start_timeout_s=0.3), run_id="r-2")
    assert approval.redeemed
    assert outcome.status == "unknown"


def test_without_leave_nothing_more_is_stopped_or_started(site: Site) -> None:
    """To stage the release, for both signals, for its copy and its start: each time leave may be refused."""
    driver = site.made(stop_timeout_s=0.2)
    stubborn = release_program(A).replace("lambda *_: os._exit(0)", "signal.SIG_IGN")
    for leaves, still_runs in enumerate([True, True, True, False, False]):
        _, before = site.deploy(stubborn, driver=driver)
        approval = FakeApproval(site.release(release_program(B)), run_id="r-2", leaves=leaves)
        with pytest.raises(NotSettled):
            driver.deploy(approval, print)
        assert site.runs(driver=driver) == (before.release.artifact_id if still_runs else None)
        assert (len(approval.redeemed), approval.triggered) == (leaves > 0, False)
        assert site.note()["run_id"] == "r-1" and not list(site.lane_folder().glob("staged-*"))
    outcome, _ = site.deploy(release_program(B), driver=driver, run_id="r-2")
    assert (outcome.status, site.reports()) == ("pass", B)


def test_a_deploy_may_take_what_its_waits_add_up_to(site: Site) -> None:
    driver = site.made(start_timeout_s=100, stop_timeout_s=20)
    assert driver.deploy_timeout_s == READING_S + (20 + KILL_WAIT_S) + 100
    never_noted = site.made(start_timeout_s=1, stop_timeout_s=20)
    assert never_noted.deploy_timeout_s == READING_S + 2 * (20 + KILL_WAIT_S)


def test_the_wait_ends_before_the_run_does(site: Site) -> None:
    left = iter([60.0])
    began = time.monotonic()
    outcome, _ = site.deploy("import time; time.sleep(60)", left_s=lambda: next(left, 0.3))
    assert outcome.status == "unknown"
    assert time.monotonic() - began < 5  # not the ten seconds that a start may take


def test_a_command_that_cannot_be_run_fails_and_says_that_nothing_runs(site: Site) -> None:
    site.deploy(release_program(A))
    outcome, _ = site.deploy(release_program(B), driver=site.made(command=["/nonexistent", "{release}"]))
    assert (outcome.status, outcome.touched) == ("fail", True)
    assert "nothing runs now" in outcome.detail
    assert site.runs() is None


def test_a_copy_that_is_altered_right_before_it_runs_is_not_run(site: Site) -> None:
    tamper = (
        "def tamper(*_):\n"
        "    for name in os.listdir():\n"
        '        if name.startswith(("staged-", "release-")): open(name, "a").write("# altered\\n")\n'
        "    os._exit(0)\n"
        "signal.signal(signal.SIGTERM, tamper)\n"
    )
    site.deploy(release_program(A).replace("Server((", f"{tamper}Server((", 1))
    outcome, _ = site.deploy(release_program(B), run_id="r-2")
    assert (outcome.status, outcome.touched) == ("fail", True)
    assert "altered before it ran" in outcome.detail
    assert site.runs() is None
    assert site.find("r-2").status == "unknown"


# -- what is seen later


def test_a_release_that_was_killed_is_seen_to_be_gone(site: Site) -> None:
    site.deploy(release_program(A))
    pid = site.note()["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: has_ended(pid) and psutil.Process(pid).num_threads() == 1)
    assert psutil.pid_exists(pid)  # as a zombie: this process is its parent

    another = site.made()  # not the one that started it, so it cannot reap
    assert site.runs(driver=another) is None
    assert (site.find(driver=another).status, site.find(driver=another).touched) == ("fail", True)
    seen = site.driver.observe(TESTING)
    assert (seen.artifact_id, seen.in_flight, seen.reachable) == (None, False, True)
    assert (seen.digests, seen.containers) == ("shown", ())  # it could look, and nothing runs
    assert not psutil.pid_exists(pid)  # it was reaped
    assert site.deploy(release_program(B), run_id="r-2")[0].status == "pass"


def test_a_release_lives_until_its_last_thread_has_ended(site: Site) -> None:
    threaded = (
        "import ctypes, threading\n"
        f'server = Server(("127.0.0.1", {site.ports[TESTING]}), Product)\n'
        "threading.Thread(target=server.serve_forever).start()\n"
        "ctypes.CDLL(None).pthread_exit(None)  # its first thread becomes a zombie, the others serve on\n"
    )
    program = release_program(A)
    site.deploy(program[: program.index("Server((")] + threaded, driver=site.made(start_timeout_s=0.1))
    until(lambda: site.process().status() == psutil.STATUS_ZOMBIE)
    assert site.runs() is not None
    assert site.reports() == A
    assert site.made(stop_timeout_s=0.1).stop(TESTING)
    assert site.runs() is None


def test_a_copy_that_was_altered_is_not_the_release_any_more(site: Site) -> None:
    _, approval = site.deploy(release_program(A))
    (copy,) = site.lane_folder().glob("release-*")
    with copy.open("a") as file:
        file.write("# altered\n")
    seen = site.driver.observe(TESTING)
    assert (seen.artifact_id, seen.digests) == (None, "failed")
    assert [one.artifact_id for one in seen.containers] == [None]  # something runs, and nobody knows what
    assert "altered" in seen.detail
    site.deploy(release_program(A), run_id="r-2")
    assert site.runs() == approval.release.artifact_id


def test_a_copy_that_is_gone_proves_nothing(site: Site) -> None:
    site.deploy(release_program(A))
    next(site.lane_folder().glob("release-*")).unlink()
    seen = site.driver.observe(TESTING)
    assert (seen.artifact_id, seen.digests) == (None, "failed")


def test_a_process_is_the_same_container_until_it_is_another_process(site: Site) -> None:
    site.deploy(release_program(A))
    first = site.driver.observe(TESTING).containers
    assert site.made().observe(TESTING).containers == first
    site.deploy(release_program(A), run_id="r-2")
    ((old,), (new,)) = first, site.driver.observe(TESTING).containers
    assert new.artifact_id == old.artifact_id
    assert new.container_id != old.container_id
    assert new.started_at != old.started_at


def test_a_process_that_does_not_serve_is_not_running_yet(site: Site) -> None:
    site.deploy("import time; time.sleep(60)", driver=site.made(start_timeout_s=0.1))
    assert [one.state for one in site.driver.observe(TESTING).containers] == ["starting"]


def test_a_port_that_somebody_else_serves_proves_nothing(site: Site) -> None:
    """With nothing deployed, beside a release that does not serve yet, and once it has been stopped."""
    for program in ("", "import time; time.sleep(60)"):
        if program:
            site.deploy(program, driver=site.made(start_timeout_s=0.1))
        with socket.create_server(("127.0.0.1", site.ports[TESTING])):
            seen = site.driver.observe(TESTING)
            assert seen.digests == "failed"
            assert seen.containers[-1].artifact_id is None
            assert f"pid-{os.getpid()}" in seen.containers[-1].container_id
            assert f"pid-{os.getpid()}" in seen.detail
        assert site.driver.observe(TESTING).digests == "shown"


def test_what_a_release_starts_itself_is_no_stranger(site: Site) -> None:
    """A worker in a session of its own, which serves the port with the release."""
    serving = "\nif os.fork() == 0: os.setsid()\nserver.serve_forever()"
    site.deploy(release_program(A).replace("Server((", "server = Server((").replace(".serve_forever()", serving))
    seen = site.driver.observe(TESTING)
    assert (seen.digests, len(seen.containers)) == ("shown", 1), seen


def test_a_process_that_was_given_the_same_pid_is_not_the_release(
    site: Site, bystander: subprocess.Popen[bytes]
) -> None:
    site.deploy(release_program(A))
    site.driver.stop(TESTING)
    site.edit_note(pid=bystander.pid, create_time=psutil.Process(bystander.pid).create_time() - 1000)

    assert site.runs() is None
    assert site.find().status == "fail"
    assert site.driver.stop(TESTING)
    assert site.deploy(release_program(B), run_id="r-2")[0].status == "pass"
    assert bystander.poll() is None  # nobody stopped it


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": 1}', "\x00"])
def test_a_note_that_cannot_be_read_means_that_nobody_knows(site: Site, text: str) -> None:
    site.deploy(release_program(A))
    path, note = site.lane_folder() / "process.json", site.note()
    path.write_text(text)

    seen = site.driver.observe(TESTING)
    assert (seen.artifact_id, seen.in_flight, seen.digests, seen.containers) == (None, None, "failed", ())
    assert "process.json" in seen.detail
    assert (site.find().status, site.find().touched) == ("unknown", True)
    assert "process.json" in refused(site, FakeApproval(site.release(release_program(B)), run_id="r-2"))
    path.write_text(json.dumps(note))
    assert site.reports() == A


@pytest.mark.parametrize("pid", [1, 0, -1])
def test_a_note_can_never_make_it_signal_everything(site: Site, pid: int) -> None:
    site.deploy(release_program(A))
    note = site.note()
    site.edit_note(pid=pid)
    assert site.driver.observe(TESTING).in_flight is None
    site.edit_note(**note)


def test_an_interrupted_deploy_is_found_by_its_run_and_no_other(site: Site) -> None:
    assert (site.find().status, site.find().touched) == ("unknown", True)
    site.deploy(release_program(A), run_id="r-1")
    another = site.made()
    assert site.find("r-1", driver=another).status == "pass"
    assert (site.find("r-2", driver=another).status, site.find("r-2", driver=another).touched) == ("unknown", True)


def test_an_interrupted_deploy_is_given_the_time_to_start(site: Site) -> None:
    slow = release_program(A).replace("signal.signal(", "__import__('time').sleep(0.4)\nsignal.signal(", 1)
    outcome, _ = site.deploy(slow, driver=site.made(start_timeout_s=0.1))
    assert outcome.status == "unknown"
    assert site.find().status == "pass"


def test_a_confirmed_deploy_has_the_inventory_written_once(site: Site) -> None:
    class Writer:
        written = 0

        def write(self) -> None:
            self.written += 1

    writer = Writer()
    site.driver.record(Outcome(status="pass", touched=True), writer)
    assert writer.written == 1


# -- settings


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"comand": PYTHON}, "plugins.local.comand: is not a known key"),
        ({"releases": ""}, "plugins.local.releases"),
        ({"releases": None}, "plugins.local.releases"),
        ({"command": []}, "plugins.local.command"),
        ({"command": ["python3", "app.py"]}, "plugins.local.command"),
        ({"command": "{release}"}, "plugins.local.command"),
        ({"start_timeout_s": 0}, "plugins.local.start_timeout_s"),
        ({"stop_timeout_s": float("inf")}, "plugins.local.stop_timeout_s"),
    ],
)
def test_settings_that_cannot_be_used_name_the_key_and_what_is_known(
    site: Site, options: dict[str, Any], named: str
) -> None:
    with pytest.raises(SettingsError, match=re.escape(named)) as refusal:
        site.made(**options)
    assert "releases, command, start_timeout_s, stop_timeout_s" in refusal.value.hint


def test_the_folder_of_releases_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=re.escape("plugins.local.releases: Field required")):
        LocalPlugin(config(tmp_path, {}, {}))


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"port": "8080"}, "port"),
        ({"port": True}, "port"),
        ({"port": 8080, "prot": 1}, "prot: is not a known key"),
    ],
)
def test_a_target_that_cannot_be_used_names_its_lane(tmp_path: Path, target: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"target of the lane shop/prod.{named}")):
        LocalPlugin(config(tmp_path, {"releases": "."}, {PROD: target}))


def test_two_lanes_cannot_have_one_port(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"shop/testing and shop/prod have one target: port 8080"):
        LocalPlugin(config(tmp_path, {"releases": "."}, {TESTING: {"port": 8080}, PROD: {"port": 8080}}))


def test_lanes_of_other_drivers_are_none_of_its_business(tmp_path: Path) -> None:
    LocalPlugin(config(tmp_path, {"releases": "."}, {TESTING: {"application_id": "x"}, PROD: {}}))


# -- the example release


def test_releases_that_differ_in_anything_are_different_artifacts() -> None:
    programs = {
        release_program(A),
        release_program(B),
        release_program(A, reports=B),
        release_program(A, crashes=True),
    }
    assert len(programs) == 4


def test_an_example_release_can_claim_to_be_another(site: Site) -> None:
    site.deploy(release_program(B, reports=A))
    assert site.reports() == A


def test_a_folder_of_releases_that_is_not_there_yet_is_no_obstacle_and_holds_none(site: Site) -> None:
    release = site.release(release_program(A))
    shutil.rmtree(site.folder / "releases")
    assert site.driver.obstacle(TESTING, None) == ""
    told = site.driver.obstacle(TESTING, release)
    assert told.startswith("no file in ") and told == site.driver.deploy(FakeApproval(release), print).detail


def test_an_obstacle_is_told_as_the_deploy_would_find_it_and_nothing_is_staged(site: Site) -> None:
    """What stands in the way stays until somebody mends it; what ``deploy`` says of it is the same."""
    release = site.release(release_program(A))
    missing = release.model_copy(update={"artifact_id": f"local/shop@sha256:{'0' * 64}"})
    foreign = release.model_copy(update={"artifact_id": f"ghcr.io/acme/shop@sha256:{'0' * 64}"})
    for one in (missing, foreign):
        told = site.driver.obstacle(TESTING, one)
        assert told and told == site.driver.deploy(FakeApproval(one), print).detail
    nowhere = Lane(context="shop", instance="nowhere")
    assert "name no port" in site.driver.obstacle(nowhere, None)
    with socket.create_server(("127.0.0.1", site.ports[TESTING])):
        told = site.driver.obstacle(TESTING, None)
        assert "cannot be used" in told
        assert told == site.driver.deploy(FakeApproval(release), print).detail
    assert site.driver.obstacle(TESTING, release) == site.driver.obstacle(TESTING, None) == ""
    assert not (site.folder / "state").exists()
    outcome, _ = site.deploy(release_program(A))
    assert outcome.status == "pass"
    assert site.driver.obstacle(TESTING, release) == ""  # its own process holds the port
