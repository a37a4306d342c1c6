"""Having the promotion and the inventory of a confirmed run written, and seeing that they were."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from launchplane_gate.errors import NotSettled
from launchplane_gate.line import journal
from launchplane_gate.line.approval import RunApproval
from launchplane_gate.line.errand import Errand
from launchplane_gate.line.written import health_of, inventory_of, promotion_of
from launchplane_gate.model import Outcome, stamp
from launchplane_gate.records import EnvironmentInventory, HealthcheckEvidence, PromotionRecord
from launchplane_gate.store import plain, version


def record(errand: Errand, approval: RunApproval, outcome: Outcome) -> None:
    """Raises NotSettled where the records were not written as they should stand."""
    errand.at = "unrecorded"
    assert errand.deployment  # written with the outcome
    source_health = HealthcheckEvidence()
    if errand.source:
        source_health = health_of(errand.profile, errand.source, "pass", errand.parts.limits.confirm_timeout_s)
    promotion = promotion_of(errand.run_id, approval.decision, errand.deployment, source_health, _backup(errand))
    inventory = inventory_of(errand.deployment, promotion, updated_at=stamp(errand.parts.ledger.now()))
    recorder = Recorder(approval, promotion, inventory)
    errand.driver.record(outcome, recorder)
    if not recorder.written:
        raise NotSettled(f"the driver {errand.driver.driver_id} did not write the inventory")
    journal.close(
        errand,
        "recorded",
        "",
        inventory_version=version(inventory),
        deployment_version=version(errand.deployment),
    )


def _backup(errand: Errand) -> str:
    """The newest backup of the destination that passed, if there is one."""
    passed = [b for b in errand.facts["destination"]["backups"] if b["status"] == "pass"]
    return str(max(passed, key=lambda b: b["created_at"])["record_id"]) if passed else ""


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
