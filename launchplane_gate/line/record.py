"""Having the promotion and the inventory of a confirmed run written, and seeing that they were."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from launchplane_gate.errors import NotSettled, in_a_sentence
from launchplane_gate.line import journal
from launchplane_gate.line.approval import RunApproval
from launchplane_gate.line.errand import Errand
from launchplane_gate.line.parts import in_one_database
from launchplane_gate.line.written import inventory_of, promotion_of, source_health_of
from launchplane_gate.model import Outcome, stamp
from launchplane_gate.records import (
    DeploymentRecord,
    EnvironmentInventory,
    PromotionRecord,
    ReleaseStatus,
)
from launchplane_gate.runs import names_of
from launchplane_gate.settled import Written
from launchplane_gate.store import plain, version


def promotion_now(errand: Errand, status: ReleaseStatus) -> PromotionRecord | None:
    """The promotion record of a run that has redeemed, as it stands; None for a deploy.

    It is ``pending`` until the inventory reads back: whoever looks at it alone must not take it for done.
    """
    run_id, source, decision, names = errand.run_id, errand.source, errand.admitted, errand.names
    if errand.origin and (run := errand.origin.run):
        run_id, source, decision = run.run_id, run.source, run.admitted
        names = names_of(errand.parts.ledger, run_id)
    if source is None:
        return None
    assert errand.deployment  # of a run that redeemed
    source_health = source_health_of(errand.profile, source, decision, errand.parts.limits.confirm_timeout_s)
    return promotion_of(
        run_id,
        source,
        errand.deployment,
        source_health=source_health,
        backup_record_id=_backup(errand),
        status=status,
        name=names.get("promotion", ""),
    )


def leave_pending(errand: Errand, approval: RunApproval) -> None:
    """Leave a promotion record of a run that something ended after redeem, before its outcome was known."""
    if not approval.redeemed or errand.deployment:
        return
    errand.deployment = approval.deployment
    with suppress(Exception):  # what ended the run is told, and the deployment record is pending already
        if promotion := promotion_now(errand, "pending"):
            errand.writing.write_promotion_record(promotion)


def record(errand: Errand, approval: RunApproval, outcome: Outcome) -> None:
    """Raises NotSettled where the records were not written as they should stand."""
    errand.at = "unrecorded"
    assert errand.deployment  # written with the outcome
    promotion = promotion_now(errand, "pass")
    inventory = inventory_of(errand.deployment, promotion, updated_at=stamp(errand.parts.ledger.now()))
    recorder = Recorder(errand, approval, errand.deployment, promotion, inventory)
    try:
        errand.driver.record(outcome, recorder)
    except Exception as error:
        if not recorder.recorded:
            raise
        errand.progress(f"the driver {errand.driver.driver_id} raised after it was recorded: {in_a_sentence(error)}")
    if not recorder.written:
        raise NotSettled(f"the driver {errand.driver.driver_id} did not write the inventory")
    if not recorder.recorded:
        recorder.close()


def _backup(errand: Errand) -> str:
    """The newest backup of the destination that passed, if one is known of."""
    here = errand.facts.get("destination", {})  # nothing where it was let go without a decision
    passed = [b for b in here.get("backups", ()) if b["status"] == "pass"]
    return str(max(passed, key=lambda b: b["created_at"])["record_id"]) if passed else ""


@dataclass
class Recorder:
    """Writes a confirmed run: the inventory, then that the promotion passed. The driver's InventoryWriter."""

    errand: Errand
    approval: RunApproval
    deployment: DeploymentRecord
    promotion: PromotionRecord | None
    inventory: EnvironmentInventory
    written: bool = field(default=False, init=False)

    @property
    def recorded(self) -> bool:
        return self.errand.at == self.errand.ends

    def write(self) -> None:
        """See hookspecs.InventoryWriter.write.

        Where store and ledger share a database, all of it is one transaction, the end of the run too. Else the intent
        is committed first, with the exact records, so that whatever the store holds after a crash can be told apart.
        """
        if self._in_one_database():
            with self.approval.ledger.together(self.approval.lane):
                self._write()
                self.approval.store.write_deployment_record(self.deployment)
                self._close()
            self.errand.at = self.errand.ends
        else:
            self._write()
        self.written = True

    def close(self) -> None:
        """End the run: what it brought is in the inventory."""
        self._close()
        self.errand.at = self.errand.ends

    def _in_one_database(self) -> bool:
        return in_one_database(self.approval.store, self.approval.ledger)

    def _close(self) -> None:
        columns: dict[str, Any] = {
            "inventory_version": version(self.inventory),
            "deployment_version": version(self.deployment),
        }
        if self.errand.origin:  # nothing was redeemed, and what the lane runs is known by this run
            columns |= {"redeemed": True, "deployment_record_id": self.deployment.record_id}
        journal.close(self.errand, self.errand.ends, "", **columns)

    def _write(self) -> None:
        approval, lane = self.approval, self.approval.lane
        before = approval.reread(lane)
        if before.version != approval.versions[lane]:
            raise NotSettled(f"{lane} was changed by somebody else during the deploy; nothing was recorded")
        records: dict[str, Any] = {"deployment": asdict(Written.of(self.deployment))}
        if self.promotion:
            records["promotion"] = asdict(Written.of(self.promotion))
        intent: dict[str, Any] = {
            "inventory": plain(self.inventory),
            "version_before": version(before.inventory),
            "version_after": version(self.inventory),
            "records": records,
            "promotion_record_id": self.promotion.record_id if self.promotion else None,
        }
        approval.ledger.step(approval.run_id, lane, "recording", intent, lease=approval.lease, after="confirmed")
        approval.store.write_environment_inventory(self.inventory)
        found = approval.store.read_environment_inventory(context_name=lane.context, instance_name=lane.instance)
        if version(found) != version(self.inventory):
            raise NotSettled(f"the inventory of {lane} was written and reads back differently")
        if self.promotion:
            approval.store.write_promotion_record(self.promotion)
            passed = approval.store.read_promotion_record(self.promotion.record_id)
            if not Written.of(self.promotion).stands_in(passed):
                raise NotSettled(f"the promotion record {self.promotion.record_id} reads back differently")
