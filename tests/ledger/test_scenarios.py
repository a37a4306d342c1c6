"""What a gate in front of production must do, by number, where it is several processes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.errors import LaneBusy, LedgerError, PastLost
from launchplane_gate.hookspecs import Approval
from launchplane_gate.ledger import FILE_NAME, Ledger
from launchplane_gate.model import Outcome
from launchplane_gate.runs import read_run
from launchplane_gate.store import holds_records
from tests.conftest import ACTOR, PROD, TESTING, A, B, MakeGate, deploy, promote
from tests.fakes.platform import FakePlatform
from tests.forks import in_a_child
from tests.line.test_crashes import SHORT
from tests.line.test_order import records_of, why
from tests.line.test_settling_runs import resume
from tests.other_machine import on_another_host
from tests.places import ROOT

pytestmark = pytest.mark.thorough  # it waits for leases


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_s32_a_lane_that_one_process_holds_is_held_for_every_other(
    make_gate: MakeGate, platform: FakePlatform, tmp_path: Path
) -> None:
    """S32: while another process deploys to a lane this one may neither deploy to it nor promote from it."""
    gate, entered, leave = make_gate(), tmp_path / "entered", tmp_path / "leave"

    def slow(self: FakePlatform, approval: Approval) -> Outcome:
        entered.touch()
        wait_until(leave.exists)
        return self.change(approval)

    def of_the_other() -> list[Any]:
        platform.behaves = slow
        return [os.getpid(), make_gate().run(deploy(A), ACTOR).status]

    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(in_a_child, of_the_other)
        wait_until(entered.exists)
        with pytest.raises(LaneBusy) as busy:
            gate.run(deploy(B), ACTOR)
        with pytest.raises(LaneBusy):
            gate.run(promote(), ACTOR)
        leave.touch()
        pid, status = theirs.result(60)
    assert status == "recorded" and f"process {pid} on" in str(busy.value) and pid != os.getpid()
    platform.run(TESTING, A)
    run = gate.run(deploy(B), ACTOR)
    assert (run.status, run.previous) == ("recorded", A)


@pytest.mark.parametrize("action", ["deploy", "promote"])
def test_s59_the_lane_of_a_container_that_was_replaced_is_free_when_its_lease_is_over(
    make_gate: MakeGate, platform: FakePlatform, tmp_path: Path, action: str
) -> None:
    """S59: of a process elsewhere that is gone nobody knows but by its lease, and that is over within a minute."""
    gate, hasty = make_gate(**SHORT), make_gate(lane_wait_s=0)
    assert hasty.lease_s + hasty.write_s < 60
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    (tmp_path.parent / "policies").mkdir(exist_ok=True)
    imports = "from tests.line.test_crashes import child; from pathlib import Path"
    program = f"{imports}; child('after the deploy', Path({str(tmp_path)!r}), {action!r})"
    host = on_another_host()
    elsewhere = [*host, "elsewhere"] if host else []
    done = subprocess.run([*elsewhere, sys.executable, "-c", program], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        if not elsewhere:  # where no process may have another name, it is given one afterwards
            database.execute("UPDATE lanes SET holder_process = 'elsewhere/x/x 1 0.0' WHERE holder IS NOT NULL")
        [[holder]] = database.execute("SELECT holder_process FROM lanes WHERE holder IS NOT NULL")
    assert holder.startswith("elsewhere/")
    lane, release = (TESTING, B) if action == "deploy" else (PROD, A)
    platform.run(lane, release)
    run_id, count = gate.ledger.runs(limit=1)[0], len(platform.deploys)
    with pytest.raises(LaneBusy, match="elsewhere"):
        hasty.run(resume(run_id, lane), ACTOR)
    began = time.monotonic()
    run = gate.run(resume(run_id, lane), ACTOR)
    assert time.monotonic() - began < SHORT["lane_wait_s"]
    assert (run.status, run.release, len(platform.deploys), why(gate, lane)) == ("recorded", release, count, "")
    assert read_run(gate.ledger, run_id).status == "interrupted" and gate.ledger.verify().wrong == ()


def test_s60_one_key_in_two_processes_at_one_moment_deploys_once(
    make_gate: MakeGate, platform: FakePlatform, tmp_path: Path
) -> None:
    """S60: of two processes that are asked the same under one key, one deploys and the other is told of that run."""
    gate = make_gate()

    def when_both_have_asked(self: FakePlatform, approval: Approval) -> Outcome:
        wait_until(lambda: len(list(tmp_path.glob("asks-*"))) == 2)
        return self.change(approval)

    def of_one() -> list[Any]:
        platform.behaves = when_both_have_asked
        own = make_gate(lane_wait_s=20)
        (tmp_path / f"asks-{os.getpid()}").touch()
        run = own.run(deploy(A, idempotency_key="k"), ACTOR)
        return [run.run_id, run.replayed, run.status, len(platform.deploys)]

    with ThreadPoolExecutor(2) as pool:
        told = [one.result(60) for one in [pool.submit(in_a_child, of_one) for _ in range(2)]]
    assert sorted(replayed for _, replayed, _, _ in told) == [False, True]
    assert sum(deploys for *_, deploys in told) == 1 and len({run_id for run_id, *_ in told}) == 1
    assert {status for *_, status, _ in told} <= {"open", "recorded"}
    assert len(records_of(gate, TESTING)) == 1 and gate.ledger.verify().wrong == ()
    platform.run(TESTING, A)
    again = gate.run(deploy(A, idempotency_key="k"), ACTOR)
    assert (again.run_id, again.replayed, again.status) == (told[0][0], True, "recorded")


def test_s60_a_ledger_each_is_refused(make_gate: MakeGate, platform: FakePlatform, tmp_path: Path) -> None:
    """S60: a process with a ledger of its own beside the records of another does not start, or stops at what is new."""
    gate = make_gate()
    early = Ledger.open(tmp_path / "early", holds_records=holds_records(gate.store))  # while there was nothing yet
    gate.run(deploy(A), ACTOR)
    with pytest.raises(LedgerError, match="holds records but no ledger"):
        Ledger.open(tmp_path / "late", holds_records=holds_records(gate.store))
    other = make_gate(ledger=early, store=gate.store)
    for request in (deploy(B), promote()):
        with pytest.raises(PastLost, match="another ledger"):
            other.run(request, ACTOR)
    assert platform.deploys == [(str(TESTING), A.source_git_ref)]
