"""An edited host: what it asks an installed gate, and what it does without one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from launchplane_gate_launchplane.edit.sites import SITES
from launchplane_gate_launchplane.protocol import COMMANDS, Answer, HostGate, Reading
from tests.plugins.launchplane.asking import Service, bodies, identity
from tests.plugins.launchplane.hosts import PRODUCT, Host

RESULTS = {
    "/v1/drivers/generic-web/deploy": "generic_web_deploy.GenericWebDeployResult",
    "/v1/drivers/generic-web/prod-promotion": "generic_web_promotion.GenericWebProdPromotionResult",
    "/v1/drivers/odoo/prod-promotion": "odoo_prod_promotion.OdooProdPromotionResult",
    "/v1/drivers/odoo/prod-rollback": "odoo_prod_rollback.OdooProdRollbackResult",
    "/v1/drivers/verireel/testing-deploy": "verireel_stable_deploy.VeriReelStableDeployResult",
    "/v1/drivers/verireel/prod-deploy": "verireel_stable_deploy.VeriReelStableDeployResult",
    "/v1/drivers/verireel/prod-promotion": "verireel_prod_promotion.VeriReelProdPromotionResult",
    "/v1/drivers/verireel/prod-rollback": "verireel_prod_rollback.VeriReelProdRollbackResult",
}


class Recording:
    """A gate that answers as it is told to, and knows what it was asked."""

    def __init__(self, answer: Callable[[Any], Answer | None] = lambda call: None) -> None:
        self.calls: list[Any] = []
        self.changes: list[dict[str, Any]] = []
        self.reads: list[tuple[str, dict[str, str]]] = []
        self._answer = answer

    def run(self, call: Any) -> Answer | None:
        self.calls.append(call)
        return self._answer(call)

    def change(
        self,
        *,
        method: str,
        path: str,
        payload: Any,
        query: Any,
        timeout_s: float,
        send: Callable[[Any, float], Any],
    ) -> Any:
        self.changes.append({"method": method, "path": path, "payload": payload, "query": query, "for": timeout_s})
        return send(payload, timeout_s)

    def read(self, action: str, params: Mapping[str, str]) -> Reading:
        self.reads.append((action, dict(params)))
        if "d-missing" in params.values():
            raise FileNotFoundError("d-missing")
        return Reading(context=PRODUCT, payload={"told": "by the gate", "status": "overwritten"})


def takes_over(host: Host, route: str, **said: str) -> Answer:
    """What the route's executor might have returned."""
    if route not in RESULTS:
        return Answer(result={"deployment_record_id": "deployment-of-the-gate"}, **said)
    module, kind = RESULTS[route].split(".")
    model = getattr(host.module(f"workflows.{module}"), kind)
    needed = {name: f"{name} of the gate" for name, field in model.model_fields.items() if field.is_required()}
    return Answer(result=model.model_construct(**needed), **said)


@pytest.fixture
def service(edited_host: Host, tmp_path: Path) -> Service:
    edited_host.file_store(tmp_path).write_product_profile_record(edited_host.profile())
    return Service(edited_host, tmp_path)


def kept_keys(state_dir: Path) -> list[Path]:
    return list(state_dir.glob("*idempotency*/*.json"))


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.route)
def test_a_gate_is_asked_whatever_changes_a_lane_and_answers_in_the_hosts_form(
    host_gate: Any, service: Service, edited_host: Host, tmp_path: Path, site: Any
) -> None:
    gate = Recording(lambda call: takes_over(edited_host, call.route))
    host_gate.install(gate)
    body = bodies(edited_host)[site.route]
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    status, answer = service.post(site.route, body, key="a-key")
    assert (status, answer["status"]) == (202, "accepted"), answer
    assert "replayed" not in answer
    [call] = gate.calls
    assert (call.route, call.driver_id, call.product) == (site.route, site.driver_id, body["product"])
    asked = call.request.model_dump(mode="json")
    assert {name: asked[name] for name in body[site.takes]} == body[site.takes]
    assert (call.trace_id, call.idempotency_key) == (answer["trace_id"], "a-key")
    assert call.identity == identity(edited_host)
    assert call.fingerprint
    assert call.scope.startswith("cbusillo/sellyouroutboard|")
    assert call.control_plane_root == tmp_path
    assert "of the gate" in json.dumps(answer) or "of-the-gate" in json.dumps(answer)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == before


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.route)
def test_a_denial_is_answered_as_the_gate_says_it_and_kept_by_nobody(
    host_gate: Any, service: Service, edited_host: Host, tmp_path: Path, site: Any
) -> None:
    def deny(call: Any) -> Answer:
        raise host_gate.GateDenied(status=409, code="policy_denied", message="testing runs another release")

    host_gate.install(Recording(deny))
    status, answer = service.post(site.route, bodies(edited_host)[site.route], key="a-key")
    assert status == 409
    assert answer["status"] == "rejected"
    assert answer["error"] == {"code": "policy_denied", "message": "testing runs another release"}
    assert answer["trace_id"].startswith("launchplane_req_")
    assert not kept_keys(tmp_path)


def test_what_the_gate_repeats_is_told_as_a_replay(host_gate: Any, service: Service, edited_host: Host) -> None:
    route = "/v1/drivers/generic-web/prod-promotion"
    host_gate.install(Recording(lambda call: takes_over(edited_host, route, original_trace_id="the-first")))
    status, answer = service.post(route, bodies(edited_host)[route], key="a-key")
    assert (status, answer["replayed"], answer["original_trace_id"]) == (202, True, "the-first")


@pytest.mark.parametrize("installed", [False, True], ids=["no gate", "nothing governed"])
def test_what_is_not_governed_goes_its_way_as_before(
    host_gate: Any, service: Service, edited_host: Host, tmp_path: Path, installed: bool
) -> None:
    host_gate.install(Recording() if installed else None)
    route = "/v1/evidence/deployments"
    body = bodies(edited_host)[route]
    first = service.post(route, body, key="a-key")
    again = service.post(route, body, key="a-key")
    other = service.post(route, {**body, "product": "another"}, key="a-key")
    assert first[0] == again[0] == 202
    assert again[1]["original_trace_id"] == first[1]["trace_id"]
    assert (other[0], other[1]["error"]["code"]) == (409, "idempotency_key_reused")
    assert len(kept_keys(tmp_path)) == 1
    inventory = edited_host.file_store(tmp_path).read_environment_inventory(
        context_name=PRODUCT, instance_name="testing"
    )
    assert inventory.deployment_record_id == body["deployment"]["record_id"]


def test_the_executor_runs_unchanged_with_the_store_that_it_is_given(
    host_gate: Any, service: Service, edited_host: Host, tmp_path: Path
) -> None:
    elsewhere = edited_host.file_store(tmp_path / "elsewhere")
    host_gate.install(Recording(lambda call: Answer(result=call.execute(elsewhere))))
    route = "/v1/evidence/deployments"
    status, answer = service.post(route, bodies(edited_host)[route])
    assert status == 202
    record_id = answer["records"]["deployment_record_id"]
    assert elsewhere.read_deployment_record(record_id).record_id == record_id
    with pytest.raises(FileNotFoundError):
        edited_host.file_store(tmp_path).read_deployment_record(record_id)


@pytest.mark.parametrize("token", ["nobody", "workflow"])
def test_who_may_not_is_refused_before_the_gate_is_asked(
    host_gate: Any, edited_host: Host, tmp_path: Path, token: str
) -> None:
    gate = Recording()
    host_gate.install(gate)
    edited_host.file_store(tmp_path).write_product_profile_record(edited_host.profile())
    service = Service(edited_host, tmp_path, actions=("inventory.read",))
    for route, body in bodies(edited_host).items():
        assert service.post(route, body, by=token)[0] == (401 if token == "nobody" else 403)
    assert not gate.calls


def test_decisions_and_lanes_are_read_where_there_is_a_gate_by_those_who_may(
    host_gate: Any, edited_host: Host, tmp_path: Path
) -> None:
    paths = {
        "/v1/gate/decisions/d-1": ("gate_decision.read", {"decision_id": "d-1"}),
        f"/v1/gate/lanes/{PRODUCT}/prod": ("gate_lane.read", {"context": PRODUCT, "instance": "prod"}),
    }
    service = Service(edited_host, tmp_path)
    assert [service.get(path)[0] for path in paths] == [404, 404]
    gate = Recording()
    host_gate.install(gate)
    for path in paths:
        status, answer = service.get(path)
        assert (status, answer["status"], answer["told"]) == (200, "ok", "by the gate")
        assert answer["trace_id"].startswith("launchplane_req_")
    assert gate.reads == list(paths.values())
    assert service.get("/v1/gate/decisions/d-missing")[0] == 404
    assert service.get("/v1/gate/decisions/d-1", by="nobody")[0] == 401
    elsewhere = Service(edited_host, tmp_path / "elsewhere", contexts=("another",))
    assert [elsewhere.get(path)[0] for path in paths] == [403, 403]
    unable = Service(edited_host, tmp_path / "unable", actions=("inventory.read",))
    assert [unable.get(path)[0] for path in paths] == [403, 403]
    assert service.post("/v1/gate/decisions/d-1", {})[0] == 405


def test_the_gate_stands_around_every_request_to_the_provider(host_gate: Any, edited_host: Host, provider: Any) -> None:
    ask = edited_host.module("dokploy").dokploy_request
    at = {"host": provider.url, "token": "secret"}
    plain = ask(**at, path="api/application.one", query={"applicationId": "app-1"})
    gate = Recording()
    host_gate.install(gate)
    assert ask(**at, path="api/application.one", query={"applicationId": "app-1"}) == plain == {"asked": 1}
    ask(**at, path="/api/application.deploy", method="POST", payload={"applicationId": "app-1"}, timeout_seconds=7)
    assert gate.changes == [
        {
            "method": "GET",
            "path": "/api/application.one",
            "payload": None,
            "query": {"applicationId": "app-1"},
            "for": 60,
        },
        {
            "method": "POST",
            "path": "/api/application.deploy",
            "payload": {"applicationId": "app-1"},
            "query": None,
            "for": 7,
        },
    ]
    assert provider.asked == [
        ("GET", "/api/application.one?applicationId=app-1", None),
        ("GET", "/api/application.one?applicationId=app-1", None),
        ("POST", "/api/application.deploy", {"applicationId": "app-1"}),
    ]
    with pytest.raises(click.ClickException, match="403"):
        ask(**at, path="/api/forbidden")


def test_a_change_may_be_altered_and_refused(host_gate: Any, edited_host: Host, provider: Any) -> None:
    class Altering(Recording):
        def change(self, *, path: str, payload: Any, send: Callable[[Any, float], Any], **_: Any) -> Any:
            if path.endswith(".redeploy"):
                raise host_gate.GateDenied(status=409, code="no_permit", message="nothing lets this through")
            return {"cut": send({**payload, "title": "ours"}, 1.5)}

    host_gate.install(Altering())
    ask = edited_host.module("dokploy").dokploy_request
    at = {"host": provider.url, "token": "secret", "method": "POST", "payload": {"applicationId": "app-1"}}
    assert ask(**at, path="/api/application.deploy") == {"cut": {"asked": 1}}
    with pytest.raises(host_gate.GateDenied):
        ask(**at, path="/api/application.redeploy")
    assert provider.asked == [("POST", "/api/application.deploy", {"applicationId": "app-1", "title": "ours"})]


def commands(host: Host, folder: Path) -> dict[str, list[str]]:
    """The host's commands that change a lane, and what they are given."""
    request = {
        "artifact_id": "artifact-1",
        "context": PRODUCT,
        "source_git_ref": "main",
        "target_name": "shop",
        "target_type": "application",
        "deploy_mode": "dokploy-application-api",
    }
    ship, promote = folder / "ship.json", folder / "promote.json"
    ship.write_text(json.dumps({**request, "instance": "testing"}))
    backup = {"backup_record_id": "backup-gate-1"}
    promote.write_text(json.dumps({**request, **backup, "from_instance": "testing", "to_instance": "prod"}))
    deployed, promoted = folder / "deployed.json", folder / "promoted.json"
    deployed.write_text(host.deployment("b", record_id="deployment-b").model_dump_json())
    promoted.write_text(host.promotion("b", record_id="promotion-b").model_dump_json())
    state, database = ["--state-dir", str(folder)], ["--database-url", f"sqlite+pysqlite:///{folder / 'db'}"]
    told = {"record-id": "promotion-c", "context": PRODUCT, "from-instance": "testing", "to-instance": "prod"}
    told |= {"artifact-id": "artifact-1", "target-name": "shop", "target-type": "compose", "deploy-mode": "any"}
    return {
        "launchplane ship execute": [*state, "--input-file", str(ship)],
        "launchplane promote execute": [*state, "--input-file", str(promote)],
        "launchplane promote record": [*state, *(f"--{name}={value}" for name, value in told.items())],
        "launchplane deployments write": [*state, "--input-file", str(deployed)],
        "launchplane promotions write": [*state, "--input-file", str(promoted)],
        "launchplane release-tuples write-from-promotion": [*state, "--record-id", host.promotion("a").record_id],
        "launchplane inventory write-from-deployment": [*state, "--record-id", host.deployment("a").record_id],
        "launchplane inventory write-from-promotion": [*state, "--record-id", host.promotion("a").record_id],
        "launchplane odoo-rollbacks execute": [*database, "--context", "opw"],
        "launchplane storage import-core-records": [*state, *database],
    }


@pytest.mark.parametrize("answered", ["denies", "takes over", "executes"])
def test_a_command_refuses_for_what_is_governed_and_writes_nothing(
    host_gate: Any, edited_host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answered: str
) -> None:
    def answer(call: Any) -> Answer | None:
        if answered == "denies":
            raise host_gate.GateDenied(status=409, code="policy_denied", message="not by a command")
        return Answer(result=None if answered == "takes over" else call.execute(call.record_store))

    monkeypatch.chdir(tmp_path)
    store = edited_host.file_store(tmp_path)
    store.write_deployment_record(edited_host.deployment("a"))
    store.write_promotion_record(edited_host.promotion("a"))
    gate = Recording(answer)
    host_gate.install(gate)
    given = commands(edited_host, tmp_path)
    assert set(given) == COMMANDS
    for command, arguments in given.items():
        ran = CliRunner().invoke(edited_host.module("cli").main, [*command.split()[1:], *arguments])
        assert (ran.exit_code, type(ran.exception)) == (1, SystemExit), ran.output
        told = "not by a command" if answered == "denies" else f"{command} cannot be run by the gate"
        assert ran.output.startswith(f"Error: {told}")
    assert [call.route for call in gate.calls] == list(given)
    assert {call.idempotency_key for call in gate.calls} == {""}
    assert not store.list_environment_inventory() and not store.list_release_tuple_records()
    assert (len(store.list_deployment_records()), len(store.list_promotion_records())) == (1, 1)


@pytest.mark.parametrize("installed", [False, True], ids=["no gate", "nothing governed"])
def test_a_command_goes_its_way_where_nothing_is_governed(
    host_gate: Any, edited_host: Host, tmp_path: Path, installed: bool
) -> None:
    host_gate.install(Recording() if installed else None)
    store = edited_host.file_store(tmp_path)
    store.write_deployment_record(edited_host.deployment("a"))
    command = "launchplane inventory write-from-deployment"
    arguments = commands(edited_host, tmp_path)[command]
    ran = CliRunner().invoke(edited_host.module("cli").main, [*command.split()[1:], *arguments])
    assert ran.exit_code == 0, ran.output
    assert [record.instance for record in store.list_environment_inventory()] == ["testing"]


def test_our_shapes_are_those_of_the_host(host_gate: Any) -> None:
    gate: HostGate = Recording()
    host_gate.install(gate)
    assert host_gate.installed() is gate
    host_gate.install(None)
    assert host_gate.installed() is None
