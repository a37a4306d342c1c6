"""Where the records live: the host's own method names and shapes, and files of ours, written atomically.

Launchplane's own store is asked through the plugin ``launchplane``, which converts and checks what it gives. A record
that is missing raises FileNotFoundError, as there.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast, runtime_checkable

from pydantic import ValidationError

from launchplane_gate import private, strictjson
from launchplane_gate.errors import RecordUnreadable
from launchplane_gate.hints import Hints, Signature, moment_of, signature_of
from launchplane_gate.records import (
    BackupGateRecord,
    DeploymentRecord,
    EnvironmentInventory,
    ProductProfile,
    PromotionRecord,
    Record,
)

SAFE_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", re.ASCII)
PLACES, MOMENTS = ".placed", ".began"  # names of hints
FOLDERS = ("inventory", "deployments", "promotions", "backup_gates")

R = TypeVar("R", bound=Record)


class RecordStore(Protocol):
    """What the gate needs of a store. Order of the lists is the store's own and means nothing."""

    def read_product_profile_record(self, product: str) -> ProductProfile: ...
    def read_environment_inventory(self, *, context_name: str, instance_name: str) -> EnvironmentInventory: ...
    def write_environment_inventory(self, record: EnvironmentInventory) -> object: ...
    def list_environment_inventory(self) -> tuple[EnvironmentInventory, ...]: ...
    def read_deployment_record(self, record_id: str) -> DeploymentRecord: ...
    def write_deployment_record(self, record: DeploymentRecord) -> object: ...
    def list_deployment_records(
        self, *, context_name: str = "", instance_name: str = "", limit: int | None = None
    ) -> tuple[DeploymentRecord, ...]: ...
    def read_promotion_record(self, record_id: str) -> PromotionRecord: ...
    def write_promotion_record(self, record: PromotionRecord) -> object: ...
    def list_promotion_records(
        self,
        *,
        context_name: str = "",
        from_instance_name: str = "",
        to_instance_name: str = "",
        limit: int | None = None,
    ) -> tuple[PromotionRecord, ...]: ...
    def read_backup_gate_record(self, record_id: str) -> BackupGateRecord: ...
    def write_backup_gate_record(self, record: BackupGateRecord) -> object: ...
    def list_backup_gate_records(
        self, *, context_name: str = "", instance_name: str = "", limit: int | None = None
    ) -> tuple[BackupGateRecord, ...]: ...


@dataclass(frozen=True, eq=False)
class Stored(Generic[R]):
    """A record as it stands in a store. ``digest``: of its bytes; ``unreadable`` says why there is no ``record``."""

    record_id: str
    digest: str
    record: R | None
    unreadable: str = ""
    file: Signature = ()


@dataclass(frozen=True)
class Since:
    """The deployment that a lane rests on, by its id and its place in the lane's chain; neither where none is known."""

    record_id: str = ""
    position: int | None = None


@runtime_checkable
class Bounded(Protocol):
    """What a store may have besides: with it, no command reads a lane's whole past."""

    def list_deployments_since(
        self, *, context_name: str, instance_name: str, since: Since
    ) -> tuple[Stored[DeploymentRecord], ...]:
        """Those of a lane that are not known to be older than one of them, and that one; all where none is known."""

    def list_newest_backups(
        self, *, context_name: str, instance_name: str, limit: int
    ) -> tuple[Stored[BackupGateRecord], ...]:
        """Those that can be read, by what they say of themselves."""

    def remember_places(
        self, *, context_name: str, instance_name: str, places: Mapping[Stored[DeploymentRecord], int]
    ) -> None:
        """Where some deployments of a lane have their place in its chain, so that nobody need be asked again."""


@runtime_checkable
class Telling(Protocol):
    """A store that can tell whether anything was recorded there, without listing it."""

    def holds_records(self) -> bool: ...


class OwnStore(RecordStore, Bounded, Telling, Protocol):
    """A store of ours."""


def holds_records(store: RecordStore) -> bool:
    """Whether anything was recorded in a store, a host's too: no ledger is begun anew beside it."""
    return store.holds_records() if isinstance(store, Telling) else bool(store.list_environment_inventory())


def began(record: DeploymentRecord | BackupGateRecord | PromotionRecord) -> int | None:
    """When what a record tells of began, in microseconds since 1970; None where it does not say."""
    return moment_of(record.created_at if isinstance(record, BackupGateRecord) else record.deploy.started_at)


def plain(record: Record) -> dict[str, Any]:
    """A record as JSON; what is None is absent, as in the host's stores."""
    return record.model_dump(mode="json", exclude_none=True)


def version(record: Record | None) -> str:
    """The version of a record, for comparing and setting in a store that has none; absence has one too."""
    return "absent" if record is None else strictjson.digest(plain(record))


Fence = Callable[[], object]
"""Raises where what is about to be written may not be written any more."""


def fenced(store: RecordStore, fence: Fence) -> RecordStore:
    """The store, behind a fence that each write asks at the last moment that the store allows."""
    if isinstance(store, Fenceable):
        return store.behind(fence)
    return cast("RecordStore", _Fenced(store, fence))


@runtime_checkable
class Fenceable(Protocol):
    """A store that knows a later moment for that than right before the call."""

    def behind(self, fence: Fence) -> RecordStore: ...


class _Fenced:
    """A store of somebody else's."""

    def __init__(self, store: RecordStore, fence: Fence) -> None:
        self._store, self._fence = store, fence

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not name.startswith("write_"):
            return found

        def write(record: Record) -> object:
            self._fence()
            return found(record)

        return write


class FileStore:
    """Records as files: ``<root>/<kind>/<context>/<instance>/<record_id>.json``, inventory one file a lane.

    A lane has a folder of its own, so that two lanes never meet in one name. Products come from the settings.
    """

    def __init__(self, root: Path, profiles: Mapping[str, ProductProfile], *, keeps_hints: bool = False) -> None:
        """``keeps_hints``: of what is found out about the files, for the next process; for gates that act."""
        self.root = root
        self.profiles = profiles
        self._keeps_hints = keeps_hints
        self._hints: dict[str, Hints] = {}
        self._read_before: dict[str, tuple[Signature, Record]] = {}
        self._stored_before: dict[str, Stored[DeploymentRecord]] = {}
        self._fence: Fence | None = None

    def behind(self, fence: Fence) -> FileStore:
        """This store, with a fence that is asked right before a file is replaced."""
        store = copy.copy(self)
        store._fence = fence
        return store

    def read_product_profile_record(self, product: str) -> ProductProfile:
        if product not in self.profiles:
            raise FileNotFoundError(product)
        return self.profiles[product]

    def read_environment_inventory(self, *, context_name: str, instance_name: str) -> EnvironmentInventory:
        record = self._read(self._path("inventory", context_name, instance_name), EnvironmentInventory)
        if (record.context, record.instance) != (context_name, instance_name):
            raise RecordUnreadable(f"the inventory of {context_name}/{instance_name} says that it is of another lane")
        return record

    def write_environment_inventory(self, record: EnvironmentInventory) -> Path:
        return self._write(self._path("inventory", record.context, record.instance), record)

    def list_environment_inventory(self) -> tuple[EnvironmentInventory, ...]:
        return tuple(self._read(path, EnvironmentInventory) for path in self.root.glob("inventory/*/*.json"))

    def read_deployment_record(self, record_id: str) -> DeploymentRecord:
        return self._read(self._find("deployments", record_id), DeploymentRecord)

    def write_deployment_record(self, record: DeploymentRecord) -> Path:
        return self._write(self._path("deployments", record.context, record.instance, record.record_id), record)

    def list_deployment_records(
        self, *, context_name: str = "", instance_name: str = "", limit: int | None = None
    ) -> tuple[DeploymentRecord, ...]:
        return _cut(self._list("deployments", DeploymentRecord, context_name, instance_name), limit)

    def list_deployments_since(
        self, *, context_name: str, instance_name: str, since: Since
    ) -> tuple[Stored[DeploymentRecord], ...]:
        folder = self._folder("deployments", context_name, instance_name)
        files = _files(folder)
        places = self._hints_of(f"{folder}/{PLACES}").numbers(files)
        since_then = since.position
        late = [n for n, place in places.items() if place is None or since_then is None or place >= since_then]
        found = [self._stored(folder, name, files[name]) for name in late]
        return tuple(one for one in found if one)

    def remember_places(
        self, *, context_name: str, instance_name: str, places: Mapping[Stored[DeploymentRecord], int]
    ) -> None:
        hints = self._hints_of(f"{self._folder('deployments', context_name, instance_name)}/{PLACES}")
        for stored, place in places.items():
            hints.note(f"{stored.record_id}.json", stored.file, place)
        hints.keep()

    def forget_places(self) -> None:
        """For a ledger that was restored: what it has lost of a lane's past has no place in it any more."""
        for path in self.root.glob(f"deployments/*/*/{PLACES}"):
            path.unlink(missing_ok=True)
        self._hints.clear()

    def read_promotion_record(self, record_id: str) -> PromotionRecord:
        return self._read(self._find("promotions", record_id), PromotionRecord)

    def write_promotion_record(self, record: PromotionRecord) -> Path:
        return self._write(self._path("promotions", record.context, record.to_instance, record.record_id), record)

    def list_promotion_records(
        self,
        *,
        context_name: str = "",
        from_instance_name: str = "",
        to_instance_name: str = "",
        limit: int | None = None,
    ) -> tuple[PromotionRecord, ...]:
        records = self._list("promotions", PromotionRecord, context_name, to_instance_name)
        return _cut(tuple(r for r in records if from_instance_name in ("", r.from_instance)), limit)

    def read_backup_gate_record(self, record_id: str) -> BackupGateRecord:
        return self._read(self._find("backup_gates", record_id), BackupGateRecord)

    def write_backup_gate_record(self, record: BackupGateRecord) -> Path:
        return self._write(self._path("backup_gates", record.context, record.instance, record.record_id), record)

    def list_backup_gate_records(
        self, *, context_name: str = "", instance_name: str = "", limit: int | None = None
    ) -> tuple[BackupGateRecord, ...]:
        return _cut(self._list("backup_gates", BackupGateRecord, context_name, instance_name), limit)

    def list_newest_backups(
        self, *, context_name: str, instance_name: str, limit: int
    ) -> tuple[Stored[BackupGateRecord], ...]:
        folder = self._folder("backup_gates", context_name, instance_name)
        files = _files(folder)
        moments = self._moments(folder, files)
        newest = sorted(moments, key=lambda name: moments[name], reverse=True)[:limit]
        found = [_stored(folder, name, files[name], BackupGateRecord) for name in newest]
        return tuple(one for one in found if one and one.record)

    def _folder(self, kind: str, context: str, instance: str) -> str:
        return f"{self.root}/{kind}/{context}/{instance}"

    def _hints_of(self, path: str) -> Hints:
        if path not in self._hints:
            self._hints[path] = Hints(Path(path), keeps=self._keeps_hints)
        return self._hints[path]

    def _moments(self, folder: str, files: Mapping[str, Signature]) -> dict[str, int]:
        """When each backup of a lane was taken, by its file's name; what does not say, or cannot be read, is left out.

        A stat of each, and a look into those that are new.
        """
        hints = self._hints_of(f"{folder}/{MOMENTS}")
        moments = hints.numbers(files)
        for name in [name for name, moment in moments.items() if moment is None]:
            stored = _stored(folder, name, files[name], BackupGateRecord)
            moment = moments[name] = began(stored.record) if stored and stored.record else None
            if stored and moment is not None:
                hints.note(name, stored.file, moment)
        hints.keep()
        return {name: moment for name, moment in moments.items() if moment is not None}

    def _stored(self, folder: str, name: str, file: Signature) -> Stored[DeploymentRecord] | None:
        """A deployment as it stands, remembered where its file is the very same; None where it is gone."""
        path = f"{folder}/{name}"
        before = self._stored_before.get(path)
        if before and before.file == file:
            return before
        found = _stored(folder, name, file, DeploymentRecord)
        if found:
            self._stored_before[path] = found
        return found

    def _list(self, kind: str, record: type[R], context: str, instance: str) -> tuple[R, ...]:
        """The records of a lane, or of every lane that the two names leave open."""
        folders = [self._folder(kind, context, instance)]
        if not (context and instance):
            folders = sorted(map(str, (self.root / kind).glob(f"{context or '*'}/{instance or '*'}")))
        return tuple(self._read(f"{folder}/{name}", record) for folder in folders for name in _names(folder))

    def _read(self, path: str | Path, kind: type[R]) -> R:
        """Read a record, or remember it where its file is the very same: a lane's past is long and does not change."""
        name = str(path)
        with _told(path):
            same = signature_of(os.stat(path))  # noqa: PTH116  # as in _files
        before = self._read_before.get(name)
        if before and before[0] == same and isinstance(before[1], kind):
            return before[1]
        record = _read_from(Path(path), kind)
        self._read_before[name] = (same, record)
        return record

    def _write(self, path: Path, record: Record) -> Path:
        """All of the record or nothing of it, and durable when this returns."""
        private.make_folder(path.parent)
        with private.replacing(path, fence=self._fence) as opened:
            opened.write(record.model_dump_json(exclude_none=True, indent=2).encode() + b"\n")
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return path

    def holds_records(self) -> bool:
        return any(True for folder in FOLDERS for _ in (self.root / folder).rglob("*.json"))

    def _path(self, *parts: str) -> Path:
        for part in parts:
            if not SAFE_PART.fullmatch(part) or ".." in part:
                raise RecordUnreadable(f"{part[:80]!r} cannot be a part of a record's name")
        return self.root.joinpath(*parts[:-1], f"{parts[-1]}.json")

    def _find(self, kind: str, record_id: str) -> Path:
        self._path(kind, record_id)  # refuses what cannot be a name
        for path in self.root.glob(f"{kind}/*/*/{record_id}.json"):
            return path
        raise FileNotFoundError(record_id)


def _cut(records: tuple[R, ...], limit: int | None) -> tuple[R, ...]:
    return records if limit is None else records[:limit]


def _names(folder: str) -> list[str]:
    """The names of the records' files in a folder of a lane, where there is one."""
    with suppress(FileNotFoundError), _told(folder):
        return sorted(name for name in os.listdir(folder) if name.endswith(".json"))  # noqa: PTH208  # as _signature
    return []


def _files(folder: str) -> dict[str, Signature]:
    """What tells each record's file in a folder from any other; asked of each record of a lane, four times a run."""
    files = {}
    for name in _names(folder):
        try:
            files[name] = signature_of(os.stat(f"{folder}/{name}"))  # noqa: PTH116  # a Path would cost more than the file
        except FileNotFoundError:
            continue  # gone by now
        except OSError:
            files[name] = ()  # whoever reads it is told why
    return files


def _stored(folder: str, name: str, file: Signature, kind: type[R]) -> Stored[R] | None:
    """A record as it stands, readable or not; None where it is gone."""
    path, record_id = Path(folder, name), name.removesuffix(".json")
    record: R | None = None
    digest, unreadable = f"file:{strictjson.digest(list(file))}", ""  # where there are no bytes to be had
    try:
        text = private.read_regular(path, strictjson.MAX_BYTES + 1)
        digest = strictjson.sha256(text) + (f"+{file[1]}" if len(text) > strictjson.MAX_BYTES else "")
        record = parsed(text, kind, str(path))
        if (said := getattr(record, "record_id", None)) != record_id:
            record, unreadable = None, f"{path}: it says that it is {said}"
    except FileNotFoundError:
        return None
    except OSError as error:
        unreadable = str(_unreadable(path, error))
    except RecordUnreadable as error:
        unreadable = str(error)
    return Stored(record_id, digest, record, unreadable, file)


def _read_from(path: Path, kind: type[R]) -> R:
    with _told(path):
        text = private.read_regular(path, strictjson.MAX_BYTES + 1)
    return parsed(text, kind, str(path))


def parsed(text: bytes, kind: type[R], where: str) -> R:
    """The record that a text is, read strictly. Raises RecordUnreadable, which says ``where``."""
    try:
        strictjson.loads(text)
        return kind.model_validate_json(text, strict=True)
    except strictjson.NotStrictJson as error:
        raise RecordUnreadable(f"{where}: the file {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "it"
        raise RecordUnreadable(f"{where}: {place}: {first['msg'][0].lower()}{first['msg'][1:]}") from None


@contextmanager
def _told(path: str | Path) -> Iterator[None]:
    """Raises RecordUnreadable for what cannot be read; that nothing is there is no fault of a store."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str | Path, error: OSError) -> RecordUnreadable:
    return RecordUnreadable(f"{path} cannot be read: {error.strerror}")
