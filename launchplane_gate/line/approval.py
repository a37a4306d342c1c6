"""The capability that an admitting decision gives, and the writing of what it approved.

Hostile code in this process is out of scope; accidents are not: an approval that is copied, pickled, spent, or whose
lease is over opens nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NoReturn

from launchplane_gate.errors import ApprovalVoid, NotSettled, Stale
from launchplane_gate.lane_records import LaneRecords
from launchplane_gate.ledger import Lease, Ledger
from launchplane_gate.line.parts import as_one
from launchplane_gate.line.written import naming, pending_deployment
from launchplane_gate.model import Decision, Hold, Lane, ReleaseIdentity, Target, stamp
from launchplane_gate.records import DeploymentRecord
from launchplane_gate.store import RecordStore

CLOCKS_APART = timedelta(minutes=1)  # how far the clocks of two machines may differ

Reread = Callable[[Lane], LaneRecords]
"""Reads a lane's records as they are now, the run's own deployment left out."""


@dataclass
class RunApproval:
    """Leave for one run to change one lane, once. ``versions``: of the lanes' records, as decided on.

    ``holds``: on the lanes, as decided on. One of them that is over stops nothing, any other one everything.
    """

    run_id: str
    release: ReleaseIdentity
    decision: Decision
    versions: dict[Lane, str]
    lease: Lease
    ledger: Ledger
    store: RecordStore
    reread: Reread
    holds: Mapping[Lane, Hold | None] = field(default_factory=dict)
    deployment: DeploymentRecord | None = field(default=None, init=False)
    redeemed: bool = field(default=False, init=False)
    stale: Stale | None = field(default=None, init=False)
    door: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def lane(self) -> Lane:
        return self.decision.destination

    def write_seconds_left(self) -> float:
        """See hookspecs.Approval.write_seconds_left."""
        return self.lease.write_seconds_left()

    def run_seconds_left(self) -> float:
        """See hookspecs.Approval.run_seconds_left."""
        return self.lease.run_seconds_left()

    @contextmanager
    def redeem(self, target: Target) -> Iterator[ReleaseIdentity]:
        """See hookspecs.Approval.redeem."""
        with self.door:
            if self.redeemed:
                raise ApprovalVoid(f"the approval of run {self.run_id} is spent")
            try:
                with as_one(self.store, self.ledger, self.lease):
                    self._open(target)
            except Stale as stale:
                self.stale = stale
                raise
        yield self.release
        self.ledger.step(self.run_id, self.lane, "triggered", {}, lease=self.lease)
        self.lease.release(lane for lane in self.versions if lane != self.lane)

    def _open(self, target: Target) -> None:
        destination = self._still_as_decided()
        pending = pending_deployment(self.run_id, self.decision, target, self._start_after(destination))
        try:
            head = self.ledger.step(
                self.run_id,
                self.lane,
                "redeemed",
                {"deployment_record_id": pending.record_id, "target": target.model_dump()},
                lease=self.lease,
                after="decided",
                rests_on={waiver.waiver_id for waiver in self.decision.waivers},
                back_to=self.release if self.decision.action == "rollback" else None,
                redeemed=True,
                deployment_record_id=pending.record_id,
            )
        except NotSettled:
            raise ApprovalVoid(f"the approval of run {self.run_id} is spent, or its lease is over") from None
        self.ledger.database.when_kept(self._spend)
        self.deployment = naming(pending, self.ledger.ledger_id(), head)
        self.store.write_deployment_record(self.deployment)

    def _spend(self) -> None:
        self.redeemed = True

    def _still_as_decided(self) -> LaneRecords:
        """Both lanes' records, read again, and the clock; gives the destination's."""
        with self.ledger.snapshot():
            now = {lane: self.reread(lane) for lane in self.versions}
        for lane, decided_on in self.versions.items():
            if now[lane].version != decided_on:
                runs = now[lane].release or "nothing known"
                raise Stale(f"{lane} has changed since the policies decided; it runs {runs} now")
            if (hold := now[lane].hold) and hold != self.holds.get(lane):
                raise Stale(f"{lane} is held since the policies decided, by {hold.subject}: {hold.reason}")
        for waiver in self.decision.waivers:
            if waiver.expires_at <= self.ledger.now():
                raise Stale(f"the waiver {waiver.waiver_id} ended after the policies decided")
        return now[self.lane]

    def _start_after(self, destination: LaneRecords) -> str:
        """Now, but strictly after every deployment of the lane: their order is what freshness rests on.

        A record from further in the future is not followed there; while it stands, the policies refuse.
        """
        now = self.ledger.now()
        last = destination.last_started(before=now + CLOCKS_APART)
        return stamp(max(now, last + timedelta(microseconds=1)) if last else now)

    def _refuse(self, *_: object) -> NoReturn:
        raise ApprovalVoid("an approval cannot be copied or stored")

    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = _refuse
