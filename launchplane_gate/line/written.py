"""The records that a run writes, made from what it knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from launchplane_gate.errors import RecordUnreadable
from launchplane_gate.ledger import Head
from launchplane_gate.model import Decision, Lane, Outcome, ReleaseIdentity, Target
from launchplane_gate.records import (
    ArtifactIdentity,
    BackupGateEvidence,
    DeploymentEvidence,
    DeploymentRecord,
    EnvironmentInventory,
    HealthcheckEvidence,
    ProductProfile,
    PromotionRecord,
    Record,
    ReleaseStatus,
    ResolvedTarget,
)
from launchplane_gate.store import RecordStore
from launchplane_gate.urls import without_query

RECORD_STATUS: Mapping[str, ReleaseStatus] = {"pass": "pass", "fail": "fail", "unknown": "pending"}  # of an outcome
OURS = "gate_"  # how what the gate says in `runtime_source` is named


def deployment_of(
    run_id: str,
    lane: Lane,
    release: ReleaseIdentity,
    target: Target,
    *,
    decision_id: str,
    started_at: str,
    name: str = "",
) -> DeploymentRecord:
    """The pending record of a deployment to a lane."""
    return DeploymentRecord(
        record_id=name or _record_id("deployment", started_at, f"{lane.context}-{lane.instance}", run_id),
        artifact_identity=ArtifactIdentity(artifact_id=release.artifact_id),
        context=lane.context,
        instance=lane.instance,
        source_git_ref=release.source_git_ref,
        resolved_target=ResolvedTarget(**target.model_dump(exclude={"deploy_mode"})),
        runtime_source={"gate_decision_id": decision_id, "gate_run_id": run_id},
        deploy=DeploymentEvidence(
            target_name=target.target_name,
            target_type=target.target_type,
            deploy_mode=target.deploy_mode,
            status="pending",
            started_at=started_at,
        ),
        destination_health=HealthcheckEvidence(status="pending"),
    )


def naming(deployment: DeploymentRecord, ledger_id: str, head: Head) -> DeploymentRecord:
    """The record with the ledger that knows of it, and how far the lane's chain had come: a ledger that is lost or
    older is told by this.
    """
    named = {**(deployment.runtime_source or {}), "gate_ledger_id": ledger_id, "gate_head": str(head)}
    return _as_the_host_reads(deployment.model_copy(update={"runtime_source": named}))


def let_go_by(deployment: DeploymentRecord, decision_id: str) -> DeploymentRecord:
    """The record with the decision that let it become what it is."""
    named = {**(deployment.runtime_source or {}), "gate_decision_id": decision_id}
    return _as_the_host_reads(deployment.model_copy(update={"runtime_source": named}))


def _record_id(kind: str, started_at: str, lanes: str, run_id: str) -> str:
    """The host's form, with the run behind it: two runs in one second must not share a record."""
    second = started_at[:19].replace("-", "").replace(":", "")
    return f"{kind}-{second}Z-{lanes}-{run_id.removeprefix('r-').lower()}"


def finished(
    deployment: DeploymentRecord, status: ReleaseStatus, *, finished_at: str, deployment_id: str
) -> DeploymentRecord:
    """The deployment record with how it ended."""
    deploy = deployment.deploy.model_copy(
        update={"status": status, "finished_at": finished_at, "deployment_id": deployment_id}
    )
    return _as_the_host_reads(deployment.model_copy(update={"deploy": deploy}))


def ended(deployment: DeploymentRecord, outcome: Outcome, *, at: str) -> DeploymentRecord:
    """The deployment record with all that its driver tells of its outcome; an unknown one stays pending."""
    told = {name: text for name, text in outcome.runtime_source.items() if not name.startswith(OURS)}
    update: dict[str, Any] = {"runtime_source": {**told, **deployment.runtime_source}}
    if outcome.post_deploy_update:
        update["post_deploy_update"] = outcome.post_deploy_update
    return finished(
        deployment.model_copy(update=update),
        RECORD_STATUS[outcome.status],
        finished_at=at if outcome.status != "unknown" else "",
        deployment_id=outcome.deployment_id or deployment.deploy.deployment_id,
    )


def with_health(deployment: DeploymentRecord, health: HealthcheckEvidence) -> DeploymentRecord:
    return _as_the_host_reads(deployment.model_copy(update={"destination_health": health}))


def taken(store: RecordStore, names: Mapping[str, str]) -> str:
    """Which of some ids, by the kind of the record, a record has already; empty where none. One that is torn is one."""
    read: Mapping[str, Callable[[str], Record]] = {
        "deployment": store.read_deployment_record,
        "promotion": store.read_promotion_record,
    }
    for kind, record_id in names.items():
        with suppress(FileNotFoundError):
            with suppress(RecordUnreadable):
                read[kind](record_id)
            return f"there is a {kind} record {record_id}"
    return ""


def _as_the_host_reads(deployment: DeploymentRecord) -> DeploymentRecord:
    """A changed copy, held to every rule of the record again. Raises ValueError."""
    return DeploymentRecord.model_validate(deployment.model_dump())


def promotion_of(
    run_id: str,
    source: Lane,
    deployment: DeploymentRecord,
    *,
    source_health: HealthcheckEvidence,
    backup_record_id: str,
    status: ReleaseStatus,
    name: str = "",
) -> PromotionRecord:
    """The promotion record of a run that promoted from ``source``. ``status`` stands as that of its deploy."""
    context, to = deployment.context, deployment.instance
    assert deployment.artifact_identity  # ours have one
    backup = BackupGateEvidence(required=False, status="skipped")
    if backup_record_id:
        backup = BackupGateEvidence(required=True, status="pass", evidence={"record_id": backup_record_id})
    return PromotionRecord(
        record_id=name
        or _record_id(
            "promotion",
            deployment.deploy.started_at,
            f"{context}-{source.instance}-to-{to}",
            run_id,
        ),
        artifact_identity=deployment.artifact_identity,
        deployment_record_id=deployment.record_id,
        backup_record_id=backup_record_id,
        context=context,
        from_instance=source.instance,
        to_instance=to,
        source_health=source_health,
        backup_gate=backup,
        deploy=deployment.deploy.model_copy(update={"status": status}),
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


def source_health_of(
    profile: ProductProfile, source: Lane, decision: Decision | None, limit_s: float
) -> HealthcheckEvidence:
    """What was seen of a promotion's source when it was let go, as the rule has it that looks at it."""
    said = {result.code: result.status for result in decision.results} if decision else {}
    if decision and decision.allowed:  # by every rule that there was
        return health_of(profile, source, "pass", limit_s)
    seen: Mapping[str | None, ReleaseStatus] = {"pass": "pass", "fail": "fail"}
    status = seen.get(said.get("release.source_revision"))
    return health_of(profile, source, status, limit_s) if status else HealthcheckEvidence(status="skipped")


def health_of(profile: ProductProfile, lane: Lane, status: ReleaseStatus, limit_s: float) -> HealthcheckEvidence:
    """What the health of a lane was found to be, in the host's form; ``limit_s`` bounded the looks, in seconds."""
    urls = tuple(dict.fromkeys(without_query(url) for url in profile.health_urls(lane.context, lane.instance)))
    if not urls:  # nobody was asked, and the host cannot read a record that says so and "verified" too
        return HealthcheckEvidence(status="skipped")
    return HealthcheckEvidence(verified=True, urls=urls, timeout_seconds=max(1, round(limit_s)), status=status)
