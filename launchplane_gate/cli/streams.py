"""Standard output and standard error, that may be closed, full or gone: no command fails of that in its midst.

What cannot be written is left out, and so is all that comes after it; ``lost`` tells whether it was. Python by itself
would raise in whatever wrote, and end with 120 where it could not write what was left at its end.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Lasting(io.BufferedWriter):
    """A stream that never fails. ``lost``: what kept something from being written, once something was kept.

    Of a signal between two writes it loses and repeats nothing, as one that stands below the buffer would.
    """

    def __init__(self, stream: TextIO, raw: io.FileIO) -> None:
        super().__init__(raw)
        self._stream = stream  # which would close the file, were it let go
        self._is_terminal = raw.isatty()
        self.lost: OSError | None = None

    @property
    def is_gone(self) -> bool:
        """Whether nobody reads any more, as of a pipe that was closed or a terminal that was."""
        return self.lost is not None and (self._is_terminal or isinstance(self.lost, ConnectionError))

    def write(self, data: ReadableBuffer) -> int:
        if self.lost is None:
            try:
                return super().write(data)
            except OSError as error:
                self.lost = error
        return memoryview(data).nbytes

    def flush(self) -> None:
        if self.lost is None:
            try:
                super().flush()
            except OSError as error:
                self.lost = error


def ready() -> None:
    """Have streams that last, and take any text; in place of one that is closed, one to nowhere.

    A ledger must not be given the descriptor of one that is closed.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # as long as we run
    sys.stdout, sys.stderr = _lasting(sys.stdout), _lasting(sys.stderr)


def _lasting(stream: TextIO) -> TextIO:
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    if not isinstance(raw, io.FileIO):  # no file that could be gone
        stream.reconfigure(errors="backslashreplace")
        return stream
    return io.TextIOWrapper(
        _Lasting(stream, raw),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
    )


def lost(stream: TextIO) -> OSError | None:
    """What kept something from being written to a stream that somebody may read."""
    lasting = _lasting_in(stream)
    return lasting.lost if lasting and not lasting.is_gone else None


def is_gone(stream: TextIO) -> bool:
    """Whether nobody reads a stream any more."""
    lasting = _lasting_in(stream)
    return lasting is not None and lasting.is_gone


def give_up(stream: TextIO) -> None:
    """Write nothing more to a stream, as if nobody read it any more."""
    if lasting := _lasting_in(stream):
        lasting.lost = BrokenPipeError()


def _lasting_in(stream: TextIO) -> _Lasting | None:
    found = getattr(stream, "buffer", None)
    return found if isinstance(found, _Lasting) else None


def send(content: Iterable[bytes]) -> int:
    """Write to standard output what counts only as a whole; gives in how many parts. Raises AnswerLost."""
    from launchplane_gate.errors import AnswerLost

    sent = 0
    for part in content:
        sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        if why := lost(sys.stdout):
            give_up(sys.stdout)
            raise AnswerLost(f"standard output cannot be written: {why.strerror}")
        if is_gone(sys.stdout):
            raise AnswerLost("standard output was closed before all was written")
        sent += 1
    return sent
