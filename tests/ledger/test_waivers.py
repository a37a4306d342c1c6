"""Waivers: who may grant them, for what and how long, and what they let through; breaking glass is one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.cli.session import actor_subject
from launchplane_gate.errors import RequestError
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval
from launchplane_gate.model import Actor, Outcome, ReleaseIdentity, Run, Waiver
from launchplane_gate.policy.bundle.config import ProductPolicy
from launchplane_gate.report.text import plain
from launchplane_gate.report.waivers import until, waivers_text
from launchplane_gate.waivers import WaiverView, grant, look_at_waivers, moment, revoke
from tests.cli.test_cli import NEW, OLD, Site, clear, make_site
from tests.conftest import ACTOR, PROD, PRODUCT, PROFILE, TESTING, A, B, deploy, promote
from tests.fakes.platform import FakePlatform

GLASS = "lane.not_bypassed"
HOUR = timedelta(hours=1)


def granted(gate: Gate, release: ReleaseIdentity = A, **changes: Any) -> Waiver:
    """Leave to deploy a release to prod directly, as the command grants it."""
    fields: dict[str, Any] = {
        "code": GLASS,
        "artifact": release.artifact_id,
        "ref": release.source_git_ref,
        "reason": "checkout is down",
        "approver": "github:alice",
        "expires_at": gate.ledger.now() + HOUR,
        "actor": ACTOR,
    }
    return grant(gate.ledger, gate.bundle, PROFILE, changes.pop("lane", PROD), **(fields | changes))


def saved(gate: Gate, **changes: Any) -> Waiver:
    """A waiver that stands in the ledger whatever today's policies and this clock would have said to it."""
    waiver = Waiver(
        waiver_id="w-1",
        code=GLASS,
        lane=PROD,
        release=A,
        reason="checkout is down",
        approver="github:alice",
        granted_by=ACTOR,
        granted_at=gate.ledger.now() - HOUR,
        expires_at=gate.ledger.now() + HOUR,
    ).model_copy(update=changes)
    gate.ledger.save_waiver(waiver)
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
    assert (used.waiver_id, used.approver, used.reason) == (waiver.waiver_id, "github:alice", "checkout is down")
    assert run.confirmed.waivers == ()
    assert break_glass(gate, B).status == "denied"
    mixed = ReleaseIdentity(artifact_id=A.artifact_id, source_git_ref=B.source_git_ref)
    assert break_glass(gate, mixed).status == "denied"
    assert platform.deploys == [(str(PROD), A.source_git_ref)]
    assert gate.ledger.verify()[1] == []


def test_a_waiver_of_another_lane_opens_nothing(gate: Gate) -> None:
    granted(gate, lane=TESTING)
    assert break_glass(gate).status == "denied"


def test_a_waiver_is_over_when_it_expires(gate: Gate) -> None:
    saved(gate, granted_at=gate.ledger.now() - 2 * HOUR, expires_at=gate.ledger.now() - HOUR)
    run = break_glass(gate)
    assert run.status == "denied" and run.admitted
    assert "The waiver w-1 does not count: it ended at " in run.admitted.refusals[0].message


def test_a_waiver_is_over_when_it_is_revoked(gate: Gate) -> None:
    waiver = granted(gate)
    assert gate.check(deploy(A, to="prod"), ACTOR).allowed
    revoke(gate.ledger, waiver.waiver_id, reason="rolled forward", actor=ACTOR)
    assert break_glass(gate).status == "denied"
    assert gate.ledger.verify()[1] == []


def test_a_revocation_ends_one_waiver_and_not_its_twin(gate: Gate) -> None:
    first, second = granted(gate), granted(gate, reason="to be sure")
    revoke(gate.ledger, first.waiver_id, reason="one is enough", actor=ACTOR)
    run = break_glass(gate)
    assert run.status == "recorded" and run.admitted
    assert [used.waiver_id for used in run.admitted.waivers] == [second.waiver_id]


@pytest.mark.parametrize("approver", [ACTOR.subject, ACTOR.subject.upper(), "operator@desk"])
def test_who_deploys_cannot_have_approved_it(gate: Gate, approver: str, platform: FakePlatform) -> None:
    granted(gate, approver=approver, actor=Actor(subject="github:bob"))
    run = break_glass(gate)
    assert run.status == "denied" and run.admitted and platform.deploys == []
    assert "who asks is its approver" in run.admitted.refusals[0].message


def test_who_grants_a_waiver_may_use_it(gate: Gate) -> None:
    assert granted(gate, actor=ACTOR).granted_by == ACTOR
    assert break_glass(gate).status == "recorded"


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
        revoke(gate.ledger, waiver.waiver_id, reason="no", actor=ACTOR)
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
        revoke(gate.ledger, waiver.waiver_id, reason="it is used", actor=ACTOR)
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
        ({"approver": " "}, "approver: "),
        ({"approver": "github:\N{CYRILLIC SMALL LETTER A}lice"}, "approver: "),
        ({"approver": "github:alice\N{ZERO WIDTH SPACE}"}, "approver: "),
        ({"approver": "a" * 1001}, "approver: "),
        ({"approver": f" {ACTOR.subject.upper()}"}, "somebody else has to approve"),
        ({"approver": "operator@desk"}, "somebody else has to approve"),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "is past"),
        ({"expires_at": datetime.min.replace(tzinfo=UTC)}, "is past"),
        ({"expires_at": datetime.max.replace(tzinfo=UTC)}, "is too late; the policies let it be "),
        ({"expires_at": moment("9999-12-31T23:59:59-23:59")}, "is too late; the policies let it be "),
        pytest.param({"expires_at": datetime.now(UTC) + timedelta(days=8)}, "is too late", id="eight days"),
        ({"expires_at": datetime(2100, 1, 1)}, "has no zone"),  # the fault that is tested
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_not_leave_is_refused_and_not_saved(gate: Gate, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(RequestError) as refused:
        granted(gate, **changes)
    assert says in str(refused.value) and refused.value.exit_code == 2
    assert gate.ledger.entries() == []


def test_a_product_that_wants_no_waivers_gets_none(gate: Gate) -> None:
    policy = ProductPolicy(thresholds={"waiver_max_s": 0})
    settings = gate.bundle.settings.model_copy(update={"products": {PRODUCT: policy}})
    gate.bundle = type(gate.bundle)(**{**vars(gate.bundle), "settings": settings})
    with pytest.raises(RequestError, match="let no waiver for sellyouroutboard run at all"):
        granted(gate)
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
    saved(gate, granted_at=gate.ledger.now() - 2 * HOUR, expires_at=gate.ledger.now() - HOUR)
    waiver = granted(gate)
    revoke(gate.ledger, waiver.waiver_id, reason="no longer needed", actor=ACTOR)
    run = break_glass(gate)
    before = len(gate.ledger.entries())
    for waiver_id, says in (
        (waiver.waiver_id, "was revoked at .*: no longer needed"),
        ("w-1", "the waiver w-1 expired at"),
        ("w-NONE", "there is no waiver w-NONE"),
        (run.run_id, "there is no waiver r-"),
    ):
        with pytest.raises(RequestError, match=says):
            revoke(gate.ledger, waiver_id, reason="again", actor=ACTOR)
    assert len(gate.ledger.entries()) == before


def test_a_revocation_says_why(gate: Gate) -> None:
    waiver = granted(gate)
    with pytest.raises(RequestError, match="say why"):
        revoke(gate.ledger, waiver.waiver_id, reason=" ", actor=ACTOR)
    assert [view.state for view in views(gate)] == ["live"]


# -- how they stand


def test_each_waiver_is_shown_as_it_stands_with_the_runs_that_used_it(gate: Gate) -> None:
    now = gate.ledger.now()
    saved(gate, waiver_id="w-ended", granted_at=now - 2 * HOUR, expires_at=now - HOUR)
    saved(gate, waiver_id="w-later", granted_at=now - HOUR, expires_at=now + 50 * HOUR)
    saved(gate, waiver_id="w-soon", granted_at=now - 49 * HOUR, expires_at=now + 5 * HOUR)
    saved(gate, waiver_id="w-long", granted_at=now - 8 * 24 * HOUR, expires_at=now + HOUR)  # for longer than may be
    saved(gate, waiver_id="w-no-more", code="actor.permitted")
    revoked = granted(gate, B)
    revoke(gate.ledger, revoked.waiver_id, reason="no", actor=ACTOR)
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


def grant_command(site: Site, *more: str, **changes: str) -> list[str]:
    fields = {
        "lane": f"{PRODUCT}/prod",
        "artifact": site.artifacts[OLD],
        "ref": OLD,
        "reason": "checkout is down",
        "approver": "github:alice",
        "expires": in_an_hour(),
    }
    options = [part for name, value in (fields | changes).items() for part in (f"--{name}", value)]
    return ["waiver", "grant", changes.pop("code", GLASS), *options, *more]


def test_glass_is_broken_and_mended_at_the_command_line(site: Site) -> None:
    assert site.run("waiver", "list").out == "no waiver is in force\n"
    refused = site.deploy(OLD, to="prod")
    assert refused.exit_code == 1 and GLASS in refused.out
    said = site.run(*grant_command(site))
    assert said.exit_code == 0, said
    waiver_id = said.out.split(":")[0].removeprefix("Granted ")
    assert said.out.startswith(f"Granted {waiver_id}: {PRODUCT}/prod takes 215f71b past {GLASS}.")
    assert f"{GLASS} for 215f71b, expires in 59 min, never used" in site.run("lanes").out
    use = next(line for line in said.out.splitlines() if "use it:" in line)
    deployed = site.run(*use.split("launchplane-gate ")[1].split())
    assert deployed.exit_code == 0, deployed
    assert f"Waived by {waiver_id}, approved by github:alice: checkout is down" in deployed.out
    [view] = site.run("waiver", "list", "--output", "json").document["waivers"]
    assert (view["state"], view["waiver"]["granted_by"]["subject"]) == ("live", actor_subject())
    [run] = view["used_by"]
    assert f"{run['run_id']} (recorded)" in site.run("waiver", "list", "--lane", f"{PRODUCT}/prod").out
    end = next(line for line in said.out.splitlines() if "end it sooner:" in line)
    ended = site.run(*end.split("launchplane-gate ")[1].split()[:-1], "rolled forward", "--output", "json")
    assert ended.document["revoked"]["reason"] == "rolled forward"
    assert site.run("waiver", "list").out == "no waiver is in force; --all shows those that ended\n"
    assert ": rolled forward" in site.run("waiver", "list", "--all").out
    assert "waived" not in site.run("lanes").out
    assert site.run("decisions", "verify").exit_code == 0


def test_a_waiver_can_be_revoked_while_the_policies_are_broken(site: Site) -> None:
    waiver_id = site.run(*grant_command(site), "--output", "json").document["waiver"]["waiver_id"]
    (site.folder / "policies" / "config" / "data.json").write_text("{")
    assert site.run("waiver", "list").exit_code == 2
    assert site.run("waiver", "revoke", waiver_id, "--reason", "done").exit_code == 0


@pytest.mark.parametrize(
    ("changes", "tells"),
    [
        ({"lane": f"{PRODUCT}/moon"}, "no lane 'moon'"),
        ({"lane": "another/prod"}, "unknown product 'another'"),
        ({"lane": PRODUCT}, "no lane ''"),
        ({"ref": NEW[:7]}, "ref: "),
        ({"expires": "tomorrow"}, "expires: 'tomorrow'"),
        ({"approver": actor_subject()}, "somebody else"),
    ],
    ids=str,
)
def test_a_grant_that_is_none_is_one_error(site: Site, changes: dict[str, str], tells: str) -> None:
    said = site.run(*grant_command(site, **changes))
    assert (said.exit_code, said.out) == (2, ""), said
    assert said.err.startswith("launchplane-gate: ") and tells in said.err and "\n  Nothing was " in said.err
