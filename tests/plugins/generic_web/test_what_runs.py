"""What generic-web observes: by which digest each container was pulled, and nothing that was not seen in one piece."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from launchplane_gate.hookspecs import PluginConfig
from launchplane_gate.model import Observation
from launchplane_gate_generic_web import GenericWebDriver, GenericWebPlugin
from launchplane_gate_generic_web.images import pinned, pulled_by
from tests.conftest import TESTING, A, B, release
from tests.fakes.dokploy import FakeDokploy
from tests.fakes.dokploy.host import SECRET_IN_ENV
from tests.fakes.health_server import HealthServer, says, sleeps

pytestmark = pytest.mark.thorough  # servers that are slow, or say what they should not

F = release("F")
REPOSITORY = A.artifact_id.partition("@")[0]
FILE = "services:\n  web:\n    image: ${IMAGE}\n    restart: RESTART\n  db:\n    image: postgres:16\n"
LISTS = ("docker.getContainersByAppLabel", "docker.getConfig")


@pytest.fixture
def dokploy() -> Iterator[FakeDokploy]:
    with FakeDokploy() as server:
        for good in (A, B):
            server.push(good.artifact_id, good.source_git_ref)
        yield server
        assert not server.violations


def driver(url: str, key: str, target: dict[str, Any]) -> GenericWebDriver:
    options = {"url": url, "api_key": SecretStr(key), "timeout_s": 2}
    folder = Path("/nowhere")
    return GenericWebPlugin(
        PluginConfig("generic-web", options, {TESTING: target}, folder, folder, lambda: datetime.now(UTC))
    ).driver


def look(dokploy: FakeDokploy, target_id: str, *, key: str = "") -> Observation:
    """One look at a target, by its id."""
    target = {"target_type": dokploy.targets[target_id].kind, "target_id": target_id}
    if target["target_type"] == "compose":
        target["variable"] = "IMAGE"
    seen = driver(dokploy.url, key or dokploy.key, target).observe(TESTING)
    assert SECRET_IN_ENV not in repr(seen) and SECRET_IN_ENV not in seen.model_dump_json()
    return seen


def application(dokploy: FakeDokploy, **swarm: Any) -> str:
    return dokploy.add_application("shop", A.artifact_id, **swarm)


def compose(dokploy: FakeDokploy, *, restart: str = "no", **row: Any) -> str:
    return dokploy.add_compose("shop", FILE.replace("RESTART", restart), f"IMAGE={A.artifact_id}\n", **row)


def stack(dokploy: FakeDokploy) -> str:
    return compose(dokploy, composeType="stack")


def told(seen: Observation) -> tuple[str, str | None, list[tuple[str | None, str]]]:
    return seen.digests, seen.artifact_id, [(one.artifact_id, one.state) for one in seen.containers]


EACH = pytest.mark.parametrize("make", [application, compose, stack])
Make = Callable[[FakeDokploy], str]


# -- what is shown


@EACH
def test_what_runs_is_told_by_the_digest_of_each_container(dokploy: FakeDokploy, make: Make) -> None:
    seen = look(dokploy, make(dokploy))
    assert told(seen) == ("shown", A.artifact_id, [(A.artifact_id, "running")])
    [one] = seen.containers
    assert one.started_at.endswith("Z") and len(one.container_id) == 12
    assert "1 of 1 seen running" in seen.detail and (seen.in_flight, seen.lacks) == (False, "")


def test_the_side_services_of_a_compose_are_nobodys_release(dokploy: FakeDokploy) -> None:
    id_ = compose(dokploy)
    images = {container.image.name for container in dokploy.docker.containers}
    assert images == {A.artifact_id, "postgres:16"} and len(look(dokploy, id_).containers) == 1


def test_every_service_with_the_variable_counts(dokploy: FakeDokploy) -> None:
    file = "services:\n  web:\n    image: ${IMAGE}\n  worker:\n    image: ${IMAGE}\n  old:\n    image: " + B.artifact_id
    for kind in ("docker-compose", "stack"):
        id_ = dokploy.add_compose(kind, file, f"IMAGE={A.artifact_id}\n", composeType=kind)
        assert told(look(dokploy, id_)) == ("shown", A.artifact_id, [(A.artifact_id, "running")] * 2)


def test_services_that_dokploy_renames_are_found(dokploy: FakeDokploy) -> None:
    id_ = compose(dokploy, randomize=True, suffix="r1")
    assert look(dokploy, id_).artifact_id == A.artifact_id
    dokploy.targets[id_].row["suffix"] = ""
    seen = look(dokploy, id_)
    assert (seen.digests, seen.artifact_id) == ("not_shown", None) and "give it a suffix" in seen.detail


def test_another_server_is_asked_where_the_target_is_on_one(dokploy: FakeDokploy) -> None:
    id_ = application(dokploy, server_id=dokploy.add_server())
    assert look(dokploy, id_).artifact_id == A.artifact_id
    dokploy.machines.pop(dokploy.targets[id_].row["serverId"])
    seen = look(dokploy, id_)
    assert (seen.digests, seen.lacks) == ("failed", "") and "Server not found" in seen.detail


def test_several_replicas_are_told_each(dokploy: FakeDokploy) -> None:
    seen = look(dokploy, application(dokploy, replicas=3))
    assert told(seen) == ("shown", A.artifact_id, [(A.artifact_id, "running")] * 3)
    assert "3 of 3 seen running" in seen.detail


def test_a_rebuild_that_exits_at_once_leaves_what_ran_before(dokploy: FakeDokploy) -> None:
    """Its commit is that of what ran, and Dokploy says done: only the digest tells."""
    id_ = application(dokploy)
    dokploy.push(F.artifact_id, A.source_git_ref, crashes=True)
    dokploy.act(id_, F.artifact_id)
    dokploy.wait(dokploy.idle)
    dokploy.skip(60)
    seen = look(dokploy, id_)
    assert dokploy.targets[id_].row["applicationStatus"] == "done"
    assert (seen.configured_artifact_id, seen.digests, seen.artifact_id) == (F.artifact_id, "shown", A.artifact_id)


def test_old_and_new_side_by_side_are_no_one_artifact(dokploy: FakeDokploy) -> None:
    id_ = application(dokploy)
    dokploy.docker.overlap_s = 1e9
    dokploy.act(id_, B.artifact_id)
    dokploy.wait(lambda: len(dokploy.targets[id_].containers()) > 1)
    seen = look(dokploy, id_)
    assert seen.artifact_id is None and seen.in_flight is True
    assert {one.artifact_id for one in seen.containers} == {A.artifact_id, B.artifact_id}
    assert "Docker is updating it" in seen.detail


def test_one_that_is_not_healthy_yet_is_told_as_such(dokploy: FakeDokploy) -> None:
    id_ = application(dokploy, healthcheck=True)
    dokploy.push(B.artifact_id, B.source_git_ref, never_healthy=True)
    dokploy.pace = 1
    dokploy.act(id_, B.artifact_id)
    dokploy.wait(lambda: len(dokploy.docker.containers) > 1)
    assert (B.artifact_id, "starting") in told(look(dokploy, id_))[2]


# -- what is not there, or not seen


@EACH
def test_one_that_exited_does_not_run(dokploy: FakeDokploy, make: Make) -> None:
    id_ = make(dokploy)
    dokploy.kill_lane(id_)
    seen = look(dokploy, id_)
    assert seen.reachable and (seen.artifact_id, seen.containers) == (None, ())


def test_a_crash_loop_of_a_first_deployment_is_no_release(dokploy: FakeDokploy) -> None:
    id_ = dokploy.add_application("shop")
    dokploy.push(F.artifact_id, F.source_git_ref, crashes=True)
    dokploy.act(id_, F.artifact_id)
    dokploy.wait(dokploy.idle)
    seen = look(dokploy, id_)
    assert told(seen) == ("shown", None, []) and "0 of 1 seen running" in seen.detail


def test_a_crash_loop_in_a_compose_counts_its_restarts_and_is_no_release(dokploy: FakeDokploy) -> None:
    id_ = compose(dokploy, restart="always")
    dokploy.push(F.artifact_id, F.source_git_ref, crashes=True)
    dokploy.act(id_, f"IMAGE={F.artifact_id}\n")
    dokploy.wait(dokploy.idle)
    dokploy.skip(5)
    dokploy.pace = 0.001
    seen = look(dokploy, id_)
    assert seen.digests == "shown"  # one machine, and nothing on it that was not seen; but it does not run
    [one] = seen.containers
    assert (one.state, one.artifact_id) == ("restarting", F.artifact_id) and one.restarts > 0


def test_replicas_on_another_node_are_not_seen_and_so_nothing_is_told(dokploy: FakeDokploy) -> None:
    seen = look(dokploy, application(dokploy, replicas=2, nodes=("node1", "node2")))
    assert told(seen) == ("failed", None, [(A.artifact_id, "running")]) and "1 of 2 seen running" in seen.detail


def test_replicas_0_is_nothing_that_runs_and_no_failure(dokploy: FakeDokploy) -> None:
    id_ = application(dokploy)
    with dokploy.changed:
        dokploy.docker.services[dokploy.targets[id_].app_name].scale_to_nothing()
    seen = look(dokploy, id_)
    assert told(seen) == ("shown", None, []) and "0 of 0 seen running" in seen.detail


@pytest.mark.parametrize("kind", ["application", "docker-compose", "stack"])
def test_where_nothing_was_deployed_yet_nothing_runs(dokploy: FakeDokploy, kind: str) -> None:
    if kind == "application":
        id_ = dokploy.add_application("shop")
    else:
        id_ = dokploy.add_compose("shop", FILE, composeType=kind)
    seen = look(dokploy, id_)
    assert told(seen) == ("shown", None, []) and "nothing was deployed yet" in seen.detail
    dokploy.targets[id_].set_status("done")
    seen = look(dokploy, id_)  # Dokploy knows of a deployment, so that nothing is less than there should be
    assert told(seen) == ("failed", None, [])


def test_an_image_that_has_the_name_of_the_service_is_not_taken_for_it(dokploy: FakeDokploy) -> None:
    id_ = application(dokploy)
    dokploy.tag_as_latest(id_, A.artifact_id)
    assert told(look(dokploy, id_))[:2] == ("shown", A.artifact_id)


def test_where_nothing_runs_the_service_is_found_by_its_tasks(dokploy: FakeDokploy) -> None:
    id_ = dokploy.add_application("shop")
    dokploy.push(F.artifact_id, F.source_git_ref, crashes=True)
    dokploy.act(id_, F.artifact_id)
    dokploy.wait(dokploy.idle)
    dokploy.tag_as_latest(id_, F.artifact_id)
    seen = look(dokploy, id_)
    assert told(seen) == ("shown", None, []) and "0 of 1 seen running" in seen.detail


# -- what moves while it is read


@EACH
def test_a_container_that_vanishes_between_two_calls_is_looked_for_again(dokploy: FakeDokploy, make: Make) -> None:
    id_ = make(dokploy)
    dokploy.break_next("docker.getConfig", "empty")
    assert told(look(dokploy, id_)) == ("shown", A.artifact_id, [(A.artifact_id, "running")])


@EACH
def test_one_that_vanishes_again_and_again_is_not_believed(dokploy: FakeDokploy, make: Make) -> None:
    id_ = make(dokploy)
    dokploy.break_next("docker.getConfig", "empty", times=50)
    seen = look(dokploy, id_)
    assert told(seen) == ("failed", None, []) and "ended while it was looked at" in seen.detail


@EACH
@pytest.mark.parametrize("how", ["500", "html", "wrong_shape", "huge", "not_json", "drop_before", "redirect"])
def test_what_docker_is_asked_and_not_told_is_failed(dokploy: FakeDokploy, make: Make, how: Any) -> None:
    id_ = make(dokploy)
    for route in LISTS:
        dokploy.break_next(route, how, times=50)
    seen = look(dokploy, id_)
    assert told(seen) == ("failed", None, [])
    assert seen.reachable and seen.configured_artifact_id == A.artifact_id
    assert "could not be read" in seen.detail


# -- without the right


@EACH
def test_without_the_right_it_is_told_that_something_runs_and_what_to_grant(dokploy: FakeDokploy, make: Make) -> None:
    id_ = make(dokploy)
    key = dokploy.add_key(False, member=True, services=[id_])
    for runs in (1, 0):
        seen = look(dokploy, id_, key=key)
        assert told(seen) == ("not_shown", None, [(None, "running")] * runs)
        assert seen.reachable and seen.configured_artifact_id == A.artifact_id
        assert seen.lacks.startswith("canAccessToDocker (docker.read)")
        assert "every container's environment" in seen.lacks and "stop and change containers" in seen.lacks
        assert f"containers that run: {runs}" in seen.detail
        dokploy.kill_lane(id_)
    granted = dokploy.add_key(False, member=True, services=[id_], docker=True)
    assert look(dokploy, id_, key=granted).lacks == ""


def test_without_the_right_health_is_told_by_dockers_sentence(dokploy: FakeDokploy) -> None:
    id_ = application(dokploy, healthcheck=True)
    dokploy.push(B.artifact_id, B.source_git_ref, never_healthy=True)
    dokploy.pace = 1
    dokploy.act(id_, B.artifact_id)
    dokploy.wait(lambda: len(dokploy.docker.containers) > 1)
    seen = look(dokploy, id_, key=dokploy.add_key(False, member=True, services=[id_]))
    assert sorted(told(seen)[2]) == [(None, "running"), (None, "starting")]


def test_a_dokploy_without_the_routes_shows_no_digests(dokploy: FakeDokploy) -> None:
    id_ = application(dokploy)
    dokploy.break_next(LISTS[0], "404", times=9)
    seen = look(dokploy, id_)
    assert told(seen)[:2] == ("not_shown", None) and "a Dokploy that shows containers" in seen.lacks


def test_a_target_of_which_the_user_knows_nothing_is_a_missing_right(dokploy: FakeDokploy) -> None:
    seen = look(dokploy, application(dokploy), key=dokploy.add_key(False, member=True))
    assert (seen.reachable, seen.digests) == (False, "not_shown")
    assert "accessedServices" in seen.lacks and "deployment.all" in seen.lacks


# -- answers as a real server gives them, and worse

APPLICATION = {
    "applicationId": "V1StGXR8_Z5jdHi6B-myT",
    "name": "shop",
    "appName": "shop-abc",
    "serverId": None,
    "sourceType": "docker",
    "dockerImage": A.artifact_id,
    "replicas": 1,
    "modeSwarm": None,
    "applicationStatus": "done",
    "username": None,
    "password": None,
    "registryUrl": None,
}
CONTAINER: dict[str, Any] = {
    "Id": "0adb25e3bc3b2470b50ac7ffaf57a0c5e8be7ae134bc775c11498eef4a4932bf",
    "Image": "sha256:" + "8" * 64,
    "RestartCount": 0,
    "State": {"Status": "running", "StartedAt": "2026-11-24T19:44:04.724128509Z"},
    "Config": {
        "Image": A.artifact_id,
        "Labels": {"com.docker.swarm.service.id": "8x3rfdkkmkiz9yag2qusrh495"},
        "Env": [f"DATABASE_PASSWORD={SECRET_IN_ENV}"],
    },
}
SERVICE: dict[str, Any] = {
    "ID": "8x3rfdkkmkiz9yag2qusrh495",
    "CreatedAt": "2026-11-24T19:44:03.724128509Z",
    "Spec": {
        "TaskTemplate": {"ContainerSpec": {"Image": A.artifact_id, "Env": [f"PASSWORD={SECRET_IN_ENV}"]}},
        "Mode": {"Replicated": {"Replicas": 1}},
    },
}
IMAGE = {"Id": CONTAINER["Image"], "RepoDigests": [A.artifact_id]}


def answered(container: Any, service: Any = SERVICE, image: Any = IMAGE) -> Observation:
    """A look at an application on a server that answers just so."""
    listed = [{"containerId": "0adb25e3bc3b", "name": "shop-abc.1.ny205br2", "state": "running"}]
    answers = {
        "deployment.queueList": [],
        "deployment.all": [],
        "application.one": APPLICATION,
        "docker.getContainersByAppLabel": listed,
        "docker.getServiceContainersByAppName": [],
    }
    inspected = {"0adb25e3bc3b": container, SERVICE["ID"]: service, "8" * 64: image}
    with HealthServer() as server:
        for route, answer in answers.items():
            server.answers[f"/api/{route}"] = says(json.dumps(answer).encode())

        def inspect(asked: Any) -> None:
            found = inspected.get(asked.path.partition("containerId=")[2])
            asked.say(json.dumps(found).encode() if found else b"")

        server.answers["/api/docker.getConfig"] = inspect
        target = {"target_type": "application", "target_id": APPLICATION["applicationId"]}
        seen = driver(server.url(""), "key", target).observe(TESTING)
    assert SECRET_IN_ENV not in repr(seen)
    return seen


def without(document: Any, path: str) -> Any:
    """A document with one part missing."""
    copy = json.loads(json.dumps(document))
    *parents, last = path.split("/")
    part = copy
    for parent in parents:
        part = part[parent]
    del part[last]
    return copy


def test_an_answer_with_all_its_parts_is_believed() -> None:
    assert told(answered(CONTAINER)) == ("shown", A.artifact_id, [(A.artifact_id, "running")])


@pytest.mark.parametrize(
    "path", ["Id", "Image", "RestartCount", "State", "State/Status", "State/StartedAt", "Config", "Config/Image"]
)
def test_a_container_of_which_a_part_is_missing_is_not_believed(path: str) -> None:
    seen = answered(without(CONTAINER, path))
    assert told(seen) == ("failed", None, []) and "has not its form" in seen.detail


@pytest.mark.parametrize(
    "path", ["ID", "CreatedAt", "Spec/Mode", "Spec/TaskTemplate", "Spec/TaskTemplate/ContainerSpec/Image", "Spec"]
)
def test_a_service_of_which_a_part_is_missing_is_not_believed(path: str) -> None:
    assert told(answered(CONTAINER, without(SERVICE, path)))[:2] == ("failed", None)


def test_another_container_than_the_one_asked_for_is_not_believed() -> None:
    assert told(answered(CONTAINER | {"Id": "f" * 64}))[:2] == ("failed", None)


def test_a_container_with_4_mb_of_data_is_read_or_refused_but_never_kept() -> None:
    def padded(size: int) -> Any:
        return CONTAINER | {"Config": CONTAINER["Config"] | {"Env": ["PAD=" + "x" * size]}}

    seen = answered(padded(4_000_000))
    assert told(seen)[:2] == ("shown", A.artifact_id) and len(seen.model_dump_json()) < 2000
    assert told(answered(padded(4_200_000)))[:2] == ("failed", None)


@pytest.mark.parametrize(
    ("name", "artifact_id"),
    [
        (f"{REPOSITORY}:latest@{A.artifact_id.partition('@')[2]}", A.artifact_id),
        (f"{REPOSITORY}:latest", A.artifact_id),  # what its image was pulled by
        (REPOSITORY, A.artifact_id),
        ("ghcr.io/somebody/else:latest", None),
        (CONTAINER["Image"], None),  # the id of an image is no digest that anybody pulls
    ],
)
def test_a_digest_is_the_one_by_which_an_image_was_pulled(name: str, artifact_id: str | None) -> None:
    seen = answered(CONTAINER | {"Config": CONTAINER["Config"] | {"Image": name}})
    assert told(seen)[:2] == ("shown", artifact_id)
    assert "8" * 64 not in repr(seen)


def test_an_image_that_was_pulled_by_two_digests_does_not_tell_which() -> None:
    assert pulled_by(f"{REPOSITORY}:1", [A.artifact_id]) == A.artifact_id
    assert pulled_by(f"{REPOSITORY}:1", [A.artifact_id, B.artifact_id]) is None
    assert pulled_by("docker.io/library/nginx:1", ["nginx@sha256:" + "0" * 64]) is not None
    assert pulled_by(f"{REPOSITORY}:1", []) is None
    assert [pinned(name) for name in ("shop:1", "shop@sha256:abc", "@sha256:" + "0" * 64, "")] == [None] * 4


def test_a_server_that_is_slow_each_time_is_not_waited_for_each_time() -> None:
    slow = {
        "deployment.queueList": b"[]",
        "deployment.all": b"[]",
        "application.one": json.dumps(ROW).encode(),
    }
    with HealthServer() as server:
        server.answers = {f"/api/{route}": sleeps(1.5, says(body)) for route, body in slow.items()}
        began = time.monotonic()
        seen = driver(server.url(""), "key", {"target_type": "application", "target_id": "x"}).observe(TESTING)
        assert time.monotonic() - began < 6  # the settings give a call 2 s, and a whole look twice that
    assert not seen.reachable or seen.digests == "failed"
    assert "no whole answer came within" in seen.detail


ROW = {
    "applicationId": "x",
    "name": "shop",
    "appName": "shop",
    "serverId": None,
    "sourceType": "docker",
    "dockerImage": A.artifact_id,
    "replicas": 1,
    "applicationStatus": "done",
    "username": None,
    "password": None,
    "registryUrl": None,
}
