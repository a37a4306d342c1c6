"""What the command that promotes reads from a file."""

from __future__ import annotations

from pydantic import Field

from .rules import Closed


class PromotionRequest(Closed):
    schema_version: int = Field(default=1, ge=1)
    artifact_id: str
    backup_record_id: str = ""
    source_git_ref: str
    context: str
    from_instance: str
    to_instance: str
    target_name: str
    target_type: str
    deploy_mode: str
    dry_run: bool = False
