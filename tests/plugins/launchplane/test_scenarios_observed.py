"""S65: releases deployed and promoted by callers who know of no gate, over HTTP, with and without one that observes."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.ledger import Ledger
from launchplane_gate.observed import observed
from tests.plugins.launchplane.gated import Service, Shop, Way
from tests.plugins.launchplane.hosts import commit

pytestmark = pytest.mark.thorough  # the host is served twice

PRODUCT = "observed"
WITHIN_S = 20.0


def story(shop: Shop) -> list[Any]:
    """What callers ask for, each at once when the one before is answered; and what they are answered."""
    return [
        said(answer)
        for answer in (
            shop.deploy("A", key="1"),
            shop.promote("A", key="2"),
            shop.deploy("B", key="3"),
            shop.promote("A", key="4"),  # from a stale record
            shop.promote("B", key="5"),
            shop.promote("A", key="2"),  # a replay that is not true any more
            shop.deploy("A", "prod", key="6"),  # past testing
            shop.deploy("A", key="3"),  # a key of another request
            shop.promote("B", dry_run=True),
        )
    ]


def said(answer: Any) -> Any:
    """An answer without what differs from one time to the next: times, ids, and traces as far as what they are."""
    told = answer.json()
    told |= dict.fromkeys({"trace_id", "original_trace_id"} & set(told), "TRACE")
    told.get("result", {}).pop("target_id", None)  # of another server
    told.get("error", {}).pop("message", None)
    text = re.sub(r"\d{8}T\d{6}Z|\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", json.dumps(told, sort_keys=True))
    return answer.status_code, re.sub(r"((?:deployment|promotion)-)[\w-]+", r"\1ID", text)


def quiet(ledger: Ledger) -> None:
    """Wait until nothing is confirmed any more."""
    deadline = time.monotonic() + WITHIN_S
    while ledger.held_by() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not ledger.held_by()


def test_s65_every_answer_is_as_before_and_the_inventories_become_true(
    way: Way, service: Service, tmp_path: Path
) -> None:
    """S65: and a report says what would have been refused."""
    with way.sited(tmp_path, (PRODUCT,), by="none", checkout=None) as site, site.serving() as plain:
        as_before = story(Shop(plain, PRODUCT))
        assert plain.runs(PRODUCT, "testing") is None  # whatever runs there
    shop = Shop(service, PRODUCT)
    answers = story(shop)
    ledger = Ledger.open(service.site.root / "gate", service.site.database, holds_records=False)
    quiet(ledger)
    for mine, theirs in zip(answers, as_before, strict=True):
        assert mine == theirs
    assert (shop.runs(), shop.runs("prod")) == (commit("B"), commit("A"))
    codes = {one.code for one in observed(ledger, PRODUCT, mode="observe").refusals}
    assert {"lane.not_bypassed", "inventory.source_current", "stale_replay"} <= codes
    modes = {entry.body["mode"] for entry in ledger.decision_entries(limit=1000) if PRODUCT in json.dumps(entry.body)}
    ledger.close()
    assert modes == {"observe"}
