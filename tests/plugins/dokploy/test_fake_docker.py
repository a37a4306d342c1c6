"""What the fake Dokploy runs, its Docker shows: updates that settle, roll back, pause or never end; compose projects.

Docker's clock all but stands still here, and is put forward by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.dokploy import SECRET_IN_ENV, FakeDokploy
from tests.fakes.dokploy.compare import compare
from tests.fakes.dokploy.containers import Healthcheck
from tests.fakes.dokploy.timelines import Timeline, timelines

REPOSITORY = "registry.example/acme/shop"
OLD, NEW = (f"{REPOSITORY}@sha256:{digit * 64}" for digit in "ab")
FILE = "services:\n  web:\n    image: ${IMAGE:-%s}\n    restart: %s\n  db:\n    image: postgres:16\n"


class Docker:
    """Asks the fake as a driver would."""

    def __init__(self, dokploy: FakeDokploy, client: httpx.Client) -> None:
        self.dokploy = dokploy
        self.client = client
        self.key = dokploy.key

    def ask(self, route: str, **query: str) -> httpx.Response:
        return self.client.get(f"{self.dokploy.url}/api/{route}", params=query, headers={"x-api-key": self.key})

    def post(self, route: str, **body: Any) -> httpx.Response:
        return self.client.post(f"{self.dokploy.url}/api/{route}", json=body, headers={"x-api-key": self.key})

    def name(self, lane: str) -> str:
        return self.dokploy.targets[lane].app_name

    def config(self, id_: str) -> Any:
        found = self.ask("docker.getConfig", containerId=id_)
        return found.json() if found.content else None

    def listed(self, service: str) -> list[Any]:
        found = self.ask("docker.getContainersByAppLabel", appName=service, type="swarm").json()
        return [self.config(item["containerId"]) for item in found]

    def images(self, lane: str) -> list[str]:
        """The images of a service's running containers, the newest first."""
        return [container["Config"]["Image"] for container in self.listed(self.name(lane))]

    def update(self, lane: str) -> tuple[str, str | None]:
        """The image that a service is asked to run, and the state of its update."""
        service = self.config(self.name(lane))
        status = service.get("UpdateStatus")
        return service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"], status and status["State"]

    def tasks(self, service: str) -> list[tuple[str, str]]:
        found = self.ask("docker.getServiceContainersByAppName", appName=service).json()
        return [(task["state"], task["currentState"].split()[0]) for task in found]

    def ship(self, lane: str, image: str) -> None:
        self.dokploy.act(lane, image)
        self.dokploy.wait(self.dokploy.idle)


@pytest.fixture
def dokploy() -> Iterator[FakeDokploy]:
    with FakeDokploy(job_s=0, pace=1e-6) as dokploy:
        dokploy.push(OLD, "a" * 40)
        dokploy.push(NEW, "b" * 40)
        yield dokploy
        assert dokploy.violations == []


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture
def docker(dokploy: FakeDokploy, client: httpx.Client) -> Docker:
    return Docker(dokploy, client)


# -- updates of a service


def test_a_good_image_runs_beside_the_old_one_and_completes_after_it_was_watched(
    dokploy: FakeDokploy, docker: Docker
) -> None:
    dokploy.lag_as_seen()
    lane = dokploy.add_application("shop", OLD)
    assert (docker.images(lane), docker.update(lane)) == ([OLD], (OLD, None))
    docker.ship(lane, NEW)
    assert (docker.images(lane), docker.update(lane)) == ([OLD], (NEW, "updating"))
    dokploy.skip(1.5)
    assert docker.images(lane) == [NEW, OLD]
    live = {docker.client.get(dokploy.health_url(lane)).json()["revision"] for _ in range(2)}
    assert live == {"a" * 40, "b" * 40}
    dokploy.skip(3)
    assert (docker.images(lane), docker.update(lane)) == ([NEW], (NEW, "updating"))
    dokploy.skip(3)
    assert docker.update(lane) == (NEW, "completed")
    assert docker.tasks(docker.name(lane)) == [("running", "Running"), ("shutdown", "Shutdown")]


def test_a_crash_rolls_back_to_the_container_that_never_stopped_and_the_row_says_done(
    dokploy: FakeDokploy, docker: Docker
) -> None:
    dokploy.push(NEW, "b" * 40, crashes=True)
    lane = dokploy.add_application("shop", OLD)
    [before] = docker.listed(docker.name(lane))
    docker.ship(lane, NEW)
    assert docker.update(lane) == (OLD, "rollback_started")
    dokploy.skip(6)
    assert docker.update(lane) == (OLD, "rollback_completed")
    [after] = docker.listed(docker.name(lane))
    assert after["Id"] == before["Id"]
    row = docker.ask("application.one", applicationId=lane).json()
    assert (row["dockerImage"], row["applicationStatus"], row["deployments"][0]["status"]) == (NEW, "done", "done")


def test_a_crash_after_the_old_one_was_stopped_brings_the_old_image_back_in_a_new_container(
    dokploy: FakeDokploy, docker: Docker
) -> None:
    dokploy.push(NEW, "b" * 40, crashes=True)
    lane = dokploy.add_application("shop", OLD, order="stop-first")
    [before] = docker.listed(docker.name(lane))
    docker.ship(lane, NEW)
    assert (docker.images(lane), docker.update(lane)) == ([], (OLD, "rollback_completed"))
    dokploy.skip(6)
    [after] = docker.listed(docker.name(lane))
    assert after["Config"]["Image"] == OLD
    assert after["Id"] != before["Id"]


def test_an_image_that_dies_after_it_was_watched_completes_and_then_comes_and_goes(
    dokploy: FakeDokploy, docker: Docker
) -> None:
    dokploy.push(NEW, "b" * 40, dies_after_s=8)
    lane = dokploy.add_application("shop", OLD)
    docker.ship(lane, NEW)
    dokploy.skip(6)
    assert (docker.images(lane), docker.update(lane)) == ([NEW], (NEW, "completed"))
    seen = []
    for _ in range(13):
        dokploy.skip(2)
        seen.append(len(docker.images(lane)))
    assert {0, 1} == set(seen)
    assert docker.update(lane) == (NEW, "completed")


@pytest.mark.parametrize(("action", "state"), [("pause", "paused"), ("continue", "completed")])
def test_without_a_rollback_a_crash_leaves_nobody(
    dokploy: FakeDokploy, docker: Docker, action: Any, state: str
) -> None:
    dokploy.push(NEW, "b" * 40, crashes=True)
    lane = dokploy.add_application("shop", OLD, order="stop-first", failure_action=action)
    docker.ship(lane, NEW)
    dokploy.skip(20)
    assert (docker.images(lane), docker.update(lane)) == ([], (NEW, state))
    assert ("shutdown", "Failed") in docker.tasks(docker.name(lane))


def test_a_crash_on_the_first_deployment_has_no_update_status(dokploy: FakeDokploy, docker: Docker) -> None:
    dokploy.push(NEW, "b" * 40, crashes=True)
    lane = dokploy.add_application("shop")
    assert docker.config(docker.name(lane)) is None
    docker.ship(lane, NEW)
    dokploy.skip(20)
    assert (docker.images(lane), docker.update(lane)) == ([], (NEW, None))


def test_replicas_are_replaced_one_after_the_other_and_health_is_waited_for(
    dokploy: FakeDokploy, docker: Docker
) -> None:
    lane = dokploy.add_application("shop", OLD, replicas=2, healthcheck=True)
    assert docker.images(lane) == [OLD, OLD]
    docker.ship(lane, NEW)
    states = [container["State"]["Health"]["Status"] for container in docker.listed(docker.name(lane))]
    assert states == ["starting", "healthy", "healthy"]
    dokploy.skip(2.5)
    assert docker.images(lane) == [NEW, NEW, OLD]
    dokploy.skip(8)
    assert (docker.images(lane), docker.update(lane)) == ([NEW, NEW], (NEW, "completed"))


def test_an_image_that_is_never_healthy_is_killed_and_rolled_back(dokploy: FakeDokploy, docker: Docker) -> None:
    dokploy.push(NEW, "b" * 40, never_healthy=True)
    lane = dokploy.add_application("shop", OLD, healthcheck=True)
    docker.ship(lane, NEW)
    dokploy.skip(12)
    assert docker.listed(docker.name(lane))[0]["State"]["Health"]["Status"] == "unhealthy"
    dokploy.skip(2)
    assert (docker.images(lane), docker.update(lane)) == ([OLD], (OLD, "rollback_started"))


def test_an_old_container_that_ignores_sigterm_outlives_the_update(dokploy: FakeDokploy, docker: Docker) -> None:
    dokploy.push(OLD, "a" * 40, ignores_sigterm=True)
    lane = dokploy.add_application("shop", OLD)
    docker.ship(lane, NEW)
    dokploy.skip(8)
    assert (docker.images(lane), docker.update(lane)) == ([NEW, OLD], (NEW, "completed"))
    dokploy.skip(3)
    assert docker.images(lane) == [NEW]


def test_the_same_digest_again_makes_a_new_container(dokploy: FakeDokploy, docker: Docker) -> None:
    lane = dokploy.add_application("shop", OLD)
    [before] = docker.listed(docker.name(lane))
    docker.ship(lane, OLD)
    [after] = docker.listed(docker.name(lane))
    assert after["Id"] != before["Id"]
    row = docker.ask("application.one", applicationId=lane).json()["deployments"][-1]
    began = (before["State"]["StartedAt"], row["startedAt"], after["State"]["StartedAt"])
    old, queued, new = (datetime.fromisoformat(text) for text in began)  # as texts they do not sort
    assert old < queued < new
    assert docker.config(docker.name(lane))["Spec"]["TaskTemplate"]["ForceUpdate"] == 1


def test_containers_of_another_node_are_not_seen_and_their_tasks_are(dokploy: FakeDokploy, docker: Docker) -> None:
    lane = dokploy.add_application("shop", OLD, replicas=2, nodes=("node1", "node2"))
    assert docker.images(lane) == [OLD]
    found = docker.ask("docker.getServiceContainersByAppName", appName=docker.name(lane)).json()
    assert [task["node"] for task in found] == ["node1", "node2"]
    ids = [docker.config(task["containerId"])["Status"]["ContainerStatus"]["ContainerID"] for task in found]
    assert [docker.config(id_) is None for id_ in ids] == [False, True]


# -- compose


def test_a_compose_project_is_made_anew_at_once_and_its_other_service_stays(
    dokploy: FakeDokploy, docker: Docker
) -> None:
    lane = dokploy.add_compose("shop", FILE % (OLD, "no"))

    def found() -> dict[str, Any]:
        query = {"appName": docker.name(lane), "appType": "docker-compose"}
        items = docker.ask("docker.getContainersByAppNameMatch", **query).json()
        shown = [docker.config(item["containerId"]) for item in items]
        return {item["Config"]["Labels"]["com.docker.compose.service"]: item for item in shown}

    before = found()
    assert before["web"]["Config"]["Image"] == OLD
    docker.ship(lane, f"IMAGE={NEW}\n")
    after = found()
    assert after["web"]["Config"]["Image"] == NEW
    assert after["db"]["Id"] == before["db"]["Id"]
    docker.ship(lane, f"IMAGE={NEW}\n")
    assert found()["web"]["Id"] == after["web"]["Id"]


@pytest.mark.parametrize(("policy", "state", "counts"), [("no", "exited", False), ("always", "restarting", True)])
def test_a_crash_in_a_compose_project_stays_listed(
    dokploy: FakeDokploy, docker: Docker, policy: str, state: str, counts: bool
) -> None:
    dokploy.push(NEW, "b" * 40, crashes=True)
    lane = dokploy.add_compose("shop", FILE % (OLD, policy))
    docker.ship(lane, f"IMAGE={NEW}\n")
    dokploy.skip(5)
    query = {"appName": docker.name(lane), "appType": "docker-compose"}
    [web] = [
        item
        for item in docker.ask("docker.getContainersByAppNameMatch", **query).json()
        if item["name"].endswith("web-1")
    ]
    assert web["state"] == state
    assert (docker.config(web["containerId"])["RestartCount"] > 0) == counts
    assert dokploy.running(lane) is None


def test_a_stack_is_found_by_its_services_and_pauses_by_itself(dokploy: FakeDokploy, docker: Docker) -> None:
    dokploy.push(NEW, "b" * 40, crashes=True)
    lane = dokploy.add_compose("shop", FILE % (OLD, "no"), composeType="stack")
    service = f"{docker.name(lane)}_web"
    assert docker.config(docker.name(lane)) is None
    assert [container["Config"]["Image"] for container in docker.listed(service)] == [OLD]
    of_stack = docker.ask("docker.getContainersByAppNameMatch", appName=docker.name(lane), appType="stack").json()
    assert of_stack[-1]["status"].endswith("(Error:)")
    docker.ship(lane, f"IMAGE={NEW}\n")
    assert docker.listed(service) == []
    assert docker.config(service)["UpdateStatus"]["State"] == "paused"


@pytest.mark.parametrize(
    ("row", "runs"),
    [
        ({}, NEW),
        ({"createEnvFile": False}, OLD),
        ({"composePath": "./deploy/docker-compose.yml"}, OLD),
        ({"command": "compose ps"}, None),
        ({"createEnvFile": False, "composeType": "stack"}, NEW),
    ],
)
def test_a_variable_that_does_not_reach_the_file_ends_done(
    dokploy: FakeDokploy, docker: Docker, row: Any, runs: str | None
) -> None:
    lane = dokploy.add_compose("shop", FILE % (OLD, "no"), **row)
    docker.ship(lane, f"IMAGE={OLD}\nIMAGE={NEW}\n")
    [deployment] = docker.ask("deployment.allByCompose", composeId=lane).json()
    assert (deployment["status"], dokploy.running(lane)) == ("done", runs)


def test_a_file_of_profiles_alone_ends_in_error(dokploy: FakeDokploy, docker: Docker) -> None:
    lane = dokploy.add_compose("shop", f"services:\n  web:\n    image: {OLD}\n    profiles: [debug]\n")
    dokploy.act(lane, "")
    dokploy.wait(dokploy.idle)
    [deployment] = docker.ask("deployment.allByCompose", composeId=lane).json()
    assert deployment["status"] == "error"


# -- answers


def test_an_inspection_shows_whatever_has_that_name_and_nothing_of_what_is_unknown(
    dokploy: FakeDokploy, docker: Docker
) -> None:
    lane = dokploy.add_application("shop", OLD)
    [container] = docker.listed(docker.name(lane))
    service_id = container["Config"]["Labels"]["com.docker.swarm.service.id"]
    task_id = container["Config"]["Labels"]["com.docker.swarm.task.id"]
    assert container["Image"].removeprefix("sha256:") not in OLD
    assert docker.config(container["Image"].removeprefix("sha256:"))["RepoDigests"] == [OLD]
    assert docker.config(service_id)["Spec"]["Name"] == docker.name(lane)
    assert docker.config(task_id)["Spec"]["ContainerSpec"]["Image"] == OLD
    assert docker.config(container["Name"].removeprefix("/"))["Id"] == container["Id"]
    assert docker.ask("docker.getConfig", containerId="0123456789ab").content == b""
    dokploy.tag_as_latest(lane, OLD)
    assert "Spec" not in docker.config(docker.name(lane))
    assert "Spec" in docker.config(service_id)


def test_a_secret_stands_in_clear_in_every_inspection(dokploy: FakeDokploy, docker: Docker) -> None:
    lane = dokploy.add_application("shop", OLD)
    [container] = docker.listed(docker.name(lane))
    assert SECRET_IN_ENV in str(container["Config"]["Env"])
    assert SECRET_IN_ENV in str(docker.config(docker.name(lane)))


@pytest.mark.parametrize(
    ("route", "query", "status"),
    [
        ("docker.getConfig", {"containerId": "acme/shop@sha256:x"}, 400),
        ("docker.getConfig", {}, 400),
        ("docker.getConfig", {"containerId": "x", "serverId": "nope"}, 404),
        ("docker.getContainersByAppLabel", {"appName": "x"}, 400),
        ("docker.getContainersByAppLabel", {"appName": "x", "type": "docker-compose"}, 400),
    ],
)
def test_what_is_no_question_is_refused(docker: Docker, route: str, query: Any, status: int) -> None:
    assert docker.ask(route, **query).status_code == status


def test_another_server_has_a_docker_of_its_own(dokploy: FakeDokploy, docker: Docker) -> None:
    server = dokploy.add_server()
    lane = dokploy.add_application("shop", OLD, server_id=server)
    query = {"appName": docker.name(lane), "type": "swarm"}
    assert docker.ask("docker.getContainersByAppLabel", **query).json() == []
    assert len(docker.ask("docker.getContainersByAppLabel", serverId=server, **query).json()) == 1
    assert docker.ask("application.one", applicationId=lane).json()["serverId"] == server
    assert dokploy.running(lane) == OLD


# -- rights


def test_a_member_has_what_was_given_and_no_word_on_what_is_not_there(dokploy: FakeDokploy, docker: Docker) -> None:
    lane, other = dokploy.add_application("shop", OLD), dokploy.add_application("other", OLD)
    compose = dokploy.add_compose("files", FILE % (OLD, "no"))
    saved = {"dockerImage": NEW, "username": None, "password": None, "registryUrl": None}

    def refusal(found: httpx.Response) -> str | None:
        assert found.status_code in {200, 401}
        return None if found.status_code == 200 else str(found.json()["message"])

    docker.key = dokploy.add_key(False, member=True, services=[lane, compose])
    no_access = "You don't have access to this service"
    assert refusal(docker.ask("application.one", applicationId=lane)) is None
    assert refusal(docker.ask("application.one", applicationId=other)) == no_access
    assert refusal(docker.ask("application.one", applicationId="nope")) == no_access
    assert refusal(docker.ask("deployment.allByType", id=other, type="application")) == no_access
    assert refusal(docker.post("application.saveDockerProvider", applicationId=lane, **saved)) == (
        'unauthorized to access resource "service"'
    )
    assert refusal(docker.ask("docker.getConfig", containerId="x")) == 'unauthorized to access resource "docker"'
    assert refusal(docker.ask("docker.getContainersByAppNameMatch", appName=docker.name(other))) is None
    assert refusal(docker.post("compose.saveEnvironment", composeId=compose, env="A=1")) is None
    assert refusal(docker.post("compose.deploy", composeId=compose)) is None
    docker.key = dokploy.add_key(False, member=True, services=[lane], create_services=True, docker=True)
    assert refusal(docker.post("application.saveDockerProvider", applicationId=lane, **saved)) is None
    assert refusal(docker.post("application.saveDockerProvider", applicationId=other, **saved)) == no_access
    assert refusal(docker.ask("docker.getConfig", containerId="x")) is None


def test_saving_an_environment_leaves_the_rest_of_the_row(dokploy: FakeDokploy, docker: Docker) -> None:
    lane = dokploy.add_compose("shop", FILE % (OLD, "no"), createEnvFile=False)
    assert docker.post("compose.saveEnvironment", composeId=lane, env=f"IMAGE={NEW}").json() is True
    row = docker.ask("compose.one", composeId=lane).json()
    assert (row["env"], row["createEnvFile"]) == (f"IMAGE={NEW}", False)
    unknown = docker.post("compose.saveEnvironment", composeId="nope", env="")
    assert (unknown.status_code, unknown.json()["message"]) == (400, "Error adding environment variables")


# -- what others do meanwhile


def test_somebody_may_come_between_two_requests(dokploy: FakeDokploy, docker: Docker) -> None:
    lane = dokploy.add_application("shop", OLD)
    row = dokploy.targets[lane].row
    dokploy.between("application.one", lambda: row.update(dockerImage=NEW))
    dokploy.between("application.one", lambda: row.update(dockerImage=None), after=True)
    assert docker.ask("application.one", applicationId=lane).json()["dockerImage"] == NEW
    assert row["dockerImage"] is None
    assert docker.ask("application.one", applicationId=lane).json()["dockerImage"] is None


def test_a_status_may_be_left_running_without_a_job(dokploy: FakeDokploy, docker: Docker) -> None:
    lane = dokploy.add_application("shop", OLD)
    dokploy.leave_status_running(lane)
    assert docker.ask("application.one", applicationId=lane).json()["applicationStatus"] == "running"
    assert docker.ask("deployment.queueList").json() == []
    docker.ship(lane, NEW)
    assert docker.ask("application.one", applicationId=lane).json()["applicationStatus"] == "done"


def test_cleaning_the_queue_drops_what_waits_and_leaves_no_row(dokploy: FakeDokploy, docker: Docker) -> None:
    lane = dokploy.add_application("shop", OLD)
    dokploy.pause()
    docker.post("application.deploy", applicationId=lane, title="first")
    assert len(docker.ask("deployment.queueList").json()) == 1
    assert docker.post("application.cleanQueues", applicationId=lane).content == b""
    assert docker.ask("deployment.queueList").json() == []
    dokploy.resume()
    assert docker.ask("deployment.all", applicationId=lane).json() == []


# -- against what a real server showed

FATES: dict[str, dict[str, Any]] = {
    "C": {"crashes": True},
    "D": {"dies_after_s": 8},
    "L": {"answers_after_s": 15},
    "U": {"never_healthy": True},
    "S": {"ignores_sigterm": True},
}
BEFORE = {"T11": "B", "T12": "S", "T19": None}
CHECK = Healthcheck(start_s=30)
SHAPES: dict[str, dict[str, Any]] = {
    "T9": {"healthcheck": CHECK},
    "T21": {"restart": "none"},
    "T22": {"monitor_s": 30},
}
SERVICE = "services:\n  web:\n    image: ${{IMAGE}}\n    restart: {restart}\n"
UPDATE = "    deploy: {{update_config: {{order: {order}, failure_action: {failure_action}}}}}\n"


def named(letter: str) -> str:
    return f"{REPOSITORY}@sha256:{letter.lower() * 64}".replace("s" * 64, "5" * 64)


@pytest.mark.parametrize("line", timelines(), ids=lambda line: line.name)
def test_what_is_deployed_ends_as_it_ended_on_a_real_server(
    dokploy: FakeDokploy, docker: Docker, line: Timeline
) -> None:
    for letter in "ABCDLUS":
        dokploy.push(named(letter), letter.lower() * 40, **FATES.get(letter, {}))
    before = BEFORE.get(line.name, "A")
    image = named(before) if before else None
    if line.kind == "application":
        shape: dict[str, Any] = {"replicas": line.replicas, "order": line.order, "failure_action": line.failure_action}
        shape |= {"healthcheck": line.checked} | SHAPES.get(line.name, {})
        lane = dokploy.add_application("shop", image, **shape)
    else:
        file = SERVICE.format(restart="always" if line.name == "T15" else "no")
        file += UPDATE.format(order=line.order, failure_action=line.failure_action) if line.kind == "stack" else ""
        lane = dokploy.add_compose("shop", file, f"IMAGE={image}\n", composeType=line.kind)
    dokploy.lag_as_seen()
    docker.ship(lane, named(line.deployed) if line.kind == "application" else f"IMAGE={named(line.deployed)}\n")
    dokploy.skip(40)
    last = line.samples[-1]
    if line.kind != "docker-compose":
        service = docker.config(f"{docker.name(lane)}_web" if line.kind == "stack" else docker.name(lane))
        assert service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == named(last.spec or "")
        assert service.get("UpdateStatus", {}).get("State") == last.update
    if line.end != "unsettled":
        assert {container.image.name for container in dokploy.targets[lane].containers()} == {
            named(seen.image) for seen in last.containers if not seen.side
        }
    elif line.deployed == "C":
        assert dokploy.running(lane) is None


def test_the_time_lines_are_whole() -> None:
    ends = [line.end for line in timelines()]
    assert (len(ends), ends.count("good"), ends.count("failed"), ends.count("unsettled")) == (23, 9, 9, 5)
    for line in timelines():
        assert [sample.t_s for sample in line.samples] == sorted(sample.t_s for sample in line.samples)
        last = [seen for seen in line.samples[-1].containers if not seen.side and seen.state == "running"]
        assert line.end != "good" or {(seen.image, seen.before) for seen in last} == {(line.deployed, False)}
        assert line.end != "failed" or all(seen.image != line.deployed for seen in last)


def test_a_recording_of_docker_is_compared_with_what_its_labels_tell(
    dokploy: FakeDokploy, docker: Docker, tmp_path: Path
) -> None:
    lane = dokploy.add_application("shop")
    docker.ship(lane, OLD)
    recorded: list[dict[str, Any]] = []
    for route, query in (
        ("application.one", {"applicationId": lane}),
        ("docker.getContainersByAppLabel", {"appName": docker.name(lane), "type": "swarm"}),
        ("docker.getConfig", {"containerId": docker.name(lane)}),
    ):
        answer = docker.ask(route, **query).json()
        request = {"method": "GET", "path": f"/api/{route}", "query": query, "json": None, "raw": None, "auth": True}
        response = {"status": 200, "content_type": "application/json", "json": answer, "text": None}
        recorded.append({"label": f"{route}: running", "request": request, "response": response})
    recording = tmp_path / "recorded.jsonl"
    recording.write_text("\n".join(map(json.dumps, recorded)))
    compared, skipped, differing = compare(recording)
    assert (compared, skipped) == (3, [])
    assert [text for text in differing if "only found" not in text] == []
    recorded[-1]["response"]["json"]["Spec"]["Mode"]["Replicated"]["Replicas"] = 2
    recording.write_text("\n".join(map(json.dumps, recorded)))
    assert (
        "docker.getConfig: running: answer.Spec.Mode.Replicated.Replicas: 2 recorded, 1 found" in compare(recording)[2]
    )
