"""Data of the must-refuse check: a good report of what somebody else deployed, and small changes that break it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from launchplane_gate.policy.proof.questions import (
    ABSENT,
    DEPLOY,
    OF_A_RELEASE,
    OF_ANY,
    OF_ANY_DRIVER,
    OF_ANYBODY,
    PROMOTION,
    Break,
    changed,
    elsewhere,
    of_nobody,
    standing,
    untold,
)

_RELEASE = PROMOTION["release"]
_OTHER = PROMOTION["destination"]["may_run"][0]
_REPORTED: Mapping[str, Any] = {"action": "evidence", "source": None, "request.reported": "pass"}

# Where a path ends, and where none does.
EVIDENCE: Mapping[str, Any] = changed(PROMOTION, {**_REPORTED, "destination.brought": _RELEASE})
ELSEWHERE: Mapping[str, Any] = changed(DEPLOY, {**_REPORTED, "destination.brought": None})
EVIDENCE_STANDING = standing(EVIDENCE, "evidence", release=_RELEASE)

_CLAIM = ("release", "request.expected")
_OF_A_RELEASE = ("release.as_expected", "release.artifact_pinned", "release.commit_full")
_FOREIGN = {"destination.deployments.0.record_id": "another", "destination.deployments.0.first_seen": PROMOTION["now"]}
_NO_URL = {f"product.lanes.{entry}.health_url": "" for entry in range(4)}
_OF_WHO_MAY: tuple[Break, ...] = (
    *OF_ANYBODY,
    *of_nobody(),
    elsewhere("lane.provable"),
    *OF_ANY_DRIVER,
    (("lane.provable",), _NO_URL),
)

_UNPINNED = _RELEASE["artifact_id"].partition("@")[0] + ":latest"


def _claimed(release: Mapping[str, Any], *places: str) -> dict[str, Any]:
    """Another release, claimed and found alike; ``places``: where else it is named."""
    return {f"{place}.{field}": value for place in (*_CLAIM, *places) for field, value in release.items()}


def _of_both(*places: str) -> tuple[Break, ...]:
    """What no report may be about, wherever it was deployed."""
    return (
        (("release.artifact_pinned",), _claimed({"artifact_id": _UNPINNED}, *places)),
        (("release.artifact_pinned",), _claimed({"artifact_id": _RELEASE["artifact_id"][:-1]}, *places)),
        (("release.commit_full",), _claimed({"source_git_ref": "main"}, *places)),
        (("release.commit_full",), _claimed({"source_git_ref": _RELEASE["source_git_ref"] + "\n"}, *places)),
    )


_OF_ANY_REPORT: tuple[Break, ...] = (
    *OF_ANY,
    *_OF_WHO_MAY,
    (("lane.provable", "lane.not_held", "evidence.approved"), {"source": PROMOTION["source"]}),
    # the deploy did not pass, for all that is said of it
    *((("evidence.approved",), {"request.reported": ended}) for ended in ("fail", "pending", None, ABSENT)),
    # somebody else may have deployed since
    (("evidence.approved",), _FOREIGN),
    (("evidence.approved",), {"destination.deployments": ABSENT}),
    (("evidence.approved",), {"destination.inventory": None, **_FOREIGN}),
    (("evidence.approved",), {"destination.inventory": ABSENT, **_FOREIGN}),
    # it is not what was reported
    (("release.as_expected",), {"request.expected": _OTHER}),
    (("release.as_expected",), {"request.expected": ABSENT}),
)

OF_ELSEWHERE: tuple[Break, ...] = (*_OF_ANY_REPORT, *_of_both(), (_OF_A_RELEASE, {"release": None}))

OF_EVIDENCE: tuple[Break, ...] = (
    *_OF_ANY_REPORT,
    *_of_both("destination.brought"),
    ((*_OF_A_RELEASE, "evidence.approved"), {"release": None}),
    # where a path ends, what no run of the gate brought there arrives by promotion
    (("evidence.approved",), {"destination.brought": None}),
    (("evidence.approved",), {"destination.brought": ABSENT}),
    (("evidence.approved",), {"destination.brought": _OTHER}),
    (("evidence.approved",), {"destination.brought.artifact_id": _OTHER["artifact_id"]}),
    (("evidence.approved",), {"destination.brought.source_git_ref": _OTHER["source_git_ref"]}),
    (
        ("evidence.approved", "release.as_expected", "release.artifact_pinned"),
        _claimed({"artifact_id": None}, "destination.brought"),
    ),
    (
        ("evidence.approved", "release.as_expected", "release.commit_full"),
        _claimed({"source_git_ref": ""}, "destination.brought"),
    ),
)

OF_EVIDENCE_STANDING: tuple[Break, ...] = (
    *_OF_WHO_MAY,
    *OF_A_RELEASE,
    untold("lane.driver_matches", "lane.provable", "release.artifact_pinned"),
)
