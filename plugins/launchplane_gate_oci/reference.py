"""The names of images that are pinned by digest, as container engines read them."""

from __future__ import annotations

import re
from dataclasses import dataclass

DOCKER_HUB = "docker.io"
HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
DIGEST = r"^sha256:[0-9a-f]{64}$"

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_REGISTRY = re.compile(rf"{_PART}(?::(?P<port>[1-9][0-9]{{0,4}}))?")
_MAX_CHARACTERS = 255
_MAX_PORT = 65535


@dataclass(frozen=True)
class Reference:
    """``registry`` is HOST or HOST:PORT, and ``docker.io`` for Docker Hub. ``str`` is for people."""

    registry: str
    repository: str
    digest: str

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}@{short(self.digest)}"


def reference_of(artifact_id: str) -> Reference | None:
    """None for what is no image of a registry, or not pinned: then there is nothing to ask for.

    ``local/...`` is what the driver ``local`` calls the files that it runs.
    """
    name, _, digest = artifact_id.partition("@")
    found = repository_of(name)
    return Reference(*found, digest) if found and re.fullmatch(DIGEST, digest) else None


def repository_of(name: str) -> tuple[str, str] | None:
    """Registry and repository of a name without tag and digest; None for what is no image of a registry."""
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, repository = first, rest
    else:
        registry, repository = DOCKER_HUB, name
    if registry in HUB_NAMES:
        registry, repository = DOCKER_HUB, repository if "/" in repository else f"library/{repository}"
    well_formed = is_registry(registry) and _REPOSITORY.fullmatch(repository)
    if not well_formed or len(name) > _MAX_CHARACTERS or name.startswith("local/"):
        return None
    return registry, repository


def is_registry(text: str) -> bool:
    """Whether this is HOST or HOST:PORT."""
    match = _REGISTRY.fullmatch(text)
    return match is not None and int(match["port"] or 0) <= _MAX_PORT


def short(digest: str) -> str:
    return f"{digest[:19]}..."
