"""The fake Dokploy sets the traps that a real one has been seen to set; over real HTTP, as a driver meets them."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import ssl
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.certificates import self_signed
from tests.fakes.dokploy import SECRET_IN_A_STACK, FakeDokploy, How
from tests.fakes.dokploy.compare import compare
from tests.places import ROOT

REPOSITORY = "registry.example/acme/shop"
OLD, NEW, MISSING = (f"{REPOSITORY}@sha256:{digit * 64}" for digit in "abc")
OLD_COMMIT, NEW_COMMIT = "a" * 40, "b" * 40

COMPOSE = f"services:\n  web:\n    image: {REPOSITORY}@${{DIGEST}}\n"
COMPOSE_FIXED = f"services:\n  web:\n    image: {OLD}\n"


class Api:
    """What a driver would have: a client with a key."""

    def __init__(self, dokploy: FakeDokploy, client: httpx.Client) -> None:
        self.dokploy = dokploy
        self.client = client
        self.headers = {"x-api-key": dokploy.key}

    def get(self, route: str, **query: str) -> httpx.Response:
        return self.client.get(f"{self.dokploy.url}/api/{route}", params=query, headers=self.headers)

    def post(self, route: str, **body: Any) -> httpx.Response:
        return self.client.post(f"{self.dokploy.url}/api/{route}", json=body, headers=self.headers)

    def save(self, lane: str, image: str | None) -> None:
        nobody = {"username": None, "password": None, "registryUrl": None}
        saved = self.post("application.saveDockerProvider", applicationId=lane, dockerImage=image, **nobody)
        assert (saved.status_code, saved.json()) == (200, True)

    def deploy(self, lane: str, image: str, title: str, *, how: str = "deploy") -> None:
        self.save(lane, image)
        assert self.post(f"application.{how}", applicationId=lane, title=title).content == b""

    def ship(self, lane: str, image: str, title: str, *, how: str = "deploy") -> str:
        """Deploy, wait for the end, and return the status of the deployment."""
        self.deploy(lane, image, title, how=how)
        self.dokploy.wait(self.dokploy.idle)
        return str(self.row(lane, title)["status"])

    def rows(self, lane: str) -> list[dict[str, Any]]:
        return list(self.get("deployment.all", applicationId=lane).json())

    def row(self, lane: str, title: str) -> dict[str, Any]:
        (row,) = (row for row in self.rows(lane) if row["title"] == title)
        return row

    def status(self, lane: str) -> str:
        return str(self.get("application.one", applicationId=lane).json()["applicationStatus"])

    def live(self, lane: str) -> str | None:
        found = self.client.get(self.dokploy.health_url(lane))
        return str(found.json()["revision"]) if found.status_code == 200 else None


@pytest.fixture
def dokploy() -> Iterator[FakeDokploy]:
    with FakeDokploy(job_s=0.01) as dokploy:
        dokploy.push(OLD, OLD_COMMIT)
        dokploy.push(NEW, NEW_COMMIT)
        yield dokploy
        assert dokploy.violations == []


@pytest.fixture
def lane(dokploy: FakeDokploy) -> str:
    return dokploy.add_application("shop", OLD)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture
def api(dokploy: FakeDokploy, client: httpx.Client) -> Api:
    return Api(dokploy, client)


# -- the ten behaviours


def test_done_is_not_live_until_the_new_revision_takes_over(dokploy: FakeDokploy, api: Api, lane: str) -> None:
    dokploy.takeover_s = math.inf
    assert api.ship(lane, NEW, "t") == "done"
    assert api.live(lane) == OLD_COMMIT
    dokploy.takeover_s = 0.05
    assert api.ship(lane, NEW, "again") == "done"
    assert dokploy.running(lane) == OLD
    dokploy.wait(lambda: dokploy.running(lane) == NEW)
    assert api.live(lane) == NEW_COMMIT


def test_an_image_that_exits_at_once_ends_done_with_the_old_revision_live(
    dokploy: FakeDokploy, api: Api, lane: str
) -> None:
    dokploy.push(NEW, NEW_COMMIT, crashes=True)
    assert api.ship(lane, NEW, "t") == "done"
    assert api.status(lane) == "done"
    assert api.live(lane) == OLD_COMMIT


def test_a_redeploy_of_a_missing_digest_ends_done_and_a_deploy_of_it_ends_in_error(
    dokploy: FakeDokploy, api: Api, lane: str
) -> None:
    assert api.ship(lane, MISSING, "redeployed", how="redeploy") == "done"
    assert api.live(lane) == OLD_COMMIT
    assert api.ship(lane, MISSING, "deployed") == "error"
    assert api.row(lane, "deployed")["errorMessage"] is None
    assert api.live(lane) == OLD_COMMIT


def test_the_row_of_a_deployment_is_made_when_its_job_starts(dokploy: FakeDokploy, api: Api, lane: str) -> None:
    other = dokploy.add_application("other")
    dokploy.pause(pause_running=True)
    dokploy.act(other, OLD, title="theirs")
    title = "é \"quoted\" 'text' \\ " * 20
    api.post("application.deploy", applicationId=lane, title=title, description=title)
    dokploy.wait(lambda: dokploy.queue.active)

    assert [row["status"] for row in api.rows(other)] == ["running"]
    assert api.rows(lane) == []
    waiting, active = api.get("deployment.queueList").json()  # the newest first
    assert (active["state"], active["data"]["applicationId"]) == ("active", other)
    assert waiting["state"] == "waiting"
    said = {"titleLog": title, "descriptionLog": title}
    what = {"applicationId": lane, "type": "deploy", "applicationType": "application", "server": False}
    assert waiting["data"] == what | said
    assert waiting["timestamp"] >= active["timestamp"]
    assert ("processedOn" in waiting, "processedOn" in active) == (False, True)

    dokploy.resume()
    dokploy.wait(dokploy.idle)
    assert api.get("deployment.queueList").json() == []
    assert (api.row(lane, title)["description"], api.row(lane, title)["status"]) == (title, "done")


def test_a_deploy_reads_the_image_when_its_job_starts(dokploy: FakeDokploy, api: Api, lane: str) -> None:
    dokploy.pause()
    api.deploy(lane, OLD, "mine")
    dokploy.act(lane, NEW, title="theirs")
    dokploy.pause(pause_running=True)
    dokploy.wait(lambda: dokploy.queue.active)
    api.save(lane, MISSING)  # too late for the one that runs, in time for the next
    dokploy.resume()
    dokploy.wait(dokploy.idle)
    assert {title: api.row(lane, title)["status"] for title in ("mine", "theirs")} == {
        "mine": "done",
        "theirs": "error",
    }
    assert api.live(lane) == NEW_COMMIT


def test_a_restart_cancels_what_runs_and_forgets_what_waits(dokploy: FakeDokploy, api: Api, lane: str) -> None:
    dokploy.pause(pause_running=True)
    api.deploy(lane, NEW, "ran")
    dokploy.wait(lambda: dokploy.queue.active)
    api.post("application.deploy", applicationId=lane, title="waited")
    dokploy.restart()
    assert [(row["title"], row["status"]) for row in api.rows(lane)] == [("ran", "cancelled")]
    assert api.get("deployment.queueList").json() == []
    assert api.status(lane) == "idle"
    dokploy.resume()
    assert api.ship(lane, NEW, "after") == "done"


def test_a_rate_limited_key_is_refused_from_its_sixth_call_on(dokploy: FakeDokploy, api: Api, lane: str) -> None:
    api.headers = {"x-api-key": dokploy.add_key()}
    assert [api.get("user.session").status_code for _ in range(7)] == [200] * 5 + [401] * 2


def test_a_compose_that_does_not_use_the_variable_ends_done_unchanged(dokploy: FakeDokploy, api: Api) -> None:
    for file, runs in ((COMPOSE, NEW), (COMPOSE_FIXED, OLD)):
        stack = dokploy.add_compose("stack", file, env=f"DIGEST={OLD.partition('@')[2]}")
        assert dokploy.running(stack) == OLD
        saved = api.post("compose.update", composeId=stack, env=f"DIGEST={NEW.partition('@')[2]}")
        assert saved.json()["composeId"] == stack
        queued = api.post("compose.deploy", composeId=stack, title="t").json()
        assert queued == {"success": True, "message": "Deployment queued", "composeId": stack}
        dokploy.wait(dokploy.idle)
        (row,) = api.get("deployment.allByCompose", composeId=stack).json()
        assert (row["title"], row["status"], dokploy.running(stack)) == ("t", "done", runs)


def test_after_a_failed_deploy_a_redeploy_by_anyone_starts_the_new_image(
    dokploy: FakeDokploy, api: Api, lane: str
) -> None:
    assert api.ship(lane, MISSING, "failed") == "error"
    assert dokploy.configured(lane) == MISSING
    dokploy.push(MISSING, "c" * 40)
    dokploy.redeploy_by_hand(lane)
    dokploy.wait(lambda: dokploy.running(lane) == MISSING)
    assert api.live(lane) == "c" * 40


def test_a_roll_back_is_a_deploy_of_the_old_digest(api: Api, lane: str) -> None:
    assert api.ship(lane, NEW, "on") == "done"
    assert api.live(lane) == NEW_COMMIT
    assert api.ship(lane, OLD, "back") == "done"
    assert api.live(lane) == OLD_COMMIT


# -- answers


def test_rows_are_newest_first_in_their_list_oldest_first_in_the_application_and_ten_are_kept(
    dokploy: FakeDokploy, api: Api, lane: str
) -> None:
    dokploy.job_s = 0
    for number in range(12):
        api.post("application.deploy", applicationId=lane, title=str(number))
    dokploy.wait(dokploy.idle)
    kept = [str(number) for number in range(2, 12)]
    assert [row["title"] for row in api.rows(lane)] == kept[::-1]
    shown = api.get("application.one", applicationId=lane).json()["deployments"]
    assert [row["title"] for row in shown] == kept


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}, {"Authorization": "Bearer KEY"}], ids=str)
def test_only_the_right_header_with_a_key_is_let_in(dokploy: FakeDokploy, api: Api, headers: dict[str, str]) -> None:
    api.headers = {name: value.replace("KEY", dokploy.key) for name, value in headers.items()}
    found = api.get("settings.health")
    assert (found.status_code, found.json()) == (401, {"message": "Unauthorized"})


def test_a_revoked_key_is_refused(dokploy: FakeDokploy, api: Api) -> None:
    dokploy.revoke(dokploy.key)
    assert api.get("settings.health").status_code == 401


def test_what_is_not_there_is_not_found_or_empty(api: Api, lane: str) -> None:
    assert api.get("application.one", applicationId="nope").json()["code"] == "NOT_FOUND"
    assert api.get("application.deploy", applicationId=lane).status_code == 404
    assert api.get("application.nope").status_code == 404
    assert api.get("deployment.all", applicationId="nope").json() == []
    updated = api.post("compose.update", composeId="nope", env="A=1")
    assert (updated.status_code, updated.content) == (200, b"")


def test_bad_input_is_refused_with_its_field(dokploy: FakeDokploy, api: Api, lane: str) -> None:
    lacking = api.post("application.saveDockerProvider", applicationId=lane, dockerImage=NEW)
    assert lacking.status_code == 400
    assert [issue["path"] for issue in lacking.json()["issues"]] == [["username"], ["password"], ["registryUrl"]]
    url = f"{dokploy.url}/api/application.deploy"
    untyped = api.client.post(url, content="{}", headers=api.headers)
    assert untyped.status_code == 415
    broken = api.client.post(url, content="{not", headers=api.headers | {"Content-Type": "application/json"})
    assert (broken.status_code, broken.text, broken.headers.get("Content-Type")) == (400, "Invalid JSON", None)
    assert api.post("application.deploy", applicationId=7).status_code == 400
    assert dokploy.changes(lane) == 0


def test_an_empty_image_is_saved_and_its_deploy_fails(dokploy: FakeDokploy, api: Api) -> None:
    lane = dokploy.add_application("built", source_type="github")
    api.save(lane, None)
    assert api.get("application.one", applicationId=lane).json()["sourceType"] == "docker"
    assert api.ship(lane, "", "t") == "error"
    assert (dokploy.changes(lane), api.live(lane)) == (3, None)


def test_a_lying_image_reports_what_it_was_told_to(dokploy: FakeDokploy, api: Api, lane: str) -> None:
    dokploy.push(NEW, NEW_COMMIT, reports=OLD_COMMIT)
    assert api.ship(lane, NEW, "t") == "done"
    assert (dokploy.running(lane), api.live(lane)) == (NEW, OLD_COMMIT)
    dokploy.kill_lane(lane)
    assert (dokploy.running(lane), api.live(lane)) == (None, None)


# -- the fake itself


def test_what_the_real_api_would_drop_silently_is_refused_aloud(client: httpx.Client) -> None:
    with FakeDokploy() as dokploy:
        lane = dokploy.add_application("shop")
        api = Api(dokploy, client)
        assert api.post("application.deploy", applicationId=lane, titel="typo").status_code == 500
        assert api.get("application.one", applicationId=lane, id="1").status_code == 500
        assert [violation.split(":")[0] for violation in dokploy.violations] == [
            "POST application.deploy",
            "GET application.one",
        ]
        assert (dokploy.changes(lane), dokploy.idle()) == (0, True)
        dokploy.strict = False
        assert api.post("application.deploy", applicationId=lane, titel="typo").status_code == 200


def test_requests_are_noted_without_the_key(dokploy: FakeDokploy, api: Api, lane: str) -> None:
    api.get("application.one", applicationId=lane)
    api.post("application.deploy", applicationId=lane, title="t")
    api.live(lane)
    first, second = dokploy.requests
    assert (first.method, first.path, first.query) == ("GET", "/api/application.one", {"applicationId": lane})
    assert second.body == {"applicationId": lane, "title": "t"}
    assert dokploy.key not in str(dokploy.requests)


ANSWERED: dict[How, tuple[int, str]] = {
    "401": (401, '{"message": "Unauthorized"}'),
    "404": (404, '.*"NOT_FOUND".*'),
    "429": (429, ".*Too many.*"),
    "500": (500, f".*{SECRET_IN_A_STACK}.*"),
    "503": (503, "<html>.*"),
    "empty": (200, ""),
    "html": (200, "<!doctype html>.*"),
    "not_json": (200, '{"[^}]*'),
    "redirect": (302, ""),
    "null": (200, "null"),
    "wrong_shape": (200, r"\[.*\]"),
}


@pytest.mark.parametrize("how", ANSWERED)
def test_a_broken_call_misbehaves_as_often_as_told_and_does_nothing(
    dokploy: FakeDokploy, api: Api, lane: str, how: How
) -> None:
    dokploy.break_next("/api/application.deploy", how, times=2)
    status, form = ANSWERED[how]
    for _ in range(2):
        found = api.post("application.deploy", applicationId=lane)
        assert found.status_code == status
        assert re.fullmatch(form, found.text)
    assert dokploy.changes(lane) == 0
    assert api.post("application.deploy", applicationId=lane).status_code == 200
    assert dokploy.changes(lane) == 1


@pytest.mark.parametrize(("how", "changes"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_connection_tells_nothing_of_what_was_done(
    dokploy: FakeDokploy, api: Api, lane: str, how: How, changes: int
) -> None:
    dokploy.break_next("application.deploy", how)
    with pytest.raises(httpx.RemoteProtocolError):
        api.post("application.deploy", applicationId=lane)
    assert dokploy.changes(lane) == changes


@pytest.mark.parametrize(("how", "at_least"), [("huge", 1_000_000), ("drip", 2)])
def test_a_body_without_an_end_can_be_left(dokploy: FakeDokploy, api: Api, lane: str, how: How, at_least: int) -> None:
    dokploy.break_next("application.one", how)
    seen, url = 0, f"{dokploy.url}/api/application.one"
    began = time.monotonic()
    with api.client.stream("GET", url, params={"applicationId": lane}, headers=api.headers) as found:
        for chunk in found.iter_raw():
            seen += len(chunk)
            if seen >= at_least:
                break
    assert how == "huge" or time.monotonic() - began > 0.15


def test_it_refuses_connections_while_it_is_down_and_comes_back_on_its_port(
    dokploy: FakeDokploy, api: Api, lane: str
) -> None:
    url = dokploy.url
    dokploy.stop_serving()
    with pytest.raises(httpx.ConnectError):
        api.get("settings.health")
    dokploy.start_serving()
    assert dokploy.url == url
    assert api.get("settings.health").json() == {"status": "ok"}


def test_it_speaks_tls(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    trusted = ssl.create_default_context(cafile=str(certificate))
    with FakeDokploy(tls=tls) as dokploy, httpx.Client(verify=trusted, trust_env=False) as client:
        assert dokploy.url.startswith("https://")
        assert Api(dokploy, client).get("settings.health").json() == {"status": "ok"}
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(dokploy.url.replace("https:", "http:"))


def test_many_at_once_are_all_counted_and_run_one_after_the_other(dokploy: FakeDokploy, api: Api, lane: str) -> None:
    dokploy.job_s = 0
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: api.post("application.deploy", applicationId=lane, title=str(n)), range(16)))
    dokploy.wait(dokploy.idle)
    assert dokploy.changes(lane) == len(dokploy.requests) == 16
    rows = api.rows(lane)[::-1]
    assert all(before["finishedAt"] <= after["startedAt"] for before, after in pairwise(rows))


# -- for people


def test_it_starts_by_hand_with_a_stage_to_play_on_and_ends_when_told(tmp_path: Path, client: httpx.Client) -> None:
    stage_file = tmp_path / "stage.toml"
    command = [sys.executable, "-m", "tests.fakes.dokploy", "--port", "0", "--stage", str(stage_file)]
    root = ROOT
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, "--takeover-s", "0"], cwd=root, env=dict(os.environ), **pipes) as started:
        assert started.stdout and started.stderr
        lines = [started.stdout.readline() for _ in range(4)]
        key = lines[2].strip().removeprefix("export DOKPLOY_API_KEY=")
        stage = tomllib.loads(stage_file.read_text())
        lane = stage["lanes"]["testing"]
        down = client.get(lane["health_url"])
        url = lane["health_url"].partition("/live/")[0]
        found = client.get(
            f"{url}/api/application.one", params={"applicationId": lane["target_id"]}, headers={"x-api-key": key}
        )
        started.send_signal(signal.SIGTERM)
        assert started.wait(timeout=5) == 0
        logged = started.stderr.read()
    assert f"--dokploy-url {url} --stage {stage_file}" in lines[3]
    assert (down.status_code, found.status_code) == (503, 200)
    assert "GET /api/application.one 200" in logged
    assert key not in logged
    assert "Traceback" not in logged
    assert lane["target_type"] == "application"
    assert set(stage["lanes"]) == {"testing", "prod"}
    assert set(stage["releases"]) == {"first", "second", "missing", "rebuild", "lying"}
    for release in stage["releases"].values():
        assert release["artifact"].startswith(f"{stage['image']}@sha256:")
        assert len(release["commit"]) == 40


def test_the_comparison_with_a_recording_names_each_difference(tmp_path: Path) -> None:
    recording = tmp_path / "recorded.jsonl"
    request: dict[str, Any] = {"method": "GET", "query": {}, "json": None, "raw": None, "auth": True}
    answer: dict[str, Any] = {"status": 200, "content_type": "application/json", "text": None}
    exchanges = [
        {
            "label": f"{expected} of {route}",
            "request": request | {"path": f"/api/{route}"},
            "response": answer | {"json": expected},
        }
        for route, expected in (("settings.health", {"status": "ok"}), ("settings.getDokployVersion", 30))
    ]
    lines = [json.dumps(exchange) + "\n" for exchange in exchanges]
    recording.write_text(lines[0])
    assert compare(recording) == (1, [], [])
    recording.write_text("".join(lines))
    command = [sys.executable, "-m", "tests.fakes.dokploy.compare", str(recording)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "30 of settings.getDokployVersion: answer: int 30 recorded, str 'v0.30.2' found" in run.stdout
    assert "2 answers compared, 1 differences" in run.stdout
