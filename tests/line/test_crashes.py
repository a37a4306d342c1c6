"""A process that is killed at any moment leaves a lane that nothing is promoted from until something is proven."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from launchplane_gate.hookspecs import Approval, InventoryWriter, Question
from launchplane_gate.model import Outcome, Target
from launchplane_gate.policy import EmbeddedEngine
from tests.conftest import ACTOR, TESTING, A, B, MakeGate, bundle_in, deploy, open_gate, promote
from tests.fakes.platform import FakePlatform
from tests.places import ROOT


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dies_at(moment: str, platform: FakePlatform) -> None:
    """Set a trap for the process that runs the gate."""

    def deploying(self: FakePlatform, approval: Approval) -> Outcome:
        if moment == "before redeem":
            die()
        if moment == "inside redeem":
            target = Target(target_type="application", target_id="app", target_name="app", deploy_mode="fake")
            with approval.redeem(target):
                die()
        outcome = self.change(approval)
        if moment == "after the deploy":
            die()
        return outcome

    def sampling(question: Question) -> None:
        if moment == f"while health is asked in {question.phase}":
            die()

    def recording(writer: InventoryWriter) -> None:
        if moment == "before the inventory is written":
            die()
        writer.write()
        die()  # before the ledger is told

    platform.behaves, platform.sampling = deploying, sampling
    if "inventory" in moment:
        platform.recording = recording


# What each moment leaves: whether the platform was touched, and so whether testing is unsettled.
MOMENTS = {
    "while health is asked in admit": False,
    "before redeem": False,
    "inside redeem": True,
    "after the deploy": True,
    "while health is asked in confirm": True,
    "before the inventory is written": True,
    "after the inventory is written": True,
}


SHORT = {"lease_s": 1.5, "write_s": 0.3, "lane_wait_s": 10}  # what a killed process holds is waited for


def child(moment: str, state: Path) -> None:
    """Deploy B to testing, and die on the way."""
    platform = FakePlatform(runs={str(TESTING): A})
    bundle = bundle_in(state.parent / "policies")
    dies_at(moment, platform)
    open_gate(state, bundle, EmbeddedEngine(bundle), platform, **SHORT).run(deploy(B), ACTOR)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_is_closed_and_its_lane_unsettled_if_it_was_touched(
    moment: str, tmp_path: Path, make_gate: MakeGate, platform: FakePlatform
) -> None:
    gate = make_gate(**SHORT)
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    (tmp_path.parent / "policies").mkdir(exist_ok=True)
    imports = "from tests.line.test_crashes import child; from pathlib import Path"
    program = f"{imports}; child({moment!r}, Path({str(tmp_path)!r}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL

    touched = MOMENTS[moment]
    if touched:
        platform.runs[str(TESTING)] = B  # what the killed process had done
    run = gate.run(promote(), ACTOR)
    assert run.status == ("denied" if touched else "recorded")
    if touched:
        assert run.admitted and "lane.settled" in [refusal.code for refusal in run.admitted.refusals]
    assert gate.run(deploy(B), ACTOR).status == "recorded"
    assert gate.run(promote(), ACTOR).status == "recorded"
    assert gate.ledger.verify().wrong == ()
