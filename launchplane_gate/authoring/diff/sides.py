"""The two sides of a comparison: a folder, or a folder of a commit."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from launchplane_gate.errors import UsageError
from launchplane_gate.policy import Bundle, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.floor import DECISION_PATH

LONGEST_S = 60.0
HINT = "Nothing was compared. A checkout of one commit has no other: fetch it first, as by `git fetch origin main`."
_COMMIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@{}^~-]{0,254}", re.ASCII)
_ENTRY = re.compile(rb"(?P<mode>\d+) (?P<kind>\w+) (?P<name>[0-9a-f]+)\t(?P<path>.+)", re.DOTALL)
_FILES = (b"100644", b"100755")


@contextmanager
def side(named: str) -> Iterator[Bundle]:
    """The policies of ``FOLDER`` or ``COMMIT:FOLDER``: whole ones, or what adds to the shipped ones.

    Raises UsageError for what is neither, PolicyError for policies that do not load.
    """
    if Path(named).is_dir():
        yield _loaded(Path(named))
        return
    commit, colon, folder = named.partition(":")
    if not colon or not _COMMIT.fullmatch(commit):
        raise UsageError(f"{named} is no folder, and names none of a commit, as `main:policies` does")
    with tempfile.TemporaryDirectory() as made:
        _written(commit, folder, Path(made))
        yield _loaded(Path(made))


def _loaded(folder: Path) -> Bundle:
    is_whole = (folder / DECISION_PATH).is_file()
    return load_bundle([folder] if is_whole else [shipped_policies(), folder])


def _written(commit: str, folder: str, target: Path) -> None:
    """Write the blobs of a folder, with no filter or attribute of a repository at work."""
    place = f"{commit}:./{folder}"
    entries = [entry for entry in _git(["ls-tree", "-r", "-z", place], b"", place).split(b"\0") if entry]
    found = [match for entry in entries if (match := _ENTRY.fullmatch(entry))]
    odd = [match["path"].decode("utf-8", "replace") for match in found if match["mode"] not in _FILES]
    if odd or not found:
        raise UsageError(f"{place} " + (f"has {odd[0]}, which is no file" if odd else "has no files"), hint=HINT)
    blobs = _git(["cat-file", "--batch"], b"".join(match["name"] + b"\n" for match in found), place)
    for match in found:
        head, _, blobs = blobs.partition(b"\n")
        size = int(head.rpartition(b" ")[2])
        path = target / _within(match["path"].decode("utf-8", "replace"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blobs[:size])
        blobs = blobs[size + 1 :]


def _within(path: str) -> PurePosixPath:
    """Raises UsageError for a path that leads out of the folder; git itself lets nobody write one."""
    if path.startswith("/") or ".." in path.split("/"):
        raise UsageError(f"{path} leads out of its folder", hint=HINT)
    return PurePosixPath(path)


def _git(arguments: list[str], sent: bytes, place: str) -> bytes:
    program = shutil.which("git")
    if program is None:
        raise UsageError("there is no git on the PATH", hint="Nothing was compared. Name two folders.")
    try:
        done = subprocess.run(  # noqa: S603 # nosec B603  # git, and a commit that looks like one
            [program, *arguments], input=sent, capture_output=True, timeout=LONGEST_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{place} cannot be read: {error}", hint=HINT) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["git does not say why"]
        raise UsageError(f"{place} cannot be read: {said[-1]}", hint=HINT)
    return done.stdout
