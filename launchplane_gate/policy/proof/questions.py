"""Data of the must-refuse check: a good promotion, its confirmation, a good deploy, and small changes that break them.

Those of a rollback are beside it, in ``of_rollback``.

The product is one of the check's own, with a policy of its own: what is refused is refused by the rules alone, not for
want of an entry in a bundle's configuration.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

PRODUCT = "(must refuse)"  # no product can be called so
DRIVER = "any"
_CONTEXT = "must-refuse"
_DEPLOYER = {"subject": "deployer", "verified_by": "github-oidc"}
SHIPPER = {"subject": "shipper", "verified_by": "github-oidc"}  # who may nothing that an entry has to name
_IN_A_JOB = {"subject": "job", "verified_by": "github-oidc"}  # of whom more has to be known
_MAY = {"may": ["waive", "approve", "rollback"]}
_LISTED = [_DEPLOYER | _MAY, SHIPPER, _IN_A_JOB | {"claims": {"environment": "production"}}]
PRODUCT_POLICY = {
    "paths": [{"from": "testing", "to": "prod"}],
    "actors": dict.fromkeys(("testing", "prod", "spare"), _LISTED),
    "thresholds": {
        "source_fresh_s": 86400,
        "source_soak_s": 0,
        "observed_s": 120,
        "health_s": 120,
        "health_matches": 1,
        "backup_s": 86400,
        "settle_s": 15,
    },
}

_REPOSITORY = "registry.invalid/must-refuse"
_ARTIFACT, _OTHER_ARTIFACT = (f"{_REPOSITORY}@sha256:{digit * 64}" for digit in "ab")
_COMMIT, _OTHER_COMMIT = (digit * 40 for digit in "cd")
_RELEASE = {"artifact_id": _ARTIFACT, "source_git_ref": _COMMIT}
_OTHER_RELEASE = {"artifact_id": _OTHER_ARTIFACT, "source_git_ref": _OTHER_COMMIT}
_REBUILD = {"artifact_id": _OTHER_ARTIFACT, "source_git_ref": _COMMIT}

_LONG_AGO, _BEFORE, _DEPLOYED, _DONE, _SEEN, _NOW, _LATER = (
    f"2030-01-07T12:{minute:02}:00Z" for minute in (0, 30, 31, 32, 33, 34, 35)
)
_JUST_NOW = "2030-01-07T12:33:50Z"  # less than settle_s before now
_SETTLED, _JUST_THEN, _LATER_STILL = (f"2030-01-07T{time}Z" for time in ("14:00:00", "13:59:50", "14:01:00"))
"""Now where all was good for as long as any bundle may ask, ten seconds before, and a minute after."""


class _Absent:
    """In place of a value: the fact is not there at all."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


def changed(good: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with other facts at some places, which are dotted paths; no two places share an object."""
    result: Any = json.loads(json.dumps(good))
    for place, value in changes.items():
        *above, last = (int(part) if part.isdigit() else part for part in place.split("."))
        parent = functools.reduce(lambda found, part: found[part], above, result)
        if value is ABSENT:
            del parent[last]
        else:
            parent[last] = value
    return dict(result)


def _deployment(name: str, lane: str, started_at: str, status: str = "pass") -> dict[str, Any]:
    return {
        "record_id": f"{lane}-{name}",
        "context": _CONTEXT,
        "instance": lane,
        **_RELEASE,
        "status": status,
        "started_at": started_at,
        "finished_at": started_at,
        "touched": True,
        "older": started_at == _BEFORE,
        "first_seen": None,
    }


def _container(name: str, artifact_id: str | None = _ARTIFACT, state: str = "running") -> dict[str, Any]:
    return {"container_id": name, "artifact_id": artifact_id, "started_at": _DEPLOYED, "restarts": 0, "state": state}


def _lane(name: str) -> dict[str, Any]:
    """A settled lane that runs the release."""
    return {
        "lane": {"context": _CONTEXT, "instance": name},
        "inventory": {
            "context": _CONTEXT,
            "instance": name,
            "artifact_identity": {"artifact_id": _ARTIFACT},
            "source_git_ref": _COMMIT,
            "deploy": {"target_name": name, "target_type": "application", "deploy_mode": "any", "status": "pass"},
            "updated_at": _DONE,
            "deployment_record_id": f"{name}-last",
        },
        "deployments": [_deployment("last", name, _DEPLOYED), _deployment("first", name, _BEFORE)],
        "observed": {
            "seen_at": _SEEN,
            "reachable": True,
            "artifact_id": _ARTIFACT,
            "configured_artifact_id": _ARTIFACT,
            "digests": "shown",
            "containers": [_container("one"), _container("two")],
            "in_flight": False,
        },
        "steady_since": _DONE,
        "hold": None,
        "run": {"settled": True, "open": False, "why": "recorded", "last": None, "confirmed_at": _DONE},
    }


_LISTS = ("history", "rolled_back", "way_back", "backups", "versions")


def _destination(name: str) -> dict[str, Any]:
    return {**_lane(name), **{part: [] for part in _LISTS}, "may_run": [_OTHER_RELEASE]}


def _urls(lane: str) -> list[str]:
    return [f"https://{lane}.invalid/one", f"https://{lane}.invalid/two"]


def _health(lane: str) -> list[dict[str, Any]]:
    return [{"url": url, "status": 200, "revision": _COMMIT, "seen_at": _SEEN} for url in _urls(lane)]


PROMOTION: Mapping[str, Any] = {
    "schema_version": 1,
    "action": "promote",
    "phase": "admit",
    "nonce": "must-refuse",
    "now": _NOW,
    "actor": _DEPLOYER,
    "request": {"product": PRODUCT, "reason": "", "version": None, "expected": _RELEASE, "dry_run": False},
    "release": _RELEASE,
    "product": {
        "product": PRODUCT,
        "repository": "must/refuse",
        "driver_id": DRIVER,
        "image": {"repository": _REPOSITORY},
        "health_path": "/health",
        "lanes": [
            {"context": _CONTEXT, "instance": lane, "base_url": "", "health_url": url}
            for lane in ("testing", "prod", "spare")
            for url in _urls(lane)
        ],
    },
    "driver": {"driver_id": DRIVER, "addressed": DRIVER},
    "source": _lane("testing"),
    "destination": _destination("prod"),
    "evidence": {"health": {"source": _health("testing"), "destination": _health("prod")}},
    "outcome": None,
}

CONFIRMATION = changed(
    PROMOTION,
    {
        "phase": "confirm",
        "now": _SETTLED,
        "outcome": {
            "status": "pass",
            "touched": True,
            "started_at": _DEPLOYED,
            "finished_at": _DONE,
            "good_since": _SEEN,
            "told_apart_by": "digests",
        },
    },
)

DEPLOY = changed(PROMOTION, {"action": "deploy", "source": None, "destination": _destination("testing")})


def standing(good: Mapping[str, Any], action: str, **more: Any) -> Mapping[str, Any]:
    """The same request, as far as it says who may ask for it."""
    asked = {name: good[name] for name in ("schema_version", "nonce", "actor", "request", "product", "driver")}
    lanes = {side: good[side] and {"lane": good[side]["lane"]} for side in ("source", "destination")}
    return {**asked, **lanes, "action": action, "phase": "standing", "release": None, "waiver": None, **more}


PROMOTION_STANDING = standing(PROMOTION, "promote")
DEPLOY_STANDING = standing(DEPLOY, "deploy", release=_RELEASE)
WAIVING = standing(DEPLOY, "waive", release=_RELEASE)
_TWO = {"waiver_id": "w-1", "code": "lane.not_bypassed", "requester": "somebody", "approver": "deployer"}
APPROVAL = standing(DEPLOY, "approve", release=_RELEASE, waiver=_TWO)

_HOLD = {"reason": "under repair", "subject": "somebody", "since": _BEFORE}
_INVENTORY = ("inventory.source_present", "inventory.source_current", "inventory.source_latest")

Break = tuple[tuple[str, ...], Mapping[str, Any]]
"""The rules that have to say no, and the changes that make them."""

_HIDDEN = {"destination.observed.digests": "not_shown", "destination.observed.containers": []}


def _no_url(lane: str) -> dict[str, Any]:
    return {"context": _CONTEXT, "instance": lane, "base_url": "", "health_url": ""}


_VERSION = "v1.0.0"
_TAGGED = {"version": _VERSION, "commit": _OTHER_COMMIT}
_GITHUB = {"seen_at": _SEEN, "version": {"asked": _VERSION, "tag": None, "release": None}, "latest": None}
_VERSIONED = {"request.version": _VERSION, "evidence.github": _GITHUB}


def _named_by(version: str) -> list[dict[str, Any]]:
    return [{"version": version, "source_git_ref": _COMMIT}]


OF_ANY: tuple[Break, ...] = (
    # nothing could tell it from what may run there
    (("release.told_apart",), {**_HIDDEN, "destination.may_run": [_REBUILD]}),
    (("release.told_apart",), {**_HIDDEN, "destination.may_run": [{**_REBUILD, "artifact_id": None}]}),
    (("release.told_apart",), {**_HIDDEN, "destination.may_run": [{**_OTHER_RELEASE, "source_git_ref": None}]}),
    (("release.told_apart",), {**_HIDDEN, "destination.may_run": [None]}),
    (("release.told_apart",), {**_HIDDEN, "destination.may_run": ABSENT}),
    (
        ("release.told_apart",),
        {"destination.observed.digests": "failed", "destination.may_run": [_OTHER_RELEASE, _REBUILD]},
    ),
    (("release.told_apart",), {"destination.observed": ABSENT, "destination.may_run": [_REBUILD]}),
    (("lane.not_held",), {"destination.hold": _HOLD}),
    (("lane.not_held",), {"destination.hold": ABSENT}),
    (("release.artifact_pinned",), {"product.image.repository": "registry.invalid/another"}),
)

OF_ANYBODY: tuple[Break, ...] = (
    (("actor.permitted",), {"actor": {"subject": "somebody", "verified_by": "github-oidc"}}),
    (("actor.permitted",), {"actor": {"subject": "deployer", "verified_by": "hearsay"}}),
    (("actor.permitted",), {"actor": _IN_A_JOB}),
    (("actor.permitted",), {"actor": _IN_A_JOB | {"claims": {"environment": "staging"}}}),
)


def of_nobody(*others: str) -> tuple[Break, ...]:
    """Asked by nobody who was verified; ``others`` are the rules beside actor.permitted that go by that, too."""
    actors = ({"subject": "deployer", "verified_by": None}, {"subject": "deployer"}, ABSENT)
    return tuple((("actor.permitted", *others), {"actor": actor}) for actor in actors)


def elsewhere(*others: str) -> Break:
    return ("actor.permitted", *others), {"destination.lane.instance": "elsewhere"}


def untold(*others: str) -> Break:
    """Of a product that is not told, as to who is named nowhere."""
    return ("actor.permitted", *others), {"product": None}


OF_ANY_DRIVER: tuple[Break, ...] = (
    (("lane.driver_matches",), {"driver.driver_id": "other"}),
    (("lane.driver_matches",), {"driver.driver_id": None, "product.driver_id": None}),
    (("lane.driver_matches",), {"driver.addressed": "other"}),
    (("lane.driver_matches",), {"driver.addressed": ABSENT}),
)

OF_A_RELEASE: tuple[Break, ...] = (
    (("release.artifact_pinned",), {"release.artifact_id": f"{_REPOSITORY}:latest"}),
    (("release.artifact_pinned",), {"release.artifact_id": _ARTIFACT[:-1]}),
    (("release.artifact_pinned",), {"release.artifact_id": None}),
    (("release.commit_full",), {"release.source_git_ref": "main"}),
    (("release.commit_full",), {"release.source_git_ref": f"{_COMMIT}\n"}),
    (("release.commit_full",), {"release.source_git_ref": None}),
    (("release.artifact_pinned", "release.commit_full"), {"release": None}),
)

_NO_URL_ON_TESTING = {"product.lanes.0": _no_url("testing"), "product.lanes.1": _no_url("testing")}


def _named(release: Mapping[str, Any]) -> dict[str, Any]:
    """Another release, named by every record and claim of a promotion alike."""
    named = {f"release.{field}": value for field, value in release.items()}
    named |= {f"request.expected.{field}": value for field, value in release.items()}
    named |= {f"source.deployments.0.{field}": value for field, value in release.items()}
    if "artifact_id" in release:
        named["source.inventory.artifact_identity.artifact_id"] = release["artifact_id"]
    if "source_git_ref" in release:
        named["source.inventory.source_git_ref"] = release["source_git_ref"]
        named |= {f"evidence.health.source.{url}.revision": release["source_git_ref"] for url in (0, 1)}
    return named


OF_PROMOTION: tuple[Break, ...] = (
    *OF_ANY,
    *OF_ANYBODY,
    *of_nobody(),
    elsewhere("lane.path_allowed", "lane.provable"),
    *OF_ANY_DRIVER,
    # without a record of what the source lane runs there is nothing to promote
    (_INVENTORY, {"source.inventory": None}),
    (_INVENTORY, {"source.inventory": ABSENT}),
    (_INVENTORY, {"source.inventory.artifact_identity": ABSENT}),
    (("inventory.source_present", "inventory.source_latest"), {"source.inventory.instance": "prod"}),
    # what would run is not what the source lane runs, or not what was asked for
    (("inventory.source_current",), {"release.artifact_id": _OTHER_ARTIFACT}),
    (("inventory.source_current", "release.source_revision"), {"release.source_git_ref": _OTHER_COMMIT}),
    (("inventory.source_current",), {"request.expected.artifact_id": _OTHER_ARTIFACT}),
    (("inventory.source_current",), {"request.expected.source_git_ref": _OTHER_COMMIT}),
    (("inventory.source_current",), {"request.expected": ABSENT}),
    # two facts that are both missing are equal, and prove nothing
    ((*_INVENTORY, "release.artifact_pinned"), _named({"artifact_id": None})),
    ((*_INVENTORY, "release.commit_full", "release.source_revision"), _named({"source_git_ref": None})),
    # something else was deployed to the source lane, or may have been
    (("inventory.source_latest",), {"source.deployments.1.older": False}),
    (("inventory.source_latest",), {"source.deployments.1.older": ABSENT}),
    (("inventory.source_latest",), {"source.deployments.1": _deployment("failed", "testing", _SEEN, "fail")}),
    (("inventory.source_latest",), {"source.deployments.1.touched": None}),
    (("inventory.source_latest",), {"source.deployments.0.status": "fail"}),
    (("inventory.source_latest",), {"source.deployments.0": ABSENT}),
    (("inventory.source_latest",), {"source.deployments": ABSENT}),
    # no way that the product is promoted
    (("lane.path_allowed",), {"destination": _destination("spare")}),
    (("lane.path_allowed",), {"destination": _destination("testing")}),
    (
        ("lane.path_allowed",),
        {"source": _lane("prod"), "destination": _destination("testing"), "evidence.health.source": _health("prod")},
    ),
    # a lane that is not settled
    (("lane.settled",), {"source.run.settled": False}),
    (("lane.settled",), {"source.run.settled": "true"}),
    (("lane.settled",), {"source.run": ABSENT}),
    (("lane.settled",), {"destination.run.open": True}),
    (("lane.not_held",), {"source.hold": _HOLD}),
    # a release that may come to mean another one
    (("release.artifact_pinned",), _named({"artifact_id": f"{_REPOSITORY}:latest"})),
    (("release.artifact_pinned",), _named({"artifact_id": _ARTIFACT[:-1]})),
    (("release.artifact_pinned",), _named({"artifact_id": f"registry.invalid/another@sha256:{'a' * 64}"})),
    (("release.commit_full",), _named({"source_git_ref": "main"})),
    (("release.commit_full",), _named({"source_git_ref": _COMMIT[:-1]})),
    (("release.commit_full",), _named({"source_git_ref": f"{_COMMIT}\n"})),
    # a lane that nothing could prove
    (("lane.provable",), {"product.lanes.2": _no_url("prod"), "product.lanes.3": _no_url("prod")}),
    (
        ("lane.provable", "release.source_revision"),
        {"product.lanes.0": _no_url("testing"), "product.lanes.1": _no_url("testing")},
    ),
    # the source lane does not run it on every container, or has not been steady
    (("inventory.source_running",), {"source.steady_since": _JUST_NOW}),
    (("inventory.source_running",), {"source.steady_since": _LATER}),
    (("inventory.source_running",), {"source.steady_since": None}),
    (("inventory.source_running",), {"source.observed.containers.1.artifact_id": _OTHER_ARTIFACT}),
    (("inventory.source_running",), {"source.observed.containers": []}),
    (("inventory.source_running",), {"source.observed.digests": "failed"}),
    # a version of which nobody knows that it is free, or that is another one of the same commit
    (("release.version_free",), {"request.version": _VERSION}),
    (("release.version_free",), {**_VERSIONED, "destination.versions": _named_by("v0.9.0")}),
    (("release.version_free",), {**_VERSIONED, "destination.versions": ABSENT}),
    (("release.version_free",), {**_VERSIONED, "evidence.github": {**_GITHUB, "latest": _TAGGED}}),
    # the source lane is not seen to run it
    (("release.source_revision",), {"evidence.health.source.1.revision": _OTHER_COMMIT}),
    (("release.source_revision",), {"evidence.health.source.1.status": 500}),
    (("release.source_revision",), {"evidence.health.source.1.seen_at": _LONG_AGO}),
    (("release.source_revision",), {"evidence.health.source.1.seen_at": _LATER}),
    (("release.source_revision",), {"evidence.health.source.1": ABSENT}),
    (("release.source_revision",), {"evidence.health.source": []}),
    (("release.source_revision",), {"evidence": {}}),
)

OF_DEPLOY: tuple[Break, ...] = (
    *OF_ANY,
    *OF_ANYBODY,
    *of_nobody(),
    elsewhere("lane.provable"),
    *OF_ANY_DRIVER,
    *OF_A_RELEASE,
    (("lane.not_bypassed",), {"destination": _destination("prod")}),
    (("lane.provable",), _NO_URL_ON_TESTING),
)

RECONCILING = changed(DEPLOY, {"action": "reconcile"})
OF_RECONCILING: tuple[Break, ...] = (
    *OF_ANYBODY,
    *of_nobody(),
    *OF_ANY_DRIVER,
    (("lane.provable",), _NO_URL_ON_TESTING),
    (("lane.provable",), {"source": PROMOTION["source"]}),
)

# -- who may ask for it at all

OF_PROMOTION_STANDING: tuple[Break, ...] = (
    *OF_ANYBODY,
    *of_nobody(),
    elsewhere("lane.path_allowed", "lane.provable"),
    untold("lane.driver_matches", "lane.path_allowed", "lane.provable"),
    *OF_ANY_DRIVER,
    (("lane.path_allowed",), {"destination.lane.instance": "spare"}),
    (("lane.path_allowed", "lane.provable"), {"source": None}),
    (("lane.provable",), _NO_URL_ON_TESTING),
)

OF_DEPLOY_STANDING: tuple[Break, ...] = (
    *OF_ANYBODY,
    *of_nobody(),
    elsewhere("lane.provable"),
    untold("lane.driver_matches", "lane.provable", "release.artifact_pinned"),
    *OF_ANY_DRIVER,
    *OF_A_RELEASE,
    (("lane.provable",), _NO_URL_ON_TESTING),
)

OF_WAIVING: tuple[Break, ...] = (
    *OF_ANYBODY,
    *of_nobody(),
    elsewhere(),
    untold("release.artifact_pinned"),
    *OF_A_RELEASE,
    (("actor.permitted",), {"action": "adopt"}),  # which the entry does not name
    *((("actor.permitted",), {"action": action}) for action in ("hold", "release", "quarantine")),
)

OF_APPROVAL: tuple[Break, ...] = (
    *OF_ANYBODY,
    *of_nobody("waiver.two_people"),
    elsewhere(),
    untold(),
    (("actor.permitted",), {"action": "adopt"}),
    (("waiver.two_people",), {"waiver.requester": "deployer"}),
    (("waiver.two_people",), {"waiver.requester": "", "waiver.approver": "deployer"}),
    (("waiver.two_people",), {"waiver.approver": ""}),
    (("waiver.two_people",), {"waiver.approver": None}),
    (("waiver.two_people",), {"waiver": None}),
    (("waiver.two_people",), {"waiver": ABSENT}),
)

OF_CONFIRMATION: tuple[Break, ...] = (
    (("confirm.outcome_passed", "confirm.stayed_up"), {"outcome.status": "unknown"}),
    (("confirm.outcome_passed", "confirm.stayed_up"), {"outcome.status": "fail"}),
    (("confirm.outcome_passed",), {"outcome.touched": False}),
    (("confirm.outcome_passed",), {"outcome.status": "unchanged"}),
    (
        (
            "confirm.outcome_passed",
            "confirm.artifact_matches",
            "confirm.revision_live",
            "confirm.stayed_up",
            "release.told_apart",
        ),
        {"outcome": None},
    ),
    # a rebuild that never ran, or runs beside another
    (
        ("confirm.artifact_matches",),
        {
            "destination.observed.artifact_id": _OTHER_ARTIFACT,
            "destination.observed.containers": [_container("one", _OTHER_ARTIFACT)],
        },
    ),
    (
        ("confirm.artifact_matches",),
        {"destination.observed.containers": [_container("one"), _container("two", _OTHER_ARTIFACT)]},
    ),
    (("confirm.artifact_matches",), {"destination.observed.containers.1.artifact_id": None}),
    (("confirm.artifact_matches",), {"destination.observed.containers.1.state": "restarting"}),
    (("confirm.artifact_matches",), {"destination.observed.containers": []}),
    (("confirm.artifact_matches", "release.told_apart"), {"destination.observed.digests": "failed"}),
    (("confirm.artifact_matches", "release.told_apart"), {"destination.observed.digests": ABSENT}),
    (("release.told_apart",), _HIDDEN),
    (("release.told_apart",), {**_HIDDEN, "outcome.told_apart_by": "commit", "destination.may_run": [_REBUILD]}),
    (("release.told_apart",), {"outcome.told_apart_by": None}),
    # one good look proves a moment
    (("confirm.stayed_up",), {"outcome.good_since": None}),
    (("confirm.stayed_up",), {"outcome.good_since": ABSENT}),
    (("confirm.stayed_up",), {"outcome.good_since": _JUST_THEN}),
    (("confirm.stayed_up",), {"outcome.good_since": _DEPLOYED}),
    (("confirm.stayed_up",), {"outcome.good_since": _LATER_STILL}),
    (
        ("confirm.stayed_up",),
        {"outcome.status": "unchanged", "outcome.touched": False, "outcome.good_since": _JUST_THEN},
    ),
    (("confirm.artifact_matches",), {"destination.observed.artifact_id": _OTHER_ARTIFACT}),
    (
        ("confirm.artifact_matches",),
        {"destination.observed.artifact_id": None, "destination.observed.configured_artifact_id": None},
    ),
    (("confirm.artifact_matches", "release.told_apart"), {"destination.observed.reachable": False}),
    (("confirm.artifact_matches",), {"destination.observed.in_flight": None}),
    (("confirm.artifact_matches",), {"destination.observed.seen_at": _DEPLOYED}),
    (("confirm.artifact_matches", "release.told_apart"), {"destination.observed": ABSENT}),
    (("confirm.artifact_matches", "confirm.revision_live"), {"release": None}),
    (("confirm.revision_live",), {"evidence.health.destination.1.revision": _OTHER_COMMIT}),
    (("confirm.revision_live",), {"evidence.health.destination.1.status": 500}),
    (("confirm.revision_live",), {"evidence.health.destination.1.seen_at": _DEPLOYED}),
    (("confirm.revision_live",), {"evidence.health.destination.1": ABSENT}),
    (("confirm.revision_live",), {"evidence.health.destination": []}),
    (("confirm.revision_live",), {"evidence": {}}),
)
