"""What a lane has run by its inventory, what of it a rollback took out of service, and where a lane may go back to.

A rollback that redeems enters, in the same transaction, what it takes out of service: an entry for each artifact and
one for each commit, found again by either, so that no question grows with a lane's past.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from launchplane_gate.ledger import tables
from launchplane_gate.ledger.chain import Chain, Entering, Head
from launchplane_gate.ledger.kept import body_in
from launchplane_gate.model import Expected, Lane, ReleaseIdentity
from launchplane_gate.policy_input import HistoryEntry

ROLLED_BACK = "rolled_back"
AT_ONCE = 20  # runs that are looked through for the one before
_NEWEST = 2**53  # a number that no run has yet

Append = Callable[[Entering, str, str, Mapping[str, Any]], Head]

_RUNS, _ENTRIES, _RELEASES = tables.runs, tables.entries, tables.releases
_NEWEST_FIRST = _RUNS.c.number.desc()
_IDENTITY = (_RUNS.c.artifact_id, _RUNS.c.source_git_ref)
_HISTORY = (
    sa.select(*_IDENTITY, _RUNS.c.action, _RUNS.c.started_at)
    .join(_RELEASES, _RELEASES.c.run_id == _RUNS.c.run_id)
    .where(*tables.is_lane(_RELEASES))
    .order_by(_NEWEST_FIRST)
)
_HISTORY_OF = _HISTORY.where(
    sa.or_(
        _RELEASES.c.artifact_id == sa.bindparam("of_artifact"),
        _RELEASES.c.source_git_ref == sa.bindparam("of_commit"),
    )
)
_OF_RELEASE = (
    *tables.is_lane(_RELEASES),
    _RELEASES.c.artifact_id == sa.bindparam("of_artifact"),
    _RELEASES.c.source_git_ref == sa.bindparam("of_commit"),
)
_NAMED_BEFORE = (
    sa.select(_RUNS.c.number, *_IDENTITY)
    .where(
        *tables.is_lane(_RUNS),
        tables.IS_EFFECTIVE,
        tables.NAMES_INVENTORY,
        _RUNS.c.number < sa.bindparam("of_number", type_=sa.BigInteger),
    )
    .order_by(_NEWEST_FIRST)
    .limit(sa.bindparam("at_most", type_=sa.Integer))
)
_TOUCHED_SINCE = (*tables.is_lane(_RUNS), tables.IS_EFFECTIVE, _RUNS.c.number > sa.bindparam("of_number"))
_LED_BACK_SINCE = (
    sa.select(*_IDENTITY).where(*_TOUCHED_SINCE, _RUNS.c.action == "rollback").order_by(_NEWEST_FIRST).limit(1)
)
_GONE_SINCE = (
    sa.select(*_IDENTITY)
    .where(*_TOUCHED_SINCE, _RUNS.c.artifact_id != sa.bindparam("of_artifact"), _RUNS.c.source_git_ref.is_not(None))
    .group_by(*_IDENTITY)
    .order_by(sa.func.max(_RUNS.c.number))
)
_NAMED_LAST = sa.select(_RUNS.c.number).join(_RELEASES, _RELEASES.c.run_id == _RUNS.c.run_id).where(*_OF_RELEASE)
_ROLLED_BACK = sa.select(_ENTRIES.c.number, _ENTRIES.c.body).where(_ENTRIES.c.kind == ROLLED_BACK)
_ROLLED_BACK_OF = _ROLLED_BACK.where(_ENTRIES.c.subject.in_(sa.bindparam("of_subjects", expanding=True)))
_ROLLED_BACK_ON = _ROLLED_BACK.where(*tables.is_lane(_ENTRIES))
_RECORDED_LAST = (
    sa.select(_ENTRIES.c.number)
    .join(_RELEASES, _RELEASES.c.run_id == _ENTRIES.c.subject)
    .where(*_OF_RELEASE, _ENTRIES.c.kind == "recorded")
)


class Ran(Chain):
    """The room of the ledger for the releases of a lane."""

    def history(self, lane: Lane, alike: ReleaseIdentity | Expected | None = None) -> list[HistoryEntry]:
        """One entry a release that the lane's inventory has named, newest first.

        ``alike``: only those with its artifact or its commit.
        """
        return self.past_of(lane, alike)[0]

    def past_of(
        self, lane: Lane, alike: ReleaseIdentity | Expected | None
    ) -> tuple[list[HistoryEntry], list[ReleaseIdentity]]:
        """The history of a lane, and what was rolled back there and did not come back, recorded or not."""
        query, about = _HISTORY, tables.of_lane(lane)
        if alike:
            query, about = _HISTORY_OF, about | {"of_artifact": alike.artifact_id, "of_commit": alike.source_git_ref}
        with self._read(several=True) as connection:
            gone = _rolled_back(connection, lane, alike)
            entries = [
                HistoryEntry(
                    artifact_id=artifact,
                    source_git_ref=commit,
                    action=action,
                    at=at,
                    rolled_back=(artifact, commit) in {(one.artifact_id, one.source_git_ref) for one in gone},
                )
                for artifact, commit, action, at in connection.execute(query, about)
            ]
        return entries, gone

    def ran_before(self, lane: Lane, present: ReleaseIdentity | None) -> ReleaseIdentity | None:
        """The release that the lane's inventory named before it named the present one, and that is not rolled back."""
        seen = {present}
        with self._read(several=True) as connection:
            for release in _named(connection, lane):
                if release not in seen and release not in _rolled_back(connection, lane, release):
                    return release
                seen.add(release)
        return None

    def way_back(self, lane: Lane) -> list[ReleaseIdentity]:
        """Where a rollback may lead while the lane is unsettled, the first thing first.

        Where the last rollback since the lane was last recorded was to lead, and what was recorded then.
        """
        with self._read(several=True) as connection:
            newest = {"of_number": _NEWEST, "at_most": 1}
            recorded = connection.execute(_NAMED_BEFORE, tables.of_lane(lane, **newest)).first()
            since = tables.of_lane(lane, of_number=recorded.number if recorded else 0)
            led_back = connection.execute(_LED_BACK_SINCE, since).first()
        found = [_release(row) for row in (led_back, recorded) if row]
        return list(dict.fromkeys(release for release in found if release))


def roll_back(at: Entering, append: Append, run_id: str, back_to: ReleaseIdentity) -> None:
    """Enter what a rollback takes out of service: whatever touched the lane since what it goes back to ran there."""
    connection, lane = at.connection, at.row.lane
    about = tables.of_lane(lane, of_artifact=back_to.artifact_id, of_commit=back_to.source_git_ref)
    since = connection.execute(_NAMED_LAST, about).scalar() or 0
    gone = connection.execute(_GONE_SINCE, about | {"of_number": since}).all()
    names: dict[str, list[dict[str, str]]] = {}
    for artifact, commit in gone:
        for name in (artifact, commit):
            names.setdefault(name, []).append({"artifact_id": artifact, "source_git_ref": commit})
    for name, releases in names.items():
        body = {"releases": releases, "rolled_back_by": run_id, "back_to": back_to.model_dump()}
        append(at, ROLLED_BACK, _subject(lane, name), body)


def _subject(lane: Lane, name: str) -> str:
    """By which an artifact or a commit is found again."""
    return f"{lane} {name}"


def _rolled_back(
    connection: sa.Connection, lane: Lane, alike: ReleaseIdentity | Expected | None
) -> list[ReleaseIdentity]:
    """What was rolled back and not recorded since, of that artifact or commit where one is named."""
    if alike:
        names = [name for name in (alike.artifact_id, alike.source_git_ref) if name]
        rows = connection.execute(_ROLLED_BACK_OF, {"of_subjects": [_subject(lane, name) for name in names]})
    else:
        rows = connection.execute(_ROLLED_BACK_ON, tables.of_lane(lane))
    newest: dict[ReleaseIdentity, int] = {}
    for number, body in rows.all():
        for told in body_in(body)["releases"]:
            release = ReleaseIdentity.model_validate(told)
            newest[release] = max(number, newest.get(release, 0))
    return [release for release, number in newest.items() if not _came_back(connection, lane, release, number)]


def _came_back(connection: sa.Connection, lane: Lane, release: ReleaseIdentity, number: int) -> bool:
    """Whether a run of a release was recorded after an entry."""
    about = tables.of_lane(lane, of_artifact=release.artifact_id, of_commit=release.source_git_ref)
    recorded = connection.execute(_RECORDED_LAST, about).scalar()
    return recorded is not None and recorded > number


def _named(connection: sa.Connection, lane: Lane) -> Iterator[ReleaseIdentity]:
    """What the lane's inventory named, newest first."""
    before = _NEWEST
    while rows := connection.execute(_NAMED_BEFORE, tables.of_lane(lane, of_number=before, at_most=AT_ONCE)).all():
        yield from (release for row in rows if (release := _release(row)))
        before = rows[-1].number


def _release(row: Any) -> ReleaseIdentity | None:
    if row.artifact_id and row.source_git_ref:
        return ReleaseIdentity(artifact_id=row.artifact_id, source_git_ref=row.source_git_ref)
    return None
