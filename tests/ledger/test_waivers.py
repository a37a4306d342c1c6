"""Waivers: who may request and approve them, for what and how long, and what they let through."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.cli.session import actor_subject
from launchplane_gate.errors import ActorUnproven, RequestError, StandingRefused
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval
from launchplane_gate.ledger import Head, tables
from launchplane_gate.ledger.chain import Entering
from launchplane_gate.ledger.leave import row_of
from launchplane_gate.line.waive import WaiverRequest, text_to_sign
from launchplane_gate.model import Actor, Outcome, ReleaseIdentity, Run, Waiver, WaiverApproval
from launchplane_gate.policy.bundle.config import ProductPolicy
from launchplane_gate.policy.waiving import same_person
from launchplane_gate.report.text import plain
from launchplane_gate.report.waivers import until, waivers_text
from launchplane_gate.waivers import WaiverView, look_at_waivers, moment
from tests.cli.test_cli import NEW, OLD, Said, Site, clear, make_site
from tests.conftest import (
    ACTOR,
    APPROVER,
    LISTED,
    POLICY,
    PROD,
    PRODUCT,
    TESTING,
    A,
    B,
    MakeGate,
    bundle_with,
    deploy,
    promote,
)
from tests.fakes.platform import FakePlatform
from tests.test_ssh import new_key, public, sign

GLASS = "lane.not_bypassed"
HOUR = timedelta(hours=1)
BOB = Actor(subject="github:bob", verified_by="host")


def wanted(gate: Gate, release: ReleaseIdentity = A, **changes: Any) -> WaiverRequest:
    """Leave to deploy a release to prod directly."""
    fields: dict[str, Any] = {
        "code": GLASS,
        "product": PRODUCT,
        "destination": "prod",
        "artifact": release.artifact_id,
        "ref": release.source_git_ref,
        "reason": "checkout is down",
        "expires_at": gate.ledger.now() + HOUR,
    }
    return WaiverRequest(**(fields | changes))


def requested(gate: Gate, release: ReleaseIdentity = A, *, actor: Actor = ACTOR, **changes: Any) -> Waiver:
    return gate.request_waiver(wanted(gate, release, **changes), actor)


def granted(
    gate: Gate, release: ReleaseIdentity = A, *, actor: Actor = ACTOR, by: Actor = APPROVER, **changes: Any
) -> Waiver:
    """Requested by one and approved by another."""
    return gate.approve_waiver(requested(gate, release, actor=actor, **changes).waiver_id, by)


def saved(gate: Gate, **changes: Any) -> Waiver:
    """A waiver that stands in the ledger whatever today's policies and this clock would have said to it."""
    asked_at = gate.ledger.now() - HOUR
    waiver = Waiver(
        waiver_id="w-1",
        code=GLASS,
        product=PRODUCT,
        lane=PROD,
        release=A,
        reason="checkout is down",
        requested_by=ACTOR,
        requested_at=asked_at,
        expires_at=gate.ledger.now() + HOUR,
        approval=WaiverApproval(by=APPROVER, how="identity", at=asked_at),
    ).model_copy(update=changes)
    gate.ledger.save_waiver(waiver, {})
    return waiver


def break_glass(gate: Gate, release: ReleaseIdentity = A) -> Run:
    return gate.run(deploy(release, to="prod"), ACTOR)


def views(gate: Gate) -> list[WaiverView]:
    return look_at_waivers(gate.ledger, gate.bundle.settings, {PROD: PRODUCT, TESTING: PRODUCT})


# -- breaking glass


def test_a_waiver_lets_exactly_its_release_be_deployed_directly(gate: Gate, platform: FakePlatform) -> None:
    assert break_glass(gate).status == "denied"
    waiver = granted(gate)
    run = break_glass(gate)
    assert run.status == "recorded" and run.admitted and run.confirmed
    waived = [(result.code, result.waiver_id) for result in run.admitted.results if result.status == "waived"]
    assert waived == [(GLASS, waiver.waiver_id)]
    [used] = run.admitted.waivers
    assert used.approval and (used.waiver_id, used.reason) == (waiver.waiver_id, "checkout is down")
    assert (used.requested_by, used.approval.by, used.approval.how) == (ACTOR, APPROVER, "identity")
    assert run.confirmed.waivers == ()
    assert break_glass(gate, B).status == "denied"
    mixed = ReleaseIdentity(artifact_id=A.artifact_id, source_git_ref=B.source_git_ref)
    assert break_glass(gate, mixed).status == "denied"
    assert platform.deploys == [(str(PROD), A.source_git_ref)]
    assert gate.ledger.verify().wrong == ()


def test_a_waiver_of_another_lane_opens_nothing(gate: Gate) -> None:
    granted(gate, destination="testing")
    assert break_glass(gate).status == "denied"


def test_a_waiver_is_over_when_it_expires(gate: Gate) -> None:
    saved(gate, requested_at=gate.ledger.now() - 2 * HOUR, expires_at=gate.ledger.now() - HOUR)
    run = break_glass(gate)
    assert run.status == "denied" and run.admitted
    assert "The waiver w-1 does not count: it ended at " in run.admitted.refusals[0].message


def test_a_waiver_is_over_when_it_is_revoked(gate: Gate) -> None:
    waiver = granted(gate)
    assert gate.check(deploy(A, to="prod"), ACTOR).allowed
    gate.revoke_waiver(waiver.waiver_id, "rolled forward", ACTOR)
    assert break_glass(gate).status == "denied"
    assert gate.ledger.verify().wrong == ()


def test_a_revocation_ends_one_waiver_and_not_its_twin(gate: Gate) -> None:
    first, second = granted(gate), granted(gate, reason="to be sure")
    gate.revoke_waiver(first.waiver_id, "one is enough", ACTOR)
    run = break_glass(gate)
    assert run.status == "recorded" and run.admitted
    assert [used.waiver_id for used in run.admitted.waivers] == [second.waiver_id]


def test_who_deploys_cannot_have_approved_it(gate: Gate, platform: FakePlatform) -> None:
    saved(
        gate,
        requested_by=BOB,
        approval=WaiverApproval(
            by=ACTOR.model_copy(update={"verified_by": "host"}), how="identity", at=gate.ledger.now()
        ),
    )
    run = break_glass(gate)
    assert run.status == "denied" and run.admitted and platform.deploys == []
    assert "who asks is, or may be, its approver" in run.admitted.refusals[0].message


def test_who_requests_a_waiver_may_use_it(gate: Gate) -> None:
    assert granted(gate, actor=ACTOR).requested_by == ACTOR
    assert break_glass(gate).status == "recorded"


# -- two people, one of them verified


def test_a_waiver_counts_only_once_it_is_approved(gate: Gate, platform: FakePlatform) -> None:
    waiver = requested(gate)
    run = break_glass(gate)
    assert run.status == "denied" and run.admitted and platform.deploys == []
    assert (
        f"The waiver {waiver.waiver_id} does not count: nobody has approved it yet." in run.admitted.refusals[0].message
    )
    assert [view.state for view in views(gate)] == ["requested"]
    approved = gate.approve_waiver(waiver.waiver_id, APPROVER)
    assert approved.approved_by == "github:alice, verified by host"
    assert break_glass(gate).status == "recorded"
    [entry] = gate.ledger.entries(kinds=["waiver_approved"])
    assert entry.body["decision"]["actor"] == APPROVER.model_dump() and entry.input


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        (ACTOR, "waiver.two_people"),  # who requested it, whom nobody verified
        (ACTOR.model_copy(update={"verified_by": "host"}), "actor.permitted"),
        (BOB, "actor.permitted"),  # listed nowhere
        (Actor(subject="unverified:alice@desk"), "actor.permitted"),
        (Actor(subject="github:alice"), "actor.permitted"),  # the right name, unverified
        (APPROVER.model_copy(update={"person": ""}), "waiver.two_people"),  # a job that was run again
        (APPROVER.model_copy(update={"person": "Operator"}), "waiver.two_people"),  # a job that the requester started
        (APPROVER.model_copy(update={"person": "github-actions[bot]"}), "waiver.two_people"),
    ],
    ids=str,
)
def test_nobody_else_can_approve(gate: Gate, platform: FakePlatform, actor: Actor, code: str) -> None:
    waiver = requested(gate)
    with pytest.raises(StandingRefused) as refused:
        gate.approve_waiver(waiver.waiver_id, actor)
    assert code in [one.code for one in refused.value.decision.refusals] and refused.value.exit_code == 1
    assert [view.state for view in views(gate)] == ["requested"]
    assert break_glass(gate).status == "denied" and platform.deploys == []


def test_each_refusal_of_who_may_approve_is_on_record(gate: Gate) -> None:
    waiver, kept = requested(gate), set()
    for _ in range(3):
        with pytest.raises(StandingRefused) as refused:
            gate.approve_waiver(waiver.waiver_id, ACTOR)
        kept.add(refused.value.decision.decision_id)
    assert {entry.subject for entry in gate.ledger.entries(kinds=["refused"])} == kept and len(kept) == 3


def test_who_may_ship_may_not_waive_unless_that_is_said(make_gate: MakeGate, tmp_path: Path) -> None:
    plain_entry = {"subject": ACTOR.subject, "verified_by": None}
    gate = make_gate(bundle=bundle_with(tmp_path / "p", actors={"testing": [plain_entry], "prod": [plain_entry]}))
    with pytest.raises(StandingRefused) as refused:
        requested(gate)
    assert [one.code for one in refused.value.decision.refusals] == ["actor.permitted"]
    assert "on sellyouroutboard/prod these may waive: nobody known" in str(refused.value)
    assert gate.ledger.entries(kinds=["waiver_requested"]) == []


def test_anybody_who_may_ship_there_can_revoke_and_nobody_else(gate: Gate) -> None:
    waiver = granted(gate)
    with pytest.raises(StandingRefused):
        gate.revoke_waiver(waiver.waiver_id, "out of spite", BOB)
    assert [view.state for view in views(gate)] == ["live"]
    gate.revoke_waiver(waiver.waiver_id, "no longer needed", ACTOR)
    assert [view.state for view in views(gate)] == ["revoked"]


def test_a_waiver_is_approved_once_and_not_after_its_end(gate: Gate) -> None:
    over = saved(
        gate,
        waiver_id="w-over",
        approval=None,
        requested_at=gate.ledger.now() - 2 * HOUR,
        expires_at=gate.ledger.now() - HOUR,
    )
    once, revoked = granted(gate), requested(gate, B)
    gate.revoke_waiver(revoked.waiver_id, "a mistake", ACTOR)
    for waiver_id, says in (
        (once.waiver_id, "was approved by github:alice at"),
        (over.waiver_id, "expired at"),
        (revoked.waiver_id, "was revoked at .*: a mistake"),
        ("w-NONE", "there is no waiver w-NONE"),
    ):
        with pytest.raises(RequestError, match=says):
            gate.approve_waiver(waiver_id, APPROVER)


def test_a_waiver_whose_approver_was_only_claimed_is_void(gate: Gate, platform: FakePlatform) -> None:
    """As the ledger has it from before approvals were proven."""
    now = gate.ledger.now()
    body = {
        "waiver_id": "w-OLD",
        "code": GLASS,
        "lane": PROD.model_dump(),
        "release": A.model_dump(),
        "reason": "checkout is down",
        "approver": "github:alice",
        "granted_by": {"subject": ACTOR.subject, "verified_by": None},
        "granted_at": now.isoformat(),
        "expires_at": (now + HOUR).isoformat(),
    }
    from_before(gate, body)
    run = break_glass(gate)
    assert run.status == "denied" and run.admitted and platform.deploys == []
    assert "its approver was only named" in run.admitted.refusals[0].message
    [view] = views(gate)
    assert (view.state, view.waiver.approved_by) == ("void", "github:alice, only named, which does not count")
    with pytest.raises(RequestError, match="is from before approvals were proven"):
        gate.approve_waiver("w-OLD", APPROVER)
    gate.revoke_waiver("w-OLD", "to be rid of it", ACTOR)


def from_before(gate: Gate, body: dict[str, Any]) -> None:
    """As a version did that noted the approver's name."""

    def grant(at: Entering) -> Head:
        waiver = Waiver.model_validate(body)
        at.connection.execute(tables.waivers.insert(), row_of(waiver))
        return gate.ledger._append(at, "waiver", waiver.waiver_id, body)

    gate.ledger._enter(PROD, grant)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("unverified:alice@desk", "unverified:alice@laptop", True),
        ("unverified:Alice@desk", "github:aLICE", True),
        ("alice", "unverified:alice", True),
        ("unverified:alice@desk", "unverified:bob@desk", False),
        ("repo:acme/shop:ref:refs/heads/main", "repo:acme/other:ref:refs/heads/main", False),
    ],
)
def test_names_that_differ_only_in_case_verifier_or_host_are_one_person(one: str, other: str, same: bool) -> None:
    assert same_person(Actor(subject=one), Actor(subject=other)) is same
    job = Actor(subject="repo:acme/shop:environment:approvals", verified_by="github-oidc", person="alice")
    assert same_person(job, Actor(subject="unverified:Alice@desk"))
    assert same_person(job.model_copy(update={"person": ""}), Actor(subject="unverified:bob@desk"))  # may be anybody


# -- an SSH key, while everything else is away


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return new_key(tmp_path)


@pytest.fixture
def sealed(make_gate: MakeGate, tmp_path: Path, key: Path) -> Gate:
    """On prod nobody but who has a key can approve."""
    signer = {"subject": "carol", "verified_by": "ssh", "ssh_key": public(key), "may": ["approve"]}
    return make_gate(bundle=bundle_with(tmp_path / "p", actors={"testing": LISTED, "prod": [LISTED[0], signer]}))


def test_a_signature_approves_whoever_hands_it_in(sealed: Gate, key: Path, platform: FakePlatform) -> None:
    waiver = requested(sealed)
    signature = sign(key, text_to_sign(sealed.ledger, waiver.waiver_id).encode())
    approved = sealed.approve_waiver(waiver.waiver_id, Actor(subject="unverified:passer-by@desk"), signature)
    assert approved.approved_by == "carol, by their SSH key"
    assert break_glass(sealed).status == "recorded" and platform.deploys == [(str(PROD), A.source_git_ref)]
    [entry] = sealed.ledger.entries(kinds=["waiver_approved"])
    assert entry.body["signature"] == signature


def test_a_signature_of_something_else_approves_nothing(sealed: Gate, key: Path, tmp_path: Path) -> None:
    first, second = requested(sealed), requested(sealed, B)
    text = text_to_sign(sealed.ledger, first.waiver_id).encode()
    with pytest.raises(ActorUnproven, match="not of this text"):
        sealed.approve_waiver(second.waiver_id, ACTOR, sign(key, text))
    with pytest.raises(ActorUnproven, match="is listed for nobody on sellyouroutboard/prod"):
        sealed.approve_waiver(first.waiver_id, ACTOR, sign(new_key(tmp_path, name="other"), text))
    with pytest.raises(ActorUnproven, match="proves nobody"):
        sealed.approve_waiver(first.waiver_id, ACTOR, "yes")
    assert {view.state for view in views(sealed)} == {"requested"}


def test_the_text_says_all_that_is_let_through(sealed: Gate) -> None:
    waiver = requested(sealed)
    text = text_to_sign(sealed.ledger, waiver.waiver_id)
    for said in (waiver.waiver_id, GLASS, PRODUCT, str(PROD), A.artifact_id, A.source_git_ref, "checkout is down"):
        assert said in text
    assert len(text.splitlines()) == 11


def test_who_requested_it_cannot_sign_it(make_gate: MakeGate, tmp_path: Path, key: Path) -> None:
    own = {"subject": "Operator", "verified_by": "ssh", "ssh_key": public(key), "may": ["approve"]}
    gate = make_gate(bundle=bundle_with(tmp_path / "p", actors={"prod": [LISTED[0], own]}))
    waiver = requested(gate)
    with pytest.raises(StandingRefused, match=r"waiver\.two_people: operator, verified by ssh, approves what operator"):
        gate.approve_waiver(waiver.waiver_id, ACTOR, sign(key, text_to_sign(gate.ledger, waiver.waiver_id).encode()))


# -- by somebody's word, where a product allows it


def test_a_product_may_let_the_word_of_who_requests_be_enough(make_gate: MakeGate, tmp_path: Path) -> None:
    gate = make_gate(bundle=bundle_with(tmp_path / "p", by_word=["inventory.forward_only"]))
    for release in (A, B):
        gate.run(deploy(release), ACTOR)
        gate.run(promote(), ACTOR)
    gate.run(deploy(A), ACTOR)
    requested(gate, code="inventory.forward_only", approver="github:alice")
    run = gate.run(promote(), ACTOR)
    assert run.status == "recorded" and run.admitted
    [used] = run.admitted.waivers
    assert used.approved_by == "github:alice, by the word of unverified:operator@desk alone"
    with pytest.raises(RequestError, match=r"want an approver of lane\.not_bypassed who is verified"):
        requested(gate, approver="github:alice")
    with pytest.raises(RequestError, match="is you"):
        requested(gate, code="inventory.forward_only", approver="operator@elsewhere")


def test_a_waiver_of_a_rule_lets_a_promotion_past_it(gate: Gate) -> None:
    for release in (A, B):
        gate.run(deploy(release), ACTOR)
        gate.run(promote(), ACTOR)
    gate.run(deploy(A), ACTOR)
    assert gate.run(promote(), ACTOR).status == "denied"
    granted(gate, code="inventory.forward_only")
    run = gate.run(promote(), ACTOR)
    assert run.status == "recorded" and run.admitted and len(run.admitted.waivers) == 1


# -- between the decision and the deploy


def test_a_waiver_that_is_revoked_before_the_platform_is_touched_lets_nothing_through(
    gate: Gate, platform: FakePlatform
) -> None:
    waiver = granted(gate)

    def late(self: FakePlatform, approval: Approval) -> Outcome:
        gate.revoke_waiver(waiver.waiver_id, "no", ACTOR)
        return self.change(approval)

    platform.behaves = late
    run = break_glass(gate)
    assert (run.status, run.touched) == ("stale", False) and f"{waiver.waiver_id} was revoked" in run.detail
    assert platform.deploys == []


def test_a_waiver_that_expires_before_the_platform_is_touched_lets_nothing_through(
    gate: Gate, platform: FakePlatform
) -> None:
    waiver = granted(gate, expires_at=gate.ledger.now() + timedelta(seconds=2))

    def late(self: FakePlatform, approval: Approval) -> Outcome:
        while gate.ledger.now() < waiver.expires_at:
            time.sleep(0.02)
        return self.change(approval)

    platform.behaves = late
    run = break_glass(gate)
    assert run.status == "stale" and f"{waiver.waiver_id} ended" in run.detail and platform.deploys == []


def test_what_happens_to_waivers_during_a_deploy_leaves_it_recorded(gate: Gate, platform: FakePlatform) -> None:
    waiver = granted(gate)

    def during(self: FakePlatform, approval: Approval) -> Outcome:
        granted(gate, B)  # another one is no matter of this run's
        outcome = self.change(approval)
        gate.revoke_waiver(waiver.waiver_id, "it is used", ACTOR)
        return outcome

    platform.behaves = during
    assert break_glass(gate).status == "recorded"


# -- what cannot be granted


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"code": "lane.settled"}, "lane.settled cannot be waived; the policies let these be waived: lane.not_by"),
        ({"code": "lane.nothing"}, "no rule has the code 'lane.nothing'"),
        ({"code": "not a code"}, "no rule has the code 'not a code'"),
        ({"artifact": "ghcr.io/cbusillo/sellyouroutboard:latest"}, "artifact: "),
        ({"artifact": "ghcr.io/somebody/else@sha256:" + "a" * 64}, "artifact: "),
        ({"artifact": A.artifact_id.upper()}, "artifact: "),
        ({"artifact": A.artifact_id + "\n"}, "artifact: "),
        ({"ref": "41620cf"}, "ref: '41620cf' is not a full commit"),
        ({"ref": "A" * 40}, "ref: "),
        ({"reason": "  "}, "reason: "),
        ({"reason": "x" * 1001}, "reason: "),
        ({"reason": "one\ntwo"}, "reason: "),
        ({"approver": "github:alice"}, "approver: the policies want an approver of lane.not_bypassed who is verified"),
        ({"destination": "moon"}, "no lane 'moon'"),
        ({"product": "another"}, "unknown product 'another'"),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "is past"),
        ({"expires_at": datetime.min.replace(tzinfo=UTC)}, "is past"),
        ({"expires_at": datetime.max.replace(tzinfo=UTC)}, "is too late; the policies let it be "),
        ({"expires_at": moment("9999-12-31T23:59:59-23:59")}, "is too late; the policies let it be "),
        pytest.param({"expires_at": datetime.now(UTC) + timedelta(days=8)}, "is too late", id="eight days"),
        ({"expires_at": timedelta(days=8)}, "is too late; the policies let it be "),
        ({"expires_at": timedelta()}, "a waiver has to last for some time"),
        ({"expires_at": timedelta(hours=-2)}, "a waiver has to last for some time"),
        ({"expires_at": datetime(2100, 1, 1)}, "has no zone"),  # the fault that is tested
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_not_leave_is_refused_and_not_saved(gate: Gate, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(RequestError) as refused:
        requested(gate, **changes)
    assert says in str(refused.value) and refused.value.exit_code == 2
    assert gate.ledger.entries() == []


def test_a_waiver_counts_for_as_long_as_was_asked(gate: Gate) -> None:
    waiver = requested(gate, expires_at=timedelta(hours=2))
    assert timedelta() <= waiver.expires_at - waiver.requested_at - timedelta(hours=2) < timedelta(seconds=1)
    assert waiver.expires_at.microsecond == 0
    [view] = views(gate)
    assert view.waiver == waiver


def test_a_product_that_wants_no_waivers_gets_none(gate: Gate) -> None:
    policy = ProductPolicy.model_validate(
        POLICY["products"][PRODUCT] | {"thresholds": {"waiver_max_s": 0}}, strict=False
    )
    settings = gate.bundle.settings.model_copy(update={"products": {PRODUCT: policy}})
    gate.bundle = type(gate.bundle)(**{**vars(gate.bundle), "settings": settings})
    with pytest.raises(RequestError, match="let no waiver for sellyouroutboard run at all"):
        requested(gate)
    saved(gate)  # as it would stand there from before
    assert break_glass(gate).status == "denied"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T18:00:00",
        "2026-11-23 18:00:00+01:00",
        "2026-11-23T18:00+01:00",
        "2026-11-23",
        "2026-02-30T18:00:00Z",
        "2026-11-23T24:30:00Z",
        "2026-11-23T18:00:00+0100",
        "2026-11-23T18:00:00+25:00",
        "1795456800",
        "in an hour",
        "",
        "٢٠٢٦-11-23T18:00:00Z",
    ],
)
def test_a_moment_without_its_zone_or_form_is_none(text: str) -> None:
    with pytest.raises(RequestError, match="is not a moment with its zone"):
        moment(text)


def test_a_moment_is_read_with_its_zone() -> None:
    at_five = datetime(2026, 11, 23, 17, tzinfo=UTC)
    assert moment("2026-11-23T18:00:00+01:00") == moment("2026-11-23t17:00:00.000z") == at_five


# -- what cannot be revoked


def test_what_is_over_or_was_never_granted_cannot_be_revoked(gate: Gate) -> None:
    saved(gate, requested_at=gate.ledger.now() - 2 * HOUR, expires_at=gate.ledger.now() - HOUR)
    waiver = granted(gate)
    gate.revoke_waiver(waiver.waiver_id, "no longer needed", ACTOR)
    run = break_glass(gate)
    before = len(gate.ledger.entries())
    for waiver_id, says in (
        (waiver.waiver_id, "was revoked at .*: no longer needed"),
        ("w-1", "the waiver w-1 expired at"),
        ("w-NONE", "there is no waiver w-NONE"),
        (run.run_id, "there is no waiver r-"),
    ):
        with pytest.raises(RequestError, match=says):
            gate.revoke_waiver(waiver_id, "again", ACTOR)
    assert len(gate.ledger.entries()) == before


def test_a_revocation_says_why(gate: Gate) -> None:
    waiver = granted(gate)
    with pytest.raises(RequestError, match="say why"):
        gate.revoke_waiver(waiver.waiver_id, " ", ACTOR)
    assert [view.state for view in views(gate)] == ["live"]


# -- how they stand


def test_each_waiver_is_shown_as_it_stands_with_the_runs_that_used_it(gate: Gate) -> None:
    now = gate.ledger.now()
    saved(gate, waiver_id="w-ended", requested_at=now - 2 * HOUR, expires_at=now - HOUR)
    saved(gate, waiver_id="w-later", requested_at=now - HOUR, expires_at=now + 50 * HOUR)
    saved(gate, waiver_id="w-soon", requested_at=now - 49 * HOUR, expires_at=now + 5 * HOUR)
    saved(gate, waiver_id="w-long", requested_at=now - 8 * 24 * HOUR, expires_at=now + HOUR)  # for longer than may be
    saved(gate, waiver_id="w-no-more", code="actor.permitted")
    revoked = granted(gate, B)
    gate.revoke_waiver(revoked.waiver_id, "no", ACTOR)
    used = granted(gate, code="window.open", expires_at=now + 20 * HOUR)
    run = break_glass(gate)
    assert run.admitted and [one.waiver_id for one in run.admitted.waivers] == ["w-soon"]
    shown = {view.waiver.waiver_id: view for view in views(gate)}
    assert {name: view.state for name, view in shown.items()} == {
        "w-soon": "live",
        used.waiver_id: "live",
        "w-later": "live",
        revoked.waiver_id: "revoked",
        "w-no-more": "void",
        "w-long": "ended",
        "w-ended": "ended",
    }
    assert [name for name, view in shown.items() if view.state == "live"] == ["w-soon", used.waiver_id, "w-later"]
    assert [name for name, view in shown.items() if view.ends_soon] == ["w-soon"]  # it was granted for 54 hours
    assert {name: view.used_by for name, view in shown.items() if view.used_by}.keys() == {"w-soon"}
    assert [(use.run_id, use.status) for use in shown["w-soon"].used_by] == [(run.run_id, "recorded")]
    assert {name: until(view, now + HOUR / 2) for name, view in shown.items()} == {
        "w-soon": "expires soon, in 4 h",
        used.waiver_id: "expires in 19 h",
        "w-later": "expires in 2 days",
        revoked.waiver_id: "revoked 29 min ago: no",
        "w-no-more": "does not count: the policies do not let actor.permitted be waived",
        "w-long": "ended 1 day ago",
        "w-ended": "ended 1 h ago",
    }
    told = plain(waivers_text(views(gate)))
    assert (told.count("never used"), told.count(f"{run.run_id} (recorded)")) == (len(shown) - 1, 1)


# -- the commands, on a real workspace


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = make_site(tmp_path / "site")
    yield made
    clear(made)


def in_an_hour() -> str:
    return (datetime.now(UTC) + HOUR).isoformat()


def request_command(site: Site, *more: str, **changes: str) -> list[str]:
    fields = {
        "lane": f"{PRODUCT}/prod",
        "artifact": site.artifacts[OLD],
        "ref": OLD,
        "reason": "checkout is down",
        "expires": in_an_hour(),
    }
    options = [part for name, value in (fields | changes).items() for part in (f"--{name}", value)]
    return ["waiver", "request", changes.pop("code", GLASS), *options, *more]


def with_a_key(site: Site, key: Path) -> None:
    """List somebody who can approve by a key, as the command says it."""
    data = site.folder / "policies" / "config" / "data.json"
    policy = json.loads(data.read_text())
    signer = {"subject": "carol", "verified_by": "ssh", "ssh_key": public(key), "may": ["approve"]}
    policy["products"][PRODUCT]["actors"]["prod"].append(signer)
    data.write_text(json.dumps(policy))


def typed(said: Said, label: str) -> list[str]:
    """The command that stands in an answer after a label."""
    line = next(line for line in said.out.splitlines() if label in line)
    return shlex.split(line.split("launchplane-gate ", 1)[1])


def test_glass_is_broken_and_mended_at_the_command_line(site: Site, tmp_path: Path) -> None:
    key = new_key(tmp_path)
    with_a_key(site, key)
    assert site.run("waiver", "list").out == "no waiver is in force\n"
    refused = site.deploy(OLD, to="prod")
    assert refused.exit_code == 1 and GLASS in refused.out
    said = site.run(*request_command(site))
    assert said.exit_code == 0, said
    waiver_id = said.out.split(":")[0].removeprefix("Requested ")
    assert said.out.startswith(f"Requested {waiver_id}: {PRODUCT}/prod is to take 215f71b past {GLASS}.")
    assert "It does not count until one of these approves it: carol." in said.out
    assert "does not count until it is approved; expires in" in site.run("waiver", "list").out
    alone = site.run(*typed(said, "approve it:"))
    assert alone.exit_code == 1 and "waiver.two_people" in alone.out and "Nothing was done" in alone.out
    text = site.run("waiver", "text", waiver_id).out
    signature = tmp_path / "w.txt.sig"
    signature.write_text(sign(key, text.encode()))
    approved = site.run("waiver", "approve", waiver_id, "--signature", str(signature))
    assert approved.exit_code == 0, approved
    assert approved.out.startswith(f"Approved {waiver_id}: {PRODUCT}/prod takes 215f71b past {GLASS}.")
    assert f"{GLASS} for 215f71b, expires in 59 min, never used" in site.run("lanes").out
    deployed = site.run(*typed(approved, "use it:"))
    assert deployed.exit_code == 0, deployed
    assert f"Waived by {waiver_id}, approved by carol, by their SSH key: checkout is down" in deployed.out
    [view] = site.run("waiver", "list", "--output", "json").document["waivers"]
    assert (view["state"], view["waiver"]["requested_by"]["subject"]) == ("live", actor_subject())
    [run] = view["used_by"]
    assert f"{run['run_id']} (recorded)" in site.run("waiver", "list", "--lane", f"{PRODUCT}/prod").out
    ended = site.run(*typed(approved, "end it sooner:")[:-1], "rolled forward", "--output", "json")
    assert ended.document["revoked"]["reason"] == "rolled forward"
    assert site.run("waiver", "list").out == "no waiver is in force; --all shows those that ended\n"
    assert ": rolled forward" in site.run("waiver", "list", "--all").out
    assert "waived" not in site.run("lanes").out
    assert site.run("decisions", "verify").exit_code == 0


def test_where_nobody_could_approve_a_request_says_so_and_names_the_way(site: Site) -> None:
    said = site.run(*request_command(site))
    assert said.exit_code == 0 and "nobody could approve it" in said.out
    assert f"products.{PRODUCT}.actors.prod" in said.out and '"ssh_key"' in said.out


@pytest.mark.parametrize(
    ("changes", "tells"),
    [
        ({"lane": f"{PRODUCT}/moon"}, "no lane 'moon'"),
        ({"lane": "another/prod"}, "unknown product 'another'"),
        ({"lane": PRODUCT}, "is not PRODUCT/LANE"),
        ({"ref": NEW[:7]}, "ref: "),
        ({"expires": "tomorrow"}, "expires: 'tomorrow'"),
        ({"approver": "github:alice"}, "want an approver of lane.not_bypassed who is verified"),
    ],
    ids=str,
)
def test_a_request_that_is_none_is_one_error(site: Site, changes: dict[str, str], tells: str) -> None:
    said = site.run(*request_command(site, **changes))
    assert (said.exit_code, said.out) == (2, ""), said
    assert said.err.startswith("launchplane-gate: ") and tells in said.err and "\n  Nothing was " in said.err
