"""A file as it stands in a commit, whatever is checked out: the blob itself, with no filter of a repository run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from launchplane_gate.errors import UsageError

HINT = "Nothing was asked. A checkout of one commit has no other: fetch it first, as by `git fetch origin main`."
LONGEST_S = 60.0
_COMMIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@{}^~-]{0,254}", re.ASCII)


def file_at(commit: str, path: Path) -> IO[bytes]:
    """A file of a commit, by its path on the disk, where it need not be. Raises UsageError."""
    if not _COMMIT.fullmatch(commit):
        raise UsageError(f"{commit!r} is no commit", hint=HINT)
    program = shutil.which("git")
    if program is None:
        raise UsageError("there is no git on the PATH", hint="Nothing was asked. Name the sample by --sha256 instead.")
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # whoever reads it closes it
    place = f"./{Path(os.path.relpath(path)).as_posix()}"
    try:
        asked = [program, "cat-file", "blob", f"{commit}:{place}"]
        done = subprocess.run(  # noqa: S603 # nosec B603  # git, and a commit that looks like one
            asked, stdout=file, stderr=subprocess.PIPE, timeout=LONGEST_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        file.close()
        raise UsageError(f"{path} of {commit} cannot be read: {error}", hint=HINT) from None
    if done.returncode:
        file.close()
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["git does not say why"]
        raise UsageError(f"{path} of {commit} cannot be read: {said[-1]}", hint=HINT)
    file.seek(0)
    return file
