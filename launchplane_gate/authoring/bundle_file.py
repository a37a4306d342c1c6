"""A bundle as one file, as OPA serves it. The same policies make the same bytes."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from launchplane_gate import private, strictjson
from launchplane_gate.errors import UsageError
from launchplane_gate.policy.bundle.files import CONFIG_PATH
from launchplane_gate.policy.bundle.load import Bundle

MANIFEST = ".manifest"
ROOTS = ("config", "gate", "gate_test")  # whatever stands below these is the bundle's, and nobody may write to it
NOTHING_WRITTEN = "Nothing was written."


def packed(bundle: Bundle) -> bytes:
    """The bundle as a compressed archive: its manifest, the merged configuration, and every module with the tests.

    The tests go along because a gate that asks a server has it run them first.
    """
    file = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, text in sorted(_files(bundle)):
            content = text.encode()
            entry = tarfile.TarInfo(name)  # of nobody, at no time
            entry.mode, entry.size = 0o644, len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def _files(bundle: Bundle) -> Iterator[tuple[str, str]]:
    """Path and text of each file. The revision is the digest of all but the manifest."""
    yield MANIFEST, strictjson.dumps({"revision": bundle.revision, "roots": ROOTS, "rego_version": 1})
    yield CONFIG_PATH, strictjson.dumps(bundle.config)
    yield from ((module.path, module.text) for module in bundle.modules)


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
