"""What no bundle may lower: the rules that the core itself demands, and the text of the one question that it asks."""

from __future__ import annotations

from collections.abc import Mapping

from launchplane_gate.model import Action, Phase

DECISION_PATH = "gate/decision.rego"
DECISION_SHA256 = "067ff1f72176fc9a094087792055783d02e1770d9fa761823af6274acd9d6feb"

_CONFIRM = (
    "confirm.outcome_passed",
    "confirm.artifact_matches",
    "confirm.revision_live",
    "confirm.stayed_up",
    "release.told_apart",
)

_SETTLING = ("actor.permitted", "lane.driver_matches", "lane.provable")
_SETTLING_NOW = (*_SETTLING, "release.artifact_pinned", "release.commit_full", "release.told_apart")

FLOOR: Mapping[tuple[Action, Phase], tuple[str, ...]] = {
    ("promote", "standing"): ("actor.permitted", "lane.path_allowed", "lane.driver_matches", "lane.provable"),
    ("deploy", "standing"): (
        "actor.permitted",
        "lane.driver_matches",
        "lane.provable",
        "release.artifact_pinned",
        "release.commit_full",
    ),
    ("resume", "standing"): _SETTLING,
    ("reconcile", "standing"): _SETTLING,
    ("evidence", "standing"): _SETTLING,
    ("rollback", "standing"): ("actor.permitted", "lane.driver_matches", "lane.provable"),
    ("publish", "standing"): ("actor.permitted",),
    ("waive", "standing"): ("actor.permitted", "release.artifact_pinned", "release.commit_full"),
    ("approve", "standing"): ("actor.permitted", "waiver.two_people"),
    ("revoke", "standing"): ("actor.permitted",),
    ("adopt", "standing"): ("actor.permitted",),
    ("restore", "standing"): ("actor.permitted",),
    ("hold", "standing"): ("actor.permitted",),
    ("release", "standing"): ("actor.permitted",),
    ("quarantine", "standing"): ("actor.permitted",),
    ("promote", "admit"): (
        "inventory.source_present",
        "inventory.source_current",
        "inventory.source_latest",
        "lane.path_allowed",
        "lane.settled",
        "lane.not_held",
        "lane.driver_matches",
        "lane.provable",
        "release.artifact_pinned",
        "release.commit_full",
        "release.told_apart",
        "release.source_revision",
        "actor.permitted",
    ),
    ("promote", "confirm"): _CONFIRM,
    ("deploy", "admit"): (
        "lane.not_bypassed",
        "lane.not_held",
        "lane.driver_matches",
        "lane.provable",
        "release.artifact_pinned",
        "release.commit_full",
        "release.told_apart",
        "actor.permitted",
    ),
    ("deploy", "confirm"): _CONFIRM,
    ("resume", "admit"): _SETTLING_NOW,
    ("resume", "confirm"): _CONFIRM,
    ("reconcile", "admit"): _SETTLING_NOW,
    ("reconcile", "confirm"): _CONFIRM,
    ("evidence", "admit"): (*_SETTLING_NOW, "evidence.approved", "release.as_expected", "lane.not_held"),
    ("evidence", "confirm"): _CONFIRM,
    ("rollback", "admit"): (
        "release.as_expected",
        "release.ran_here",
        "lane.settled",
        "lane.not_held",
        "lane.driver_matches",
        "lane.provable",
        "release.artifact_pinned",
        "release.commit_full",
        "release.told_apart",
        "actor.permitted",
    ),
    ("rollback", "confirm"): _CONFIRM,
}

FLOOR_CODES = frozenset(code for codes in FLOOR.values() for code in codes)

OF_A_VERSION: Mapping[tuple[Action, Phase], tuple[str, ...]] = {("promote", "admit"): ("release.version_free",)}
"""What the core has asked besides, whatever the roll call says, where a version is asked for."""

VERSION_CODES = frozenset(code for codes in OF_A_VERSION.values() for code in codes)

WAIVABLE_FLOOR = frozenset({"lane.not_bypassed"})  # breaking glass is a waiver of it
