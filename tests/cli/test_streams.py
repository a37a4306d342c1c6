"""Standard output that is gone or full changes no exit code's meaning: with real pipes, devices and terminals."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from launchplane_gate.cli import program
from launchplane_gate.cli.command import Changing
from launchplane_gate.demo.workspace import PRODUCT
from tests.cli.test_cli import COMMAND, NEW, OLD, Site, clear, make_site

FULL = Path("/dev/full")
JSON = ("--output", "json")
TELL = [("--help",), ("--version",), ("lanes", "-h"), ("completion", "bash"), ("completion", "bash", *JSON)]


def gone() -> int:
    """A pipe that nobody reads."""
    reads, writes = os.pipe()
    os.close(reads)
    return writes


def full() -> int:
    if not FULL.exists():
        pytest.skip("this system has no full device")
    return os.open(FULL, os.O_WRONLY)


PLACES = pytest.mark.parametrize("to", [gone, full], ids=["gone", "full"])


def ends(*arguments: str, to: Callable[[], int], both: bool = False, **environment: str) -> tuple[int, str]:
    """The exit code and what stood on standard error, where standard output goes nowhere, or ``both`` of them do."""
    out = to()
    try:
        done = subprocess.run(
            [*COMMAND, *arguments],
            stdout=out,
            stderr=out if both else subprocess.PIPE,
            env=dict(os.environ) | environment,
            text=True,
            check=False,
        )
    finally:
        os.close(out)
    said = done.stderr or ""
    assert "Traceback" not in said and "Exception ignored" not in said, said
    return done.returncode, said


# -- what only tells


@pytest.mark.parametrize("arguments", TELL, ids=" ".join)
def test_that_nobody_reads_is_no_error(arguments: tuple[str, ...]) -> None:
    assert ends(*arguments, to=gone) == (0, "")
    assert ends(*arguments, to=gone, FORCE_COLOR="1") == (0, "")
    assert ends(*arguments, to=gone, both=True)[0] == 0


@pytest.mark.parametrize("arguments", TELL, ids=" ".join)
def test_an_answer_that_a_full_disk_took_was_not_had(arguments: tuple[str, ...]) -> None:
    assert ends(*arguments, to=full) == (
        3,
        "launchplane-gate: the answer could not be written: No space left on device\n"
        "  The command itself ended with exit code 0.\n",
    )
    assert ends(*arguments, to=full, both=True)[0] == 3


@PLACES
def test_what_is_wrong_keeps_its_exit_code(to: Callable[[], int]) -> None:
    for arguments in (["nothing"], ["check", "--input", "none.json"], ["deploy", *JSON], []):
        assert ends(*arguments, to=to)[0] == ends(*arguments, to=to, both=True)[0] == 2


def test_a_reader_who_takes_one_line_gets_it_and_the_exit_code_stays() -> None:
    script = 'set -o pipefail; "$@" --output json | head -1'
    command = ["bash", "-c", script, "bash", *COMMAND, "policy", "schema"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")


def test_who_is_stopped_while_nobody_takes_the_answer_ends_at_once() -> None:
    reads, writes = os.pipe()
    fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4096)
    process = subprocess.Popen([*COMMAND, "policy", "schema", *JSON], stdout=writes, stderr=subprocess.PIPE, text=True)
    os.close(writes)
    os.read(reads, 1)  # it has begun to write, and that is more than this pipe holds
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=20)
    os.close(reads)
    assert (process.returncode, said) == (128 + signal.SIGTERM, "")


# -- what changes something


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = make_site(tmp_path / "site")
    yield made
    clear(made)


def deploying(site: Site, commit: str) -> list[str]:
    release = ["--artifact", site.artifacts[commit], "--ref", commit]
    return ["--config", str(site.settings), "deploy", PRODUCT, "--to", "testing", *release]


@pytest.mark.thorough  # releases run as processes
@PLACES
def test_what_happened_ends_as_it_ended(site: Site, to: Callable[[], int]) -> None:
    def ended(*arguments: str, both: bool = False, **environment: str) -> int:
        code, said = ends("--config", str(site.settings), *arguments, to=to, both=both, **environment)
        assert ("could not be written: No space left on device" in said) is (to is full and not both)
        return code

    release = ["--artifact", site.artifacts[NEW], "--ref", NEW]
    assert site.deploy(OLD).exit_code == 0
    assert ended("promote", PRODUCT) == 0
    assert ended("deploy", PRODUCT, "--to", "testing", *release, *JSON) == 0
    assert ended("promote", PRODUCT, "--ref", OLD) == ended("promote", PRODUCT, "--ref", OLD, *JSON) == 1
    assert ended("promote", PRODUCT, both=True, FORCE_COLOR="1") == 0
    assert ended("lane", "hold", f"{PRODUCT}/prod", "--reason", "it is moved") == 0
    runs = site.run("runs", "list", *JSON).document["runs"]
    assert [run["status"] for run in reversed(runs)] == ["recorded"] * 3 + ["denied"] * 2 + ["recorded"]
    code, said = ends("--config", str(site.settings), "decisions", "export", to=to)
    assert code == 3 and said.endswith("  Do not use what was written.\n") and said.count("launchplane-gate: ") == 1


@pytest.mark.thorough  # releases run as processes
def test_an_answer_goes_where_it_can(site: Site, tmp_path: Path) -> None:
    """A file that cannot be written takes neither the other file nor the screen."""
    os.close(full())
    file = tmp_path / "told.json"
    outputs = ["--output", f"text={FULL}", "--output", f"json={file}", "--output", "text"]
    command = [*COMMAND, *deploying(site, OLD), *outputs]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and json.loads(file.read_text())["status"] == "recorded"
    assert done.stdout.startswith("Deploy ") and f"could not be written: {FULL}: No space" in done.stderr
    assert "`launchplane-gate lanes` tells what it left." in done.stderr


@pytest.mark.thorough  # releases run as processes
def test_a_terminal_that_is_gone_ends_nothing(site: Site) -> None:
    """As that of a command that was disowned before its window was closed: no signal comes, and each write fails."""
    terminal, its_end = pty.openpty()
    command = [*COMMAND, *deploying(site, OLD)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=its_end, stderr=its_end, start_new_session=True
    )
    os.close(its_end)
    assert os.read(terminal, 4096)  # what it waits for
    os.close(terminal)
    assert process.wait(60) == 0
    [run] = site.run("runs", "list", *JSON).document["runs"]
    assert run["status"] == "recorded"


# -- which are which

CHANGE = """
    deploy, promote, rollback, publish, init, policy new,
    runs resume, inventory reconcile, inventory report,
    waiver request, waiver approve, waiver revoke, lane hold, lane release, lane quarantine,
    ledger archive, ledger backup, ledger restore, ledger migrate, ledger move
"""


def test_these_are_the_commands_that_change_something() -> None:
    def changing(command: click.Command, path: str) -> Iterator[str]:
        if isinstance(command, click.Group):
            for name, one in command.commands.items():
                yield from changing(one, f"{path} {name}")
        elif isinstance(command, Changing):
            yield path.strip()

    assert sorted(changing(program, "")) == sorted(name.strip() for name in CHANGE.split(","))
