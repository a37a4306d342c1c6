"""A checkout of the host: what the edit changes in it, all or nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from launchplane_gate.errors import UsageError
from launchplane_gate_launchplane.edit import commands, provider, service
from launchplane_gate_launchplane.edit.source import Change, ShapeDiffers, Source

GATE = "control_plane/gate.py"
# In the order in which they are put in place: what is imported comes first, so that the host runs in between too.
EDITS: tuple[tuple[str, Callable[[Source], None], Callable[[Source], bool]], ...] = (
    (provider.NAME, provider.edit, provider.is_edited),
    (commands.NAME, commands.edit, commands.is_edited),
    (service.NAME, service.edit, service.is_edited),
)


class WriteFailed(UsageError):
    """The disk, or whoever else writes to the checkout."""


@dataclass(frozen=True, kw_only=True)
class FileEdit:
    """One file, before and after; ``before`` is None for a new one."""

    name: str
    before: str | None
    after: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is still to be changed, and the names of what is as it shall be."""

    edits: tuple[FileEdit, ...]
    done: tuple[str, ...]


def plan(checkout: Path) -> Plan:
    """Raises ShapeDiffers, and UsageError for what is no checkout of the host."""
    if not (checkout / service.NAME).is_file():
        raise UsageError(f"{checkout} is no checkout of Launchplane: there is no {service.NAME} in it")
    edits, done = [], []
    gate = _gate(checkout)
    if gate is None:
        done.append(GATE)
    else:
        edits.append(gate)
    for name, edit, is_edited in EDITS:
        source = Source(checkout, name)
        if is_edited(source):
            done.append(name)
            continue
        edit(source)
        changes = tuple(sorted(source.changes, key=lambda change: change.first))
        edits.append(FileEdit(name=name, before=source.text, after=source.edited(), changes=changes))
    return Plan(edits=tuple(edits), done=tuple(done))


def _gate(checkout: Path) -> FileEdit | None:
    ours = Path(__file__).with_name("gate.py").read_text(encoding="utf-8")
    path = checkout / GATE
    if not path.exists():
        first = Change(first=1, last=0, lines=(), why="what the host and a gate say to each other")
        return FileEdit(name=GATE, before=None, after=ours, changes=(first,))
    if path.read_bytes() != ours.encode():
        raise ShapeDiffers(
            f"{GATE} is there, and is not what this command writes",
            hint="Nothing was changed. Where another release of this command wrote it, undo that edit first.",
        )
    return None


def write(checkout: Path, edits: Sequence[FileEdit]) -> None:
    """Write all beside, then put each in its place. Raises WriteFailed.

    Killed in between, it has changed some files and not the others, each of them whole, and the host runs as before:
    run again it finds out which, and does the rest.
    """
    placed: list[str] = []
    with ExitStack() as left:
        try:
            beside = [left.enter_context(_written_beside(checkout / edit.name, edit)) for edit in edits]
            for edit, path in zip(edits, beside, strict=True):
                path.replace(checkout / edit.name)
                placed.append(edit.name)
        except OSError as error:
            whole = f"Changed are {', '.join(placed)}, each of them whole; run this again for the rest."
            raise WriteFailed(str(error), hint=whole if placed else "Nothing was changed.") from None


@contextmanager
def _written_beside(path: Path, edit: FileEdit) -> Iterator[Path]:
    """Where it is put in its place it is gone from here; else it is taken away."""
    if (path.read_bytes().decode() if path.exists() else None) != edit.before:
        raise OSError(f"{edit.name} was changed by somebody else meanwhile")
    beside = path.with_name(f".{path.name}.edit")
    with beside.open("wb") as file:
        try:
            file.write(edit.after.encode())
            file.flush()
            os.fsync(file.fileno())
            if edit.before is not None:
                shutil.copymode(path, beside)
            yield beside
        finally:
            beside.unlink(missing_ok=True)


def uncommitted(checkout: Path) -> str:
    """What git knows of changes in the host's package, in a sentence; "" for none."""
    asked = ["git", "-C", str(checkout), "status", "--porcelain", "--", "control_plane"]
    try:
        done = subprocess.run(  # noqa: S603 # nosec B603  # git, and a folder that the caller chose
            asked, capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return "git does not know this checkout: keep a copy, or there is no way back."
    told = done.stdout
    if not told:
        return ""
    names = ", ".join(line[3:] for line in told.splitlines())
    return f"Not committed, and harder to get back if this is undone: {names}"
