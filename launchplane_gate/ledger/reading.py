"""What the ledger is asked about runs and lanes. No question reads a lane's whole past."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, get_args

import sqlalchemy as sa

from launchplane_gate.ledger import tables
from launchplane_gate.ledger.chain import Chain, Head
from launchplane_gate.ledger.database import Database
from launchplane_gate.ledger.entry import Entry, entry_of
from launchplane_gate.ledger.kept import body_in
from launchplane_gate.ledger.mark import Mark
from launchplane_gate.model import Lane, ReleaseIdentity, Settling

Row = sa.Row[Any]

_RUNS, _ENTRIES = tables.runs, tables.entries
_SELECT_RUN = sa.select(_RUNS).where(_RUNS.c.run_id == tables.RUN)
_IS_OTHER = _RUNS.c.run_id != tables.RUN
_NEWEST_FIRST = _RUNS.c.number.desc()
_LAST_EFFECTIVE = (
    sa.select(_RUNS).where(*tables.is_lane(_RUNS), tables.IS_EFFECTIVE, _IS_OTHER).order_by(_NEWEST_FIRST).limit(1)
)
_LAST_BRINGING = (
    sa.select(_RUNS)
    .where(
        *tables.is_lane(_RUNS),
        tables.IS_EFFECTIVE,
        sa.or_(_RUNS.c.action != "evidence", _RUNS.c.confirmed_at.is_not(None)),
    )
    .order_by(_NEWEST_FIRST)
    .limit(1)
)
_LAST_CHANGING = (
    sa.select(_RUNS)
    .where(*tables.is_lane(_RUNS), tables.IS_EFFECTIVE, _RUNS.c.action.not_in(get_args(Settling)))
    .order_by(_NEWEST_FIRST)
    .limit(1)
)
_LAST_NAMED = (
    sa.select(_RUNS)
    .where(*tables.is_lane(_RUNS), tables.IS_EFFECTIVE, tables.NAMES_INVENTORY)
    .order_by(_NEWEST_FIRST)
    .limit(1)
)
_TOUCHED_SINCE = (
    sa.select(_RUNS.c.artifact_id, _RUNS.c.source_git_ref)
    .where(*tables.is_lane(_RUNS), tables.IS_EFFECTIVE, _RUNS.c.number > sa.bindparam("of_number"))
    .group_by(_RUNS.c.artifact_id, _RUNS.c.source_git_ref)
    .order_by(sa.func.max(_RUNS.c.number).desc())
)
_COMMITS_OF = (
    sa.select(_RUNS.c.source_git_ref)
    .join(tables.releases, tables.releases.c.run_id == _RUNS.c.run_id)
    .where(tables.releases.c.artifact_id == sa.bindparam("of_artifact"), _RUNS.c.status == "recorded")
    .distinct()
)
_WITH_A_VERSION = (
    sa.select(_RUNS.c.run_id)
    .where(
        _RUNS.c.product == sa.bindparam("of_product"),
        _RUNS.c.source_git_ref == sa.bindparam("of_commit"),
        _RUNS.c.version.is_not(None),
        _RUNS.c.status.in_(("recorded", "unchanged")),
    )
    .order_by(_RUNS.c.number)
)
_WITH_INPUT = sa.select(_ENTRIES, tables.inputs.c.packed).join_from(
    _ENTRIES, tables.inputs, tables.inputs.c.digest == _ENTRIES.c.input_digest, isouter=True
)
_OF_SUBJECT = _WITH_INPUT.where(_ENTRIES.c.subject == tables.RUN).order_by(_ENTRIES.c.number)
_DECISION = _WITH_INPUT.where(_ENTRIES.c.decision_id == sa.bindparam("of_decision"))
_NEWEST_DECISIONS = (
    _WITH_INPUT.where(_ENTRIES.c.decision_id.is_not(None))
    .order_by(_ENTRIES.c.number.desc())
    .limit(sa.bindparam("at_most", type_=sa.Integer))
)
_BODY_OF = (
    sa.select(_ENTRIES.c.body)
    .where(_ENTRIES.c.subject == tables.RUN, _ENTRIES.c.kind == sa.bindparam("of_kind"))
    .order_by(_ENTRIES.c.number.desc())
    .limit(1)
)
_TOLD_OF = (
    sa.select(_ENTRIES.c.kind, _ENTRIES.c.at, _ENTRIES.c.body, _RUNS)
    .join_from(_RUNS, _ENTRIES, _ENTRIES.c.subject == _RUNS.c.run_id)
    .where(
        _RUNS.c.product == sa.bindparam("of_product"),
        _ENTRIES.c.kind.in_(sa.bindparam("of_kinds", expanding=True)),
        _ENTRIES.c.at >= sa.bindparam("of_at"),
    )
    .order_by(_ENTRIES.c.number)
)
_POLICIES = sa.select(tables.policies.c.packed).where(tables.policies.c.revision == sa.bindparam("of_revision"))
_FORGIVEN = sa.select(_ENTRIES.c.body).where(*tables.is_lane(_ENTRIES), _ENTRIES.c.kind.in_(("adopted", "restored")))
_AT = sa.select(_ENTRIES.c.hash).where(*tables.is_lane(_ENTRIES), _ENTRIES.c.position == sa.bindparam("of_position"))


class Told(NamedTuple):
    """An entry in short, and the run that it is of."""

    kind: str
    at: str
    body: dict[str, Any]
    run: Row


class Reading(Chain):
    """The room of the ledger in which questions are answered."""

    def __init__(self, database: Database, mark: Mark | None = None) -> None:
        super().__init__(database, mark)
        self._ledger_id = ""
        self._seen: set[Head] = set()

    def ledger_id(self) -> str:
        if not self._ledger_id:
            with self._read() as connection:
                self._ledger_id = connection.execute(sa.select(tables.meta.c.ledger_id)).scalar() or ""
        return self._ledger_id

    def forgiven(self, lane: Lane) -> list[dict[str, Any]]:
        """What was lost of a lane's past and is on record as such: ``ledgers``, ``heads`` and ``runs`` by their ids."""
        with self._read() as connection:
            bodies = connection.execute(_FORGIVEN, tables.of_lane(lane)).scalars().all()
        return [past for text in bodies if (past := body_in(text).get("past"))]

    # -- runs

    def run_row(self, run_id: str) -> Row | None:
        with self._read() as connection:
            return connection.execute(_SELECT_RUN, {"of_run": run_id}).first()

    def runs(self, lane: Lane | None = None, *, product: str | None = None, limit: int = 50) -> list[str]:
        """The ids of the newest runs, newest first."""
        query = sa.select(_RUNS.c.run_id).order_by(_NEWEST_FIRST).limit(limit)
        if lane:
            query = query.where(_RUNS.c.context == lane.context, _RUNS.c.instance == lane.instance)
        if product:
            query = query.where(_RUNS.c.product == product)
        with self._read() as connection:
            return list(connection.execute(query).scalars())

    def last_effective(self, lane: Lane, *, but: str = "") -> Row | None:
        """The lane's last run that redeemed, touched or recorded anything."""
        with self._read() as connection:
            return connection.execute(_LAST_EFFECTIVE, tables.of_lane(lane, of_run=but)).first()

    def last_bringing(self, lane: Lane) -> Row | None:
        """The lane's last effective run, but for reports of what others deployed, unless the policies confirmed one."""
        with self._read() as connection:
            return connection.execute(_LAST_BRINGING, tables.of_lane(lane)).first()

    def last_changing(self, lane: Lane) -> Row | None:
        """The lane's last effective run, but for those that only looked."""
        with self._read() as connection:
            return connection.execute(_LAST_CHANGING, tables.of_lane(lane)).first()

    def last_naming(self, lane: Lane) -> Row | None:
        """The lane's last run that its inventory was named by."""
        with self._read() as connection:
            return connection.execute(_LAST_NAMED, tables.of_lane(lane)).first()

    def runs_since_recorded(self, lane: Lane) -> tuple[ReleaseIdentity | None, list[ReleaseIdentity]]:
        """The release that a lane's inventory last named by the ledger, and those of later runs that touched it."""
        with self._read(several=True) as connection:
            named = connection.execute(_LAST_NAMED, tables.of_lane(lane)).first()
            since = tables.of_lane(lane, of_number=named.number if named else 0)
            later = connection.execute(_TOUCHED_SINCE, since).all()
        return (_release(named) if named else None), [release for row in later if (release := _release(row))]

    def commit_of(self, artifact_id: str) -> str | None:
        """The commit that an artifact was seen to report, by the runs of it that were recorded."""
        with self._read() as connection:
            commits = connection.execute(_COMMITS_OF, {"of_artifact": artifact_id}).scalars().all()
        return commits[0] if len(commits) == 1 else None

    def runs_with_a_version(self, product: str, commit: str) -> list[str]:
        """The recorded runs of a product that asked for a version, of one commit, the first one first."""
        about = {"of_product": product, "of_commit": commit}
        with self._read() as connection:
            return list(connection.execute(_WITH_A_VERSION, about).scalars())

    # -- entries

    def entries(self, *, subject: str = "", lane: Lane | None = None, kinds: Sequence[str] = ()) -> list[Entry]:
        query = _OF_SUBJECT if subject else _WITH_INPUT.order_by(_ENTRIES.c.number)
        if kinds:
            query = query.where(_ENTRIES.c.kind.in_(kinds))
        if lane:
            query = query.where(_ENTRIES.c.context == lane.context, _ENTRIES.c.instance == lane.instance)
        with self._read() as connection:
            return [entry_of(row) for row in connection.execute(query, {"of_run": subject} if subject else {})]

    def body_of(self, subject: str, kind: str) -> dict[str, Any] | None:
        """What the last entry of a kind says, of a run; None where there is none."""
        with self._read() as connection:
            text = connection.execute(_BODY_OF, {"of_run": subject, "of_kind": kind}).scalar()
        return None if text is None else body_in(text)

    def told_of(self, product: str, kinds: Sequence[str], *, since: str) -> Iterator[Told]:
        """The entries of some kinds of a product's runs since a moment (``stamp``), the first one first."""
        about = {"of_product": product, "of_kinds": list(kinds), "of_at": since}
        with self._read() as connection:
            for row in connection.execute(_TOLD_OF, about):
                yield Told(row.kind, row.at, body_in(row.body), row)

    def decision_entries(self, *, limit: int = 50, decision_id: str = "") -> list[Entry]:
        """Entries that hold a decision, newest first."""
        query: sa.Select[Any] = _NEWEST_DECISIONS
        about: dict[str, Any] = {"at_most": limit}
        if decision_id:
            query, about = _DECISION, {"of_decision": decision_id}
        with self._read() as connection:
            return [entry_of(row) for row in connection.execute(query, about)]

    def policies(self, revision: str) -> bytes | None:
        """The policies of a revision that decided, as they were kept."""
        with self._read() as connection:
            packed: bytes | None = connection.execute(_POLICIES, {"of_revision": revision}).scalar()
        return packed

    # -- heads of chains

    def heads(self) -> list[Head]:
        """The last entry of each lane."""
        query = sa.select(tables.lanes).order_by(tables.lanes.c.context, tables.lanes.c.instance)
        with self._read() as connection:
            rows = connection.execute(query).all()
        return [
            Head(Lane.model_construct(context=row.context, instance=row.instance), row.length, row.head)
            for row in rows
            if row.length
        ]

    def has(self, head: Head) -> bool:
        """Whether an entry is there. One that was seen stays: nothing is taken out of a chain."""
        if head not in self._seen and self.hash_at(head.lane, head.position) == head.hash:
            self._seen.add(head)
        return head in self._seen

    def hash_at(self, lane: Lane, position: int) -> str | None:
        """The hash of an entry; None where the chain is shorter."""
        with self._read() as connection:
            found: str | None = connection.execute(_AT, tables.of_lane(lane, of_position=position)).scalar()
        return found


def _release(row: Any) -> ReleaseIdentity | None:
    if row.artifact_id and row.source_git_ref:
        return ReleaseIdentity(artifact_id=row.artifact_id, source_git_ref=row.source_git_ref)
    return None
