"""Ways past the gate in a served host, by number: each is closed, with the gate in it by each way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.launchplane.asserting import for_the_real, kept, refused
from tests.plugins.launchplane.gated import Service, Shop, Way, release
from tests.plugins.launchplane.hosts import Host, artifact, commit

pytestmark = pytest.mark.thorough  # a process of its own, that deploys for real to a fake Dokploy


def told_by(answer: Any) -> str:
    return str(answer.json()["error"]["code"])


NAMES = ["../inventory/x", *for_the_real("a/b", "a\\b", "..", "a\0b")]


@pytest.mark.behaviour(11)
def test_s36_a_product_of_another_driver_does_not_get_to_prod_by_the_route_of_generic_web(films: Shop) -> None:
    """S36"""
    for instance in ("testing", "prod"):
        assert "lane.driver_matches" in refused(films.deploy("A", instance))
    assert films.running("prod") is None


def test_s37_verireels_direct_deploy_to_prod_is_refused(films: Shop) -> None:
    """S37"""
    asked = {"context": films.product, "instance": "prod", **release("A")}
    answer = films.service.post("/v1/drivers/verireel/prod-deploy", {"product": films.product, "deploy": asked})
    assert "lane.not_bypassed" in refused(answer) and films.changes("prod") == 0


@pytest.mark.launchplane  # in CI each half of it is shown without a process
def test_s38_s39_the_hosts_commands_and_its_own_requests_do_not_go_past_the_gate(
    way: Way, host: Host, tmp_path: Path
) -> None:
    """S38: those that deploy, and those that write an inventory. S39: nor does any code that asks Dokploy by itself."""
    with way.sited(tmp_path, ("shop",)) as site:
        told, prod = host.deployment("F", "prod", context="shop"), site.target("shop", "prod")
        site.store.write_deployment_record(told)
        wanted = {"context": "shop", **release("F"), "target_name": "shop-prod", "target_type": "application"}
        ship, promote = tmp_path / "ship.json", tmp_path / "promote.json"
        ship.write_text(json.dumps({**wanted, "deploy_mode": "dokploy-application-api", "instance": "prod"}))
        lanes = {"from_instance": "testing", "to_instance": "prod", "backup_record_id": "backup-gate-1"}
        promote.write_text(json.dumps({**wanted, "deploy_mode": "dokploy-application-api", **lanes}))
        at = ["--state-dir", str(tmp_path / "state"), *(["--database-url", site.url] if site.url else [])]
        told_each = site.commands(
            ["ship", "execute", *at, "--input-file", str(ship)],
            ["promote", "execute", *at, "--input-file", str(promote)],
            ["inventory", "write-from-deployment", *at, "--record-id", told.record_id],
            *(["dokploy", f"/api/application.{what}", prod] for what in ("saveDockerProvider", "deploy", "redeploy")),
        )
        assert all("launchplane-gate" in said for said in told_each[:3]), told_each
        assert all(said.startswith("GateDenied") and "was not sent" in said for said in told_each[3:]), told_each
        assert site.store.list_environment_inventory() == ()
        assert site.dokploy.changes(prod) == 0


@pytest.mark.parametrize("name", NAMES)
def test_s40_what_could_leave_its_folder_is_no_name(both: Shop, name: str) -> None:
    """S40: of a record, or of a context; be it a context that is not governed."""
    for record in (
        both.reported("B", record_id=name),
        both.reported("B", context=name),
        both.reported_promotion("B", record_id=name),
    ):
        answer = both.tell(record)
        assert (answer.status_code, answer.json()["status"]) == (400, "rejected"), answer.text
    assert both.runs() == commit("A") == both.runs("prod")


def test_s61_what_is_not_governed_is_as_the_settings_say(service: Service) -> None:
    """S61: what they leave alone goes as ever, and that is told; what they do not name is refused by name."""
    assert service.deploy("left-alone", "A").json()["result"]["deploy_status"] == "pass"
    assert service.running("left-alone", "testing") == artifact("A")
    assert service.inventory("left-alone", "testing") is None  # as the host has it
    assert "goes past the gate" in (service.site.root / "log").read_text()
    asked = {"context": "nobody", "instance": "testing", **release("A")}
    answer = service.post("/v1/drivers/verireel/testing-deploy", {"product": "nobody", "deploy": asked})
    assert told_by(answer) in ("not_governed", "not_found")  # the latter where the host looks for its record first


def test_s58_a_lane_without_a_health_url_is_refused_by_name(service: Service) -> None:
    """S58: before anything is deployed; what is on record the host can read."""
    message = refused(service.deploy("without-url", "A"))
    assert "health" in message and service.running("without-url", "testing") is None
    assert service.client.get("/v1/contexts/without-url/operations/recent").status_code == 200


def test_s46_no_record_is_written_over(both: Shop) -> None:
    """S46: the same report again is answered as before, another under its id is refused."""
    for record in (both.reported("B", status="fail"), both.reported_promotion("B")):
        first = kept(both.tell(record))
        assert kept(both.tell(record)) == first
        artifact_of = record.artifact_identity.model_copy(update={"artifact_id": artifact("C")})
        assert told_by(both.tell(record.model_copy(update={"artifact_identity": artifact_of}))) == "record_exists"
    ours = both.inventory()["deployment_record_id"]
    assert told_by(both.tell(both.reported("B", record_id=ours))) == "record_exists"
    assert both.service.record(ours)["source_git_ref"] == commit("A")
