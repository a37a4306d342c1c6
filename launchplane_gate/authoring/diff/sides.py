"""The two sides of a comparison: a folder, or a folder of a commit."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from launchplane_gate.authoring.git import FETCH, ask_git, is_commit
from launchplane_gate.errors import UsageError
from launchplane_gate.policy import Bundle, load_bundle, shipped_policies
from launchplane_gate.policy.bundle.floor import DECISION_PATH

HINT = f"Nothing was compared. {FETCH}"
INSTEAD = "Nothing was compared. Name two folders."
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
    if not colon or not is_commit(commit):
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
    entries = [entry for entry in _git(["ls-tree", "-r", "-z", place], place).split(b"\0") if entry]
    found = [match for entry in entries if (match := _ENTRY.fullmatch(entry))]
    odd = [match["path"].decode("utf-8", "replace") for match in found if match["mode"] not in _FILES]
    if odd or not found:
        raise UsageError(f"{place} " + (f"has {odd[0]}, which is no file" if odd else "has no files"), hint=HINT)
    blobs = _git(["cat-file", "--batch"], place, b"".join(match["name"] + b"\n" for match in found))
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


def _git(arguments: list[str], place: str, sent: bytes = b"") -> bytes:
    return ask_git(arguments, place, hint=HINT, instead=INSTEAD, sent=sent)
