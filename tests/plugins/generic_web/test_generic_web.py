"""The driver generic-web, down the whole line: each behaviour of Dokploy that could fool it, each way to be refused."""

from __future__ import annotations

import math
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.errors import GateError, LedgerError, NotSettled, PastLost
from launchplane_gate.model import Lane, Run
from launchplane_gate.policy import Bundle, EmbeddedEngine
from launchplane_gate.testing.door import Meddling, Visit, WatchedDriver
from tests.conftest import ACTOR, PROD, TESTING, A, B, C, deploy, promote, release
from tests.fakes.certificates import self_signed
from tests.fakes.dokploy import SECRET_IN_A_STACK, FakeDokploy, How
from tests.plugins.generic_web.dokploy_site import LANES, PASSWORD, USERNAME, Site, application, site_on

pytestmark = pytest.mark.thorough  # test_generic_web_conformance asks the same driver for its promises

NOWHERE = release("F")  # its image is in no registry
WRITES = ["application.saveDockerProvider", "application.deploy"]
MakeSite = Callable[..., AbstractContextManager[Site]]


@pytest.fixture
def dokploy() -> Iterator[FakeDokploy]:
    with FakeDokploy() as server:
        yield server
        assert not server.violations


@pytest.fixture
def make_site(dokploy: FakeDokploy, tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine) -> MakeSite:
    return lambda **options: site_on(dokploy, tmp_path, bundle, engine, **options)


@pytest.fixture
def site(make_site: MakeSite) -> Iterator[Site]:
    with make_site() as made:
        yield made


@pytest.fixture
def running_a(site: Site) -> Site:
    """Testing runs A, recorded."""
    assert site.run(deploy(A)).status == "recorded"
    return site


def inventory(site: Site, lane: Lane) -> bytes:
    return (site.state / "inventory" / lane.context / f"{lane.instance}.json").read_bytes()


def tables(site: Site) -> dict[Lane, dict[str, Any]]:
    """The targets of a site as the settings name them, for another site on the same ones."""
    return {lane: {"target_type": "application", "target_id": site.targets[lane]} for lane in LANES}


def meddled(site: Site, meddling: Meddling) -> tuple[Run, Visit]:
    """A deploy of A with somebody at the door between the gate and the driver."""
    drivers, driver = site.gate.plugins.drivers, site.driver
    watched = WatchedDriver(driver, lambda _, call: call())
    watched.meddling = meddling
    drivers[driver.driver_id] = watched
    try:
        return site.run(deploy(A)), watched.visits[-1]
    finally:
        drivers[driver.driver_id] = driver


def begin(work: Callable[[], Run]) -> Future[Run]:
    """Let a run go on in a thread of its own."""
    return ThreadPoolExecutor(1).submit(work)


# -- the straight line


def test_a_deploy_and_a_promotion_run_what_they_record(site: Site) -> None:
    assert site.run(deploy(A)).status == "recorded"
    promoted = site.run(promote())
    assert promoted.status == "recorded"
    for lane in LANES:
        assert site.dokploy.running(site.targets[lane]) == A.artifact_id
    assert site.writes() == ["application.saveDockerProvider", "application.deploy"] * 2
    record = site.gate.store.read_deployment_record(str(promoted.deployment_record_id))
    assert record.resolved_target and record.resolved_target.target_id == site.targets[PROD]
    assert record.deploy.deploy_mode == "dokploy-application-api"


def test_a_deployment_bears_a_title_of_the_runs_own_and_says_what_it_ships(site: Site) -> None:
    run = site.run(deploy(A))
    [asked] = [request for request in site.dokploy.requests if request.path.endswith("application.deploy")]
    assert asked.body["title"] == f"launchplane-gate {run.run_id}"
    assert A.artifact_id in asked.body["description"] and A.source_git_ref in asked.body["description"]


def test_a_compose_target_gets_its_image_by_the_variable(dokploy: FakeDokploy, make_site: MakeSite) -> None:
    file = "services:\n  web:\n    image: ${SHOP_IMAGE}\n  db:\n    image: postgres:16\n"
    ids = {lane: dokploy.add_compose(lane.instance, file, "SECRET=x\n") for lane in LANES}
    targets = {
        lane: {"target_type": "compose", "target_id": id_, "variable": "SHOP_IMAGE"} for lane, id_ in ids.items()
    }
    with make_site(targets=targets) as site:
        assert site.run(deploy(A)).status == "recorded"
        assert site.run(promote()).status == "recorded"
        assert dokploy.running(ids[PROD]) == A.artifact_id
        assert site.writes() == ["compose.saveEnvironment", "compose.deploy"] * 2
        [saved, _] = [request.body["env"] for request in dokploy.requests if request.path.endswith("saveEnvironment")]
        assert saved == f"SECRET=x\nSHOP_IMAGE={A.artifact_id}\n"
        assert b"SECRET=x" not in site.everything_kept()
        seen = site.driver.observe(TESTING)
        assert (seen.digests, seen.artifact_id, seen.configured_artifact_id) == ("shown", A.artifact_id, A.artifact_id)


# -- what Dokploy does, in the order of the list that was seen on a real server


def test_1_done_is_not_live_until_docker_has_replaced_what_ran(running_a: Site) -> None:
    running_a.dokploy.takeover_s = 0.15
    assert running_a.run(deploy(B)).status == "recorded"
    assert any("Docker says updating: update in progress" in line for line in running_a.told)


def test_1_done_is_not_live_where_the_new_revision_never_comes_up(running_a: Site, make_site: MakeSite) -> None:
    before = inventory(running_a, TESTING)
    running_a.dokploy.takeover_s = math.inf
    with make_site(targets=tables(running_a), deploy_timeout_s=0.3) as site:
        run = site.run(deploy(B))
    assert run.status == "unknown" and "Docker says updating" in run.detail
    assert inventory(running_a, TESTING) == before


def test_2_an_image_that_exits_at_once_ends_done_and_is_not_believed(running_a: Site) -> None:
    running_a.dokploy.push(B.artifact_id, B.source_git_ref, crashes=True)
    before = inventory(running_a, TESTING)
    run = running_a.run(deploy(B))
    assert (run.status, run.touched) == ("fail", True)
    assert "Docker says rollback_completed" in run.detail and "the image before runs again" in run.detail
    assert running_a.dokploy.running(running_a.targets[TESTING]) == A.artifact_id
    assert inventory(running_a, TESTING) == before


def test_3_a_digest_that_is_in_no_registry_fails(running_a: Site) -> None:
    before = inventory(running_a, TESTING)
    run = running_a.run(deploy(NOWHERE))
    assert (run.status, run.touched) == ("fail", True)
    assert "Dokploy ended it with an error" in run.detail
    assert inventory(running_a, TESTING) == before
    assert "application.redeploy" not in running_a.writes()


def test_4_the_newest_row_may_be_another_actors_and_is_not_waited_for(running_a: Site) -> None:
    """S27: our deployment is known by its title, and somebody else's failure is not ours."""
    dokploy, target = running_a.dokploy, running_a.targets[TESTING]
    dokploy.pause(pause_running=True)
    begun = begin(lambda: running_a.run(deploy(B)))
    dokploy.wait(lambda: dokploy.queue.active)
    dokploy.act(target, NOWHERE.artifact_id)  # theirs will be the newest row, and end in an error
    dokploy.resume()
    run = begun.result(10)
    record = running_a.gate.store.read_deployment_record(str(run.deployment_record_id))
    assert record.deploy.status == "pass"  # ours was done
    assert run.status == "recorded"  # and it runs, though the image that is set is theirs
    seen = running_a.driver.observe(TESTING)
    assert (seen.artifact_id, seen.configured_artifact_id) == (B.artifact_id, NOWHERE.artifact_id)


def test_4_a_row_that_is_done_is_no_pass_where_it_is_not_ours(running_a: Site) -> None:
    """S27: nor is somebody else's success."""
    dokploy, target = running_a.dokploy, running_a.targets[TESTING]
    dokploy.pause(pause_running=True)
    begun = begin(lambda: running_a.run(deploy(NOWHERE)))
    dokploy.wait(lambda: dokploy.queue.active)
    dokploy.act(target, C.artifact_id)
    dokploy.resume()
    run = begun.result(10)
    assert run.status == "fail"


def test_5_an_image_that_somebody_saves_before_our_job_starts_is_not_taken_for_ours(running_a: Site) -> None:
    dokploy, target = running_a.dokploy, running_a.targets[TESTING]
    dokploy.pause()
    begun = begin(lambda: running_a.run(deploy(B)))
    dokploy.wait(dokploy.queue.listed)
    dokploy.act(target, C.artifact_id)
    dokploy.resume()
    run = begun.result(10)
    assert run.status == "unconfirmed"
    assert dokploy.running(target) == C.artifact_id
    assert running_a.run(promote()).status == "denied"


def test_5_two_runs_on_one_target_never_interleave(site: Site, make_site: MakeSite) -> None:
    """S29: a save and its deploy stand together, and those of the next run come after them."""
    with make_site(targets=tables(site), gate={"lane_wait_s": 10}) as other:
        site.gate.lane_wait_s = 10
        begun = [begin(lambda: site.gate.run(deploy(A), ACTOR)), begin(lambda: other.gate.run(deploy(B), ACTOR))]
        assert [one.result(10).status for one in begun] == ["recorded", "recorded"]
    assert site.writes() == ["application.saveDockerProvider", "application.deploy"] * 2


def test_5_a_deployment_of_somebody_else_that_is_under_way_is_waited_out(running_a: Site) -> None:
    dokploy, target = running_a.dokploy, running_a.targets[TESTING]
    for paused in ({}, {"pause_running": True}):
        dokploy.pause(**paused)
        dokploy.redeploy_by_hand(target)
        if paused:
            dokploy.wait(lambda: dokploy.queue.active)
        changes = dokploy.changes(target)
        run = running_a.run(deploy(B))
        assert (run.status, run.touched, dokploy.changes(target)) == ("fail", False, changes)
        assert "another deployment" in run.detail and "Rebuild deployment" in run.detail
        dokploy.resume()
        dokploy.wait(dokploy.idle)
    assert running_a.run(deploy(B)).status == "recorded"


@pytest.mark.parametrize("queued", [True, False], ids=["queued", "running"])
def test_6_a_restart_leaves_the_outcome_unknown(running_a: Site, queued: bool) -> None:
    dokploy = running_a.dokploy
    before = inventory(running_a, TESTING)
    dokploy.pause(pause_running=not queued)
    begun = begin(lambda: running_a.run(deploy(B)))
    dokploy.wait(lambda: dokploy.queue.waiting if queued else dokploy.queue.active)
    dokploy.restart()
    dokploy.resume()
    run = begun.result(10)
    assert run.status == "unknown"
    assert ("as after a restart" if queued else "cancelled it, as it does when it restarts") in run.detail
    assert "the configured image is already the new one" in run.detail
    assert inventory(running_a, TESTING) == before
    assert running_a.run(promote()).status == "denied"
    assert running_a.run(deploy(B)).status == "recorded"


def test_7_a_limited_key_is_refused_before_anything_is_touched(dokploy: FakeDokploy, make_site: MakeSite) -> None:
    with make_site(key=dokploy.add_key(rate_limited=True)) as site:
        run = site.run(deploy(A))
        assert (run.status, run.touched, site.writes()) == ("fail", False, [])
        assert "rateLimitEnabled: false" in run.detail


def test_7_a_key_that_is_refused_in_mid_poll_does_not_mean_that_the_deployment_failed(site: Site) -> None:
    site.dokploy.pause()
    begun = begin(lambda: site.run(deploy(A)))
    site.dokploy.wait(site.dokploy.queue.listed)
    site.dokploy.break_next("deployment.queueList", "401", times=3)
    site.dokploy.resume()
    run = begun.result(10)
    assert run.status == "recorded"


def test_7_a_key_that_stays_refused_leaves_the_outcome_unknown(running_a: Site) -> None:
    dokploy = running_a.dokploy
    dokploy.pause()
    begun = begin(lambda: running_a.run(deploy(B)))
    dokploy.wait(dokploy.queue.listed)
    dokploy.revoke(dokploy.key)
    run = begun.result(10)
    assert run.status == "unknown"
    assert "refused the API key" in run.detail and "launchplane-gate r-" in run.detail


@pytest.mark.parametrize(
    ("file", "source", "says"),
    [
        ("services:\n  web:\n    image: nginx\n", "raw", "setting it changes nothing"),
        ("services:\n  web:\n    image: ${SHOP_IMAGE}\n", "github", "comes from github"),
    ],
)
def test_8_a_compose_file_that_cannot_take_the_image_is_refused(
    dokploy: FakeDokploy, make_site: MakeSite, file: str, source: str, says: str
) -> None:
    id_ = dokploy.add_compose("testing", file, "A=1\n", source_type=source)
    with make_site(targets={TESTING: {"target_type": "compose", "target_id": id_, "variable": "SHOP_IMAGE"}}) as site:
        run = site.run(deploy(A))
        assert (run.status, run.touched, site.writes()) == ("fail", False, [])
        assert says in run.detail
        assert site.driver.observe(TESTING).configured_artifact_id is None


def test_9_after_a_failed_deploy_the_configured_image_is_the_new_one_and_that_is_said(running_a: Site) -> None:
    run = running_a.run(deploy(NOWHERE))
    assert "the configured image is already the new one" in run.detail
    assert running_a.driver.observe(TESTING).configured_artifact_id == NOWHERE.artifact_id
    refused = running_a.run(promote())
    assert refused.status == "denied"
    assert "lane.settled" in [refusal.code for refusal in refused.admitted.refusals]  # type: ignore[union-attr]  # it was asked


def test_10_going_back_to_an_earlier_digest_works(running_a: Site) -> None:
    assert [running_a.run(deploy(what)).status for what in (B, A)] == ["recorded", "recorded"]
    assert running_a.dokploy.running(running_a.targets[TESTING]) == A.artifact_id


# -- what it cannot be asked, and what it answers oddly

ODD_READS: list[How] = [
    "404",
    "500",
    "503",
    "429",
    "empty",
    "html",
    "huge",
    "not_json",
    "redirect",
    "null",
    "wrong_shape",
]
READS = ["deployment.queueList", "deployment.all", "application.one"]


@pytest.mark.parametrize(
    ("route", "how"),
    [
        *[("application.one", how) for how in [*ODD_READS, "401", "drop_before", "drip"]],
        *[(route, how) for route in READS[:2] for how in ("404", "html", "wrong_shape")],
    ],
)
def test_what_cannot_be_read_before_redeem_is_a_refusal_with_nothing_touched(
    make_site: MakeSite, route: str, how: How
) -> None:
    with make_site(timeout_s=0.3 if how == "drip" else 5) as site:
        # The gate observes first, and needs no answer then; three attempts of each read.
        site.dokploy.break_next(route, how, times=6)
        run = site.run(deploy(A))
        assert (run.status, run.touched, site.writes()) == ("fail", False, [])
        assert route in run.detail
        assert SECRET_IN_A_STACK.encode() not in site.everything_kept()


@pytest.mark.parametrize("how", ["drop_before", "500", "503", "429"])
def test_a_read_is_tried_again_where_that_may_help(site: Site, how: How) -> None:
    for route in READS:
        site.dokploy.break_next(route, how, times=2)
    assert site.driver.observe(TESTING).reachable
    assert [site.asked(route) for route in READS] == [3, 3, 3]


@pytest.mark.parametrize("how", [*ODD_READS, "401", "drop_before", "drip"])
def test_a_poll_that_answers_oddly_in_between_assumes_nothing(make_site: MakeSite, how: How) -> None:
    with make_site(timeout_s=0.3 if how == "drip" else 5) as site:
        site.dokploy.pause()
        begun = begin(lambda: site.run(deploy(A)))
        site.dokploy.wait(site.dokploy.queue.listed)
        for route in ("deployment.queueList", "deployment.all"):
            site.dokploy.break_next(route, how, times=3)
        asked = site.asked("deployment.queueList")
        site.dokploy.wait(lambda: site.asked("deployment.queueList") >= asked + 7, timeout_s=10)
        site.dokploy.resume()
        assert begun.result(10).status == "recorded"


@pytest.mark.parametrize(
    ("how", "status", "says"),
    [
        ("401", "fail", "the image was not set"),
        ("404", "fail", "the image was not set"),
        ("429", "fail", "the image was not set"),
        ("redirect", "unknown", "not known whether the image was set"),  # what redirects is not Dokploy
        ("500", "unknown", "not known whether the image was set"),
        ("503", "unknown", "not known whether the image was set"),
        ("empty", "unknown", "not known whether the image was set"),
        ("null", "unknown", "not known whether the image was set"),
        ("html", "unknown", "not known whether the image was set"),
        ("not_json", "unknown", "not known whether the image was set"),
        ("wrong_shape", "unknown", "not known whether the image was set"),
        ("drop_before", "unknown", "not known whether the image was set"),
        ("drop_after", "unknown", "not known whether the image was set"),
        ("huge", "unknown", "not known whether the image was set"),
        ("drip", "unknown", "not known whether the image was set"),
    ],
)
def test_an_image_that_was_perhaps_not_set_is_not_deployed(
    make_site: MakeSite, how: How, status: str, says: str
) -> None:
    with make_site(timeout_s=0.3 if how == "drip" else 5) as site:
        site.dokploy.break_next("application.saveDockerProvider", how)
        run = site.run(deploy(A))
        assert run.status == status and says in run.detail
        assert site.writes() == ["application.saveDockerProvider"]  # once
        assert "saveDockerProvider" in run.detail


@pytest.mark.parametrize(
    "how", ["401", "404", "429", "redirect", "500", "503", "html", "not_json", "drop_before", "huge"]
)
def test_a_deploy_that_was_perhaps_not_queued_and_shows_no_row_is_unknown(make_site: MakeSite, how: How) -> None:
    with make_site() as site:
        site.dokploy.break_next("application.deploy", how)
        run = site.run(deploy(A))
        assert (run.status, run.touched) == ("unknown", True)
        assert site.writes() == ["application.saveDockerProvider", "application.deploy"]  # each once
        assert "the configured image is already the new one" in run.detail
        assert ("nothing was deployed" in run.detail) == (how in {"401", "404", "429"})
        assert not (site.state / "inventory").exists()


@pytest.mark.parametrize("how", ["drop_after", "drip"])
def test_a_deploy_whose_answer_was_lost_is_known_by_its_own_row(make_site: MakeSite, how: How) -> None:
    with make_site(timeout_s=0.3 if how == "drip" else 5) as site:
        site.dokploy.break_next("application.deploy", how)
        assert site.run(deploy(A)).status == "recorded"
        assert site.writes() == ["application.saveDockerProvider", "application.deploy"]


def test_an_odd_answer_to_a_change_of_a_compose_is_no_success(dokploy: FakeDokploy, make_site: MakeSite) -> None:
    id_ = dokploy.add_compose("testing", "services:\n  web:\n    image: ${SHOP}\n")
    with make_site(targets={TESTING: {"target_type": "compose", "target_id": id_, "variable": "SHOP"}}) as site:
        save = "compose.saveEnvironment"
        odd: list[tuple[str, How]] = [(save, "empty"), (save, "wrong_shape"), ("compose.deploy", "empty")]
        for route, how in odd:
            dokploy.break_next(route, how)
            assert site.run(deploy(A)).status == "unknown"
        assert site.writes() == [save, save, save, "compose.deploy"]


def test_a_server_that_is_away_is_a_fact_and_a_deploy_to_it_touches_nothing(running_a: Site) -> None:
    running_a.dokploy.stop_serving()
    seen = running_a.driver.observe(TESTING)
    assert (seen.reachable, seen.artifact_id, seen.configured_artifact_id, seen.in_flight) == (False, None, None, None)
    run = running_a.run(deploy(B))
    assert (run.status, run.touched) == ("fail", False)
    assert "connection was refused" in run.detail
    running_a.dokploy.start_serving()
    assert running_a.run(promote()).status == "recorded"  # nothing was touched, so testing is settled


def test_an_unknown_target_a_wrong_key_and_a_target_of_the_wrong_type_are_told(
    dokploy: FakeDokploy, make_site: MakeSite
) -> None:
    git = dokploy.add_application("git", source_type="github")
    compose = dokploy.add_compose("stack", "services:\n  web:\n    image: ${X}\n")
    cases: list[tuple[dict[str, Any], dict[str, Any], str]] = [
        ({"target_type": "application", "target_id": "nope"}, {}, "Application not found"),
        ({"target_type": "compose", "target_id": "nope", "variable": "X"}, {}, "Compose not found"),
        ({"target_type": "application", "target_id": compose}, {}, "Application not found"),
        ({"target_type": "application", "target_id": git}, {}, "takes its source from github"),
        ({"target_type": "application", "target_id": git}, {"key": "wr0ng-key"}, "refused the API key"),
    ]
    health = dokploy.add_application("health")
    for table, options, says in cases:
        targets = {TESTING: table, PROD: {"target_type": "application", "target_id": health}}
        with make_site(targets=targets, **options) as site:
            run = site.run(deploy(A))
            assert (run.status, run.touched, site.writes()) == ("fail", False, [])
            assert says in run.detail
            assert "wr0ng-key" not in run.detail


def test_a_lane_without_a_target_is_told(make_site: MakeSite, dokploy: FakeDokploy) -> None:
    id_ = application(dokploy, PROD)
    with make_site(
        targets={PROD: {"target_type": "application", "target_id": id_}, TESTING: {"target_id": id_}}
    ) as site:
        run = site.run(deploy(A))
        assert (run.status, run.touched) == ("fail", False)
        assert f"no target for {TESTING}" in run.detail
        assert not site.driver.observe(TESTING).reachable


def test_tls_is_verified_and_schemes_that_do_not_match_are_told(
    tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine, dokploy: FakeDokploy
) -> None:
    certificate = self_signed(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with FakeDokploy(tls=tls) as secure:
        for folder, server, url, says in (
            ("untrusted", secure, secure.url, "certificate could not be verified"),
            ("plain", secure, secure.url.replace("https", "http"), "did not answer"),
            ("secure", dokploy, dokploy.url.replace("http", "https"), "no TLS connection could be made"),
        ):
            with site_on(server, tmp_path / folder, bundle, engine, url=url) as site:
                run = site.run(deploy(A))
                assert (run.status, run.touched) == ("fail", False)
                assert says in run.detail
        with site_on(secure, tmp_path / "trusted", bundle, engine, ca_file=str(certificate)) as site:
            assert site.driver.observe(TESTING).reachable


# -- time


def test_a_deployment_that_does_not_end_in_time_is_unknown(make_site: MakeSite) -> None:
    with make_site(deploy_timeout_s=0.2) as site:
        site.dokploy.pause()
        run = site.run(deploy(A))
        assert run.status == "unknown"
        assert "it has not ended within 0 s: next in the queue" in run.detail
        site.dokploy.resume()


def test_the_wait_ends_with_the_run(make_site: MakeSite) -> None:
    with make_site(timeout_s=1, deploy_timeout_s=60) as site:
        site.dokploy.pause()
        run, visit = meddled(site, Meddling(left_s=1, once_redeemed=True))
        assert run.status == "unknown" and visit.took_s < 3
        site.dokploy.resume()


def test_nothing_is_begun_in_a_run_that_is_nearly_over(make_site: MakeSite) -> None:
    with make_site(timeout_s=2) as site:
        run, _ = meddled(site, Meddling(left_s=8))
        assert (run.status, run.touched, site.writes()) == ("fail", False, [])
        assert "of the run are left, and the changes may take 8 s" in run.detail


@pytest.mark.parametrize("route", WRITES)
def test_a_write_is_given_up_when_its_time_is_over_and_what_it_did_is_looked_for(
    make_site: MakeSite, route: str
) -> None:
    with make_site(timeout_s=60, deploy_timeout_s=60) as site:
        site.dokploy.break_next(route, "drip")
        run, visit = meddled(site, Meddling(write_s=0.3))
        assert visit.took_s < 5
        assert run.status == ("unknown" if route == WRITES[0] else "recorded")


@pytest.mark.parametrize("lost", [NotSettled("the lease is over"), LedgerError("the ledger is away")])
def test_once_the_lease_is_lost_nothing_more_is_written(make_site: MakeSite, lost: GateError) -> None:
    with make_site() as site:
        for done in range(len(WRITES)):
            before = len(site.writes())
            leaves = iter([None] * done)

            def refuse(leaves: Iterator[None] = leaves) -> None:
                if next(leaves, lost):
                    raise lost

            run, visit = meddled(site, Meddling(at_write=refuse))
            assert visit.error is lost
            assert site.writes()[before:] == WRITES[:done]
            assert (run.status, run.touched) == ("unknown", True) and str(lost) in run.detail


def test_looking_asks_for_no_leave(make_site: MakeSite) -> None:
    """Two writes, two times leave, however often the deployment is looked at."""
    with make_site(deploy_timeout_s=0.3) as site:
        site.dokploy.pause()
        asked: list[int] = []
        run, _ = meddled(site, Meddling(at_write=lambda: asked.append(len(site.writes()))))
        assert run.status == "unknown" and site.asked("deployment.queueList") > 5
        assert asked == [0, 1]
        site.dokploy.resume()


def test_a_deploy_may_take_what_its_calls_and_its_wait_add_up_to(make_site: MakeSite) -> None:
    with make_site(timeout_s=0.5, deploy_timeout_s=0.7) as site:
        assert site.driver.deploy_timeout_s == 0.7 + 8 * 0.5
        site.dokploy.pause()
        for route in ("application.one", "deployment.queueList", "deployment.all", *WRITES):
            for _ in range(20):
                site.dokploy.between(route, lambda: time.sleep(0.3))
        run, visit = meddled(site, Meddling())
        assert run.status == "unknown" and 0.7 < visit.took_s < site.driver.deploy_timeout_s
        site.dokploy.resume()


def test_a_queue_is_shown_as_it_moves_and_not_again_and_again(running_a: Site) -> None:
    dokploy, other = running_a.dokploy, running_a.targets[PROD]
    dokploy.pause()
    dokploy.redeploy_by_hand(other)
    begun = begin(lambda: running_a.run(deploy(B)))
    dokploy.wait(lambda: len(dokploy.queue.listed()) == 2 and any("1 before it" in line for line in running_a.told))
    polls = running_a.asked("deployment.queueList")
    dokploy.wait(lambda: running_a.asked("deployment.queueList") >= polls + 3)
    dokploy.resume()
    begun.result(10)
    waits = [line for line in running_a.told if "Dokploy's deployment" in line]
    assert len(waits) == len(set(waits))
    assert waits[0].endswith("queued, 1 before it")


# -- observe and find


def test_observe_tells_what_runs_what_is_set_and_the_last_deployment(running_a: Site) -> None:
    seen = running_a.driver.observe(TESTING)
    assert (seen.artifact_id, seen.configured_artifact_id, seen.in_flight) == (A.artifact_id, A.artifact_id, False)
    assert "1 of 1 seen running; status done; last deployment 'launchplane-gate r-" in seen.detail
    empty = running_a.driver.observe(PROD)
    assert (empty.reachable, empty.digests, empty.artifact_id) == (True, "shown", None)
    assert (empty.configured_artifact_id, empty.containers) == (None, ())
    assert "nothing was deployed yet" in empty.detail and "no deployment is remembered" in empty.detail


def test_a_state_folder_that_was_lost_is_noticed_by_what_dokploy_ran_last(
    running_a: Site, bundle: Bundle, engine: EmbeddedEngine, tmp_path: Path
) -> None:
    """Ledger, records and mark are one folder; the title of the platform's newest deployment stands elsewhere."""
    run_id = running_a.gate.ledger.runs(TESTING)[0]
    assert running_a.driver.observe(TESTING).run_id == run_id
    targets = {TESTING: {"target_type": "application", "target_id": running_a.targets[TESTING]}}
    with site_on(running_a.dokploy, tmp_path / "empty", bundle, engine, targets=targets) as elsewhere:
        before = len(elsewhere.writes())
        with pytest.raises(PastLost, match=f"the newest deployment of its platform is of {run_id}"):
            elsewhere.run(deploy(B))
        assert len(elsewhere.writes()) == before
    running_a.dokploy.redeploy_by_hand(running_a.targets[TESTING])
    running_a.dokploy.wait(lambda: running_a.driver.observe(TESTING).run_id == "")


def test_observe_sees_what_is_under_way(running_a: Site) -> None:
    running_a.dokploy.pause()
    running_a.dokploy.redeploy_by_hand(running_a.targets[TESTING])
    seen = running_a.driver.observe(TESTING)
    assert seen.in_flight is True and "'Rebuild deployment' is queued" in seen.detail
    running_a.dokploy.resume()


def test_a_foreign_change_of_testing_is_seen_before_it_is_promoted(running_a: Site) -> None:
    dokploy = running_a.dokploy
    dokploy.act(running_a.targets[TESTING], B.artifact_id)
    dokploy.wait(dokploy.idle)
    run = running_a.run(promote())
    assert run.status == "denied"
    assert "inventory.source_running" in [refusal.code for refusal in run.admitted.refusals]  # type: ignore[union-attr]  # it was asked


def interrupted(site: Site) -> Run:
    """A run that Ctrl-C ended while it waited for its deployment, which is queued."""
    site.dokploy.pause()

    def stop(line: str) -> None:
        if line.startswith("waiting"):
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        site.gate.run(deploy(B), ACTOR, stop)
    row = site.gate.ledger.last_effective(TESTING)
    assert row and row.status == "interrupted"
    known = {"run_id": row.run_id, "destination": TESTING, "release": B}
    return Run.model_validate(site.run(promote()).model_dump() | known)


def test_find_finds_a_deployment_in_the_queue_and_then_its_row(running_a: Site) -> None:
    run = interrupted(running_a)
    found = running_a.driver.find(run)
    assert (found.status, found.touched) == ("unknown", True) and found.detail.startswith("next in the queue")
    running_a.dokploy.resume()
    running_a.dokploy.wait(running_a.dokploy.idle)
    running_a.dokploy.skip(30)  # Docker updates it for a while
    found = running_a.driver.find(run)
    assert found.status == "pass" and found.deployment_id
    assert running_a.dokploy.running(running_a.targets[TESTING]) == B.artifact_id


def test_find_tells_of_a_deployment_that_failed(running_a: Site) -> None:
    run = interrupted(running_a)
    running_a.dokploy.registry.images.pop(B.artifact_id)
    running_a.dokploy.resume()
    running_a.dokploy.wait(running_a.dokploy.idle)
    assert running_a.driver.find(run).status == "fail"


def test_find_says_unknown_where_rows_were_pruned(running_a: Site) -> None:
    run = interrupted(running_a)
    running_a.dokploy.resume()
    running_a.dokploy.job_s = 0
    running_a.dokploy.wait(running_a.dokploy.idle)
    for _ in range(10):
        running_a.dokploy.redeploy_by_hand(running_a.targets[TESTING])
    running_a.dokploy.wait(running_a.dokploy.idle)
    found = running_a.driver.find(run)
    assert (found.status, found.touched) == ("unknown", True)


def test_find_does_not_take_another_runs_deployment_for_its_own(running_a: Site) -> None:
    run = running_a.run(deploy(B))
    found = running_a.driver.find(run.model_copy(update={"run_id": "r-AAAAAAAA"}))
    assert found.status == "unknown"
    assert running_a.driver.find(run).status == "pass"


# -- secrets


def test_credentials_of_the_registry_are_passed_on_and_kept_nowhere(running_a: Site) -> None:
    running_a.run(deploy(NOWHERE))
    running_a.run(deploy(B))
    saved = [request.body for request in running_a.dokploy.requests if request.path.endswith("saveDockerProvider")]
    assert {(body["username"], body["password"], body["registryUrl"]) for body in saved} == {(USERNAME, PASSWORD, None)}
    kept = running_a.everything_kept()
    for secret in (USERNAME, PASSWORD, running_a.dokploy.key):
        assert secret.encode() not in kept
