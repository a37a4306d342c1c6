"""The append-only record of decisions, runs, leases, keys, holds and waivers.

One entry a step, chained by hash within its lane (a promotion's entries stand in its destination's chain). ``runs`` and
``lanes`` hold what the entries add up to, changed in the same transaction, so that a question is one query and a
step is one conditional update. An entry's kind is the step that the run reached; the kind of a closing entry is the
run's status.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from launchplane_gate import strictjson
from launchplane_gate.errors import LaneBusy, LedgerError, NotSettled, Stale
from launchplane_gate.holders import is_gone, this_process
from launchplane_gate.ledger import chain, leave, refusals, tables
from launchplane_gate.ledger import waiting as queue
from launchplane_gate.ledger.chain import CLOSING, GENESIS
from launchplane_gate.ledger.database import Database
from launchplane_gate.ledger.entry import Entry, body_in, entry_of
from launchplane_gate.ledger.lease import Lease
from launchplane_gate.model import HistoryEntry, Hold, Lane, ReleasedVersion, ReleaseIdentity, Waiver, stamp

FILE_NAME = "ledger.sqlite"
DURABLE = CLOSING | {"redeemed", "recording"}  # on disk before the platform, the store or the caller is told
POLL_S = 0.05

Row = sa.Row[Any]


@dataclass(frozen=True)
class Key:
    """An idempotency key, within its scope: actor, action and destination."""

    scope: str
    key: str
    request_digest: str


class Ledger:
    """SQLite in ``state_dir``; raises LedgerError where it cannot be opened, read or written."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._write, self._read = database.write, database.read
        self._anchor: tuple[datetime, float] | None = None

    @classmethod
    def open(cls, state_dir: Path, *, holds_records: bool, group: int | None = None) -> Ledger:
        """Open the ledger of a state directory, or start one where nothing has been recorded yet.

        ``group``: the id of one that may read the directory, where it has to be made.
        """
        _see_that_it_is_there(state_dir / FILE_NAME, holds_records)
        return cls.create(state_dir, group=group)

    @classmethod
    def to_read(cls, state_dir: Path, *, holds_records: bool) -> Ledger:
        """Open the ledger of a state directory for reading: nothing is made or written, not even a lock."""
        path = state_dir / FILE_NAME
        _see_that_it_is_there(path, holds_records)
        return cls(Database.to_read(path))

    @property
    def copied(self) -> bool:
        """Whether a copy is read, as the ledger stood when it was opened."""
        return self._database.copied

    @classmethod
    def create(cls, state_dir: Path, *, group: int | None = None) -> Ledger:
        return cls(Database.sqlite(state_dir / FILE_NAME, group=group))

    def close(self) -> None:
        self._database.close()

    def snapshot(self) -> AbstractContextManager[None]:
        """Whatever this thread reads inside is of one moment, and from one connection."""
        return self._database.snapshot()

    def now(self) -> datetime:
        """The ledger's clock: wall time once, then as much later as the monotonic clock says."""
        if self._anchor is None or abs(time.time() - self._steady().timestamp()) > 1:
            self._anchor = (datetime.now(UTC), time.monotonic())
        return self._steady()

    def _steady(self) -> datetime:
        assert self._anchor is not None  # set by the only caller
        wall, then = self._anchor
        return wall + timedelta(seconds=time.monotonic() - then)

    # -- holding lanes

    @contextmanager
    def hold(
        self,
        lanes: Sequence[Lane],
        *,
        wait_s: float,
        lease_s: float,
        waiting: Callable[[str], None],
        subject: str = "",
    ) -> Iterator[Lease]:
        """Hold all of ``lanes`` or none; raises LaneBusy after ``wait_s`` seconds.

        It is raised at once where another request of the same ``subject`` waits for one of them already. A run that
        somebody left open there is closed as interrupted.
        """
        holder = new_id("h")
        if busy := self._take(holder, lanes, lease_s):
            self._wait(holder, lanes, busy, wait_s=wait_s, lease_s=lease_s, waiting=waiting, subject=subject)
        lease = Lease(self, holder, lanes, lease_s)
        try:
            yield lease
        finally:
            with suppress(LedgerError):  # the lease ends by itself; the run's own result must not be lost over it
                lease.release(lease.lanes)

    def _wait(
        self,
        holder: str,
        lanes: Sequence[Lane],
        busy: str | None,
        *,
        wait_s: float,
        lease_s: float,
        waiting: Callable[[str], None],
        subject: str,
    ) -> None:
        deadline = time.monotonic() + wait_s
        if subject and wait_s:
            with self._write(durable=False) as connection:
                queue.begin(connection, subject, holder, lanes, wait_s=wait_s)
        try:
            while busy:
                if time.monotonic() >= deadline:
                    raise LaneBusy(busy)
                waiting(busy)
                time.sleep(POLL_S)
                busy = self._take(holder, lanes, lease_s)
        finally:
            if subject and wait_s:
                with suppress(LedgerError), self._write(durable=False) as connection:
                    queue.end(connection, holder)

    def _take(self, holder: str, lanes: Sequence[Lane], lease_s: float) -> str | None:
        with self._write(durable=False) as connection:
            for lane in lanes:
                row = self._lane(connection, lane)
                if row.holder and row.lease_until > time.time() and not is_gone(row.holder_process):
                    return f"{lane} is held by process {row.holder_process.split()[1]} since {row.held_since}"
            taken = {
                "holder": holder,
                "holder_process": this_process(),
                "held_since": stamp(self.now()),
                "lease_until": time.time() + lease_s,
            }
            connection.execute(tables.UPDATE_LANE, [tables.of_lane(lane, **taken) for lane in lanes])
            for lane in lanes:
                self._close_interrupted(connection, lane)
            refusals.sum_up(connection, partial(self._append, connection), refusals.hour_of(self.now()))
        return None

    def keep_alive(self, lease: Lease) -> None:
        """Start a lease on each of its lanes anew. Raises NotSettled where it is over, or another's."""
        with self._write(durable=False) as connection:
            for lane in lease.lanes:
                if not self._is_under(self._lane(connection, lane), lease):
                    raise NotSettled(f"the lease on {lane} is over")
            until = lease.renewed()
            connection.execute(tables.UPDATE_LANE, [tables.of_lane(lane, lease_until=until) for lane in lease.lanes])

    @staticmethod
    def _is_under(row: Row, lease: Lease) -> bool:
        return bool(row.holder == lease.holder and row.lease_until > time.time())

    def release(self, holder: str, lanes: Sequence[Lane]) -> None:
        with self._write(durable=False) as connection:
            connection.execute(tables.RELEASE_LANE, [tables.of_lane(lane, of_holder=holder) for lane in lanes])

    def is_held(self, lane: Lane, holder: str) -> bool:
        """Whether a hold is in force, and its process alive."""
        with self._read() as connection:
            row = connection.execute(tables.SELECT_LANE, tables.of_lane(lane)).first()
        return bool(row and row.holder == holder and row.lease_until > time.time() and not is_gone(row.holder_process))

    def _close_interrupted(self, connection: sa.Connection, lane: Lane) -> None:
        """Close each open run on a lane that was just taken: whoever ran it is gone."""
        for run in connection.execute(tables.OPEN_RUNS, tables.of_lane(lane)).all():
            detail = f"its process ended after the step {run.step!r}"
            self._append(connection, lane, "interrupted", run.run_id, {"detail": detail})
            connection.execute(
                tables.UPDATE_RUN, {"of_run": run.run_id, "status": "interrupted", "step": "interrupted"}
            )
            connection.execute(tables.FREE_KEY, {"of_run": run.run_id})

    # -- refusals that no run stands for

    def refuse(self, lane: Lane, decision_id: str, body: Mapping[str, Any], *, key: str, stranger: bool) -> str:
        """Keep a refusal of who may not ask, whose lane nobody holds for it.

        ``key``: the same where who asked what, and the rules that refused it, are. Gives the id of the decision that
        stands for it: of the first one in this hour; empty where it was only counted.
        """
        hour = refusals.hour_of(self.now())
        with self._write(durable=False) as connection:
            append = partial(self._append, connection)
            refusals.sum_up(connection, append, hour)
            return refusals.note(
                connection, append, lane, hour, key=key, decision_id=decision_id, body=body, stranger=stranger
            )

    def repeats_of(self, decision_id: str) -> int:
        """How often the refusal was repeated within its hour, for which a decision stands."""
        with self._read() as connection:
            return refusals.repeats_of(connection, decision_id)

    # -- runs

    def begin_run(
        self,
        lane: Lane,
        row: Mapping[str, Any],
        body: Mapping[str, Any],
        *,
        lease: Lease | None,
        key: Key | None = None,
    ) -> None:
        """Save a run with its first entry, ``row["step"]``; reserve its key while it is open.

        Without a lease only a run that ends with that entry.
        """
        is_open = row["status"] == "open"
        assert lease or not is_open  # what goes on holds its lane
        with self._write(durable=not is_open) as connection:
            if not self._append(connection, lane, row["step"], row["run_id"], body, lease=lease):
                raise LedgerError(f"the lease on {lane} is over")
            whole = {"redeemed": False, "untouched": False, **row, "context": lane.context, "instance": lane.instance}
            whole |= {"holder": lease.holder if lease else "", "started_at": stamp(self.now())}
            connection.execute(tables.runs.insert(), whole)
            if key and is_open:
                reserved = {"scope": key.scope, "key": key.key, "request_digest": key.request_digest}
                connection.execute(tables.keys.insert(), reserved | {"run_id": row["run_id"]})

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
        **columns: Any,
    ) -> None:
        """Append a step of an open run that holds its lane under ``lease``; start the lease anew.

        ``after``: the step that the run must stand at. Raises NotSettled where the run is no longer ours, Stale where
        one of the waivers that it ``rests_on`` was revoked.
        """
        status = kind if kind in CLOSING else "open"
        with self._write(durable=kind in DURABLE) as connection:
            if rests_on and (revoked := self._revoked(connection, lane) & rests_on):
                raise Stale(f"the waiver {min(revoked)} was revoked after the policies decided")
            columns |= {"of_run": run_id, "of_holder": lease.holder, "of_step": after, "step": kind, "status": status}
            moved = connection.execute(tables.STEP_RUN, columns).rowcount == 1
            if not moved or not self._append(connection, lane, kind, run_id, body, lease=lease):
                raise NotSettled(f"run {run_id} cannot go on to {kind!r}: it was closed, or its lease is over")
            if status not in ("open", "recorded", "unchanged"):
                connection.execute(tables.FREE_KEY, {"of_run": run_id})

    def note(self, run_id: str, lane: Lane, kind: str, body: Mapping[str, Any], *, lease: Lease) -> None:
        """Append to the journal of a run that has ended what followed (ADDED), durably."""
        with self._write() as connection:
            if not self._append(connection, lane, kind, run_id, body, lease=lease):
                raise LedgerError(f"the lease on {lane} is over")

    def run_row(self, run_id: str) -> Row | None:
        with self._read() as connection:
            return connection.execute(tables.SELECT_RUN, {"of_run": run_id}).first()

    def runs(self, lane: Lane | None = None, *, product: str | None = None, limit: int = 50) -> list[str]:
        """The ids of the newest runs, newest first."""
        query = sa.select(tables.runs.c.run_id).order_by(tables.runs.c.number.desc()).limit(limit)
        if lane:
            query = query.where(tables.runs.c.context == lane.context, tables.runs.c.instance == lane.instance)
        if product:
            query = query.where(tables.runs.c.product == product)
        with self._read() as connection:
            return list(connection.execute(query).scalars())

    def last_effective(self, lane: Lane, *, but: str = "") -> Row | None:
        """The lane's last run that redeemed, touched or recorded anything."""
        with self._read() as connection:
            return connection.execute(tables.LAST_EFFECTIVE, tables.of_lane(lane, of_run=but)).first()

    def runs_since_recorded(self, lane: Lane) -> tuple[ReleaseIdentity | None, list[ReleaseIdentity]]:
        """The release that a lane's inventory last named by the ledger, and those of later runs that touched it."""
        later: list[ReleaseIdentity] = []
        with self._read() as connection:
            for status, artifact, commit in connection.execute(tables.TOUCHED, tables.of_lane(lane)):
                release = ReleaseIdentity(artifact_id=artifact, source_git_ref=commit) if artifact and commit else None
                if status in ("recorded", "adopted"):
                    return release, later
                if release:
                    later.append(release)
        return None, later

    def commit_of(self, artifact_id: str) -> str | None:
        """The commit that an artifact was seen to report, by the runs of it that were recorded."""
        with self._read() as connection:
            commits = connection.execute(tables.COMMITS_OF, {"of_artifact": artifact_id}).scalars().all()
        return commits[0] if len(commits) == 1 else None

    def versions_of(self, product: str) -> list[ReleasedVersion]:
        """The versions that recorded runs of a product asked for, each with its commit, the first one first."""
        with self._read() as connection:
            rows = connection.execute(tables.ASKED_VERSIONS, {"of_product": product}).all()
        asked = {(body_in(text).get("version"), commit): None for text, commit in rows}
        return [ReleasedVersion(version=version, source_git_ref=commit) for version, commit in asked if version]

    def has_open_run(self, lane: Lane, *, but: str = "") -> bool:
        with self._read() as connection:
            return any(run.run_id != but for run in connection.execute(tables.OPEN_RUNS, tables.of_lane(lane)))

    def untouched(self, lane: Lane) -> frozenset[str]:
        """The lane's deployment records whose deploys are known to have changed nothing."""
        with self._read() as connection:
            return frozenset(connection.execute(tables.UNTOUCHED, tables.of_lane(lane)).scalars())

    def history(self, lane: Lane) -> list[HistoryEntry]:
        """One entry a release that the lane's inventory has named, newest first."""
        seen: dict[tuple[str, str], HistoryEntry] = {}
        with self._read() as connection:
            for artifact, commit, action, at in connection.execute(tables.HISTORY, tables.of_lane(lane)):
                if (artifact, commit) not in seen:
                    seen[artifact, commit] = HistoryEntry(
                        artifact_id=artifact, source_git_ref=commit, action=action, at=at, rolled_back=False
                    )
        return list(seen.values())

    # -- keys

    def key(self, key: Key) -> Row | None:
        """The run that a key is reserved for, with the digest of its request."""
        query = sa.select(tables.keys).where(tables.keys.c.scope == key.scope, tables.keys.c.key == key.key)
        with self._read() as connection:
            return connection.execute(query).first()

    def free(self, run_id: str) -> None:
        """Let the key of a run be used again."""
        with self._write() as connection:
            connection.execute(tables.FREE_KEY, {"of_run": run_id})

    # -- waivers and holds

    def save_waiver(self, waiver: Waiver, body: Mapping[str, Any]) -> None:
        """``body``: who requested it, and the decision that let them."""
        told = {**body, "waiver": waiver.model_dump(mode="json")}
        with self._write() as connection:
            self._append(connection, waiver.lane, leave.REQUESTED, waiver.waiver_id, told)

    def approve_waiver(self, waiver: Waiver, body: Mapping[str, Any]) -> bool:
        """Let a waiver count; False where it was approved or revoked before."""
        with self._write() as connection:
            done = {entry.kind for entry in self._entries_of(connection, waiver.waiver_id)}
            over = bool(done & {leave.APPROVED, leave.REVOKED, leave.FROM_BEFORE})
            return not over and self._append(connection, waiver.lane, leave.APPROVED, waiver.waiver_id, body)

    def revoke_waiver(self, waiver: Waiver, body: Mapping[str, Any]) -> bool:
        """End a waiver from here on; False where somebody did so before."""
        with self._write() as connection:
            before = waiver.waiver_id in self._revoked(connection, waiver.lane)
            return not before and self._append(connection, waiver.lane, leave.REVOKED, waiver.waiver_id, body)

    def waivers(self, lane: Lane, release: ReleaseIdentity | None) -> list[Waiver]:
        """Every waiver for a release on a lane but the revoked ones; none for a release that is not known."""
        with self._read() as connection:
            return leave.waivers_in(connection, lane, release)

    def uses_of_waivers(self, lane: Lane) -> list[tuple[str, str]]:
        """Which run's decision on a lane used which waiver, the oldest first: their ids."""
        with self._read() as connection:
            rows = connection.execute(tables.WAIVED.order_by(tables.entries.c.number), tables.of_lane(lane)).all()
        used = [(run, waiver) for run, body in rows for waiver in body_in(body)["decision"]["waivers"]]
        return list(dict.fromkeys((run, waiver["waiver_id"]) for run, waiver in used))

    def hold_on(self, lane: Lane) -> Hold | None:
        with self._read() as connection:
            row = connection.execute(tables.SELECT_LANE, tables.of_lane(lane)).first()
        return Hold.model_validate_json(row.hold) if row and row.hold else None

    # -- reading and verifying

    def entries(self, *, subject: str = "", lane: Lane | None = None, kinds: Sequence[str] = ()) -> list[Entry]:
        query = sa.select(tables.entries).order_by(tables.entries.c.number)
        if kinds:
            query = query.where(tables.entries.c.kind.in_(kinds))
        if subject:
            query = query.where(tables.entries.c.subject == subject)
        if lane:
            query = query.where(tables.entries.c.context == lane.context, tables.entries.c.instance == lane.instance)
        with self._read() as connection:
            return [entry_of(row) for row in connection.execute(query)]

    def body_of(self, subject: str, kind: str) -> dict[str, Any] | None:
        """What the last entry of a kind says, of a run; None where there is none."""
        with self._read() as connection:
            text = connection.execute(tables.BODY_OF, {"of_run": subject, "of_kind": kind}).scalar()
        return None if text is None else body_in(text)

    def decision_entries(self, *, limit: int = 50, decision_id: str = "") -> list[Entry]:
        """Entries that hold a decision, newest first."""
        query = (
            sa.select(tables.entries)
            .where(tables.entries.c.decision_id.is_not(None))
            .order_by(tables.entries.c.number.desc())
        )
        if decision_id:
            query = query.where(tables.entries.c.decision_id == decision_id)
        with self._read() as connection:
            return [entry_of(row) for row in connection.execute(query.limit(limit))]

    def verify(self) -> tuple[int, list[str]]:
        """Read every chain from its first row: how many entries stand, and what is wrong with them."""
        with self._read() as connection:
            return chain.verify(connection)

    # -- inside

    def _append(
        self,
        connection: sa.Connection,
        lane: Lane,
        kind: str,
        subject: str,
        body: Mapping[str, Any],
        *,
        lease: Lease | None = None,
    ) -> bool:
        """Add an entry to a lane's chain; under ``lease`` only while that is in force, and then start it anew."""
        head = self._lane(connection, lane)
        if lease and not self._is_under(head, lease):
            return False
        policy_input = body.get("input")
        row = {
            "context": lane.context,
            "instance": lane.instance,
            "position": head.length + 1,
            "kind": kind,
            "subject": subject,
            "decision_id": (body.get("decision") or {}).get("decision_id"),
            "at": stamp(self.now()),
            "body": strictjson.dumps({key: value for key, value in body.items() if key != "input"}),
            "input": policy_input and strictjson.dumps(policy_input),
            "previous": head.head,
        }
        row["hash"] = chain.hash_of(row)
        connection.execute(tables.entries.insert(), row)
        lease_until = lease.renewed() if lease else head.lease_until
        moved = {"length": row["position"], "head": row["hash"], "lease_until": lease_until}
        connection.execute(tables.UPDATE_LANE, tables.of_lane(lane, **moved))
        return True

    @staticmethod
    def _entries_of(connection: sa.Connection, subject: str) -> list[Entry]:
        query = sa.select(tables.entries).where(tables.entries.c.subject == subject)
        return [entry_of(row) for row in connection.execute(query)]

    def _revoked(self, connection: sa.Connection, lane: Lane) -> Set[str]:
        return frozenset(connection.execute(tables.REVOKED, tables.of_lane(lane)).scalars())

    def _lane(self, connection: sa.Connection, lane: Lane) -> Row:
        row = connection.execute(tables.SELECT_LANE, tables.of_lane(lane)).first()
        if row is None:
            new = {"context": lane.context, "instance": lane.instance, "length": 0, "head": GENESIS}
            connection.execute(tables.lanes.insert(), new)
            row = connection.execute(tables.SELECT_LANE, tables.of_lane(lane)).one()
        return row


def _see_that_it_is_there(path: Path, holds_records: bool) -> None:
    """Raises LedgerError."""
    try:
        is_there, in_a_folder = path.exists(), path.parent.is_dir() or not path.parent.exists()
    except OSError as error:
        raise LedgerError(f"the ledger {path} cannot be used: {error.strerror}") from error
    if not in_a_folder:
        raise LedgerError(f"the ledger {path} cannot be used: what it should stand in is no folder")
    if not is_there and holds_records:
        raise LedgerError(
            f"{path.parent} holds records but no ledger ({FILE_NAME} is missing)",
            hint="Nothing was done. Restore the ledger from a backup; or `launchplane-gate init --adopt` starts "
            "a new one, in which every lane is unsettled until a deploy or promotion settles it.",
        )


def new_id(prefix: str) -> str:
    """A name for a run, decision or hold that is easy to say: ``r-7Q2M4KXB``."""
    return prefix + "-" + "".join(secrets.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(8))
