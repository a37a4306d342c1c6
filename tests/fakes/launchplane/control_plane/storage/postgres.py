"""One row a record, with the traps of the real one: it is read, merged and written, and the last writer has it.

Each write is a transaction of its own; what is pending stands last. On SQLite too, as in the host's own tests.
"""

from __future__ import annotations

from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from ..contracts.backup_gate_record import BackupGateRecord
from ..contracts.deployment_record import DeploymentRecord
from ..contracts.dokploy_target_id_record import DokployTargetIdRecord
from ..contracts.dokploy_target_record import DokployTargetRecord
from ..contracts.environment_inventory import EnvironmentInventory
from ..contracts.idempotency_record import LaunchplaneIdempotencyRecord
from ..contracts.product_profile_record import LaunchplaneProductProfileRecord
from ..contracts.promotion_record import PromotionRecord
from ..contracts.release_tuple_record import ReleaseTupleRecord

M = TypeVar("M", bound=BaseModel)


class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: sa.JSON().with_variant(JSONB(), "postgresql")}  # noqa: RUF012  # SQLAlchemy's


class LaunchplaneBackupGateRow(Base):
    __tablename__ = "launchplane_backup_gates"
    record_id: Mapped[str] = mapped_column(primary_key=True)
    context: Mapped[str]
    instance: Mapped[str]
    created_at: Mapped[str]
    status: Mapped[str]
    payload: Mapped[dict[str, Any]]


class LaunchplaneDeploymentRow(Base):
    __tablename__ = "launchplane_deployments"
    record_id: Mapped[str] = mapped_column(primary_key=True)
    context: Mapped[str]
    instance: Mapped[str]
    artifact_id: Mapped[str]
    source_git_ref: Mapped[str]
    deploy_started_at: Mapped[str]
    deploy_finished_at: Mapped[str]
    payload: Mapped[dict[str, Any]]


class LaunchplanePromotionRow(Base):
    __tablename__ = "launchplane_promotions"
    record_id: Mapped[str] = mapped_column(primary_key=True)
    context: Mapped[str]
    from_instance: Mapped[str]
    to_instance: Mapped[str]
    artifact_id: Mapped[str]
    deploy_started_at: Mapped[str]
    deploy_finished_at: Mapped[str]
    payload: Mapped[dict[str, Any]]


class LaunchplaneInventoryRow(Base):
    __tablename__ = "launchplane_inventory"
    context: Mapped[str] = mapped_column(primary_key=True)
    instance: Mapped[str] = mapped_column(primary_key=True)
    artifact_id: Mapped[str]
    source_git_ref: Mapped[str]
    updated_at: Mapped[str]
    deployment_record_id: Mapped[str]
    promotion_record_id: Mapped[str]
    promoted_from_instance: Mapped[str]
    payload: Mapped[dict[str, Any]]


class LaunchplaneReleaseTupleRow(Base):
    __tablename__ = "launchplane_release_tuples"
    context: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    tuple_id: Mapped[str]
    artifact_id: Mapped[str]
    minted_at: Mapped[str]
    provenance: Mapped[str]
    payload: Mapped[dict[str, Any]]


class LaunchplaneProductProfileRow(Base):
    __tablename__ = "launchplane_product_profiles"
    product: Mapped[str] = mapped_column(primary_key=True)
    display_name: Mapped[str]
    repository: Mapped[str]
    driver_id: Mapped[str]
    updated_at: Mapped[str]
    payload: Mapped[dict[str, Any]]


class LaunchplaneDokployTargetRow(Base):
    __tablename__ = "launchplane_dokploy_targets"
    context: Mapped[str] = mapped_column(primary_key=True)
    instance: Mapped[str] = mapped_column(primary_key=True)
    updated_at: Mapped[str]
    payload: Mapped[dict[str, Any]]


class LaunchplaneDokployTargetIdRow(Base):
    __tablename__ = "launchplane_dokploy_target_ids"
    context: Mapped[str] = mapped_column(primary_key=True)
    instance: Mapped[str] = mapped_column(primary_key=True)
    target_id: Mapped[str]
    updated_at: Mapped[str]
    payload: Mapped[dict[str, Any]]


class LaunchplaneIdempotencyRow(Base):
    __tablename__ = "launchplane_idempotency_records"
    __table_args__ = (sa.Index("launchplane_keys", "scope", "route_path", "idempotency_key", unique=True),)
    record_id: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str]
    route_path: Mapped[str]
    idempotency_key: Mapped[str]
    payload: Mapped[dict[str, Any]]


class PostgresRecordStore:
    def __init__(self, *, database_url: str) -> None:
        self.database_url = database_url
        options = {"connect_args": {"check_same_thread": False}} if database_url.startswith("sqlite") else {}
        self._engine = sa.create_engine(database_url, **options)
        self._session_factory = sessionmaker(self._engine, expire_on_commit=False)

    @property
    def backend_name(self) -> str:
        return "postgres"

    def ensure_schema(self) -> None:
        Base.metadata.create_all(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    def _write(self, row: type[Base], record: BaseModel, columns: tuple[str, ...]) -> None:
        """Each column has what the record says under that name; ``deploy_x`` what its evidence of the deploy does."""
        payload = record.model_dump(mode="json", exclude_none=True)
        artifact = (payload.get("artifact_identity") or {}).get("artifact_id", "")
        deploy = {f"deploy_{name}": value for name, value in (payload.get("deploy") or {}).items()}
        said = {"artifact_id": artifact, **deploy, **payload}
        with self._session_factory() as session:
            session.merge(row(**{name: said[name] for name in columns}, payload=payload))
            session.commit()

    def _one(self, row: type[Base], kind: type[M], **named: str) -> M:
        table: Any = row
        with self._session_factory() as session:
            found = session.scalars(sa.select(table).filter_by(**named).limit(1)).first()
        if found is None:
            raise FileNotFoundError(f"nothing in {row.__tablename__} for {named}")
        return kind.model_validate(found.payload)

    def _list(
        self, row: type[Base], kind: type[M], order: tuple[str, ...], limit: int | None = None, **named: str
    ) -> tuple[M, ...]:
        """By ``order``, of which the names that begin with ``-`` go down."""
        table: Any = row
        by = [getattr(table, name[1:]).desc() if name[0] == "-" else getattr(table, name) for name in order]
        wanted = {name: value for name, value in named.items() if value}
        with self._session_factory() as session:
            found = session.scalars(sa.select(table).filter_by(**wanted).order_by(*by).limit(limit)).all()
        return tuple(kind.model_validate(one.payload) for one in found)

    # -- products

    def write_product_profile_record(self, record: LaunchplaneProductProfileRecord) -> None:
        columns = ("product", "display_name", "repository", "driver_id", "updated_at")
        self._write(LaunchplaneProductProfileRow, record, columns)

    def read_product_profile_record(self, product: str) -> LaunchplaneProductProfileRecord:
        return self._one(LaunchplaneProductProfileRow, LaunchplaneProductProfileRecord, product=product)

    def list_product_profile_records(self, *, driver_id: str = "") -> tuple[LaunchplaneProductProfileRecord, ...]:
        kind = LaunchplaneProductProfileRecord
        return self._list(LaunchplaneProductProfileRow, kind, ("product",), driver_id=driver_id)

    # -- targets: the file store has none

    def write_dokploy_target_record(self, record: DokployTargetRecord) -> None:
        self._write(LaunchplaneDokployTargetRow, record, ("context", "instance", "updated_at"))

    def read_dokploy_target_record(self, *, context_name: str, instance_name: str) -> DokployTargetRecord:
        row = LaunchplaneDokployTargetRow
        return self._one(row, DokployTargetRecord, context=context_name, instance=instance_name)

    def list_dokploy_target_records(self) -> tuple[DokployTargetRecord, ...]:
        return self._list(LaunchplaneDokployTargetRow, DokployTargetRecord, ("context", "instance"))

    def write_dokploy_target_id_record(self, record: DokployTargetIdRecord) -> None:
        self._write(LaunchplaneDokployTargetIdRow, record, ("context", "instance", "target_id", "updated_at"))

    def read_dokploy_target_id_record(self, *, context_name: str, instance_name: str) -> DokployTargetIdRecord:
        row = LaunchplaneDokployTargetIdRow
        return self._one(row, DokployTargetIdRecord, context=context_name, instance=instance_name)

    def list_dokploy_target_id_records(self) -> tuple[DokployTargetIdRecord, ...]:
        return self._list(LaunchplaneDokployTargetIdRow, DokployTargetIdRecord, ("context", "instance"))

    # -- answers by their keys

    def write_idempotency_record(self, record: LaunchplaneIdempotencyRecord) -> None:
        columns = ("record_id", "scope", "route_path", "idempotency_key")
        self._write(LaunchplaneIdempotencyRow, record, columns)

    def read_idempotency_record(
        self, *, scope: str, route_path: str, idempotency_key: str
    ) -> LaunchplaneIdempotencyRecord | None:
        named = {"scope": scope, "route_path": route_path, "idempotency_key": idempotency_key}
        try:
            return self._one(LaunchplaneIdempotencyRow, LaunchplaneIdempotencyRecord, **named)
        except FileNotFoundError:
            return None

    # -- backups

    def write_backup_gate_record(self, record: BackupGateRecord) -> None:
        columns = ("record_id", "context", "instance", "created_at", "status")
        self._write(LaunchplaneBackupGateRow, record, columns)

    def read_backup_gate_record(self, record_id: str) -> BackupGateRecord:
        return self._one(LaunchplaneBackupGateRow, BackupGateRecord, record_id=record_id)

    def list_backup_gate_records(
        self, *, context_name: str = "", instance_name: str = "", limit: int | None = None
    ) -> tuple[BackupGateRecord, ...]:
        order, named = ("-created_at", "-record_id"), {"context": context_name, "instance": instance_name}
        return self._list(LaunchplaneBackupGateRow, BackupGateRecord, order, limit, **named)

    # -- promotions

    def write_promotion_record(self, record: PromotionRecord) -> None:
        where = ("record_id", "context", "from_instance", "to_instance", "artifact_id")
        self._write(LaunchplanePromotionRow, record, (*where, "deploy_started_at", "deploy_finished_at"))

    def read_promotion_record(self, record_id: str) -> PromotionRecord:
        return self._one(LaunchplanePromotionRow, PromotionRecord, record_id=record_id)

    def list_promotion_records(
        self,
        *,
        context_name: str = "",
        from_instance_name: str = "",
        to_instance_name: str = "",
        limit: int | None = None,
    ) -> tuple[PromotionRecord, ...]:
        named = {"context": context_name, "from_instance": from_instance_name, "to_instance": to_instance_name}
        order = ("-deploy_finished_at", "-deploy_started_at", "-record_id")
        return self._list(LaunchplanePromotionRow, PromotionRecord, order, limit, **named)

    # -- deployments

    def write_deployment_record(self, record: DeploymentRecord) -> None:
        where = ("record_id", "context", "instance", "artifact_id", "source_git_ref")
        self._write(LaunchplaneDeploymentRow, record, (*where, "deploy_started_at", "deploy_finished_at"))

    def read_deployment_record(self, record_id: str) -> DeploymentRecord:
        return self._one(LaunchplaneDeploymentRow, DeploymentRecord, record_id=record_id)

    def list_deployment_records(
        self, *, context_name: str = "", instance_name: str = "", limit: int | None = None
    ) -> tuple[DeploymentRecord, ...]:
        named = {"context": context_name, "instance": instance_name}
        order = ("-deploy_finished_at", "-deploy_started_at", "-record_id")
        return self._list(LaunchplaneDeploymentRow, DeploymentRecord, order, limit, **named)

    # -- inventories

    def write_environment_inventory(self, record: EnvironmentInventory) -> None:
        what = ("context", "instance", "artifact_id", "source_git_ref", "updated_at")
        by = ("deployment_record_id", "promotion_record_id", "promoted_from_instance")
        self._write(LaunchplaneInventoryRow, record, (*what, *by))

    def read_environment_inventory(self, *, context_name: str, instance_name: str) -> EnvironmentInventory:
        row = LaunchplaneInventoryRow
        return self._one(row, EnvironmentInventory, context=context_name, instance=instance_name)

    def list_environment_inventory(self) -> tuple[EnvironmentInventory, ...]:
        return self._list(LaunchplaneInventoryRow, EnvironmentInventory, ("context", "instance"))

    # -- release tuples

    def write_release_tuple_record(self, record: ReleaseTupleRecord) -> None:
        columns = ("context", "channel", "tuple_id", "artifact_id", "minted_at", "provenance")
        self._write(LaunchplaneReleaseTupleRow, record, columns)

    def read_release_tuple_record(self, *, context_name: str, channel_name: str) -> ReleaseTupleRecord:
        return self._one(LaunchplaneReleaseTupleRow, ReleaseTupleRecord, context=context_name, channel=channel_name)

    def list_release_tuple_records(self) -> tuple[ReleaseTupleRecord, ...]:
        return self._list(LaunchplaneReleaseTupleRow, ReleaseTupleRecord, ("context", "channel"))
