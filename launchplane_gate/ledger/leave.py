"""The waivers of a lane, as the entries of its chain add up to them."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from launchplane_gate.ledger import tables
from launchplane_gate.ledger.entry import Entry, body_in
from launchplane_gate.model import Lane, ReleaseIdentity, Waiver, WaiverApproval

REQUESTED = "waiver_requested"
APPROVED = "waiver_approved"
REVOKED = "waiver_revoked"
FROM_BEFORE = "waiver"  # granted, with an approver who was only named
KINDS = (FROM_BEFORE, REQUESTED, APPROVED, REVOKED)


def waivers_in(connection: sa.Connection, lane: Lane, release: ReleaseIdentity | None) -> list[Waiver]:
    """Every waiver for a release on a lane but the revoked ones, each with its approval if it has one."""
    rows = connection.execute(tables.WAIVERS, tables.of_lane(lane)).all()
    return [
        waiver
        for waiver in joined((kind, subject, body_in(body)) for kind, subject, body in rows)
        if waiver.release == release
    ]


def waivers_of(entries: Iterable[Entry]) -> list[Waiver]:
    """Every waiver that some entries tell of, the revoked ones, too."""
    return joined((entry.kind, entry.subject, entry.body) for entry in entries)


def joined(told: Iterable[tuple[str, str, dict[str, object]]]) -> list[Waiver]:
    waivers: dict[str, Waiver] = {}
    for kind, waiver_id, body in told:
        if kind in (FROM_BEFORE, REQUESTED):
            waivers[waiver_id] = Waiver.model_validate(body["waiver"] if kind == REQUESTED else body)
        elif kind == APPROVED and waiver_id in waivers:
            approval = WaiverApproval.model_validate(body["approval"])
            waivers[waiver_id] = waivers[waiver_id].model_copy(update={"approval": approval})
    return list(waivers.values())
