"""The high-water mark: a small file beside the ledger that says how far it had come.

It names durable entries only and is written after they are: a power cut never makes the right ledger look old.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from launchplane_gate import private, strictjson
from launchplane_gate.errors import LedgerError

if TYPE_CHECKING:
    from launchplane_gate.ledger.chain import Head

FILE_NAME = "ledger.mark"


Lanes = dict[str, tuple[int, str]]
"""Of each lane the position and the hash of an entry."""


class Mark:
    """``ledger_id`` is whose mark it is; what another ledger left there is replaced."""

    def __init__(self, path: Path, ledger_id: str) -> None:
        self.path, self.ledger_id = path, ledger_id
        self._wrote: tuple[tuple[int, int, int], Lanes] | None = None  # the file as we left it

    def read(self) -> tuple[str, Lanes] | None:
        """The id of a ledger, and its lanes; None where there is no mark, or a torn one. Raises LedgerError."""
        try:
            with private.opened(self.path) as file:
                return _parsed(file.read())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LedgerError(f"the mark {self.path} cannot be read: {error.strerror}") from error

    def rise(self, head: Head) -> None:
        """Note how far a lane has come. What cannot be written is left: a mark too low refuses nothing."""
        try:
            with self._alone() as descriptor:
                lanes = self._lanes(descriptor)
                if lanes.get(str(head.lane), (0, ""))[0] < head.position:
                    self._write(descriptor, {**lanes, str(head.lane): (head.position, head.hash)})
        except OSError:
            return

    def start_anew(self, heads: list[Head]) -> None:
        """Replace the mark, whatever it says. Raises LedgerError."""
        try:
            with self._alone() as descriptor:
                self._write(descriptor, {str(head.lane): (head.position, head.hash) for head in heads})
        except OSError as error:
            raise LedgerError(f"the mark {self.path} cannot be written: {error.strerror}") from error

    def _lanes(self, descriptor: int) -> Lanes:
        """What it says of our ledger now, which others may have written since."""
        if self._wrote and self._wrote[0] == _signature(descriptor):
            return self._wrote[1]
        found = _parsed(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
        return found[1] if found and found[0] == self.ledger_id else {}

    @contextmanager
    def _alone(self) -> Iterator[int]:
        private.make_file(self.path)
        descriptor = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def _write(self, descriptor: int, lanes: Lanes) -> None:
        said = strictjson.dumps({"ledger_id": self.ledger_id, "lanes": lanes}).encode()
        text = said + b"\n" + strictjson.sha256(said).encode() + b"\n"
        os.pwrite(descriptor, text, 0)
        os.ftruncate(descriptor, len(text))
        self._wrote = _signature(descriptor), lanes


def _signature(descriptor: int) -> tuple[int, int, int]:
    found = os.fstat(descriptor)
    return found.st_ino, found.st_size, found.st_mtime_ns


def _parsed(text: bytes) -> tuple[str, Lanes] | None:
    said, _, digest = text.partition(b"\n")
    if digest.decode("ascii", "replace").strip() != strictjson.sha256(said):
        return None
    try:
        found: dict[str, Any] = strictjson.loads(said)
        return found["ledger_id"], {lane: (position, text) for lane, (position, text) in found["lanes"].items()}
    except (strictjson.NotStrictJson, KeyError, TypeError, ValueError, AttributeError):
        return None
