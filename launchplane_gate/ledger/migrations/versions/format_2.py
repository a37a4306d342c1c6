"""From format 1: ids of entries, inputs and policies apart, and what keeps questions from reading a lane's whole past.

Format 1 was never in Postgres.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from launchplane_gate.ledger.kept import body_in
from launchplane_gate.ledger.tables import append_only

revision = "2"
down_revision = None

Columns = dict[str, list[sa.Column[Any]]]
"""By the name of a table. A column is one table's alone, so each call makes its own."""


def _added() -> Columns:
    """What tables that there were have since."""
    return {
        "meta": [sa.Column("ledger_id", sa.Text)],
        "lanes": [sa.Column("holder_run", sa.Text), sa.Column("held_until", sa.Float)],
        "entries": [
            sa.Column("format", sa.Integer),
            sa.Column("entry_id", sa.Text),
            sa.Column("input_digest", sa.Text),
        ],
        "runs": [sa.Column("version", sa.Text)],
    }


def _since_then() -> Columns:
    """Tables that the newest of format 1 had already."""
    return {
        "refusals": [
            *(sa.Column(name, sa.Text, primary_key=True) for name in ("context", "instance", "hour", "key")),
            sa.Column("decision_id", sa.Text, nullable=False),
            sa.Column("stranger", sa.Boolean, nullable=False),
            sa.Column("repeats", sa.Integer, nullable=False),
        ],
        "waiters": [
            *(sa.Column(name, sa.Text, primary_key=True) for name in ("context", "instance", "subject")),
            sa.Column("token", sa.Text, nullable=False),
            sa.Column("process", sa.Text, nullable=False),
            sa.Column("until", sa.Float, nullable=False),
        ],
    }


def _tables() -> Columns:
    """Tables that there were none of."""
    return {
        "inputs": [
            sa.Column("digest", sa.Text, primary_key=True),
            sa.Column("at", sa.Text, nullable=False),
            sa.Column("packed", sa.LargeBinary, nullable=False),
        ],
        "policies": [
            sa.Column("revision", sa.Text, primary_key=True),
            sa.Column("packed", sa.LargeBinary, nullable=False),
        ],
        "releases": [
            *(sa.Column(name, sa.Text, primary_key=True) for name in ("context", "instance")),
            *(sa.Column(name, sa.Text, primary_key=True) for name in ("artifact_id", "source_git_ref")),
            sa.Column("run_id", sa.Text, nullable=False),
        ],
        "waivers": [
            sa.Column("waiver_id", sa.Text, primary_key=True),
            *(sa.Column(name, sa.Text, nullable=False) for name in ("context", "instance")),
            *(sa.Column(name, sa.Text, nullable=False) for name in ("artifact_id", "source_git_ref")),
            sa.Column("expires", sa.Float, nullable=False),
            sa.Column("is_over", sa.Boolean, nullable=False),
        ],
        "waiver_uses": [sa.Column(name, sa.Text, primary_key=True) for name in ("waiver_id", "run_id")],
        "inventories": [
            *(sa.Column(name, sa.Text, primary_key=True) for name in ("context", "instance")),
            sa.Column("record", sa.Text, nullable=False),
        ],
        **{
            name: [
                sa.Column("record_id", sa.Text, primary_key=True),
                *(sa.Column(column, sa.Text, nullable=False) for column in ("context", *instances)),
                sa.Column("moment", sa.BigInteger),
                sa.Column("record", sa.Text, nullable=False),
            ]
            for name, instances in (
                ("deployments", ("instance",)),
                ("promotions", ("from_instance", "to_instance")),
                ("backup_gates", ("instance",)),
            )
        },
    }


INDEXES = [
    ("entries_by_id", "entries", ["entry_id"], True, None),
    ("inputs_by_time", "inputs", ["at"], False, None),
    ("runs_of_a_product", "runs", ["product", "number"], False, None),
    ("versions_of_a_commit", "runs", ["product", "source_git_ref", "version"], False, None),
    ("runs_of_a_deployment", "runs", ["deployment_record_id"], False, None),
    ("open_runs", "runs", ["context", "instance", "number"], False, "status = 'open'"),
    ("effective_runs", "runs", ["context", "instance", "number"], False, "redeemed = 1 AND untouched = 0"),
    (
        "naming_runs",
        "runs",
        ["context", "instance", "number"],
        False,
        "status = 'recorded' OR status = 'adopted' OR status = 'restored'",
    ),
    ("releases_by_commit", "releases", ["context", "instance", "source_git_ref"], False, None),
    ("releases_by_artifact", "releases", ["artifact_id"], False, None),
    ("ix_keys_run_id", "keys", ["run_id"], False, None),
    ("waivers_of_a_release", "waivers", ["context", "instance", "artifact_id", "source_git_ref"], False, None),
    ("waivers_by_end", "waivers", ["context", "instance", "expires"], False, None),
    ("deployments_of_a_lane", "deployments", ["context", "instance", "moment"], False, None),
    ("promotions_of_a_lane", "promotions", ["context", "to_instance", "moment"], False, None),
    ("backup_gates_of_a_lane", "backup_gates", ["context", "instance", "moment"], False, None),
    ("kinds_of_a_lane", "entries", ["context", "instance", "kind"], False, None),
]


def upgrade() -> None:
    there = sa.inspect(op.get_bind())
    for table, columns in _added().items():
        for column in columns:
            op.add_column(table, column)
    for name, columns in {**_since_then(), **_tables()}.items():
        if not there.has_table(name):
            op.create_table(name, *columns)
    for name, table, on, unique, where in INDEXES:
        if not there.has_table(table) or name not in {index["name"] for index in there.get_indexes(table)}:
            op.create_index(name, table, on, unique=unique, sqlite_where=where and sa.text(where))
    for table in ("policies", "inputs"):
        for statement in append_only("sqlite", table):
            op.execute(statement)
    _fill(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    """What the new tables find, as the entries add up to it."""
    connection.execute(sa.text("UPDATE meta SET schema_version = 2, ledger_id = :id"), {"id": secrets.token_hex(16)})
    connection.execute(
        sa.text(
            "INSERT INTO releases SELECT context, instance, artifact_id, source_git_ref, run_id FROM runs r "
            "WHERE status IN ('recorded', 'adopted') AND artifact_id IS NOT NULL AND source_git_ref IS NOT NULL "
            "AND number = (SELECT max(number) FROM runs o WHERE o.status IN ('recorded', 'adopted') "
            "AND (o.context, o.instance, o.artifact_id, o.source_git_ref) "
            "= (r.context, r.instance, r.artifact_id, r.source_git_ref))"
        )
    )
    entries = sa.text("SELECT context, instance, kind, subject, body FROM entries ORDER BY number")
    for context, instance, kind, subject, text in connection.execute(entries).all():
        body = body_in(text)
        if kind in ("waiver", "waiver_requested"):
            _waiver(connection, subject, context, instance, body.get("waiver", body))
        elif kind == "waiver_revoked":
            connection.execute(sa.text("UPDATE waivers SET is_over = 1 WHERE waiver_id = :id"), {"id": subject})
        for waiver in (body.get("decision") or {}).get("waivers", ()):
            used = {"waiver": waiver["waiver_id"], "run": subject}
            connection.execute(sa.text("INSERT OR IGNORE INTO waiver_uses VALUES (:waiver, :run)"), used)
        if body.get("version"):
            asked = {"version": body["version"], "run": subject}
            connection.execute(sa.text("UPDATE runs SET version = :version WHERE run_id = :run"), asked)


def _waiver(connection: sa.Connection, waiver_id: str, context: str, instance: str, waiver: dict[str, object]) -> None:
    release = waiver["release"]
    assert isinstance(release, dict)
    expires = datetime.fromisoformat(str(waiver["expires_at"])).timestamp()
    row = {"id": waiver_id, "context": context, "instance": instance, "expires": expires, **release}
    statement = "INSERT INTO waivers VALUES (:id, :context, :instance, :artifact_id, :source_git_ref, :expires, 0)"
    connection.execute(sa.text(statement), row)


def downgrade() -> None:
    raise NotImplementedError("what was recorded is never taken away")
