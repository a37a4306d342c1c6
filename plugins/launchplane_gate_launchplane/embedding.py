"""Putting a gate into the Launchplane of this process."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from launchplane_gate.errors import SettingsError
from launchplane_gate.gate import Gate
from launchplane_gate_launchplane.embedded import EmbeddedGate
from launchplane_gate_launchplane.executors import Executors
from launchplane_gate_launchplane.governed import Governed
from launchplane_gate_launchplane.host import module
from launchplane_gate_launchplane.plugin import LaunchplanePlugin
from launchplane_gate_launchplane.protocol import Deny
from launchplane_gate_launchplane.store import LaunchplaneStore
from launchplane_gate_launchplane.targets import HostTargets


def embedded_gate(settings: Path | str | None = None, *, deny: Deny) -> EmbeddedGate:
    """Open the gate that the settings describe, for the host of this process.

    ``deny`` makes the host's GateDenied. Raises SettingsError where the settings name another store than the host's,
    and what Gate.open raises.
    """
    gate = Gate.open(settings)
    plugin = gate.plugins.named("launchplane")
    if not isinstance(gate.store, LaunchplaneStore) or not isinstance(plugin, LaunchplanePlugin):
        gate.ledger.close()
        raise SettingsError(
            "settings: store: inside of Launchplane the records are Launchplane's",
            hint='Nothing was done. Write `store = "launchplane"` above all tables, and a table [plugins.launchplane].',
        )
    return embed(gate, gate.store.store, deny=deny, not_governed=plugin.options.not_governed)


def embed(gate: Gate, record_store: Any, *, deny: Deny, not_governed: Collection[str] = ()) -> EmbeddedGate:
    """A gate that is open already, as a host calls it. ``record_store``: the host's."""
    governed = Governed(gate.store, record_store.list_product_profile_records, not_governed)
    executors = Executors(HostTargets(_definitions, governed), module("dokploy"), gate.plugins.drivers, deny)
    return EmbeddedGate(gate, executors, governed, deny)


def _definitions() -> Iterable[Any]:
    """Of every tracked lane, as the host's own executors look it up: in its database, whatever root they name."""
    source = module("dokploy").read_control_plane_dokploy_source_of_truth(control_plane_root=Path())
    targets: Iterable[Any] = source.targets
    return targets
