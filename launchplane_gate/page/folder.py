"""Writing pages into a folder: those that changed, each whole or not at all, and never over what is not ours."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from launchplane_gate.errors import UsageError
from launchplane_gate.page.drawing import INDEX, WRITTEN
from launchplane_gate.private import mode_of_the_user, read_regular, replacing

MANIFEST = ".launchplane-gate-page.json"  # which files are ours, and when each was written
LARGEST = 16 * 1024 * 1024
UNTOUCHED = "Nothing was written."


@dataclass(frozen=True)
class Written:
    """The pages that were written, that are as they were, and that were taken away."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]


def write(folder: Path, pages: Mapping[str, str], at: datetime) -> Written:
    """Make a folder hold these pages, and leave whatever else is in it as it is.

    Raises UsageError where it is no folder, holds other things and no pages of ours, has something of others' where a
    page is to stand, or cannot be written.
    """
    try:
        with _held(folder):
            return _write(folder, pages, at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    except OSError as error:
        where = error.filename or folder
        raise UsageError(
            f"{where} cannot be written: {error.strerror or error}",
            hint="No page was half written. Run it again once that is mended.",
        ) from None


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """One writer at a time, where the file system knows locks."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder", hint=f"{UNTOUCHED} Name a folder, or a name that is free.")
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise UsageError(f"{folder} is being written by another process", hint=UNTOUCHED) from None
    except OSError:
        pass
    try:
        yield
    finally:
        with suppress(OSError):
            os.close(descriptor)


def _write(folder: Path, pages: Mapping[str, str], at: str) -> Written:
    before = _ours(folder)
    _see_that_nothing_is_in_the_way(folder, pages, before)
    unchanged = {name for name, page in pages.items() if name in before and _stands(folder, name, page, before[name])}
    written = [name for name in pages if name not in unchanged]
    removed = [name for name in before if name not in pages]
    after = {name: before[name] if name in unchanged else at for name in pages}
    _note(folder, before | after)  # first, so that what a killed process leaves is known to be ours
    for name in sorted(written, key=lambda name: name == INDEX):  # what it links to stands before it does
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        with replacing(path, mode=mode_of_the_user()) as file:
            file.write(pages[name].replace(WRITTEN, at).encode())
    for name in removed:
        (folder / name).unlink(missing_ok=True)
    _note(folder, after)
    return Written(tuple(written), tuple(sorted(unchanged)), tuple(removed))


def _stands(folder: Path, name: str, page: str, written: str) -> bool:
    path, wanted = folder / name, page.replace(WRITTEN, written).encode()
    return path.is_file() and not path.is_symlink() and path.read_bytes() == wanted


def _ours(folder: Path) -> dict[str, str]:
    """The files that we wrote there, and when. Raises UsageError for a folder that is somebody else's."""
    manifest = folder / MANIFEST
    if not manifest.exists():
        if others := [path.name for path in folder.iterdir() if not path.name.startswith(".")]:
            what = f"{folder} is not empty, and holds no pages that this wrote: {sorted(others)[0]} is there"
            raise UsageError(what, hint=f"{UNTOUCHED} Name a new folder, or an empty one.")
        return {}
    try:
        told = json.loads(read_regular(manifest, LARGEST))
        files = {str(name): str(at) for name, at in told["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        hint = f"{UNTOUCHED} Name a new folder, or take away what stands in this one."
        raise UsageError(f"{manifest} does not say which pages are ours", hint=hint) from None
    return {name: at for name, at in files.items() if _is_a_page(name)}


def _is_a_page(name: str) -> bool:
    """Whether it is a path that pages have: what a manifest says must lead nowhere else."""
    parts = name.split("/")
    known = name == INDEX or (len(parts) == 2 and parts[0] in ("products", "decisions"))  # noqa: PLR2004  # FOLDER/FILE
    return known and name.endswith(".html") and "\0" not in name


def _see_that_nothing_is_in_the_way(folder: Path, pages: Mapping[str, str], ours: Mapping[str, str]) -> None:
    """Raises UsageError."""
    hint = f"{UNTOUCHED} Move it away, or name another folder."
    for name in dict.fromkeys((*pages, *ours)):
        path = folder / name
        if path.parent.is_symlink() or (path.parent.exists() and not path.parent.is_dir()):
            raise UsageError(f"{path.parent} is no folder of ours", hint=hint)
        if path.is_dir() and not path.is_symlink():
            raise UsageError(f"{path} is a folder, where a page is to stand", hint=hint)
        if name not in ours and (path.exists() or path.is_symlink()):
            raise UsageError(f"{path} is there, and nothing that this wrote", hint=hint)


def _note(folder: Path, files: Mapping[str, str]) -> None:
    with replacing(folder / MANIFEST, mode=mode_of_the_user()) as file:
        file.write(json.dumps({"schema_version": 1, "files": dict(sorted(files.items()))}, indent=1).encode())
