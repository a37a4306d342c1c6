"""Writing a bundle as one file, as OPA serves it."""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from pathlib import Path

from launchplane_gate import private
from launchplane_gate.errors import UsageError
from launchplane_gate.policy.bundle.load import Bundle
from launchplane_gate.policy.bundle.packing import MANIFEST, packed

NOTHING_WRITTEN = "Nothing was written."


def write_bundle(bundle: Bundle, path: Path) -> None:
    """Write all of the file or nothing, over an older bundle or where nothing stands. Raises UsageError."""
    try:
        if os.path.lexists(path) and not _is_bundle(path):
            raise UsageError(
                f"{path} is there already and is no bundle",
                hint=f"{NOTHING_WRITTEN} Name another file, or remove this one.",
            )
        content = packed(bundle)
        with private.replacing(path, mode=private.mode_of_the_user()) as opened:
            opened.write(content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}", hint=NOTHING_WRITTEN) from None


def _is_bundle(path: Path) -> bool:
    """Whether a file begins as ours do, signed or not."""
    if not path.is_file():
        return False
    try:
        with tarfile.open(path, "r:gz") as archive:
            first = archive.next()
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile):
        return False
    return first is not None and first.name == MANIFEST
