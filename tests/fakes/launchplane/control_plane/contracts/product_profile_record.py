"""Products. There is no method on them that tells what a lane's health URL is."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from .rules import Closed, named


class ProductImageProfile(Closed):
    repository: str

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        named(self, "repository")
        return self


class ProductLaneProfile(Closed):
    instance: str
    context: str
    base_url: str = ""
    health_url: str = ""

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        named(self, "instance", "context")
        return self


class ProductPreviewProfile(Closed):
    """``override_env`` may hold secrets."""

    enabled: bool = False
    context: str = ""
    slug_template: str = "pr-{number}"
    app_name_prefix: str = ""
    template_instance: str = "testing"
    required_template_env_keys: tuple[str, ...] = ()
    copied_env_keys: tuple[str, ...] = ()
    omitted_env_keys: tuple[str, ...] = ()
    override_env: dict[str, str] = Field(default_factory=dict)
    preview_url_env_keys: tuple[str, ...] = ()
    preview_domain_env_keys: tuple[str, ...] = ()
    required_provider_fields: tuple[str, ...] = ()
    data_transport_mode: Literal["none", "clone", "bootstrap", "migrate_seed", "driver"] = "none"
    migration_command: str = ""
    seed_command: str = ""


class ProductPromotionWorkflowProfile(Closed):
    workflow_id: str = "promote-prod.yml"
    ref: str = "main"
    dry_run_input: str = "dry_run"
    bump_input: str = "bump"
    default_bump: str = "patch"


class LaunchplaneProductProfileRecord(Closed):
    schema_version: int = Field(default=1, ge=1)
    product: str
    display_name: str
    repository: str
    driver_id: str
    image: ProductImageProfile
    runtime_port: int = Field(ge=1, le=65535)
    health_path: str
    lanes: tuple[ProductLaneProfile, ...] = ()
    historical_contexts: tuple[str, ...] = ()
    preview: ProductPreviewProfile = Field(default_factory=ProductPreviewProfile)
    promotion_workflow: ProductPromotionWorkflowProfile = Field(default_factory=ProductPromotionWorkflowProfile)
    updated_at: str
    source: str

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        named(self, "product", "display_name", "repository", "driver_id", "updated_at", "source")
        if not self.health_path.startswith("/"):
            raise ValueError("health_path begins with a slash")
        return self
