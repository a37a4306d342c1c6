"""Records in files of the host: a folder a kind, for every lane, each file cut and written anew in its place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from launchplane_gate import private, strictjson
from launchplane_gate.errors import RecordUnreadable
from launchplane_gate.model import Lane
from launchplane_gate_launchplane.records import facts_in
from launchplane_gate_launchplane.shelves import Text, lane_of

OWN_FOLDER = "launchplane_gate"  # of ours, within the host's
FRESH_NS = 2_000_000_000  # what was changed so recently may change again within the same tick of the clock
LOOKS, PAUSE_S = 5, 0.02  # at a file that the host may be writing just now


class FileShelf:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def standing(self, lane: Lane | None) -> Mapping[str, str]:
        """All of them: which lane a file is of, it alone says."""
        found: dict[str, str] = {}
        surely = time.time_ns() - FRESH_NS
        with _told(self._folder):
            try:
                entries = os.scandir(self._folder)
            except FileNotFoundError:
                return found
            with entries:
                for entry in entries:
                    if entry.name.endswith(".json"):
                        found[entry.name.removesuffix(".json")] = _signature(entry, surely)
        return found

    def texts(self, names: Iterable[str]) -> Mapping[str, Text]:
        found = {}
        for name in names:
            try:
                text = _read(self._folder / f"{name}.json")
                found[name] = Text(text, lane=lane_of(text))
            except FileNotFoundError:
                continue
            except OSError as error:
                found[name] = Text(why=f"{self.where(name)} cannot be read: {error.strerror}")
        return found

    def where(self, name: str) -> str:
        return str(self._folder / f"{name}.json")

    def holds_any(self) -> bool:
        return any(True for _ in self._folder.glob("*.json"))


def write(store: Any, method: str, record: Any, expected: Path, fence: Callable[[], object] | None) -> None:
    """Have the host write a record, all of it or nothing: beside its place, and moved there once it is on disk.

    Raises OSError, and RecordUnreadable where the host would put it elsewhere.
    """
    own = store.state_dir / OWN_FOLDER
    private.make_state(own)
    with TemporaryDirectory(dir=own, prefix=".writing-") as beside:
        written = Path(getattr(type(store)(state_dir=Path(beside)), method)(record))
        if written.relative_to(beside) != expected.relative_to(store.state_dir):
            raise RecordUnreadable(f"the host writes to {written.relative_to(beside)}, and not to {expected}")
        expected.parent.mkdir(parents=True, exist_ok=True)
        _sync(written)
        if fence:
            fence()
        written.replace(expected)
        _sync(expected.parent)


def _signature(entry: os.DirEntry[str], surely: int) -> str:
    try:
        found = entry.stat()
    except OSError:
        return ""
    if max(found.st_ctime_ns, found.st_mtime_ns) > surely:
        return ""
    return f"{found.st_ino}.{found.st_size}.{found.st_mtime_ns}.{found.st_ctime_ns}"


def _read(path: Path) -> bytes:
    """The bytes of a file. One that is torn may only be half written yet: it is looked at again. Raises OSError."""
    for look in range(LOOKS):
        text = private.read_regular(path, strictjson.MAX_BYTES + 1)
        changed_ns = time.time_ns() - path.stat().st_mtime_ns
        if facts_in(text) or changed_ns > FRESH_NS or look == LOOKS - 1:
            return text
        time.sleep(PAUSE_S)
    raise AssertionError  # the last look returns


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RecordUnreadable(f"{folder} cannot be read: {error.strerror}") from None
