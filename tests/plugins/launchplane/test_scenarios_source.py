"""What is promoted from a served host's testing, by number: over HTTP, with the gate in it by each way."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plugins.launchplane.asserting import failed, for_the_real, passed, refused
from tests.plugins.launchplane.gated import Shop
from tests.plugins.launchplane.hosts import Host, commit

pytestmark = pytest.mark.thorough  # a process of its own, that deploys for real to a fake Dokploy


def untouched(shop: Shop) -> bool:
    """Whether of prod nothing was asked and nothing is kept."""
    nothing = shop.records("prod") == [] == shop.promotions() and shop.inventory("prod") is None
    return nothing and shop.changes("prod") == 0


@pytest.mark.behaviour(2)
def test_s10_a_promotion_ships_what_testing_runs_and_nothing_else(shop: Shop) -> None:
    """S10, S54: the refusal names both, reaches the caller and is on record; nothing else is."""
    passed(shop.deploy("A"))
    message = refused(shop.promote("F"))
    assert "inventory.source_current" in message and commit("A") in message and commit("F") in message
    assert untouched(shop)
    decision = shop.service.decision(message.partition("decision ")[2].partition(".")[0])
    assert not decision["allowed"] and decision["destination"]["context"] == shop.product
    told = passed(shop.promote("A"))
    assert told["records"]["inventory_record_id"] == f"{shop.product}-prod"
    assert shop.inventory("prod")["promotion_record_id"] == told["records"]["promotion_record_id"]


def test_s11_the_artifact_of_testing_is_not_promoted_under_another_commit(shop: Shop) -> None:
    """S11"""
    passed(shop.deploy("A"))
    message = refused(shop.promote("A", source_git_ref=commit("B")))
    assert "inventory.source_current" in message and commit("B") in message and untouched(shop)


def test_s12_a_testing_without_an_inventory_promotes_nothing(shop: Shop) -> None:
    """S12"""
    message = refused(shop.promote("A"))
    assert f"{shop.product}/testing has no inventory" in message and untouched(shop)


def test_s13_after_a_lost_inventory_write_neither_release_is_promoted(shop: Shop) -> None:
    """S13: a newer deployment than the inventory rests on, until testing is deployed to again."""
    passed(shop.deploy("A"))
    place = {"context_name": shop.product, "instance_name": "testing"}
    old = shop.service.site.store.read_environment_inventory(**place)
    passed(shop.deploy("B"))
    shop.service.site.store.write_environment_inventory(old)
    for letter in "AB":
        message = refused(shop.promote(letter))
        assert "inventory.source_latest" in message and "lane.settled" in message
    assert untouched(shop)
    passed(shop.deploy("B"))
    passed(shop.promote("B"))


@pytest.mark.parametrize("status", ["fail", *for_the_real("pending")])
def test_s14_after_a_deploy_of_testing_that_did_not_pass_nothing_is_promoted(shop: Shop, status: str) -> None:
    """S14: Dokploy has the image of C by then, and any redeploy would start it."""
    passed(shop.deploy("A"))
    if status == "pending":
        shop.dokploy.pause(pause_running=True)
    told = failed(shop.deploy("C" if status == "pending" else "D", timeout_seconds=3))
    assert shop.service.record(told["records"]["deployment_record_id"])["deploy"]["status"] == status
    shop.dokploy.resume()
    for letter in "AC":
        assert "lane.settled" in refused(shop.promote(letter))
    assert untouched(shop)


@pytest.mark.parametrize("how", ["503", *for_the_real("html")])
def test_s15_s16_testing_has_to_say_what_it_runs_when_it_is_promoted(shop: Shop, how: Any) -> None:
    """S15: whatever is on record of its health. S16: the key is free for when it is back."""
    passed(shop.deploy("A"))
    shop.dokploy.break_next(f"/live/{shop.target()}/health", how, times=1000)
    assert "release.source_revision" in refused(shop.promote("A", key="k"))
    assert untouched(shop)
    shop.dokploy.mend()
    assert "replayed" not in passed(shop.promote("A", key="k"))


def test_s17_a_dry_run_is_decided_and_leaves_nothing(shop: Shop) -> None:
    """S17"""
    passed(shop.deploy("A"))
    dry = shop.promote("A", key="k", dry_run=True)
    assert (dry.status_code, dry.json()["result"]["promotion_status"]) == (202, "pending")
    assert "inventory.source_current" in refused(shop.promote("B", key="k", dry_run=True))
    assert untouched(shop)
    assert "replayed" not in passed(shop.promote("A", key="k"))


def test_s18_an_inventory_that_was_copied_is_not_fresh_by_when_it_was_copied(shop: Shop, host: Host) -> None:
    """S18: as a context cutover does it; it names a deployment of another context."""
    passed(shop.deploy("A"))
    copied = host.inventory("A", "testing", context=shop.product, updated_at="2026-11-30T00:00:00Z")
    shop.service.site.store.write_environment_inventory(copied)
    message = refused(shop.promote("A"))
    assert {"inventory.source_latest", "inventory.source_fresh"} <= set(
        message.replace(",", " ").replace(":", " ").split()
    )
    assert untouched(shop)
