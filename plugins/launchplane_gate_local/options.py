"""What the settings file says to this plugin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, ValidationError

from launchplane_gate.errors import SettingsError
from launchplane_gate.hookspecs import PluginConfig
from launchplane_gate.model import Contract, Lane

ContractT = TypeVar("ContractT", bound=Contract)


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
    return _read(LocalOptions, config.options, f"plugins.{config.name}")


def read_ports(config: PluginConfig) -> dict[Lane, int]:
    """The port of each lane that is this driver's: targets without a ``port`` belong to other drivers.

    Raises SettingsError for a target that has more in it, and for two lanes with one port.
    """
    ports: dict[Lane, int] = {}
    for lane, table in config.targets.items():
        if "port" not in table:
            continue
        port = _read(LocalTarget, table, f"target of the lane {lane}").port
        if other := next((other for other, taken in ports.items() if taken == port), None):
            raise SettingsError(
                f"settings: the lanes {other} and {lane} have one target: port {port}",
                hint="Nothing was done. Give each lane a port of its own.",
            )
        ports[lane] = port
    return ports


def _read(contract: type[ContractT], table: Mapping[str, Any], place: str) -> ContractT:
    try:
        return contract.model_validate(dict(table))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key = ".".join([place, *(str(part) for part in first["loc"])])
        what = "is not a known key" if first["type"] == "extra_forbidden" else first["msg"]
        raise SettingsError(
            f"settings: {key}: {what}",
            hint=f"Nothing was done. Mend that key; {place} takes: {', '.join(contract.model_fields)}.",
        ) from None
