"""What a compose file asks of Docker, as far as the fake reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|(?P<plain>\w+)|\{(?P<braced>\w+)(?::?-(?P<default>[^}]*))?\})")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Asked:
    """A service of the file, variables filled in; ``deploy`` is for a stack alone."""

    name: str
    image: str
    restart: str = "no"
    profiles: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    grace_s: float = 10.0
    healthcheck: Mapping[str, Any] | None = None
    deploy: Mapping[str, Any] = field(default_factory=dict)


def services(file: str, env: str) -> list[Asked] | None:
    """The services that have an image, in their order; None where Docker would refuse the file."""
    try:
        content: Any = yaml.safe_load(file)
        found = [_service(name, table, variables(env)) for name, table in content["services"].items()]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError):
        return None
    return [service for service in found if service]


def names(file: str) -> list[str]:
    """The services of a file, with an image or without; none where it cannot be read."""
    try:
        return list(yaml.safe_load(file)["services"])
    except (yaml.YAMLError, KeyError, TypeError):
        return []


def variables(env: str) -> dict[str, str]:
    """What ``NAME=value`` lines set; of two lines for a name, the last one holds."""
    lines = (line.strip() for line in env.splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def seconds(text: str | float | None, default: float) -> float:
    """``1m30s`` in seconds."""
    if text is None:
        return default
    if isinstance(text, int | float):
        return float(text)
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)(ms|s|m|h)", text))


def _service(name: str, table: Mapping[str, Any], values: Mapping[str, str]) -> Asked | None:
    if "image" not in table:
        return None
    image = _filled_in(str(table["image"]), values)
    if not image:
        raise ValueError(f"service {name} has neither an image nor a build context")
    environment = table.get("environment") or []
    if isinstance(environment, Mapping):
        environment = [f"{key}={value}" for key, value in environment.items()]
    return Asked(
        name,
        image,
        str(table.get("restart") or "no"),
        tuple(table.get("profiles") or ()),
        tuple(_filled_in(str(line), values) for line in environment),
        seconds(table.get("stop_grace_period"), 10.0),
        table.get("healthcheck"),
        table.get("deploy") or {},
    )


def _filled_in(text: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match["plain"] or match["braced"]
        return "$" if match["escaped"] else values.get(name) or match["default"] or ""

    return _VARIABLE.sub(value, text)
