"""The host's modules, by their names: imported when they are needed, and held to what this side knows of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from types import GenericAlias, UnionType
from typing import Any, get_args

from pydantic import BaseModel

from launchplane_gate.errors import SettingsError
from launchplane_gate.records import (
    BackupGateRecord,
    DeploymentRecord,
    EnvironmentInventory,
    ProductProfile,
    PromotionRecord,
    Record,
)

REVISION = "371132b"  # of Launchplane, that this was made for


@dataclass(frozen=True)
class Kind:
    """One kind of record: the model in the host, the folder of its files, the class of its rows and their key."""

    module: str
    model: str
    folder: str
    row: str
    key: str = "record_id"

    @property
    def theirs(self) -> Any:
        return named(f"contracts.{self.module}", self.model)

    @property
    def table(self) -> Any:
        return named("storage.postgres", self.row).__table__


KINDS: dict[type[Record], Kind] = {
    DeploymentRecord: Kind("deployment_record", "DeploymentRecord", "deployments", "LaunchplaneDeploymentRow"),
    PromotionRecord: Kind("promotion_record", "PromotionRecord", "promotions", "LaunchplanePromotionRow"),
    BackupGateRecord: Kind("backup_gate_record", "BackupGateRecord", "backup_gates", "LaunchplaneBackupGateRow"),
    EnvironmentInventory: Kind(
        "environment_inventory", "EnvironmentInventory", "inventory", "LaunchplaneInventoryRow", ""
    ),
    ProductProfile: Kind(
        "product_profile_record",
        "LaunchplaneProductProfileRecord",
        "launchplane_product_profiles",
        "LaunchplaneProductProfileRow",
        "product",
    ),
}


def module(name: str) -> Any:
    """A module of the host, by its name there. Raises SettingsError where there is none."""
    try:
        return import_module(f"control_plane.{name}")
    except ImportError as error:
        raise SettingsError(
            f"the plugin launchplane needs Launchplane itself, and {error.name or 'a part of it'} cannot be imported",
            hint="Nothing was done. Install launchplane-gate where Launchplane is installed, and run it there.",
        ) from error


def named(place: str, name: str) -> Any:
    """What a module of the host calls so. Raises SettingsError where there is no host, or it has no such thing."""
    try:
        return getattr(module(place), name)
    except AttributeError:
        raise _other(f"control_plane.{place} has no {name}") from None


def see_that_it_is_known() -> None:
    """Raises SettingsError where a record of the host has other fields than are known here.

    Of a profile it may have more: only what is named here comes across.
    """
    for ours, kind in KINDS.items():
        for difference in _differences(ours, kind.theirs, ours.__name__):
            if ours is not ProductProfile or difference.startswith("no "):
                raise _other(f"its {kind.model} has {difference}")


def _other(what: str) -> SettingsError:
    return SettingsError(
        f"this is not the Launchplane that the plugin launchplane knows ({REVISION}): {what}",
        hint="Nothing was done. Use the version of launchplane-gate that is made for this Launchplane.",
    )


def _differences(ours: type[BaseModel], theirs: type[BaseModel], place: str) -> Iterator[str]:
    mine, other = set(ours.model_fields), set(theirs.model_fields)
    yield from (f"no {place}.{name}" for name in sorted(mine - other))
    yield from (f"a {place}.{name} more" for name in sorted(other - mine))
    for name in sorted(mine & other):
        parts = [list(_models_in(side.model_fields[name].annotation)) for side in (ours, theirs)]
        for one, another in zip(*parts, strict=False):
            yield from _differences(one, another, f"{place}.{name}")


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, (GenericAlias, UnionType)):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for part in get_args(annotation):
        yield from _models_in(part)
