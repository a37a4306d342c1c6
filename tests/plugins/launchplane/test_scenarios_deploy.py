"""What a deploy to a served host leaves, by number: over HTTP, with the gate in it by each way."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.plugins.launchplane.asserting import failed, for_the_real, kept, passed, refused
from tests.plugins.launchplane.gated import Service, Shop
from tests.plugins.launchplane.hosts import artifact, commit

PATIENCE_S = 3  # what a caller gives a deploy that may not end

pytestmark = pytest.mark.thorough  # a process of its own, that deploys for real to a fake Dokploy


@pytest.mark.behaviour(1)
def test_s1_a_deploy_that_passed_is_in_the_inventory(shop: Shop) -> None:
    """S1; and S53: its record names the decision that let it go."""
    told = passed(shop.deploy("A"))
    inventory = shop.inventory()
    record = shop.service.record(told["records"]["deployment_record_id"])
    assert inventory["artifact_identity"]["artifact_id"] == artifact("A") == shop.running()
    assert (inventory["source_git_ref"], inventory["promotion_record_id"]) == (commit("A"), "")
    assert (inventory["deployment_record_id"], inventory["deploy"]) == (record["record_id"], record["deploy"])
    assert (record["deploy"]["status"], inventory["promoted_from_instance"]) == ("pass", "")
    decision = shop.service.decision(record["runtime_source"]["gate_decision_id"])
    assert decision["allowed"] and decision["trace"] == told["trace_id"]


def no_image(shop: Shop) -> None:
    shop.dokploy.registry.images.pop(artifact("B"))


def refusing(shop: Shop) -> None:
    shop.dokploy.break_next("application.saveDockerProvider", "401")


def failing(shop: Shop) -> None:
    shop.dokploy.break_next("application.deploy", "500")


def never_ending(shop: Shop) -> None:
    shop.dokploy.pause(pause_running=True)


def cancelled(shop: Shop) -> None:
    dokploy = shop.dokploy
    dokploy.pause(pause_running=True)
    dokploy.between("application.deploy", lambda: dokploy.between("deployment.all", dokploy.restart), after=True)


@pytest.mark.parametrize("mishap", [no_image, *for_the_real(refusing, failing, never_ending, cancelled)])
def test_s2_a_deploy_that_does_not_pass_leaves_the_inventory_as_it_was(
    shop: Shop, mishap: Callable[[Shop], None]
) -> None:
    """S2; and S14: nothing is promoted past it, since nobody knows what testing runs now."""
    passed(shop.deploy("A"))
    before = shop.inventory()
    mishap(shop)
    told = failed(shop.deploy("B", timeout_seconds=PATIENCE_S))
    record = shop.service.record(told["records"]["deployment_record_id"])
    assert record["source_git_ref"] == commit("B") and record["deploy"]["status"] in ("fail", "pending")
    assert shop.inventory() == before and not shop.lane()["settled"], told
    assert "lane.settled" in refused(shop.promote("A")) and shop.running("prod") is None


def test_s2_what_the_host_has_no_target_for_is_not_deployed(service: Service) -> None:
    """S2: and nothing of the lane is changed, or unsettled."""
    told = failed(service.deploy("untracked", "A"))
    assert "no target for untracked/testing" in told["result"]["error_message"]
    assert service.inventory("untracked", "testing") is None and service.running("untracked", "testing") is None


@pytest.mark.parametrize("how", ["503", *for_the_real("html")])
def test_s3_done_without_health_is_no_pass(shop: Shop, how: str) -> None:
    """S3: Dokploy says done, and health never turns good, or tells no revision; the lane is told to be unsettled."""
    passed(shop.deploy("A"))
    before = shop.inventory()
    shop.dokploy.break_next(f"/live/{shop.target()}/health", how, times=1000)  # type: ignore[arg-type]  # one of How
    told = failed(shop.deploy("B"))
    health = shop.service.record(told["records"]["deployment_record_id"])["destination_health"]
    assert (health["verified"], health["status"]) == (True, "fail")
    assert shop.inventory() == before and "unsettled" in told["result"]["error_message"]
    view = shop.lane()
    assert not view["settled"] and commit("B") in json.dumps(view)


@pytest.mark.behaviour(7)
def test_s3_the_old_container_is_not_taken_for_the_new_one(shop: Shop) -> None:
    """S3: Dokploy says done, and what answers is still A."""
    passed(shop.deploy("A"))
    shop.dokploy.takeover_s = 10**6
    told = failed(shop.deploy("B"))
    assert "unsettled" in told["result"]["error_message"] and shop.runs() == commit("A")


def test_s4_a_pair_that_was_not_issued_together_gets_into_no_inventory(shop: Shop) -> None:
    """S4: an image whose own commit is another."""
    passed(shop.deploy("A"))
    answer = shop.deploy("B", source_git_ref=commit("C"))
    if answer.status_code == 202:
        failed(answer)
    else:
        refused(answer)
    inventory = shop.inventory()
    assert (inventory["artifact_identity"]["artifact_id"], inventory["source_git_ref"]) == (artifact("A"), commit("A"))


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"artifact_id": "ghcr.io/cbusillo/sellyouroutboard:latest"}, "release.artifact_pinned"),
        ({"artifact_id": f"ghcr.io/stranger/outboard@sha256:{'a' * 64}"}, "release.artifact_pinned"),
        ({"source_git_ref": "main"}, "release.commit_full"),
    ],
)
def test_s5_what_is_not_pinned_or_is_another_product_is_refused(shop: Shop, asked: dict[str, str], code: str) -> None:
    """S5"""
    assert code in refused(shop.deploy("A", **asked))
    assert shop.running() is None and shop.records() == []


@pytest.mark.behaviour(5)
@pytest.mark.parametrize("status", ["fail", *for_the_real("pending", "skipped")])
def test_s6_a_report_of_a_deploy_that_did_not_pass_leaves_the_inventory_alone(shop: Shop, status: str) -> None:
    """S6: evidence is kept as evidence."""
    passed(shop.deploy("A"))
    before = shop.inventory()
    ids = kept(shop.tell(shop.reported("B", status=status)))
    assert set(ids) == {"deployment_record_id"}
    record = shop.service.record(ids["deployment_record_id"])
    assert (record["source_git_ref"], record["deploy"]["status"]) == (commit("B"), status)
    assert shop.inventory() == before


def test_s7_who_says_that_prod_was_deployed_changes_no_inventory(both: Shop) -> None:
    """S7: a workflow that may report tells of what was never let go there."""
    before = both.inventory("prod")
    assert set(kept(both.tell(both.reported("F", "prod")))) == {"deployment_record_id"}
    assert both.inventory("prod") == before and both.running("prod") == artifact("A")


@pytest.mark.parametrize("linked", ["fail", *for_the_real("other", "none")])
def test_s8_a_promotion_that_is_told_of_changes_no_inventory(both: Shop, linked: str) -> None:
    """S8: it links a deploy that did not pass, one of another release, or none; it is kept."""
    before = both.inventory("prod")
    record = both.reported("B" if linked == "other" else "F", "prod", status="fail" if linked == "fail" else "pass")
    if linked != "none":
        kept(both.tell(record))
    promotion = both.reported_promotion("F", deployment_record_id=record.record_id)
    assert kept(both.tell(promotion)) == {"promotion_record_id": promotion.record_id}
    shown = both.service.record(promotion.record_id, "promotions")
    assert shown["artifact_identity"]["artifact_id"] == artifact("F") and both.inventory("prod") == before
