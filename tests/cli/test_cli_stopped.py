"""A command that is killed, or told to stop, leaves a lane that the commands which are printed lead back."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchplane_gate.commands import PROGRAM
from launchplane_gate.ledger import Ledger
from launchplane_gate.runs import read_run
from tests.cli.test_cli import NEW, OLD, Site, clear, make_site
from tests.conftest import PRODUCT
from tests.warm import Process

pytestmark = pytest.mark.thorough  # tests/line/test_crash_matrix asks the same below the command line

LEASE_S = 20  # the shortest that settings may say: what a killed process held is waited for


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = make_site(tmp_path / "site")
    text = site.settings.read_text()
    site.settings.write_text(text.replace("schema_version = 1", f"schema_version = 1\nlease_s = {LEASE_S}"))
    yield site
    clear(site)


def deploying(site: Site, commit: str) -> Process:
    return site.process("deploy", PRODUCT, "--to", "testing", "--artifact", site.artifacts[commit], "--ref", commit)


def wait_for(site: Site, step: str, process: Process) -> None:
    """Until the second run has taken a step."""
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        ledger = Ledger.to_read(site.folder / "state", holds_records=False)
        try:
            [run, *before] = ledger.runs(limit=2)
            if before and any(entry.kind == step for entry in ledger.entries(subject=run)):
                return
        finally:
            ledger.close()
        time.sleep(0.01)
    pytest.fail(f"it never came to {step}")


def newest(site: Site) -> str:
    ledger = Ledger.to_read(site.folder / "state", holds_records=False)
    try:
        return read_run(ledger, ledger.runs(limit=1)[0]).status
    finally:
        ledger.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_run_is_closed_by_whatever_tells_it_to_stop_and_a_second_time_waits(
    site: Site, number: signal.Signals
) -> None:
    assert site.deploy(OLD).exit_code == 0
    process = deploying(site, NEW)
    wait_for(site, "triggered", process)
    process.send_signal(number)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err, err
    assert "`launchplane-gate lanes` tells what it left." in err
    assert newest(site) == "interrupted"
    lead_back(site)


STEPS = ("decided", "redeemed", "triggered", "outcome", "confirmed", "recording")


@pytest.mark.parametrize("step", STEPS)
def test_what_lanes_prints_after_a_kill_leads_back(site: Site, step: str) -> None:
    assert site.deploy(OLD).exit_code == 0
    process = deploying(site, NEW)
    wait_for(site, step, process)
    process.kill()
    process.communicate()
    lead_back(site)


def lead_back(site: Site) -> None:
    """Type what ``lanes`` prints for testing until it is settled: at most twice, with nothing to fill in."""
    for _ in range(3):
        said = site.run("lanes", PRODUCT, "--output", "json")
        [testing, _] = json.loads(said.out)["lanes"]
        if testing["settled"]:
            break
        assert testing["command"].startswith(f"{PROGRAM} ") and "…" not in testing["command"]
        site.run(*shlex.split(testing["command"])[1:], "--wait", "60")
    assert testing["settled"], said.out
    assert site.promote("--wait", "60").exit_code == 0
    assert site.run("inventory", "drift").exit_code == 0


def test_nohup_stays_nohup() -> None:
    ignore = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    heed = "import signal; from launchplane_gate.cli.stopping import heed_signals; heed_signals()"
    heed += "; print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)"
    command = [sys.executable, "-c", ignore, sys.executable, "-c", heed]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "True\n"
