"""What stands in a commit, whatever is checked out: the blobs themselves, with no filter of a repository run."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import IO

from launchplane_gate.errors import UsageError

LONGEST_S = 60.0
FETCH = "A checkout of one commit has no other: fetch it first, as by `git fetch origin main`."
_COMMIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@{}^~-]{0,254}", re.ASCII)


def is_commit(named: str) -> bool:
    """Whether it may name one, and is no option of git's."""
    return _COMMIT.fullmatch(named) is not None


def ask_git(
    arguments: list[str], place: str, *, hint: str, instead: str, sent: bytes = b"", into: IO[bytes] | None = None
) -> bytes:
    """What git prints, or nothing where that goes ``into`` a file.

    Raises UsageError where ``place`` cannot be read; ``instead``: what to do where there is no git.
    """
    program = shutil.which("git")
    if program is None:
        raise UsageError("there is no git on the PATH", hint=instead)
    try:
        done = subprocess.run(  # noqa: S603 # nosec B603  # git, and a commit that looks like one
            [program, *arguments],
            input=sent,
            stdout=into or subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=LONGEST_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{place} cannot be read: {error}", hint=hint) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["git does not say why"]
        raise UsageError(f"{place} cannot be read: {said[-1]}", hint=hint)
    return done.stdout or b""
