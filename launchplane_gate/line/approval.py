"""The capability that an admitting decision gives, and the writing of what it approved.

Hostile code in this process is out of scope; accidents are not: an approval that is copied, pickled, spent, or whose
lease is over opens nothing.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NoReturn

from launchplane_gate.errors import ApprovalVoid, NotSettled, Stale
from launchplane_gate.lane_records import LaneRecords
from launchplane_gate.ledger import Lease, Ledger
from launchplane_gate.ledger.clock import elapsed
from launchplane_gate.line.parts import as_one
from launchplane_gate.line.written import deployment_of, naming, taken
from launchplane_gate.model import Decision, Hold, Lane, ReleaseIdentity, Target, stamp
from launchplane_gate.records import DeploymentRecord
from launchplane_gate.store import RecordStore

CLOCKS_APART = timedelta(minutes=1)  # how far the clocks of two machines may differ

Reread = Callable[[Lane], LaneRecords]
"""Reads a lane's records as they are now, the run's own deployment left out."""


@dataclass
class RunApproval:
    """Leave for one run to change one lane, once. ``versions``: of the lanes' records, as decided on.

    ``holds``: on the lanes, as decided on. One of them that is over stops nothing, any other one everything; but where
    the run is only observed. ``decision`` is None where it was let go without one. ``began``: the step that it is at.
    ``names``: the ids that the caller chose for what is written, by the kind of the record.
    """

    run_id: str
    lane: Lane
    release: ReleaseIdentity
    decision: Decision | None
    versions: dict[Lane, str]
    lease: Lease
    ledger: Ledger
    store: RecordStore
    reread: Reread
    holds: Mapping[Lane, Hold | None] = field(default_factory=dict)
    goes_back: bool = False  # whatever came after its release is rolled back once it is redeemed
    began: str = "decided"
    observes: bool = False
    names: dict[str, str] = field(default_factory=dict)
    deployment: DeploymentRecord | None = field(default=None, init=False)
    redeemed: bool = field(default=False, init=False)
    until: float = field(default=math.inf, init=False)  # of the steady clock
    stale: Stale | None = field(default=None, init=False)
    door: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def write_seconds_left(self) -> float:
        """See hookspecs.Approval.write_seconds_left."""
        return self.lease.write_seconds_left()

    def run_seconds_left(self) -> float:
        """See hookspecs.Approval.run_seconds_left."""
        return min(self.lease.run_seconds_left(), self.until - elapsed())

    def limit(self, limit_s: float) -> None:
        """From now on the deploy may take as long as that, in seconds."""
        self.until = elapsed() + limit_s

    @contextmanager
    def redeem(self, target: Target) -> Iterator[ReleaseIdentity]:
        """See hookspecs.Approval.redeem."""
        with self.door:
            if self.redeemed:
                raise ApprovalVoid(f"the approval of run {self.run_id} is spent")
            try:
                self._open(target)
            except Stale as stale:
                self.stale = stale
                if not self.observes:
                    raise
                if taken(self.store, self.names):
                    self.names.clear()  # the gate chooses others: what is there is never overwritten
                self._open(target, overlooked=str(stale))
        yield self.release
        self.ledger.step(self.run_id, self.lane, "triggered", {}, lease=self.lease)
        self.lease.release(lane for lane in self.versions if lane != self.lane)

    def _open(self, target: Target, *, overlooked: str = "") -> None:
        """Raises Stale. ``overlooked``: what it was raised for before, and is passed over now."""
        with as_one(self.store, self.ledger, self.lease):
            with self.ledger.snapshot():
                now = {lane: self.reread(lane) for lane in self.versions}
            if not overlooked:
                self._see_that_all_is_as_decided(now)
            self.versions = {lane: records.version for lane, records in now.items()}
            self._let_in(target, now[self.lane], overlooked)

    def _let_in(self, target: Target, destination: LaneRecords, overlooked: str) -> None:
        pending = self.pending(target, self._start_after(destination))
        rests_on = self.decision.waivers if self.decision and not overlooked else ()
        told = {"deployment_record_id": pending.record_id, "target": target.model_dump()}
        if overlooked:
            told |= {"mode": "observe", "overlooked": overlooked, "names": dict(self.names)}
        try:
            head = self.ledger.step(
                self.run_id,
                self.lane,
                "redeemed",
                told,
                lease=self.lease,
                after=self.began,
                rests_on={waiver.waiver_id for waiver in rests_on},
                back_to=self.release if self.goes_back else None,
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

    def pending(self, target: Target, started_at: str) -> DeploymentRecord:
        """The record of the deploy as it begins."""
        decision_id = self.decision.decision_id if self.decision else ""
        return deployment_of(
            self.run_id,
            self.lane,
            self.release,
            target,
            decision_id=decision_id,
            started_at=started_at,
            name=self.names.get("deployment", ""),
        )

    def _see_that_all_is_as_decided(self, now: Mapping[Lane, LaneRecords]) -> None:
        """Hold both lanes' records, and the clock, to what was decided on. Raises Stale."""
        for lane, decided_on in self.versions.items():
            if now[lane].version != decided_on:
                runs = now[lane].release or "nothing known"
                raise Stale(f"{lane} has changed since the policies decided; it runs {runs} now")
            if (hold := now[lane].hold) and hold != self.holds.get(lane):
                raise Stale(f"{lane} is held since the policies decided, by {hold.subject}: {hold.reason}")
        for waiver in self.decision.waivers if self.decision else ():
            if waiver.expires_at <= self.ledger.now():
                raise Stale(f"the waiver {waiver.waiver_id} ended after the policies decided")
        if found := taken(self.store, self.names):
            raise Stale(f"{found} since the policies decided")

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
