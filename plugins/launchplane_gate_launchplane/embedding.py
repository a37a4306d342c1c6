"""Making the gate that a host installs, of the settings file that the command line reads there too."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from launchplane_gate.errors import SettingsError
from launchplane_gate.gate import Gate
from launchplane_gate.model import Lane
from launchplane_gate_launchplane.calls import Place
from launchplane_gate_launchplane.embedded import EmbeddedGate
from launchplane_gate_launchplane.executors import Executors
from launchplane_gate_launchplane.governed import Governed
from launchplane_gate_launchplane.plugin import LaunchplanePlugin
from launchplane_gate_launchplane.protocol import Deny
from launchplane_gate_launchplane.store import LaunchplaneStore
from launchplane_gate_launchplane.targets import HostTargets, definitions


def embedded_gate(settings: Path | str | None = None, *, deny: Deny) -> EmbeddedGate:
    """Open the gate for the host in this process. ``deny``: the host's GateDenied, or that of the bridge.

    Raises SettingsError for settings that do not name the host's store, and what Gate.open raises.
    """
    gate = Gate.open(settings)
    store, plugin = gate.store, gate.plugins.named("launchplane")
    if not isinstance(store, LaunchplaneStore) or not isinstance(plugin, LaunchplanePlugin):
        gate.close()
        raise SettingsError(
            "the settings do not say that the records are the host's",
            hint='Nothing was done. Write `store = "launchplane"` above all tables, and a table [plugins.launchplane].',
        )
    return in_host(gate, store, deny=deny, not_governed=plugin.options.not_governed)


def in_host(gate: Gate, store: LaunchplaneStore, *, deny: Deny, not_governed: Collection[str] = ()) -> EmbeddedGate:
    """A gate that is open already, over a store of the host, as the host calls it."""
    governed = Governed(store, store.store.list_product_profile_records, not_governed)

    def observes(lane: Lane) -> bool:
        profile = governed.on(Place(lane.context, lane.instance))
        return profile is not None and profile.product in gate.observed

    targets = HostTargets(definitions, governed)
    executors = Executors(targets, gate.plugins.drivers, deny, observes)
    return EmbeddedGate(gate, store, executors, governed, deny)
