"""One reading of a lane's records, each in its order: what the ledger knows to be older is left out.

A deployment of the gate stands where its run redeemed, any other where it was first seen, as it is now. What nobody has
seen yet counts as newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from pydantic import ValidationError

from launchplane_gate import strictjson
from launchplane_gate.errors import RecordUnreadable
from launchplane_gate.ledger import ASIDE, BACKUPS, DEPLOYMENTS, Ledger, Place, Sighting
from launchplane_gate.model import Hold, Lane, ReleaseIdentity, unstamp
from launchplane_gate.past import missing
from launchplane_gate.records import (
    BackupGateRecord,
    DeploymentRecord,
    EnvironmentInventory,
    PromotionRecord,
    Record,
)
from launchplane_gate.store import Bounded, RecordStore, Since, Stored, version

NEWEST_BACKUPS = 20  # of which the policies are told

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class LaneRecords:
    """``deployments``: the one that the inventory names, and each that is not known to be older, so that neither a
    decision nor a version grows with the lane's past. ``others``: those among them that the gate did not write,
    readable or not, but for the one that the inventory names; ``unseen``: what the ledger does not know of yet;
    ``places``: of those that it knows, by their ids. ``unreadable`` says which record could not be read, and why.
    """

    lane: Lane
    inventory: EnvironmentInventory | None
    deployments: tuple[DeploymentRecord, ...]
    hold: Hold | None
    unreadable: str = ""
    promotion: PromotionRecord | None = None  # the one that the inventory names
    lost: str = ""  # what the records know and the ledger does not
    named: str = ""  # the deployment that the lane rests on, by its inventory; by the ledger, where there is none
    others: tuple[Stored[DeploymentRecord], ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    unseen: tuple[Sighting, ...] = ()

    @cached_property
    def version(self) -> str:
        """Changes with any of the lane's records; absence has a version too. A hold is none: it is looked at apart."""
        return strictjson.digest(
            {
                "inventory": version(self.inventory),
                "deployments": sorted((record.record_id, version(record)) for record in self.deployments),
                "torn": sorted((one.record_id, one.digest) for one in self.others if one.record is None),
                "promotion": version(self.promotion),
                "unreadable": self.unreadable,
            }
        )

    @property
    def release(self) -> ReleaseIdentity | None:
        """What the inventory says that the lane runs; None where it names nothing that could be a release."""
        if not self.inventory or not self.inventory.artifact_identity:
            return None
        artifact_id, commit = self.inventory.artifact_identity.artifact_id, self.inventory.source_git_ref
        with suppress(ValidationError):
            return ReleaseIdentity(artifact_id=artifact_id, source_git_ref=commit)
        return None

    def untouched(self, record_id: str) -> bool:
        """Whether the ledger knows that the deploy of a record changed nothing."""
        return record_id in self.places and self.places[record_id].untouched

    def last_started(self, *, before: datetime) -> datetime | None:
        """When the last of the deployments that began before a moment did."""
        moments = [unstamp(record.deploy.started_at) for record in self.deployments]
        return max((moment for moment in moments if moment and moment < before), default=None)


def read_lane(store: RecordStore, ledger: Ledger, lane: Lane, *, but_deployment: str | None = None) -> LaneRecords:
    """Read a lane's records, one deployment (a run's own) left out. A record that is torn is a fact here."""
    inventory, promotion = None, None
    unreadable: list[str] = []
    try:
        inventory = store.read_environment_inventory(context_name=lane.context, instance_name=lane.instance)
        if inventory.promotion_record_id:
            promotion = store.read_promotion_record(inventory.promotion_record_id)
    except FileNotFoundError:
        pass
    except RecordUnreadable as error:
        unreadable.append(str(error))
    last = None if inventory else ledger.last_naming(lane)
    named = inventory.deployment_record_id if inventory else (last and last.deployment_record_id) or ""
    found = _deployments(store, ledger, lane, named, but=but_deployment or "")
    deployments = tuple(stored.record for stored in found.late if stored.record)
    return LaneRecords(
        lane=lane,
        inventory=inventory,
        deployments=deployments,
        hold=ledger.hold_on(lane),
        unreadable="; ".join([*unreadable, *found.unreadable]),
        promotion=promotion,
        lost=missing(ledger, lane, deployments),
        named=named,
        others=found.others,
        places=found.places,
        unseen=found.unseen,
    )


def find_deployment(store: RecordStore, lane: Lane, record_id: str) -> Stored[DeploymentRecord] | None:
    """A deployment of a lane as it stands, however old; None where there is none. Reads the lane's whole past."""
    return next((one for one in listed(store, lane, Since()) if one.record_id == record_id), None)


@dataclass(frozen=True)
class _Found:
    """The deployments of a lane that are not known to be older than the one it rests on; see LaneRecords."""

    late: tuple[Stored[DeploymentRecord], ...] = ()
    others: tuple[Stored[DeploymentRecord], ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)
    unseen: tuple[Sighting, ...] = ()
    unreadable: tuple[str, ...] = ()


def _deployments(store: RecordStore, ledger: Ledger, lane: Lane, named: str, *, but: str) -> _Found:
    since = Since(named, ledger.redeemed_at(lane, named))
    try:
        stored = [one for one in listed(store, lane, since) if one.record_id != but]
    except RecordUnreadable as error:
        return _Found(unreadable=(str(error),))
    sightings = {one.record_id: sighting(DEPLOYMENTS, one) for one in stored}
    by_name = ledger.places(lane, sightings.values())
    places = {record_id: by_name[seen.name] for record_id, seen in sightings.items() if seen.name in by_name}
    _remember(store, lane, stored, places)
    start = places[named].position if named in places else since.position
    if named in sightings and start is None:
        start = max((place.position for place in places.values()), default=None)  # it will be seen after all of them
    late = tuple(one for one in stored if one.record_id == named or _is_late(places.get(one.record_id), start))
    own = {record_id for record_id, place in places.items() if place.run_id}
    others = tuple(one for one in late if one.record_id not in own and one.record_id != named)
    # What became of a later run of our own is told by the ledger, whatever its record says.
    torn = [one for one in late if one.record is None and (one.record_id == named or one in others)]
    unseen = [sightings[one.record_id] for one in stored if one.record_id not in places]
    unseen.sort(key=lambda seen: seen.name != f"{DEPLOYMENTS}{named}")  # first: nothing is older for being seen with it
    return _Found(late, others, places, tuple(unseen), tuple(one.unreadable for one in torn))


def _is_late(place: Place | None, start: int | None) -> bool:
    return place is None or (place.position != ASIDE and (start is None or place.position > start))


@dataclass(frozen=True)
class Backups:
    """The newest backups of a lane that can be read. ``seen_at``: when each was first seen, by its id, if it was."""

    records: tuple[BackupGateRecord, ...]
    seen_at: Mapping[str, str]
    unseen: tuple[Sighting, ...]


def read_backups(store: RecordStore, ledger: Ledger, lane: Lane) -> Backups:
    """Raises RecordUnreadable for a store that cannot tell which of them cannot be read."""
    if isinstance(store, Bounded):
        found = store.list_newest_backups(context_name=lane.context, instance_name=lane.instance, limit=NEWEST_BACKUPS)
    else:
        listed = store.list_backup_gate_records(context_name=lane.context, instance_name=lane.instance)
        found = tuple(Stored(record.record_id, version(record), record) for record in listed)
    sightings = {one.record_id: sighting(BACKUPS, one) for one in found}
    places = ledger.places(lane, sightings.values())
    return Backups(
        records=tuple(one.record for one in found if one.record),
        seen_at={one: places[seen.name].seen_at for one, seen in sightings.items() if seen.name in places},
        unseen=tuple(seen for seen in sightings.values() if seen.name not in places),
    )


def sighting(kind: str, stored: Stored[R]) -> Sighting:
    return Sighting(f"{kind}{stored.record_id}", stored.digest, stored.unreadable)


def listed(store: RecordStore, lane: Lane, since: Since) -> Iterable[Stored[DeploymentRecord]]:
    """The deployments of a lane, torn ones too. Raises RecordUnreadable for a store that cannot tell which are."""
    if isinstance(store, Bounded):
        return store.list_deployments_since(context_name=lane.context, instance_name=lane.instance, since=since)
    found = store.list_deployment_records(context_name=lane.context, instance_name=lane.instance)
    return [Stored(record.record_id, version(record), record) for record in found]


def _remember(
    store: RecordStore, lane: Lane, stored: Iterable[Stored[DeploymentRecord]], places: Mapping[str, Place]
) -> None:
    if isinstance(store, Bounded):
        known = {one: places[one.record_id].position for one in stored if one.record_id in places}
        store.remember_places(context_name=lane.context, instance_name=lane.instance, places=known)
