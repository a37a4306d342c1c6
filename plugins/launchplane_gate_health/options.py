"""What the settings file says to this plugin."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from launchplane_gate.errors import SettingsError
from launchplane_gate.hookspecs import IN_A_HEADER, LateSecret, PluginConfig, read_table
from launchplane_gate.model import Contract

Pointer = Annotated[str, StringConstraints(pattern=r"^(/([^~/]|~[01])*)*$")]  # RFC 6901


class LaneOptions(Contract):
    """``[plugins.health.lanes."context/instance"]``: where this lane differs. ``token`` is sent as a bearer token.

    ``allow_plain_http``: as in the lane's own table, for one that has none.
    """

    allow_plain_http: bool = False
    revision_pointer: Pointer | None = None
    token: Annotated[LateSecret, IN_A_HEADER] | None = None


class HealthOptions(Contract):
    """``[plugins.health]``. ``revision_pointer``: where the revision stands in what a health URL answers.

    ``timeout_s`` bounds a whole answer, redirects and body included; ``matches`` answers in a row are taken of each
    URL, ``interval_s`` apart.
    """

    revision_pointer: Pointer = "/revision"
    timeout_s: float = Field(default=5, gt=0, le=60)
    matches: int = Field(default=3, ge=1, le=100)
    interval_s: float = Field(default=0.1, ge=0, le=60)
    max_bytes: int = Field(default=65536, ge=1, le=16 * 1024 * 1024)
    lanes: dict[str, LaneOptions] = Field(default={})


def read_options(config: PluginConfig) -> HealthOptions:
    """Raises SettingsError, which names the key; never a value, which may be a token."""
    place = f"plugins.{config.name}"
    options = read_table(HealthOptions, config.options, place)
    known = {str(lane) for lane in config.targets}
    if known and (strange := sorted(options.lanes.keys() - known)):  # without one, the lanes are those of a host
        raise SettingsError(
            f"settings: {place}.lanes.{strange[0]}: there is no such lane",
            hint=f"Nothing was done. The lanes are: {', '.join(sorted(known))}.",
        )
    return options
