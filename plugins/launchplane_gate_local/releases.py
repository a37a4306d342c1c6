"""Releases as files: found by their digest, whatever they are called."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from launchplane_gate.strictjson import sha256

MAX_BYTES = 64 * 1024 * 1024

_ARTIFACT_ID = re.compile(r"local/[a-z0-9][a-z0-9._-]{0,62}@sha256:([0-9a-f]{64})")


def artifact_id(product: str, content: bytes) -> str:
    """The artifact that a file with this content is."""
    return f"local/{product}@sha256:{sha256(content)}"


def digest_in(artifact: str) -> str | None:
    """The digest that an artifact of this driver names; None for an artifact of another form."""
    match = _ARTIFACT_ID.fullmatch(artifact)
    return match[1] if match else None


def content_of(path: Path) -> bytes | None:
    """What a regular file of at most MAX_BYTES holds; None for anything else, and where it cannot be read."""
    try:
        # A link could lead anywhere, and a named pipe would block for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            content = file.read(MAX_BYTES + 1)
    except OSError:
        return None
    return content if len(content) <= MAX_BYTES else None


def is_intact(path: Path, digest: str | None) -> bool:
    """Whether a file is still the one that had this digest; nothing has the digest None."""
    content = content_of(path)
    return content is not None and sha256(content) == digest


def find_release(folder: Path, digest: str) -> bytes | None:
    """The content of the file in a folder that has this digest. Raises OSError for a folder that cannot be listed.

    One that is not there holds no file.
    """
    for path in sorted(folder.iterdir()) if folder.exists() else ():
        content = content_of(path)
        if content is not None and sha256(content) == digest:
            return content
    return None
