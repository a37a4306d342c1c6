"""Waivers, as text: which are in force, until when, and what they were used for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from launchplane_gate.commands import KEY, PROGRAM, deploying, revoking
from launchplane_gate.model import Waiver, stamp
from launchplane_gate.report.text import Block, Table
from launchplane_gate.report.words import ago, span
from launchplane_gate.waivers import Revocation, WaiverView

HEADER = ("WAIVER", "CODE", "LANE", "RELEASE", "UNTIL", "APPROVER", "USED", "REASON")


def requested_text(waiver: Waiver, approvers: Sequence[str]) -> list[Block]:
    """``approvers``: who may approve it there, and can be verified."""
    left = (waiver.expires_at - waiver.requested_at).total_seconds()
    facts = [
        ("until", f"{stamp(waiver.expires_at)}, in {span(left)}"),
        ("requested by", waiver.requested_by.subject),
        ("because", waiver.reason),
    ]
    head = f"Requested {waiver.waiver_id}: {waiver.lane} is to take {waiver.release} past {waiver.code}."
    if waiver.approval:
        return [head, Table([*facts, ("approved by", waiver.approved_by)]), *_in_use(waiver)]
    if not approvers:
        return [
            head,
            Table(facts),
            "It does not count, and nobody could approve it:",
            *nobody_text(waiver.product, waiver.lane.instance),
        ]
    text: list[Block] = [
        head,
        Table(facts),
        f"It does not count until one of these approves it: {', '.join(approvers)}.",
        f"  approve it:     {PROGRAM} waiver approve {waiver.waiver_id}",
        f"  or sign it:     {PROGRAM} waiver text {waiver.waiver_id} > {waiver.waiver_id}.txt",
        f"                  ssh-keygen -Y sign -n {PROGRAM} -f {KEY} {waiver.waiver_id}.txt",
        f"                  {PROGRAM} waiver approve {waiver.waiver_id} --signature {waiver.waiver_id}.txt.sig",
    ]
    return text


def nobody_text(product: str, instance: str) -> list[str]:
    """Where no approver could be verified: what to write into the policy's data, a line each."""
    entry = '{"subject": "alice", "verified_by": "ssh", "ssh_key": "ssh-ed25519 AAAA...", "may": ["approve"]}'
    return [
        f"  list somebody in products.{product}.actors.{instance} who can be verified, such as by an SSH key:",
        f"  {entry}",
    ]


def approved_text(waiver: Waiver) -> list[Block]:
    head = f"Approved {waiver.waiver_id}: {waiver.lane} takes {waiver.release} past {waiver.code}."
    facts = [
        ("until", stamp(waiver.expires_at)),
        ("requested by", waiver.requested_by.subject),
        ("because", waiver.reason),
        ("approved by", waiver.approved_by),
    ]
    return [head, Table(facts), *_in_use(waiver)]


def _in_use(waiver: Waiver) -> list[Block]:
    text: list[Block] = [
        f"It holds for exactly this release, and for whoever may change {waiver.lane}, but not for its approver.",
    ]
    if waiver.code == "lane.not_bypassed":
        text.append(f"  use it:         {deploying(waiver.product, waiver.lane.instance, waiver.release)}")
    return [*text, f"  end it sooner:  {revoking(waiver.waiver_id)}"]


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
            view.waiver.approved_by,
            tuple(f"{use.run_id} ({use.status})" for use in view.used_by) or "never used",
            view.waiver.reason,
        )
        for view in views
    ]
    return [Table(rows, HEADER, indent=0, prose=(-1, -2, -3, -4), names=(2, 1))]


def until(view: WaiverView, now: datetime | None = None) -> str:
    """``expires in 2 h``, or how it ended."""
    if view.revoked:
        return f"revoked {ago(view.revoked.at, now)}: {view.revoked.reason}"
    if view.state == "ended":
        return f"ended {ago(view.ends_at, now)}"
    left = datetime.fromisoformat(view.ends_at) - (now or datetime.now(view.waiver.expires_at.tzinfo))
    expires = f"expires {'soon, ' if view.ends_soon else ''}in {span(left.total_seconds())}"
    if view.state == "requested":
        return f"does not count until it is approved; {expires}"
    return f"does not count: {view.why}" if view.state == "void" else expires


def in_force(view: WaiverView, now: datetime | None = None) -> str:
    """A live waiver in one line, for the lane that it stands open on."""
    used = "" if view.used_by else ", never used"
    return f"waived: {view.waiver.code} for {view.waiver.release}, {until(view, now)}{used}"
