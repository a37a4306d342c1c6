"""What the settings file, or the host's target records, say to this plugin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, StringConstraints, model_validator

from launchplane_gate.errors import SettingsError
from launchplane_gate.hookspecs import PluginConfig, read_table
from launchplane_gate.model import Contract, Lane
from launchplane_gate_dokploy import ConnectionOptions, TargetRef

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class GenericWebOptions(ConnectionOptions):
    """``[plugins.generic-web]``. ``deploy_timeout_s`` bounds the wait for a deployment, queue included.

    ``poll_s``: how often it is looked at. ``compose_variable``: for compose targets that name none of their own.
    """

    deploy_timeout_s: float = Field(default=600, gt=0, le=3600)
    poll_s: float = Field(default=2, gt=0, le=60)
    compose_variable: Variable | None = None


class TargetTable(Contract):
    """``[products.P.lanes.L.target]``, in the words of the host's records.

    ``variable``: the one that carries the image into a compose file.
    """

    target_type: Literal["application", "compose"]
    target_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    target_name: str = ""
    variable: Variable | None = None

    @property
    def ref(self) -> TargetRef:
        return TargetRef(self.target_type, self.target_id)

    @model_validator(mode="after")
    def _is_whole(self) -> TargetTable:
        if self.target_type == "application" and self.variable:
            raise ValueError("an application has no variable; its image is set directly")
        return self


def read_options(config: PluginConfig) -> GenericWebOptions:
    """Raises SettingsError, which names the key and never a value."""
    return read_table(GenericWebOptions, config.options, f"plugins.{config.name}")


@dataclass(frozen=True)
class Targets:
    """What each lane of this driver is on Dokploy; tables without a ``target_type`` belong to other drivers.

    Raises SettingsError for those of the settings at once, for any other when it is wanted.
    """

    config: PluginConfig
    compose_variable: str | None

    def __post_init__(self) -> None:
        for lane in self.config.targets:
            self._of(lane, self.config.targets)

    def of(self, lane: Lane) -> TargetTable | None:
        """The target of a lane as it is now, if there is one. Raises GateError where that cannot be told."""
        return self._of(lane, self.config.targets_now())

    def _of(self, lane: Lane, tables: Mapping[Lane, Mapping[str, Any]]) -> TargetTable | None:
        """Raises SettingsError for two lanes on one target, too: what is deployed to one would run on both."""
        if "target_type" not in tables.get(lane, {}):
            return None
        target = read_table(TargetTable, tables[lane], f"target of {lane}")
        if target.target_type == "compose" and not (target.variable or self.compose_variable):
            raise SettingsError(
                f"settings: target of {lane}: the variable that carries the image is not named",
                hint='Nothing was done. Add variable = "NAME", and use ${NAME} as an image in the compose file.',
            )
        for other, table in tables.items():
            if other != lane and "target_type" in table and table.get("target_id") == target.target_id:
                raise SettingsError(
                    f"settings: the lanes {lane} and {other} are on one target, {target.target_id}",
                    hint="Nothing was done. Give each lane a target of its own.",
                )
        return target


class HostTarget(Protocol):
    """The host's record of what a lane is on Dokploy."""

    context: str
    instance: str
    target_type: str
    target_name: str


class HostTargetId(Protocol):
    """The host's record of the id that it has there."""

    context: str
    instance: str
    target_id: str


def host_targets(records: Iterable[HostTarget], ids: Iterable[HostTargetId]) -> Mapping[Lane, Mapping[str, Any]]:
    """What ``gate_targets`` answers where the host keeps it in records; a lane needs one of each."""
    id_of = {(record.context, record.instance): record.target_id for record in ids}
    return {
        Lane(context=record.context, instance=record.instance): {
            "target_type": record.target_type,
            "target_id": id_of[record.context, record.instance],
            "target_name": record.target_name,
        }
        for record in records
        if (record.context, record.instance) in id_of
    }
