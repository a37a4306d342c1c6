"""Whether a lane is as recorded: its inventory, held against what its platform and its health URLs show now."""

from __future__ import annotations

from typing import Literal

from launchplane_gate.commands import looking_at, reconciling
from launchplane_gate.gate import Gate
from launchplane_gate.lanes import LaneView, look_at
from launchplane_gate.looking import held_against
from launchplane_gate.model import Contract, Lane, ReleaseIdentity
from launchplane_gate.records import ProductProfile

State = Literal["as recorded", "drifted", "unsettled", "unknown"]


class Drift(Contract):
    """``why`` says how a lane is not as recorded, or why that is not known; ``command`` says what leads back."""

    product: str
    lane: Lane
    recorded: ReleaseIdentity | None
    state: State
    why: str = ""
    command: str = ""


def drift_of(gate: Gate, profile: ProductProfile, lane: Lane) -> Drift:
    view = look_at(gate, profile, lane, with_health=True)
    state, why = _state(view)
    settles = state in ("drifted", "unsettled")
    again = looking_at(profile.product) if view.aside else reconciling(profile.product, lane.instance)
    return Drift(
        product=profile.product, lane=lane, recorded=view.runs, state=state, why=why, command=again if settles else ""
    )


def _state(view: LaneView) -> tuple[State, str]:
    if not view.settled:
        return "unsettled", view.why
    if view.observed is None:
        return "unknown", view.differs
    return held_against(view.runs, view.observed, view.health)
