"""Gathering: what the records, the ledger, the platform and the plugins say of the lanes, each with its time.

A key that is absent: it could not be read or nobody looked. null: looked for and not found.
"""

from __future__ import annotations

from typing import Any

from launchplane_gate.lane_records import Backups, LaneRecords
from launchplane_gate.ledger import Ledger, Row
from launchplane_gate.looking import Seen
from launchplane_gate.model import Expected, ReleaseIdentity, RunStatus, stamp
from launchplane_gate.policy_input import BackupFacts, DeploymentFacts, LastRun
from launchplane_gate.records import DeploymentRecord
from launchplane_gate.settled import settled
from launchplane_gate.store import plain


def lane_facts(records: LaneRecords, ledger: Ledger, seen: Seen, *, but_run: str = "") -> dict[str, Any]:
    """What the policies are told of a lane."""
    lane = records.lane
    last = ledger.last_effective(lane, but=but_run)
    is_settled, why = settled(records, ledger, last)
    facts: dict[str, Any] = {
        "lane": lane.model_dump(),
        "observed": seen.observed.model_dump(),
        "steady_since": seen.steady_since,
        "hold": records.hold and records.hold.model_dump(),
        "run": {
            "settled": is_settled,
            "open": ledger.has_open_run(lane, but=but_run),
            "why": why,
            "last": last and _last_run(last, ledger.status_of(last)).model_dump(),
            "confirmed_at": last.confirmed_at if last else None,
        },
    }
    if not records.unreadable:
        facts["inventory"] = records.inventory and plain(records.inventory)
        now = stamp(ledger.now())
        facts["deployments"] = [_deployment(record, records, now).model_dump() for record in records.deployments]
    return facts


def destination_facts(
    records: LaneRecords,
    ledger: Ledger,
    seen: Seen,
    backups: Backups,
    *,
    release: ReleaseIdentity | Expected | None,
    but_run: str = "",
) -> dict[str, Any]:
    """What the policies are told of the lane that would change, but for ``may_run``: that needs its health too.

    Of its past, what has the artifact or the commit of the release; all of it where none is known.
    """
    now, lane = stamp(ledger.now()), records.lane
    history, rolled_back = ledger.past_of(lane, release)
    return {
        **lane_facts(records, ledger, seen, but_run=but_run),
        "history": [entry.model_dump() for entry in history],
        "rolled_back": [gone.model_dump() for gone in rolled_back],
        "way_back": [way.model_dump() for way in ledger.way_back(lane)],
        "backups": [
            BackupFacts(
                record_id=backup.record_id,
                context=backup.context,
                instance=backup.instance,
                status=backup.status,
                created_at=backup.created_at,
                first_seen=backups.seen_at.get(backup.record_id, now),
            ).model_dump()
            for backup in backups.records
        ],
    }


def _last_run(row: Row, status: RunStatus) -> LastRun:
    return LastRun(
        run_id=row.run_id,
        action=row.action,
        status=status,
        artifact_id=row.artifact_id,
        source_git_ref=row.source_git_ref,
        at=row.started_at,
    )


def _deployment(record: DeploymentRecord, records: LaneRecords, now: str) -> DeploymentFacts:
    place = records.places.get(record.record_id)
    return DeploymentFacts(
        record_id=record.record_id,
        context=record.context,
        instance=record.instance,
        artifact_id=record.artifact_identity.artifact_id if record.artifact_identity else None,
        source_git_ref=record.source_git_ref,
        status=record.deploy.status,
        started_at=record.deploy.started_at or None,
        finished_at=record.deploy.finished_at or None,
        touched=not records.untouched(record.record_id),
        first_seen=None if place and place.run_id else (place and place.seen_at) or now,
        older=False,  # those that are known to be older are left out
        update=record.post_deploy_update.status if record.post_deploy_update.attempted else None,
    )
