"""What the lanes of the host are on Dokploy, by the host's own records: read when needed, and kept for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal, Protocol

from launchplane_gate.errors import Undecided, in_a_sentence
from launchplane_gate.model import Lane, Target

KEPT_S = 2.0


class Definition(Protocol):
    """The host's, of a stable lane on Dokploy."""

    context: str
    instance: str
    target_type: Literal["application", "compose"]
    target_id: str
    target_name: str


class Profile(Protocol):
    """The host's, of a product."""

    product: str
    driver_id: str
    lanes: Any


class TargetsUnknown(Undecided):
    """The host's records do not tell what a lane is on Dokploy."""

    hint = "Nothing was deployed. Give the lane one target of its own in Launchplane's tracked target records."


@dataclass(frozen=True)
class _Known:
    """``unstated``: lanes that are not stated as not governed."""

    by_lane: Mapping[Lane, Definition]
    unstated: frozenset[Lane]


class HostTargets:
    """``not_governed``: what the settings leave alone: products, drivers, contexts, and lanes as ``context/instance``.

    A lane with a target and without a product is governed by nobody, and yet is not left alone unless that is stated.
    """

    def __init__(
        self,
        definitions: Callable[[], Iterable[Definition]],
        profiles: Callable[[], Iterable[Profile]],
        not_governed: Collection[str] = (),
    ) -> None:
        self._definitions, self._profiles, self._not_governed = definitions, profiles, frozenset(not_governed)
        self._known: _Known | None = None
        self._read_at = 0.0
        self._reading = Lock()

    def target(self, lane: Lane) -> Target:
        """Raises TargetsUnknown."""
        definition = self._now().by_lane.get(lane)
        if definition is None or not definition.target_id.strip():
            raise TargetsUnknown(f"Launchplane has no target for {lane}")
        self._see_that_it_is_alone(lane, definition.target_id)
        return Target(
            target_type=definition.target_type,
            target_id=definition.target_id,
            target_name=definition.target_name.strip() or definition.target_id,
            deploy_mode=f"dokploy-{definition.target_type}-api",
        )

    def lane_on(self, target_type: str, target_id: str) -> Lane | None:
        """The lane that a target is of, where the settings do not leave it alone. Raises TargetsUnknown."""
        known = self._now()
        for lane, definition in known.by_lane.items():
            if lane in known.unstated and (definition.target_type, definition.target_id) == (target_type, target_id):
                return lane
        return None

    def _see_that_it_is_alone(self, lane: Lane, target_id: str) -> None:
        for other, definition in self._now().by_lane.items():
            if other != lane and definition.target_id == target_id:
                raise TargetsUnknown(f"the lanes {other} and {lane} are on one target, {target_id}")

    def _now(self) -> _Known:
        with self._reading:
            if self._known is None or time.monotonic() - self._read_at > KEPT_S:
                self._known, self._read_at = self._read(), time.monotonic()
            return self._known

    def _read(self) -> _Known:
        try:
            by_lane = {Lane(context=one.context, instance=one.instance): one for one in self._definitions()}
            owners: dict[Lane, list[Profile]] = {lane: [] for lane in by_lane}
            for profile in self._profiles():
                for lane in profile.lanes:
                    owners.setdefault(Lane(context=lane.context, instance=lane.instance), []).append(profile)
        except Exception as error:
            raise TargetsUnknown(f"Launchplane's target records could not be read: {in_a_sentence(error)}") from error
        return _Known(by_lane, frozenset(lane for lane in by_lane if not self._is_stated(lane, owners[lane])))

    def _is_stated(self, lane: Lane, owners: Iterable[Profile]) -> bool:
        """Not governed, by the settings: the lane itself, or each product that has it."""
        if not self._not_governed.isdisjoint({lane.context, str(lane)}):
            return True
        stated = [not self._not_governed.isdisjoint({owner.product, owner.driver_id}) for owner in owners]
        return bool(stated) and all(stated)
