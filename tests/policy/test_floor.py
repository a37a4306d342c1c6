"""The floor of every action that can end in an inventory, as the design lists it."""

from __future__ import annotations

from typing import get_args

import pytest

from launchplane_gate.model import Running, Settling
from launchplane_gate.policy.bundle.floor import FLOOR

CONFIRM = {
    "confirm.outcome_passed",
    "confirm.artifact_matches",
    "confirm.revision_live",
    "confirm.stayed_up",
    "release.told_apart",
}
ADMIT = {
    "promote": {
        *("inventory.source_present", "inventory.source_current", "inventory.source_latest"),
        *("lane.path_allowed", "lane.settled", "lane.not_held", "lane.driver_matches"),
        *("release.artifact_pinned", "release.commit_full", "release.source_revision", "release.told_apart"),
        "actor.permitted",
    },
    "deploy": {
        *("lane.not_bypassed", "lane.not_held", "lane.driver_matches"),
        *("release.artifact_pinned", "release.commit_full", "release.told_apart"),
        "actor.permitted",
    },
    "rollback": {
        *("release.as_expected", "release.ran_here", "release.artifact_pinned", "release.commit_full"),
        *("release.told_apart", "lane.settled", "lane.not_held", "lane.driver_matches"),
        "actor.permitted",
    },
    "resume": {"release.artifact_pinned", "release.commit_full", "release.told_apart", "actor.permitted"},
    "reconcile": {"release.artifact_pinned", "release.commit_full", "release.told_apart", "actor.permitted"},
    "evidence": {
        *("evidence.approved", "release.as_expected", "lane.not_held", "lane.driver_matches"),
        *("release.artifact_pinned", "release.commit_full", "release.told_apart", "actor.permitted"),
    },
}


@pytest.mark.parametrize("action", get_args(Running))
def test_what_can_end_in_an_inventory_is_held_to_the_floor(action: str) -> None:
    assert set(FLOOR[action, "confirm"]) == CONFIRM  # type: ignore[index]  # an action
    assert set(FLOOR[action, "admit"]) >= ADMIT[action]  # type: ignore[index]  # an action
    assert {"actor.permitted", "lane.driver_matches", "lane.provable"} <= set(FLOOR[action, "standing"])  # type: ignore[index]  # an action


def test_what_looks_is_asked_the_same_whatever_it_is_called() -> None:
    asked = [set(FLOOR[action, "admit"]) for action in get_args(Settling)]
    assert all(asked[0] <= codes for codes in asked)
    assert len({FLOOR[action, "confirm"] for action in get_args(Settling)}) == 1
