"""What people read: what happened, then why, then what to type, for every way that a run can end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from launchplane_gate.cli.deploy import EXIT_CODES
from launchplane_gate.lanes import LaneView
from launchplane_gate.model import Actor, Decision, Lane, ReleaseIdentity, RuleResult, Run, RunStatus, Waiver
from launchplane_gate.report.decision import decision_text
from launchplane_gate.report.lanes import lanes_text
from launchplane_gate.report.run import Aftermath, run_text
from launchplane_gate.report.text import Table, plain, printable
from launchplane_gate.report.words import ago, brief, span

NOW = datetime(2026, 5, 7, 12, tzinfo=UTC)
PROD = Lane(context="shop", instance="prod")
TESTING = Lane(context="shop", instance="testing")
NEW = ReleaseIdentity(artifact_id=f"shop@sha256:{'b' * 64}", source_git_ref="b" * 40)
OLD = ReleaseIdentity(artifact_id=f"shop@sha256:{'a' * 64}", source_git_ref="a" * 40)
ACTOR = Actor(subject="unverified:operator@desk")
WAIVER = Waiver(
    waiver_id="w-1",
    code="group.rule",
    lane=PROD,
    release=NEW,
    reason="known",
    approver="github:alice",
    granted_by=ACTOR,
    granted_at=NOW,
    expires_at=NOW + timedelta(hours=2),
)
NOT_PROVEN = ("unknown", "unconfirmed", "unrecorded", "interrupted")


def view(**changed: Any) -> LaneView:
    fields: dict[str, Any] = {
        "product": "shop",
        "lane": PROD,
        "runs": OLD,
        "since": "2026-05-07T11:48:00Z",
        "settled": True,
        "why": "",
        "hold": None,
        "observed": None,
        "differs": "",
    }
    return LaneView(**(fields | changed))


def ended(status: RunStatus, *, settled: bool = False, promotion: str = "promote shop", **changed: Any) -> str:
    fields: dict[str, Any] = {
        "run_id": "r-1",
        "status": status,
        "action": "promote",
        "product": "shop",
        "source": TESTING,
        "destination": PROD,
        "release": NEW,
        "previous": OLD,
        "actor": ACTOR,
        "reason": "",
        "started_at": "2026-05-07T11:48:00Z",
        "detail": f"https://shop/health still reports {'a' * 40}",
        "touched": True,
    }
    run = Run(**(fields | changed))
    after = Aftermath(run=run, lane=view(settled=settled), driver="local", urls=1, took_s=41.0, promotion=promotion)
    return plain(run_text(after, every_rule=False))


def decision(*statuses: str) -> Decision:
    results = tuple(
        RuleResult(
            code=f"group.rule_{number}",
            status=status,  # type: ignore[arg-type]  # one of its words
            title=f"Title {number}",
            message=f"saw {'a' * 40}",
            remedy="Do this.",
            waiver_id="w-1" if status == "waived" else None,
        )
        for number, status in enumerate(statuses)
    )
    return Decision(
        decision_id="d-1",
        action="promote",
        phase="admit",
        product="shop",
        source=TESTING,
        destination=PROD,
        release=NEW,
        actor=ACTOR,
        results=results,
        waivers=tuple(WAIVER.model_copy(update={"code": one.code}) for one in results if one.status == "waived"),
        engine="embedded",
        policy_revision="c" * 64,
        input_digest="d" * 64,
        decided_at="2026-05-07T11:48:00Z",
    )


def test_every_status_has_an_exit_code() -> None:
    assert set(EXIT_CODES) == set(get_args(RunStatus)) - {"adopted"}


@pytest.mark.parametrize("status", NOT_PROVEN)
def test_what_is_not_proven_says_what_may_run_what_is_recorded_and_what_to_type(status: RunStatus) -> None:
    assert EXIT_CODES[status] == 5
    said = ended(status)
    assert "prod may run         bbbbbbb or aaaaaaa" in said
    assert "the inventory says   aaaaaaa" in said
    assert "prod is unsettled" in said
    assert "https://shop/health still reports aaaaaaa\n" in said
    assert "settle it:    promote shop" in said


def test_the_way_back_of_a_lane_that_is_not_promoted_to_is_a_deploy() -> None:
    said = ended("unconfirmed", promotion="", destination=TESTING, source=None, action="deploy")
    assert (
        f"go back:      launchplane-gate deploy shop --to testing --artifact {OLD.artifact_id} --ref {'a' * 40}" in said
    )
    assert "nothing is promoted from it" in said


def test_two_releases_of_one_commit_are_told_apart_by_their_artifacts() -> None:
    twin = OLD.model_copy(update={"artifact_id": NEW.artifact_id})
    assert "aaaaaaa (shop@sha256:bbbbbbb) or aaaaaaa (shop@sha256:aaaaaaa)" in ended("unknown", release=twin)


def test_a_first_deploy_that_is_not_proven_may_have_left_nothing() -> None:
    assert "bbbbbbb or nothing" in ended("unknown", previous=None)


def test_a_failed_deploy_that_touched_nothing_says_so() -> None:
    said = ended("fail", settled=True, touched=False)
    assert "Nothing was changed on prod; the inventory says aaaaaaa." in said
    assert "unsettled" not in said


def test_stale_says_that_nothing_was_deployed() -> None:
    said = ended("stale", touched=False, detail="shop/testing has changed since the policies decided")
    assert said.startswith("Stale: promote shop testing -> prod. Nothing was deployed.\n  shop/testing has changed")


def test_a_repeat_of_a_run_that_is_open_is_busy() -> None:
    said = ended("open", replayed=True)
    assert EXIT_CODES["open"] == 7
    assert said.startswith("Busy: this request is under way as r-1. Its repeat did nothing.")
    assert "launchplane-gate runs show r-1" in said


def test_refusals_come_first_with_remedy_and_short_revisions() -> None:
    said = plain(decision_text(decision("pass", "fail", "waived", "pass"), every_rule=False))
    assert said.splitlines() == [
        "  x   group.rule_1           saw aaaaaaa",
        "                             Do this.",
        "  w   group.rule_2           Waived by w-1, approved by github:alice: known",
        "                             saw aaaaaaa",
        "  .   2 other rules passed   (--all shows them)",
    ]


def test_many_refusals_are_told_by_the_first_few() -> None:
    said = plain(decision_text(decision(*["fail"] * 7), every_rule=False))
    assert said.count("Do this.") == 4
    assert "3 more rules   group.rule_4, group.rule_5, group.rule_6" in said
    assert plain(decision_text(decision(*["fail"] * 7), every_rule=True)).count("Do this.") == 7


def test_lanes_line_up_and_doubt_has_a_mark() -> None:
    unsettled = view(settled=False, why="its last run ended unknown", command="launchplane-gate promote shop")
    told = plain(lanes_text([view(next="can be promoted to moon"), unsettled], with_product=False, now=NOW))
    assert told.splitlines() == [
        "LANE   RUNS       SINCE        STATE                                   NEXT",
        "prod   aaaaaaa    12 min ago   settled                                 can be promoted to moon",
        "prod   aaaaaaa?   12 min ago   unsettled: its last run ended unknown   promote shop",
    ]


def test_what_others_said_cannot_steer_a_terminal() -> None:
    assert printable("a\x1b[2J\x07\u202eb") == "a\\x1b[2J\\x07\\u202eb"
    assert plain([Table([("\x1b]0;x\x07", "y")])]) == "  \\x1b]0;x\\x07   y\n"


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (f"runs {'a' * 40}.", "runs aaaaaaa."),
        (f"x@sha256:{'a' * 64}", "x@sha256:aaaaaaa"),
        ("a" * 39, "a" * 39),
        ("a" * 41, "a" * 41),
        ("", ""),
    ],
)
def test_full_revisions_are_shortened_and_nothing_else(text: str, short: str) -> None:
    assert brief(text) == short


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (9.4, "9.4 s"),
        (41, "41 s"),
        (725, "12 min"),
        (7200, "2 h"),
        (90000, "1 day"),
        (520000, "6 days"),
    ],
)
def test_a_span_is_told_in_its_largest_unit(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_a_moment_is_told_by_its_age() -> None:
    assert ago((NOW - timedelta(days=6)).isoformat(), NOW) == "6 days ago"
    assert ago(NOW.isoformat(), NOW) == "just now"
    assert ago((NOW + timedelta(hours=1)).isoformat(), NOW).startswith("in the future")
    assert ago("yesterday", NOW) == "yesterday"
    assert ago(None, NOW) == "-"
