"""S65: releases deployed and promoted by callers who know of no gate, over HTTP, with and without one that observes."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.gate import Gate
from launchplane_gate.ledger import Ledger
from launchplane_gate.observed import observed
from launchplane_gate_launchplane import bridge
from launchplane_gate_launchplane.embedding import in_host
from launchplane_gate_launchplane.store import LaunchplaneStore
from tests.fakes.dokploy import FakeDokploy
from tests.fakes.dokploy.stage import COMMITS, set_up
from tests.plugins.generic_web.conftest import bundle_with
from tests.plugins.launchplane.hosts import PRODUCT, Host
from tests.plugins.launchplane.served import Served, served
from tests.plugins.launchplane.serving import gate_for, policy_of

pytestmark = pytest.mark.thorough  # the host is served twice

WITHIN_S = 20.0


@contextmanager
def site(host: Host, folder: Path, patching: pytest.MonkeyPatch) -> Iterator[Served]:
    with ExitStack() as stack:
        dokploy = stack.enter_context(FakeDokploy())
        set_up(dokploy)
        yield stack.enter_context(served(host, folder, dokploy, patching))


@contextmanager
def observing(site: Served, folder: Path) -> Iterator[Gate]:
    """A gate in the host that observes its product."""
    state = folder / "gate"
    state.mkdir()
    ledger, store = Ledger.open(state, holds_records=False), LaunchplaneStore(site.store)
    bundle = bundle_with(folder, policy_of(site.host, (PRODUCT,)), settle_s=0)
    gate = gate_for(store, ledger, state, bundle, site.stands, observed=[PRODUCT])
    bridge.install(in_host(gate, store, deny=bridge.GateDenied))
    try:
        yield gate
    finally:
        bridge.uninstall()
        ledger.close()


def story(site: Served) -> list[Any]:
    """What callers ask for, each at once when the one before is answered; and what they are answered."""
    return [
        said(answer)
        for answer in (
            site.deploy("first", key="1"),
            site.promote("first", key="2"),
            site.deploy("second", key="3"),
            site.promote("first", key="4"),  # from a stale record
            site.promote("second", key="5"),
            site.promote("first", key="2"),  # a replay that is not true any more
            site.deploy("first", lane="prod", key="6"),  # past testing
            site.deploy("first", key="3"),  # a key of another request
            site.promote("second", dry_run=True),
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


def quiet(gate: Gate) -> None:
    """Wait until nothing is confirmed any more."""
    deadline = time.monotonic() + WITHIN_S
    while gate.ledger.held_by() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not gate.ledger.held_by()


def test_s65_every_answer_is_as_before_and_the_inventories_become_true(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").mkdir()
    with site(host, tmp_path / "plain", monkeypatch) as plain:
        as_before = story(plain)
        assert plain.commit_on("testing") is None  # whatever runs there
    (tmp_path / "gated").mkdir()
    with site(host, tmp_path / "gated", monkeypatch) as gated, observing(gated, tmp_path / "gated") as gate:
        answers = story(gated)
        quiet(gate)
        for mine, theirs in zip(answers, as_before, strict=True):
            assert mine == theirs
        assert (gated.commit_on("testing"), gated.commit_on("prod")) == (COMMITS["second"], COMMITS["first"])
        told = observed(gate.ledger, PRODUCT, mode="observe")
        codes = {one.code for one in told.refusals}
        assert {"lane.not_bypassed", "inventory.source_current", "stale_replay"} <= codes
        assert {entry.body["mode"] for entry in gate.ledger.decision_entries()} == {"observe"}
