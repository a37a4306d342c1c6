"""The host, served with a gate in it and a Dokploy behind: what went wrong there before goes right now.

The eleven behaviours that a gate inside Launchplane is there for, each asked for over HTTP as a workflow asks: of a
host that was edited, with both kinds of store, and of one that is as it was, by the bridge.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import B
from tests.plugins.launchplane.gated import Service, edited, gated
from tests.plugins.launchplane.hosts import Host, artifact, commit
from tests.postgres import PostgresServer

pytestmark = pytest.mark.thorough  # a process of its own, that deploys for real to a fake Dokploy

BEHAVIOURS = tuple(f"shop-{number}" for number in range(1, 12))
OTHER = "shop-11"  # of another driver


def refused(answer: httpx.Response, code: str = "policy_denied") -> str:
    """The message of a refusal in the host's envelope."""
    told = answer.json()
    assert (answer.status_code, told["status"], told["error"]["code"]) == (409, "rejected", code), told
    assert told["trace_id"]
    return str(told["error"]["message"])


def passed(answer: httpx.Response) -> Any:
    told = answer.json()
    assert (answer.status_code, told["status"]) == (202, "accepted"), told
    status = told["result"].get("promotion_status") or told["result"]["deploy_status"]
    assert status == "pass", told["result"]["error_message"]
    return told


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return edited(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(
    scope="module",
    params=[
        "edit on files",
        pytest.param("edit on sqlite", marks=pytest.mark.launchplane),
        pytest.param("edit on postgres", marks=pytest.mark.launchplane),
        "bridge on files",
    ],
)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    by, _, store = request.param.split()
    checkout = request.getfixturevalue("checkout") if by == "edit" else None
    database = _database(request) if store == "postgres" else ""
    with gated(
        tmp_path_factory.mktemp("served"),
        BEHAVIOURS,
        by=by,
        checkout=checkout,
        store=store,
        database=database,
        drivers={OTHER: "verireel"},
    ) as service:
        yield service


def _database(request: pytest.FixtureRequest) -> str:
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create_database("over_http")


def test_a_deploy_that_passed_is_in_the_inventory(service: Service) -> None:
    """1"""
    told = passed(service.deploy("shop-1", "A"))
    inventory = service.inventory("shop-1", "testing")
    assert inventory["artifact_identity"]["artifact_id"] == artifact("A") == service.running("shop-1", "testing")
    assert inventory["deployment_record_id"] == told["records"]["deployment_record_id"]
    record = service.client.get(f"/v1/deployments/{inventory['deployment_record_id']}").json()["record"]
    kept = service.client.get(f"/v1/gate/decisions/{record['runtime_source']['gate_decision_id']}")
    if service.has_routes:
        assert kept.json()["decision"]["allowed"] and kept.json()["decision"]["trace"] == told["trace_id"]
    else:
        assert kept.status_code == 404  # there are no new routes in a host that is wrapped


def test_a_promotion_ships_what_testing_runs_and_nothing_else(service: Service) -> None:
    """2"""
    passed(service.deploy("shop-2", "A"))
    assert "inventory.source_current" in refused(service.promote("shop-2", "B"))
    assert service.running("shop-2", "prod") is None and service.inventory("shop-2", "prod") is None
    told = passed(service.promote("shop-2", "A"))
    assert told["records"]["inventory_record_id"] == "shop-2-prod"
    assert service.inventory("shop-2", "prod")["promotion_record_id"] == told["records"]["promotion_record_id"]


def test_a_repeat_is_replayed_while_it_is_true_alone(service: Service) -> None:
    """3: failures and dry runs are not remembered either."""
    passed(service.deploy("shop-3", "A"))
    dry = service.promote("shop-3", "A", "k", dry_run=True).json()
    assert dry["result"]["promotion_status"] == "pending" and service.running("shop-3", "prod") is None
    first = passed(service.promote("shop-3", "A", "k"))
    again = passed(service.promote("shop-3", "A", "k"))
    assert (again["replayed"], again["original_trace_id"]) == (True, first["trace_id"])
    assert (again["records"], again["result"]) == (first["records"], first["result"])
    passed(service.deploy("shop-3", "B"))
    refused(service.promote("shop-3", "A", "k"), "stale_idempotent_replay")
    refused(service.promote("shop-3", "B", "k"), "idempotency_key_reused")
    assert service.runs("shop-3", "prod") == commit("A")


def test_nothing_is_deployed_to_prod_but_by_promotion(service: Service) -> None:
    """4"""
    assert "lane.not_bypassed" in refused(service.deploy("shop-4", "A", "prod"))
    assert service.running("shop-4", "prod") is None


def test_a_report_of_a_failed_deploy_leaves_the_inventory_alone(service: Service, host: Host) -> None:
    """5"""
    passed(service.deploy("shop-5", "A"))
    before = service.inventory("shop-5", "testing")
    record = host.deployment("B", context="shop-5", status="fail").model_dump(mode="json", exclude_none=True)
    told = service.post("/v1/evidence/deployments", {"product": "shop-5", "deployment": record}).json()
    assert told["status"] == "accepted" and set(told["records"]) == {"deployment_record_id"}
    kept = service.client.get(f"/v1/deployments/{told['records']['deployment_record_id']}").json()["record"]
    assert (kept["source_git_ref"], kept["deploy"]["status"]) == (commit("B"), "fail")
    assert service.inventory("shop-5", "testing") == before


def test_what_prod_was_given_and_does_not_prove_leaves_prod_unsettled(service: Service) -> None:
    """6: B is out, and its health fails; the promotion says so, and only what settles prod is let through."""
    passed(service.deploy("shop-6", "A"))
    passed(service.promote("shop-6", "A"))
    passed(service.deploy("shop-6", "B"))
    service.dokploy.push(B.artifact_id, B.source_git_ref, reports="broken")
    told = service.promote("shop-6", "B").json()
    service.dokploy.push(B.artifact_id, B.source_git_ref)
    assert told["result"]["promotion_status"] == "fail" and "decision d-" in told["result"]["error_message"]
    promotion = service.client.get(f"/v1/promotions/{told['records']['promotion_record_id']}").json()["record"]
    assert promotion["deploy"]["status"] == "fail" and service.runs("shop-6", "prod") == commit("A")
    assert not service.lane("shop-6", "prod")["settled"]


def test_the_old_container_is_not_taken_for_the_new_one(service: Service) -> None:
    """7: Dokploy says done, and what answers is still A."""
    passed(service.deploy("shop-7", "A"))
    service.dokploy.takeover_s = 10**6
    try:
        told = service.deploy("shop-7", "B").json()
    finally:
        service.dokploy.takeover_s = 0
    assert told["result"]["deploy_status"] == "fail" and "unsettled" in told["result"]["error_message"]
    assert service.runs("shop-7", "testing") == commit("A")


def test_two_deploys_within_a_second_have_a_record_each(service: Service) -> None:
    """8"""
    ids = [passed(service.deploy("shop-8", letter))["records"]["deployment_record_id"] for letter in "ABA"]
    assert len(set(ids)) == 3
    for letter, record_id in zip("ABA", ids, strict=True):
        record = service.client.get(f"/v1/deployments/{record_id}").json()["record"]
        assert record["source_git_ref"] == commit(letter)


def test_one_key_twice_in_flight_deploys_once(service: Service) -> None:
    """9: and of two promotions at once one deploys, and the other is told what it then finds."""
    with ThreadPoolExecutor(2) as both:
        one, other = both.map(lambda _: service.deploy("shop-9", "A", key="k"), range(2))
    assert passed(one)["result"] == passed(other)["result"]
    assert [told.json().get("replayed", False) for told in (one, other)].count(True) == 1
    count = _deploys(service)
    with ThreadPoolExecutor(2) as both:
        one, other = both.map(lambda _: service.promote("shop-9", "A"), range(2))
    assert passed(one)["records"] == passed(other)["records"] and _deploys(service) == count + 1


def _deploys(service: Service) -> int:
    return sum(asked.path == "/api/application.deploy" for asked in service.dokploy.requests)


def test_an_answer_that_is_lost_after_the_work_is_no_500(service: Service) -> None:
    """10: there is a record, and the lane says what may run there."""
    passed(service.deploy("shop-10", "A"))
    service.dokploy.break_next("/api/application.deploy", "drop_after")
    answer = service.deploy("shop-10", "B")
    told = answer.json()
    assert answer.status_code == 202 and told["records"]["deployment_record_id"]
    assert told["result"]["deploy_status"] in ("pass", "fail")
    view = service.lane("shop-10", "testing")
    assert view["settled"] == (told["result"]["deploy_status"] == "pass")
    passed(service.deploy("shop-10", "C"))
    assert service.lane("shop-10", "testing")["settled"]


def test_a_product_of_another_driver_does_not_get_to_prod_by_the_route_of_generic_web(service: Service) -> None:
    """11"""
    assert "lane.driver_matches" in refused(service.deploy(OTHER, "A", "prod"))
    assert service.running(OTHER, "prod") is None
