"""Files and folders that our own user alone may read, or one group that the settings name; regular files only.

A state folder that a group may read has the mode SHARED: its group is handed down to whatever is made in it, and what
we make there is as narrow as the folder that it stands in.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

SHARED = 0o2750
KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a link",
}


def make_state(folder: Path, group: int | None = None) -> None:
    """Make a state folder, where there is none, for ourselves alone or for a group that may read. Raises OSError."""
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    _make(folder, 0o700)
    if group is not None:
        os.chown(folder, -1, group)
        folder.chmod(SHARED)


def make_folder(folder: Path) -> None:
    """Make a folder inside a state folder, and those between, as narrow as what they stand in. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        _make(folder, SHARED if _is_shared(folder.parent) else 0o700)


def make_file(path: Path) -> None:
    """Make an empty file where there is none. Raises OSError for what is there and no regular file, a link too."""
    try:
        os.close(_opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        _refuse_other_than_file(path, path.lstat())


def see_that_it_is_a_file(path: Path) -> None:
    """Raises OSError for what is not there, and for what is no regular file, a link too."""
    _refuse_other_than_file(path, path.lstat())


def write_anew(path: Path) -> IO[bytes]:
    """Open a file to write it from its beginning; never through a link. Raises OSError."""
    return os.fdopen(_opened(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb")


@contextmanager
def replacing(path: Path, *, mode: int | None = None, fence: Callable[[], object] | None = None) -> Iterator[IO[bytes]]:
    """Write all of a file or nothing of it, and durably: until the block ends, there is what was there before.

    A link in its place is replaced, and where it led to stays as it is. ``mode``: of the file, else that of its folder.
    ``fence``: asked when all but the replacing is done; nothing is replaced where it raises.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, _mode_in(path.parent) if mode is None else mode)
            yield file
            file.flush()
            os.fsync(descriptor)
        if fence:
            fence()
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Have a file, and that it is there, on disk. Raises OSError."""
    for one in (path, path.parent):
        descriptor = os.open(one, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def mode_of_the_user() -> int:
    """The mode that the umask gives a file: for what is made for the user, outside of the state folder."""
    umask = os.umask(0o077)  # there is no other way to ask for it
    os.umask(umask)
    return 0o666 & ~umask


def read_regular(path: Path, limit: int) -> bytes:
    """The first ``limit`` bytes of a file. Raises OSError as ``opened`` does."""
    with opened(path) as file:
        return file.read(limit)


def opened(path: Path) -> IO[bytes]:
    """Open a file to read it. Raises OSError for a pipe or a device: nobody is waited for."""
    _refuse_other_than_file(path, path.stat())
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _refuse_other_than_file(path, os.fstat(descriptor))  # another may stand there by now
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _make(folder: Path, mode: int) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        folder.chmod(mode)  # mkdir takes away what the umask says


def _opened(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        _refuse_other_than_file(path, os.fstat(descriptor))
        os.fchmod(descriptor, _mode_in(path.parent))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _mode_in(folder: Path) -> int:
    return 0o640 if _is_shared(folder) else 0o600


def _is_shared(folder: Path) -> bool:
    return stat.S_IMODE(folder.stat().st_mode) == SHARED


def _refuse_other_than_file(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = KINDS.get(stat.S_IFMT(found.st_mode), "no file")
        raise OSError(errno.EINVAL, f"it is {kind} where a file should be", str(path))
