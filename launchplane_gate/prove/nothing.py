"""A lane that no release was ever recorded on: nothing is to run there, and whatever is seen to is odd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from launchplane_gate.errors import GateError
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Question
from launchplane_gate.lane_records import LaneRecords
from launchplane_gate.ledger import Row
from launchplane_gate.model import Lane, Observation
from launchplane_gate.prove.places import look, samples_at
from launchplane_gate.prove.proof import Identity
from launchplane_gate.records import ProductProfile

RUNS = "it runs, and nothing was ever recorded here"


def is_empty(gate: Gate, records: LaneRecords, last: Row | None) -> bool:
    """Whether neither the records nor the ledger know of anything that ever ran on a lane."""
    known = records.inventory or records.unreadable or records.others or records.lost or last
    return not known and not gate.ledger.behind_its_mark()


def nothing(gate: Gate, profile: ProductProfile, lane: Lane) -> Iterator[Identity]:
    """What platform and health URLs show of a lane that is to be empty."""
    yield Identity(what="inventory", where=str(lane), state="empty", detail="nothing was ever recorded here")
    driver_id, seen, said = look(gate, profile, lane)
    yield from said
    if seen:
        yield _running(seen, driver_id)
    question = Question("confirm", profile, None, lane, None, gate.gather_timeout_s)
    found = gate.plugins.evidence_or_why(question).get("health")
    for url, samples in samples_at(profile.health_urls(lane.context, lane.instance), found):
        yield _answering(url, samples, found)


def _running(seen: Observation, driver_id: str) -> Identity:
    shown = next((one.artifact_id for one in seen.containers if one.artifact_id), seen.artifact_id)
    set_to = seen.configured_artifact_id
    if seen.containers or seen.artifact_id:
        return Identity(what="runs", where=driver_id, artifact_id=shown, state="odd", detail=RUNS)
    if seen.digests == "failed":
        why = f"what runs could not be read; {seen.detail}"
        return Identity(what="runs", where=driver_id, state="unknown", detail=why)
    if seen.digests == "not_shown" and set_to:
        why = "whether it runs is not shown"
        return Identity(what="set to run", where=driver_id, artifact_id=set_to, state="unknown", detail=why)
    if seen.digests == "not_shown":
        return Identity(what="runs", where=driver_id, state="unseen", detail=seen.lacks or seen.detail or "what runs")
    return Identity(what="runs", where=driver_id, state="empty", detail=seen.detail or "nothing runs")


def _answering(url: str, samples: list[Mapping[str, Any]], found: Any) -> Identity:
    """A server in front of a lane may say that there is nothing behind it: only a good answer is one of the lane."""
    if isinstance(found, GateError):
        return Identity(what="health", where=url, state="unknown", detail=str(found))
    if not samples:
        return Identity(what="health", where=url, state="unseen", detail="no plugin asks it")
    last = samples[-1]
    if revision := last.get("revision"):
        return Identity(what="health", where=url, source_git_ref=str(revision), state="odd", detail=RUNS)
    status, detail = last.get("status"), str(last.get("detail") or "")
    if isinstance(status, int) and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Identity(what="health", where=url, state="unknown", detail=f"something answers: {detail}")
    return Identity(what="health", where=url, state="empty", detail=detail or "nothing answers")
