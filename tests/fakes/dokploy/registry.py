"""The registry that the fake pulls from, and what a compose file asks of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|(?P<plain>\w+)|\{(?P<braced>\w+)(?::?-(?P<default>[^}]*))?\})")


@dataclass(frozen=True)
class Image:
    """``reports`` is the revision that its health claims, where that is not the truth."""

    name: str
    revision: str
    crashes: bool = False
    reports: str | None = None


@dataclass(eq=False)
class Registry:
    images: dict[str, Image] = field(default_factory=dict)

    def push(self, image: Image) -> None:
        self.images[image.name] = image

    def pull(self, name: str) -> Image | None:
        return self.images.get(name)

    def keeps(self, name: str) -> bool:
        """Tell whether an image would stand here, were it pushed; others, as of a database, are passed over."""
        return repository(name) in {repository(pushed) for pushed in self.images}


def repository(name: str) -> str:
    """``host:5000/acme/shop`` of ``host:5000/acme/shop:1@sha256:...``."""
    return re.sub(r":[^/]*$", "", name.partition("@")[0])


def compose_images(file: str, env: str) -> list[str] | None:
    """The images of a compose file's services, in their order, variables filled in; None where it cannot be read."""
    try:
        content: Any = yaml.safe_load(file)
        services = list(content["services"].values())
        return [_filled_in(str(service["image"]), variables(env)) for service in services if "image" in service]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return None


def variables(env: str) -> dict[str, str]:
    """What ``NAME=value`` lines set."""
    lines = (line.strip() for line in env.splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def _filled_in(text: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match["plain"] or match["braced"]
        return "$" if match["escaped"] else values.get(name) or match["default"] or ""

    return _VARIABLE.sub(value, text)
