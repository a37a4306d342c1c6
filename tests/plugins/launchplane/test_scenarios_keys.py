"""What a repeat of a request to a served host is told, by number: over HTTP, with the gate in it by each way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.plugins.launchplane.asserting import failed, passed, refused
from tests.plugins.launchplane.gated import Shop
from tests.plugins.launchplane.hosts import commit

pytestmark = pytest.mark.thorough  # a process of its own, that deploys for real to a fake Dokploy


@pytest.mark.behaviour(3)
def test_s19_s20_a_repeat_is_replayed_while_it_is_true_alone(shop: Shop) -> None:
    """S20, and S19: with B on prod and C on testing the old request is stale, and prod keeps B."""
    passed(shop.deploy("A"))
    first = passed(shop.promote("A", key="k"))
    count = shop.changes("prod")
    again = passed(shop.promote("A", key="k"))
    assert (again["replayed"], again["original_trace_id"]) == (True, first["trace_id"])
    assert (again["records"], again["result"], shop.changes("prod")) == (first["records"], first["result"], count)
    passed(shop.deploy("B"))
    passed(shop.promote("B", key="another"))
    passed(shop.deploy("C"))
    count = shop.changes("prod")
    refused(shop.promote("A", key="k"), "stale_idempotent_replay")
    refused(shop.promote("C", key="k"), "idempotency_key_reused")
    assert (shop.runs("prod"), shop.changes("prod")) == (commit("B"), count)


@pytest.mark.behaviour(9)
def test_s21_one_key_twice_in_flight_deploys_once(shop: Shop) -> None:
    """S21; and S29: of two promotions at once one deploys, and the other is told what it then finds."""
    with ThreadPoolExecutor(2) as both:
        one, other = both.map(lambda _: shop.deploy("A", key="k"), range(2))
    assert passed(one)["result"] == passed(other)["result"] and shop.changes("testing") == 2
    assert [told.json().get("replayed", False) for told in (one, other)].count(True) == 1
    with ThreadPoolExecutor(2) as both:
        one, other = both.map(lambda _: shop.promote("A"), range(2))
    assert passed(one)["records"] == passed(other)["records"] and shop.changes("prod") == 2


def test_s21b_what_did_not_come_off_is_not_what_a_repeat_is_told(shop: Shop) -> None:
    """S21b: denied, failed, and pending."""
    refused(shop.promote("A", key="k"))
    failed(shop.deploy("D", key="d"))
    failed(shop.deploy("D", key="d"))
    shop.dokploy.pause(pause_running=True)
    failed(shop.deploy("A", key="a", timeout_seconds=3))
    shop.dokploy.resume()
    assert "replayed" not in passed(shop.deploy("A", key="a", timeout_seconds=3))
    assert "replayed" not in passed(shop.promote("A", key="k"))


def test_s21c_a_key_of_the_hosts_that_cannot_be_read_stops_no_other(shop: Shop) -> None:
    """S21c: the gate owns the keys of what it governs; whatever stands among the host's own is not looked at."""
    torn = shop.service.site.root / "state" / "idempotency" / f"idempotency-{shop.product}.json"
    torn.parent.mkdir(parents=True, exist_ok=True)
    torn.write_text('{"schema_version": 1, "rec')
    try:
        first = passed(shop.deploy("A", key="k"))
        assert passed(shop.deploy("A", key="k"))["original_trace_id"] == first["trace_id"]
    finally:
        torn.unlink()
