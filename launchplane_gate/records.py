"""The shapes of Launchplane's records, as its stores write and read them.

Source: Launchplane's contracts at revision 371132b. A key whose value is None is dropped on writing; the vocabulary is
the host's own (no ``unknown`` status; a target is ``compose`` or ``application``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

ReleaseStatus = Literal["pending", "pass", "fail", "skipped"]
Named = Annotated[str, StringConstraints(min_length=1)]
TargetType = Literal["compose", "application"]


class Record(BaseModel):
    """Frozen, and closed to unknown fields.

    The rules between fields are the host's: one record that breaks them hides every other from it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


def _attempted(attempted: bool, status: ReleaseStatus) -> None:
    if attempted == (status == "skipped"):
        raise ValueError(f"attempted {str(attempted).lower()} with status {status}")


class ArtifactIdentity(Record):
    artifact_id: str
    manifest_version: int = Field(default=1, ge=1)


class DeploymentEvidence(Record):
    target_name: str
    target_type: TargetType
    deploy_mode: str
    deployment_id: str = ""
    status: ReleaseStatus = "pending"
    started_at: str = ""
    finished_at: str = ""


class HealthcheckEvidence(Record):
    verified: bool = False
    urls: tuple[str, ...] = ()
    timeout_seconds: int | None = Field(default=None, ge=1)
    status: ReleaseStatus = "skipped"

    @model_validator(mode="after")
    def _what_is_verified_was_asked(self) -> HealthcheckEvidence:
        if self.verified and not (self.urls and self.timeout_seconds and self.status in ("pass", "fail")):
            raise ValueError("verified health without a URL, a timeout, or a status of pass or fail")
        return self


class PostDeployUpdate(Record):
    attempted: bool = False
    status: ReleaseStatus = "skipped"
    detail: str = ""

    @model_validator(mode="after")
    def _skipped_is_not_attempted(self) -> PostDeployUpdate:
        _attempted(self.attempted, self.status)
        return self


class ResolvedTarget(Record):
    target_type: TargetType
    target_id: Named
    target_name: Named


class DeploymentRecord(Record):
    """One deploy of a lane. ``runtime_source["gate_decision_id"]`` names the decision that let it go."""

    schema_version: int = Field(default=1, ge=1)
    record_id: Named
    artifact_identity: ArtifactIdentity | None = None
    context: Named
    instance: Named
    source_git_ref: Named
    wait_for_completion: bool = True
    verify_destination_health: bool = True
    no_cache: bool = False
    delegated_executor: Literal["control-plane.dokploy"] = "control-plane.dokploy"  # the host knows no other
    resolved_target: ResolvedTarget | None = None
    runtime_source: dict[str, str] = {}
    deploy: DeploymentEvidence
    post_deploy_update: PostDeployUpdate = PostDeployUpdate()
    destination_health: HealthcheckEvidence = HealthcheckEvidence()


class BackupGateEvidence(Record):
    required: bool = True
    status: ReleaseStatus = "pending"
    evidence: dict[str, str] = {}


class RollbackExecution(Record):
    attempted: bool = False
    status: ReleaseStatus = "skipped"
    detail: str = ""
    snapshot_name: str = ""
    started_at: str = ""
    finished_at: str = ""

    @model_validator(mode="after")
    def _skipped_is_not_attempted(self) -> RollbackExecution:
        _attempted(self.attempted, self.status)
        return self


class PromotionRecord(Record):
    schema_version: int = Field(default=1, ge=1)
    record_id: Named
    artifact_identity: ArtifactIdentity
    deployment_record_id: str = ""
    backup_record_id: str = ""
    context: str
    from_instance: str
    to_instance: str
    source_health: HealthcheckEvidence = HealthcheckEvidence()
    backup_gate: BackupGateEvidence = BackupGateEvidence()
    deploy: DeploymentEvidence
    post_deploy_update: PostDeployUpdate = PostDeployUpdate()
    destination_health: HealthcheckEvidence = HealthcheckEvidence()
    rollback: RollbackExecution = RollbackExecution()
    rollback_health: HealthcheckEvidence = HealthcheckEvidence()

    @model_validator(mode="after")
    def _is_whole(self) -> PromotionRecord:
        if self.from_instance == self.to_instance:
            raise ValueError("a promotion from a lane to itself")
        if self.backup_gate.required and self.backup_gate.status == "pass" and not self.backup_record_id:
            raise ValueError("a backup that is required and passed, without backup_record_id")
        return self


class EnvironmentInventory(Record):
    """What a lane runs, since its last confirmed deploy."""

    schema_version: int = Field(default=1, ge=1)
    context: str
    instance: str
    artifact_identity: ArtifactIdentity | None = None
    source_git_ref: str
    deploy: DeploymentEvidence
    post_deploy_update: PostDeployUpdate = PostDeployUpdate()
    destination_health: HealthcheckEvidence = HealthcheckEvidence()
    updated_at: str
    deployment_record_id: str
    promotion_record_id: str = ""
    promoted_from_instance: str = ""

    @model_validator(mode="after")
    def _a_promotion_names_its_source(self) -> EnvironmentInventory:
        if self.promotion_record_id and not self.promoted_from_instance:
            raise ValueError("promotion_record_id without promoted_from_instance")
        return self


class BackupGateRecord(Record):
    schema_version: int = Field(default=1, ge=1)
    record_id: str
    context: str
    instance: str
    created_at: str
    source: str
    required: bool = True
    status: ReleaseStatus = "pending"
    evidence: dict[str, str] = {}

    @model_validator(mode="after")
    def _a_pass_shows_evidence(self) -> BackupGateRecord:
        if self.status == "pass" and not self.evidence:
            raise ValueError("status pass without evidence")
        return self


class ProductImage(Record):
    repository: str


class ProductLane(Record):
    instance: str
    context: str
    base_url: str = ""
    health_url: str = ""


class ProductPreview(Record):
    enabled: bool = False
    context: str = ""
    app_name_prefix: str = ""
    slug_template: str = "pr-{number}"
    template_instance: str = "testing"
    preview_domain_env_keys: tuple[str, ...] = ()
    preview_url_env_keys: tuple[str, ...] = ()
    required_template_env_keys: tuple[str, ...] = ()
    copied_env_keys: tuple[str, ...] = ()
    omitted_env_keys: tuple[str, ...] = ()
    override_env: dict[str, str] = {}
    required_provider_fields: tuple[str, ...] = ()
    data_transport_mode: Literal["none", "clone", "bootstrap", "migrate_seed", "driver"] = "none"
    migration_command: str = ""
    seed_command: str = ""


class PromotionWorkflow(Record):
    workflow_id: str = "promote-prod.yml"
    ref: str = "main"
    dry_run_input: str = "dry_run"
    bump_input: str = "bump"
    default_bump: str = "patch"


class ProductProfile(Record):
    """A product as the host knows it (its ``LaunchplaneProductProfileRecord``).

    A lane with several health URLs stands in ``lanes`` once for each of them.
    """

    schema_version: int = Field(default=1, ge=1)
    product: str
    display_name: str
    repository: str
    driver_id: str
    image: ProductImage
    runtime_port: int = Field(ge=1, le=65535)
    health_path: str
    lanes: tuple[ProductLane, ...] = ()
    historical_contexts: tuple[str, ...] = ()
    preview: ProductPreview = ProductPreview()
    promotion_workflow: PromotionWorkflow = PromotionWorkflow()
    updated_at: str
    source: str

    def health_urls(self, context: str, instance: str) -> tuple[str, ...]:
        """Every health URL of a lane, in the order of the record; the policies compute the same set."""
        here = [lane for lane in self.lanes if (lane.context, lane.instance) == (context, instance)]
        urls = [lane.health_url or (lane.base_url and lane.base_url + self.health_path) for lane in here]
        return tuple(dict.fromkeys(url for url in urls if url))
