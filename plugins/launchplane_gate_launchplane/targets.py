"""What the lanes of the host are on Dokploy, by the host's own records: read when needed, and kept for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Literal, Protocol

from launchplane_gate.errors import Undecided, in_a_sentence
from launchplane_gate.model import Lane, Target
from launchplane_gate_launchplane.asked import IMAGE_VARIABLE
from launchplane_gate_launchplane.calls import Place
from launchplane_gate_launchplane.governed import Governed
from launchplane_gate_launchplane.host import named

KEPT_S = 2.0


class Definition(Protocol):
    """The host's, of a stable lane on Dokploy."""

    context: str
    instance: str
    target_type: Literal["application", "compose"]
    target_id: str
    target_name: str


class TargetsUnknown(Undecided):
    """The host's records do not tell what a lane is on Dokploy."""

    hint = "Nothing was deployed. Give the lane one target of its own in Launchplane's tracked target records."


def definitions() -> Iterable[Definition]:
    """Of every tracked lane, as the host's own executors look it up."""
    source: Any = named("dokploy", "read_control_plane_dokploy_source_of_truth")(control_plane_root=Path())
    targets: Iterable[Definition] = source.targets
    return targets


def tables(known: Iterable[Definition]) -> dict[Lane, Mapping[str, Any]]:
    """What ``gate_targets`` answers; a lane that is tracked without an id has no target."""
    return {Lane(context=one.context, instance=one.instance): _table(one) for one in known if one.target_id.strip()}


def _table(one: Definition) -> dict[str, Any]:
    told = {name: getattr(one, name) for name in ("target_type", "target_id", "target_name")}
    return told if one.target_type == "application" else {**told, "variable": IMAGE_VARIABLE}


class Tracked:
    """``definitions`` reads all of them from the host, and raises where it cannot."""

    def __init__(self, definitions: Callable[[], Iterable[Definition]] = definitions) -> None:
        self._definitions = definitions
        self._known: Mapping[Lane, Definition] = {}
        self._known_until = 0.0
        self._reading = Lock()

    def now(self) -> Mapping[Lane, Definition]:
        """Raises TargetsUnknown."""
        with self._reading:
            if time.monotonic() >= self._known_until:
                self._known = self._read()
                self._known_until = time.monotonic() + KEPT_S
            return self._known

    def _read(self) -> Mapping[Lane, Definition]:
        try:
            return {Lane(context=one.context, instance=one.instance): one for one in self._definitions()}
        except Exception as error:
            raise TargetsUnknown(f"Launchplane's target records could not be read: {in_a_sentence(error)}") from error


class HostTargets:
    """The same, for what the gate looks after there."""

    def __init__(self, definitions: Callable[[], Iterable[Definition]], governed: Governed) -> None:
        self._tracked, self._governed = Tracked(definitions), governed

    def target(self, lane: Lane) -> Target:
        """Raises TargetsUnknown, for two lanes on one target too: what is deployed to one would run on both."""
        known = self._tracked.now()
        if lane not in known or not known[lane].target_id.strip():
            raise TargetsUnknown(f"Launchplane has no target for {lane}")
        found = known[lane]
        for other, definition in known.items():
            if other != lane and definition.target_id == found.target_id:
                raise TargetsUnknown(f"the lanes {other} and {lane} are on one target, {found.target_id}")
        return Target(
            target_type=found.target_type,
            target_id=found.target_id,
            target_name=found.target_name.strip() or found.target_id,
            deploy_mode=f"dokploy-{found.target_type}-api",
        )

    def lane_on(self, target_type: str, target_id: str) -> Lane | None:
        """The lane that a target is of, unless the settings leave that lane alone.

        One that is of no product is left alone only where that is stated. Raises Undecided, RecordUnreadable.
        """
        for lane, definition in self._tracked.now().items():
            is_it = (definition.target_type, definition.target_id) == (target_type, target_id)
            if is_it and not self._governed.leaves_alone(Place(lane.context, lane.instance)):
                return lane
        return None
