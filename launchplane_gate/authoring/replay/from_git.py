"""A sample as it stands in a commit."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import IO

from launchplane_gate.authoring.git import FETCH, ask_git, is_commit
from launchplane_gate.errors import UsageError

HINT = f"Nothing was asked. {FETCH}"
INSTEAD = "Nothing was asked. Name the sample by --sha256 instead."


def file_at(commit: str, path: Path) -> IO[bytes]:
    """A file of a commit, by its path on the disk, where it need not be. Raises UsageError."""
    if not is_commit(commit):
        raise UsageError(f"{commit!r} is no commit", hint=HINT)
    blob = f"{commit}:./{Path(os.path.relpath(path)).as_posix()}"
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # whoever reads it closes it
    try:
        ask_git(["cat-file", "blob", blob], f"{path} of {commit}", hint=HINT, instead=INSTEAD, into=file)
    except UsageError:
        file.close()
        raise
    file.seek(0)
    return file
