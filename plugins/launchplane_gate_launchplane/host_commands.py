"""The host's commands (``control_plane/cli.py``) that change a lane, and the options that each is known to take.

One that takes others is another host than is known here, and nothing of it is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ROLLBACK: Final = "odoo-rollbacks execute"
STORES = ("state_dir", "database_url")

TAKES: Final[Mapping[str, tuple[str, ...]]] = {
    "ship execute": (*STORES, "input_file", "env_file"),
    "promote execute": (*STORES, "input_file", "env_file"),
    "promote record": (
        *STORES,
        "record_id",
        "artifact_id",
        "backup_record_id",
        "context_name",
        "from_instance_name",
        "to_instance_name",
        "target_name",
        "target_type",
        "deploy_mode",
        "deployment_id",
    ),
    "deployments write": (*STORES, "input_file"),
    "promotions write": (*STORES, "input_file"),
    "release-tuples write-from-promotion": (*STORES, "record_id"),
    "inventory write-from-deployment": (*STORES, "record_id"),
    "inventory write-from-promotion": (*STORES, "record_id"),
    "storage import-core-records": STORES,
}
