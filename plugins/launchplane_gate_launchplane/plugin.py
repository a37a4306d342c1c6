"""The plugin ``launchplane``, as the gate loads it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.exc import ArgumentError

from launchplane_gate.errors import RecordUnreadable, SettingsError
from launchplane_gate.hookspecs import Answered, Driver, Kept, PluginConfig, hookimpl, read_table
from launchplane_gate.model import Lane
from launchplane_gate.records import ProductProfile
from launchplane_gate_launchplane.files import OWN_FOLDER
from launchplane_gate_launchplane.host import named
from launchplane_gate_launchplane.options import Options
from launchplane_gate_launchplane.store import LaunchplaneStore
from launchplane_gate_launchplane.targets import Tracked, tables
from launchplane_gate_launchplane.verireel import VeriReelDriver


class LaunchplanePlugin:
    """What the command line needs to work where a Launchplane embeds the gate."""

    def __init__(self, config: PluginConfig) -> None:
        self._config = config
        self.options = read_table(Options, config.options, f"plugins.{config.name}")
        dokploy = self.options.dokploy
        self.drivers: list[Driver] = (
            [VeriReelDriver.told(config, dokploy, f"plugins.{config.name}.dokploy")] if dokploy else []
        )
        self._tracked = Tracked()

    @hookimpl
    def gate_drivers(self) -> Iterable[Driver]:
        return self.drivers

    @staticmethod
    @hookimpl
    def gate_store(config: PluginConfig) -> Kept:
        """The host's store, and the ledger beside it: in a folder of its own there, or in our schema of its database.

        A database in a file has it in a folder beside that file.
        """
        options = read_table(Options, config.options, f"plugins.{config.name}")
        if options.state_dir is not None:
            folder = config.base_dir / options.state_dir
            store = LaunchplaneStore(named("storage.filesystem", "FilesystemRecordStore")(state_dir=folder))
            return Kept(store, _governed(store, options.not_governed), state_dir=folder / OWN_FOLDER)
        assert options.database_url  # there is one of the two
        url = options.database_url.get_secret_value()
        parsed = _parsed(url)
        store = LaunchplaneStore(named("storage.postgres", "PostgresRecordStore")(database_url=url))
        products = _governed(store, options.not_governed)
        if parsed.get_backend_name() == "sqlite":
            return Kept(store, products, state_dir=Path(parsed.database or "").absolute().parent / OWN_FOLDER)
        ours = f"postgresql://{url.partition('://')[2]}"  # without SQLAlchemy's driver, and quoted as it was
        return Kept(store, products, database_url=SecretStr(ours))

    @hookimpl
    def gate_targets(self) -> Mapping[Lane, Mapping[str, Any]]:
        """By the host's own records: those of the database that its environment names, whatever store it was given."""
        is_tracked = named("dokploy", "resolve_database_url")() is not None
        return tables(self._tracked.now().values()) if is_tracked else {}

    @hookimpl
    def gate_doctor(self, product: ProductProfile | None, deadline_s: float) -> Iterable[Answered]:  # it reads
        """Whether each product's record can be read, and what keeps its lanes' records apart."""
        store = self.gate_store(self._config).store
        if product is None:
            for name, found in store.products().items():
                if isinstance(found, RecordUnreadable):
                    yield Answered(f"the record of {name}", str(found))
            return
        try:
            store.read_product_profile_record(product.product)
        except RecordUnreadable as error:
            yield Answered(f"the record of {product.product}", f"{error}: {error.hint}")


def _governed(store: LaunchplaneStore, but: Collection[str]) -> Callable[[], Iterable[ProductProfile]]:
    """The products that have a lane which the settings do not leave alone, with all of their lanes."""

    def products() -> Iterable[ProductProfile]:
        for profile in store.list_product_profile_records():
            lanes = [{lane.context, f"{lane.context}/{lane.instance}"} for lane in profile.lanes]
            if {profile.product, profile.driver_id}.isdisjoint(but) and any(one.isdisjoint(but) for one in lanes):
                yield profile

    return products


def _parsed(url: str) -> sa.URL:
    try:
        found = sa.make_url(url)
        if found.get_backend_name() in ("postgresql", "sqlite"):
            return found
    except (ArgumentError, ValueError):
        pass
    raise SettingsError("settings: plugins.launchplane.database_url is no URL of Postgres, as Launchplane takes it")
