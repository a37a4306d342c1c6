"""One cause gives one refusal that is told; what follows from it is folded under it."""

from __future__ import annotations

from launchplane_gate.gate import Gate
from launchplane_gate.model import Decision, Request
from launchplane_gate.report.decision import decision_text
from launchplane_gate.report.text import plain
from tests.conftest import ACTOR, PRODUCT, TESTING, A, B, deploy, promote
from tests.fakes.platform import FakePlatform
from tests.line.test_rollback import rollback, unconfirmed


def refused(gate: Gate, request: Request) -> Decision:
    run = gate.run(request, ACTOR)
    assert run.status == "denied" and run.admitted
    return run.admitted


def codes(decision: Decision) -> list[str]:
    return [one.code for one in decision.causes]


def test_an_unsettled_source_lane_is_one_refusal(gate: Gate, platform: FakePlatform) -> None:
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    unconfirmed(gate, platform, deploy(B), TESTING)
    decision = refused(gate, promote())
    assert codes(decision) == ["lane.settled"]
    following = {one.code for one in decision.refusals} - {"lane.settled"}
    assert {"inventory.source_latest", "inventory.source_soaked"} <= following
    said = plain(decision_text(decision, every_rule=False))
    assert f"{len(following)} more follow from it" in said and "Wait" not in said
    assert f"`launchplane-gate lanes {PRODUCT}`" in said
    in_full = plain(decision_text(decision, every_rule=True))
    assert in_full.count("Follows from lane.settled.") == len(following) and "Wait" not in in_full


def test_a_source_lane_on_which_nothing_ran_is_one_refusal(gate: Gate) -> None:
    decision = refused(gate, promote())
    assert codes(decision) == ["inventory.source_present"]
    assert len(decision.refusals) > 5


def test_a_first_deploy_that_is_not_proven_is_one_refusal(gate: Gate, platform: FakePlatform) -> None:
    unconfirmed(gate, platform, deploy(A), TESTING)
    assert codes(refused(gate, promote())) == ["lane.settled"]


def test_a_lane_without_a_past_has_one_reason_not_to_go_back(gate: Gate) -> None:
    decision = refused(gate, rollback())
    assert codes(decision) == ["release.as_expected"]
    assert {"release.ran_here", "release.commit_full"} <= {one.code for one in decision.refusals}


def test_a_bad_look_is_one_refusal(gate: Gate, platform: FakePlatform) -> None:
    run = unconfirmed(gate, platform, deploy(A), TESTING)
    assert run.confirmed and "confirm.stayed_up" in [one.code for one in run.confirmed.refusals]
    assert "confirm.stayed_up" not in codes(run.confirmed)


def test_what_is_stale_is_told_whatever_else_is_refused(gate: Gate, platform: FakePlatform) -> None:
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    unconfirmed(gate, platform, deploy(B), TESTING)
    assert codes(refused(gate, promote(B))) == ["lane.settled", "inventory.source_current"]
