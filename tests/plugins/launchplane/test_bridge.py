"""The gate in a host that is not edited: what it hears of a request, what its answer becomes, whom it does not know."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from launchplane_gate.errors import SettingsError
from launchplane_gate_launchplane import bridge
from launchplane_gate_launchplane.protocol import Answer, Call
from tests.fakes.dokploy import FakeDokploy
from tests.fakes.dokploy.stage import COMMITS, artifact, set_up
from tests.plugins.launchplane.desk import WORKFLOW
from tests.plugins.launchplane.hosts import PRODUCT, Host
from tests.plugins.launchplane.served import Served, served
from tests.plugins.launchplane.serving import STRANGER, SUBJECT

pytestmark = pytest.mark.thorough  # the host is loaded, tried and served

WRAPPED = ("service.execute_generic_web_deploy", "service._json_response", "dokploy.dokploy_request")


class Listening:
    """A gate that notes what it is asked, and answers as it is told to; ``answer`` None: that is not governed."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.changes: list[tuple[str, str]] = []
        self.answer: Callable[[Call], Answer | None] = lambda _: None

    def run(self, call: Call) -> Answer | None:
        self.calls.append(call)
        return self.answer(call)

    def change(self, *, method: str, path: str, payload: Any, query: Any, timeout_s: float, send: Any) -> Any:
        self.changes.append((method, path))
        return send(payload, timeout_s)

    def read(self, action: Any, params: Any) -> Any:
        raise FileNotFoundError(action, params)


@pytest.fixture
def gate() -> Iterator[Listening]:
    gate = Listening()
    bridge.install(gate)
    yield gate
    bridge.uninstall()


@pytest.fixture
def site(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with ExitStack() as stack:
        dokploy = stack.enter_context(FakeDokploy())
        set_up(dokploy)
        yield stack.enter_context(served(host, tmp_path, dokploy, monkeypatch))


def refuses(_: Call) -> Answer:
    raise bridge.GateDenied(status=409, code="policy_denied", message="inventory.fresh: deploy to testing again.")


def by_the_host(call: Call) -> Answer:
    return Answer(result=call.execute(call.record_store))


# -- what is heard


def test_a_call_is_heard_with_who_asks_under_which_key(gate: Listening, site: Served) -> None:
    answer = site.deploy("first", key="k1")
    [call] = gate.calls
    assert (call.route, call.driver_id, call.product) == ("/v1/drivers/generic-web/deploy", "generic-web", PRODUCT)
    assert (call.idempotency_key, call.trace_id) == ("k1", answer.json()["trace_id"])
    identity: Any = call.identity
    assert (identity.subject, identity.workflow_ref) == (SUBJECT, WORKFLOW)
    assert call.scope.endswith(SUBJECT) and len(call.fingerprint) == 64
    request: Any = call.request
    assert (request.artifact_id, request.source_git_ref) == (artifact("first"), COMMITS["first"])
    assert type(call.record_store) is type(site.store)


def test_authorization_comes_first(gate: Listening, site: Served) -> None:
    assert site.deploy("first", caller=STRANGER).status_code == 401
    body = {"product": "other", "deploy": {"product": "other", "instance": "testing"}}
    assert site.post("/v1/drivers/generic-web/deploy", body).status_code in {400, 403}
    assert gate.calls == [] and site.changes == []


def test_evidence_is_heard_once_and_by_its_record(gate: Listening, site: Served, host: Host) -> None:
    gate.answer = by_the_host
    record = host.deployment("a").model_dump(mode="json")
    answer = site.post("/v1/evidence/deployments", {"product": PRODUCT, "deployment": record})
    assert answer.status_code == 202 and answer.json()["records"]["deployment_record_id"] == record["record_id"]
    [call] = gate.calls
    assert (call.route, call.driver_id, call.product) == ("/v1/evidence/deployments", "", PRODUCT)
    assert call.request == host.deployment("a")


def test_every_request_to_the_provider_is_seen(gate: Listening, site: Served) -> None:
    assert site.deploy("first").json()["result"]["deploy_status"] == "pass"
    posts = [path for method, path in gate.changes if method == "POST"]
    assert posts == ["/api/application.saveDockerProvider", "/api/application.deploy"] == site.changes
    assert ("GET", "/api/deployment.all") in gate.changes


# -- what becomes of the answer


def test_a_denial_is_the_answer_and_nothing_is_kept_under_the_key(gate: Listening, site: Served) -> None:
    gate.answer = refuses
    answer = site.promote("first", key="k1")
    assert answer.status_code == 409
    told = answer.json()
    assert told["status"] == "rejected" and told["trace_id"]
    assert told["error"] == {"code": "policy_denied", "message": "inventory.fresh: deploy to testing again."}
    gate.answer = by_the_host
    assert site.deploy("first").status_code == 202
    assert "replayed" not in site.promote("first", key="k1").json()
    assert len(gate.calls) == 3


def test_a_replay_names_the_request_that_did_it(gate: Listening, site: Served) -> None:
    first = site.deploy("first", key="k1").json()
    result = gate.calls[0].execute(site.store)
    gate.answer = lambda _: Answer(result=result, original_trace_id=first["trace_id"])
    told = site.deploy("second", key="k2").json()
    assert (told["replayed"], told["original_trace_id"]) == (True, first["trace_id"])
    assert told["trace_id"] != first["trace_id"]
    gate.answer = by_the_host
    assert "replayed" not in site.deploy("second", key="k2").json()  # the host kept nothing under it


def test_a_torn_idempotency_record_of_the_host_stops_no_keyed_call(gate: Listening, site: Served) -> None:
    """S21c, at the host: of what is governed it looks up nothing, whatever stands among its records."""
    torn = site.state / "idempotency" / "idempotency-launchplane_req_0.json"
    torn.parent.mkdir(parents=True)
    torn.write_text('{"schema_version": 1, "rec')
    gate.answer = by_the_host
    assert site.deploy("first", key="k1").status_code == 202


def test_what_is_not_governed_goes_as_ever_with_the_hosts_own_key(gate: Listening, site: Served) -> None:
    first = site.deploy("first", key="k1").json()
    again = site.deploy("first", key="k1").json()
    assert again["replayed"] and again["original_trace_id"] == first["trace_id"]
    assert again["records"] == first["records"] and len(site.changes) == 2
    assert site.deploy("second", key="k1").json()["error"]["code"] == "idempotency_key_reused"


# -- the host's commands


@pytest.fixture
def input_file(tmp_path: Path, host: Host, site: Served) -> Path:
    """A record of a testing deploy stands in the store; this is a request to ship."""
    site.store.write_deployment_record(host.deployment("a"))
    file = tmp_path / "ship.json"
    wanted = {
        "context": PRODUCT,
        "instance": "testing",
        "artifact_id": artifact("first"),
        "source_git_ref": COMMITS["first"],
        "target_name": "syo",
        "target_type": "application",
        "deploy_mode": "dokploy-application-api",
    }
    file.write_text(json.dumps(wanted))
    return file


def test_commands_that_write_ask_first(gate: Listening, site: Served, host: Host, input_file: Path) -> None:
    gate.answer = refuses
    main = host.module("cli").main
    where = ["--state-dir", str(site.state)]
    record = host.deployment("a").record_id
    for name, options in {
        "ship execute": ["--input-file", str(input_file)],
        "inventory write-from-deployment": ["--record-id", record],
    }.items():
        said = CliRunner().invoke(main, [*name.split(), *where, *options], env={"LAUNCHPLANE_DATABASE_URL": None})
        assert said.exit_code == 1 and "deploy to testing again" in said.output, said.output
        assert gate.calls[-1].route == f"launchplane {name}" and gate.calls[-1].identity is None
    assert gate.calls[-1].request == host.deployment("a")
    assert site.inventory("testing") is None and site.changes == []


def test_commands_about_what_is_not_governed_go_as_ever(
    gate: Listening, site: Served, host: Host, input_file: Path
) -> None:
    options = ["--state-dir", str(site.state), "--record-id", host.deployment("a").record_id]
    command = ["inventory", "write-from-deployment", *options]
    said = CliRunner().invoke(host.module("cli").main, command, env={"LAUNCHPLANE_DATABASE_URL": None})
    assert said.exit_code == 0, said.output
    assert site.commit_on("testing") == host.deployment("a").source_git_ref


# -- installing


def test_it_is_taken_out_whole(host: Host) -> None:
    before = [function(host, name) for name in WRAPPED]
    bridge.install(Listening())
    assert [function(host, name) for name in WRAPPED] != before
    bridge.uninstall()
    assert [function(host, name) for name in WRAPPED] == before
    bridge.uninstall()


def test_one_gate_is_installed_at_a_time(gate: Listening) -> None:
    with pytest.raises(SettingsError, match="installed in this host already"):
        bridge.install(Listening())


def misses_an_argument(*, record_store: Any, request: Any) -> None:
    """Another ``execute_generic_web_deploy``."""


def answers_otherwise(**_: Any) -> list[bytes]:
    return [b"{}"]


@pytest.mark.parametrize(
    ("name", "found", "told"),
    [
        ("service.execute_generic_web_deploy", None, "control_plane.service.execute_generic_web_deploy is not there"),
        (
            "service.execute_generic_web_deploy",
            misses_an_argument,
            "control_plane.service.execute_generic_web_deploy takes (record_store, request)",
        ),
        ("service.dokploy_request", answers_otherwise, "control_plane.service keeps a dokploy_request of its own"),
    ],
)
def test_another_host_is_refused_by_what_differs(
    host: Host, monkeypatch: pytest.MonkeyPatch, name: str, found: Any, told: str
) -> None:
    module, _, attribute = name.rpartition(".")
    if found is None:
        monkeypatch.delattr(host.module(module), attribute)
    else:
        monkeypatch.setattr(host.module(module), attribute, found, raising=False)
    before = function(host, "service._json_response")
    with pytest.raises(SettingsError) as error:
        bridge.install(Listening())
    assert told in str(error.value) and "Nothing was wrapped" in error.value.hint
    assert function(host, "service._json_response") is before


def test_a_host_that_answers_otherwise_than_it_was_told_to_is_refused(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each function is as it is known, and what the gate says does not reach the caller."""
    service = host.module("service")
    plain = service._accepted_payload

    def forgetful(
        *, trace_id: str, result: Any, driver_result: Any, replayed: bool = False, original_trace_id: str = ""
    ) -> Any:
        return plain(trace_id=trace_id, result=result, driver_result=driver_result)

    monkeypatch.setattr(service, "_accepted_payload", forgetful)
    with pytest.raises(SettingsError, match="a replay reached the caller of a trial request as"):
        bridge.install(Listening())
    assert service._accepted_payload is forgetful


def test_a_command_that_takes_something_else_is_refused(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    command = host.module("cli").main.commands["ship"].commands["execute"]
    monkeypatch.setattr(command, "params", command.params[:-1])
    with pytest.raises(SettingsError, match="`launchplane ship execute` does not take"):
        bridge.install(Listening())


def function(host: Host, name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(host.module(module), attribute)
