"""What the commands on policies share."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import click

NO_OPA = "OPA was not asked: there is no `opa` on the PATH, and none was named by --opa."

folders_named = click.argument("folders", metavar="[FOLDER]...", nargs=-1, type=click.Path(path_type=Path))


def opened_to_read(path: Path, undone: str) -> IO[bytes]:
    """Raises UsageError, whose hint is ``undone``."""
    from launchplane_gate import private
    from launchplane_gate.errors import UsageError

    try:
        return private.opened(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", hint=undone) from None
