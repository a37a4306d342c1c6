"""Requests about a lane itself, on record: that nothing ships there for now, and that a record says nothing of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from launchplane_gate.commands import looking_at, releasing, showing
from launchplane_gate.errors import PastLost, RequestError
from launchplane_gate.lane_records import LaneRecords, find_deployment, read_lane, sighting
from launchplane_gate.ledger import ASIDE, DEPLOYMENTS, Sighting
from launchplane_gate.line.parts import Parts, find_lane
from launchplane_gate.line.standing import Asked, ask_or_raise, refuse_stranger
from launchplane_gate.model import Action, Actor, Contract, Hold, Lane, stamp
from launchplane_gate.on_record import on_record, spends
from launchplane_gate.settled import settled
from launchplane_gate.waivers import after, wrong_reason

NOTHING_DONE = "Nothing was done."


class Held(Contract):
    """A hold that somebody put on a lane."""

    lane: Lane
    hold: Hold
    by: Actor


class Released(Contract):
    """A hold that somebody ended."""

    lane: Lane
    hold: Hold
    by: Actor
    at: str
    reason: str


class PutAside(Contract):
    """A record that says nothing of its lane any more, as it was then; ``detail``: why it cannot be read, if it cannot.

    ``settled`` and ``why`` say how the lane stands since.
    """

    lane: Lane
    record_id: str
    digest: str
    detail: str
    by: Actor
    at: str
    reason: str
    settled: bool
    why: str


@dataclass(frozen=True)
class LaneRequest:
    """What somebody wants of a lane, which is named by instance, and why."""

    product: str
    lane: str
    reason: str


def hold(parts: Parts, wanted: LaneRequest, actor: Actor, until: datetime | timedelta | None) -> Held:
    """See Gate.hold_lane."""
    lane, reason = _named(parts, "hold", wanted, actor)
    asked = str(until)  # how long, or until which moment: a repeat of it says the same
    if until is not None:
        until = _later(until, parts.ledger.now())
    stands = _allowed(parts, "hold", wanted, actor, until=asked)
    ends = None if until is None else stamp(until)
    wished = Hold(reason=reason, subject=actor.subject, since=stamp(parts.ledger.now()), until=ends)
    if not parts.ledger.put_hold(lane, wished, {"by": actor.model_dump(), **stands}):
        raise _is_held(lane, parts.ledger.hold_on(lane), wanted.product)
    return Held(lane=lane, hold=wished, by=actor)


def release(parts: Parts, wanted: LaneRequest, actor: Actor) -> Released:
    """See Gate.release_lane."""
    lane, reason = _named(parts, "release", wanted, actor)
    stands = _allowed(parts, "release", wanted, actor)
    if (held := parts.ledger.hold_on(lane)) is None:
        raise RequestError(f"{lane} is not held: there is nothing to release", hint=NOTHING_DONE)
    released = Released(lane=lane, hold=held, by=actor, at=stamp(parts.ledger.now()), reason=reason)
    told = released.model_dump(mode="json", include={"by", "at", "reason"})
    if not parts.ledger.end_hold(lane, {**told, **stands}, seen=held):
        raise RequestError(f"the hold on {lane} ended just now, or another one is there", hint=NOTHING_DONE)
    return released


def quarantine(parts: Parts, wanted: LaneRequest, record_id: str, actor: Actor) -> PutAside:
    """See Gate.quarantine_record."""
    lane, reason = _named(parts, "quarantine", wanted, actor)
    stands = _allowed(parts, "quarantine", wanted, actor, record_id=record_id)
    with parts.ledger.snapshot():
        records = read_lane(parts.store, parts.ledger, lane)
    if records.lost:
        raise PastLost(records.lost)  # which no record that is put aside may hide
    stored = next((one for one in records.others if one.record_id == record_id), None)
    if stored is None:
        raise _not_to_be_put_aside(parts, wanted.product, records, record_id)
    seen, at = sighting(DEPLOYMENTS, stored), stamp(parts.ledger.now())
    told = {"by": actor.model_dump(), "at": at, "reason": reason, "detail": seen.detail}
    parts.ledger.quarantine(lane, seen, {**told, **stands})
    with parts.ledger.snapshot():
        records = read_lane(parts.store, parts.ledger, lane)
        is_settled, why = settled(records, parts.ledger, parts.ledger.last_effective(lane))
    return PutAside(
        lane=lane,
        record_id=record_id,
        digest=seen.digest,
        detail=seen.detail,
        by=actor,
        at=at,
        reason=reason,
        settled=is_settled,
        why="" if is_settled else why,
    )


# -- what can be no request


def _named(parts: Parts, action: Action, wanted: LaneRequest, actor: Actor) -> tuple[Lane, str]:
    """The lane, and the reason. Raises StandingRefused for a stranger, RequestError."""
    refuse_stranger(parts, action, actor)
    lane = find_lane(parts.profile(wanted.product), wanted.lane)
    if wrong := wrong_reason(reason := wanted.reason.strip()):
        raise RequestError(wrong, hint=NOTHING_DONE)
    return lane, reason


def _allowed(parts: Parts, action: Action, wanted: LaneRequest, actor: Actor, **further: str) -> dict[str, Any]:
    """What the ledger keeps of the decision that let it be, and what that spends. Raises StandingRefused."""
    asked = Asked(action, wanted.product, wanted.lane, reason=wanted.reason.strip())
    stands = ask_or_raise(parts, asked, actor)
    decided = on_record(parts.ledger, parts.bundle, stands.decision, stands.facts)
    return decided | spends(actor, action, {**vars(wanted), **further})


def _later(until: datetime | timedelta, now: datetime) -> datetime:
    """Raises RequestError for a moment that is no later one."""
    if isinstance(until, timedelta):
        return after(until, now, "until: a hold")
    if until.utcoffset() is None:
        raise RequestError(f"until: {until.isoformat()} has no zone", hint=NOTHING_DONE)
    if until <= now:
        raise RequestError(f"until: {until.isoformat()} is past; it is {stamp(now)}", hint=NOTHING_DONE)
    try:
        return until.astimezone(UTC)
    except OverflowError:
        raise RequestError(f"until: {until.isoformat()} is after the last moment there is", hint=NOTHING_DONE) from None


def _is_held(lane: Lane, held: Hold | None, product: str) -> RequestError:
    if held is None:
        return RequestError(f"{lane} was held until just now", hint="Nothing was done. Hold it again.")
    ends = f" until {held.until}" if held.until else ""
    what = f"{lane} is held already, by {held.subject} since {held.since}{ends}: {held.reason}"
    return RequestError(
        what, hint=f"Nothing was done. To hold it otherwise, release it first: `{releasing(product, lane.instance)}`"
    )


def _not_to_be_put_aside(parts: Parts, product: str, records: LaneRecords, record_id: str) -> RequestError:
    """Why a deployment record cannot be put aside, and what to do instead."""
    lane, ledger = records.lane, parts.ledger
    what, cure = f"the deployment record {record_id[:200]!r}", f"`{looking_at(product)}` names the command."
    name = f"{DEPLOYMENTS}{record_id}"
    place = ledger.places(lane, [Sighting(name, "")]).get(name)
    if record_id and record_id == records.named:
        return RequestError(
            f"{lane} rests on {what}, which its inventory names: it cannot be put aside",
            hint=f"Nothing was done. Deploy or promote to {lane} again, which writes another one: {cure}",
        )
    if place and place.run_id:
        return RequestError(
            f"the gate wrote {what} itself, in its run {place.run_id}: it cannot be put aside",
            hint=f"Nothing was done. `{showing(place.run_id)}` tells what became of that run. Where it left "
            f"{lane} unsettled, a deploy or promotion settles it: {cure}",
        )
    stored = find_deployment(parts.store, lane, record_id)
    if stored is None:
        left = ", ".join(one.record_id for one in records.others) or "none does"
        return RequestError(
            f"{lane} has no {what.removeprefix('the ')}",
            hint=f"Nothing was done. Of those that the gate did not write, these unsettle {lane} now: {left}.",
        )
    seen = sighting(DEPLOYMENTS, stored)
    place = ledger.places(lane, [seen]).get(seen.name)
    is_aside = place is not None and place.position == ASIDE
    since = (
        f"was put aside at {place.seen_at}" if place and is_aside else "is older than the one that the inventory names"
    )
    return RequestError(
        f"{what} of {lane} {since} already: it unsettles nothing",
        hint=f"Nothing was done, and there is nothing to do about it. How {lane} stands: `{looking_at(product)}`.",
    )
