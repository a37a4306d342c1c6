"""The waivers of a lane, as the entries of its chain add up to them, and the holds on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import sqlalchemy as sa

from launchplane_gate.ledger import tables
from launchplane_gate.ledger.chain import Chain, Entering, Head
from launchplane_gate.ledger.entry import Entry
from launchplane_gate.ledger.kept import body_in
from launchplane_gate.model import Hold, Lane, ReleaseIdentity, Waiver, WaiverApproval

REQUESTED = "waiver_requested"
APPROVED = "waiver_approved"
REVOKED = "waiver_revoked"
FROM_BEFORE = "waiver"  # granted, with an approver who was only named
KINDS = (FROM_BEFORE, REQUESTED, APPROVED, REVOKED)
HELD = "lane_held"
FREED = "lane_released"

_IDS = tables.waivers.c.waiver_id.in_(sa.bindparam("of_waivers", expanding=True))
_OF_RELEASE = sa.select(tables.waivers.c.waiver_id).where(
    *tables.is_lane(tables.waivers),
    tables.waivers.c.artifact_id == sa.bindparam("of_artifact"),
    tables.waivers.c.source_git_ref == sa.bindparam("of_commit"),
    sa.not_(tables.waivers.c.is_over),
)
_LIVE = sa.select(tables.waivers.c.waiver_id).where(
    *tables.is_lane(tables.waivers),
    tables.waivers.c.expires > sa.bindparam("of_now"),
    sa.not_(tables.waivers.c.is_over),
)
_OVER = sa.select(tables.waivers.c.waiver_id).where(_IDS, tables.waivers.c.is_over)
_ENTRIES = (
    sa.select(tables.entries.c.kind, tables.entries.c.subject, tables.entries.c.body)
    .where(tables.entries.c.subject.in_(sa.bindparam("of_waivers", expanding=True)), tables.entries.c.kind.in_(KINDS))
    .order_by(tables.entries.c.number)
)
_USES = (
    sa.select(tables.waiver_uses.c.waiver_id, tables.runs.c.run_id, tables.runs.c.status)
    .join(tables.runs, tables.runs.c.run_id == tables.waiver_uses.c.run_id)
    .where(tables.waiver_uses.c.waiver_id.in_(sa.bindparam("of_waivers", expanding=True)))
    .order_by(tables.runs.c.number)
)
_USE = sa.select(tables.waiver_uses).where(
    tables.waiver_uses.c.waiver_id == sa.bindparam("of_waiver"), tables.waiver_uses.c.run_id == tables.RUN
)
_END = tables.waivers.update().where(tables.waivers.c.waiver_id == sa.bindparam("of_waiver")).values(is_over=True)
_VOID = tables.waivers.update().where(*tables.is_lane(tables.waivers)).values(is_over=True)
_HOLD_ON = sa.select(tables.lanes.c.hold).where(*tables.is_lane(tables.lanes))
_HOLD = tables.UPDATE_LANE.values(hold=sa.bindparam("to_hold"))


class Leave(Chain):
    """The room of the ledger for what lets a rule be passed, and for what lets nothing pass."""

    def save_waiver(self, waiver: Waiver, body: Mapping[str, Any]) -> None:
        """``body``: who requested it, and the decision that let them."""
        told = {**body, "waiver": waiver.model_dump(mode="json")}

        def work(at: Entering) -> Head:
            at.connection.execute(tables.waivers.insert(), row_of(waiver))
            return self._append(at, REQUESTED, waiver.waiver_id, told)

        self._enter(waiver.lane, work)

    def approve_waiver(self, waiver: Waiver, body: Mapping[str, Any]) -> bool:
        """Let a waiver count; False where it was approved or revoked before."""
        return self._once(waiver, APPROVED, {APPROVED, REVOKED, FROM_BEFORE}, body)

    def revoke_waiver(self, waiver: Waiver, body: Mapping[str, Any]) -> bool:
        """End a waiver from here on; False where somebody did so before."""
        return self._once(waiver, REVOKED, {REVOKED}, body)

    def _once(self, waiver: Waiver, kind: str, bars: Set[str], body: Mapping[str, Any]) -> bool:
        is_over = False

        def work(at: Entering) -> Head:
            nonlocal is_over
            done = {row.kind for row in at.connection.execute(_ENTRIES, {"of_waivers": [waiver.waiver_id]})}
            is_over = bool(done & bars) or bool(over_among(at.connection, {waiver.waiver_id}))
            if is_over:
                return Head(at.row.lane, at.row.length, at.row.head)
            if kind == REVOKED:
                at.connection.execute(_END, {"of_waiver": waiver.waiver_id})
            return self._append(at, kind, waiver.waiver_id, body)

        self._enter(waiver.lane, work)
        return not is_over

    def waivers(self, lane: Lane, release: ReleaseIdentity | None) -> list[Waiver]:
        """Every waiver for a release on a lane but those that are over; none for a release that is not known."""
        if release is None:
            return []
        about = tables.of_lane(lane, of_artifact=release.artifact_id, of_commit=release.source_git_ref)
        with self._read() as connection:
            return _read(connection, connection.execute(_OF_RELEASE, about).scalars().all())

    def live_waivers(self, lane: Lane) -> list[Waiver]:
        """Those of a lane that have not ended, approved or not."""
        with self._read() as connection:
            about = tables.of_lane(lane, of_now=self.now().timestamp())
            return _read(connection, connection.execute(_LIVE, about).scalars().all())

    def over(self, waivers: Iterable[Waiver]) -> set[str]:
        """The ids of those that were revoked, or are from before a past that was lost."""
        with self._read() as connection:
            return over_among(connection, {waiver.waiver_id for waiver in waivers})

    def uses_of_waivers(self, waivers: Iterable[Waiver]) -> list[tuple[str, str, str]]:
        """Which run's decision used which waiver, the oldest first: the waiver's id, the run's, and its status."""
        ids = [waiver.waiver_id for waiver in waivers]
        with self._read() as connection:
            return [(row.waiver_id, row.run_id, row.status) for row in connection.execute(_USES, {"of_waivers": ids})]

    # -- holds

    def put_hold(self, lane: Lane, hold: Hold, body: Mapping[str, Any]) -> bool:
        """Let nothing be deployed to a lane, or promoted from it; False where a hold is on it already.

        It lasts until it is released, or ends by itself. ``body``: who put it, and what let them.
        """
        return self._change_hold(lane, HELD, hold, {**body, "hold": hold.model_dump(mode="json")})

    def end_hold(self, lane: Lane, body: Mapping[str, Any], *, seen: Hold | None = None) -> bool:
        """Let a lane be used again; False where the hold that was ``seen`` on it is not the one there any more."""
        return self._change_hold(lane, FREED, None, body, seen=seen)

    def _change_hold(
        self, lane: Lane, kind: str, hold: Hold | None, body: Mapping[str, Any], *, seen: Hold | None = None
    ) -> bool:
        is_changed = False

        def work(at: Entering) -> Head:
            nonlocal is_changed
            found = self._in_force(at.row.hold)
            is_changed = found is None if hold else seen is None or found == seen
            if not is_changed:
                return Head(lane, at.row.length, at.row.head)
            at.row.hold = hold and hold.model_dump_json()
            at.connection.execute(_HOLD, tables.of_lane(lane, to_hold=at.row.hold))
            return self._append(at, kind, str(lane), body)

        self._enter(lane, work)
        return is_changed

    def hold_on(self, lane: Lane) -> Hold | None:
        """The hold on a lane; None where there is none, or it has ended by itself, by the ledger's clock."""
        with self._read() as connection:
            hold = connection.execute(_HOLD_ON, tables.of_lane(lane)).scalar()
        return self._in_force(hold)

    def _in_force(self, text: str | None) -> Hold | None:
        hold = Hold.model_validate_json(text) if text else None
        return None if hold is None or (hold.until and hold.is_over(self.now())) else hold


def row_of(waiver: Waiver) -> dict[str, Any]:
    return {
        "waiver_id": waiver.waiver_id,
        "context": waiver.lane.context,
        "instance": waiver.lane.instance,
        **waiver.release.model_dump(),
        "expires": waiver.expires_at.timestamp(),
        "is_over": False,
    }


def over_among(connection: sa.Connection, waiver_ids: Set[str]) -> set[str]:
    """Those that were revoked, or are from before a past that was lost."""
    return set(connection.execute(_OVER, {"of_waivers": sorted(waiver_ids)}).scalars())


def void(connection: sa.Connection, lane: Lane) -> None:
    """End every waiver of a lane: nobody knows which of them were revoked in a past that was lost."""
    connection.execute(_VOID, tables.of_lane(lane))


def note_use(connection: sa.Connection, waiver_id: str, run_id: str) -> None:
    if connection.execute(_USE, {"of_waiver": waiver_id, "of_run": run_id}).first() is None:
        connection.execute(tables.waiver_uses.insert(), {"waiver_id": waiver_id, "run_id": run_id})


def _read(connection: sa.Connection, waiver_ids: Sequence[str]) -> list[Waiver]:
    if not waiver_ids:
        return []
    rows = connection.execute(_ENTRIES, {"of_waivers": waiver_ids}).all()
    return joined((kind, subject, body_in(body)) for kind, subject, body in rows)


def waivers_of(entries: Iterable[Entry]) -> list[Waiver]:
    """Every waiver that some entries tell of, the revoked ones, too."""
    return joined((entry.kind, entry.subject, entry.body) for entry in entries)


def joined(told: Iterable[tuple[str, str, Mapping[str, Any]]]) -> list[Waiver]:
    waivers: dict[str, Waiver] = {}
    for kind, waiver_id, body in told:
        if kind in (FROM_BEFORE, REQUESTED):
            waivers[waiver_id] = Waiver.model_validate(body["waiver"] if kind == REQUESTED else body)
        elif kind == APPROVED and waiver_id in waivers:
            approval = WaiverApproval.model_validate(body["approval"])
            waivers[waiver_id] = waivers[waiver_id].model_copy(update={"approval": approval})
    return list(waivers.values())
