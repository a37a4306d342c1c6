"""Putting a gate into the Launchplane of this process."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Act
from launchplane_gate_launchplane.door import Door
from launchplane_gate_launchplane.embedded import EmbeddedGate
from launchplane_gate_launchplane.executors import Act as ExecutorsAct
from launchplane_gate_launchplane.governed import Governed
from launchplane_gate_launchplane.host import module
from launchplane_gate_launchplane.protocol import Call, Deny
from launchplane_gate_launchplane.targets import HostTargets


def embed(
    gate: Gate, record_store: Any, *, control_plane_root: Path, deny: Deny, not_governed: Collection[str] = ()
) -> EmbeddedGate:
    """A gate that is open already, as a host calls it. ``deny`` makes the host's GateDenied."""
    acting = HostActing(record_store, control_plane_root, deny, not_governed)
    governed = Governed(gate.store, record_store.list_product_profile_records, not_governed)
    return EmbeddedGate(gate, acting, governed, deny)


class HostActing:
    """The host's executors behind the door, for the targets of its own records."""

    def __init__(self, record_store: Any, control_plane_root: Path, deny: Deny, not_governed: Collection[str]) -> None:
        self._dokploy = module("dokploy")
        self._targets = HostTargets(
            lambda: (
                self._dokploy.read_control_plane_dokploy_source_of_truth(control_plane_root=control_plane_root).targets
            ),
            record_store.list_product_profile_records,
            not_governed,
        )
        self._door = Door(self._targets, deny)

    def act_of(self, call: Call) -> Act:
        return ExecutorsAct(call, self._targets, self._dokploy)

    @property
    def change(self) -> Callable[..., Any]:
        return self._door.change
