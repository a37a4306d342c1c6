"""The tables of the ledger, and the statements that are asked of them over and over."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from launchplane_gate.model import Lane

metadata = sa.MetaData()
meta = sa.Table("meta", metadata, sa.Column("schema_version", sa.Integer, nullable=False))
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
)
entries = sa.Table(
    "entries",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("context", sa.Text, nullable=False),
    sa.Column("instance", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, index=True),  # the run or waiver that it belongs to
    sa.Column("decision_id", sa.Text, unique=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("input", sa.Text),  # the whole policy input of a decision, apart: it is large, and seldom read
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.UniqueConstraint("context", "instance", "position"),
    sa.Index("kinds_of_a_lane", "context", "instance", "kind"),  # the waivers are few among them
)
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
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
    sa.Index("runs_of_a_lane", "context", "instance", "number"),
)
keys = sa.Table(
    "keys",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("request_digest", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
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

for _verb in ("UPDATE", "DELETE"):  # what was recorded is never changed, not by accident either
    _forbid = f"CREATE TRIGGER no_{_verb} BEFORE {_verb} ON entries BEGIN SELECT RAISE(ABORT, 'append only'); END"
    event.listen(entries, "after_create", sa.DDL(_forbid).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]  # so in SQLAlchemy


def is_lane(table: sa.Table) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.context == sa.bindparam("lane_context"), table.c.instance == sa.bindparam("lane_instance")


def of_lane(lane: Lane, **rest: Any) -> dict[str, Any]:
    return {"lane_context": lane.context, "lane_instance": lane.instance, **rest}


# Built once: building a statement costs more than running it. ``of_lane`` gives the lane that they are about.
HOLDER: sa.BindParameter[str] = sa.bindparam("of_holder")
RUN: sa.BindParameter[str] = sa.bindparam("of_run")
SELECT_LANE = sa.select(lanes).where(*is_lane(lanes))
UPDATE_LANE = lanes.update().where(*is_lane(lanes))
RELEASE_LANE = UPDATE_LANE.where(lanes.c.holder == HOLDER).values(holder=None, lease_until=None)
SELECT_RUN = sa.select(runs).where(runs.c.run_id == RUN)
UPDATE_RUN = runs.update().where(runs.c.run_id == RUN)
STEP_RUN = UPDATE_RUN.where(
    runs.c.status == "open",
    runs.c.holder == HOLDER,
    sa.or_(sa.bindparam("of_step", type_=sa.Text).is_(None), runs.c.step == sa.bindparam("of_step", type_=sa.Text)),
)
OPEN_RUNS = sa.select(runs).where(*is_lane(runs), runs.c.status == "open")
LAST_EFFECTIVE = (
    sa.select(runs)
    .where(*is_lane(runs), runs.c.redeemed, sa.not_(runs.c.untouched), runs.c.run_id != RUN)
    .order_by(runs.c.number.desc())
    .limit(1)
)
TOUCHED = (
    sa.select(runs.c.status, runs.c.artifact_id, runs.c.source_git_ref)
    .where(*is_lane(runs), runs.c.redeemed, sa.not_(runs.c.untouched))
    .order_by(runs.c.number.desc())
)
COMMITS_OF = (
    sa.select(runs.c.source_git_ref)
    .where(runs.c.artifact_id == sa.bindparam("of_artifact"), runs.c.status == "recorded")
    .distinct()
)
ASKED_VERSIONS = (
    sa.select(entries.c.body, runs.c.source_git_ref)
    .join(runs, runs.c.run_id == entries.c.subject)
    .where(
        runs.c.product == sa.bindparam("of_product"),
        runs.c.status.in_(("recorded", "unchanged")),
        entries.c.kind == "decided",
        entries.c.body.contains('"version":"', autoescape=True),
    )
    .order_by(entries.c.number)
)
BODY_OF = (
    sa.select(entries.c.body)
    .where(entries.c.subject == RUN, entries.c.kind == sa.bindparam("of_kind"))
    .order_by(entries.c.number.desc())
    .limit(1)
)
UNTOUCHED = sa.select(runs.c.deployment_record_id).where(*is_lane(runs), runs.c.untouched)
HISTORY = (
    sa.select(runs.c.artifact_id, runs.c.source_git_ref, runs.c.action, runs.c.started_at)
    .where(*is_lane(runs), runs.c.status.in_(("recorded", "adopted")), runs.c.artifact_id.is_not(None))
    .order_by(runs.c.number.desc())
)
REVOKED = sa.select(entries.c.subject).where(*is_lane(entries), entries.c.kind == "waiver_revoked").correlate(None)
WAIVERS = (
    sa.select(entries.c.kind, entries.c.subject, entries.c.body)
    .where(
        *is_lane(entries),
        entries.c.kind.in_(("waiver", "waiver_requested", "waiver_approved")),
        entries.c.subject.not_in(REVOKED),
    )
    .order_by(entries.c.number)
)
WAIVED = sa.select(entries.c.subject, entries.c.body).where(
    *is_lane(entries), entries.c.decision_id.is_not(None), entries.c.body.contains('"waivers":[{', autoescape=True)
)
HOUR: sa.BindParameter[str] = sa.bindparam("of_hour")
OF_THE_HOUR = (*is_lane(refusals), refusals.c.hour == HOUR)
SELECT_REFUSAL = sa.select(refusals).where(*OF_THE_HOUR, refusals.c.key == sa.bindparam("of_key"))
STRANGERS = sa.select(sa.func.count()).select_from(refusals).where(*OF_THE_HOUR, refusals.c.stranger)
COUNT_REFUSAL = (
    refusals.update()
    .where(*OF_THE_HOUR, refusals.c.key == sa.bindparam("of_key"))
    .values(repeats=refusals.c.repeats + 1)
)
PAST_REFUSALS = sa.select(refusals).where(refusals.c.hour < HOUR)
REPEATS = sa.select(sa.func.sum(refusals.c.repeats)).where(refusals.c.decision_id == sa.bindparam("of_decision"))
SUMMED_WITH = sa.select(entries.c.body).where(
    entries.c.kind == "refusals", entries.c.body.contains(sa.bindparam("of_decision"), autoescape=False)
)
FORGET_REFUSALS = refusals.delete().where(refusals.c.hour < HOUR)
OF_SUBJECT = (*is_lane(waiters), waiters.c.subject == sa.bindparam("of_subject"))
SELECT_WAITER = sa.select(waiters).where(*OF_SUBJECT)
FORGET_WAITER = waiters.delete().where(*OF_SUBJECT)
FREE_KEY = keys.delete().where(keys.c.run_id == RUN)
