"""When the records in a folder began, remembered across processes, so that none is parsed again to be left out.

A hint, and never more: it holds for the very file that it was taken from, and is dropped where another stands there.
A line a record, only ever added to: its name, what tells its file from any other, and the moment. Torn lines are none.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from launchplane_gate import private
from launchplane_gate.model import unstamp

FILE_NAME = ".began"
LARGEST = 64 * 1024 * 1024
FRESH_NS = 2_000_000_000  # a file that was changed so recently may change again within the same tick of the clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_of(text: str) -> int | None:
    """Microseconds since 1970; None for what is no moment."""
    moment = unstamp(text)
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)


def signature_of(found: os.stat_result) -> tuple[int, ...]:
    """What a file has in common with no other that stood, or will stand, in its place."""
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class Began:
    """What is known of one folder. ``keeps``: whether what is found out is written down for the next process."""

    def __init__(self, folder: Path, *, keeps: bool) -> None:
        self._path = folder / FILE_NAME
        self._keeps = keeps
        self._known: dict[str, tuple[str, int]] = {}
        self._new: list[str] = []
        with suppress(OSError):
            for line in private.read_regular(self._path, LARGEST).decode("utf-8", "replace").splitlines():
                self._take(line)

    def _take(self, line: str) -> None:
        name, _, rest = line.partition("\t")
        signature, _, moment = rest.partition("\t")
        if moment.removeprefix("-").isdigit() and moment.isascii():
            self._known[name] = (signature, int(moment))

    def moment(self, name: str, file: os.stat_result) -> int | None:
        """When a record began, in microseconds since 1970; None where that is not known of this very file."""
        signature, moment = self._known.get(name, ("", 0))
        return moment if signature == _text(file) else None

    def note(self, name: str, file: os.stat_result, moment: int) -> None:
        if time.time_ns() - file.st_ctime_ns > FRESH_NS:
            self._known[name] = (_text(file), moment)
            self._new.append(f"{name}\t{_text(file)}\t{moment}\n")

    def keep(self) -> None:
        """Write down what is new. What cannot be written is found out again."""
        new, self._new = "".join(self._new), []
        if not new or not self._keeps:
            return
        with suppress(OSError):
            private.make_file(self._path)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.write(descriptor, new.encode())
            finally:
                os.close(descriptor)


def _text(file: os.stat_result) -> str:
    return " ".join(map(str, signature_of(file)))
