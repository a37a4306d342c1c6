"""Gathering: what the records, the ledger, the platform and the plugins say of the lanes, each with its time.

A key that is absent: it could not be read or nobody looked. null: looked for and not found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from launchplane_gate import strictjson
from launchplane_gate.bounded import NoAnswerInTime, answer_of, start
from launchplane_gate.errors import EvidenceFailed, RecordUnreadable
from launchplane_gate.hookspecs import Driver
from launchplane_gate.ledger import Ledger, Row
from launchplane_gate.model import (
    DeploymentFacts,
    Hold,
    Lane,
    LastRun,
    MayRun,
    Observation,
    ReleaseIdentity,
    RunStatus,
    noun,
    short,
    unstamp,
)
from launchplane_gate.past import missing
from launchplane_gate.records import BackupGateRecord, DeploymentRecord, EnvironmentInventory, PromotionRecord
from launchplane_gate.store import Bounded, RecordStore, plain, version

BACKUPS = 20  # the newest ones, of which the policies are told


@dataclass(frozen=True)
class LaneRecords:
    """One reading of a lane's records.

    ``deployments``: the one that the inventory names, and each that is not known to be older, so that neither a
    decision nor a version grows with the lane's past. ``unreadable`` says which record could not be read, and why.
    """

    lane: Lane
    inventory: EnvironmentInventory | None
    deployments: tuple[DeploymentRecord, ...]
    hold: Hold | None
    unreadable: str = ""
    promotion: PromotionRecord | None = None  # the one that the inventory names
    lost: str = ""  # what the records know and the ledger does not

    @cached_property
    def version(self) -> str:
        """Changes with any of the lane's records; absence has a version too."""
        return strictjson.digest(
            {
                "inventory": version(self.inventory),
                "deployments": sorted((record.record_id, version(record)) for record in self.deployments),
                "promotion": version(self.promotion),
                "hold": self.hold and self.hold.model_dump(),
                "unreadable": self.unreadable,
            }
        )

    @property
    def release(self) -> ReleaseIdentity | None:
        """What the inventory says that the lane runs; None where it names nothing that could be a release."""
        if not self.inventory or not self.inventory.artifact_identity:
            return None
        artifact_id, commit = self.inventory.artifact_identity.artifact_id, self.inventory.source_git_ref
        with suppress(ValidationError):
            return ReleaseIdentity(artifact_id=artifact_id, source_git_ref=commit)
        return None

    def last_started(self, *, before: datetime) -> datetime | None:
        """When the last of the deployments that began before a moment did."""
        moments = [unstamp(record.deploy.started_at) for record in self.deployments]
        return max((moment for moment in moments if moment and moment < before), default=None)


def read_lane(store: RecordStore, ledger: Ledger, lane: Lane, *, but_deployment: str | None = None) -> LaneRecords:
    """Read a lane's records, one deployment (a run's own) left out. A record that is torn is a fact here."""
    context, instance = lane.context, lane.instance
    inventory: EnvironmentInventory | None = None
    deployments: tuple[DeploymentRecord, ...] = ()
    unreadable = []
    try:
        inventory = store.read_environment_inventory(context_name=context, instance_name=instance)
    except FileNotFoundError:
        pass
    except RecordUnreadable as error:
        unreadable.append(str(error))
    try:
        found = _deployments(store, lane, inventory)
        deployments = tuple(record for record in found if record.record_id != but_deployment)
    except RecordUnreadable as error:
        unreadable.append(str(error))
    promotion: PromotionRecord | None = None
    try:
        if inventory and inventory.promotion_record_id:
            promotion = store.read_promotion_record(inventory.promotion_record_id)
    except FileNotFoundError:
        pass
    except RecordUnreadable as error:
        unreadable.append(str(error))
    not_older = _not_older(deployments, inventory)
    lost = missing(ledger, lane, not_older)
    return LaneRecords(lane, inventory, not_older, ledger.hold_on(lane), "; ".join(unreadable), promotion, lost)


@dataclass(frozen=True)
class Written:
    """A record as a run wrote it: the digest of the fields that it set. Others may add fields of their own."""

    record_id: str
    fields: tuple[str, ...]
    digest: str

    @classmethod
    def of(cls, record: DeploymentRecord | PromotionRecord) -> Written:
        fields = tuple(sorted(record.model_dump(exclude_defaults=True)))
        return cls(record.record_id, fields, _digest_of(record, fields))

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Written:
        return cls(told["record_id"], tuple(told["fields"]), told["digest"])

    def stands_in(self, record: DeploymentRecord | PromotionRecord | None) -> bool:
        return bool(record and record.record_id == self.record_id and _digest_of(record, self.fields) == self.digest)


def _digest_of(record: DeploymentRecord | PromotionRecord, fields: Iterable[str]) -> str:
    told = plain(record)
    return strictjson.digest({field: told.get(field) for field in fields})


def settled(records: LaneRecords, ledger: Ledger, last: Row | None) -> tuple[bool, str]:
    """Whether a lane is settled, and why, given its last run that changed, touched or recorded anything."""
    if records.unreadable:
        return False, f"a record cannot be read: {records.unreadable}"
    if records.lost:
        return False, records.lost.removeprefix(f"{records.lane}: ")
    if last is None:
        if records.inventory is None:
            return True, "nothing has run here"
        return False, "no run of the gate wrote its inventory"
    status = ledger.status_of(last)
    if status == "open":
        return False, f"a {noun(last.action)} of {short(last.source_git_ref)} is under way ({last.run_id})"
    if status == "restored":
        return False, "its ledger was restored without what came after, and nothing was confirmed since"
    if status == "adopted":
        return False, "its inventory was adopted from before the ledger and has not been confirmed since"
    if status != "recorded":
        return False, f"its last run, a {noun(last.action)} of {short(last.source_git_ref)}, ended {status}"
    if version(records.inventory) != last.inventory_version:
        return False, f"its inventory is not what its last run, {last.run_id}, wrote"
    own = next((r for r in records.deployments if r.record_id == last.deployment_record_id), None)
    intent = ledger.body_of(last.run_id, "recording") or {}
    written = intent.get("records")
    if written is None:  # by a version that noted the whole deployment record, and no other
        stand = version(own) == last.deployment_version
        return stand, "settled" if stand else f"the deployment record {last.deployment_record_id} is not what it was"
    for kind, record in (("deployment", own), ("promotion", records.promotion)):
        if kind in written and not Written.read(written[kind]).stands_in(record):
            gone = "is gone" if record is None else "is not what its run wrote"
            return False, f"the {kind} record {written[kind]['record_id']} {gone}"
    return True, "settled"


def has_moved(records: LaneRecords, ledger: Ledger, then: str, commit: str) -> str:
    """What has changed on a lane since a run left it with the inventory version ``then``; empty where nothing has.

    ``commit``: of the release that it ran then.
    """
    is_settled, why = settled(records, ledger, ledger.last_effective(records.lane))
    if not is_settled:
        return f"{records.lane} is unsettled: {why}"
    if version(records.inventory) == then:
        return ""
    again = ", since another deploy" if str(records.release) == short(commit) else ""
    return f"{records.lane} runs {records.release or 'nothing'} now{again}"


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
        untouched = ledger.untouched(record.record_id for record in records.deployments)
        facts["deployments"] = [_deployment(record, untouched).model_dump() for record in records.deployments]
    return facts


def destination_facts(
    records: LaneRecords,
    ledger: Ledger,
    seen: Seen,
    store: RecordStore,
    *,
    release: ReleaseIdentity | None,
    but_run: str = "",
) -> dict[str, Any]:
    """What the policies are told of the lane that would change, but for ``may_run``: that needs its health too.

    Of its history, what has the artifact or the commit of the release; all of it where none is known.
    """
    lane = records.lane
    backups = _backups(store, lane)
    return {
        **lane_facts(records, ledger, seen, but_run=but_run),
        "history": [entry.model_dump() for entry in ledger.history(lane, release)],
        "backups": [
            backup.model_dump(include={"record_id", "context", "instance", "status", "created_at"})
            for backup in backups
        ],
    }


@dataclass(frozen=True)
class Seen:
    """A look at a lane's platform, and since when each look found the same containers."""

    observed: Observation
    steady_since: str | None = None


def observe(driver: Driver, lane: Lane, *, within_s: float) -> Observation:
    """Raises EvidenceFailed where the driver cannot observe the lane in time, or says what is no observation."""
    try:
        observed = answer_of(start(lambda: driver.observe(lane), f"observe {lane}"), within_s)
    except NoAnswerInTime as error:
        raise EvidenceFailed(f"the driver {driver.driver_id} did not say what {lane} runs: {error}") from None
    except Exception as error:
        raise EvidenceFailed(
            f"the driver {driver.driver_id} could not observe {lane}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(observed, Observation):
        raise EvidenceFailed(f"the driver {driver.driver_id} answered with {type(observed).__name__}")
    return observed


def containers_in(observed: Observation) -> list[list[str | int | None]] | None:
    """The running containers as they are compared with those of another look; None where they could not be read."""
    if observed.digests == "failed" or not observed.reachable:
        return None
    return sorted(
        ([c.container_id, c.started_at, c.restarts, c.artifact_id] for c in observed.containers), key=strictjson.dumps
    )


def confirmed_on(ledger: Ledger, last: Row | None) -> tuple[list[list[str | int | None]] | None, str | None]:
    """The containers that a lane's last run was confirmed on, and since when all was good with them."""
    if last is None or last.status != "recorded":
        return None, None
    body = ledger.body_of(last.run_id, "confirmed") or {}
    return body.get("containers"), body.get("good_since")


def may_run(
    records: LaneRecords,
    ledger: Ledger,
    ran: tuple[ReleaseIdentity | None, list[ReleaseIdentity]],
    observed: Observation | None,
    samples: Iterable[Mapping[str, Any]] = (),
) -> list[MayRun]:
    """What a lane may run for all that is known, each once. ``ran``: see ``Ledger.runs_since_recorded``.

    Its recorded release (of a torn inventory, what the ledger last recorded), those of later runs that touched it, what
    the platform shows and is set to, and what the lane's health reports, where no other names that commit.
    """
    recorded, later = ran
    named = [records.release] if not records.unreadable else []
    if records.inventory is None or records.unreadable:
        named += [recorded]
    found: dict[tuple[str | None, str | None], None] = {
        (release.artifact_id, release.source_git_ref): None for release in [*named, *later] if release
    }
    shown = [observed.artifact_id, observed.configured_artifact_id] if observed else []
    shown += [container.artifact_id for container in observed.containers] if observed else []
    for artifact in shown:
        if artifact and artifact not in {known for known, _ in found}:
            found[artifact, ledger.commit_of(artifact)] = None
    reported = {sample.get("revision") for sample in samples}
    for revision in sorted(text for text in reported if isinstance(text, str) and text):
        if revision not in {commit for _, commit in found}:
            found[None, revision] = None
    return [MayRun(artifact_id=artifact, source_git_ref=commit) for artifact, commit in found]


def _deployments(
    store: RecordStore, lane: Lane, inventory: EnvironmentInventory | None
) -> tuple[DeploymentRecord, ...]:
    if not isinstance(store, Bounded):
        return store.list_deployment_records(context_name=lane.context, instance_name=lane.instance)
    named = inventory.deployment_record_id if inventory else ""
    return store.list_deployments_since(context_name=lane.context, instance_name=lane.instance, record_id=named)


def _backups(store: RecordStore, lane: Lane) -> tuple[BackupGateRecord, ...]:
    if not isinstance(store, Bounded):
        return store.list_backup_gate_records(context_name=lane.context, instance_name=lane.instance)
    return store.list_newest_backups(context_name=lane.context, instance_name=lane.instance, limit=BACKUPS)


def _not_older(
    deployments: tuple[DeploymentRecord, ...], inventory: EnvironmentInventory | None
) -> tuple[DeploymentRecord, ...]:
    named = next((r for r in deployments if inventory and r.record_id == inventory.deployment_record_id), None)
    began = unstamp(named.deploy.started_at) if named else None

    def is_older(record: DeploymentRecord) -> bool:
        started = unstamp(record.deploy.started_at)
        return record is not named and bool(began and started and started < began)

    return tuple(record for record in deployments if not is_older(record))


def _last_run(row: Row, status: RunStatus) -> LastRun:
    return LastRun(
        run_id=row.run_id,
        action=row.action,
        status=status,
        artifact_id=row.artifact_id,
        source_git_ref=row.source_git_ref,
        at=row.started_at,
    )


def _deployment(record: DeploymentRecord, untouched: frozenset[str]) -> DeploymentFacts:
    return DeploymentFacts(
        record_id=record.record_id,
        context=record.context,
        instance=record.instance,
        artifact_id=record.artifact_identity.artifact_id if record.artifact_identity else None,
        source_git_ref=record.source_git_ref,
        status=record.deploy.status,
        started_at=record.deploy.started_at or None,
        finished_at=record.deploy.finished_at or None,
        touched=record.record_id not in untouched,
    )
