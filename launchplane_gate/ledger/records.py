"""Records in the database that the ledger is in: the methods of a store, each of which reads no more than it gives."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar

import sqlalchemy as sa

from launchplane_gate import strictjson
from launchplane_gate.errors import RecordUnreadable
from launchplane_gate.ledger import tables
from launchplane_gate.ledger.chain import surely
from launchplane_gate.ledger.database import Database
from launchplane_gate.model import Lane
from launchplane_gate.records import (
    BackupGateRecord,
    DeploymentRecord,
    EnvironmentInventory,
    ProductProfile,
    PromotionRecord,
    Record,
)
from launchplane_gate.store import Fence, Since, Stored, began, parsed

R = TypeVar("R", bound=Record)
_Past = DeploymentRecord | PromotionRecord | BackupGateRecord

FIRST = -(2**63)  # before every moment
_RECORD: sa.BindParameter[str] = sa.bindparam("of_record")
_D, _B, _I = tables.deployments, tables.backup_gates, tables.inventories
_TABLES = (_I, _D, tables.promotions, _B)
CHANGES = ("moment", "record")  # what may be other in a record that replaces one


def _is_lane(table: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
    return tables.is_lane(table)


_ONE = {
    table: sa.select(table).where(table.c.record_id == _RECORD)
    for table in (tables.deployments, tables.promotions, tables.backup_gates)
}
_REPLACE = {
    table: table.update().where(
        *(column == sa.bindparam(f"of_{column.name}") for column in table.c if column.name not in CHANGES)
    )
    for table in _TABLES
}
_INSERT = {table: table.insert() for table in _TABLES}
_INVENTORY = sa.select(_I).where(*_is_lane(_I))
_NAMED = sa.select(_D.c.moment).where(*_is_lane(_D), _D.c.record_id == _RECORD).scalar_subquery()
_SINCE = sa.select(_D).where(
    *_is_lane(_D),
    sa.or_(_D.c.moment.is_(None), _D.c.moment >= sa.func.coalesce(_NAMED, sa.literal_column(str(FIRST)))),
)
_NEWEST_BACKUPS = (
    sa.select(_B)
    .where(*_is_lane(_B), _B.c.moment.is_not(None))
    .order_by(_B.c.moment.desc())
    .limit(sa.bindparam("at_most"))
)


class SqlStore:
    """Inside of ``Ledger.together`` what is written is part of that transaction; else it is one of its own, durable."""

    def __init__(self, database: Database, profiles: Mapping[str, ProductProfile]) -> None:
        self.database = database
        self.profiles = profiles
        self._fence: Fence | None = None

    def behind(self, fence: Fence) -> SqlStore:
        """This store, with a fence that is asked inside of the transaction that writes; it locks what it is about."""
        store = copy.copy(self)
        store._fence = fence
        return store

    def holds_records(self) -> bool:
        with self.database.read() as connection:
            return any(connection.execute(sa.select(table.c.context).limit(1)).first() for table in _TABLES)

    def read_product_profile_record(self, product: str) -> ProductProfile:
        if product not in self.profiles:
            raise FileNotFoundError(product)
        return self.profiles[product]

    # -- inventory

    def read_environment_inventory(self, *, context_name: str, instance_name: str) -> EnvironmentInventory:
        lane = Lane.model_construct(context=context_name, instance=instance_name)
        [*found] = self._all(_INVENTORY, EnvironmentInventory, tables.of_lane(lane))
        if not found:
            raise FileNotFoundError(str(lane))
        return found[0]

    def write_environment_inventory(self, record: EnvironmentInventory) -> None:
        self._write(tables.inventories, record, {"context": record.context, "instance": record.instance})

    def list_environment_inventory(self) -> tuple[EnvironmentInventory, ...]:
        return self._all(sa.select(_I), EnvironmentInventory)

    # -- deployments

    def read_deployment_record(self, record_id: str) -> DeploymentRecord:
        return self._one(tables.deployments, DeploymentRecord, record_id)

    def write_deployment_record(self, record: DeploymentRecord) -> None:
        self._write(tables.deployments, record, {"context": record.context, "instance": record.instance})

    def list_deployment_records(
        self, *, context_name: str = "", instance_name: str = "", limit: int | None = None
    ) -> tuple[DeploymentRecord, ...]:
        only = {"context": context_name, "instance": instance_name}
        return self._listed(tables.deployments, DeploymentRecord, only, limit)

    def list_deployments_since(
        self, *, context_name: str, instance_name: str, since: Since
    ) -> tuple[Stored[DeploymentRecord], ...]:
        """By what they say of themselves: these tables are ours, and ``ledger verify`` finds what others write here."""
        lane = Lane.model_construct(context=context_name, instance=instance_name)
        return self._stored(_SINCE, DeploymentRecord, tables.of_lane(lane, of_record=since.record_id))

    def remember_places(
        self, *, context_name: str, instance_name: str, places: Mapping[Stored[DeploymentRecord], int]
    ) -> None:
        """Nothing: to ask for them again costs no more than to remember them."""

    # -- promotions

    def read_promotion_record(self, record_id: str) -> PromotionRecord:
        return self._one(tables.promotions, PromotionRecord, record_id)

    def write_promotion_record(self, record: PromotionRecord) -> None:
        at = {"context": record.context, "from_instance": record.from_instance, "to_instance": record.to_instance}
        self._write(tables.promotions, record, at)

    def list_promotion_records(
        self,
        *,
        context_name: str = "",
        from_instance_name: str = "",
        to_instance_name: str = "",
        limit: int | None = None,
    ) -> tuple[PromotionRecord, ...]:
        only = {"context": context_name, "from_instance": from_instance_name, "to_instance": to_instance_name}
        return self._listed(tables.promotions, PromotionRecord, only, limit)

    # -- backups

    def read_backup_gate_record(self, record_id: str) -> BackupGateRecord:
        return self._one(tables.backup_gates, BackupGateRecord, record_id)

    def write_backup_gate_record(self, record: BackupGateRecord) -> None:
        self._write(tables.backup_gates, record, {"context": record.context, "instance": record.instance})

    def list_backup_gate_records(
        self, *, context_name: str = "", instance_name: str = "", limit: int | None = None
    ) -> tuple[BackupGateRecord, ...]:
        only = {"context": context_name, "instance": instance_name}
        return self._listed(tables.backup_gates, BackupGateRecord, only, limit)

    def list_newest_backups(
        self, *, context_name: str, instance_name: str, limit: int
    ) -> tuple[Stored[BackupGateRecord], ...]:
        lane = Lane.model_construct(context=context_name, instance=instance_name)
        found = self._stored(_NEWEST_BACKUPS, BackupGateRecord, tables.of_lane(lane, at_most=limit))
        return tuple(one for one in found if one.record)

    # -- how

    def _one(self, table: sa.Table, kind: type[R], record_id: str) -> R:
        [*found] = self._all(_ONE[table], kind, {"of_record": record_id})
        if not found:
            raise FileNotFoundError(record_id)
        return found[0]

    def _listed(self, table: sa.Table, kind: type[R], only: Mapping[str, str], limit: int | None) -> tuple[R, ...]:
        """Newest first."""
        query = sa.select(table).order_by(table.c.moment.desc().nulls_first()).limit(limit)
        return self._all(query.where(*(table.c[name] == value for name, value in only.items() if value)), kind)

    def _all(self, query: sa.Select[Any], kind: type[R], about: Mapping[str, Any] | None = None) -> tuple[R, ...]:
        with self.database.read() as connection:
            rows = connection.execute(query, about).all()
        return tuple(self._read(row._asdict(), kind) for row in rows)

    def _stored(self, query: sa.Select[Any], kind: type[R], about: Mapping[str, Any]) -> tuple[Stored[R], ...]:
        with self.database.read() as connection:
            rows = connection.execute(query, about).all()
        return tuple(self._as_it_stands(row._asdict(), kind) for row in rows)

    def _as_it_stands(self, row: Mapping[str, Any], kind: type[R]) -> Stored[R]:
        digest = strictjson.sha256(row["record"].encode("utf-8", "surrogatepass"))
        try:
            return Stored(row["record_id"], digest, self._read(row, kind))
        except RecordUnreadable as error:
            return Stored(row["record_id"], digest, None, str(error))

    def _read(self, row: Mapping[str, Any], kind: type[R]) -> R:
        """Raises RecordUnreadable for one that is torn, or not what its row says that it is."""
        named = row.get("record_id") or f"{row['context']}/{row['instance']}"
        where = f"the {kind.__name__} {named} in {self.database.name}"
        record = parsed(row["record"].encode("utf-8", "surrogatepass"), kind, where)
        said = row_of(record)
        if wrong := [name for name in said if said[name] != row[name]]:
            raise RecordUnreadable(f"{where} says another {' and '.join(wrong)} than its row")
        return record

    def _write(self, table: sa.Table, record: Record, at: Mapping[str, str]) -> None:
        """All of the record or nothing of it, and durable when this returns, or with the transaction it is part of."""
        lane = Lane.model_construct(context=at["context"], instance=at.get("instance") or at["to_instance"])
        values = {**row_of(record), "record": record.model_dump_json(exclude_none=True)}
        replaced = {name if name in CHANGES else f"of_{name}": value for name, value in values.items()}

        def work() -> None:
            with self.database.together() as joined:
                if self._fence:
                    self._fence()  # first: it may lock more lanes than this one, in the one order
                self.database.lock(joined.connection, [lane])
                if joined.connection.execute(_REPLACE[table], replaced).rowcount == 0:
                    joined.connection.execute(_INSERT[table], values)

        surely(work)


def row_of(record: Record) -> dict[str, Any]:
    """What the columns beside a record say of it."""
    match record:
        case EnvironmentInventory(context=context, instance=instance):
            return {"context": context, "instance": instance}
        case PromotionRecord(context=context, from_instance=source, to_instance=lane):
            where = {"context": context, "from_instance": source, "to_instance": lane}
        case DeploymentRecord(context=context, instance=lane) | BackupGateRecord(context=context, instance=lane):
            where = {"context": context, "instance": lane}
        case _:
            raise TypeError(type(record).__name__)
    return {"record_id": record.record_id, **where, "moment": began(record)}
