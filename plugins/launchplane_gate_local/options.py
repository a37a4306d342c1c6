"""What the settings file says to this plugin."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from launchplane_gate.errors import SettingsError
from launchplane_gate.hookspecs import PluginConfig, read_table
from launchplane_gate.model import Contract, Lane


def _runs_the_release(command: tuple[str, ...]) -> tuple[str, ...]:
    if not any("{release}" in word for word in command):
        raise ValueError('one of its words must be "{release}", or something else than the release would run')
    return command


class LocalOptions(Contract):
    """``[plugins.local]``. ``releases``: the folder with a file for each release.

    ``command`` runs one: ``{release}`` becomes the path of the driver's own copy of the file, ``{port}`` the port.
    """

    releases: Annotated[str, Field(min_length=1)]
    command: Annotated[tuple[str, ...], AfterValidator(_runs_the_release)] = ("{release}",)
    start_timeout_s: float = Field(default=10, gt=0, le=600)
    stop_timeout_s: float = Field(default=5, gt=0, le=600)


class LocalTarget(Contract):
    """``[products.P.lanes.L.target]`` of a lane that runs on this machine."""

    port: int = Field(ge=1, le=65535, strict=True)


def read_options(config: PluginConfig) -> LocalOptions:
    """Raises SettingsError, which names the key."""
    return read_table(LocalOptions, config.options, f"plugins.{config.name}")


def read_ports(config: PluginConfig) -> dict[Lane, int]:
    """The port of each lane that is this driver's: targets without a ``port`` belong to other drivers.

    Raises SettingsError for a target that has more in it, and for two lanes with one port.
    """
    ports: dict[Lane, int] = {}
    for lane, table in config.targets.items():
        if "port" not in table:
            continue
        port = read_table(LocalTarget, table, f"target of the lane {lane}").port
        if other := next((other for other, taken in ports.items() if taken == port), None):
            raise SettingsError(
                f"settings: the lanes {other} and {lane} have one target: port {port}",
                hint="Nothing was done. Give each lane a port of its own.",
            )
        ports[lane] = port
    return ports
