"""The facts of a lane as a confirmed run leaves them: what an input would hold, had somebody just deployed there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from launchplane_gate.authoring.changes import MISSING, Change
from launchplane_gate.authoring.explain.asked import Asked, urls_of
from launchplane_gate.model import ReleaseIdentity, stamp

TO_COME = "to-come"  # in place of the ids of a run that nobody has made yet
_TAKES = timedelta(seconds=2)  # beside what it has to stay good for


def running(asked: Asked, side: str, release: ReleaseIdentity) -> tuple[Change, ...]:
    """What changes where a run of this release on that lane is confirmed and recorded, and it is asked again.

    A promotion ships what its source runs. What the destination ran was looked up for the release at hand alone: of
    another one it is not known, and so is no fact any more.
    """
    began = asked.now
    if began is None:
        return ()
    settle_s = asked.settings.settle_s(asked.text("driver", "driver_id"), asked.product)
    confirmed = began + timedelta(seconds=settle_s) + _TAKES
    changes = [
        *asked.is_asked_at(confirmed),
        *shown(asked, side, release, since=stamp(began), seen_at=stamp(confirmed)),
    ]
    ran = {"artifact_id": release.artifact_id, "source_git_ref": release.source_git_ref}
    lane = {"context": asked.text(side, "lane", "context"), "instance": asked.lane(side)}
    changes += [
        Change((side, "inventory"), _inventory(asked, side, release, stamp(began))),
        Change((side, "deployments"), [_deployment(lane, ran, stamp(began))]),
        Change((side, "run"), _recorded(asked, side, ran, stamp(confirmed))),
    ]
    if side == "source" and asked.action == "promote":
        changes.append(Change(("release",), ran))
        if asked.release not in (None, release):
            changes += [Change(("destination", name), MISSING) for name in ("history", "rolled_back")]
    return tuple(changes)


def shown(asked: Asked, side: str, release: ReleaseIdentity, *, since: str, seen_at: str) -> list[Change]:
    """What changes where a lane is seen to run a release, and nothing else, since a moment."""
    samples = [
        {"url": url, "status": 200, "revision": release.source_git_ref, "seen_at": seen_at, "detail": ""}
        for url in urls_of(asked, side)
        for _ in range(asked.settings.thresholds_of(asked.product).get("health_matches", 1))
    ]
    health = asked.at("evidence", "health")
    return [
        Change((side, "observed"), _observed(asked, side, release, since, seen_at)),
        Change((side, "steady_since"), since),
        Change(("evidence", "health"), {**(health if isinstance(health, Mapping) else {}), side: samples}),
    ]


def reported(asked: Asked, side: str) -> set[object]:
    """The commits that the health URLs of a lane reported, as far as they were asked."""
    samples = asked.at("evidence", "health", side)
    told = samples if isinstance(samples, list | tuple) else ()
    return {sample.get("revision") for sample in told if isinstance(sample, Mapping)}


def _observed(asked: Asked, side: str, release: ReleaseIdentity, since: str, seen_at: str) -> dict[str, Any]:
    """By digest, where the platform shows them by now."""
    shows = asked.at(side, "observed", "digests") == "shown"
    container = {"container_id": TO_COME, "artifact_id": release.artifact_id, "started_at": since, "restarts": 0}
    return {
        "seen_at": seen_at,
        "reachable": True,
        "artifact_id": release.artifact_id if shows else None,
        "configured_artifact_id": release.artifact_id,
        "digests": "shown" if shows else "not_shown",
        "containers": [{**container, "state": "running"}] if shows else [],
        "in_flight": False,
        "lacks": asked.text(side, "observed", "lacks"),
    }


def _inventory(asked: Asked, side: str, release: ReleaseIdentity, at: str) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "context": asked.text(side, "lane", "context"),
        "instance": asked.lane(side),
        "artifact_identity": {"artifact_id": release.artifact_id, "manifest_version": 1},
        "source_git_ref": release.source_git_ref,
        "deploy": {
            "target_name": TO_COME,
            "target_type": "application",
            "deploy_mode": TO_COME,
            "status": "pass",
            "started_at": at,
            "finished_at": at,
        },
        "updated_at": at,
        "deployment_record_id": TO_COME,
    }


def _deployment(lane: Mapping[str, str], ran: Mapping[str, str], at: str) -> dict[str, Any]:
    return {
        **lane,
        **ran,
        "record_id": TO_COME,
        "status": "pass",
        "started_at": at,
        "finished_at": at,
        "touched": True,
        "older": False,
        "first_seen": None,
    }


def _recorded(asked: Asked, side: str, ran: Mapping[str, str], at: str) -> dict[str, Any]:
    action = "promote" if side == "destination" and asked.action == "promote" else "deploy"
    last = {"run_id": TO_COME, "action": action, "status": "recorded", **ran, "at": at}
    return {"settled": True, "open": False, "why": "its last run was recorded", "last": last, "confirmed_at": at}
