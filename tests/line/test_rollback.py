"""Going back: to what a lane ran before, down the same line; and what was rolled back does not come back unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, event

from launchplane_gate.errors import EvidenceFailed, KeyReused, LedgerError, StaleReplay
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval, Question, hookimpl
from launchplane_gate.ledger.ran import ROLLED_BACK
from launchplane_gate.line.approval import RunApproval
from launchplane_gate.line.waive import WaiverRequest
from launchplane_gate.model import Decision, Expected, Lane, Outcome, ReleaseIdentity, Request, Run
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, EmbeddedEngine
from tests.conftest import (
    ACTOR,
    APPROVER,
    IMAGE,
    LISTED,
    PROD,
    PRODUCT,
    TESTING,
    A,
    B,
    C,
    MakeGate,
    bundle_with,
    deploy,
    promote,
    release,
)
from tests.fakes.platform import FakeHealth, FakePlatform
from tests.on_postgres import gate_on, migrated

D = release("D")
REBUILT_B = ReleaseIdentity(artifact_id=f"{IMAGE}@sha256:{'9' * 64}", source_git_ref=B.source_git_ref)


def rollback(to: str = "prod", expected: Expected | ReleaseIdentity | None = None, **rest: Any) -> Request:
    stated = Expected(**expected.model_dump()) if expected else Expected()
    return Request(action="rollback", product=PRODUCT, destination=to, expected=stated, **rest)


def commit(of: ReleaseIdentity) -> Expected:
    return Expected(source_git_ref=of.source_git_ref)


def codes(decision: Decision | None) -> list[str]:
    assert decision
    return [refusal.code for refusal in decision.refusals]


def ships(gate: Gate, what: ReleaseIdentity) -> None:
    """A release goes to testing, and from there to prod."""
    for request in (deploy(what), promote(what)):
        assert gate.run(request, ACTOR).status == "recorded"


def inventory(gate: Gate, lane: Lane = PROD) -> Any:
    return gate.store.read_environment_inventory(context_name=lane.context, instance_name=lane.instance)


def is_whole(gate: Gate) -> None:
    assert gate.ledger.verify().wrong == ()


def waive(gate: Gate, what: ReleaseIdentity, code: str = "release.not_rolled_back") -> None:
    until = gate.ledger.now() + timedelta(hours=1)
    wanted = WaiverRequest(code, PRODUCT, "prod", what.artifact_id, what.source_git_ref, "it was the proxy", until)
    gate.approve_waiver(gate.request_waiver(wanted, ACTOR).waiver_id, APPROVER)


def fails(platform: FakePlatform, approval: Approval) -> Outcome:
    """Redeems, changes the lane, and does not pass."""
    return platform.change(approval, status="fail", detail="it never came up")


def unconfirmed(gate: Gate, platform: FakePlatform, request: Request, lane: Lane = PROD) -> Run:
    """A run that is deployed, and not seen to run."""
    platform.reports[str(lane)] = "9" * 40
    run = gate.run(request, ACTOR)
    platform.reports.clear()
    assert run.status == "unconfirmed"
    return run


@pytest.fixture
def shipped(gate: Gate) -> Gate:
    """Prod ran A and runs B, which testing runs, too."""
    ships(gate, A)
    ships(gate, B)
    return gate


# -- there and back


def test_a_lane_goes_back_to_what_it_ran_before(shipped: Gate, platform: FakePlatform) -> None:
    run = shipped.run(rollback(reason="checkout is broken"), ACTOR)
    assert (run.status, run.release, run.previous, run.source) == ("recorded", A, B, None)
    assert platform.runs[str(PROD)] == A
    stands = inventory(shipped)
    assert (stands.source_git_ref, stands.deployment_record_id) == (A.source_git_ref, run.deployment_record_id)
    assert (stands.promotion_record_id, stands.promoted_from_instance) == ("", "")
    record = shipped.store.read_deployment_record(stands.deployment_record_id)
    assert (record.deploy.status, record.runtime_source["gate_run_id"]) == ("pass", run.run_id)
    is_whole(shipped)


def test_it_has_a_roll_call_of_its_own(shipped: Gate) -> None:
    run = shipped.run(rollback(), ACTOR)
    assert run.admitted and {result.code for result in run.admitted.results} == {
        *("release.as_expected", "release.ran_here", "release.artifact_pinned", "release.commit_full"),
        *("release.told_apart", "lane.settled", "lane.not_held", "lane.driver_matches", "lane.provable"),
        "actor.permitted",
    }
    assert run.confirmed and {result.code for result in run.confirmed.results} == {
        *("confirm.outcome_passed", "confirm.artifact_matches", "confirm.revision_live", "confirm.stayed_up"),
        "release.told_apart",
    }
    kinds = [entry.kind for entry in shipped.ledger.entries(subject=run.run_id)]
    assert kinds == ["decided", "redeemed", "triggered", "outcome", "confirmed", "recording", "recorded"]


def test_nothing_is_published_and_no_promotion_is_written(shipped: Gate) -> None:
    count = len(shipped.store.list_promotion_records())
    run = shipped.run(rollback(), ACTOR)
    assert (run.publication, run.promotion_record_id) == (None, None)
    assert len(shipped.store.list_promotion_records()) == count


def test_what_was_rolled_back_is_refused_and_a_newer_release_passes(shipped: Gate, platform: FakePlatform) -> None:
    shipped.run(rollback(), ACTOR)
    again = shipped.run(promote(B), ACTOR)
    assert (again.status, codes(again.admitted)) == ("denied", ["release.not_rolled_back"])
    assert again.admitted and B.source_git_ref in again.admitted.refusals[0].message
    assert shipped.run(deploy(C), ACTOR).status == "recorded"
    assert shipped.run(promote(C), ACTOR).status == "recorded"
    assert platform.runs[str(PROD)] == C
    is_whole(shipped)


def test_the_next_one_goes_back_past_what_was_rolled_back(shipped: Gate) -> None:
    ships(shipped, C)
    assert shipped.run(rollback(), ACTOR).release == B
    assert shipped.run(rollback(), ACTOR).release == A
    nowhere = shipped.run(rollback(), ACTOR)
    assert nowhere.status == "denied" and codes(nowhere.admitted)[:2] == ["release.as_expected", "release.ran_here"]
    assert nowhere.admitted and "prod ran nothing before" in nowhere.admitted.refusals[0].message
    assert [(entry.source_git_ref, entry.rolled_back) for entry in shipped.ledger.history(PROD)] == [
        (A.source_git_ref, False),
        (B.source_git_ref, True),
        (C.source_git_ref, True),
    ]


def test_a_lane_where_no_path_ends_goes_back_too_and_takes_the_release_again(gate: Gate) -> None:
    """Its deploys have no such rule: whoever deploys there names what is to run."""
    for what in (A, B):
        gate.run(deploy(what), ACTOR)
    assert gate.run(rollback("testing"), ACTOR).release == A
    assert gate.run(deploy(B), ACTOR).status == "recorded"
    assert gate.ledger.past_of(TESTING, B)[1] == []
    assert gate.run(rollback("testing"), ACTOR).release == A


def test_a_lane_that_ran_nothing_else_goes_nowhere(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)
    gate.run(promote(), ACTOR)
    count = len(platform.deploys)
    run = gate.run(rollback(), ACTOR)
    assert (run.status, run.release) == ("denied", None)
    assert len(platform.deploys) == count
    assert gate.run(rollback("testing"), ACTOR).status == "denied"


# -- a release that is named


@pytest.mark.parametrize(
    "named", [commit(A), A, Expected(artifact_id=A.artifact_id)], ids=["commit", "both", "artifact"]
)
def test_any_release_of_its_history_may_be_named(shipped: Gate, named: Expected) -> None:
    ships(shipped, C)
    run = shipped.run(rollback(expected=named), ACTOR)
    assert (run.status, run.release) == ("recorded", A)
    assert [gone for what in (B, C) for gone in shipped.ledger.past_of(PROD, what)[1]] == [B, C]


@pytest.mark.parametrize(
    "named",
    [
        commit(C),
        C,
        Expected(source_git_ref=A.source_git_ref[:7]),
        Expected(artifact_id=A.artifact_id, source_git_ref=B.source_git_ref),
    ],
    ids=["never there", "never there, both", "shortened", "of two"],
)
def test_what_never_ran_there_is_no_way_back(shipped: Gate, platform: FakePlatform, named: Expected) -> None:
    shipped.run(deploy(C), ACTOR)  # testing runs it, which is not prod
    count = len(platform.deploys)
    run = shipped.run(rollback(expected=named), ACTOR)
    assert run.status == "denied" and codes(run.admitted)[:2] == ["release.as_expected", "release.ran_here"]
    assert len(platform.deploys) == count
    assert shipped.ledger.past_of(PROD, B)[1] == []  # nothing was redeemed


def test_a_commit_of_two_artifacts_is_refused_and_both_are_named(shipped: Gate) -> None:
    ships(shipped, REBUILT_B)
    run = shipped.run(rollback(expected=commit(B)), ACTOR)
    assert run.status == "denied" and run.admitted
    said = run.admitted.refusals[0]
    assert said.code == "release.as_expected"
    assert B.artifact_id in said.message and REBUILT_B.artifact_id in said.message
    assert shipped.run(rollback(expected=B), ACTOR).status == "recorded"


def test_what_was_rolled_back_may_be_named_by_who_may(shipped: Gate) -> None:
    shipped.run(rollback(), ACTOR)
    assert shipped.run(rollback(expected=commit(B)), ACTOR).release == B
    assert shipped.ledger.past_of(PROD, B)[1] == [] and shipped.ledger.past_of(PROD, A)[1] == [A]


@pytest.mark.parametrize(
    "odd", [{"source": "testing"}, {"version": "v1.0.0"}, {"bump": "patch"}, {"redeploy": True}], ids=str
)
def test_a_rollback_has_no_source_and_publishes_nothing(odd: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="a rollback"):
        rollback(**odd)


# -- who may


def test_it_takes_a_word_in_may(make_gate: MakeGate, platform: FakePlatform, tmp_path: Path) -> None:
    ships_only = {"subject": ACTOR.subject, "verified_by": None, "may": ["waive"]}
    gate = make_gate(bundle=bundle_with(tmp_path / "p", actors={"testing": LISTED, "prod": [ships_only, LISTED[1]]}))
    ships(gate, A)
    ships(gate, B)
    count = len(platform.deploys)
    refused = gate.run(rollback(), ACTOR)
    assert (refused.status, refused.run_id, codes(refused.admitted)) == ("denied", "", ["actor.permitted"])
    assert len(platform.deploys) == count
    assert gate.run(rollback(), APPROVER).status == "recorded"


# -- an unsettled lane


def test_an_unsettled_lane_goes_back_to_what_was_recorded(shipped: Gate, platform: FakePlatform) -> None:
    """S22: after a promotion that is not proven, (b) a rollback to the inventory clears the marker."""
    shipped.run(deploy(C), ACTOR)
    unconfirmed(shipped, platform, promote(C))
    refused = shipped.run(rollback(expected=commit(A)), ACTOR)
    assert (refused.status, codes(refused.admitted)) == ("denied", ["lane.settled"])
    assert refused.admitted and B.source_git_ref in refused.admitted.refusals[0].message
    run = shipped.run(rollback(), ACTOR)
    assert (run.status, run.release) == ("recorded", B)
    stale = shipped.run(promote(C), ACTOR)
    assert (stale.status, codes(stale.admitted)) == ("denied", ["release.not_rolled_back"])  # it was never recorded
    is_whole(shipped)


def test_a_release_that_failed_there_does_not_come_back_either(shipped: Gate, platform: FakePlatform) -> None:
    shipped.run(deploy(C), ACTOR)
    platform.behaves = fails
    assert shipped.run(promote(C), ACTOR).status == "fail"
    platform.behaves = None
    assert shipped.run(rollback(), ACTOR).release == B
    assert codes(shipped.run(promote(C), ACTOR).admitted) == ["release.not_rolled_back"]


def test_one_that_touched_nothing_was_not_rolled_back(shipped: Gate, platform: FakePlatform) -> None:
    shipped.run(deploy(C), ACTOR)
    platform.behaves = lambda _, __: Outcome(status="fail", touched=False)
    assert shipped.run(promote(C), ACTOR).status == "fail"
    platform.behaves = None
    assert shipped.run(rollback(), ACTOR).release == A
    assert shipped.run(promote(C), ACTOR).status == "recorded"


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: path.write_text("{")], ids=["gone", "torn"])
def test_what_the_ledger_recorded_tells_where_the_inventory_does_not(
    shipped: Gate, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    [path] = [found for found in tmp_path.rglob("*.json") if "inventory" in str(found) and "prod" in str(found)]
    harm(path)
    run = shipped.run(rollback(), ACTOR)
    assert (run.status, run.release) == ("recorded", B)
    assert inventory(shipped).source_git_ref == B.source_git_ref
    assert shipped.run(rollback(), ACTOR).release == A


def test_a_rollback_that_was_not_confirmed_is_tried_again(shipped: Gate, platform: FakePlatform) -> None:
    """Else the bad release would be the only way on: it is what was recorded."""
    unconfirmed(shipped, platform, rollback())
    assert shipped.ledger.past_of(PROD, B)[1] == [B]  # from redeem on
    assert codes(shipped.run(promote(B), ACTOR).admitted) == ["release.not_rolled_back"]
    run = shipped.run(rollback(), ACTOR)
    assert (run.status, run.release) == ("recorded", A)
    assert codes(shipped.run(promote(B), ACTOR).admitted) == ["release.not_rolled_back"]


def test_what_was_recorded_may_be_named_after_a_rollback_that_was_not(shipped: Gate, platform: FakePlatform) -> None:
    unconfirmed(shipped, platform, rollback())
    assert shipped.run(rollback(expected=commit(B)), ACTOR).status == "recorded"


def test_one_that_was_interrupted_is_tried_again(shipped: Gate, platform: FakePlatform) -> None:
    def killed(platform: FakePlatform, approval: Approval) -> Outcome:
        platform.change(approval)
        raise KeyboardInterrupt

    platform.behaves = killed
    with pytest.raises(KeyboardInterrupt):
        shipped.run(rollback(), ACTOR)
    platform.behaves = None
    decision = shipped.check(promote(B), ACTOR)
    assert codes(decision) == ["release.not_rolled_back"]
    run = shipped.run(rollback(), ACTOR)
    assert (run.status, run.release) == ("recorded", A)
    is_whole(shipped)


def test_what_it_waits_for_is_said_as_a_person_would(shipped: Gate, platform: FakePlatform) -> None:
    unconfirmed(shipped, platform, rollback())
    run = shipped.run(rollback(expected=commit(C)), ACTOR)
    assert run.admitted
    said = next(refusal.message for refusal in run.admitted.refusals if refusal.code == "lane.settled")
    assert f"its last run, a rollback to {A.source_git_ref[:7]}, ended unconfirmed" in said
    assert A.source_git_ref in said and B.source_git_ref in said  # where it may go back to


def test_a_rollback_that_touched_nothing_changes_nothing(shipped: Gate, platform: FakePlatform) -> None:
    platform.behaves = lambda _, __: Outcome(status="fail", touched=False)
    assert shipped.run(rollback(), ACTOR).status == "fail"
    platform.behaves = None
    assert shipped.ledger.past_of(PROD, B)[1] == []
    assert shipped.run(promote(B), ACTOR).status == "unchanged"


# -- coming back


def test_it_comes_back_under_a_waiver_and_that_ends_it(shipped: Gate) -> None:
    shipped.run(rollback(), ACTOR)
    waive(shipped, B)
    run = shipped.run(promote(B), ACTOR)
    assert run.status == "recorded" and run.admitted
    assert [one.code for one in run.admitted.results if one.status == "waived"] == ["release.not_rolled_back"]
    ships(shipped, C)
    assert shipped.run(rollback(), ACTOR).release == B  # it is one to go back to again
    is_whole(shipped)


def test_a_run_under_a_waiver_that_is_not_recorded_does_not_end_it(shipped: Gate, platform: FakePlatform) -> None:
    shipped.run(rollback(), ACTOR)
    waive(shipped, B)
    unconfirmed(shipped, platform, promote(B))
    assert shipped.ledger.past_of(PROD, B)[1] == [B]


def test_it_does_not_come_back_as_another_build_of_its_commit(shipped: Gate) -> None:
    """What CI builds anew each night, from the commit that nobody has reverted yet."""
    shipped.run(rollback(), ACTOR)
    shipped.run(deploy(REBUILT_B), ACTOR)
    assert codes(shipped.run(promote(REBUILT_B), ACTOR).admitted) == ["release.not_rolled_back"]


def test_a_build_of_the_same_commit_that_was_gone_back_to_is_not_rolled_back(shipped: Gate) -> None:
    ships(shipped, REBUILT_B)
    assert shipped.run(rollback(), ACTOR).release == B
    shipped.run(deploy(B), ACTOR)
    assert shipped.run(promote(B), ACTOR).status == "unchanged"


def test_what_was_rolled_back_on_one_lane_may_go_to_another(shipped: Gate) -> None:
    shipped.run(rollback("testing"), ACTOR)
    assert shipped.ledger.past_of(TESTING, B)[1] == [B]
    assert shipped.ledger.past_of(PROD, B)[1] == []


def test_a_step_back_by_promotion_names_the_rollback(shipped: Gate) -> None:
    shipped.run(deploy(A), ACTOR)
    run = shipped.run(promote(A), ACTOR)
    assert codes(run.admitted) == ["inventory.forward_only"] and run.admitted
    [refusal] = run.admitted.refusals
    assert f"`launchplane-gate rollback {PRODUCT} --lane prod`" in refusal.remedy


# -- what stands in the way, and what does not


def test_a_check_asks_the_same_and_marks_nothing(shipped: Gate, platform: FakePlatform) -> None:
    count = len(platform.deploys)
    decision = shipped.check(rollback(), ACTOR)
    assert decision.allowed and decision.release == A
    assert shipped.ledger.past_of(PROD, B)[1] == [] and len(platform.deploys) == count
    assert codes(shipped.check(rollback(expected=commit(C)), ACTOR))[0] == "release.as_expected"


def test_another_driver_that_is_addressed_is_refused(shipped: Gate) -> None:
    run = shipped.run(rollback(driver="other"), ACTOR)
    assert (run.status, codes(run.admitted)) == ("denied", ["lane.driver_matches"])


def test_what_cannot_be_told_apart_is_refused(make_gate: MakeGate, platform: FakePlatform) -> None:
    gate = make_gate()
    ships(gate, B)
    ships(gate, REBUILT_B)
    platform.digests = "not_shown"
    assert codes(gate.run(rollback(), ACTOR).admitted) == ["release.told_apart"]


def test_a_change_between_the_decision_and_redeem_makes_it_stale(shipped: Gate, platform: FakePlatform) -> None:
    def meddles(platform: FakePlatform, approval: Approval) -> Outcome:
        stands = inventory(shipped)
        shipped.store.write_environment_inventory(stands.model_copy(update={"updated_at": "2026-01-01T00:00:00Z"}))
        return platform.change(approval)

    platform.behaves = meddles
    assert shipped.run(rollback(), ACTOR).status == "stale"
    assert shipped.ledger.past_of(PROD, B)[1] == []


class NoImage:
    """Knows the registry, which has lost the image."""

    @hookimpl
    def gate_evidence(self, question: Question) -> dict[str, Any]:
        if question.goes_back and question.phase == "admit":
            raise EvidenceFailed(f"{question.release}: its registry has no such image any more")
        return {}


def test_an_image_that_is_gone_refuses_before_anything_is_redeemed(make_gate: MakeGate, platform: FakePlatform) -> None:
    registry = NoImage()
    gate = make_gate(plugins=Plugins({"fake": platform, "health": FakeHealth(platform), "oci": registry}))
    ships(gate, A)
    ships(gate, B)
    count = len(platform.deploys)
    with pytest.raises(EvidenceFailed, match="no such image"):
        gate.run(rollback(), ACTOR)
    assert len(platform.deploys) == count and gate.ledger.past_of(PROD, B)[1] == []


# -- keys


def test_a_repeat_is_that_run_while_it_is_true(shipped: Gate, platform: FakePlatform) -> None:
    first = shipped.run(rollback(idempotency_key="k"), ACTOR)
    count = len(platform.deploys)
    again = shipped.run(rollback(idempotency_key="k"), ACTOR)
    assert (again.run_id, again.replayed, again.status) == (first.run_id, True, "recorded")
    assert len(platform.deploys) == count
    with pytest.raises(KeyReused):
        shipped.run(rollback(expected=commit(A), idempotency_key="k"), ACTOR)
    ships(shipped, C)
    with pytest.raises(StaleReplay):
        shipped.run(rollback(idempotency_key="k"), ACTOR)


def test_a_key_of_a_promotion_is_another_ones(gate: Gate) -> None:
    ships(gate, A)
    gate.run(deploy(B), ACTOR)
    gate.run(promote(B, idempotency_key="k"), ACTOR)
    assert gate.run(rollback(idempotency_key="k"), ACTOR).release == A
    with pytest.raises(StaleReplay):  # the promotion that was superseded
        gate.run(promote(B, idempotency_key="k"), ACTOR)


def test_one_that_was_not_confirmed_frees_its_key(shipped: Gate, platform: FakePlatform) -> None:
    unconfirmed(shipped, platform, rollback(idempotency_key="k"))
    assert shipped.run(rollback(idempotency_key="k"), ACTOR).status == "recorded"


# -- in the ledger


def test_what_is_rolled_back_is_entered_with_redeem(shipped: Gate) -> None:
    before = len(shipped.ledger.entries(lane=PROD))
    run = shipped.run(rollback(), ACTOR)
    entries = shipped.ledger.entries(lane=PROD)[before:]
    assert [entry.kind for entry in entries][:4] == ["decided", ROLLED_BACK, ROLLED_BACK, "redeemed"]
    marks = [entry for entry in entries if entry.kind == ROLLED_BACK]
    assert [entry.subject for entry in marks] == [f"{PROD} {B.artifact_id}", f"{PROD} {B.source_git_ref}"]
    for mark in marks:
        assert mark.body == {"releases": [B.model_dump()], "rolled_back_by": run.run_id, "back_to": A.model_dump()}


def test_an_approval_that_opens_nothing_rolls_nothing_back(shipped: Gate, platform: FakePlatform) -> None:
    def lets_go(platform: FakePlatform, approval: Approval) -> Outcome:
        assert isinstance(approval, RunApproval)
        approval.lease.release([PROD])
        return platform.change(approval)

    platform.behaves = lets_go
    with pytest.raises(LedgerError, match="its lease is over"):
        shipped.run(rollback(), ACTOR)
    assert [entry for entry in shipped.ledger.entries(lane=PROD) if entry.kind == ROLLED_BACK] == []


def test_what_is_asked_of_a_past_grows_with_none(gate: Gate) -> None:
    """As many statements after four rollbacks as after one, and an index for each."""
    said: list[tuple[str, Any]] = []

    def asked() -> list[tuple[str, Any]]:
        said.clear()
        gate.ledger.past_of(PROD, D)
        gate.ledger.ran_before(PROD, A)
        gate.ledger.way_back(PROD)
        return list(said)

    ships(gate, A)
    ships(gate, B)
    gate.run(rollback(), ACTOR)
    gate.run(rollback(expected=commit(B)), ACTOR)
    with listening(gate.ledger.database.engine, said):
        once = asked()
    for _ in range(3):
        gate.run(rollback(expected=commit(A)), ACTOR)
        gate.run(rollback(expected=commit(B)), ACTOR)
    with listening(gate.ledger.database.engine, said):
        later = asked()
    assert [statement for statement, _ in later] == [statement for statement, _ in once]
    with gate.ledger.database.engine.connect() as connection:
        for statement, parameters in later:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            assert not [step for *_, step in plan if str(step).startswith("SCAN")], statement


@contextmanager
def listening(engine: Engine, said: list[tuple[str, Any]]) -> Iterator[None]:
    def hear(*told: Any) -> None:
        if told[2].lstrip().startswith("SELECT"):
            said.append((told[2], told[3]))

    event.listen(engine, "before_cursor_execute", hear)
    yield
    event.remove(engine, "before_cursor_execute", hear)


def test_in_postgres_it_is_the_same(
    postgres: str, tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine, platform: FakePlatform
) -> None:
    gate = gate_on(migrated(postgres), tmp_path, bundle, engine, platform)
    for what in (A, B, C):
        ships(gate, what)
    assert gate.run(rollback(), ACTOR).release == B
    assert gate.run(rollback(), ACTOR).release == A
    assert codes(gate.run(promote(C), ACTOR).admitted) == ["release.not_rolled_back"]
    waive(gate, C)
    assert gate.run(promote(C), ACTOR).status == "recorded"
    assert [entry.rolled_back for entry in gate.ledger.history(PROD)] == [False, False, True]
    unconfirmed(gate, platform, rollback())
    assert gate.run(rollback(), ACTOR).release == A
    is_whole(gate)
    gate.ledger.close()
