"""What was decided about a lane itself, as text: what it means, and what to type next."""

from __future__ import annotations

from datetime import datetime

from launchplane_gate.commands import looking_at, releasing
from launchplane_gate.line.lane_requests import LaneRequest, PutAside, Released
from launchplane_gate.model import Hold
from launchplane_gate.report.text import Block, Table
from launchplane_gate.report.words import ago, brief, span


def held_text(wanted: LaneRequest, hold: Hold, now: datetime | None = None) -> list[Block]:
    facts = [("until", until(hold, now)), ("by", hold.subject), ("because", hold.reason)]
    return [
        f"Held: {wanted.product}/{wanted.lane}. Nothing is deployed to it, or promoted from it.",
        Table(facts),
        f"  end it sooner:  {releasing(wanted.product, wanted.lane)}",
    ]


def released_text(wanted: LaneRequest, released: Released, now: datetime | None = None) -> list[Block]:
    lane, hold = f"{wanted.product}/{wanted.lane}", released.hold
    return [
        f"Released: {lane}. {hold.subject} held it, {ago(hold.since, now)}: {hold.reason}",
        f"  {released.reason}",
        f"  what it runs, and what is next:  {looking_at(wanted.product)}",
    ]


def put_aside_text(wanted: LaneRequest, put_aside: PutAside) -> list[Block]:
    """With how the lane stands now."""
    lane = f"{wanted.product}/{wanted.lane}"
    text: list[Block] = [
        f"Put aside: the deployment record {put_aside.record_id} of {lane}, as it is now.",
        f"  {put_aside.reason}",
    ]
    if put_aside.settled:
        return [*text, f"{lane} is settled."]
    return [
        *text,
        f"{lane} is still unsettled: {brief(put_aside.why)}",
        f"  what settles it:  {looking_at(wanted.product)}",
    ]


def until(hold: Hold, now: datetime | None = None) -> str:
    """``2026-05-07T12:00:00Z, in 2 h``; ``it is released`` for one that does not end by itself."""
    if not hold.until:
        return "it is released"
    try:
        left = datetime.fromisoformat(hold.until) - (now or datetime.now().astimezone())
    except (ValueError, TypeError):
        return hold.until
    return f"{hold.until}, in {span(left.total_seconds())}"
