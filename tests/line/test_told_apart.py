"""A proof tells the release from what ran before, or nothing is deployed: by digest, or by a commit of its own."""

from __future__ import annotations

import pytest

from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval
from launchplane_gate.model import Outcome, ReleaseIdentity
from tests.conftest import ACTOR, IMAGE, TESTING, A, B, C, deploy
from tests.fakes.platform import FakePlatform

REBUILD = ReleaseIdentity(artifact_id=f"{IMAGE}@sha256:{'f' * 64}", source_git_ref=A.source_git_ref)


def never_comes_up(platform: FakePlatform, approval: Approval) -> Outcome:
    """The platform says done, and what ran before runs on."""
    before = platform.runs[str(approval.lane)]
    outcome = platform.change(approval)
    platform.run(approval.lane, before)
    return outcome


def codes(run: object) -> list[str]:
    decision = getattr(run, "confirmed", None) or run.admitted  # type: ignore[attr-defined]
    return [result.code for result in decision.refusals]


def test_a_rebuild_that_never_came_up_is_not_recorded(gate: Gate, platform: FakePlatform) -> None:
    """Seen: an image of the same commit exits at once, the old container answers, and both lanes recorded it."""
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    platform.behaves = never_comes_up
    run = gate.run(deploy(REBUILD), ACTOR)
    assert run.status == "unconfirmed" and "confirm.artifact_matches" in codes(run)


def test_a_rebuild_that_came_up_is_recorded_where_digests_are_shown(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)
    assert gate.run(deploy(REBUILD), ACTOR).status == "recorded"


@pytest.mark.parametrize("digests", ["not_shown", "failed"])
def test_a_rebuild_that_nobody_could_tell_apart_is_refused(gate: Gate, platform: FakePlatform, digests: str) -> None:
    gate.run(deploy(A), ACTOR)
    platform.digests = digests  # type: ignore[assignment]  # one of the three
    run = gate.run(deploy(REBUILD), ACTOR)
    assert run.status == "denied" and codes(run) == ["release.told_apart"]
    assert "commit of its own" in run.admitted.refusals[0].message + run.admitted.refusals[0].remedy  # type: ignore[union-attr]  # it was asked


def test_where_digests_are_not_shown_another_commit_and_the_same_artifact_go_through(
    gate: Gate, platform: FakePlatform
) -> None:
    platform.digests = "not_shown"
    for release in (A, A, B, A):
        assert gate.run(deploy(release), ACTOR).status == "recorded"


def test_what_was_admitted_by_digests_is_confirmed_by_nothing_else(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)

    def loses_the_right(platform: FakePlatform, approval: Approval) -> Outcome:
        platform.digests = "not_shown"
        return platform.change(approval)

    platform.behaves = loses_the_right
    run = gate.run(deploy(REBUILD), ACTOR)
    assert run.status == "unconfirmed" and "release.told_apart" in codes(run)


def test_every_release_that_touched_the_lane_since_may_run(gate: Gate, platform: FakePlatform) -> None:
    """Seen: "testing may run 71f8e79 or 6dcd4ce" while it ran a third release."""
    gate.run(deploy(A), ACTOR)
    for release in (B, C):
        platform.behaves = lambda platform, approval: platform.change(approval, status="unknown")
        assert gate.run(deploy(release), ACTOR).status == "unknown"
    facts = gate.ledger.decision_entries(limit=1)[0].input
    platform.reports[str(TESTING)] = "9" * 40
    asked = gate.run(deploy(A), ACTOR)
    assert facts and [one["source_git_ref"] for one in facts["destination"]["may_run"]] == [
        A.source_git_ref,
        B.source_git_ref,
    ]
    entry = gate.ledger.decision_entries(decision_id=asked.admitted.decision_id)[0].input  # type: ignore[union-attr]  # it was asked
    assert entry and [one["source_git_ref"] for one in entry["destination"]["may_run"]] == [
        A.source_git_ref,
        C.source_git_ref,
        B.source_git_ref,
        "9" * 40,
    ]


def test_an_artifact_of_no_known_commit_counts_as_the_same_one(gate: Gate, platform: FakePlatform) -> None:
    platform.digests = "not_shown"
    gate.run(deploy(A), ACTOR)
    stranger = ReleaseIdentity(artifact_id=f"{IMAGE}@sha256:{'9' * 64}", source_git_ref=B.source_git_ref)
    platform.run(TESTING, stranger)
    assert codes(gate.run(deploy(B), ACTOR)) == ["release.told_apart"]
    platform.reports[str(TESTING)] = "9" * 40  # what it is set to run reports another commit, so it is no rebuild

    def comes_up(platform: FakePlatform, approval: Approval) -> Outcome:
        platform.reports.clear()
        return platform.change(approval)

    platform.behaves = comes_up
    assert gate.run(deploy(B), ACTOR).status == "recorded"
