"""One request on its way down the line, and what each stage learns of it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from launchplane_gate.hookspecs import Act, Progress
from launchplane_gate.lane_records import LaneRecords, read_lane
from launchplane_gate.ledger import Lease, new_id
from launchplane_gate.line.origin import Origin
from launchplane_gate.line.parts import Parts, as_one, find_lane
from launchplane_gate.model import Actor, Decision, Lane, ReleaseIdentity, Request, RunStatus, Waiver
from launchplane_gate.on_record import spends
from launchplane_gate.plugins import deploy_timeout_of
from launchplane_gate.policy_input import OutcomeFacts
from launchplane_gate.records import DeploymentRecord
from launchplane_gate.settled import settled
from launchplane_gate.store import RecordStore, fenced

RECORD_S = 60.0  # what recording and publishing may take


@dataclass(frozen=True)
class Call:
    """A request as somebody makes it. ``act``: what deploys in this call, where that is not the product's driver."""

    request: Request
    actor: Actor
    progress: Progress
    act: Act | None = None
    trace: str | None = None


class Errand:
    """One call on its way. Raises RequestError for a product, driver or lane that is not there."""

    lease: Lease | None = None  # from when its lanes are held
    origin: Origin | None = None  # of a run that deploys nothing
    claim: DeploymentRecord | None = None  # of evidence: what is reported, as a record that is pending

    def __init__(self, parts: Parts, call: Call) -> None:
        request = call.request
        self.parts, self.request, self.actor, self.progress = parts, request, call.actor, call.progress
        self.trace = call.trace
        self.profile = parts.profile(request.product)
        self.driver = parts.driver(self.profile)
        self.act, self.is_acted_for = call.act or self.driver.deploy, call.act is not None
        self.mode = parts.mode_of(request)
        self.overlooked = ""  # what enforced policies would have refused it for
        self.names = request.names
        self.destination = find_lane(self.profile, request.destination)
        self.source = find_lane(self.profile, request.source) if request.source else None
        self.lanes = [lane for lane in (self.destination, self.source) if lane]
        self.run_id = new_id("r")
        self.version = request.version  # to publish; of a bump it is known once facts were gathered
        self.at: RunStatus = "undecided"  # how the run would end if it stopped here
        self.records: dict[Lane, LaneRecords] = {}  # as last gathered
        self.facts: dict[str, Any] = {}
        self.release: ReleaseIdentity | None = None
        self.admitted: Decision | None = None
        self.waivers: list[Waiver] = []
        self.deployment: DeploymentRecord | None = None
        self.outcome: OutcomeFacts | None = None

    @property
    def observes(self) -> bool:
        return self.mode == "observe"

    @property
    def ends(self) -> RunStatus:
        """How the run ends where all goes well: what was refused by the policies proves nothing to them later."""
        return "observed" if self.overlooked else "recorded"

    def give_up_names(self, why: str) -> None:
        """Have the gate choose the ids of the records: what has those that the caller chose is never overwritten."""
        self.progress(f"{why}: the gate chooses an id of its own")
        self.names.clear()

    @property
    def settle_s(self) -> int:
        """For how long what is deployed has to stay up, in seconds."""
        return self.parts.bundle.settings.settle_s(self.driver.driver_id, self.profile.product)

    @property
    def run_s(self) -> float:
        """The most that this run may take, in seconds: all of its timeouts, added up."""
        limits, deploy_s = self.parts.limits, deploy_timeout_of(self.driver)
        looks_s = limits.confirm_timeout_s + 2 * limits.gather_timeout_s + self.settle_s
        watched_s = self.settle_s if self.source else 0
        return limits.gather_timeout_s + watched_s + deploy_s + looks_s + RECORD_S

    @cached_property
    def spends(self) -> dict[str, Any]:
        """See ``on_record.spends``."""
        request, ledger = self.request, self.parts.ledger
        before = [entry.body for entry in ledger.entries(subject=request.of_run)] if request.of_run else ()
        return spends(self.actor, request.action, request.model_dump(mode="json"), before=before)

    @cached_property
    def writing(self) -> RecordStore:
        """The store, each write to which comes after a renewal of the lease."""
        return fenced(self.parts.store, self.held.write_seconds_left)

    @property
    def held(self) -> Lease:
        assert self.lease  # whatever writes comes after the lanes were held
        return self.lease

    def as_one(self) -> AbstractContextManager[None]:
        """See ``parts.as_one``."""
        return as_one(self.parts.store, self.parts.ledger, self.held)

    def keep_alive(self) -> None:
        """Renew the lease, where there is one: a look may take its time. Raises NotSettled where it is over."""
        if self.lease:
            self.lease.keep()

    def read(self, lane: Lane) -> LaneRecords:
        """A lane's records as they are now, the deployment that this run is about left out."""
        deployment = self.deployment or (self.origin and self.origin.deployment)
        own = deployment.record_id if deployment else None
        return read_lane(self.parts.store, self.parts.ledger, lane, but_deployment=own)

    def settled(self, lane: Lane) -> tuple[bool, str]:
        """Whether a lane is settled as it is now, and why."""
        ledger = self.parts.ledger
        return settled(read_lane(self.parts.store, ledger, lane), ledger, ledger.last_effective(lane))
