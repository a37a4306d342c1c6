"""What every store of records promises, one test each. The first line of a test's docstring is the promise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import pytest

from launchplane_gate.errors import GateError, NotSettled, RecordUnreadable
from launchplane_gate.model import Lane
from launchplane_gate.records import (
    ArtifactIdentity,
    BackupGateEvidence,
    BackupGateRecord,
    DeploymentEvidence,
    DeploymentRecord,
    EnvironmentInventory,
    PromotionRecord,
    Record,
)
from launchplane_gate.store import Bounded, RecordStore, Since, Telling, fenced, plain
from launchplane_gate.testing.platform import PROD, TESTING, unproven

AT = "2026-05-03T12:00:00Z"
DEPLOY = DeploymentEvidence(
    target_name="app", target_type="application", deploy_mode="by hand", status="pass", started_at=AT, finished_at=AT
)


class Shelves(ABC):
    """Where a store keeps its records: empty at first, and a new one for each test."""

    @abstractmethod
    def open(self) -> RecordStore:
        """A store over it. Called several times: each is another process's, and all of them see the same."""

    def tear(self, record: Record) -> None:
        """Damage a record as it stands, as half a write would."""
        unproven("nothing that is kept there can be damaged")


def a_deployment(name: str = "1", lane: Lane = TESTING, **more: Any) -> DeploymentRecord:
    """As a run of the gate writes it."""
    return DeploymentRecord(
        record_id=f"deployment-20260503T120000Z-{lane.context}-{lane.instance}-{name}",
        artifact_identity=ArtifactIdentity(artifact_id=f"shop@sha256:{'a' * 64}"),
        context=lane.context,
        instance=lane.instance,
        source_git_ref="a" * 40,
        runtime_source={"gate_run_id": f"r-{name}"},
        **{"deploy": DEPLOY, **more},
    )


def an_inventory(lane: Lane = TESTING, named: str = "1") -> EnvironmentInventory:
    deployment = a_deployment(named, lane)
    return EnvironmentInventory(
        context=lane.context,
        instance=lane.instance,
        artifact_identity=deployment.artifact_identity,
        source_git_ref=deployment.source_git_ref,
        deploy=deployment.deploy,
        updated_at=AT,
        deployment_record_id=deployment.record_id,
    )


def a_promotion(name: str = "1") -> PromotionRecord:
    return PromotionRecord(
        record_id=f"promotion-20260503T120000Z-{PROD.context}-testing-to-prod-{name}",
        artifact_identity=ArtifactIdentity(artifact_id=f"shop@sha256:{'a' * 64}"),
        deployment_record_id=a_deployment(name, PROD).record_id,
        context=PROD.context,
        from_instance=TESTING.instance,
        to_instance=PROD.instance,
        backup_gate=BackupGateEvidence(required=False, status="skipped"),
        deploy=DEPLOY,
    )


def a_backup(name: str = "1", created_at: str = AT) -> BackupGateRecord:
    return BackupGateRecord(
        record_id=f"backup-gate-{name}",
        context=PROD.context,
        instance=PROD.instance,
        created_at=created_at,
        source="promises",
    )


def _of(lane: Lane) -> dict[str, Any]:
    return {"context_name": lane.context, "instance_name": lane.instance}


class StorePromises:
    """Subclass it, with a fixture ``shelves`` that gives Shelves."""

    @pytest.fixture
    def shelves(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs a fixture `shelves` that gives Shelves")

    @pytest.fixture
    def store(self, shelves: Shelves) -> RecordStore:
        return shelves.open()

    def test_what_was_written_is_there_for_everybody(self, shelves: Shelves, store: RecordStore) -> None:
        """Each kind of record comes back as it was written, by itself and in a list, to another process too."""
        deployment, inventory, promotion, backup = a_deployment(), an_inventory(), a_promotion(), a_backup()
        store.write_deployment_record(deployment)
        store.write_environment_inventory(inventory)
        store.write_promotion_record(promotion)
        store.write_backup_gate_record(backup)
        for one in (store, shelves.open()):
            assert plain(one.read_deployment_record(deployment.record_id)) == plain(deployment)
            assert plain(one.read_environment_inventory(**_of(TESTING))) == plain(inventory)
            assert plain(one.read_promotion_record(promotion.record_id)) == plain(promotion)
            assert plain(one.read_backup_gate_record(backup.record_id)) == plain(backup)
            assert one.list_environment_inventory() == (inventory,)
            assert one.list_deployment_records(**_of(TESTING)) == (deployment,)
            assert one.list_backup_gate_records(**_of(PROD)) == (backup,)
            found = one.list_promotion_records(context_name=PROD.context, to_instance_name=PROD.instance)
            assert found == (promotion,)

    def test_a_record_of_a_run_takes_the_place_of_its_earlier_form(self, shelves: Shelves, store: RecordStore) -> None:
        """A run writes its deployment when it begins and when it ends, and an inventory over an inventory."""
        pending = a_deployment(deploy=DEPLOY.model_copy(update={"status": "pending", "finished_at": ""}))
        store.write_deployment_record(pending)
        store.write_deployment_record(a_deployment())
        store.write_environment_inventory(an_inventory())
        store.write_environment_inventory(an_inventory(named="2"))
        other = shelves.open()
        assert other.list_deployment_records(**_of(TESTING)) == (a_deployment(),)
        assert other.read_environment_inventory(**_of(TESTING)) == an_inventory(named="2")
        assert store.list_deployment_records(**_of(TESTING)) == (a_deployment(),)

    def test_what_is_not_there_is_missing(self, store: RecordStore) -> None:
        """What is not there raises FileNotFoundError, and is in no list."""
        for read in (store.read_deployment_record, store.read_promotion_record, store.read_backup_gate_record):
            with pytest.raises(FileNotFoundError):
                read("none")
        with pytest.raises(FileNotFoundError):
            store.read_environment_inventory(**_of(TESTING))
        with pytest.raises(FileNotFoundError):
            store.read_product_profile_record("none")
        assert not store.list_deployment_records(**_of(TESTING))
        assert not store.list_environment_inventory()

    def test_a_list_is_of_one_lane(self, store: RecordStore) -> None:
        """A list of a lane has all records of that lane, and none of another."""
        here, there = [a_deployment(str(n)) for n in range(3)], a_deployment(lane=PROD)
        for record in (*here, there):
            store.write_deployment_record(record)
        assert {one.record_id for one in store.list_deployment_records(**_of(TESTING))} == {
            one.record_id for one in here
        }
        assert store.list_deployment_records(**_of(PROD)) == (there,)
        assert len(store.list_deployment_records(**_of(TESTING), limit=2)) == 2  # noqa: PLR2004  # of three

    @pytest.mark.parametrize("name", ["../deployment", "a/b", "..", "a\\b", "a\0"])
    def test_no_name_leads_elsewhere(self, store: RecordStore, name: str) -> None:
        """Whatever a name looks like, it is refused, or it is that of one record, and no other is found by it."""
        store.write_deployment_record(a_deployment())
        store.write_environment_inventory(an_inventory())
        record = a_deployment("2").model_copy(update={"record_id": name})
        try:
            store.write_deployment_record(record)
        except (GateError, ValueError):
            with pytest.raises((GateError, FileNotFoundError)):
                store.read_deployment_record(name)
        else:
            assert store.read_deployment_record(name) == record
        for read in (store.read_promotion_record, store.read_backup_gate_record):
            with pytest.raises((GateError, FileNotFoundError)):
                read(name)
        assert store.read_deployment_record(a_deployment().record_id) == a_deployment()
        assert store.list_environment_inventory() == (an_inventory(),)

    def test_no_lane_is_taken_for_another(self, store: RecordStore) -> None:
        """Lanes whose names run together are kept apart, or one of them is refused."""
        one, another = Lane(context="a", instance="b-c"), Lane(context="a-b", instance="c")
        store.write_environment_inventory(an_inventory(one))
        try:
            store.write_environment_inventory(an_inventory(another, "2"))
        except GateError:
            with pytest.raises((RecordUnreadable, FileNotFoundError)):
                store.read_environment_inventory(**_of(another))
        else:
            assert store.read_environment_inventory(**_of(another)) == an_inventory(another, "2")
        assert store.read_environment_inventory(**_of(one)) == an_inventory(one)

    def test_nothing_is_written_past_a_fence(self, shelves: Shelves, store: RecordStore) -> None:
        """Where the fence before a write raises, what stands there is what was there before."""

        def fence() -> None:
            raise NotSettled("the lease is over")

        store.write_environment_inventory(an_inventory())
        behind = fenced(store, fence)
        with pytest.raises(NotSettled):
            behind.write_environment_inventory(an_inventory(named="2"))
        with pytest.raises(NotSettled):
            behind.write_deployment_record(a_deployment())
        for one in (store, shelves.open()):
            assert one.read_environment_inventory(**_of(TESTING)) == an_inventory()
            assert one.list_deployment_records() == ()

    def test_a_torn_record_is_told(self, shelves: Shelves, store: RecordStore) -> None:
        """A record that is torn raises RecordUnreadable, by itself and in the list of its lane."""
        store.write_deployment_record(a_deployment())
        store.write_environment_inventory(an_inventory())
        shelves.tear(a_deployment())
        shelves.tear(an_inventory())
        asked: tuple[Callable[[], object], ...] = (
            lambda: store.read_deployment_record(a_deployment().record_id),
            lambda: store.list_deployment_records(**_of(TESTING)),
            lambda: store.read_environment_inventory(**_of(TESTING)),
        )
        for ask in asked:
            with pytest.raises(RecordUnreadable):
                ask()

    def test_a_torn_record_is_of_its_own_lane(self, shelves: Shelves, store: RecordStore) -> None:
        """Where a record of one lane is torn, those of another are read as before."""
        for lane in (TESTING, PROD):
            store.write_deployment_record(a_deployment(lane=lane))
            store.write_environment_inventory(an_inventory(lane))
        shelves.tear(a_deployment(lane=PROD))
        shelves.tear(an_inventory(PROD))
        for one in (store, shelves.open()):
            assert one.list_deployment_records(**_of(TESTING)) == (a_deployment(),)
            assert one.read_environment_inventory(**_of(TESTING)) == an_inventory()

    def test_what_is_bounded_leaves_out_nothing_new(self, shelves: Shelves, store: RecordStore) -> None:
        """Of a bounded store nothing is left out but what it was told is older; what is changed since is there."""
        if not isinstance(store, Bounded):
            unproven("the store is not Bounded: a lane's whole past is read instead")
        records = [a_deployment(str(n)) for n in range(4)]
        for record in records[:3]:
            store.write_deployment_record(record)
        first = store.list_deployments_since(**_of(TESTING), since=Since())
        assert {one.record_id for one in first} == {one.record_id for one in records[:3]}
        places = {one: 10 + n for n, one in enumerate(sorted(first, key=lambda one: one.record_id))}
        store.remember_places(**_of(TESTING), places=places)
        store.write_deployment_record(records[3])
        store.write_deployment_record(changed := records[0].model_copy(update={"no_cache": True}))
        since = Since(records[2].record_id, 12)
        for one in (store, shelves.open()):
            assert isinstance(one, Bounded)
            found = [stored.record for stored in one.list_deployments_since(**_of(TESTING), since=since)]
            assert all(record in found for record in (changed, records[2], records[3]))

    def test_what_is_torn_is_in_a_bounded_list_too(self, shelves: Shelves, store: RecordStore) -> None:
        """A bounded store lists what is torn of a lane among the others, and says why it cannot be read."""
        if not isinstance(store, Bounded):
            unproven("the store is not Bounded: a lane's whole past is read instead")
        for name in ("1", "2"):
            store.write_deployment_record(a_deployment(name))
        shelves.tear(a_deployment("1"))
        found = {one.record_id: one for one in store.list_deployments_since(**_of(TESTING), since=Since())}
        torn = found[a_deployment("1").record_id]
        assert torn.record is None and torn.unreadable
        assert found[a_deployment("2").record_id].record == a_deployment("2")

    def test_the_newest_backups_are_by_their_time(self, store: RecordStore) -> None:
        """Of a bounded store the newest backups come, by what they say of themselves, and none that has no time."""
        if not isinstance(store, Bounded):
            unproven("the store is not Bounded: all backups of a lane are read instead")
        for name, at in (("old", "2026-05-01T00:00:00Z"), ("new", AT), ("no-time", "never")):
            store.write_backup_gate_record(a_backup(name, at))
        found = store.list_newest_backups(**_of(PROD), limit=1)
        assert [one.record_id for one in found] == ["backup-gate-new"]
        assert len(store.list_newest_backups(**_of(PROD), limit=9)) == 2  # noqa: PLR2004  # that have a time

    def test_it_can_tell_whether_it_is_empty(self, store: RecordStore) -> None:
        """A store that tells whether it holds records tells the truth."""
        if not isinstance(store, Telling):
            unproven("the store is not Telling: its inventories are listed instead")
        assert not store.holds_records()
        store.write_deployment_record(a_deployment())
        assert store.holds_records()
