"""The journal of runs: one entry a step, and the row of the run as its entries add up to it.

A run's entries stand in its destination's chain. An entry's kind is the step that the run reached; the kind of a
closing entry is the run's status. What a step changes of the row stands in the entry under ``run``, so that whoever
verifies can add them up again.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from launchplane_gate.errors import LedgerError, NotSettled, RecordExists, Stale
from launchplane_gate.ledger import kept, leave, ran, refusals, spending, tables
from launchplane_gate.ledger.chain import CLOSING, Chain, Entering, Head
from launchplane_gate.ledger.database import Database
from launchplane_gate.ledger.holding import KEY_KEPT
from launchplane_gate.ledger.lease import Lease
from launchplane_gate.ledger.mark import Mark
from launchplane_gate.model import Lane, ReleaseIdentity, stamp

DURABLE = CLOSING | {"redeemed", "recording"}  # on disk before the platform, the store or the caller is told
KEEPS_ITS_KEY = frozenset({"open", "recorded", "observed", "unchanged"})
FREED = "key_freed"
_NAMES = "record:"
_KEPT_KEY = (
    sa.select(tables.keys)
    .join(tables.runs, tables.runs.c.run_id == tables.keys.c.run_id)
    .where(
        *tables.is_lane(tables.runs),
        tables.runs.c.status == "interrupted",
        ~tables.keys.c.scope.startswith(_NAMES),
        tables.runs.c.number
        >= sa.select(tables.runs.c.number).where(tables.runs.c.run_id == tables.RUN).scalar_subquery(),
    )
    .order_by(tables.runs.c.number.desc())
    .limit(1)
)
_TAKE_KEY = tables.keys.delete().where(
    tables.keys.c.scope == sa.bindparam("of_scope"), tables.keys.c.key == sa.bindparam("of_key")
)

Row = sa.Row[Any]

_INSERT_RUN = tables.runs.insert()
_INSERT_KEY = tables.keys.insert()
_INSERT_NAME = {
    "sqlite": sqlite.insert(tables.keys).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(tables.keys).on_conflict_do_nothing(),  # waits for who takes it right now
}
_FREE_KEYS = tables.keys.delete().where(
    tables.keys.c.run_id.in_(sa.select(tables.runs.c.run_id).where(*tables.is_lane(tables.runs)))
)
_STEP = sa.bindparam("of_step", type_=sa.Text)
_STEP_RUN = tables.UPDATE_RUN.where(
    tables.IS_OPEN, tables.runs.c.holder == tables.HOLDER, sa.or_(_STEP.is_(None), tables.runs.c.step == _STEP)
)
_KEY = sa.select(tables.keys).where(
    tables.keys.c.scope == sa.bindparam("of_scope"), tables.keys.c.key == sa.bindparam("of_key")
)
_SELECT_RELEASE = sa.select(tables.runs.c.artifact_id, tables.runs.c.source_git_ref).where(
    tables.runs.c.run_id == tables.RUN
)
_IS_ITS_RELEASE = (
    getattr(tables.releases.c, name)
    == sa.select(getattr(tables.runs.c, name)).where(tables.runs.c.run_id == tables.RUN).scalar_subquery()
    for name in ("artifact_id", "source_git_ref")
)
_NAME_AGAIN = (
    tables.releases.update().where(*tables.is_lane(tables.releases), *_IS_ITS_RELEASE).values(run_id=tables.RUN)
)
_NAME = tables.releases.insert()


@dataclass(frozen=True)
class Key:
    """An idempotency key, within its scope: actor, action and destination."""

    scope: str
    key: str
    request_digest: str


class Journal(Chain):
    """The room of the ledger in which runs are begun, stepped and closed."""

    def __init__(self, database: Database, mark: Mark | None = None) -> None:
        super().__init__(database, mark)
        self._policies_kept: set[str] = set()

    def begin_run(
        self,
        lane: Lane,
        row: Mapping[str, Any],
        body: Mapping[str, Any],
        *,
        lease: Lease | None,
        key: Key | None = None,
        takes_over: bool = False,
    ) -> Head:
        """Save a run with its first entry, ``row["step"]``; reserve its key while it is open, and the ``names`` in its
        ``body``: the ids of the records that it is to write, by their kind.

        Without a lease only a run that ends with that entry. ``takes_over``: it is another's until now. Raises
        RecordExists for a name that is another run's.
        """
        is_open = row["status"] == "open"
        assert lease or not is_open  # what goes on holds its lane
        whole = {"redeemed": False, "untouched": False, **row, "context": lane.context, "instance": lane.instance}
        whole |= {"holder": lease.holder if lease else "", "started_at": stamp(self.now())}
        told: dict[str, Any] = {**body, "run": whole}
        if key and is_open:
            told["key"] = {"scope": key.scope, "key": key.key, "request_digest": key.request_digest}

        def work(at: Entering) -> Head:
            run_id = row["run_id"]
            head = self._append_as_held(at, row["step"], run_id, told)
            at.connection.execute(_INSERT_RUN, whole)
            if "key" in told:
                if takes_over:
                    at.connection.execute(_TAKE_KEY, {"of_scope": told["key"]["scope"], "of_key": told["key"]["key"]})
                at.connection.execute(_INSERT_KEY, told["key"] | {"run_id": run_id})
            if is_open:
                _take_names(at.connection, told.get("names", {}), run_id)
            _follow(at.connection, lane, run_id, row["step"], body)
            return head

        return self._enter(lane, work, lease=lease, durable=not is_open)

    def step(
        self,
        run_id: str,
        lane: Lane,
        kind: str,
        body: Mapping[str, Any],
        *,
        lease: Lease,
        after: str | None = None,
        rests_on: Set[str] = frozenset(),
        back_to: ReleaseIdentity | None = None,
        **columns: Any,
    ) -> Head:
        """Append a step of an open run that holds its lane under ``lease``, which is renewed.

        ``after``: the step that the run must stand at; ``back_to``: from this step on whatever came after that release
        is rolled back. Raises NotSettled where the run is no longer ours, Stale where one of the waivers that it
        ``rests_on`` was revoked.
        """
        changed = {**columns, "step": kind, "status": kind if kind in CLOSING else "open"}
        found = {"of_run": run_id, "of_holder": lease.holder, "of_step": after}

        def work(at: Entering) -> Head:
            if rests_on and (over := leave.over_among(at.connection, rests_on)):
                raise Stale(f"the waiver {min(over)} was revoked after the policies decided")
            if back_to:  # before the step, which stays the head of the chain that the caller is told
                ran.roll_back(Entering(at.connection, at.row), self._append, run_id, back_to)
            head = None
            if at.connection.execute(_STEP_RUN, found | changed).rowcount == 1:
                head = self._append_under(at, kind, run_id, {**body, "run": changed})
            if head is None:
                raise NotSettled(f"run {run_id} cannot go on to {kind!r}: it was closed, or its lease is over")
            if changed["status"] not in KEEPS_ITS_KEY and not body.get(KEY_KEPT):
                at.connection.execute(tables.FREE_KEY, {"of_run": run_id})
            _follow(at.connection, lane, run_id, kind, body)
            return head

        return self._enter(lane, work, lease=lease, durable=kind in DURABLE)

    def note(self, run_id: str, lane: Lane, kind: str, body: Mapping[str, Any], *, lease: Lease) -> None:
        """Append to the journal of a run that has ended what followed (ADDED), durably."""
        self._enter(lane, lambda at: self._append_as_held(at, kind, run_id, body), lease=lease)

    def _append_as_held(self, at: Entering, kind: str, run_id: str, body: Mapping[str, Any]) -> Head:
        """Raises LedgerError where there is a lease, and it is over."""
        head = self._append_under(at, kind, run_id, body) if at.lease else self._append(at, kind, run_id, body)
        if head is None:
            raise LedgerError(f"the lease on {at.row.lane} is over")
        return head

    def say_restored(self, lane: Lane, body: Mapping[str, Any]) -> None:
        """Enter that a lane's chain is behind, for one that no product has any more: no run stands for it."""

        def work(at: Entering) -> Head:
            leave.void(at.connection, lane)
            at.connection.execute(_FREE_KEYS, tables.of_lane(lane))
            return self._append(at, "restored", str(lane), body)

        self._enter(lane, work)

    # -- keys

    def key(self, key: Key) -> Row | None:
        """The run that a key is reserved for, with the digest of its request."""
        with self._read() as connection:
            return connection.execute(_KEY, {"of_scope": key.scope, "of_key": key.key}).first()

    def kept_key(self, lane: Lane, run_id: str) -> Key | None:
        """The key that is kept for an interrupted run, or for one that was to finish it and was interrupted too."""
        with self._read() as connection:
            row = connection.execute(_KEPT_KEY, tables.of_lane(lane, of_run=run_id)).first()
        return Key(row.scope, row.key, row.request_digest) if row else None

    def free(self, run_id: str, lane: Lane) -> None:
        """Let the key of a run be used again."""

        def work(at: Entering) -> Head:
            at.connection.execute(tables.FREE_KEY, {"of_run": run_id})
            return self._append(at, FREED, run_id, {})

        self._enter(lane, work)

    # -- refusals that no run stands for

    def refuse(self, lane: Lane, decision_id: str, body: Mapping[str, Any], *, key: str, stranger: bool) -> str:
        """Keep a refusal of who may not ask, whose lane nobody holds for it.

        ``key``: the same where who asked what, and the rules that refused it, are. Gives the id of the decision that
        stands for it: of the first one in this hour; empty where it was only counted.
        """
        hour = refusals.hour_of(self.now())
        self.sum_up(hour)
        with self._write(durable=False) as connection:
            at = Entering(connection, self._locked(connection, lane)[lane])
            refusal = refusals.Refusal(key, decision_id, body, stranger)
            return refusals.note(at, self._append, hour, refusal)

    def sum_up(self, hour: str | None = None) -> None:
        """Enter how often each refusal of the hours before was repeated, a lane after the other."""
        hour = hour or refusals.hour_of(self.now())
        with self._read() as connection:
            waiting = refusals.lanes_before(connection, hour)
        for lane in waiting:
            with self._write(durable=False) as connection:
                refusals.sum_up(Entering(connection, self._locked(connection, lane)[lane]), self._append, hour)

    def repeats_of(self, decision_id: str) -> int:
        """How often the refusal was repeated within its hour, for which a decision stands."""
        with self._read() as connection:
            return refusals.repeats_of(connection, decision_id)

    # -- tokens

    def see_unspent(self, spent: Mapping[str, Any]) -> None:
        """Raises TokenSpent for a token that let another request be admitted; spends nothing."""
        with self._read() as connection:
            spending.see_that_it_is_for_this(connection, spent)

    # -- what a decision rests on

    def keep_policies(self, revision: str, packed: kept.Packed) -> None:
        """Keep the policies of a revision that decides, whole and once."""
        if revision in self._policies_kept:
            return
        with self._read() as connection:
            known = kept.has_policies(connection, revision)
        if not known:
            with self._write(durable=False) as connection:
                kept.keep_policies(connection, revision, packed())
        self._policies_kept.add(revision)


def _take_names(connection: sa.Connection, names: Mapping[str, str], run_id: str) -> None:
    """Of two runs that choose one name, on whatever lanes, one has it."""
    for kind, record_id in names.items():
        row = {"scope": scope_of(kind), "key": record_id, "request_digest": "", "run_id": run_id}
        connection.execute(_INSERT_NAME[connection.dialect.name], row)  # how many rows that made, not all drivers tell
        has_it = connection.execute(_KEY, {"of_scope": row["scope"], "of_key": record_id}).one()
        if has_it.run_id != run_id:
            raise RecordExists(f"the id {record_id} was chosen for the {kind} record of another run")


def scope_of(kind: str) -> str:
    """In which no idempotency key is: those have an actor."""
    return f"{_NAMES}{kind}"


def _follow(connection: sa.Connection, lane: Lane, run_id: str, kind: str, body: Mapping[str, Any]) -> None:
    """Keep what finds a run again: by the release that its lane's inventory names since, by the waivers it used."""
    for waiver in (body.get("decision") or {}).get("waivers", ()):
        leave.note_use(connection, waiver["waiver_id"], run_id)
    if kind == "restored":
        leave.void(connection, lane)
        connection.execute(_FREE_KEYS, tables.of_lane(lane))
    if kind not in ("recorded", "adopted", "restored"):
        return
    if connection.execute(_NAME_AGAIN, tables.of_lane(lane, of_run=run_id)).rowcount:
        return
    artifact, commit = connection.execute(_SELECT_RELEASE, {"of_run": run_id}).one()
    if artifact is not None and commit is not None:
        here = {"context": lane.context, "instance": lane.instance}
        connection.execute(_NAME, here | {"artifact_id": artifact, "source_git_ref": commit, "run_id": run_id})
