"""Waivers, as text: which are in force, until when, and what they were used for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from launchplane_gate.lanes import PROGRAM, deploying
from launchplane_gate.model import Waiver, stamp
from launchplane_gate.report.text import Block, Table
from launchplane_gate.report.words import ago, span
from launchplane_gate.waivers import Revocation, WaiverView

HEADER = ("WAIVER", "CODE", "LANE", "RELEASE", "UNTIL", "APPROVER", "USED", "REASON")


def granted_text(waiver: Waiver, product: str) -> list[Block]:
    left = (waiver.expires_at - waiver.granted_at).total_seconds()
    facts = [
        ("until", f"{stamp(waiver.expires_at)}, in {span(left)}"),
        ("approved by", waiver.approver),
        ("granted by", waiver.granted_by.subject),
        ("because", waiver.reason),
    ]
    text: list[Block] = [
        f"Granted {waiver.waiver_id}: {waiver.lane} takes {waiver.release} past {waiver.code}.",
        Table(facts),
        f"It holds for exactly this release, and for whoever may change {waiver.lane}, but not for its approver.",
    ]
    if waiver.code == "lane.not_bypassed":
        text.append(f"  use it:         {deploying(product, waiver.lane.instance, waiver.release)}")
    return [*text, f"  end it sooner:  {PROGRAM} waiver revoke {waiver.waiver_id} --reason ..."]


def revoked_text(waiver: Waiver, revocation: Revocation) -> list[Block]:
    return [
        f"Revoked {waiver.waiver_id}: {waiver.code} holds again for {waiver.release} on {waiver.lane}.",
        f"  {revocation.reason}",
    ]


def waivers_text(views: Sequence[WaiverView], now: datetime | None = None) -> list[Block]:
    rows = [
        (
            view.waiver.waiver_id,
            view.waiver.code,
            str(view.waiver.lane),
            str(view.waiver.release),
            until(view, now),
            view.waiver.approver,
            tuple(f"{use.run_id} ({use.status})" for use in view.used_by) or "never used",
            view.waiver.reason,
        )
        for view in views
    ]
    return [Table(rows, HEADER, indent=0)]


def until(view: WaiverView, now: datetime | None = None) -> str:
    """``expires in 2 h``, or how it ended."""
    if view.revoked:
        return f"revoked {ago(view.revoked.at, now)}: {view.revoked.reason}"
    if view.state == "ended":
        return f"ended {ago(view.ends_at, now)}"
    left = datetime.fromisoformat(view.ends_at) - (now or datetime.now(view.waiver.expires_at.tzinfo))
    expires = f"expires {'soon, ' if view.ends_soon else ''}in {span(left.total_seconds())}"
    return f"does not count: {view.why}" if view.state == "void" else expires


def in_force(view: WaiverView, now: datetime | None = None) -> str:
    """A live waiver in one line, for the lane that it stands open on."""
    used = "" if view.used_by else ", never used"
    return f"waived: {view.waiver.code} for {view.waiver.release}, {until(view, now)}{used}"
