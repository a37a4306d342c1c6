"""The client for Dokploy: bounded in time and size, sure about what was sent, silent about secrets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from pydantic import SecretStr

from launchplane_gate.errors import LedgerError, NotSettled
from launchplane_gate_dokploy import (
    Connection,
    Dokploy,
    DokployError,
    InspectedTask,
    KeyRefused,
    NotThere,
    RightMissing,
    TargetRef,
)
from launchplane_gate_http import NoAnswer, exchange, usual_tls
from tests.fakes.dokploy import SECRET_IN_A_STACK, FakeDokploy, How
from tests.fakes.dokploy.host import SECRET_IN_ENV
from tests.fakes.health_server import Answer, HealthServer, drips, says, sleeps

TLS = usual_tls()


IMAGE = "shop@sha256:" + "a" * 64
WORDS = {"title": "t", "description": "d"}


@dataclass
class Leave:
    """What a write may take, or what is raised instead; it counts how often it was asked."""

    gives: float | Exception
    asked: int = 0

    def __call__(self) -> float:
        self.asked += 1
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


@pytest.fixture
def dokploy() -> Iterator[FakeDokploy]:
    with FakeDokploy() as server:
        yield server


@pytest.fixture
def connection(dokploy: FakeDokploy) -> Connection:
    return Connection(url=dokploy.url, api_key=SecretStr(dokploy.key), tls=TLS, timeout_s=2)


def test_the_whole_of_an_answer_is_bounded_however_slowly_it_comes(
    dokploy: FakeDokploy, connection: Connection
) -> None:
    dokploy.break_next("deployment.queueList", "drip")
    began = time.monotonic()
    with pytest.raises(DokployError, match=r"no whole answer came within 0\.[0-9] s"):
        Dokploy(replace(connection, timeout_s=0.4)).queue()
    assert time.monotonic() - began < 2


def test_no_read_takes_longer_than_what_is_left_for_reads_and_it_asks_for_no_leave(
    dokploy: FakeDokploy, connection: Connection
) -> None:
    dokploy.break_next("deployment.queueList", "drip")
    leave = Leave(RuntimeError("a read is no write"))
    client = Dokploy(replace(connection, timeout_s=60)).reading_within(lambda: 0.3).writing_within(leave)
    began = time.monotonic()
    with pytest.raises(DokployError):
        client.queue()
    assert time.monotonic() - began < 3 and not leave.asked


def test_each_write_asks_for_leave_and_takes_no_longer(dokploy: FakeDokploy, connection: Connection) -> None:
    application = Dokploy(connection).application(dokploy.add_application("shop"))
    compose = dokploy.add_compose("compose", "services: {}\n")
    leave = Leave(0.3)
    client = Dokploy(replace(connection, timeout_s=60)).reading_within(lambda: 0).writing_within(leave)
    writes: dict[str, Callable[[], None]] = {
        "application.saveDockerProvider": lambda: client.set_image(application, IMAGE),
        "compose.saveEnvironment": lambda: client.set_env(compose, "A=1\n"),
        "application.deploy": lambda: client.deploy(TargetRef("application", application.application_id), **WORDS),
        "compose.deploy": lambda: client.deploy(TargetRef("compose", compose), **WORDS),
    }
    for asked, (route, write) in enumerate(writes.items(), 1):
        dokploy.break_next(route, "drip")
        began = time.monotonic()
        with pytest.raises(DokployError, match=rf"{route}: no whole answer came within 0\.3 s") as unclear:
            write()
        assert unclear.value.acted and time.monotonic() - began < 2
        assert leave.asked == asked


def test_without_leave_nothing_is_sent(dokploy: FakeDokploy, connection: Connection) -> None:
    application = Dokploy(connection).application(dokploy.add_application("shop"))
    for refused in (NotSettled("the lease is over"), LedgerError("the ledger is away")):
        with pytest.raises(type(refused)):
            Dokploy(connection).writing_within(Leave(refused)).set_image(application, IMAGE)
    with pytest.raises(DokployError) as none:  # no time at all
        Dokploy(connection).writing_within(Leave(0)).set_image(application, IMAGE)
    assert not none.value.acted
    assert not [request for request in dokploy.requests if request.method == "POST"]


def test_an_answer_that_is_too_large_is_not_read_to_its_end(dokploy: FakeDokploy, connection: Connection) -> None:
    dokploy.break_next("deployment.queueList", "huge", times=3)
    with pytest.raises(DokployError, match="larger than 4194304 bytes"):
        Dokploy(connection).queue()


def test_it_is_known_whether_a_request_was_sent(dokploy: FakeDokploy) -> None:
    def ask(url: str, timeout_s: float = 2) -> NoAnswer:
        with pytest.raises(NoAnswer) as none:
            exchange("GET", url, headers={}, tls=TLS, connect_timeout_s=1, timeout_s=timeout_s, max_bytes=1000)
        return none.value

    dokploy.break_next("deployment.queueList", "drop_before")
    assert ask(f"{dokploy.url}/api/deployment.queueList").sent
    dokploy.stop_serving()
    assert not ask(dokploy.url).sent
    assert not ask("http://no-such-host.invalid").sent
    assert not ask("https://127.0.0.1:1", timeout_s=0).sent


@pytest.mark.parametrize("broken", ["500", "503", "drop_before", "429"])
def test_a_change_is_asked_for_once(dokploy: FakeDokploy, connection: Connection, broken: str) -> None:
    lane = dokploy.add_application("shop")
    client = Dokploy(connection)
    read = client.application(lane)
    dokploy.break_next("application.saveDockerProvider", broken)  # type: ignore[arg-type]  # each is one
    with pytest.raises(DokployError):
        client.set_image(read, "shop@sha256:" + "a" * 64)
    assert sum(request.method == "POST" for request in dokploy.requests) == 1


def test_each_no_is_told_from_the_others(dokploy: FakeDokploy, connection: Connection) -> None:
    client = Dokploy(connection)
    with pytest.raises(NotThere, match="Application not found"):
        client.application("nope")
    with pytest.raises(KeyRefused, match="rateLimitEnabled: false"):
        Dokploy(replace(connection, api_key=SecretStr("wrong"))).queue()
    with pytest.raises(DokployError, match="Error adding environment variables") as refused_env:
        client.set_env("nope", "A=1\n")
    assert not refused_env.value.acted
    with pytest.raises(NotThere) as refused:
        client.deploy(TargetRef("compose", "nope"), title="t", description="d")
    assert not refused.value.acted


def test_a_missing_right_is_told_from_a_wrong_key_with_what_to_grant(
    dokploy: FakeDokploy, connection: Connection
) -> None:
    mine, theirs = dokploy.add_application("mine"), dokploy.add_application("theirs")
    compose = dokploy.add_compose("compose", "services: {}\n")
    read = Dokploy(connection).application(mine)
    key = dokploy.add_key(False, member=True, services=[mine])
    member = Dokploy(replace(connection, api_key=SecretStr(key)))
    member.application(mine)
    refused: list[tuple[Callable[[], object], str]] = [
        (lambda: member.application(theirs), "accessedServices"),
        (lambda: member.application("nope"), "accessedServices"),
        (lambda: member.set_env(compose, "A=1\n"), "accessedServices"),
        (lambda: member.set_image(read, "shop@sha256:" + "a" * 64), r"lacks canCreateServices \(service.create\)"),
        (lambda: member.service_containers("shop", None), r"lacks canAccessToDocker \(docker.read\)"),
        (lambda: member.container("0adb25e3bc3b", None), r"lacks canAccessToDocker \(docker.read\)"),
        (lambda: member.tasks("shop", None), r"lacks canAccessToDocker \(docker.read\)"),
    ]
    for call, why in refused:
        with pytest.raises(RightMissing, match=why) as missing:
            call()
        assert not missing.value.acted


def test_an_error_that_is_not_dokploys_own_word_leaves_a_doubt(dokploy: FakeDokploy, connection: Connection) -> None:
    read = Dokploy(connection).application(dokploy.add_application("shop"))
    own: dict[How, bool] = {"401": True, "404": True, "429": True, "redirect": False, "500": False, "503": False}
    for how, is_definite in own.items():
        dokploy.break_next("application.saveDockerProvider", how)
        with pytest.raises(DokployError) as refused:
            Dokploy(connection).set_image(read, "shop@sha256:" + "a" * 64)
        assert refused.value.acted is not is_definite


def test_the_queue_is_given_in_the_order_in_which_it_runs(dokploy: FakeDokploy, connection: Connection) -> None:
    ids = [dokploy.add_application(f"shop{number}", "shop@sha256:" + "a" * 64) for number in range(3)]
    dokploy.pause(pause_running=True)
    for id_ in ids:
        dokploy.redeploy_by_hand(id_)
        time.sleep(0.002)
    dokploy.wait(lambda: dokploy.queue.active)
    jobs = Dokploy(connection).queue()
    assert [job.is_of(TargetRef("application", id_)) for job, id_ in zip(jobs, ids, strict=True)] == [True] * 3
    assert [job.state for job in jobs] == ["active", "waiting", "waiting"]
    dokploy.resume()


def test_of_a_container_its_environment_is_dropped_where_it_is_read(
    dokploy: FakeDokploy, connection: Connection
) -> None:
    image = "shop@sha256:" + "a" * 64
    dokploy.push(image, "a" * 40)
    id_ = dokploy.add_application("shop", image, healthcheck=True)
    client, name = Dokploy(connection), dokploy.targets[id_].app_name
    [listed] = client.service_containers(name, None)
    container, service = client.container(listed.container_id, None), client.service(name, None)
    [task] = client.tasks(name, None)
    assert container and service and container.image == service.image == image
    assert client.task(task.task_id, None) == InspectedTask(ServiceID=service.service_id)
    found = client.image(container.image_id, None)
    assert found and found.repo_digests == [image]
    for kept in (container, service, found):
        assert SECRET_IN_ENV not in repr(kept) + kept.model_dump_json()
    assert client.container("0" * 12, None) is None and client.service("nobody", None) is None
    assert client.service(listed.container_id, None) is None  # a container


def test_the_rows_of_an_unknown_target_are_none(connection: Connection) -> None:
    assert Dokploy(connection).deployments(TargetRef("application", "nope")) == []


def test_an_error_is_one_line_without_stack_and_without_the_key(dokploy: FakeDokploy, connection: Connection) -> None:
    dokploy.break_next("deployment.queueList", "500", times=3)
    with pytest.raises(DokployError) as broken:
        Dokploy(connection).queue()
    assert "connect ECONNREFUSED" in str(broken.value)
    assert SECRET_IN_A_STACK not in str(broken.value) and "\n" not in str(broken.value)


def test_a_key_that_a_server_repeats_is_not_repeated(connection: Connection) -> None:
    key = connection.api_key.get_secret_value()
    with HealthServer() as server:
        said = json.dumps({"message": f"bad key {key}\n    at x"}).encode()
        server.answers["/api/deployment.queueList"] = lambda asked: asked.say(said, code=400)
        with pytest.raises(DokployError, match=r"bad key \*\*\*") as refused:
            Dokploy(replace(connection, url=server.url(""))).queue()
    assert key not in str(refused.value)


def test_secrets_show_in_no_repr(dokploy: FakeDokploy, connection: Connection) -> None:
    lane = dokploy.add_application("shop", username="robot", password="pass-w0rd")
    shown = repr(Dokploy(connection).application(lane)) + repr(connection) + repr(Dokploy(connection))
    assert dokploy.key not in shown and "pass-w0rd" not in shown and "robot" not in shown


@pytest.mark.parametrize(
    "value", ["1e999999", "9" * 5000, "NaN", "9007199254740993", '"2020-99-99"', "[" * 5000, "2.5"]
)
def test_a_number_that_is_none_is_an_answer_of_another_form(connection: Connection, value: str) -> None:
    job = f'{{"state": "waiting", "timestamp": {value}, "data": {{}}}}'
    with HealthServer() as server:
        server.answers["/api/deployment.queueList"] = says(f"[{job}]".encode())
        with pytest.raises(DokployError, match=r"has not its form|is not Dokploy's API"):
            Dokploy(replace(connection, url=server.url(""))).queue()


@pytest.mark.parametrize("answer", [sleeps(30, says(b"[]")), drips(b"x" * 500, headers_too=True)], ids=range(2))
def test_a_server_that_is_silent_or_drips_is_given_up_in_time(connection: Connection, answer: Answer) -> None:
    with HealthServer() as server:
        server.answers["/api/deployment.queueList"] = answer
        began = time.monotonic()
        with pytest.raises(DokployError, match="no whole answer came within"):
            Dokploy(replace(connection, url=server.url(""), timeout_s=0.4)).queue()
        assert time.monotonic() - began < 2
