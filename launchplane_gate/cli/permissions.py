"""Who can read and write the files of a gate, and what to type where that is more than the settings say."""

from __future__ import annotations

import grp
import os
import shlex
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from launchplane_gate.settings import Settings


def state_folder(settings: Settings) -> str:
    """That the state folder, or the first one above it that exists, can be written. Raises UsageError."""
    folder = settings.state_dir
    while not folder.exists():
        folder = folder.parent
    with tempfile.TemporaryFile(dir=folder):
        if folder == settings.state_dir:
            _see_who_reads(folder, settings.state_group)
        return f"{folder} can be written"


def _see_who_reads(folder: Path, group: int | None) -> None:
    """Raises UsageError for a state folder that is open to others than the settings say.

    It is told, and not mended: a folder that the gate did not make may be shared on purpose, or hold other things.
    """
    from launchplane_gate.errors import UsageError
    from launchplane_gate.private import SHARED

    found, place = folder.stat(), shlex.quote(str(folder))
    mode = stat.S_IMODE(found.st_mode)
    if group is None and mode & 0o077:
        hint = f"Type: chmod -R go= {place}   Or name a group that may read it: state_group in the settings."
        raise UsageError(f"{folder} is open to others: its mode is {mode:04o}", hint=hint)
    if group is not None and (mode, found.st_gid) != (SHARED, group):
        name = grp.getgrgid(group).gr_name
        hint = (
            f"Type: chgrp -R {name} {place} && chmod -R u+rwX,g=rX,o= {place} && "
            f"find {place} -type d -exec chmod g+s {{}} +"
        )
        is_so = f"its mode is {mode:04o}, its group {found.st_gid}"
        raise UsageError(f"{folder} is not what state_group says, open to {name} to read: {is_so}", hint=hint)


def secret_files(settings: Settings) -> str:
    """Raises UsageError for files with secrets that others can read or write; those that are missing are told apart."""
    from launchplane_gate.errors import UsageError
    from launchplane_gate.report.words import count

    files = [path for path in settings.secret_files if path.exists()]
    lax = {path: what for path in files if (what := _others_can(path.stat()))}
    if lax:
        told = "; ".join(f"{path} {what}" for path, what in lax.items())
        hint = f"Type: chmod go= {' '.join(shlex.quote(str(path)) for path in lax)}"
        owned = (
            "" if all("belongs" not in what for what in lax.values()) else "   And give it to the gate's user: chown."
        )
        raise UsageError(told, hint=f"{hint}{owned}")
    return f"{count(len(files), 'file')}, for us alone"


def _others_can(file: os.stat_result) -> str:
    """What others can do to a file with a secret; empty for nothing. A group that lets us read another's file may."""
    us = os.geteuid()
    can = [
        word
        for word, bits in (("read", 0o044 if file.st_uid == us else 0o004), ("written", 0o022))
        if file.st_mode & bits
    ]
    said = [f"can be {' and '.join(can)} by others (mode {stat.S_IMODE(file.st_mode):04o})"] if can else []
    if file.st_uid not in (0, us):
        said.append(f"belongs to the user {file.st_uid}")
    return " and ".join(said)
