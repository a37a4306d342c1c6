"""A process that is killed at any moment leaves a lane that nothing is promoted from until something is proven."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from launchplane_gate.hookspecs import Approval, InventoryWriter, Question
from launchplane_gate.lanes import look
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Outcome, Target
from launchplane_gate.policy import EmbeddedEngine
from launchplane_gate.runs import read_run
from tests import warm
from tests.conftest import (
    ACTOR,
    PROD,
    PRODUCT,
    PROFILE,
    TESTING,
    A,
    B,
    MakeGate,
    bundle_in,
    deploy,
    open_gate,
    promote,
)
from tests.fakes.platform import FakePlatform
from tests.places import ROOT

pytestmark = pytest.mark.thorough  # tests/line/test_crash_matrix asks more of it


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


def child(moment: str, state: Path, action: str) -> None:
    """Deploy B to testing, or promote A, and die on the way."""
    platform = FakePlatform(runs={str(TESTING): A})
    bundle = bundle_in(state.parent / "policies")
    dies_at(moment, platform)
    request = deploy(B) if action == "deploy" else promote()
    open_gate(state, bundle, EmbeddedEngine(bundle), platform, **SHORT).run(request, ACTOR)


def killed(moment: str, state: Path, action: str) -> None:
    (policies := state.parent / "policies").mkdir(exist_ok=True)
    bundle_in(policies)
    imports = "from tests.line.test_crashes import child; from pathlib import Path"
    program = f"{imports}; child({moment!r}, Path({str(state)!r}), {action!r})"
    done = warm.run("-c", program, cwd=ROOT, proves=[policies], imports=["tests.line.test_crashes"])
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_is_closed_and_its_lane_unsettled_if_it_was_touched(
    moment: str, tmp_path: Path, make_gate: MakeGate, platform: FakePlatform
) -> None:
    gate = make_gate(**SHORT)
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    killed(moment, tmp_path, "deploy")
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


@pytest.mark.parametrize("moment", MOMENTS)
def test_who_looks_after_a_kill_sees_what_the_next_run_will_see(
    moment: str, tmp_path: Path, make_gate: MakeGate, platform: FakePlatform
) -> None:
    """Seen: after a kill in a promotion all but the promotion itself waited for an open run to end, for ever."""
    gate = make_gate(**SHORT)
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    before = gate.ledger.heads()
    killed(moment, tmp_path, "promote")
    if MOMENTS[moment]:
        platform.runs[str(PROD)] = A
    wrote = gate.ledger.heads()
    reader = make_gate(ledger=Ledger.to_read(tmp_path, holds_records=True), **SHORT)

    run_id = reader.ledger.runs(limit=1)[0]
    _, prod = look(reader, [PROFILE], ACTOR)
    decision = reader.check(promote(), ACTOR)
    was_begun = len(wrote) > len(before)  # prod has a chain since
    assert prod.settled is not MOMENTS[moment] and "open" not in prod.why and "under way" not in prod.why
    assert not was_begun or read_run(reader.ledger, run_id).status == "interrupted"
    finishes = f"launchplane-gate runs resume {run_id}"
    assert decision.allowed
    assert prod.command == (finishes if MOMENTS[moment] else f"launchplane-gate promote {PRODUCT}")
    assert reader.ledger.heads() == wrote  # nothing was written by looking

    run = gate.run(promote(), ACTOR)
    assert run.status == "recorded" and run.admitted
    assert [one.status for one in run.admitted.results] == [one.status for one in decision.results]
    assert [view.settled for view in look(reader, [PROFILE], ACTOR)] == [True, True]
