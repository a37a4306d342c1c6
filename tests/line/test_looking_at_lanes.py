"""Looking at many lanes: none of them keeps the others waiting."""

import threading

from launchplane_gate.gate import Gate
from launchplane_gate.lanes import look
from launchplane_gate.model import Lane
from tests.conftest import ACTOR, PROFILE
from tests.fakes.platform import FakePlatform


def test_lanes_are_looked_at_side_by_side(gate: Gate, platform: FakePlatform) -> None:
    both = threading.Barrier(2, timeout=20)

    def met(_: Lane) -> None:
        both.wait()  # gives up where the other lane is not looked at meanwhile

    platform.observing = met
    views = look(gate, [PROFILE], ACTOR)
    assert [view.lane.instance for view in views] == ["testing", "prod"]
    assert all(view.observed for view in views)
