"""The whole line over the host's own records: what it decides on, and what the host finds there afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.errors import StaleReplay
from launchplane_gate.gate import Gate
from launchplane_gate.lanes import look
from launchplane_gate.ledger import Ledger
from launchplane_gate_launchplane.store import LaunchplaneStore
from tests.conftest import ACTOR, PRODUCT, A, B, MakeGate, deploy, promote
from tests.plugins.launchplane.hosts import Host

pytestmark = pytest.mark.thorough  # whole runs over records of a host


@pytest.fixture
def gate(host: Host, host_store: Any, make_gate: MakeGate) -> Gate:
    host_store.write_product_profile_record(host.profile(driver_id="fake"))
    return make_gate(store=LaunchplaneStore(host_store))


def test_what_the_gate_records_the_host_reads(gate: Gate, host_store: Any) -> None:
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    run = gate.run(promote(A), ACTOR)
    assert run.status == "recorded"
    prod = host_store.read_environment_inventory(context_name=PRODUCT, instance_name="prod")
    assert prod.artifact_identity.artifact_id == A.artifact_id and prod.promoted_from_instance == "testing"
    assert host_store.read_promotion_record(prod.promotion_record_id).deploy.status == "pass"
    [deployment] = host_store.list_deployment_records(context_name=PRODUCT, instance_name="prod")
    assert deployment.record_id == prod.deployment_record_id
    assert deployment.runtime_source["gate_run_id"] == run.run_id
    assert gate.run(promote(A), ACTOR).status == "unchanged"


def test_evidence_of_any_time_unsettles_a_lane_until_the_next_deploy(gate: Gate, host: Host, host_store: Any) -> None:
    """Order comes from the ledger, and never from what a record says of its time."""
    gate.run(deploy(A), ACTOR)
    for at in ("", "2099-01-01T00:00:00Z"):
        told = {**host.deploy("testing"), "started_at": at, "finished_at": at}
        host_store.write_deployment_record(host.deployment("C", record_id=f"evidence-{at[:4]}7", deploy=told))
    assert gate.run(promote(A), ACTOR).status == "denied"
    assert gate.run(deploy(B), ACTOR).status == "recorded"
    assert gate.run(promote(B), ACTOR).status == "recorded"


def test_an_inventory_that_the_host_wrote_past_the_gate_is_not_promoted(
    gate: Gate, host: Host, host_store: Any
) -> None:
    gate.run(deploy(A), ACTOR)
    host_store.write_environment_inventory(host.inventory("C"))
    refused = gate.run(promote(), ACTOR)
    assert refused.admitted and "lane.settled" in {one.code for one in refused.admitted.refusals}


def test_a_torn_file_of_another_lane_keeps_nobody_from_anything(
    gate: Gate, host: Host, host_store: Any, tmp_path: Path
) -> None:
    """From the host it hides every lane; here it is a fact of the lane that it names."""
    other = host.deployment("C", "prod", context="another", record_id="deployment-20261123T065701Z-another-prod")
    host_store.write_deployment_record(other)
    host_store.write_environment_inventory(host.inventory("C", "prod", context="another"))
    if hasattr(host_store, "state_dir"):
        for path in host_store.state_dir.rglob("*another-prod.json"):
            path.write_text(path.read_text()[:30])
        with pytest.raises(ValueError):  # json's
            host_store.list_deployment_records(context_name=PRODUCT, instance_name="testing")
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    assert gate.run(promote(A), ACTOR).status == "recorded"


def test_what_one_process_records_the_other_decides_on(
    gate: Gate, host_store: Any, make_gate: MakeGate, tmp_path: Path
) -> None:
    """Two services of one host, with one ledger: neither goes by what it remembers."""
    other = make_gate(store=LaunchplaneStore(host_store), ledger=Ledger.open(tmp_path, holds_records=False))
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    assert other.run(promote(A, idempotency_key="once"), ACTOR).status == "recorded"
    assert gate.run(deploy(B), ACTOR).status == "recorded"
    assert other.run(promote(A), ACTOR).status == "denied"  # testing runs B by now
    assert gate.run(promote(B), ACTOR).status == "recorded"
    with pytest.raises(StaleReplay):
        other.run(promote(A, idempotency_key="once"), ACTOR)


def test_a_store_is_known_by_its_place(host: Host, file_store: Any, sql_store: Any, tmp_path: Path) -> None:
    """So that a gate with its ledger elsewhere is not taken for that of a host."""
    assert LaunchplaneStore(file_store).is_of(host.file_store(tmp_path / "x" / ".." / "host"))
    assert not LaunchplaneStore(file_store).is_of(host.file_store(tmp_path / "another"))
    assert not LaunchplaneStore(file_store).is_of(sql_store)
    assert LaunchplaneStore(sql_store).is_of(sql_store)
    assert not LaunchplaneStore(sql_store).is_of(host.sql_store("sqlite+pysqlite://"))


def test_an_installation_that_ran_without_a_gate_is_settled_by_a_deploy_and_a_promotion(
    gate: Gate, host: Host, host_store: Any
) -> None:
    """With the inventories, the deployments of any time and the torn ones that it has."""
    for instance in ("testing", "prod"):
        host_store.write_deployment_record(host.deployment("C", instance))
        host_store.write_environment_inventory(host.inventory("C", instance))
        late = {**host.deploy(instance), "started_at": "2099-01-01T00:00:00Z"}
        host_store.write_deployment_record(host.deployment("B", instance, record_id=f"late-{instance}", deploy=late))
        torn = host.deployment("B", instance, record_id=f"deployment-20261123T065702Z-{PRODUCT}-{instance}")
        path = host_store.write_deployment_record(torn)
        if path:
            path.write_text(path.read_text()[:40])
    refused = gate.run(promote(), ACTOR)
    assert refused.admitted and "lane.settled" in {one.code for one in refused.admitted.refusals}
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    assert gate.run(promote(A), ACTOR).status == "recorded"
    assert [view.settled for view in look(gate, [gate.profile(PRODUCT)], ACTOR)] == [True, True]
