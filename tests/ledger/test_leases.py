"""Leases: short and renewed while their holder lives, over at the run's deadline, and of no use to anybody else."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchplane_gate.errors import LaneBusy, NotSettled
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval
from launchplane_gate.ledger import Lease, Ledger, Terms, Wish
from launchplane_gate.model import Hold, Outcome, stamp
from launchplane_gate.policy import Bundle, EmbeddedEngine
from launchplane_gate.store import version
from tests.conftest import ACTOR, TESTING, A, B, MakeGate, bundle_in, deploy
from tests.fakes.platform import FakePlatform
from tests.on_postgres import gate_on, migrated
from tests.places import ROOT
from tests.warm import Process

pytestmark = pytest.mark.thorough  # tests/line/test_state_machine stops processes

SHORT = Terms(run_s=60, lease_s=1.8, write_s=0.4)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(tmp_path, holds_records=False)
    yield ledger
    ledger.close()


def test_a_heartbeat_keeps_a_lease_for_as_long_as_its_holder_lives(ledger: Ledger) -> None:
    with ledger.hold([TESTING], Wish(SHORT)) as lease:
        time.sleep(4)
        with pytest.raises(LaneBusy), ledger.hold([TESTING], Wish(SHORT)):
            pass
        assert lease.write_seconds_left() == SHORT.write_s


def test_no_lease_outlives_the_deadline_of_its_run(ledger: Ledger) -> None:
    terms = Terms(run_s=0.8, lease_s=0.6, write_s=0.2)
    with ledger.hold([TESTING], Wish(terms)) as lease:
        assert 0 < lease.run_seconds_left() <= 0.8
        time.sleep(0.6)
        with pytest.raises(NotSettled, match="too little to begin a write"):
            lease.write_seconds_left()
        time.sleep(0.5)
        assert lease.run_seconds_left() < 0
        with pytest.raises(NotSettled, match="is over"):
            lease.renew()
        with ledger.hold([TESTING], Wish(SHORT, wait_s=5)):
            pass


def test_a_lane_is_taken_over_no_sooner_than_a_write_may_take(ledger: Ledger) -> None:
    terms = Terms(run_s=0.3, lease_s=0.3, write_s=0.2)
    with ledger.hold([TESTING], Wish(terms)):
        time.sleep(0.35)  # the lease is over, and what was begun under it may not be
        with pytest.raises(LaneBusy), ledger.hold([TESTING], Wish(Terms(run_s=9, write_s=0.6))):
            pass
        time.sleep(0.6)
        with ledger.hold([TESTING], Wish(Terms(run_s=9, write_s=0.6))):
            pass


def test_a_fork_inherits_no_lease(ledger: Ledger) -> None:
    with ledger.hold([TESTING], Wish(SHORT)) as lease:
        child = os.fork()
        if child == 0:
            os._exit(_of_a_fork(lease))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert lease.write_seconds_left() == SHORT.write_s  # the child has given up nothing


def _of_a_fork(lease: Lease) -> int:
    try:
        lease.write_seconds_left()
    except NotSettled:
        lease.end()
        return 0
    return 1


def test_who_is_busy_is_told_with_host_process_run_and_times(ledger: Ledger) -> None:
    with ledger.hold([TESTING], Wish(Terms(run_s=600), run_id="r-BUSY0000")), pytest.raises(LaneBusy) as busy:
        ledger.hold([TESTING], Wish(SHORT)).__enter__()
    told = str(busy.value)
    assert f"process {os.getpid()} on {os.uname().nodename} for run r-BUSY0000 since 20" in told
    assert told.endswith("at the latest") and ", until 20" in told


def test_a_driver_that_says_nonsense_of_its_time_stops_the_start(make_gate: MakeGate, platform: FakePlatform) -> None:
    for nonsense in (0, -1, float("inf"), float("nan"), "600", True):
        platform.deploy_timeout_s = nonsense  # type: ignore[assignment]  # that is the point
        with pytest.raises(Exception, match="deploy_timeout_s"):
            make_gate()


# -- a process that is suspended past its lease

MOMENTS = ("gathering", "before redeem", "inside redeem", "after the deploy", "looking", "before the inventory")

SUSPENDED = """
import os, signal, sys
from pathlib import Path
from launchplane_gate.model import Outcome, Target
from launchplane_gate.policy import EmbeddedEngine
from tests.conftest import ACTOR, TESTING, A, B, bundle_in, deploy, open_gate
from tests.fakes.platform import FakePlatform
from tests.on_postgres import gate_on

moment, state = sys.argv[1], Path(sys.argv[2])
done = False

def stop(where):
    global done
    if where == moment and not done:
        done = True
        print("stopped", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)

platform = FakePlatform(runs={str(TESTING): A}, newest_run={})
target = Target(target_type="application", target_id="app", target_name="app", deploy_mode="fake")

def deploying(self, approval):
    stop("before redeem")
    with approval.redeem(target) as release:
        stop("inside redeem")
        approval.write_seconds_left()
        print("WROTE", flush=True)
        self.run(approval.lane, release)
    stop("after the deploy")
    return Outcome(status="pass", touched=True)

def recording(inventory):
    stop("before the inventory")
    inventory.write()

platform.behaves, platform.recording = deploying, recording
platform.sampling = lambda question: stop({"admit": "gathering", "confirm": "looking"}[question.phase])
bundle = bundle_in(state.parent / "policies")
terms = dict(lease_s=1.0, write_s=0.2)
if sys.argv[3:]:
    gate = gate_on(sys.argv[3], state, bundle, EmbeddedEngine(bundle), platform, **terms)
else:
    gate = open_gate(state, bundle, EmbeddedEngine(bundle), platform, **terms)
try:
    print("ended", gate.run(deploy(B), ACTOR).status, flush=True)
except Exception as error:
    print("ended", type(error).__name__, flush=True)
"""


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_suspended_process_opens_nothing_and_overwrites_nothing(
    moment: str, tmp_path: Path, make_gate: MakeGate
) -> None:
    _resumed_too_late(moment, tmp_path, make_gate(**PATIENT))


@pytest.mark.parametrize("moment", MOMENTS)
def test_in_postgres_it_does_neither(
    moment: str, tmp_path: Path, postgres: str, bundle: Bundle, engine: EmbeddedEngine
) -> None:
    gate = gate_on(migrated(postgres), tmp_path, bundle, engine, FakePlatform(), **PATIENT)
    _resumed_too_late(moment, tmp_path, gate, postgres)
    gate.ledger.close()


PATIENT = {"lease_s": 1.0, "write_s": 0.2, "lane_wait_s": 20}


def _resumed_too_late(moment: str, tmp_path: Path, gate: Gate, *url: str) -> None:
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    (policies := tmp_path.parent / "policies").mkdir(exist_ok=True)
    bundle_in(policies)
    command = ["-c", SUSPENDED, moment, str(tmp_path), *url]
    with Process(*command, cwd=ROOT, proves=[policies], imports=["tests.on_postgres"]) as late:
        before = ""
        while (line := late.stdout.readline()) != "stopped\n":
            before += line
        run = gate.run(deploy(A), ACTOR)  # waits for the lease to be over
        assert run.status == "recorded"
        now = gate.store.read_environment_inventory(context_name=TESTING.context, instance_name=TESTING.instance)
        late.send_signal(signal.SIGCONT)
        told, _ = late.communicate()
    assert "recorded" not in told and ("WROTE" not in told or "WROTE" in before), told
    again = gate.store.read_environment_inventory(context_name=TESTING.context, instance_name=TESTING.instance)
    assert version(again) == version(now)
    assert not gate.ledger.verify().wrong
    assert gate.check(deploy(B), ACTOR).allowed


def test_a_hold_is_an_entry_and_keeps_the_lane_from_being_deployed_to(make_gate: MakeGate) -> None:
    gate = make_gate()
    since = stamp(gate.ledger.now())
    gate.ledger.put_hold(TESTING, Hold(reason="an audit", subject="alice", since=since), {"actor": ACTOR.model_dump()})
    run = gate.run(deploy(A), ACTOR)
    assert run.admitted and [one.code for one in run.admitted.refusals] == ["lane.not_held"]
    gate.ledger.end_hold(TESTING, {"actor": ACTOR.model_dump()})
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    assert [entry.kind for entry in gate.ledger.entries(subject=str(TESTING))] == ["lane_held", "lane_released"]
    assert not gate.ledger.verify().wrong


def test_a_hold_that_comes_after_the_decision_makes_it_stale(make_gate: MakeGate, platform: FakePlatform) -> None:
    gate = make_gate()

    def held(self: FakePlatform, approval: Approval) -> Outcome:
        gate.ledger.put_hold(TESTING, Hold(reason="an audit", subject="alice", since=stamp(gate.ledger.now())), {})
        return self.change(approval)

    platform.behaves = held
    assert gate.run(deploy(A), ACTOR).status == "stale" and platform.deploys == []
