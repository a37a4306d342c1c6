"""Where the records live: the host's own method names and shapes, and files of ours, written atomically.

Launchplane's own store can be handed in as it is. A record that is missing raises FileNotFoundError, as there.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

from pydantic import ValidationError

from launchplane_gate import private, strictjson
from launchplane_gate.began import Began, Signature, moment_of, signature_of
from launchplane_gate.errors import RecordUnreadable
from launchplane_gate.records import (
    BackupGateRecord,
    DeploymentRecord,
    EnvironmentInventory,
    ProductProfile,
    PromotionRecord,
    Record,
)

SAFE_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", re.ASCII)
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


@runtime_checkable
class Bounded(Protocol):
    """What a store may have besides: with it, no command reads a lane's whole past."""

    def list_deployments_since(
        self, *, context_name: str, instance_name: str, record_id: str
    ) -> tuple[DeploymentRecord, ...]:
        """Those of a lane that are not known to be older than one of them, and that one; all where it is not there."""

    def list_newest_backups(
        self, *, context_name: str, instance_name: str, limit: int
    ) -> tuple[BackupGateRecord, ...]: ...


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
        self._began: dict[str, Began] = {}
        self._read_before: dict[str, tuple[tuple[int, ...], Record]] = {}
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
        self, *, context_name: str, instance_name: str, record_id: str
    ) -> tuple[DeploymentRecord, ...]:
        folder = self._folder("deployments", context_name, instance_name)
        moments = self._moments(folder, DeploymentRecord)
        since = moments.get(f"{record_id}.json")
        late = [name for name, moment in moments.items() if since is None or moment is None or moment >= since]
        return tuple(self._read(f"{folder}/{name}", DeploymentRecord) for name in late)

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

    def list_newest_backups(self, *, context_name: str, instance_name: str, limit: int) -> tuple[BackupGateRecord, ...]:
        folder = self._folder("backup_gates", context_name, instance_name)
        moments = self._moments(folder, BackupGateRecord)
        newest = sorted(moments, key=lambda name: (moments[name] is not None, moments[name] or 0), reverse=True)
        return tuple(self._read(f"{folder}/{name}", BackupGateRecord) for name in newest[:limit])

    def _folder(self, kind: str, context: str, instance: str) -> str:
        return f"{self.root}/{kind}/{context}/{instance}"

    def _moments(self, folder: str, kind: type[DeploymentRecord | BackupGateRecord]) -> dict[str, int | None]:
        """When each record of a lane began, by its file's name: a stat of each, and a look into those that are new."""
        if folder not in self._began:
            self._began[folder] = Began(Path(folder), keeps=self._keeps_hints)
        hints = self._began[folder]
        files = {name: _signature(f"{folder}/{name}") for name in _names(folder)}
        moments = hints.moments(files)
        for name in [name for name, moment in moments.items() if moment is None]:
            path = f"{folder}/{name}"
            moment = moments[name] = began(self._read(path, kind))
            if moment is not None and files[name] == self._read_before[path][0]:
                hints.note(name, files[name], moment)
        hints.keep()
        return moments

    def _list(self, kind: str, record: type[R], context: str, instance: str) -> tuple[R, ...]:
        """The records of a lane, or of every lane that the two names leave open."""
        folders = [self._folder(kind, context, instance)]
        if not (context and instance):
            folders = sorted(map(str, (self.root / kind).glob(f"{context or '*'}/{instance or '*'}")))
        return tuple(self._read(f"{folder}/{name}", record) for folder in folders for name in _names(folder))

    def _read(self, path: str | Path, kind: type[R]) -> R:
        """Read a record, or remember it where its file is the very same: a lane's past is long and does not change."""
        name = str(path)
        same = _signature(name)
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


def _signature(path: str) -> Signature:
    """What tells a file from any other. It is asked of each record of a lane, four times a run."""
    try:
        return signature_of(os.stat(path))  # noqa: PTH116  # a Path would cost more than the file
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from None


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
