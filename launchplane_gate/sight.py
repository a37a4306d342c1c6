"""Looking at lanes with as much of a gate as there is: also while policies do not load, or nobody answers for them.

What the policies would say is not known then, and neither is what only they know, such as the paths between lanes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from launchplane_gate.commands import PROGRAM, command, looking_for_faults
from launchplane_gate.errors import EngineError, GateError
from launchplane_gate.gate import Gate
from launchplane_gate.lanes import LaneView, look
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Actor
from launchplane_gate.opening import opened
from launchplane_gate.plugins import load_plugins
from launchplane_gate.policy import Bundle, load_bundle, shipped_policies
from launchplane_gate.records import ProductProfile
from launchplane_gate.settings import Settings
from launchplane_gate.store import RecordStore

_ALONG_PATHS = (f"{PROGRAM} deploy ", f"{PROGRAM} promote ")


@dataclass(frozen=True)
class NotTold:
    """``what`` could not be told, ``why``, and what to type to find out more."""

    what: str
    why: str
    command: str


@dataclass(frozen=True)
class _Nobody:
    """In the place of an engine, where none can be had: it answers nothing."""

    revision: str
    why: str
    name: str = "none"

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:  # nobody is asked
        raise EngineError(self.why)


@dataclass(frozen=True)
class Sight:
    """``why`` says why nobody decides; empty where somebody can be asked. ``knows_paths``: whether the policies load.

    The gate can decide nothing where there is a ``why``: whatever it is asked is not known.
    """

    gate: Gate
    why: str = ""
    knows_paths: bool = True

    @classmethod
    @contextmanager
    def open(cls, settings: Settings) -> Iterator[Self]:
        """Raises what keeps lanes from being looked at: LedgerError, and SettingsError of a plugin."""
        store, ledger = opened(settings, to_read=True)
        try:
            try:
                sight = cls(Gate.open(settings, store=store, ledger=ledger, to_read=True))
            except GateError as error:
                sight = cls._undecided(settings, store, ledger, str(error))
            with sight.gate:
                yield sight
        finally:
            ledger.close()

    @classmethod
    def _undecided(cls, settings: Settings, store: RecordStore, ledger: Ledger, why: str) -> Self:
        bundle, knows_paths = _bundle(settings)
        gate = Gate(
            store=store,
            ledger=ledger,
            bundle=bundle,
            engine=_Nobody(bundle.revision, why),
            plugins=load_plugins(settings, now=ledger.now),
            observed=settings.observed,
        )
        return cls(gate, why, knows_paths)

    def look(self, profiles: Iterable[ProductProfile], actor: Actor) -> tuple[list[LaneView], list[NotTold]]:
        """Every lane of some products as it is now, and what could not be told of them."""
        views = look(self.gate, profiles, actor)
        if self.knows_paths:
            return views, self._not_told(views)
        return [_without_paths(view) for view in views], self._not_told(views)

    def _not_told(self, views: Iterable[LaneView]) -> list[NotTold]:
        if not self.knows_paths:
            what = "what can be promoted, which waivers are in force, and what else only policies know"
            return [NotTold(what, self.why, command("policy", "check"))]
        whys = {offer.reason for view in views for offer in view.promotions if offer.unknown}
        whys |= {self.why} if self.why else set()
        return [NotTold("what can be promoted", why, looking_for_faults()) for why in sorted(whys)]


def _bundle(settings: Settings) -> tuple[Bundle, bool]:
    """The policies, and whether they are those of the settings; else the shipped ones, which name no product."""
    try:
        return load_bundle([shipped_policies(), *settings.policy_folders], remembers=True), True
    except GateError:
        return load_bundle([shipped_policies()], remembers=True), False


def _without_paths(view: LaneView) -> LaneView:
    """Without commands that may be wrong where paths are not known."""
    ways = tuple(way for way in view.ways if not way.command.startswith(_ALONG_PATHS))
    typed = "" if view.command.startswith(_ALONG_PATHS) else view.command
    return view.model_copy(update={"command": typed, "ways": ways, "promotions": ()})
