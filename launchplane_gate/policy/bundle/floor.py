"""What no bundle may lower: the rules that the core itself demands, and the text of the one question that it asks."""

from __future__ import annotations

from collections.abc import Mapping

from launchplane_gate.model import Action, Phase

DECISION_PATH = "gate/decision.rego"
DECISION_SHA256 = "b5373c5190f8b242508e021ecb8650fe7716f6bbba9734343561c8908c7ab1e5"

_CONFIRM = ("confirm.outcome_passed", "confirm.artifact_matches", "confirm.revision_live")

FLOOR: Mapping[tuple[Action, Phase], tuple[str, ...]] = {
    ("promote", "admit"): (
        "inventory.source_present",
        "inventory.source_current",
        "inventory.source_latest",
        "lane.path_allowed",
        "lane.settled",
        "lane.not_held",
        "lane.driver_matches",
        "release.artifact_pinned",
        "release.commit_full",
        "release.source_revision",
        "actor.permitted",
    ),
    ("promote", "confirm"): _CONFIRM,
    ("deploy", "admit"): (
        "lane.not_bypassed",
        "lane.not_held",
        "lane.driver_matches",
        "release.artifact_pinned",
        "release.commit_full",
        "actor.permitted",
    ),
    ("deploy", "confirm"): _CONFIRM,
}

FLOOR_CODES = frozenset(code for codes in FLOOR.values() for code in codes)

WAIVABLE_FLOOR = frozenset({"lane.not_bypassed"})  # breaking glass is a waiver of it
