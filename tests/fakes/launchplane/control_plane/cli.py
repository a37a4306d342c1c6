"""The commands of the host that change a lane. Another process than the service, and other stores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from control_plane import dokploy as control_plane_dokploy

from .contracts.deployment_record import DeploymentRecord, ResolvedTargetEvidence
from .contracts.promotion_record import ArtifactIdentityReference, PromotionRecord, PromotionRequest
from .contracts.release_tuple_record import ReleaseTupleRecord
from .contracts.ship_request import ShipRequest
from .storage.factory import build_record_store
from .storage.filesystem import FilesystemRecordStore
from .storage.postgres import PostgresRecordStore
from .workflows.dokploy_deploy import execute_dokploy_artifact_deploy
from .workflows.evidence_ingestion import apply_promotion_evidence
from .workflows.inventory import build_environment_inventory, inventory_record_id
from .workflows.odoo_prod_rollback import OdooProdRollbackRequest, execute_odoo_prod_rollback
from .workflows.promote import build_promotion_record, generate_promotion_record_id
from .workflows.ship import build_deployment_record, generate_deployment_record_id, utc_now_timestamp

STATE_DIR = click.option("--state-dir", type=click.Path(path_type=Path), default=Path("state"))
DATABASE_URL = click.option("--database-url", default="")
RECORD_ID = click.option("--record-id", required=True)
INPUT_FILE = click.option("--input-file", type=click.Path(exists=True, path_type=Path), required=True)
ENV_FILE = click.option("--env-file", type=click.Path(exists=True, path_type=Path), default=None)


def _control_plane_root() -> Path:
    return Path(__file__).parent.parent


def _store(state_dir: Path, *, database_url: str | None = None) -> Any:
    return build_record_store(state_dir=state_dir, database_url=database_url)


def _execute_ship(
    *,
    state_dir: Path,
    database_url: str | None = None,
    env_file: Path | None,
    request: ShipRequest,
    mint_release_tuple: bool = True,
) -> tuple[Any, DeploymentRecord]:
    del env_file, mint_release_tuple
    record_store = _store(state_dir, database_url=database_url)
    record_id = generate_deployment_record_id(context_name=request.context, instance_name=request.instance)
    root, started_at = _control_plane_root(), utc_now_timestamp()
    truth = control_plane_dokploy.read_control_plane_dokploy_source_of_truth(control_plane_root=root)
    target = control_plane_dokploy.find_dokploy_target_definition(
        truth, context_name=request.context, instance_name=request.instance
    )
    if target is None:
        raise click.ClickException(f"There is no target of {request.context}/{request.instance}.")
    resolved = ResolvedTargetEvidence(
        target_type=target.target_type, target_id=target.target_id, target_name=target.target_name
    )
    host, token = control_plane_dokploy.read_dokploy_config(control_plane_root=root)
    execute_dokploy_artifact_deploy(
        host=host, token=token, ship_request=request, resolved_target=resolved, deploy_timeout_seconds=600
    )
    record = build_deployment_record(
        request=request,
        record_id=record_id,
        deployment_id="control-plane-dokploy",
        deployment_status="pass",
        started_at=started_at,
        finished_at=utc_now_timestamp(),
        resolved_target=resolved,
    )
    path = record_store.write_deployment_record(record)
    _write_environment_inventory(record_store=record_store, deployment_record=record)
    return path, record


def _write_environment_inventory(*, record_store: Any, deployment_record: DeploymentRecord, **promoted: str) -> str:
    record_store.write_environment_inventory(
        build_environment_inventory(deployment_record=deployment_record, updated_at=utc_now_timestamp(), **promoted)
    )
    return inventory_record_id(context_name=deployment_record.context, instance_name=deployment_record.instance)


@click.group()
def main() -> None:
    """The host's commands."""


@main.group()
def ship() -> None:
    """What ships."""


@main.group()
def promote() -> None:
    """What promotes."""


@main.group()
def deployments() -> None:
    """Records of deployments."""


@main.group()
def promotions() -> None:
    """Records of promotions."""


@main.group("release-tuples")
def release_tuples() -> None:
    """What writes release tuples."""


@main.group()
def inventory() -> None:
    """What writes inventories."""


@main.group()
def storage() -> None:
    """What moves records."""


@main.group("odoo-rollbacks")
def odoo_rollbacks() -> None:
    """What rolls back."""


@ship.command("execute")
@STATE_DIR
@DATABASE_URL
@INPUT_FILE
@ENV_FILE
def ship_execute(state_dir: Path, database_url: str, input_file: Path, env_file: Path | None) -> None:
    request = ShipRequest.model_validate(json.loads(input_file.read_text()))
    path, _ = _execute_ship(state_dir=state_dir, database_url=database_url, env_file=env_file, request=request)
    click.echo(path)


@promote.command("execute")
@STATE_DIR
@DATABASE_URL
@INPUT_FILE
@ENV_FILE
def promote_execute(state_dir: Path, database_url: str, input_file: Path, env_file: Path | None) -> None:
    request = PromotionRequest.model_validate(json.loads(input_file.read_text()))
    record_store = _store(state_dir, database_url=database_url)
    shipped = ShipRequest(
        instance=request.to_instance,
        **request.model_dump(
            include={"artifact_id", "context", "source_git_ref", "target_name", "target_type", "deploy_mode"}
        ),
    )
    _, deployed = _execute_ship(state_dir=state_dir, database_url=database_url, env_file=env_file, request=shipped)
    record = PromotionRecord(
        record_id=generate_promotion_record_id(
            context_name=request.context,
            from_instance_name=request.from_instance,
            to_instance_name=request.to_instance,
        ),
        artifact_identity=ArtifactIdentityReference(artifact_id=request.artifact_id),
        deployment_record_id=deployed.record_id,
        context=request.context,
        from_instance=request.from_instance,
        to_instance=request.to_instance,
        deploy=deployed.deploy,
    )
    click.echo(apply_promotion_evidence(record_store=record_store, promotion_record=record))


@promote.command("record")
@STATE_DIR
@DATABASE_URL
@RECORD_ID
@click.option("--artifact-id", required=True)
@click.option("--backup-record-id", default="")
@click.option("--context", "context_name", required=True)
@click.option("--from-instance", "from_instance_name", required=True)
@click.option("--to-instance", "to_instance_name", required=True)
@click.option("--target-name", required=True)
@click.option("--target-type", type=click.Choice(["compose", "application"]), required=True)
@click.option("--deploy-mode", required=True)
@click.option("--deployment-id", default="")
def promote_record(  # noqa: PLR0917  # one for each option, as in the real one
    state_dir: Path,
    database_url: str,
    record_id: str,
    artifact_id: str,
    backup_record_id: str,
    context_name: str,
    from_instance_name: str,
    to_instance_name: str,
    target_name: str,
    target_type: str,
    deploy_mode: str,
    deployment_id: str,
) -> None:
    record = build_promotion_record(
        record_id=record_id,
        artifact_id=artifact_id,
        backup_record_id=backup_record_id,
        context_name=context_name,
        from_instance_name=from_instance_name,
        to_instance_name=to_instance_name,
        target_name=target_name,
        target_type=target_type,
        deploy_mode=deploy_mode,
        deployment_id=deployment_id,
    )
    click.echo(_store(state_dir, database_url=database_url).write_promotion_record(record))


@deployments.command("write")
@STATE_DIR
@DATABASE_URL
@INPUT_FILE
def deployments_write(state_dir: Path, database_url: str, input_file: Path) -> None:
    record = DeploymentRecord.model_validate(json.loads(input_file.read_text()))
    click.echo(_store(state_dir, database_url=database_url).write_deployment_record(record))


@promotions.command("write")
@STATE_DIR
@DATABASE_URL
@INPUT_FILE
def promotions_write(state_dir: Path, database_url: str, input_file: Path) -> None:
    record = PromotionRecord.model_validate(json.loads(input_file.read_text()))
    click.echo(_store(state_dir, database_url=database_url).write_promotion_record(record))


@release_tuples.command("write-from-promotion")
@STATE_DIR
@DATABASE_URL
@RECORD_ID
def release_tuples_write_from_promotion(state_dir: Path, database_url: str, record_id: str) -> None:
    record_store = _store(state_dir, database_url=database_url)
    promotion_record = record_store.read_promotion_record(record_id)
    source: ReleaseTupleRecord = record_store.read_release_tuple_record(
        context_name=promotion_record.context, channel_name=promotion_record.from_instance
    )
    promoted = {
        "channel": promotion_record.to_instance,
        "promoted_from_channel": promotion_record.from_instance,
        "promotion_record_id": record_id,
        "tuple_id": f"{promotion_record.context}-{promotion_record.to_instance}-{source.artifact_id}",
        "provenance": "promotion",
    }
    click.echo(record_store.write_release_tuple_record(source.model_copy(update=promoted)))


@inventory.command("write-from-deployment")
@STATE_DIR
@DATABASE_URL
@RECORD_ID
def inventory_write_from_deployment(state_dir: Path, database_url: str, record_id: str) -> None:
    record_store = _store(state_dir, database_url=database_url)
    deployment_record = record_store.read_deployment_record(record_id)
    click.echo(_write_environment_inventory(record_store=record_store, deployment_record=deployment_record))


@inventory.command("write-from-promotion")
@STATE_DIR
@DATABASE_URL
@RECORD_ID
def inventory_write_from_promotion(state_dir: Path, database_url: str, record_id: str) -> None:
    record_store = _store(state_dir, database_url=database_url)
    promotion_record = record_store.read_promotion_record(record_id)
    click.echo(apply_promotion_evidence(record_store=record_store, promotion_record=promotion_record))


@storage.command("import-core-records")
@STATE_DIR
@click.option("--database-url", required=True)
def storage_import_core_records(state_dir: Path, database_url: str) -> None:
    postgres_store = PostgresRecordStore(database_url=database_url)
    postgres_store.ensure_schema()
    for record in FilesystemRecordStore(state_dir=state_dir).list_environment_inventory():
        postgres_store.write_environment_inventory(record)


@odoo_rollbacks.command("execute")
@DATABASE_URL
@click.option("--context", required=True)
@click.option("--artifact-id", default="")
def odoo_rollbacks_execute(database_url: str, context: str, artifact_id: str) -> None:
    result = execute_odoo_prod_rollback(
        control_plane_root=_control_plane_root(),
        record_store=_store(Path("state"), database_url=database_url),
        request=OdooProdRollbackRequest(
            context=context,
            artifact_id=artifact_id,
        ),
    )
    click.echo(result.rollback_status)


if __name__ == "__main__":
    main()
