"""What a gate in front of production must do, by number: what may be a source, and what a repeat is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from launchplane_gate.adoption import adopt
from launchplane_gate.errors import KeyReused, LedgerError, StaleReplay
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Question, hookimpl
from launchplane_gate.ledger import FILE_NAME
from launchplane_gate.line import standing
from launchplane_gate.model import Lane, ReleaseIdentity, Run, stamp
from launchplane_gate.plugins import Plugins
from launchplane_gate.records import (
    ArtifactIdentity,
    DeploymentEvidence,
    DeploymentRecord,
    EnvironmentInventory,
    HealthcheckEvidence,
    PromotionRecord,
)
from launchplane_gate.store import RecordStore
from tests.conftest import ACTOR, APPROVER, PROD, PROFILE, TESTING, A, B, C, MakeGate, deploy, promote, release
from tests.fakes.platform import FakeHealth, FakePlatform
from tests.line.test_order import codes, records_of
from tests.line.test_settling_runs import reconcile

F = release("F")  # that nobody deployed anywhere


@pytest.fixture
def both(gate: Gate) -> Gate:
    """Testing and prod run A."""
    ships(gate, A)
    return gate


def ships(gate: Gate, what: ReleaseIdentity) -> None:
    """A release goes to testing, and from there to prod."""
    for request in (deploy(what), promote(what)):
        assert gate.run(request, ACTOR).status == "recorded"


def inventory(gate: Gate, lane: Lane) -> EnvironmentInventory:
    return gate.store.read_environment_inventory(context_name=lane.context, instance_name=lane.instance)


def runs_now(gate: Gate, lane: Lane) -> str:
    """The commit that the inventory of a lane names."""
    return inventory(gate, lane).source_git_ref


def promotions(gate: Gate) -> list[PromotionRecord]:
    return list(gate.store.list_promotion_records(context_name=PROD.context, to_instance_name="prod"))


def kept_of(gate: Gate, lane: Lane) -> tuple[object, ...]:
    """All that the store has of a lane."""
    found = gate.store.list_environment_inventory()
    return (
        [one for one in found if one.instance == lane.instance],
        records_of(gate, lane),
        [one for one in promotions(gate) if one.to_instance == lane.instance],
    )


def message(run: Run, code: str) -> str:
    assert run.admitted
    [refusal] = [one for one in run.admitted.refusals if one.code == code]
    return refusal.message


def is_on_record(gate: Gate, run: Run) -> bool:
    """Whether the ledger has the decision of a run, as a no, with all that it was made of."""
    assert run.admitted
    [entry] = gate.ledger.decision_entries(decision_id=run.admitted.decision_id)
    refused = [one["code"] for one in entry.body["decision"]["results"] if one["status"] == "fail"]
    return set(refused) == codes(run) != set() and bool(entry.input)


@dataclass(eq=False)
class SourceAnswers(FakeHealth):
    """The health of a source answers with another status."""

    status: int = 200

    @hookimpl
    def gate_evidence(self, question: Question) -> Mapping[str, Any]:
        told = super().gate_evidence(question)
        source = [{**one, "status": self.status} for one in told.get("source", ())]
        return {**told, "source": source} if "source" in told else told


@dataclass
class AHosts:
    """A store that can do no more than a host's, which lists records in an order of its own."""

    store: RecordStore
    order: Callable[[list[DeploymentRecord]], list[DeploymentRecord]]

    def __getattr__(self, name: str) -> Any:
        if name in ("list_deployments_since", "list_newest_backups", "remember_places", "holds_records"):
            raise AttributeError(name)
        return getattr(self.store, name)

    def list_deployment_records(self, **which: Any) -> tuple[DeploymentRecord, ...]:
        return tuple(self.order(list(self.store.list_deployment_records(**which))))


# -- the source of a promotion


def test_s10_a_release_that_the_source_does_not_run_is_refused_and_that_is_on_record(
    both: Gate, platform: FakePlatform
) -> None:
    """S10: asked for F where testing runs A, the gate names both, touches nothing and keeps its no."""
    before, count = kept_of(both, PROD), len(platform.deploys)
    run = both.run(promote(F), ACTOR)
    assert (run.status, codes(run), is_on_record(both, run)) == ("denied", {"inventory.source_current"}, True)
    said = message(run, "inventory.source_current")
    assert all(part in said for part in (A.source_git_ref, A.artifact_id, F.source_git_ref, F.artifact_id))
    assert (kept_of(both, PROD), len(platform.deploys)) == (before, count)


@pytest.mark.parametrize("ever", ["never written", "lost"])
def test_s12_a_source_without_an_inventory_promotes_nothing(
    gate: Gate, platform: FakePlatform, tmp_path: Path, ever: str
) -> None:
    """S12: where nobody knows what testing runs, a promotion ends in a no that names the lane."""
    if ever == "lost":
        gate.run(deploy(A), ACTOR)
        (tmp_path / "inventory" / TESTING.context / "testing.json").unlink()
    count = len(platform.deploys)
    run = gate.run(promote(A), ACTOR)
    assert run.status == "denied" and len(platform.deploys) == count
    assert message(run, "inventory.source_present") == f"{TESTING} has no inventory."


ORDERS: dict[str, Callable[[list[DeploymentRecord]], list[DeploymentRecord]]] = {
    "oldest first": lambda found: sorted(found, key=lambda one: one.deploy.started_at),
    "newest first": lambda found: sorted(found, key=lambda one: one.deploy.started_at, reverse=True),
}


@pytest.mark.parametrize("order", ORDERS)
def test_s13_after_a_lost_inventory_write_neither_release_is_promoted(
    both: Gate, make_gate: MakeGate, platform: FakePlatform, order: str
) -> None:
    """S13: a newer deployment than the inventory rests on stops promotions, in whatever order a store lists them."""
    old = inventory(both, TESTING)
    both.run(deploy(B), ACTOR)
    both.store.write_environment_inventory(old)
    gate = make_gate(store=cast("RecordStore", AHosts(both.store, ORDERS[order])), ledger=both.ledger)
    count = len(platform.deploys)
    for request in (promote(), promote(A), promote(B)):
        run = gate.run(request, ACTOR)
        assert run.status == "denied" and {"inventory.source_latest", "lane.settled"} <= codes(run)
    assert len(platform.deploys) == count and runs_now(gate, PROD) == A.source_git_ref
    assert gate.run(reconcile(), ACTOR).status == "recorded"
    assert gate.run(promote(), ACTOR).release == B and runs_now(gate, PROD) == B.source_git_ref


def of_the_host(gate: Gate, *, context: str = TESTING.context, days: float = 0) -> None:
    """Records of a testing that ran A before there was a gate; the inventory is written now, whenever it deployed."""
    now = gate.ledger.now()
    then = stamp(now - timedelta(days=days))
    identity = ArtifactIdentity(artifact_id=A.artifact_id)
    deployed = DeploymentEvidence(
        target_name="app",
        target_type="application",
        deploy_mode="dokploy-application-api",
        status="pass",
        started_at=then,
        finished_at=then,
    )
    told: dict[str, Any] = {"artifact_identity": identity, "source_git_ref": A.source_git_ref, "deploy": deployed}
    record = DeploymentRecord(record_id="deployment-before", context=context, instance="testing", **told)
    gate.store.write_deployment_record(record)
    gate.store.write_environment_inventory(
        EnvironmentInventory(
            context=TESTING.context,
            instance="testing",
            updated_at=stamp(now),
            deployment_record_id="deployment-before",
            destination_health=HealthcheckEvidence(status="skipped"),
            **told,
        )
    )


def test_s15_health_that_nobody_looked_at_is_none(make_gate: MakeGate, platform: FakePlatform) -> None:
    """S15: whatever a record says of health, a source answers now with 2xx and its own commit, or is not promoted."""
    health = SourceAnswers(platform)
    gate = make_gate(plugins=Plugins({"fake": platform, "health": health}))
    of_the_host(gate)
    platform.run(TESTING, A)
    asked = standing.Asked("adopt", "", "")
    consent = standing.consent(gate.bundle, gate.engine, [PROFILE], asked, APPROVER, now=gate.ledger.now())
    adopt(gate.store, gate.ledger, gate.bundle, [PROFILE], APPROVER, decided=consent)
    assert "lane.settled" in codes(gate.run(promote(), ACTOR))
    assert gate.run(reconcile(), ACTOR).status == "recorded"
    for status, revision in ((503, A.source_git_ref), (200, None), (200, B.source_git_ref)):
        health.status, platform.reports[str(TESTING)] = status, revision
        run = gate.run(promote(), ACTOR)
        assert (run.status, codes(run)) == ("denied", {"release.source_revision"})
    assert platform.deploys == []
    health.status = 204
    platform.reports.clear()
    assert gate.run(promote(), ACTOR).status == "recorded"


def test_s16_a_source_that_is_down_leaves_the_key_for_when_it_is_back(
    make_gate: MakeGate, platform: FakePlatform
) -> None:
    """S16: while testing answers 503 nothing is promoted, written or remembered but the no itself."""
    health = SourceAnswers(platform, status=503)
    gate = make_gate(plugins=Plugins({"fake": platform, "health": health}))
    gate.run(deploy(A), ACTOR)
    before, count = kept_of(gate, PROD), len(platform.deploys)
    run = gate.run(promote(idempotency_key="k"), ACTOR)
    assert (run.status, codes(run), is_on_record(gate, run)) == ("denied", {"release.source_revision"}, True)
    assert "503" in message(run, "release.source_revision")
    assert (kept_of(gate, PROD), len(platform.deploys)) == (before, count)
    health.status = 200
    again = gate.run(promote(idempotency_key="k"), ACTOR)
    assert (again.status, again.replayed, len(platform.deploys)) == ("recorded", False, count + 1)


def test_s17_a_dry_run_decides_as_the_run_does_and_leaves_nothing(both: Gate, platform: FakePlatform) -> None:
    """S17: asked without acting, the gate gives the same answers, changes no record and keeps no key."""
    both.run(deploy(B), ACTOR)
    before = kept_of(both, TESTING), kept_of(both, PROD), both.ledger.heads(), list(platform.deploys)
    good, stale = promote(idempotency_key="k"), promote(A, idempotency_key="j")
    told = [both.check(request, ACTOR) for request in (good, stale)]
    assert before == (kept_of(both, TESTING), kept_of(both, PROD), both.ledger.heads(), platform.deploys)
    assert [decision.allowed for decision in told] == [True, False]
    for request, decision in zip((stale, good), reversed(told), strict=True):
        run = both.run(request, ACTOR)
        assert run.admitted and not run.replayed
        assert [one.status for one in run.admitted.results] == [one.status for one in decision.results]
    assert runs_now(both, PROD) == B.source_git_ref


def test_s18_a_copy_that_was_written_just_now_is_as_old_as_its_deployment(gate: Gate, platform: FakePlatform) -> None:
    """S18: an inventory is as fresh as the deployment it names, which has to be one of the same context."""
    platform.run(TESTING, A)
    of_the_host(gate)
    fresh = gate.run(promote(), ACTOR)
    of_the_host(gate, days=30)
    old = gate.run(promote(), ACTOR)
    assert old.status == "denied" and codes(old) - codes(fresh) == {"inventory.source_fresh"}
    (Path(str(gate.store.root)) / "deployments" / TESTING.context / "testing" / "deployment-before.json").unlink()  # type: ignore[attr-defined]  # a FileStore
    of_the_host(gate, context="before-the-cutover")
    moved = gate.run(promote(), ACTOR)
    assert moved.status == "denied" and {"inventory.source_latest", "inventory.source_fresh"} <= codes(moved)
    assert platform.deploys == []


# -- repeats


def test_s19_a_repeat_does_not_bring_back_what_was_replaced(both: Gate, platform: FakePlatform) -> None:
    """S19: with B on prod and C on testing, the old request for A is stale and prod keeps B."""
    gate, old = both, promote(A, idempotency_key="k-a", redeploy=True)
    assert gate.run(old, ACTOR).status == "recorded"
    ships(gate, B)
    gate.run(deploy(C), ACTOR)
    count = len(platform.deploys)
    with pytest.raises(StaleReplay):
        gate.run(old, ACTOR)
    assert (len(platform.deploys), runs_now(gate, PROD)) == (count, B.source_git_ref)


@pytest.mark.parametrize("ends", ["denied", "stale", "fail", "unknown", "unconfirmed", "unrecorded"])
def test_s21b_what_did_not_come_off_is_not_what_a_repeat_is_told(both: Gate, platform: FakePlatform, ends: Any) -> None:
    """S21b: a run that was not recorded, however it ended, leaves its key for one that is."""
    both.run(deploy(B), ACTOR)
    found = inventory(both, TESTING)
    if ends == "denied":
        platform.reports[str(TESTING)] = None
    elif ends == "stale":
        platform.behaves = lambda self, approval: (
            both.store.write_environment_inventory(found.model_copy(update={"updated_at": "2026-01-01T00:00:00Z"})),
            self.change(approval),
        )[1]
    elif ends == "unconfirmed":
        platform.reports[str(PROD)] = A.source_git_ref
    elif ends == "unrecorded":
        platform.recording = lambda _: None
    else:
        platform.behaves = lambda self, approval: self.change(approval, status=ends)
    first = both.run(promote(idempotency_key="k"), ACTOR)
    assert first.status == ends
    platform.behaves, platform.recording = None, lambda writer: writer.write()
    platform.reports.clear()
    both.store.write_environment_inventory(found)
    count = len(platform.deploys)
    again = both.run(promote(idempotency_key="k"), ACTOR)
    assert (again.status, again.replayed, len(platform.deploys)) == ("recorded", False, count + 1)


@pytest.mark.parametrize("damage", ["request_digest = '{'", "run_id = ''"])
def test_s21c_one_key_that_is_damaged_stops_no_other(
    gate: Gate, platform: FakePlatform, tmp_path: Path, damage: str
) -> None:
    """S21c: requests under other keys go on, new ones and repeats, where one key cannot be read."""
    first = gate.run(deploy(A, idempotency_key="good"), ACTOR)
    gate.run(promote(idempotency_key="bad"), ACTOR)
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        assert database.execute(f"UPDATE keys SET {damage} WHERE key = 'bad'").rowcount == 1  # noqa: S608  # ours
    again = gate.run(deploy(A, idempotency_key="good"), ACTOR)
    assert (again.run_id, again.replayed) == (first.run_id, True)
    count = len(platform.deploys)
    with pytest.raises((KeyReused, LedgerError)):
        gate.run(promote(idempotency_key="bad"), ACTOR)
    assert len(platform.deploys) == count
    for request in (deploy(B, idempotency_key="new"), promote(idempotency_key="newer")):
        assert gate.run(request, ACTOR).status == "recorded"
