"""What people read: what happened, then why, then what to type, for every way that a run can end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from launchplane_gate.cli.deploy import EXIT_CODES, exit_code
from launchplane_gate.lanes import LaneView
from launchplane_gate.looking import Reported
from launchplane_gate.model import (
    Actor,
    Container,
    Decision,
    Lane,
    Observation,
    Publication,
    ReleaseIdentity,
    RuleResult,
    Run,
    RunStatus,
    Waiver,
    WaiverApproval,
)
from launchplane_gate.policy_input import MayRun
from launchplane_gate.report.decision import decision_text
from launchplane_gate.report.lanes import lanes_text
from launchplane_gate.report.run import Aftermath, run_text
from launchplane_gate.report.seen import may_run_text, seen_text
from launchplane_gate.report.text import plain
from launchplane_gate.report.words import ago, brief, span
from launchplane_gate.ways import Standing, Way

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
    requested_by=ACTOR,
    requested_at=NOW,
    expires_at=NOW + timedelta(hours=2),
    approval=WaiverApproval(by=Actor(subject="github:alice", verified_by="host"), how="identity", at=NOW),
)
RUN: dict[str, Any] = {
    "run_id": "r-1",
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


def may(*releases: ReleaseIdentity | None) -> tuple[MayRun, ...]:
    return tuple(MayRun(**release.model_dump()) for release in releases if release)


def seen(*artifacts: str | None, **changed: Any) -> Observation:
    """A platform that shows digests, with a container for each artifact."""
    fields: dict[str, Any] = {
        "seen_at": "2026-05-07T12:00:00Z",
        "reachable": True,
        "artifact_id": artifacts[0] if len(set(artifacts)) == 1 else None,
        "digests": "shown",
        "containers": tuple(Container(container_id=f"c{n}", artifact_id=one) for n, one in enumerate(artifacts)),
        "in_flight": False,
    }
    return Observation(**(fields | changed))


def ended(
    status: RunStatus,
    *,
    settled: bool = False,
    way_back: ReleaseIdentity | None = None,
    after: Any = None,
    **changed: Any,
) -> str:
    run = Run(**{**RUN, "status": status, **changed})
    runs = None if run.previous is None else OLD
    stands = Standing(
        product="shop",
        lane=run.destination,
        paths=(("testing", "prod"),),
        settled=settled,
        why="",
        runs=runs,
        sources={"testing": NEW},
        last=run if run.touched else None,
        tried=run.release,
        back=way_back,
    )
    rest: dict[str, Any] = {
        "lane": view(settled=settled, runs=runs, may_run=may(run.previous, run.release)),
        "stands": stands,
        "driver": "local",
        "urls": 1,
        "took_s": 41.0,
    }
    return plain(run_text(Aftermath(run=run, **(rest | (after or {}))), every_rule=False))


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
    assert set(EXIT_CODES) == set(get_args(RunStatus)) - {"adopted", "restored"}


@pytest.mark.parametrize("status", NOT_PROVEN)
def test_what_is_not_proven_says_what_may_run_what_is_recorded_and_what_to_type(status: RunStatus) -> None:
    assert EXIT_CODES[status] == 5
    said = ended(status)
    assert "prod may run         bbbbbbb or aaaaaaa" in said
    assert "the inventory says   aaaaaaa" in said
    assert "prod is unsettled" in said
    assert "https://shop/health still reports aaaaaaa\n" in said
    assert "settle it:   launchplane-gate promote shop\n" in said


@pytest.mark.parametrize("status", ["fail", *NOT_PROVEN])
def test_the_way_back_is_a_rollback_where_something_else_was_recorded(status: RunStatus) -> None:
    said = ended(status, way_back=OLD)
    assert "go back:     launchplane-gate rollback shop --lane prod" in said
    assert "only a promotion to it or a rollback to aaaaaaa is let through" in said
    said = ended(status, way_back=OLD, destination=TESTING, source=None, action="deploy")
    assert f"try again:   launchplane-gate deploy shop --to testing --artifact {NEW.artifact_id}" in said
    assert "go back:     launchplane-gate rollback shop --lane testing" in said
    assert "until a deploy or a rollback to aaaaaaa settles it, nothing is promoted from it" in said


@pytest.mark.parametrize("way_back", [None, NEW])
def test_there_is_no_way_back_to_nothing_or_to_the_same(way_back: ReleaseIdentity | None) -> None:
    assert "go back" not in ended("unconfirmed", way_back=way_back)


def test_where_nothing_was_touched_nobody_has_to_go_back() -> None:
    assert "rollback" not in ended("fail", settled=True, touched=False, way_back=OLD)


def test_a_rollback_that_is_not_proven_is_tried_again() -> None:
    said = ended("unconfirmed", way_back=NEW, source=None, action="rollback")
    assert "try again:   launchplane-gate rollback shop --lane prod" in said
    assert "go back:" not in said and "settle it:" not in said


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
        "  x   group.rule_1   saw aaaaaaa",
        "                     Do this.",
        "  w   group.rule_2   Waived by w-1, approved by github:alice, verified by host: known",
        "                     saw aaaaaaa",
        "  .   2 other rules passed   (--all shows them)",
    ]


def test_every_cause_is_told_in_full() -> None:
    for every_rule in (False, True):
        assert plain(decision_text(decision(*["fail"] * 7), every_rule=every_rule)).count("Do this.") == 7


def following(*follows: str) -> Decision:
    """A decision of refusals, each with what it follows from, and of one rule that passed."""
    told = decision(*["fail"] * len(follows), "pass")
    results = tuple(
        one.model_copy(update={"follows": (of,) if of else ()})
        for one, of in zip(told.results, [*follows, ""], strict=True)
    )
    return told.model_copy(update={"results": results})


def test_what_follows_from_a_cause_is_folded_under_it() -> None:
    said = plain(decision_text(following("group.rule_1", "", "group.rule_0"), every_rule=False))
    assert said.splitlines() == [
        "  x   group.rule_1   saw aaaaaaa",
        "                     Do this.",
        "  .   2 more follow from it, 1 other rule passed   (--all shows them)",
    ]
    of_several = plain(decision_text(following("", "", "group.rule_0"), every_rule=False))
    assert of_several.count("Do this.") == 2
    assert "  .   1 more follows from these, 1 other rule passed   (--all" in of_several


def test_all_shows_what_follows_after_its_cause_and_without_a_remedy_of_its_own() -> None:
    said = plain(decision_text(following("group.rule_1", ""), every_rule=True))
    assert said.splitlines() == [
        "  x   group.rule_1   saw aaaaaaa",
        "                     Do this.",
        "  x   group.rule_0   saw aaaaaaa",
        "                     Follows from group.rule_1.",
        "  .   group.rule_2   Title 2",
    ]


def test_a_cause_that_can_be_waived_says_what_to_type() -> None:
    told = decision("fail", "fail")
    results = (told.results[0].model_copy(update={"waivable": True}), told.results[1])
    said = plain(decision_text(told.model_copy(update={"results": results}), every_rule=False)).splitlines()
    assert said[-2:] == [
        "  have group.rule_0 waived (why, and for how long, is yours to say):",
        "    launchplane-gate waiver request group.rule_0 --lane shop/prod"
        f" --artifact shop@sha256:{'b' * 64} --ref {'b' * 40} --reason <why> --expires 2h",
    ]
    assert sum("waiver request" in line for line in said) == 1


def test_lanes_line_up_and_doubt_has_a_mark() -> None:
    unsettled = view(
        settled=False,
        why="its last run ended unknown",
        ways=(Way(what="settle it", command="launchplane-gate promote shop"),),
        may_run=may(OLD, NEW),
        health=(Reported(url="https://shop/health", revision="a" * 40),),
        observed=seen(OLD.artifact_id),
    )
    told = plain(lanes_text([view(next="can be promoted to moon"), unsettled], with_product=False, now=NOW))
    assert told.splitlines() == [
        "prod   aaaaaaa?   12 min ago   unsettled",
        "  because         its last run ended unknown",
        "  may run         bbbbbbb or aaaaaaa",
        "  seen just now   health reports aaaaaaa, digest shown: aaaaaaa",
        "  settle it       launchplane-gate promote shop",
        "",
        "LANE   RUNS      SINCE        STATE     NEXT",
        "prod   aaaaaaa   12 min ago   settled   can be promoted to moon",
    ]


def test_a_right_that_is_missing_is_told_once_with_what_it_can_do_besides() -> None:
    lacks = "docker.read: it would show digests; it shows the environment too"
    hidden = seen(digests="not_shown", configured_artifact_id=OLD.artifact_id, lacks=lacks)
    both = [view(lane=TESTING, observed=hidden), view(observed=hidden)]
    assert plain(lanes_text(both, with_product=False, now=NOW)).splitlines()[-1] == (
        f"testing, prod: digest not shown; what is missing: {lacks}."
    )


# -- what was looked at


def test_what_may_run_names_every_release_once_and_the_recorded_one_last() -> None:
    third = MayRun(artifact_id=None, source_git_ref="c" * 40)
    unknown = MayRun(artifact_id=f"shop@sha256:{'d' * 64}", source_git_ref=None)
    assert may_run_text(view(may_run=(*may(OLD, NEW), third))) == "bbbbbbb, ccccccc or aaaaaaa"
    assert may_run_text(view(may_run=(*may(OLD), unknown))) == (
        "shop@sha256:ddddddd (of a commit that is not known) or aaaaaaa"
    )
    assert may_run_text(view(may_run=may(OLD))) == "aaaaaaa"
    assert may_run_text(view(runs=None)) == "nothing"
    assert may_run_text(view(runs=None, may_run=may(NEW), observed=seen(NEW.artifact_id))) == "bbbbbbb"


@pytest.mark.parametrize(
    ("health", "observed", "said"),
    [
        ([], seen(NEW.artifact_id), "digest shown: bbbbbbb"),
        ([], seen(NEW.artifact_id, NEW.artifact_id), "digest shown: bbbbbbb on 2 containers"),
        ([], seen(NEW.artifact_id, OLD.artifact_id), "digest shown: bbbbbbb on 1 container, aaaaaaa on 1 container"),
        ([], seen(None), "digest shown: none"),
        ([], seen(detail="it has ended"), "nothing is seen running: it has ended"),
        ([], seen(digests="failed", detail="no answer"), "what runs could not be read: no answer"),
        (
            ["a" * 40],
            seen(digests="not_shown", configured_artifact_id=NEW.artifact_id),
            "health reports aaaaaaa, digest not shown, set to run shop@sha256:bbbbbbb",
        ),
        (["a" * 40, "b" * 40], None, "health reports aaaaaaa at https://shop/0, bbbbbbb at https://shop/1, it is away"),
        ([None], None, "health reports no revision (no answer), it is away"),
    ],
)
def test_what_was_seen_is_told_and_no_more(health: list[str | None], observed: Observation | None, said: str) -> None:
    asked = tuple(
        Reported(url=f"https://shop/{number}", revision=revision, detail="" if revision else "no answer")
        for number, revision in enumerate(health)
    )
    assert seen_text(view(health=asked, observed=observed, differs="" if observed else "it is away")) == said


@pytest.mark.parametrize(
    ("code", "observed", "how"),
    [
        ("confirm.revision_live", None, ", and reports it"),
        ("confirm.revision_live", seen(NEW.artifact_id), ", shown by digest, and reports it"),
        ("confirm.revision_live", seen(NEW.artifact_id, OLD.artifact_id), ", and reports it"),
        (
            "confirm.revision_live",
            seen(digests="not_shown", configured_artifact_id=NEW.artifact_id),
            ", and reports it",
        ),
        ("confirm.other", seen(NEW.artifact_id), ", shown by digest"),
        ("confirm.other", seen(digests="failed"), ""),
    ],
)
def test_an_unchanged_lane_reports_or_shows_the_release_only_where_that_was_looked_at(
    code: str, observed: Observation | None, how: str
) -> None:
    lane = view(runs=NEW, run_id="r-0", since=(datetime.now(UTC) - timedelta(minutes=12)).isoformat())
    [confirmed] = decision("pass").results
    asked = decision().model_copy(update={"results": (confirmed.model_copy(update={"code": code}),)})
    after = {"lane": lane, "seen": observed, "out_as": "v0.2.10"}
    said = ended("unchanged", previous=NEW, confirmed=asked, touched=False, after=after)
    assert said == f"prod runs bbbbbbb already (since 12 min, r-0){how}. Nothing was deployed.\n  out as v0.2.10\n"
    assert EXIT_CODES["unchanged"] == 0


def test_an_unchanged_run_whose_release_is_not_out_ends_with_6_and_says_how_to_finish_it() -> None:
    missing = Publication(version="v0.2.10", published=False, detail="no answer")
    said = ended("unchanged", previous=NEW, touched=False, publication=missing, after={"lane": view(runs=NEW)})
    assert "Not published: prod runs bbbbbbb, and the release v0.2.10 is not out." in said
    assert "finish it:   launchplane-gate publish r-1" in said
    assert "out as" not in said
    for status, code in (("unchanged", 6), ("recorded", 6), ("denied", 1)):
        assert exit_code(Run(**{**RUN, "status": status, "publication": missing})) == code


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (f"runs {'a' * 40}.", "runs aaaaaaa."),
        (f"x@sha256:{'a' * 64}", "x@sha256:aaaaaaa"),
        ("a" * 39, "a" * 39),
        ("a" * 41, "a" * 41),
        (f"type `deploy --ref {'a' * 40}` of {'a' * 40}", f"type `deploy --ref {'a' * 40}` of aaaaaaa"),
        ("ended at 2026-05-07T11:58:00.123456Z, twice.", "ended at 11:58 UTC (1 min ago), twice."),
        ("not before 2026-05-07T14:30:00Z.", "not before 14:30 UTC."),
        ("since 2026-05-04T14:30:00Z;", "since 2026-05-04 14:30 UTC (2 days ago);"),
        ("not before 2026-05-08T14:30:00Z", "not before 2026-05-08 14:30 UTC"),
        ("2026-05-07T31:58:00Z", "2026-05-07T31:58:00Z"),
        ("deployment-2026-05-07T11:58:00Z", "deployment-2026-05-07T11:58:00Z"),
        ("an odd ` and 2026-05-07T14:30:00Z", "an odd ` and 2026-05-07T14:30:00Z"),
        ("", ""),
    ],
)
def test_revisions_and_moments_are_told_as_people_know_them_and_commands_stand_whole(text: str, short: str) -> None:
    assert brief(text, NOW) == short


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
