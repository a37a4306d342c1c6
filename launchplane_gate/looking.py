"""A look at what a lane runs: its platform, what it was confirmed on, and what it may run for all that is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from launchplane_gate import strictjson
from launchplane_gate.bounded import NoAnswerInTime, answer_of, start
from launchplane_gate.errors import EvidenceFailed
from launchplane_gate.evidence import NoEvidence, as_evidence
from launchplane_gate.hookspecs import Driver
from launchplane_gate.lane_records import LaneRecords
from launchplane_gate.ledger import Ledger, Row
from launchplane_gate.model import Contract, Lane, Observation, ReleaseIdentity
from launchplane_gate.policy_input import MayRun
from launchplane_gate.urls import without_query


@dataclass(frozen=True)
class Seen:
    """A look at a lane's platform, and since when each look found the same containers."""

    observed: Observation
    steady_since: str | None = None


def observe(driver: Driver, lane: Lane, *, within_s: float) -> Observation:
    """Raises EvidenceFailed where the driver cannot observe the lane in time, or says what is no observation."""
    try:
        observed = answer_of(start(lambda: driver.observe(lane), f"observe {lane}"), within_s)
    except NoAnswerInTime as error:
        raise EvidenceFailed(f"the driver {driver.driver_id} did not say what {lane} runs: {error}") from None
    except Exception as error:
        raise EvidenceFailed(
            f"the driver {driver.driver_id} could not observe {lane}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(observed, Observation):
        raise EvidenceFailed(f"the driver {driver.driver_id} answered with {type(observed).__name__}")
    try:
        as_evidence(observed)
    except NoEvidence as error:
        what = f"what the driver {driver.driver_id} says of {lane} cannot be put to the policies: {error}"
        raise EvidenceFailed(what) from None
    return observed


def difference(observed: Observation, recorded: str | None) -> str:
    """How what a platform shows differs from the artifact that was recorded; empty where it does not.

    Whether it shows digests or not.
    """
    if not observed.reachable:
        return f"the platform cannot be reached: {observed.detail}"
    seen = (observed.artifact_id, observed.configured_artifact_id, observed.containers)
    if not recorded and not any(seen):
        return ""
    if observed.digests == "failed":
        return f"what runs cannot be read: {observed.detail}"
    if observed.digests == "shown":
        shown = {container.artifact_id for container in observed.containers}
        if shown == ({recorded} if recorded else set()):
            return ""
        named = " and ".join(sorted(artifact or "what has no digest" for artifact in shown))
        is_seen = "are seen running" if len(shown) > 1 else "is seen running"
        return f"{named or 'nothing'} {is_seen}" + ("" if shown else f": {observed.detail}")
    set_to = observed.artifact_id or observed.configured_artifact_id
    if set_to == recorded:
        return ""
    return f"it is set to run {set_to}" if set_to else f"nothing is seen running: {observed.detail}"


class Reported(Contract):
    """What one health URL of a lane answers; ``detail`` says why no revision is known."""

    url: str
    revision: str | None
    detail: str = ""


def reported(samples: Iterable[Mapping[str, Any]]) -> tuple[Reported, ...]:
    """The answers, each once."""
    told: dict[Reported, None] = {}
    for sample in samples:
        revision = sample.get("revision")
        why = "" if isinstance(revision, str) else str(sample.get("detail") or "it reports no revision")
        known = revision if isinstance(revision, str) else None
        told[Reported(url=without_query(str(sample.get("url"))), revision=known, detail=why)] = None
    return tuple(told)


def held_against(
    recorded: ReleaseIdentity | None, observed: Observation, health: tuple[Reported, ...]
) -> tuple[Literal["as recorded", "drifted", "unknown"], str]:
    """Whether a lane is as its inventory says, by what its platform and its health URLs show now, and why not."""
    differs = difference(observed, recorded.artifact_id if recorded else None)
    if not observed.reachable or observed.digests == "failed":
        return "unknown", differs
    if differs:
        return "drifted", differs
    if recorded is None:
        return "as recorded", ""
    if other := [one for one in health if one.revision not in (None, recorded.source_git_ref)]:
        return "drifted", f"health reports {other[0].revision} at {other[0].url}"
    silent = [one for one in health if one.revision is None]
    if silent or not health:
        return "unknown", f"what health reports is not known: {silent[0].detail if silent else 'no URL was asked'}"
    return "as recorded", ""


def containers_in(observed: Observation) -> list[list[str | int | None]] | None:
    """The running containers as they are compared with those of another look; None where they could not be read."""
    if observed.digests == "failed" or not observed.reachable:
        return None
    return sorted(
        ([c.container_id, c.started_at, c.restarts, c.artifact_id] for c in observed.containers), key=strictjson.dumps
    )


def confirmed_on(ledger: Ledger, last: Row | None) -> tuple[list[list[str | int | None]] | None, str | None]:
    """The containers that a lane's last run was confirmed on, and since when all was good with them."""
    if last is None or last.status != "recorded":
        return None, None
    body = ledger.body_of(last.run_id, "confirmed") or {}
    return body.get("containers"), body.get("good_since")


def may_run(
    records: LaneRecords,
    ledger: Ledger,
    ran: tuple[ReleaseIdentity | None, list[ReleaseIdentity]],
    observed: Observation | None,
    samples: Iterable[Mapping[str, Any]] = (),
) -> list[MayRun]:
    """What a lane may run for all that is known, each once. ``ran``: see ``Ledger.runs_since_recorded``.

    Its recorded release (of a torn inventory, what the ledger last recorded), those of later runs that touched it, what
    the platform shows and is set to, and what the lane's health reports, where no other names that commit.
    """
    recorded, later = ran
    named = [records.release] if not records.unreadable else []
    if records.inventory is None or records.unreadable:
        named += [recorded]
    found: dict[tuple[str | None, str | None], None] = {
        (release.artifact_id, release.source_git_ref): None for release in [*named, *later] if release
    }
    shown = [observed.artifact_id, observed.configured_artifact_id] if observed else []
    shown += [container.artifact_id for container in observed.containers] if observed else []
    for artifact in shown:
        if artifact and artifact not in {known for known, _ in found}:
            found[artifact, ledger.commit_of(artifact)] = None
    reported = {sample.get("revision") for sample in samples}
    for revision in sorted(text for text in reported if isinstance(text, str) and text):
        if revision not in {commit for _, commit in found}:
            found[None, revision] = None
    return [MayRun(artifact_id=artifact, source_git_ref=commit) for artifact, commit in found]
