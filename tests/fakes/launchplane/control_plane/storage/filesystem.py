"""One file a record, with the traps of the real one.

A file is cut and then written, by nobody's lock; its name is whatever the record says, slashes and all; a list reads
every file of its kind, and one that is torn ends it; what is pending stands first.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from ..contracts.backup_gate_record import BackupGateRecord
from ..contracts.deployment_record import DeploymentRecord
from ..contracts.environment_inventory import EnvironmentInventory
from ..contracts.idempotency_record import LaunchplaneIdempotencyRecord
from ..contracts.product_profile_record import LaunchplaneProductProfileRecord
from ..contracts.promotion_record import PromotionRecord
from ..contracts.release_tuple_record import ReleaseTupleRecord

M = TypeVar("M", bound=BaseModel)


class FilesystemRecordStore:
    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir

    def _record_path(self, record_type: str, record_id: str) -> Path:
        return self.state_dir / record_type / f"{record_id}.json"

    def _write_model(self, record_type: str, record_id: str, model: BaseModel) -> Path:
        path = self._record_path(record_type, record_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(model.model_dump(mode="json", exclude_none=True), indent=2, sort_keys=True)
        path.write_text(text, encoding="utf-8")
        return path

    def _read_model(self, model_type: type[M], record_type: str, record_id: str) -> M:
        text = self._record_path(record_type, record_id).read_text(encoding="utf-8")
        return model_type.model_validate(json.loads(text))

    def _list_models(self, model_type: type[M], record_type: str) -> tuple[M, ...]:
        folder = self.state_dir / record_type
        found = sorted(folder.glob("*.json")) if folder.exists() else []
        return tuple(model_type.model_validate(json.loads(path.read_text(encoding="utf-8"))) for path in found)

    # -- products

    def write_product_profile_record(self, record: LaunchplaneProductProfileRecord) -> Path:
        return self._write_model("launchplane_product_profiles", record.product, record)

    def read_product_profile_record(self, product: str) -> LaunchplaneProductProfileRecord:
        return self._read_model(LaunchplaneProductProfileRecord, "launchplane_product_profiles", product)

    def list_product_profile_records(self, *, driver_id: str = "") -> tuple[LaunchplaneProductProfileRecord, ...]:
        found = self._list_models(LaunchplaneProductProfileRecord, "launchplane_product_profiles")
        return tuple(sorted((one for one in found if driver_id in ("", one.driver_id)), key=lambda one: one.product))

    # -- answers by their keys

    def write_idempotency_record(self, record: LaunchplaneIdempotencyRecord) -> Path:
        return self._write_model("idempotency", record.record_id, record)

    def read_idempotency_record(
        self, *, scope: str, route_path: str, idempotency_key: str
    ) -> LaunchplaneIdempotencyRecord | None:
        wanted = (scope, route_path, idempotency_key)
        for record in self._list_models(LaunchplaneIdempotencyRecord, "idempotency"):
            if (record.scope, record.route_path, record.idempotency_key) == wanted:
                return record
        return None

    # -- backups

    def write_backup_gate_record(self, record: BackupGateRecord) -> Path:
        return self._write_model("backup_gates", record.record_id, record)

    def read_backup_gate_record(self, record_id: str) -> BackupGateRecord:
        return self._read_model(BackupGateRecord, "backup_gates", record_id)

    def list_backup_gate_records(
        self, *, context_name: str = "", instance_name: str = "", limit: int | None = None
    ) -> tuple[BackupGateRecord, ...]:
        found = [
            one
            for one in self._list_models(BackupGateRecord, "backup_gates")
            if context_name in ("", one.context) and instance_name in ("", one.instance)
        ]
        return tuple(sorted(found, key=lambda one: (one.created_at, one.record_id), reverse=True)[:limit])

    # -- promotions

    def write_promotion_record(self, record: PromotionRecord) -> Path:
        return self._write_model("promotions", record.record_id, record)

    def read_promotion_record(self, record_id: str) -> PromotionRecord:
        return self._read_model(PromotionRecord, "promotions", record_id)

    def list_promotion_records(
        self,
        *,
        context_name: str = "",
        from_instance_name: str = "",
        to_instance_name: str = "",
        limit: int | None = None,
    ) -> tuple[PromotionRecord, ...]:
        found = [
            one
            for one in self._list_models(PromotionRecord, "promotions")
            if context_name in ("", one.context)
            and from_instance_name in ("", one.from_instance)
            and to_instance_name in ("", one.to_instance)
        ]
        return tuple(sorted(found, key=_late_or_pending, reverse=True)[:limit])

    # -- deployments

    def write_deployment_record(self, record: DeploymentRecord) -> Path:
        return self._write_model("deployments", record.record_id, record)

    def read_deployment_record(self, record_id: str) -> DeploymentRecord:
        return self._read_model(DeploymentRecord, "deployments", record_id)

    def list_deployment_records(
        self, *, context_name: str = "", instance_name: str = "", limit: int | None = None
    ) -> tuple[DeploymentRecord, ...]:
        found = [
            one
            for one in self._list_models(DeploymentRecord, "deployments")
            if context_name in ("", one.context) and instance_name in ("", one.instance)
        ]
        return tuple(sorted(found, key=_late_or_pending, reverse=True)[:limit])

    # -- inventories

    def write_environment_inventory(self, record: EnvironmentInventory) -> Path:
        return self._write_model("inventory", f"{record.context}-{record.instance}", record)

    def read_environment_inventory(self, *, context_name: str, instance_name: str) -> EnvironmentInventory:
        return self._read_model(EnvironmentInventory, "inventory", f"{context_name}-{instance_name}")

    def list_environment_inventory(self) -> tuple[EnvironmentInventory, ...]:
        return self._list_models(EnvironmentInventory, "inventory")

    # -- release tuples

    def write_release_tuple_record(self, record: ReleaseTupleRecord) -> Path:
        return self._write_model("release_tuples", f"{record.context}-{record.channel}", record)

    def read_release_tuple_record(self, *, context_name: str, channel_name: str) -> ReleaseTupleRecord:
        return self._read_model(ReleaseTupleRecord, "release_tuples", f"{context_name}-{channel_name}")

    def list_release_tuple_records(self) -> tuple[ReleaseTupleRecord, ...]:
        return self._list_models(ReleaseTupleRecord, "release_tuples")


def _late_or_pending(record: DeploymentRecord | PromotionRecord) -> tuple[str, str, str]:
    return record.deploy.finished_at or record.deploy.started_at, record.deploy.started_at, record.record_id
