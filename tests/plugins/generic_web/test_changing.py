"""Who changes what: nobody's change is undone, a definite refusal changes nothing, and a doubt is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.policy import Bundle, EmbeddedEngine
from tests.conftest import TESTING, A, B, C, deploy, release
from tests.fakes.dokploy import FakeDokploy
from tests.fakes.dokploy.host import SECRET_IN_ENV
from tests.plugins.generic_web.dokploy_site import PASSWORD, USERNAME, Site, site_on

pytestmark = pytest.mark.thorough  # as test_generic_web

F = release("F")
FILE = "services:\n  web:\n    image: ${SHOP_IMAGE}\n  db:\n    image: postgres:16\n"
SAVE, SAVE_ENV = "application.saveDockerProvider", "compose.saveEnvironment"
THEIRS = "their-new-passw0rd"
MakeSite = Callable[..., AbstractContextManager[Site]]


@pytest.fixture
def dokploy() -> Iterator[FakeDokploy]:
    with FakeDokploy() as server:
        for good in (A, B, C):
            server.push(good.artifact_id, good.source_git_ref)
        yield server
        assert not server.violations


@pytest.fixture
def make_site(dokploy: FakeDokploy, tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine) -> MakeSite:
    return lambda **options: site_on(dokploy, tmp_path, bundle, engine, **options)


def application(dokploy: FakeDokploy, **swarm: Any) -> dict[str, Any]:
    id_ = dokploy.add_application("shop", A.artifact_id, username=USERNAME, password=PASSWORD, **swarm)
    return {"target_type": "application", "target_id": id_}


def compose(dokploy: FakeDokploy, file: str = FILE, image: str = A.artifact_id, **row: Any) -> dict[str, Any]:
    id_ = dokploy.add_compose("shop", file, f"SECRET={PASSWORD}\nSHOP_IMAGE={image}\n", **row)
    return {"target_type": "compose", "target_id": id_, "variable": "SHOP_IMAGE"}


def before_reading(dokploy: FakeDokploy, route: str, number: int, do: Callable[[], object]) -> None:
    """Do something right before a target is read for the n-th time from now on.

    In a deploy: 1 to observe it, 2 to check it, 3 right before the write, 4 right after it.
    """
    for _ in range(number - 1):
        dokploy.between(route, lambda: None)
    dokploy.between(route, do)


# -- a colleague


def test_a_registry_password_that_was_saved_meanwhile_is_not_put_back(
    dokploy: FakeDokploy, make_site: MakeSite
) -> None:
    target = application(dokploy)
    row = dokploy.targets[target["target_id"]].row
    with make_site(targets={TESTING: target}) as site:
        before_reading(dokploy, "application.one", 3, lambda: row.update(password=THEIRS))
        run = site.run(deploy(B))
        assert (run.status, run.touched, site.writes()) == ("fail", False, [])
        assert "somebody changed the target while it was checked (registry password)" in run.detail
        assert (row["password"], row["dockerImage"]) == (THEIRS, A.artifact_id)
        assert site.run(deploy(B)).status == "recorded"
        assert row["password"] == THEIRS
        for secret in (THEIRS, PASSWORD, SECRET_IN_ENV):
            assert secret.encode() not in site.everything_kept()


def test_a_variable_that_was_saved_meanwhile_is_not_put_back(dokploy: FakeDokploy, make_site: MakeSite) -> None:
    target = compose(dokploy)
    row = dokploy.targets[target["target_id"]].row
    theirs = f"SECRET={THEIRS}\nSHOP_IMAGE={A.artifact_id}\nMORE=1\n"
    with make_site(targets={TESTING: target}) as site:
        before_reading(dokploy, "compose.one", 3, lambda: row.update(env=theirs))
        run = site.run(deploy(B))
        assert (run.status, run.touched, site.writes()) == ("fail", False, [])
        assert "(environment beside SHOP_IMAGE)" in run.detail and row["env"] == theirs
        assert site.run(deploy(B)).status == "recorded"
        assert row["env"] == theirs.replace(A.artifact_id, B.artifact_id)
        for secret in (THEIRS, PASSWORD, SECRET_IN_ENV):
            assert secret.encode() not in site.everything_kept()


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("replicas", 3, "number of replicas"),
        ("username", "other", "registry user"),
        ("registryUrl", "https://r.example.org", "registry URL"),
        ("sourceType", "github", "source"),
        ("serverId", "other", "server"),
    ],
)
def test_whatever_was_checked_and_differs_right_before_the_write_is_named(
    dokploy: FakeDokploy, make_site: MakeSite, field: str, value: object, named: str
) -> None:
    target = application(dokploy)
    row = dokploy.targets[target["target_id"]].row
    with make_site(targets={TESTING: target}) as site:
        before_reading(dokploy, "application.one", 3, lambda: row.update({field: value}))
        run = site.run(deploy(B))
        assert (run.status, run.touched, site.writes()) == ("fail", False, [])
        assert f"({named})" in run.detail


def test_what_came_in_between_stays_and_is_told(dokploy: FakeDokploy, make_site: MakeSite) -> None:
    target = application(dokploy)
    row = dokploy.targets[target["target_id"]].row
    with make_site(targets={TESTING: target}) as site:
        before_reading(dokploy, "application.one", 4, lambda: row.update(password=THEIRS))
        dokploy.push(B.artifact_id, B.source_git_ref, crashes=True)
        run = site.run(deploy(B))
        assert run.status == "fail" and row["password"] == THEIRS
        assert "somebody changed the target while its image was set (registry password)" in run.detail


@pytest.mark.parametrize("change", [{"dockerImage": C.artifact_id}, {"sourceType": "github"}, {"replicas": 0}])
def test_what_would_deploy_something_else_now_is_not_deployed(
    dokploy: FakeDokploy, make_site: MakeSite, change: dict[str, Any]
) -> None:
    target = application(dokploy)
    row = dokploy.targets[target["target_id"]].row
    with make_site(targets={TESTING: target}) as site:
        before_reading(dokploy, "application.one", 4, lambda: row.update(change))
        run = site.run(deploy(B))
        assert (run.status, run.touched, site.writes()) == ("unknown", True, [SAVE])
        assert "nothing was deployed" in run.detail


def test_a_target_that_cannot_be_read_again_is_left_alone(dokploy: FakeDokploy, make_site: MakeSite) -> None:
    target = application(dokploy)
    with make_site(targets={TESTING: target}) as site:
        before_reading(dokploy, "application.one", 2, lambda: dokploy.break_next("application.one", "404", times=3))
        run = site.run(deploy(B))
        assert (run.status, run.touched, site.writes()) == ("fail", False, [])
        assert "could not be read again" in run.detail


# -- a missing right


def test_a_missing_right_at_the_first_write_leaves_the_target_as_it_was(
    dokploy: FakeDokploy, make_site: MakeSite
) -> None:
    target = application(dokploy)
    id_ = target["target_id"]
    key = dokploy.add_key(False, member=True, services=[id_], docker=True)
    with make_site(targets={TESTING: target}, key=key) as site:
        before = dict(dokploy.targets[id_].row)
        run = site.run(deploy(B))
        assert (run.status, run.touched, site.writes()) == ("fail", False, [SAVE])
        assert 'unauthorized to access resource "service"' in run.detail
        assert "its user lacks canCreateServices (service.create)" in run.detail and "as before" in run.detail
        assert dokploy.targets[id_].row == before and dokploy.changes(id_) == 0


def test_a_refusal_is_a_doubt_where_the_target_is_not_as_before(dokploy: FakeDokploy, make_site: MakeSite) -> None:
    target = application(dokploy)
    row = dokploy.targets[target["target_id"]].row
    key = dokploy.add_key(False, member=True, services=[target["target_id"]], docker=True)
    with make_site(targets={TESTING: target}, key=key) as site:
        dokploy.between(SAVE, lambda: row.update(dockerImage=B.artifact_id))
        run = site.run(deploy(B))
        assert (run.status, run.touched) == ("unknown", True)
        assert "not as it was before" in run.detail


def test_a_refusal_is_a_doubt_where_nobody_can_look(dokploy: FakeDokploy, make_site: MakeSite) -> None:
    target = application(dokploy)
    key = dokploy.add_key(False, member=True, services=[target["target_id"]], docker=True)
    with make_site(targets={TESTING: target}, key=key) as site:
        dokploy.between(SAVE, lambda: dokploy.revoke(key))
        run = site.run(deploy(B))
        assert (run.status, run.touched) == ("unknown", True)
        assert "canCreateServices" in run.detail and "could not be seen" in run.detail


def test_a_later_write_that_is_refused_has_touched_the_target(dokploy: FakeDokploy, make_site: MakeSite) -> None:
    target = application(dokploy)
    with make_site(targets={TESTING: target}) as site:
        before_reading(dokploy, "application.one", 4, lambda: dokploy.break_next("application.deploy", "401"))
        run = site.run(deploy(B))
        assert (run.status, run.touched) == ("unknown", True)
        assert "nothing was deployed" in run.detail and "already the new one" in run.detail


def test_a_plain_member_may_deploy_a_compose_and_nothing_else_of_it_is_touched(
    dokploy: FakeDokploy, make_site: MakeSite
) -> None:
    target = compose(dokploy)
    key = dokploy.add_key(False, member=True, services=[target["target_id"]])
    with make_site(targets={TESTING: target}, key=key) as site:
        assert site.run(deploy(B)).status == "recorded"
        assert site.writes() == [SAVE_ENV, "compose.deploy"]
        bodies = [request.body for request in dokploy.requests if request.path.endswith(SAVE_ENV)]
        assert [body.keys() for body in bodies] == [{"composeId", "env"}]


def test_without_the_right_on_docker_an_update_is_not_waited_for_and_that_is_no_failure(
    dokploy: FakeDokploy, make_site: MakeSite
) -> None:
    target = application(dokploy)
    key = dokploy.add_key(False, member=True, services=[target["target_id"]], create_services=True)
    with make_site(targets={TESTING: target}, key=key) as site:
        assert site.run(deploy(B)).status == "recorded"
        assert not any("Docker" in line for line in site.told)


# -- what could not take the image


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"createEnvFile": False}, "switch createEnvFile on"),
        ({"composePath": "./deploy/docker-compose.yml"}, "beside ./deploy/docker-compose.yml"),
        ({"command": "compose -p other up -d"}, "command of its own"),
        ({"composeType": "stack", "command": "stack ps x"}, "command of its own"),
        ({"file": FILE.replace("  db", "    profiles: [never]\n  db")}, "in profiles"),
        ({"file": FILE.replace("  db", "    deploy: {replicas: 0}\n  db")}, "no replicas"),
        ({"file": FILE.replace("  db", "    scale: 0\n  db")}, "no replicas"),
    ],
)
def test_a_compose_that_would_not_run_the_image_is_refused(
    dokploy: FakeDokploy, make_site: MakeSite, row: dict[str, Any], says: str
) -> None:
    with make_site(targets={TESTING: compose(dokploy, image="", **row)}) as site:
        run = site.run(deploy(B))
        assert (run.status, run.touched, site.writes()) == ("fail", False, [])
        assert says in run.detail


@pytest.mark.parametrize("row", [{"createEnvFile": False}, {"composePath": "./deploy/docker-compose.yml"}])
def test_a_stack_gets_the_variable_all_the_same(dokploy: FakeDokploy, make_site: MakeSite, row: dict[str, Any]) -> None:
    with make_site(targets={TESTING: compose(dokploy, image="", composeType="stack", **row)}) as site:
        assert site.run(deploy(B)).status == "recorded"


def test_no_replicas_are_no_place_to_deploy_to(dokploy: FakeDokploy, make_site: MakeSite) -> None:
    target = application(dokploy)
    row = dokploy.targets[target["target_id"]].row
    for change in ({"replicas": 0}, {"replicas": 1, "modeSwarm": {"Replicated": {"Replicas": 0}}}):
        row.update(change)
        with make_site(targets={TESTING: target}) as site:
            run = site.run(deploy(B))
            assert (run.status, run.touched, site.writes()) == ("fail", False, [])
            assert "no replicas" in run.detail


# -- what Docker makes of it


@pytest.mark.parametrize(
    ("swarm", "image", "says"),
    [
        ({}, {"crashes": True}, ("rollback_completed", "the image before runs again")),
        ({"order": "stop-first", "healthcheck": True}, {"crashes": True}, ("rollback_completed", "runs again")),
        ({"healthcheck": True}, {"never_healthy": True}, ("rollback_completed", "runs again")),
        ({"monitor_s": 30.0}, {"dies_after_s": 8.0}, ("rollback_completed", "runs again")),
        ({"failure_action": "pause"}, {"crashes": True}, ("Docker says paused: update paused due to failure",)),
    ],
)
def test_an_update_that_docker_took_back_ends_the_deploy_in_its_own_words(
    dokploy: FakeDokploy, make_site: MakeSite, swarm: dict[str, Any], image: dict[str, Any], says: tuple[str, ...]
) -> None:
    target = application(dokploy, **swarm)
    dokploy.push(F.artifact_id, F.source_git_ref, **image)
    dokploy.lag_as_seen()
    with make_site(targets={TESTING: target}) as site:
        run = site.run(deploy(F))
        assert (run.status, run.touched) == ("fail", True)
        assert all(words in run.detail for words in says) and "already the new one" in run.detail
        assert not (site.state / "inventory").exists()


def test_a_stack_that_docker_paused_ends_the_deploy(dokploy: FakeDokploy, make_site: MakeSite) -> None:
    dokploy.push(F.artifact_id, F.source_git_ref, crashes=True)
    with make_site(targets={TESTING: compose(dokploy, composeType="stack")}) as site:
        run = site.run(deploy(F))
        assert (run.status, run.touched) == ("fail", True) and "Docker says paused" in run.detail


def test_a_rebuild_of_what_runs_that_exits_at_once_is_recorded_by_nobody(
    dokploy: FakeDokploy, make_site: MakeSite
) -> None:
    """Its commit is the one that answers all the time, and Dokploy says done."""
    rebuild = F.model_copy(update={"source_git_ref": A.source_git_ref})
    for swarm in ({}, {"failure_action": "continue", "order": "start-first"}, {"restart": "none"}):
        dokploy.push(rebuild.artifact_id, rebuild.source_git_ref, crashes=True)
        with make_site(targets={TESTING: application(dokploy, **swarm)}) as site:
            run = site.run(deploy(rebuild))
            assert run.status in ("fail", "unconfirmed") and run.touched
            assert not (site.state / "inventory").exists()


def test_the_queue_counts_who_is_before_us(dokploy: FakeDokploy, make_site: MakeSite) -> None:
    targets = [application(dokploy) for _ in range(4)]
    dokploy.pause(pause_running=True)
    for target in targets[1:]:
        dokploy.redeploy_by_hand(target["target_id"])
    dokploy.wait(lambda: dokploy.queue.active)
    with make_site(targets={TESTING: targets[0]}, deploy_timeout_s=0.3) as site:
        run = site.run(deploy(B))
        assert run.status == "unknown" and "queued, 3 before it" in run.detail
        dokploy.resume()
        dokploy.wait(dokploy.idle)


def test_a_status_that_a_restart_left_behind_is_told_and_stops_nothing(
    dokploy: FakeDokploy, make_site: MakeSite
) -> None:
    target = application(dokploy)
    dokploy.leave_status_running(target["target_id"])
    with make_site(targets={TESTING: target}) as site:
        seen = site.driver.observe(TESTING)
        assert seen.in_flight is False and "neither a job nor a running deployment" in seen.detail
        assert site.run(deploy(B)).status == "recorded"
        assert any("neither a job nor a running deployment" in line for line in site.told)
        assert "neither" not in site.driver.observe(TESTING).detail


def test_a_job_that_starts_while_it_is_looked_for_is_found(dokploy: FakeDokploy, make_site: MakeSite) -> None:
    target = application(dokploy)
    dokploy.pause(pause_running=True)

    def begins() -> None:
        dokploy.redeploy_by_hand(target["target_id"])
        dokploy.wait(lambda: dokploy.queue.active)

    with make_site(targets={TESTING: target}) as site:
        dokploy.between("application.one", begins)
        assert site.driver.observe(TESTING).in_flight is True
        dokploy.resume()
        dokploy.wait(dokploy.idle)


def test_a_lane_that_is_down_with_what_nobody_knows_can_be_deployed_to(
    dokploy: FakeDokploy, make_site: MakeSite
) -> None:
    """A colleague's image of no known commit crash-loops: nothing runs anywhere, so there is nothing to tell B from."""
    unknown = release("F")
    with make_site(targets={TESTING: application(dokploy)}) as site:
        assert site.run(deploy(A)).status == "recorded"
        dokploy.push(unknown.artifact_id, unknown.source_git_ref, crashes=True)
        target = dokploy.targets[site.targets[TESTING]]
        with dokploy.changed:
            target.row["rollbackConfigSwarm"] = target.row["updateConfigSwarm"] = None
        dokploy.kill_lane(target.target_id)
        dokploy.act(target.target_id, unknown.artifact_id)
        dokploy.wait(dokploy.idle)
        assert dokploy.running(target.target_id) is None
        assert site.run(deploy(B)).status == "recorded"
