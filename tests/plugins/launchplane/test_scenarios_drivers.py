"""VeriReel's products on a served host, by number: over HTTP, with the gate in it by each way.

S41, S42, S43 and S47 are odoo's, and rollbacks': those are refused by name.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.plugins.launchplane.asserting import failed, kept, passed, refused
from tests.plugins.launchplane.gated import Service, Shop, release
from tests.plugins.launchplane.hosts import Host, artifact, commit

pytestmark = [
    pytest.mark.thorough,  # a process of its own, that deploys for real to a fake Dokploy
    pytest.mark.launchplane,  # in CI it is shown without one
]

STATUSES = ("migration_status", "verification_status", "owner_routes_status")


def deploy(films: Shop, letter: str) -> Any:
    asked = {"context": films.product, "instance": "testing", "rollout_timeout_seconds": 2, **release(letter)}
    return ask(films, "testing-deploy", "deploy", asked)


def verify(films: Shop, record_id: str, **found: str) -> httpx.Response:
    told = {"context": films.product, "deployment_record_id": record_id, **dict.fromkeys(STATUSES, "pass"), **found}
    return ask(films, "testing-verification", "verification", told)


def promote(films: Shop, letter: str, record_id: str = "", **asked: Any) -> httpx.Response:
    ids = {
        "backup_record_id": f"backup-{films.product}",
        "promotion_record_id": record_id or f"promotion-{films.product}-{letter}",
    }
    wanted = {"context": films.product, "rollout_timeout_seconds": 2, **release(letter), **ids, **asked}
    return ask(films, "prod-promotion", "promotion", wanted)


def ask(films: Shop, action: str, part: str, asked: dict[str, Any]) -> httpx.Response:
    return films.service.post(f"/v1/drivers/verireel/{action}", {"product": films.product, part: asked})


def deployed(films: Shop, letter: str) -> str:
    """The id of the record of a deploy to testing."""
    return str(passed(deploy(films, letter))["records"]["deployment_record_id"])


@pytest.fixture
def backed_up(films: Shop, host: Host) -> Shop:
    """One whose prod has a backup."""
    record = host.backup(f"backup-{films.product}", context=films.product, required=True)
    films.service.site.store.write_backup_gate_record(record)
    return films


def test_s44_verireels_promotion_ships_what_its_tests_passed_on(backed_up: Shop) -> None:
    """S44: its caller's word of the source's health counts for nothing; afterwards prod has an inventory."""
    first = deployed(backed_up, "A")
    assert "inventory.source_tested" in refused(promote(backed_up, "A", source_health_status="pass"))
    kept(verify(backed_up, first, owner_routes_status="fail"))
    assert "inventory.source_tested" in refused(promote(backed_up, "A"))
    kept(verify(backed_up, first))
    assert "inventory.source_current" in refused(promote(backed_up, "B"))
    told = promote(backed_up, "A").json()
    assert told["result"]["deploy_status"] == told["result"]["rollout_status"] == "pass", told
    inventory = backed_up.inventory("prod")
    assert (inventory["source_git_ref"], inventory["artifact_identity"]["artifact_id"]) == (commit("A"), artifact("A"))
    assert inventory["promotion_record_id"] == f"promotion-{backed_up.product}-A"


def test_s9_tests_that_failed_advance_no_inventory(films: Shop) -> None:
    """S9: the deploy's own record is told more of, S46, and the inventory stays as it was."""
    record_id = deployed(films, "A")
    before = films.inventory()
    assert kept(verify(films, record_id, verification_status="fail")) == {"deployment_record_id": record_id}
    assert films.service.record(record_id)["post_deploy_update"]["status"] == "fail"
    assert films.inventory() == before and films.service.record(record_id)["deploy"] == before["deploy"]


def test_s46_the_id_of_another_promotion_is_refused(backed_up: Shop) -> None:
    """S46: its record is not written over, and nothing is deployed."""
    kept(verify(backed_up, deployed(backed_up, "A")))
    assert promote(backed_up, "A", "promotion-of-theirs").json()["result"]["rollout_status"] == "pass"
    kept(verify(backed_up, deployed(backed_up, "B")))
    before, count = backed_up.service.record("promotion-of-theirs", "promotions"), backed_up.changes("prod")
    refused(promote(backed_up, "B", "promotion-of-theirs"), "record_exists")
    assert backed_up.service.record("promotion-of-theirs", "promotions") == before
    assert backed_up.changes("prod") == count and backed_up.runs("prod") == commit("A")


def test_s45_the_old_revision_is_not_taken_for_the_new_one_where_the_caller_names_none(backed_up: Shop) -> None:
    """S45: Docker never takes over, and the pages answer as before."""
    kept(verify(backed_up, deployed(backed_up, "A")))
    promote(backed_up, "A")
    kept(verify(backed_up, deployed(backed_up, "B")))
    backed_up.dokploy.takeover_s = 10**6
    told = failed(promote(backed_up, "B", expected_build_revision="", expected_build_tag=""))
    assert told["result"]["rollout_status"] != "pass" or told["result"]["health_status"] != "pass"
    assert backed_up.runs("prod") == commit("A") and not backed_up.lane("prod")["settled"]


def test_what_is_odoos_or_a_rollback_is_refused_by_name(service: Service, films: Shop) -> None:
    """Until they are governed."""
    ids = {"promotion_record_id": "promotion-1", "backup_record_id": "backup-gate-1", "context": films.product}
    answer = films.service.post(
        "/v1/drivers/verireel/prod-rollback", {"product": films.product, "rollback": {**ids, "snapshot_name": "s"}}
    )
    assert answer.status_code in (400, 409) and films.changes("prod") == 0
    asked = {"context": "odoo-shop", "artifact_id": "artifact-opw-1", "backup_record_id": "backup-gate-1"}
    answer = service.post("/v1/drivers/odoo/prod-promotion", {"product": "odoo-shop", "promotion": asked})
    assert "odoo" in refused(answer)
