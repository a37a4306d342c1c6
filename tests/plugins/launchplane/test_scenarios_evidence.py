"""What a served host's gate keeps, and what it tells whom, by number: over HTTP, with the gate in it by each way."""

from __future__ import annotations

import json

import pytest

from launchplane_gate.ledger import Ledger
from launchplane_gate.model import unstamp
from tests.plugins.launchplane.asserting import failed, for_the_real, kept, passed, refused
from tests.plugins.launchplane.gated import Shop
from tests.plugins.launchplane.hosts import Host, artifact, commit
from tests.plugins.launchplane.serving import SECRET, STRANGER, SUBJECT

pytestmark = pytest.mark.thorough  # a process of its own, that deploys for real to a fake Dokploy

FORK = "repo:stranger/fork:ref:refs/heads/main"
BRANCH = "repo:cbusillo/sellyouroutboard:ref:refs/heads/a-branch"


def decision_in(message: str) -> str:
    return message.partition("decision ")[2].partition(".")[0]


def test_s51_the_pair_that_testing_runs_is_promoted_and_no_other(both: Shop) -> None:
    """S51: testing runs B, and prod is older; another pair is refused, whoever states it."""
    passed(both.deploy("B"))
    for asked in ({"source_git_ref": commit("A")}, {"artifact_id": artifact("A")}, {"artifact_id": artifact("C")}):
        assert "inventory.source_current" in refused(both.promote("B", **asked))
    passed(both.promote("B"))
    assert (both.runs("prod"), both.running("prod")) == (commit("B"), artifact("B"))


def test_s52_each_decision_is_on_record_with_all_that_it_was_made_of(both: Shop) -> None:
    """S52: S53: the record of a deploy names the one that let it go."""
    answer = both.promote("C")
    denied = both.service.decision(decision_in(refused(answer)))
    assert (denied["allowed"], denied["action"], denied["trace"]) == (False, "promote", answer.json()["trace_id"])
    record = both.service.record(both.inventory("prod")["deployment_record_id"])
    allowed = both.service.decision(record["runtime_source"]["gate_decision_id"])
    assert allowed["allowed"]
    for one, letter in ((denied, "C"), (allowed, "A")):
        assert one["actor"]["subject"].endswith(SUBJECT) and one["actor"]["verified_by"] == "launchplane"
        assert one["destination"] == {"context": both.product, "instance": "prod"}
        told = json.dumps(one)
        assert artifact(letter) in told and commit(letter) in told
        assert one["policy_revision"] and one["results"] and unstamp(one["decided_at"])


def test_s54_who_may_not_is_told_so_before_any_policy_is_asked(shop: Shop) -> None:
    """S54: 401 and 403 as ever; who may by the host, and not by the policies, is told by which rule."""
    assert shop.deploy("A", caller=STRANGER).status_code == 401
    answer = shop.deploy("A", caller=FORK)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "authorization_denied")
    assert "actor.permitted" in refused(shop.deploy("A", caller=BRANCH))
    assert shop.running() is None and shop.records() == []


@pytest.mark.parametrize("at", ["", *for_the_real("2099-01-01T00:00:00Z")])
def test_s57_evidence_is_dated_by_the_gate(both: Shop, host: Host, at: str) -> None:
    """S57: whatever it says of times, and later deploys and promotions pass."""
    deployed = host.deploy("testing", "fail") | {"started_at": at, "finished_at": at}
    ids = kept(both.tell(both.reported("B", deploy=deployed)))
    told = both.service.record(ids["deployment_record_id"])["deploy"]["started_at"]
    ours = both.inventory()["deploy"]["started_at"]
    assert (moment := unstamp(told)) and (before := unstamp(ours)) and 0 <= (moment - before).total_seconds() < 600
    passed(both.deploy("B"))
    passed(both.promote("B"))


@pytest.mark.launchplane  # in CI it is shown without a process
def test_s63_a_timeout_that_no_lease_lasts_for_is_capped(shop: Shop) -> None:
    """S63: whoever would wait for days waits as long as a deploy has, and is told how long that was."""
    passed(shop.deploy("A", timeout_seconds=10**6))
    shop.dokploy.pause(pause_running=True)
    told = failed(shop.deploy("B", timeout_seconds=10**6))
    assert "whatever time the caller gave it" in told["result"]["error_message"]


def test_s55_s62_no_secret_is_kept(both: Shop) -> None:
    """S55: neither what Dokploy pulls with, nor, S62, what previews are given; in no decision, record or log."""
    secrets = [SECRET, both.dokploy.key, "registry-pass-w0rd"]
    both.dokploy.targets[both.target()].row.update(username="robot", password=secrets[-1])
    passed(both.deploy("B"))
    message = refused(both.promote("C"))
    decision = json.dumps(both.service.decision(message.partition("decision ")[2].partition(".")[0]))
    assert both.product in decision and not any(secret in decision for secret in secrets)
    kept_by_us = [both.service.site.root / "gate", both.service.site.root / "log"]
    files = [file for place in kept_by_us for file in ([place] if place.is_file() else place.rglob("*"))]
    held = b"".join(file.read_bytes() for file in files if file.is_file())
    assert held and not any(secret.encode() in held for secret in secrets)


def test_s56_what_the_routes_of_the_host_do_is_decided(shop: Shop) -> None:
    """S56: the host's own tests replace its executors, and take no decision; these count them."""
    site = shop.service.site
    ledger = Ledger.open(site.root / "gate", site.database, holds_records=False)

    def decided() -> int:
        return sum(shop.product in json.dumps(entry.body) for entry in ledger.decision_entries(limit=10_000))

    counted = []
    for ask in (
        lambda: passed(shop.deploy("A")),
        lambda: passed(shop.promote("A")),
        lambda: refused(shop.promote("B")),
        lambda: kept(shop.tell(shop.reported("B"))),
    ):
        before = decided()
        ask()
        counted.append(decided() - before)
    ledger.close()
    assert counted[:2] == [2, 2] and all(counted), counted
