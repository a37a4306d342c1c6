"""Reports of other writers: kept as evidence, at the gate's time; the inventory of a governed lane is not theirs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from launchplane_gate.model import unstamp
from tests.conftest import TESTING, B
from tests.fakes.platform import FakePlatform
from tests.plugins.launchplane.desk import Desk, job
from tests.plugins.launchplane.hosts import PRODUCT, Host, artifact, commit


@pytest.fixture
def both(desk: Desk) -> Desk:
    """Testing and prod run A."""
    desk.deploy("A")
    desk.promote("A")
    return desk


def told(host: Host, letter: str, instance: str = "testing", status: str = "pass", **times: str) -> Any:
    deploy = host.deploy(instance, status) | times
    return host.deployment(letter, instance, record_id=f"deployment-told-{instance}-{letter}", deploy=deploy)


@pytest.mark.parametrize("status", ["fail", "pending", "skipped"])
def test_a_deploy_that_did_not_pass_is_kept_and_the_inventory_stays(both: Desk, host: Host, status: str) -> None:
    """S6"""
    before = both.inventory()
    records = both.run(both.report(told(host, "B", status=status))).result
    assert set(records) == {"deployment_record_id"}
    kept = both.store.read_deployment_record(records["deployment_record_id"])
    assert (kept.source_git_ref, kept.deploy.status) == (commit("B"), status)
    assert both.inventory() == before


def test_prod_is_not_changed_by_whoever_says_that_it_passed(both: Desk, host: Host) -> None:
    """S7: nor where prod is seen to run it, which nobody let go."""
    before = both.inventory("prod")
    records = both.run(both.report(told(host, "F", "prod"))).result
    assert set(records) == {"deployment_record_id"} and both.inventory("prod") == before
    assert both.store.read_deployment_record(records["deployment_record_id"]).source_git_ref == commit("F")
    decision = both.gate.ledger.decision_entries(limit=1)[0].body["decision"]
    assert (decision["action"], decision["phase"]) == ("evidence", "admit")


def test_what_testing_is_seen_to_run_becomes_its_inventory(both: Desk, host: Host) -> None:
    both.platform.run(TESTING, B)
    call = both.report(told(host, "B"), idempotency_key="k")
    records = both.run(call).result
    assert records["inventory_record_id"] == f"{PRODUCT}-testing"
    assert both.inventory().deployment_record_id == records["deployment_record_id"]
    again = both.run(both.report(told(host, "B"), idempotency_key="k"))
    assert (again.result, again.original_trace_id) == (records, call.trace_id)


@pytest.mark.parametrize("started_at", ["", "2099-01-01T00:00:00Z", "yesterday"])
def test_no_clock_but_the_gates_is_asked(both: Desk, host: Host, started_at: str) -> None:
    """S57: later deploys and promotions pass."""
    before = both.gate.ledger.now()
    records = both.run(both.report(told(host, "A", started_at=started_at, finished_at=started_at))).result
    kept = both.store.read_deployment_record(records["deployment_record_id"])
    for text in (kept.deploy.started_at, kept.deploy.finished_at):
        assert (moment := unstamp(text))
        assert before - timedelta(seconds=1) <= moment <= both.gate.ledger.now() + timedelta(seconds=1)
    both.deploy("B")
    assert both.promote("B").promotion_status == "pass"


def test_a_report_stands_under_the_id_that_its_caller_chose_and_replaces_no_other(both: Desk, host: Host) -> None:
    """S46: the same report again is answered as before."""
    record = told(host, "B", status="fail")
    for _ in range(2):
        assert both.run(both.report(record)).result == {"deployment_record_id": record.record_id}
    assert both.store.read_deployment_record(record.record_id).source_git_ref == commit("B")
    ours = both.inventory().deployment_record_id
    for other in (record.model_copy(update={"source_git_ref": commit("C")}), host.deployment("A", record_id=ours)):
        denied = both.refused(both.report(other))
        assert (denied.status, denied.code) == (409, "record_exists") and other.record_id in denied.message
    assert both.refused(both.report(host.deployment("B", record_id="../inventory/x"))).status == 400
    assert both.store.read_deployment_record(ours).source_git_ref == commit("A")


def test_a_report_of_no_artifact_is_refused(both: Desk, host: Host) -> None:
    record = host.deployment("B", artifact_identity=None)
    denied = both.refused(both.report(record))
    assert (denied.status, denied.code) == (400, "invalid_request") and "names no artifact" in denied.message


def test_who_may_not_report_leaves_nothing(both: Desk, host: Host) -> None:
    stranger = job(host, subject="repo:stranger/fork:ref:refs/heads/main", repository="stranger/fork")
    deployments, promotions = both.store.list_deployment_records(), both.store.list_promotion_records()
    named = both.inventory().deployment_record_id
    for call in (
        both.report(told(host, "B"), identity=stranger),
        both.report(host.promotion("B", record_id="promotion-told"), identity=stranger),
        both.verification(named, identity=stranger),
    ):
        denied = both.refused(call)
        assert (denied.status, denied.code) == (409, "policy_denied") and "actor.permitted" in denied.message
    assert both.store.list_deployment_records() == deployments
    assert both.store.list_promotion_records() == promotions


@pytest.mark.parametrize("product", [PRODUCT, "nobody", "another"])
def test_it_is_the_lane_that_is_governed_whatever_product_is_claimed(both: Desk, host: Host, product: str) -> None:
    lanes = [{"instance": "prod", "context": "another"}]
    both.store.write_product_profile_record(host.profile(product="another", driver_id="odoo", lanes=lanes))
    before = both.inventory("prod")
    both.run(both.report(told(host, "F", "prod"), product=product))
    assert both.inventory("prod") == before


def test_records_of_lanes_that_are_not_governed_are_the_hosts_alone(desk: Desk, host: Host) -> None:
    """Also where nothing else of what is not governed is let through, and where the lane has no profile."""
    assert desk.embedded.run(desk.report(host.deployment("A", context="opw"), product="opw")) is None
    assert desk.embedded.run(desk.report(host.promotion("A", context="opw"), product="opw")) is None
    assert desk.embed(desk.gate, [PRODUCT]).run(desk.report(host.deployment("A"))) is None


@pytest.mark.parametrize("name", ["../inventory/x", "a\\b", "..", "a\0b"])
def test_no_name_leads_out_of_its_folder_whoever_the_lane_is_of(both: Desk, host: Host, name: str) -> None:
    """S40. Seen: the host, told of a deploy in a context of nobody, wrote over the inventory of a governed lane."""
    before = both.inventory()
    for record in (
        host.deployment("B", context=name),
        host.deployment("B", context="opw", record_id=name),
        host.promotion("B", context=name),
        host.promotion("B", context="opw", deployment_record_id=name),
    ):
        denied = both.refused(both.report(record, product="opw"))
        assert (denied.status, denied.code) == (400, "invalid_request") and "cannot be a name" in denied.message
    assert both.inventory() == before


@pytest.mark.parametrize("linked", ["fail", "other", "none", "pass"])
def test_a_promotion_that_is_told_of_is_kept_and_changes_no_inventory(both: Desk, host: Host, linked: str) -> None:
    """S8"""
    record = told(host, "F" if linked != "other" else "B", "prod", "fail" if linked == "fail" else "pass")
    if linked != "none":
        both.run(both.report(record))
    before = both.inventory("prod")
    promotion = host.promotion("F", deployment_record_id=record.record_id, record_id="promotion-told")
    assert both.run(both.report(promotion)).result == {"promotion_record_id": "promotion-told"}
    kept = both.store.read_promotion_record("promotion-told")
    assert (kept.artifact_identity.artifact_id, kept.deploy.status) == (artifact("F"), "pass")
    assert (moment := unstamp(kept.deploy.started_at)) and moment <= both.gate.ledger.now() + timedelta(seconds=1)
    assert both.inventory("prod") == before
    both.deploy("B")
    assert both.promote("B").promotion_status == "pass"


def test_no_record_of_another_promotion_is_written_over(both: Desk, host: Host) -> None:
    """S46"""
    first = host.promotion("F", record_id="promotion-told")
    both.run(both.report(first))
    kept = both.store.read_promotion_record("promotion-told")
    assert both.run(both.report(first)).result == {"promotion_record_id": "promotion-told"}
    denied = both.refused(both.report(host.promotion("B", record_id="promotion-told")))
    assert (denied.status, denied.code) == (409, "record_exists")
    ours = both.inventory("prod").promotion_record_id
    assert both.refused(both.report(host.promotion("A", record_id=ours))).code == "record_exists"
    assert both.store.read_promotion_record("promotion-told") == kept
    assert both.refused(both.report(host.promotion("F", record_id="../inventory/x"))).status == 400


@pytest.mark.parametrize(
    ("found", "status"),
    [({}, "pass"), ({"verification_status": "fail"}, "fail"), ({"owner_routes_status": "skipped"}, "skipped")],
)
def test_what_tests_found_stands_in_the_record_of_their_deploy_and_the_lane_stays_as_it_was(
    both: Desk, found: dict[str, str], status: str
) -> None:
    """S9: the inventory is not advanced. S46: it is the deploy's own record that is told more of."""
    before = both.inventory()
    result = both.run(both.verification(before.deployment_record_id, asked=found)).result
    assert result == {"deployment_record_id": before.deployment_record_id}
    record = both.store.read_deployment_record(before.deployment_record_id)
    assert (record.post_deploy_update.status, record.destination_health.status) == (status, "pass")
    assert "migration pass" in record.post_deploy_update.detail and record.deploy == before.deploy
    assert both.inventory() == before
    both.run(both.verification(before.deployment_record_id))  # once they pass
    assert both.store.read_deployment_record(before.deployment_record_id).post_deploy_update.status == "pass"
    assert both.promote("A", asked={"no_cache": True}).promotion_status == "pass"
    assert both.gate.ledger.verify().wrong == ()


def test_tests_of_no_deploy_of_the_lane_are_refused(both: Desk) -> None:
    prod = both.inventory("prod").deployment_record_id
    for record_id in ("nowhere", prod, "../inventory/x"):
        assert both.refused(both.verification(record_id)).status in (400, 503)
    both.platform.behaves = lambda platform, approval: platform.change(approval, status="unknown")
    pending = both.deploy("B").deployment_record_id
    assert both.refused(both.verification(pending)).code == "invalid_request"

    def meanwhile(platform: FakePlatform, approval: Any) -> Any:
        denied.append(both.refused(both.verification(both.inventory().deployment_record_id)))
        return platform.change(approval)

    denied: list[Any] = []
    both.platform.behaves = meanwhile
    both.deploy("B")
    assert denied[0].code == "in_progress"
