"""A store of the host, as the gate asks it: each record by itself, in both forms, and never one for another."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from launchplane_gate import strictjson
from launchplane_gate.errors import NotSettled, RecordExists, RecordUnreadable, SettingsError
from launchplane_gate.model import Lane, lanes_of
from launchplane_gate.records import (
    BackupGateRecord,
    DeploymentRecord,
    EnvironmentInventory,
    ProductProfile,
    PromotionRecord,
    Record,
)
from launchplane_gate.store import Fence, Since, Stored, began, version
from launchplane_gate_launchplane import files, rows
from launchplane_gate_launchplane.host import KINDS, named, see_that_it_is_known
from launchplane_gate_launchplane.records import as_theirs, read, read_profile
from launchplane_gate_launchplane.shelves import Shelf, Text, is_one_operation, lane_names, may_be_of, safe

R = TypeVar("R", bound=Record)


LEFT = "What stands there was left as it is, and nothing was written over it."


@dataclass(frozen=True)
class _Known:
    """What was found out of a record, while it stands as it did. ``place``: in the chain of its lane."""

    version: str
    lane: Lane | None
    digest: str = ""
    stored: Stored[Any] | None = None
    place: int | None = None

    def is_of(self, name: str, lane: Lane | None) -> bool:
        """Whether it is of a lane, or may be; for None, of any."""
        return lane is None or (self.lane == lane if self.lane else may_be_of(name, lane))

    def lacks(self, name: str, lane: Lane | None, since: int | None) -> bool:
        """Whether it has to be read for those who ask for a lane's."""
        return self.stored is None and self.is_of(name, lane) and not self.is_older(since)

    def is_older(self, since: int | None) -> bool:
        return since is not None and self.place is not None and self.place < since


class LaunchplaneStore:
    """Over a ``FilesystemRecordStore`` or a ``PostgresRecordStore``. Raises SettingsError for what is neither.

    It may be used from several threads, and by several processes beside the host itself.
    """

    def __init__(self, store: Any) -> None:
        see_that_it_is_known()
        self.store = store
        self._shelves: dict[type[Record], Shelf]
        self._state_dir: Path | None = None
        if isinstance(store, named("storage.filesystem", "FilesystemRecordStore")):
            self._state_dir = Path(store.state_dir)
            self._shelves = {ours: files.FileShelf(self._state_dir / kind.folder) for ours, kind in KINDS.items()}
        elif isinstance(store, named("storage.postgres", "PostgresRecordStore")):
            engine = rows.engine_of(store)
            self._shelves = {ours: rows.RowShelf(engine, kind.table, kind.key) for ours, kind in KINDS.items()}
        else:
            raise SettingsError(f"a {type(store).__name__} is no store of Launchplane that is known here")
        self._known: dict[tuple[type[Record], str], _Known] = {}
        self._products: dict[str, tuple[str, ProductProfile | RecordUnreadable]] = {}
        self._fence: Fence | None = None

    def is_over(self, store: Any) -> bool:
        """Whether a store of the host has the same records as this one: a gate beside others would guard nothing."""
        if self._state_dir is not None:
            other = getattr(store, "state_dir", None)
            return other is not None and Path(other).resolve() == self._state_dir.resolve()
        try:
            mine, other = rows.engine_of(self.store).url, rows.engine_of(store).url
        except SettingsError:
            return False
        return (mine.host, mine.port, mine.database) == (other.host, other.port, other.database)

    def behind(self, fence: Fence) -> LaunchplaneStore:
        """This store, with a fence that is asked as late as the host's store lets it be."""
        store = copy.copy(self)
        store._fence = fence
        return store

    def is_of(self, record_store: Any) -> bool:
        """Whether a store of the host is the same place as this one's."""
        here, there = (
            (getattr(store, "state_dir", None), getattr(store, "database_url", None))
            for store in (self.store, record_store)
        )
        if here[0] is not None and there[0] is not None:
            return bool(Path(here[0]).resolve() == Path(there[0]).resolve())
        return here[1] is not None and here[1] == there[1]

    def holds_records(self) -> bool:
        return any(shelf.holds_any() for kind, shelf in self._shelves.items() if kind is not ProductProfile)

    # -- products

    def read_product_profile_record(self, product: str) -> ProductProfile:
        safe(product)
        profile = self.products().get(product)
        if profile is None:
            raise FileNotFoundError(product)
        if isinstance(profile, RecordUnreadable):
            raise RecordUnreadable(str(profile), hint=profile.hint)
        self._see_that_it_is_alone(lanes_of(profile))  # or it could be deployed to, and never be recorded
        return profile

    def list_product_profile_records(self) -> tuple[ProductProfile, ...]:
        """Those that can be read; of any other, whoever asks for it by name is told why it cannot."""
        return tuple(found for found in self.products().values() if isinstance(found, ProductProfile))

    def products(self) -> dict[str, ProductProfile | RecordUnreadable]:
        """Each product by the name of its record, or why that cannot be read."""
        shelf = self._shelves[ProductProfile]
        standing, known = shelf.standing(None), self._products
        unknown = [name for name, now in standing.items() if not now or name not in known or known[name][0] != now]
        found = {name: known[name] for name in standing if name not in unknown}
        for name, text in shelf.texts(unknown).items():
            found[name] = (standing[name], self._profile(name, text))
        self._products = found
        return {name: profile for name, (_, profile) in sorted(found.items())}

    # -- inventories

    def read_environment_inventory(self, *, context_name: str, instance_name: str) -> EnvironmentInventory:
        lane = Lane.model_construct(context=context_name, instance=instance_name)
        name = self._name_of_inventory(lane)
        record = self._parsed(EnvironmentInventory, name, self._text(EnvironmentInventory, name))
        if (record.context, record.instance) != (context_name, instance_name):
            raise RecordUnreadable(f"the inventory of {lane} says that it is of {record.context}/{record.instance}")
        return record

    def write_environment_inventory(self, record: EnvironmentInventory) -> None:
        lane = Lane.model_construct(context=record.context, instance=record.instance)
        name = self._name_of_inventory(lane)
        there = self._shelves[EnvironmentInventory].texts([name]).get(name)
        if there and there.lane not in (None, lane):
            raise RecordExists(f"the inventory of {lane} would take the place of that of {there.lane}", hint=LEFT)
        self._write("write_environment_inventory", name, record)

    def list_environment_inventory(self) -> tuple[EnvironmentInventory, ...]:
        return tuple(self._listed(EnvironmentInventory, "", ""))

    # -- deployments

    def read_deployment_record(self, record_id: str) -> DeploymentRecord:
        return self._one(DeploymentRecord, record_id)

    def write_deployment_record(self, record: DeploymentRecord) -> None:
        self._write_own("write_deployment_record", record.record_id, record)

    def list_deployment_records(
        self, *, context_name: str = "", instance_name: str = "", limit: int | None = None
    ) -> tuple[DeploymentRecord, ...]:
        found = self._listed(DeploymentRecord, context_name, instance_name)
        return tuple(sorted(found, key=lambda one: one.deploy.started_at, reverse=True))[:limit]

    def list_deployments_since(
        self, *, context_name: str, instance_name: str, since: Since
    ) -> tuple[Stored[DeploymentRecord], ...]:
        lane = Lane.model_construct(context=context_name, instance=instance_name)
        return tuple(self._stored(DeploymentRecord, lane, since.position))

    def remember_places(
        self, *, context_name: str, instance_name: str, places: Mapping[Stored[DeploymentRecord], int]
    ) -> None:
        for stored, place in places.items():
            known = self._known.get((DeploymentRecord, stored.record_id))
            if known and known.digest == stored.digest:
                self._known[DeploymentRecord, stored.record_id] = replace(known, place=place)

    # -- promotions

    def read_promotion_record(self, record_id: str) -> PromotionRecord:
        return self._one(PromotionRecord, record_id)

    def write_promotion_record(self, record: PromotionRecord) -> None:
        self._write_own("write_promotion_record", record.record_id, record)

    def list_promotion_records(
        self,
        *,
        context_name: str = "",
        from_instance_name: str = "",
        to_instance_name: str = "",
        limit: int | None = None,
    ) -> tuple[PromotionRecord, ...]:
        listed = self._listed(PromotionRecord, context_name, to_instance_name)
        found = [one for one in listed if from_instance_name in ("", one.from_instance)]
        return tuple(sorted(found, key=lambda one: one.deploy.started_at, reverse=True))[:limit]

    # -- backups

    def read_backup_gate_record(self, record_id: str) -> BackupGateRecord:
        return self._one(BackupGateRecord, record_id)

    def write_backup_gate_record(self, record: BackupGateRecord) -> None:
        self._write_own("write_backup_gate_record", record.record_id, record)

    def list_backup_gate_records(
        self, *, context_name: str = "", instance_name: str = "", limit: int | None = None
    ) -> tuple[BackupGateRecord, ...]:
        found = self._listed(BackupGateRecord, context_name, instance_name)
        return tuple(sorted(found, key=lambda one: one.created_at, reverse=True))[:limit]

    def list_newest_backups(
        self, *, context_name: str, instance_name: str, limit: int
    ) -> tuple[Stored[BackupGateRecord], ...]:
        lane = Lane.model_construct(context=context_name, instance=instance_name)
        found = [(began(one.record), one) for one in self._stored(BackupGateRecord, lane) if one.record]
        dated = [(moment, one) for moment, one in found if moment is not None]
        return tuple(one for _, one in sorted(dated, key=lambda pair: pair[0], reverse=True)[:limit])

    # -- reading

    def _where(self, kind: type[Record], name: str) -> str:
        return self._shelves[kind].where(name)

    def _text(self, kind: type[Record], name: str) -> Text:
        found = self._shelves[kind].texts([name])
        if name not in found:
            raise FileNotFoundError(name)
        return found[name]

    def _one(self, kind: type[R], record_id: str) -> R:
        safe(record_id)
        return self._parsed(kind, record_id, self._text(kind, record_id))

    def _parsed(self, kind: type[R], name: str, text: Text) -> R:
        """Raises RecordUnreadable for one that is torn, or not the one that its name says."""
        where = self._where(kind, name)
        if text.why:
            raise RecordUnreadable(text.why)
        record = read(kind, text.content, where)
        if (said := getattr(record, "record_id", name)) != name:
            raise RecordUnreadable(f"{where}: it says that it is {said}")
        return record

    def _profile(self, product: str, text: Text) -> ProductProfile | RecordUnreadable:
        where = self._where(ProductProfile, product)
        try:
            profile = read_profile(text.content, where)
        except RecordUnreadable as error:
            return RecordUnreadable(text.why) if text.why else error
        if profile.product != product:
            return RecordUnreadable(f"{where}: it says that it is {profile.product}")
        return profile

    def _listed(self, kind: type[R], context: str, instance: str) -> Iterator[R]:
        """Raises RecordUnreadable where one of them cannot be read."""
        lane = Lane.model_construct(context=context, instance=instance) if context and instance else None
        for stored in self._stored(kind, lane):
            if stored.record is None:
                raise RecordUnreadable(stored.unreadable)
            record: Any = stored.record
            here = getattr(record, "to_instance", None) or record.instance
            if context in ("", record.context) and instance in ("", here):
                yield record

    def _stored(self, kind: type[R], lane: Lane | None, since: int | None = None) -> Iterator[Stored[R]]:
        """Each record of a lane as it stands, read only where it is not known yet, and not known to be older."""
        shelf = self._shelves[kind]
        standing = shelf.standing(lane)
        found: dict[str, _Known] = {}
        unknown = []
        for name, now in standing.items():
            known = self._known.get((kind, name))
            if known and now and known.version == now and not known.lacks(name, lane, since):
                found[name] = known
            else:
                unknown.append(name)
        for name in [name for name, known in found.items() if known.stored and known.is_older(since)]:
            self._known[kind, name] = replace(found[name], stored=None)  # nobody asks for it again soon
        for name, text in shelf.texts(unknown).items():
            found[name] = self._known[kind, name] = self._looked_at(kind, name, standing[name], text, lane)
        for name, known in found.items():
            if known.stored and known.is_of(name, lane) and not known.is_older(since):
                yield known.stored

    def _looked_at(self, kind: type[R], name: str, now: str, text: Text, lane: Lane | None) -> _Known:
        """What is of another lane is not read any further."""
        before = self._known.get((kind, name))
        known = _Known(now, text.lane)
        if not known.is_of(name, lane):
            return known
        stored = self._as_it_stands(kind, name, text)
        place = before.place if before and before.digest == stored.digest else None
        return replace(known, digest=stored.digest, stored=stored, place=place)

    def _as_it_stands(self, kind: type[R], name: str, text: Text) -> Stored[R]:
        """Its digest is of what it says, so that it is the same in files and rows; of what is torn, of its bytes."""
        try:
            record = self._parsed(kind, name, text)
        except RecordUnreadable as error:
            return Stored(name, strictjson.sha256(text.content or text.why.encode()), None, str(error))
        return Stored(name, version(record), record)

    # -- names and writes

    def _name_of_inventory(self, lane: Lane) -> str:
        """Raises RecordUnreadable for a lane that shares it with another."""
        safe(lane.context, lane.instance)
        if self._state_dir is None:
            return str(lane)
        self._see_that_it_is_alone([lane])
        return _file_name(lane)

    def _see_that_it_is_alone(self, lanes: Iterable[Lane]) -> None:
        """Raises RecordUnreadable where lanes share one file of the host for their inventories."""
        if self._state_dir is None:
            return
        known = {lane for profile in self.list_product_profile_records() for lane in lanes_of(profile)}
        for lane in lanes:
            for other in known - {lane}:
                if (name := _file_name(lane)) == _file_name(other):
                    hint = "Nothing was done. Give one of the two another context, or keep the records in Postgres."
                    raise RecordUnreadable(f"{lane} and {other} share one file of the host, {name}.json", hint=hint)

    def _write_own(self, method: str, record_id: str, record: Record) -> None:
        """Write a record that is new, or takes the place of one of the same operation."""
        safe(record_id, *lane_names(record))
        there = self._shelves[type(record)].texts([record_id]).get(record_id)
        try:
            before = there and self._parsed(type(record), record_id, there)
        except RecordUnreadable as error:
            raise RecordExists(f"{record_id} stands there already, and cannot be read: {error}", hint=LEFT) from None
        if before and not is_one_operation(before, record):
            raise RecordExists(f"{record_id} is the name of another record, of {_told(before)}", hint=LEFT)
        self._write(method, record_id, record)

    def _write(self, method: str, name: str, record: Record) -> None:
        """Raises RecordUnreadable for what the host could not read, NotSettled for what reads back differently."""
        theirs, kind = as_theirs(record), type(record)
        if self._state_dir is not None:
            files.write(self.store, method, theirs, Path(self._where(kind, name)), self._fence)
        else:
            with rows.told(rows.engine_of(self.store)):
                if self._fence:
                    self._fence()
                getattr(self.store, method)(theirs)
        if version(self._parsed(kind, name, self._text(kind, name))) != version(record):
            raise NotSettled(f"{self._where(kind, name)} was written and reads back differently")


def _file_name(lane: Lane) -> str:
    return f"{lane.context}-{lane.instance}"


def _told(record: Record) -> str:
    artifact = getattr(record, "artifact_identity", None)
    return f"{' '.join(lane_names(record))}, {artifact.artifact_id if artifact else 'no artifact'}"
