"""Data of the must-refuse check: a good rollback, whether it may be asked, and small changes that break them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from launchplane_gate.policy.proof.questions import (
    ABSENT,
    OF_ANY,
    OF_ANY_DRIVER,
    OF_ANYBODY,
    PROMOTION,
    SHIPPER,
    Break,
    changed,
    elsewhere,
    of_nobody,
    standing,
    untold,
)

_RELEASE = PROMOTION["release"]
_RAN = {**_RELEASE, "action": "promote", "at": PROMOTION["source"]["steady_since"], "rolled_back": False}
_OTHER = PROMOTION["destination"]["may_run"][0]

ROLLBACK: Mapping[str, Any] = changed(
    PROMOTION,
    {"action": "rollback", "source": None, "destination.history": [_RAN], "destination.way_back": [_RELEASE]},
)
ROLLBACK_STANDING = standing(ROLLBACK, "rollback")

_NO_URL = {f"product.lanes.{entry}.health_url": "" for entry in (2, 3)}
_UNSETTLED = {"destination.run.settled": False}
_OF_WHO_MAY: tuple[Break, ...] = (
    *OF_ANYBODY,
    *of_nobody(),
    elsewhere("lane.provable"),
    (("actor.permitted",), {"actor": SHIPPER}),  # whose entry does not name it
    *OF_ANY_DRIVER,
    (("lane.provable",), _NO_URL),
)
_OF_A_RELEASE = ("release.as_expected", "release.ran_here", "release.artifact_pinned", "release.commit_full")


def _named(release: Mapping[str, Any]) -> dict[str, Any]:
    """Another release, named by every record and claim of a rollback alike."""
    places = ("release", "request.expected", "destination.history.0", "destination.way_back.0")
    return {f"{place}.{field}": value for place in places for field, value in release.items()}


OF_ROLLBACK: tuple[Break, ...] = (
    *OF_ANY,
    *_OF_WHO_MAY,
    (("lane.provable", "lane.settled", "lane.not_held"), {"source": PROMOTION["source"]}),
    # a release that there is not, or that may come to mean another one; two facts that are both null prove nothing
    (_OF_A_RELEASE, {"release": None}),
    (("release.artifact_pinned",), _named({"artifact_id": _RELEASE["artifact_id"].partition("@")[0] + ":latest"})),
    (("release.artifact_pinned",), _named({"artifact_id": _RELEASE["artifact_id"][:-1]})),
    (("release.commit_full",), _named({"source_git_ref": "main"})),
    (("release.commit_full",), _named({"source_git_ref": _RELEASE["source_git_ref"] + "\n"})),
    (_OF_A_RELEASE[:3], _named({"artifact_id": None})),
    ((*_OF_A_RELEASE[:2], "release.commit_full"), _named({"source_git_ref": None})),
    # it is not what was asked for
    (("release.as_expected",), {"request.expected": _OTHER}),
    (("release.as_expected",), {"request.expected.artifact_id": _OTHER["artifact_id"]}),
    (("release.as_expected",), {"request.expected.source_git_ref": _OTHER["source_git_ref"]}),
    (("release.as_expected",), {"request.expected": ABSENT}),
    # it never ran there
    (("release.ran_here",), {"destination.history": []}),
    (("release.ran_here",), {"destination.history": ABSENT}),
    (("release.ran_here",), {"destination.history": [{**_RAN, **_OTHER}]}),
    (("release.ran_here",), {"destination.history.0.artifact_id": _OTHER["artifact_id"]}),
    (("release.ran_here",), {"destination.history.0.source_git_ref": _OTHER["source_git_ref"]}),
    # a lane that is not settled, and would not be by this
    (("lane.settled",), {"destination.run.open": True}),
    (("lane.settled",), {"destination.run": ABSENT}),
    (("lane.settled",), {"destination.run.settled": "true"}),
    (("lane.settled",), {**_UNSETTLED, "destination.way_back": []}),
    (("lane.settled",), {**_UNSETTLED, "destination.way_back": ABSENT}),
    (("lane.settled",), {**_UNSETTLED, "destination.way_back": [_OTHER]}),
    (("lane.settled",), {**_UNSETTLED, "destination.way_back.0.source_git_ref": _OTHER["source_git_ref"]}),
)

OF_ROLLBACK_STANDING: tuple[Break, ...] = (
    *_OF_WHO_MAY,
    (("lane.provable",), {"source": PROMOTION["source"]}),
    untold("lane.driver_matches", "lane.provable"),
)
