"""What the command line leaves on disk and on a terminal, and whom it takes the person at the terminal for."""

import grp
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from launchplane_gate.cli import failure
from launchplane_gate.cli.output import Answer, Output, deliver
from launchplane_gate.cli.session import actor_subject, progress_shown
from launchplane_gate.ledger import Ledger
from tests.cli.test_cli import NEW, Site, clear, make_site
from tests.cli.test_cli import site as site  # noqa: PLC0414  # a fixture

pytestmark = pytest.mark.thorough  # whole commands under each umask

PROGRESS = """
from launchplane_gate.cli.session import progress_shown
with progress_shown() as progress:
    progress("pulling \\x1b]0;owned\\x07 \\x9b2J x\\n::error::y")
    import time; time.sleep(0.3)
"""
WHO = "from launchplane_gate.cli.session import actor_subject; print(actor_subject())"


def modes(folder: Path) -> dict[str, int]:
    """Of whatever others could read or write, by its path."""
    found = {str(path.relative_to(folder)): path.lstat().st_mode for path in [folder, *folder.rglob("*")]}
    return {name: stat.S_IMODE(mode) for name, mode in found.items() if mode & 0o077 and not stat.S_ISLNK(mode)}


@pytest.mark.parametrize("umask", ["000", "022"])
def test_nothing_that_a_deploy_leaves_is_open_to_others(tmp_path: Path, umask: str) -> None:
    site = make_site(tmp_path / "site")
    try:
        before = os.umask(int(umask, 8))
        try:
            assert site.deploy(NEW).exit_code == 0
        finally:
            os.umask(before)
        names = {path.name for path in (site.folder / "state").rglob("*")}
        assert {"ledger.sqlite", "testing.json", "process.json", "output.log", "plugins", "local"} <= names
        assert modes(site.folder / "state") == {}
        assert site.run("doctor").exit_code == 0
    finally:
        clear(site)


def test_a_group_that_the_settings_name_may_read_and_no_more(site: Site) -> None:
    group = grp.getgrgid(os.getgid()).gr_name
    site.settings.write_text(f'state_group = "{group}"\n{site.settings.read_text()}')
    assert site.deploy(NEW).exit_code == 0
    found = modes(site.folder / "state")
    assert found["."] == found["inventory"] == found["plugins/local"] == 0o2750
    assert found["ledger.sqlite"] == 0o640
    assert not {name: mode for name, mode in found.items() if mode & 0o027}
    assert site.run("doctor").exit_code == 0


def test_doctor_tells_of_a_state_folder_that_is_open_and_what_to_type(site: Site) -> None:
    Ledger.create(site.folder / "state").close()
    (site.folder / "state").chmod(0o750)
    said = site.run("doctor")
    assert said.exit_code == 3
    assert "is open to others: its mode is 0750" in said.out
    command = f"chmod -R go= {site.folder / 'state'}"
    assert command in said.out
    subprocess.run(["sh", "-c", command], check=True)
    assert site.run("doctor").exit_code == 0


def test_doctor_tells_of_a_state_folder_that_a_named_group_cannot_read(site: Site) -> None:
    Ledger.create(site.folder / "state").close()
    site.settings.write_text(f'state_group = "{grp.getgrgid(os.getgid()).gr_name}"\n{site.settings.read_text()}')
    said = site.run("doctor")
    assert (said.exit_code, "is not what state_group says" in said.out) == (3, True)
    command = next(line for line in said.out.splitlines() if "Type: " in line).partition("Type: ")[2]
    subprocess.run(["sh", "-c", command], check=True)
    assert site.run("doctor").exit_code == 0


@pytest.mark.parametrize(
    ("mode", "told"), [(0o644, "read"), (0o620, "written"), (0o666, "read and written"), (0o600, ""), (0o400, "")]
)
def test_doctor_tells_of_a_secret_that_others_can_read_or_write(site: Site, mode: int, told: str) -> None:
    secret = site.folder / "key"
    secret.write_text("s3cret")
    secret.chmod(mode)
    plugin = '[plugins.generic-web]\nurl = "http://127.0.0.1:1"\napi_key = { file = "key" }\n'
    site.settings.write_text(f"{site.settings.read_text()}\n{plugin}")
    said = site.run("doctor", "--output", "json")
    [check] = [one for one in said.document["checks"] if one["what"] == "secret files"]
    assert check["ok"] is not bool(told)
    if told:
        assert f"can be {told} by others (mode {mode:04o})" in check["found"]
        assert check["remedy"] == f"Type: chmod go= {secret}"
    assert "s3cret" not in said.out


# -- answers in files


def test_an_answer_in_a_file_has_the_users_own_umask(tmp_path: Path) -> None:
    for umask, mode in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
        before = os.umask(umask)
        try:
            deliver(Answer({}, ["said"]), [Output("json", tmp_path / "answer")])
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "answer").stat().st_mode) == mode


def test_an_answer_is_never_written_through_a_link_that_was_planted(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for name in ("answer", f".answer.{os.getpid()}.tmp"):
        (tmp_path / name).symlink_to(victim)
    deliver(Answer({"a": 1}, ["said"]), [Output("json", tmp_path / "answer")])
    assert victim.read_text() == "mine"
    assert "1" in (tmp_path / "answer").read_text()


# -- what is said while it runs


def test_progress_on_a_terminal_is_steered_by_nobody() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", PROGRESS], stderr=theirs, env={**os.environ, "COLUMNS": "200"}):
        os.close(theirs)
        shown = b""
        try:
            while more := os.read(ours, 65536):
                shown += more
        except OSError:  # the terminal is closed
            pass
    os.close(ours)
    assert b"\\x1b]0;owned\\x07" in shown
    assert b"\x1b]0" not in shown and b"\x07" not in shown and "\x9b".encode() not in shown


def test_progress_in_a_pipe_is_one_line_a_step_and_orders_nobody_about(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_shown() as progress:
        progress("pulling \x1b[2J x\n::error::y")
        progress("::add-mask::z")
    assert capsys.readouterr().err == "pulling \\x1b[2J x\\n::error::y ...\n\\::add-mask::z ...\n"


def test_a_traceback_is_shown_on_demand_and_steers_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAUNCHPLANE_GATE_DEBUG", "1")
    deliver(failure(ValueError("a\x1b[2J\n::error::b"), acting=False), [])
    shown = capsys.readouterr().err
    assert "| ValueError: a\\x1b[2J\n| ::error::b\n" in shown
    assert "launchplane-gate: internal error: ValueError: a\\x1b[2J\\n::error::b\n" in shown


def test_a_reason_and_a_name_of_a_file_forge_no_line(site: Site) -> None:
    reason = "fine\n  .   every.rule   passed\n::error::x ##[add-path]/tmp"
    site.deploy(NEW, "--reason", reason)
    run = site.run("runs", "list", "--output", "json").document["runs"][0]
    for shown in (site.run("runs", "show", run["run_id"]).out, site.run("runs", "show", "r\n::error::x").err):
        assert not [line for line in shown.splitlines() if line.strip().startswith(("::", ".   every"))]
        assert "##[" not in shown
    assert "##[" not in site.run("runs", "list", "--output", "json").out


# -- who is at the terminal


def who(**environment: str) -> str:
    environment = {**os.environ, **environment}
    command = [sys.executable, "-c", WHO]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def test_nobody_becomes_somebody_else_by_a_variable() -> None:
    names = ("LOGNAME", "USER", "LNAME", "USERNAME")
    assert who(**dict.fromkeys(names, "alice")) == actor_subject()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run as a user that there is not")
@pytest.mark.parametrize(
    ("user", "named"), [("alice", "alice+uid54321"), ("", "uid-54321"), ("bob@prod+uid0", "uid-54321")]
)
def test_a_user_whom_the_machine_does_not_know_has_its_id_beside_the_name(user: str, named: str) -> None:
    code = "import os; from launchplane_gate.holders import *; os.setuid(54321); print(this_user(), known_user())"
    environment = {**os.environ, "USER": user, "LOGNAME": user}
    told = subprocess.run([sys.executable, "-c", code], env=environment, check=True, stdout=subprocess.PIPE, text=True)
    assert told.stdout == f"{named} None\n"  # nobody who could be told apart from who approves
