"""What tests ask of the host by its own names, real or not, and records as it writes them."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tests.fakes

STAND_IN = Path(tests.fakes.__path__[0]) / "launchplane"
if find_spec("control_plane") is None:
    sys.path.append(str(STAND_IN))
IS_REAL = not hasattr(import_module("control_plane"), "STANDS_IN")  # which a copy of the stand-in has too

PRODUCT = "sellyouroutboard"
IMAGE = "ghcr.io/cbusillo/sellyouroutboard"
NOW = "2026-11-23T06:57:01Z"


def artifact(letter: str) -> str:
    return f"{IMAGE}@sha256:{_nibble(letter) * 64}"


def commit(letter: str) -> str:
    return _nibble(letter) * 40


def _nibble(letter: str) -> str:
    return format(ord(letter.lower()) - ord("a") + 10, "x")


class Host:
    """The host's modules, models and stores."""

    is_real = IS_REAL

    def module(self, name: str) -> Any:
        """``contracts.deployment_record``, ``service``, ..."""
        return import_module(f"control_plane.{name}")

    def file_store(self, state_dir: Path) -> Any:
        return self.module("storage.filesystem").FilesystemRecordStore(state_dir=state_dir)

    def sql_store(self, url: str) -> Any:
        store = self.module("storage.postgres").PostgresRecordStore(database_url=url)
        store.ensure_schema()
        return store

    def profile(self, **replaced: Any) -> Any:
        lanes = [
            {"instance": instance, "context": PRODUCT, "base_url": f"https://{instance}.example.org/"}
            for instance in ("testing", "prod")
        ]
        values: dict[str, Any] = {
            "product": PRODUCT,
            "display_name": "SellYourOutboard.com",
            "repository": "cbusillo/sellyouroutboard",
            "driver_id": "generic-web",
            "image": {"repository": IMAGE},
            "runtime_port": 3000,
            "health_path": "/api/health",
            "lanes": lanes,
            "updated_at": "2026-05-03T16:10:06Z",
            "source": "tests",
        }
        kind = self.module("contracts.product_profile_record").LaunchplaneProductProfileRecord
        return kind.model_validate(values | replaced)

    def deployment(self, letter: str, instance: str = "testing", **replaced: Any) -> Any:
        status = replaced.pop("status", "pass")
        values: dict[str, Any] = {
            "record_id": f"deployment-20261123T065701Z-{PRODUCT}-{instance}",
            "artifact_identity": {"artifact_id": artifact(letter)},
            "context": PRODUCT,
            "instance": instance,
            "source_git_ref": commit(letter),
            "resolved_target": {
                "target_type": "application",
                "target_id": f"app-{instance}",
                "target_name": f"syo-{instance}-app",
            },
            "deploy": self.deploy(instance, status),
        }
        return self.module("contracts.deployment_record").DeploymentRecord.model_validate(values | replaced)

    def inventory(self, letter: str, instance: str = "testing", **replaced: Any) -> Any:
        values: dict[str, Any] = {
            "context": PRODUCT,
            "instance": instance,
            "artifact_identity": {"artifact_id": artifact(letter)},
            "source_git_ref": commit(letter),
            "deploy": self.deploy(instance),
            "updated_at": NOW,
            "deployment_record_id": f"deployment-20261123T065701Z-{PRODUCT}-{instance}",
        }
        return self.module("contracts.environment_inventory").EnvironmentInventory.model_validate(values | replaced)

    def promotion(self, letter: str, **replaced: Any) -> Any:
        values: dict[str, Any] = {
            "record_id": f"promotion-20261123T065701Z-{PRODUCT}-testing-to-prod",
            "artifact_identity": {"artifact_id": artifact(letter)},
            "deployment_record_id": f"deployment-20261123T065701Z-{PRODUCT}-prod",
            "context": PRODUCT,
            "from_instance": "testing",
            "to_instance": "prod",
            "backup_gate": {"required": False, "status": "skipped"},
            "deploy": self.deploy("prod"),
        }
        return self.module("contracts.promotion_record").PromotionRecord.model_validate(values | replaced)

    def backup(self, record_id: str = "backup-gate-1", **replaced: Any) -> Any:
        values: dict[str, Any] = {
            "record_id": record_id,
            "context": PRODUCT,
            "instance": "prod",
            "created_at": NOW,
            "source": "tests",
            "status": "pass",
            "evidence": {"dump": "s3://backups/1"},
        }
        return self.module("contracts.backup_gate_record").BackupGateRecord.model_validate(values | replaced)

    @staticmethod
    def deploy(instance: str, status: str = "pass") -> dict[str, str]:
        return {
            "target_name": f"syo-{instance}-app",
            "target_type": "application",
            "deploy_mode": "dokploy-application-api",
            "deployment_id": "control-plane-dokploy",
            "status": status,
            "started_at": NOW,
            "finished_at": NOW,
        }
