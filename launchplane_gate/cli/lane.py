"""``lane``: what somebody decides about a lane itself: that nothing ships there, and that a record says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Changing, Group
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session

if TYPE_CHECKING:
    from launchplane_gate.line.lane_requests import LaneRequest

LANE = "PRODUCT/LANE"


@click.group(cls=Group)
def lane() -> None:
    """Hold a lane, release it, or put a record aside that keeps it from being settled.

    Each is a request: the policies say who may (`hold`, `release` and `quarantine` in `may` of an entry of `actors`),
    and it is on record with the decision that let it be.

    \b
    Examples:
      launchplane-gate lane hold sellyouroutboard/prod --reason "the database is being moved" --until 2h
      launchplane-gate lane release sellyouroutboard/prod --reason "it was moved"
      launchplane-gate lane quarantine sellyouroutboard/testing by-hand --reason "a trial that was undone"
    """


@lane.command(cls=Changing)
@click.argument("where", metavar=LANE)
@click.option("--reason", metavar="TEXT", required=True, help="Why; it is told wherever the hold refuses.")
@click.option(
    "--until",
    metavar="TIME",
    help="When it ends by itself: 2026-11-23T18:00:00+01:00, or how long it lasts: 30m, 2h, 1d12h.  "
    "[default: until it is released]",
)
@pass_session
def hold(session: Session, where: str, reason: str, until: str | None) -> Answer:
    """Let nothing be deployed to a lane, or promoted to it or from it.

    A run that has begun to deploy goes on, and is recorded. What the lane runs is left alone.

    \b
    Examples:
      launchplane-gate lane hold sellyouroutboard/prod --reason "the database is being moved" --until 2h
      launchplane-gate lane hold sellyouroutboard/prod --reason "no releases over the holidays" \\
        --until 2027-01-02T08:00:00+01:00
    """
    from launchplane_gate.report.lane_requests import held_text
    from launchplane_gate.waivers import end_of

    wanted, ends = _wanted(where, reason), end_of(until, "until") if until is not None else None
    with session.gate() as gate:
        held = gate.hold_lane(wanted, session.actor(), ends)
    return Answer({"held": held.model_dump(mode="json")}, held_text(wanted, held.hold))


@lane.command(cls=Changing)
@click.argument("where", metavar=LANE)
@click.option("--reason", metavar="TEXT", required=True, help="Why.")
@pass_session
def release(session: Session, where: str, reason: str) -> Answer:
    """End the hold on a lane, whoever holds it.

    \b
    Example:
      launchplane-gate lane release sellyouroutboard/prod --reason "it was moved"
    """
    from launchplane_gate.report.lane_requests import released_text

    wanted = _wanted(where, reason)
    with session.gate() as gate:
        released = gate.release_lane(wanted, session.actor())
    return Answer({"released": released.model_dump(mode="json")}, released_text(wanted, released))


@lane.command(cls=Changing)
@click.argument("where", metavar=LANE)
@click.argument("record", metavar="RECORD")
@click.option("--reason", metavar="TEXT", required=True, help="Why it says nothing of what the lane runs.")
@pass_session
def quarantine(session: Session, where: str, record: str, reason: str) -> Answer:
    """Put aside a deployment record that the gate did not write and that keeps a lane from being settled.

    `lanes` names it, by its id; it may be one that cannot be read. It is left as it is, and put aside as it is: should
    it change, it counts again. A deploy to the lane, or a promotion, settles it too, and proves what it runs.

    \b
    Example:
      launchplane-gate lane quarantine sellyouroutboard/testing by-hand --reason "a trial that was undone"
    """
    from launchplane_gate.report.lane_requests import put_aside_text

    wanted = _wanted(where, reason)
    with session.gate() as gate:
        put_aside = gate.quarantine_record(wanted, record, session.actor())
    return Answer({"quarantined": put_aside.model_dump(mode="json")}, put_aside_text(wanted, put_aside))


def _wanted(where: str, reason: str) -> LaneRequest:
    """Raises RequestError for what names no lane."""
    from launchplane_gate.errors import RequestError
    from launchplane_gate.line.lane_requests import LaneRequest

    product, _, instance = where.partition("/")
    if not product or not instance:
        raise RequestError(f"{where[:80]!r} is not {LANE}", hint="Nothing was done.")
    return LaneRequest(product, instance, reason)
