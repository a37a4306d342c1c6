"""A promotion of what prod runs already restarts nothing, and no commit gets a second version."""

from __future__ import annotations

from typing import Any

import pytest

from launchplane_gate.errors import RecordUnreadable
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval
from launchplane_gate.model import Lane, Outcome
from launchplane_gate.records import BackupGateRecord
from launchplane_gate.store import RecordStore
from tests.conftest import ACTOR, PROD, A, MakeGate, deploy, promote
from tests.fakes.platform import FakePlatform


@pytest.fixture
def both(gate: Gate) -> Gate:
    """A gate whose two lanes run A."""
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    assert gate.run(promote(), ACTOR).status == "recorded"
    return gate


def test_a_promotion_of_what_prod_runs_deploys_nothing(both: Gate, platform: FakePlatform) -> None:
    """Seen: four promotions of the release that prod ran restarted prod."""
    before, history = list(platform.deploys), both.ledger.history(PROD)
    inventory = both.store.read_environment_inventory(context_name=PROD.context, instance_name="prod")
    run = both.run(promote(), ACTOR)
    assert (run.status, run.redeemed, run.touched) == ("unchanged", False, False)
    assert run.confirmed and run.confirmed.allowed and run.confirmed.phase == "confirm"
    assert platform.deploys == before and both.ledger.history(PROD) == history
    assert both.store.read_environment_inventory(context_name=PROD.context, instance_name="prod") == inventory
    assert both.ledger.verify().wrong == ()


def test_a_redeploy_is_asked_for_by_name(both: Gate, platform: FakePlatform) -> None:
    count = len(platform.deploys)
    assert both.run(promote(redeploy=True), ACTOR).status == "recorded"
    assert len(platform.deploys) == count + 1


def test_prod_that_is_not_seen_to_run_it_is_deployed_to(both: Gate, platform: FakePlatform) -> None:
    platform.reports[str(PROD)] = "9" * 40

    def cures(platform: FakePlatform, approval: Approval) -> Outcome:
        platform.reports.clear()
        return platform.change(approval)

    platform.behaves = cures
    assert both.run(promote(), ACTOR).status == "recorded"


def test_prod_whose_container_was_restarted_is_looked_at_again_and_left(both: Gate, platform: FakePlatform) -> None:
    count = len(platform.deploys)
    platform.restart(PROD)
    assert both.run(promote(), ACTOR).status == "unchanged"
    assert len(platform.deploys) == count


class HostsStore:
    """A host's own: it lists whole lanes, and raises what it likes."""

    def __init__(self, store: RecordStore) -> None:
        self._store, self.broken = store, False

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("read_", "write_", "list_")) and name.endswith(("_record", "_records", "_inventory")):
            return getattr(self._store, name)
        raise AttributeError(name)

    def list_backup_gate_records(self, **of: Any) -> tuple[BackupGateRecord, ...]:
        if self.broken:
            raise RecordUnreadable("torn.json cannot be read")
        return self._store.list_backup_gate_records(**of)


def test_what_ends_the_look_has_changed_nothing(both: Gate, make_gate: MakeGate, platform: FakePlatform) -> None:
    """Something unforeseen ends the look in place of a deploy: nothing was touched, so nothing is unknown."""
    count, store = len(platform.deploys), HostsStore(both.store)
    gate = make_gate(store=store)
    looks: list[Lane] = []

    def observing(lane: Lane) -> None:
        looks.append(lane)
        store.broken = len(looks) >= 3  # source and prod were seen before; this is the look

    platform.observing = observing
    run = gate.run(promote(), ACTOR)
    assert (run.status, run.redeemed, run.touched) == ("undecided", False, False) and "torn.json" in run.detail
    assert len(platform.deploys) == count
    assert both.run(promote(), ACTOR).status == "unchanged"  # prod is settled all the while


def test_a_repeat_of_it_is_a_replay_until_a_lane_moves_on(both: Gate) -> None:
    first = both.run(promote(idempotency_key="k"), ACTOR)
    again = both.run(promote(idempotency_key="k"), ACTOR)
    assert (first.status, again.status, again.replayed, again.run_id) == ("unchanged", "unchanged", True, first.run_id)


def test_a_deploy_always_deploys(make_gate: MakeGate, platform: FakePlatform) -> None:
    gate = make_gate()
    for _ in range(2):
        assert gate.run(deploy(A), ACTOR).status == "recorded"
    assert len(platform.deploys) == 2
