"""The tables, the same in both databases. ``entries`` is the record; what most others hold follows from it.

``meta.schema_version`` is the format: 1 had neither ids of entries nor inputs of their own, and is read as it is; 2 had
no tokens. An entry has the format in which it was written; 3 changed nothing of entries.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from launchplane_gate.model import Lane

FORMAT = 3
ENTRY_FORMAT = 2

metadata = sa.MetaData()
_Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts by itself in an INTEGER alone

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("ledger_id", sa.Text),
)
version = sa.Table(  # the one that alembic looks at
    "launchplane_gate_version",
    metadata,
    sa.Column("version_num", sa.String(32), primary_key=True),
)
lanes = sa.Table(
    "lanes",
    metadata,
    sa.Column("context", sa.Text, primary_key=True),
    sa.Column("instance", sa.Text, primary_key=True),
    sa.Column("length", sa.Integer, nullable=False),  # of the lane's chain
    sa.Column("head", sa.Text, nullable=False),
    sa.Column("holder", sa.Text),  # new for every hold: it is the fence too
    sa.Column("holder_process", sa.Text),
    sa.Column("held_since", sa.Text),
    sa.Column("lease_until", sa.Float),
    sa.Column("hold", sa.Text),
    sa.Column("holder_run", sa.Text),
    sa.Column("held_until", sa.Float),  # at the latest: the deadline of the holder's run
)
entries = sa.Table(
    "entries",
    metadata,
    sa.Column("number", _Number, primary_key=True),
    sa.Column("context", sa.Text, nullable=False),
    sa.Column("instance", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, index=True),  # the run, waiver or hold that it belongs to
    sa.Column("decision_id", sa.Text, unique=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("input", sa.Text),  # in format 1 alone: the policy input of a decision
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("format", sa.Integer),  # nothing in one of format 1
    sa.Column("entry_id", sa.Text),  # made by the writer, who finds it again by this
    sa.Column("input_digest", sa.Text),  # of the text that ``inputs`` has
    sa.UniqueConstraint("context", "instance", "position"),
    sa.Index("kinds_of_a_lane", "context", "instance", "kind"),
    sa.Index("entries_by_id", "entry_id", unique=True),
)
inputs = sa.Table(  # apart from what is chained, so that they can be archived
    "inputs",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("packed", sa.LargeBinary, nullable=False),
    sa.Index("inputs_by_time", "at"),
)
policies = sa.Table(  # each revision that ever decided, as `policy bundle` packs it
    "policies",
    metadata,
    sa.Column("revision", sa.Text, primary_key=True),
    sa.Column("packed", sa.LargeBinary, nullable=False),
)
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("number", _Number, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False, unique=True),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("source_context", sa.Text),
    sa.Column("source_instance", sa.Text),
    sa.Column("context", sa.Text, nullable=False),
    sa.Column("instance", sa.Text, nullable=False),
    sa.Column("artifact_id", sa.Text),
    sa.Column("source_git_ref", sa.Text),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("redeemed", sa.Boolean, nullable=False),
    sa.Column("started_at", sa.Text, nullable=False),
    sa.Column("confirmed_at", sa.Text),
    sa.Column("deployment_record_id", sa.Text),
    sa.Column("untouched", sa.Boolean, nullable=False),  # the driver says that its deploy changed nothing
    sa.Column("source_version", sa.Text),  # of the source's inventory, as decided on
    sa.Column("inventory_version", sa.Text),  # of the inventory that this run wrote
    sa.Column("deployment_version", sa.Text),  # of its deployment record, as it was when recorded
    sa.Column("version", sa.Text),  # that it was to publish
    sa.Index("runs_of_a_lane", "context", "instance", "number"),
    sa.Index("runs_of_a_product", "product", "number"),
    sa.Index("versions_of_a_commit", "product", "source_git_ref", "version"),
    sa.Index("runs_of_a_deployment", "deployment_record_id"),
)
# Written out: neither database sees that an index is of use for a condition with a parameter.
IS_OPEN = runs.c.status == sa.literal_column("'open'")
IS_EFFECTIVE = sa.and_(runs.c.redeemed, sa.not_(runs.c.untouched))
NAMES_INVENTORY = sa.or_(
    *(runs.c.status == sa.literal_column(f"'{status}'") for status in ("recorded", "adopted", "restored"))
)
for _name, _which in (("open_runs", IS_OPEN), ("effective_runs", IS_EFFECTIVE), ("naming_runs", NAMES_INVENTORY)):
    sa.Index(_name, runs.c.context, runs.c.instance, runs.c.number, sqlite_where=_which, postgresql_where=_which)

releases = sa.Table(  # one row a release that the lane's inventory has named, by its last such run
    "releases",
    metadata,
    sa.Column("context", sa.Text, primary_key=True),
    sa.Column("instance", sa.Text, primary_key=True),
    sa.Column("artifact_id", sa.Text, primary_key=True),
    sa.Column("source_git_ref", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Index("releases_by_commit", "context", "instance", "source_git_ref"),
    sa.Index("releases_by_artifact", "artifact_id"),
)
keys = sa.Table(
    "keys",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("request_digest", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False, index=True),
)
waivers = sa.Table(  # what finds their entries
    "waivers",
    metadata,
    sa.Column("waiver_id", sa.Text, primary_key=True),
    sa.Column("context", sa.Text, nullable=False),
    sa.Column("instance", sa.Text, nullable=False),
    sa.Column("artifact_id", sa.Text, nullable=False),
    sa.Column("source_git_ref", sa.Text, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),  # seconds since 1970
    sa.Column("is_over", sa.Boolean, nullable=False),  # revoked, or from before a past that was lost
    sa.Index("waivers_of_a_release", "context", "instance", "artifact_id", "source_git_ref"),
    sa.Index("waivers_by_end", "context", "instance", "expires"),
)
waiver_uses = sa.Table(
    "waiver_uses",
    metadata,
    sa.Column("waiver_id", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, primary_key=True),
)
tokens = sa.Table(  # those that let a request be admitted, until a while after nobody takes them any more
    "tokens",
    metadata,
    sa.Column("token", sa.Text, primary_key=True),  # its digest
    sa.Column("request_digest", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),  # of the entry: the run, waiver or lane
    sa.Column("until", _Number, nullable=False, index=True),  # seconds since 1970
)
refusals = sa.Table(  # of this hour, until they are summed up in an entry
    "refusals",
    metadata,
    sa.Column("context", sa.Text, primary_key=True),
    sa.Column("instance", sa.Text, primary_key=True),
    sa.Column("hour", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),  # who asked what, and which rules refused it
    sa.Column("decision_id", sa.Text, nullable=False),
    sa.Column("stranger", sa.Boolean, nullable=False),
    sa.Column("repeats", sa.Integer, nullable=False),
)
waiters = sa.Table(
    "waiters",
    metadata,
    sa.Column("context", sa.Text, primary_key=True),
    sa.Column("instance", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("until", sa.Float, nullable=False),
)

# -- records, where they live in the database and not in files

inventories = sa.Table(
    "inventories",
    metadata,
    sa.Column("context", sa.Text, primary_key=True),
    sa.Column("instance", sa.Text, primary_key=True),
    sa.Column("record", sa.Text, nullable=False),
)


def _records(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("context", sa.Text, nullable=False),
        *columns,
        sa.Column("moment", sa.BigInteger),  # when it began, in microseconds since 1970; nothing where nobody knows
        sa.Column("record", sa.Text, nullable=False),
        sa.Index(f"{name}_of_a_lane", "context", columns[-1].name, "moment"),
    )


deployments = _records("deployments", sa.Column("instance", sa.Text, nullable=False))
promotions = _records(
    "promotions", sa.Column("from_instance", sa.Text, nullable=False), sa.Column("to_instance", sa.Text, nullable=False)
)
backup_gates = _records("backup_gates", sa.Column("instance", sa.Text, nullable=False))

# -- what was recorded is never changed, not by accident either

NEVER = {"entries": ("UPDATE", "DELETE"), "policies": ("UPDATE", "DELETE"), "inputs": ("UPDATE",)}


def append_only(dialect: str, table: str, schema: str | None = None) -> list[str]:
    """The statements that forbid to change what a table holds; for one of Postgres also to empty it."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER IF NOT EXISTS {'no' if table == 'entries' else f'{table}_no'}_{verb} "
            f"BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'append only'); END"
            for verb in NEVER[table]
        ]
    place = f'"{schema}"'
    forbids = f"{place}.append_only()"
    return [
        f"CREATE OR REPLACE FUNCTION {forbids} RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'append only'; END $$",
        *(
            f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {place}.{table} "
            f"FOR EACH {'STATEMENT' if verb == 'TRUNCATE' else 'ROW'} EXECUTE FUNCTION {forbids}"
            for verb in (*NEVER[table], "TRUNCATE")
        ),
    ]


def _forbid(table: sa.Table, connection: sa.Connection, **_: Any) -> None:
    schema = connection.get_execution_options().get("schema_translate_map", {}).get(None)
    for statement in append_only(connection.dialect.name, table.name, schema):
        connection.exec_driver_sql(statement)


for _table in (entries, policies, inputs):
    event.listen(_table, "after_create", _forbid)


def is_lane(table: sa.Table) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.context == sa.bindparam("lane_context"), table.c.instance == sa.bindparam("lane_instance")


def of_lane(lane: Lane, **rest: Any) -> dict[str, Any]:
    return {"lane_context": lane.context, "lane_instance": lane.instance, **rest}


# Built once: building a statement costs more than running it. ``of_lane`` gives the lane that they are about.
HOLDER: sa.BindParameter[str] = sa.bindparam("of_holder")
RUN: sa.BindParameter[str] = sa.bindparam("of_run")
SELECT_LANE = sa.select(lanes).where(*is_lane(lanes))
UPDATE_LANE = lanes.update().where(*is_lane(lanes))
UPDATE_RUN = runs.update().where(runs.c.run_id == RUN)
FREE_KEY = keys.delete().where(keys.c.run_id == RUN)
