"""The capability that an admitting decision gives, and the writing of what it approved.

Hostile code in this process is out of scope; accidents are not: an approval that is copied, pickled, spent, or whose
lease is over opens nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NoReturn

from launchplane_gate.errors import ApprovalVoid, NotSettled, Stale
from launchplane_gate.facts import LaneRecords
from launchplane_gate.ledger import Lease, Ledger
from launchplane_gate.model import Decision, Lane, ReleaseIdentity, Target, stamp
from launchplane_gate.records import (
    ArtifactIdentity,
    BackupGateEvidence,
    DeploymentEvidence,
    DeploymentRecord,
    EnvironmentInventory,
    HealthcheckEvidence,
    PromotionRecord,
    ReleaseStatus,
    ResolvedTarget,
)
from launchplane_gate.store import RecordStore, plain, version

CLOCKS_APART = timedelta(minutes=1)  # how far the clocks of two machines may differ

Reread = Callable[[Lane], LaneRecords]
"""Reads a lane's records as they are now, the run's own deployment left out."""


@dataclass
class RunApproval:
    """Leave for one run to change one lane, once. ``versions``: of the lanes' records, as decided on."""

    run_id: str
    release: ReleaseIdentity
    decision: Decision
    versions: dict[Lane, str]
    lease: Lease
    ledger: Ledger
    store: RecordStore
    reread: Reread
    deployment: DeploymentRecord | None = field(default=None, init=False)
    redeemed: bool = field(default=False, init=False)
    stale: Stale | None = field(default=None, init=False)
    door: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def lane(self) -> Lane:
        return self.decision.destination

    def seconds_left(self) -> float:
        return self.lease.seconds_left()

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
                raise
        yield self.release
        self.ledger.step(self.run_id, self.lane, "triggered", {}, lease=self.lease)
        self.lease.release(lane for lane in self.versions if lane != self.lane)

    def _open(self, target: Target) -> None:
        destination = self._still_as_decided()
        self.deployment = pending_deployment(self, target, self._start_after(destination))
        try:
            self.ledger.step(
                self.run_id,
                self.lane,
                "redeemed",
                {"deployment_record_id": self.deployment.record_id, "target": target.model_dump()},
                lease=self.lease,
                after="decided",
                rests_on={waiver.waiver_id for waiver in self.decision.waivers},
                redeemed=True,
                deployment_record_id=self.deployment.record_id,
            )
        except NotSettled:
            raise ApprovalVoid(f"the approval of run {self.run_id} is spent, or its lease is over") from None
        self.redeemed = True
        self.store.write_deployment_record(self.deployment)

    def _still_as_decided(self) -> LaneRecords:
        """Both lanes' records, read again, and the clock; gives the destination's."""
        now = {lane: self.reread(lane) for lane in self.versions}
        for lane, decided_on in self.versions.items():
            if now[lane].version != decided_on:
                runs = now[lane].release or "nothing known"
                raise Stale(f"{lane} has changed since the policies decided; it runs {runs} now")
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


@dataclass
class Recorder:
    """Writes a confirmed run: the promotion record, then the inventory. Handed to the driver as its InventoryWriter."""

    approval: RunApproval
    promotion: PromotionRecord | None
    inventory: EnvironmentInventory
    written: bool = field(default=False, init=False)

    def write(self) -> None:
        """See hookspecs.InventoryWriter.write.

        The store and the ledger share no transaction: the intent is committed first, with the exact record, so that
        whatever the store holds after a crash can be told apart.
        """
        approval = self.approval
        before = approval.reread(approval.lane)
        if before.version != approval.versions[approval.lane]:
            raise NotSettled(f"{approval.lane} was changed by somebody else during the deploy; nothing was recorded")
        after = version(self.inventory)
        intent: dict[str, Any] = {
            "inventory": plain(self.inventory),
            "version_before": version(before.inventory),
            "version_after": after,
            "promotion_record_id": self.promotion.record_id if self.promotion else None,
        }
        approval.ledger.step(
            approval.run_id, approval.lane, "recording", intent, lease=approval.lease, after="confirmed"
        )
        if self.promotion:
            approval.store.write_promotion_record(self.promotion)
        approval.store.write_environment_inventory(self.inventory)
        lane = approval.lane
        found = approval.store.read_environment_inventory(context_name=lane.context, instance_name=lane.instance)
        if version(found) != after:
            raise NotSettled(f"the inventory of {lane} was written and reads back differently")
        self.written = True


def pending_deployment(approval: RunApproval, target: Target, started_at: str) -> DeploymentRecord:
    lane = approval.lane
    return DeploymentRecord(
        record_id=_record_id("deployment", started_at, f"{lane.context}-{lane.instance}", approval.run_id),
        artifact_identity=ArtifactIdentity(artifact_id=approval.release.artifact_id),
        context=lane.context,
        instance=lane.instance,
        source_git_ref=approval.release.source_git_ref,
        resolved_target=ResolvedTarget(**target.model_dump(exclude={"deploy_mode"})),
        runtime_source={"gate_decision_id": approval.decision.decision_id, "gate_run_id": approval.run_id},
        deploy=DeploymentEvidence(
            target_name=target.target_name,
            target_type=target.target_type,
            deploy_mode=target.deploy_mode,
            status="pending",
            started_at=started_at,
        ),
        destination_health=HealthcheckEvidence(status="pending"),
    )


def _record_id(kind: str, started_at: str, lanes: str, run_id: str) -> str:
    """The host's form, with the run behind it: two runs in one second must not share a record."""
    second = started_at[:19].replace("-", "").replace(":", "")
    return f"{kind}-{second}Z-{lanes}-{run_id.removeprefix('r-').lower()}"


def finished(
    deployment: DeploymentRecord, status: ReleaseStatus, *, finished_at: str, deployment_id: str
) -> DeploymentRecord:
    """The deployment record with its outcome; an unknown outcome stays pending."""
    deploy = deployment.deploy.model_copy(
        update={"status": status, "finished_at": finished_at, "deployment_id": deployment_id}
    )
    return deployment.model_copy(update={"deploy": deploy})


def with_health(deployment: DeploymentRecord, health: HealthcheckEvidence) -> DeploymentRecord:
    return deployment.model_copy(update={"destination_health": health})


def promotion_of(
    approval: RunApproval, deployment: DeploymentRecord, source_health: HealthcheckEvidence, backup_record_id: str
) -> PromotionRecord | None:
    """The promotion record of a run; None for a deploy."""
    source, lane = approval.decision.source, approval.lane
    if source is None:
        return None
    backup = BackupGateEvidence(required=False, status="skipped")
    if backup_record_id:
        backup = BackupGateEvidence(required=True, status="pass", evidence={"record_id": backup_record_id})
    return PromotionRecord(
        record_id=_record_id(
            "promotion",
            deployment.deploy.started_at,
            f"{lane.context}-{source.instance}-to-{lane.instance}",
            approval.run_id,
        ),
        artifact_identity=ArtifactIdentity(artifact_id=approval.release.artifact_id),
        deployment_record_id=deployment.record_id,
        backup_record_id=backup_record_id,
        context=lane.context,
        from_instance=source.instance,
        to_instance=lane.instance,
        source_health=source_health,
        backup_gate=backup,
        deploy=deployment.deploy,
        post_deploy_update=deployment.post_deploy_update,
        destination_health=deployment.destination_health,
    )


def inventory_of(
    deployment: DeploymentRecord, promotion: PromotionRecord | None, *, updated_at: str
) -> EnvironmentInventory:
    """The inventory that a confirmed deployment makes true."""
    return EnvironmentInventory(
        context=deployment.context,
        instance=deployment.instance,
        artifact_identity=deployment.artifact_identity,
        source_git_ref=deployment.source_git_ref,
        deploy=deployment.deploy,
        post_deploy_update=deployment.post_deploy_update,
        destination_health=deployment.destination_health,
        updated_at=updated_at,
        deployment_record_id=deployment.record_id,
        promotion_record_id=promotion.record_id if promotion else "",
        promoted_from_instance=promotion.from_instance if promotion else "",
    )
