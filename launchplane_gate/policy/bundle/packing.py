"""A bundle as one archive, as OPA serves it and as the ledger keeps it. The same policies make the same bytes."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from typing import Any

from launchplane_gate import strictjson
from launchplane_gate.policy.bundle.files import CONFIG_PATH
from launchplane_gate.policy.bundle.load import Bundle
from launchplane_gate.policy.bundle.syntax import Source

MANIFEST = ".manifest"
LARGEST = 2**26  # bytes of what we wrote ourselves
ROOTS = ("config", "gate", "gate_test")  # whatever stands below these is the bundle's, and nobody may write to it


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


def config_in(content: bytes) -> dict[str, Any]:
    """The merged configuration in such an archive. Raises ValueError for what is none."""
    try:
        config: dict[str, Any] = strictjson.loads(_texts_in(content)[CONFIG_PATH])
    except KeyError as error:
        raise ValueError(f"it is no archive of policies: {error}") from None
    return config


def modules_in(content: bytes) -> tuple[Source, ...]:
    """The modules in such an archive, the tests too. Raises ValueError for what is none."""
    texts = {path: text.decode() for path, text in _texts_in(content).items() if path.endswith(".rego")}
    return tuple(Source(path, path, text) for path, text in texts.items())


def _texts_in(content: bytes) -> dict[str, bytes]:
    """Raises ValueError."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            opened = io.BytesIO(stream.read(LARGEST))
        with tarfile.open(fileobj=opened, mode="r:") as archive:
            files = {entry.name: archive.extractfile(entry) for entry in archive if entry.isfile()}
            return {name: file.read() for name, file in files.items() if file}
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise ValueError(f"it is no archive of policies: {error}") from None


def _files(bundle: Bundle) -> Iterator[tuple[str, str]]:
    """Path and text of each file. The revision is the digest of all but the manifest."""
    yield MANIFEST, strictjson.dumps({"revision": bundle.revision, "roots": ROOTS, "rego_version": 1})
    yield CONFIG_PATH, strictjson.dumps(bundle.config)
    yield from ((module.path, module.text) for module in bundle.modules)
