"""A number for each record of a folder, remembered across processes, so that none is read again to be left out.

A hint, and never more: it holds for the very file that it was taken from, and is dropped where another stands there.
A line a record, only ever added to: its name, what tells its file from any other, and the number. Torn lines are none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from launchplane_gate import private
from launchplane_gate.model import unstamp

LARGEST = 64 * 1024 * 1024
FRESH_NS = 2_000_000_000  # a file that was changed so recently may change again within the same tick of the clock

Signature = tuple[int, ...]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_of(text: str) -> int | None:
    """Microseconds since 1970; None for what is no moment."""
    moment = unstamp(text)
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)


def signature_of(found: os.stat_result) -> Signature:
    """What a file has in common with no other that stood, or will stand, in its place."""
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class Hints:
    """What is known of one folder. ``keeps``: whether what is found out is written down for the next process."""

    def __init__(self, path: Path, *, keeps: bool) -> None:
        self._path = path
        self._keeps = keeps
        self._known: dict[str, tuple[Signature, int]] = {}
        self._fresh: dict[str, tuple[Signature, int]] = {}  # known to us, and not yet sure enough to be written down
        with suppress(OSError):
            for line in private.read_regular(self._path, LARGEST).decode("utf-8", "replace").splitlines():
                self._take(line)

    def _take(self, line: str) -> None:
        name, _, rest = line.partition("\t")
        signature, _, number = rest.partition("\t")
        with suppress(ValueError):
            self._known[name] = (tuple(map(int, signature.split(" "))), int(number))

    def numbers(self, files: Mapping[str, Signature]) -> dict[str, int | None]:
        """The number of each record; None where that is not known of this very file."""
        known = self._known
        return {
            name: found[1] if (found := known.get(name)) and found[0] == file else None for name, file in files.items()
        }

    def note(self, name: str, file: Signature, number: int) -> None:
        if self._known.get(name) != (file, number):
            self._known[name] = self._fresh[name] = (file, number)

    def keep(self) -> None:
        """Write down what is new. What cannot be written is found out again."""
        if not self._fresh or not self._keeps:
            return
        surely = time.time_ns() - FRESH_NS
        old = {name: known for name, known in self._fresh.items() if known[0][-1] < surely}
        for name in old:
            del self._fresh[name]
        new = "".join(f"{name}\t{' '.join(map(str, file))}\t{number}\n" for name, (file, number) in old.items())
        if not new:
            return
        with suppress(OSError):
            private.make_file(self._path)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.write(descriptor, new.encode())
            finally:
                os.close(descriptor)
