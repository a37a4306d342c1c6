"""The registry that the fake pulls from, and how the images in it behave once they run."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Image:
    """``reports`` is the revision that its health claims, where that is not the truth. Seconds are Docker's.

    ``crashes``: it exits at once. ``dies_after_s``: it exits with 1 after it ran for so long. ``answers_after_s``:
    so long after its start it answers for the first time. ``never_healthy``: it never answers. ``ignores_sigterm``: it
    goes on answering after it was told to stop, until it is killed at the end of its grace period.
    """

    name: str
    revision: str
    crashes: bool = False
    reports: str | None = None
    dies_after_s: float | None = None
    answers_after_s: float = 0.0
    never_healthy: bool = False
    ignores_sigterm: bool = False

    @property
    def config_id(self) -> str:
        """The id that a container shows as its ``Image``: not the digest under which it was pulled."""
        return hashlib.sha256(f"config of {self.name}".encode()).hexdigest()


@dataclass(eq=False)
class Registry:
    images: dict[str, Image] = field(default_factory=dict)

    def push(self, image: Image) -> None:
        self.images[image.name] = image

    def pull(self, name: str) -> Image | None:
        """An image; one of a repository that is not kept here, as of a database, stands elsewhere and is good."""
        return self.images.get(name) or (None if self.keeps(name) else Image(name, "elsewhere"))

    def keeps(self, name: str) -> bool:
        """Tell whether an image would stand here, were it pushed."""
        return repository(name) in {repository(pushed) for pushed in list(self.images)}  # a test may change them


def repository(name: str) -> str:
    """``host:5000/acme/shop`` of ``host:5000/acme/shop:1@sha256:...``."""
    return re.sub(r":[^/]*$", "", name.partition("@")[0])
