"""Names of images: which digest a container's image was pulled by."""

from __future__ import annotations

import re
from collections.abc import Iterable

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9][A-Za-z0-9./:_-]*")


def digest(image: str) -> str:
    """``sha256:…`` of a pinned name; empty for any other."""
    name, _, rest = image.partition("@")
    return rest if _NAME.fullmatch(name) and _DIGEST.fullmatch(rest) else ""


def repository(image: str) -> str:
    """``host:5000/acme/shop`` of ``host:5000/acme/shop:1@sha256:…``."""
    before, slash, last = image.partition("@")[0].rpartition("/")
    return before + slash + last.partition(":")[0]


def pinned(image: str) -> str | None:
    """``repository@sha256:…`` where a name is pinned, else None."""
    return f"{repository(image)}@{found}" if (found := digest(image)) else None


def pulled_by(image: str, repo_digests: Iterable[str]) -> str | None:
    """The digest by which an image was pulled, where a container was started by a tag.

    ``repo_digests``: all names by which the image was ever pulled. None where none, or more than one, is of the
    repository of that tag: then it is not known which it was.
    """
    found = {digest(name) for name in repo_digests if _familiar(repository(name)) == _familiar(repository(image))}
    [only, *others] = sorted(found) or [""]
    return f"{repository(image)}@{only}" if only and not others else None


def _familiar(name: str) -> str:
    """Docker's own hub goes without saying."""
    return name.removeprefix("docker.io/").removeprefix("library/")
