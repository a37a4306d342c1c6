"""Whether what was recorded is whole: the ledger by its own entries, and the records by the digests in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from launchplane_gate.errors import LedgerError, RecordUnreadable, in_a_sentence
from launchplane_gate.hookspecs import Progress
from launchplane_gate.lane_records import sighting
from launchplane_gate.ledger import DEPLOYMENTS, NOWHERE, KeptHead, Ledger
from launchplane_gate.ledger.verified import Findings, RecordsVerified, Verified
from launchplane_gate.ledger.verifying import RunsRecords
from launchplane_gate.model import Lane
from launchplane_gate.records import DeploymentRecord, PromotionRecord
from launchplane_gate.settled import Written
from launchplane_gate.store import Bounded, RecordStore, Since
from launchplane_gate.store import version as version_of

ATTEMPTS = 3  # at an inventory whose lane moves on while it is read

R = TypeVar("R", DeploymentRecord, PromotionRecord)


def quiet(_: str) -> None:
    """Progress that nobody watches."""


def verify(
    ledger: Ledger, store: RecordStore, kept: Iterable[KeptHead] | None = None, *, progress: Progress = quiet
) -> Verified:
    """See Verifying.verify; all records too. Raises LedgerError where it cannot be read."""
    found = ledger.verify(kept, progress=progress)
    findings, records = Findings(), None
    try:
        records = _Records(ledger, store, findings).verified()
    except (LedgerError, KeyError, TypeError, ValueError, AttributeError) as error:
        if found.is_whole:
            raise
        findings.add(f"the records cannot be held to a ledger that is not whole: {in_a_sentence(error)}")
    return found.with_more(findings, records)


def altered_records(ledger: Ledger, store: RecordStore, run_id: str) -> dict[str, str]:
    """What is wrong with the records that a run wrote, by their ids; empty where they are as it wrote them."""
    records = _Records(ledger, store, Findings())
    for run in ledger.records_of_runs(run_id):
        records.take(run)
    return records.wrong


class _Records:
    """``wrong``: of records of runs, by their ids; ``_known``: ids of all records that the ledger has ever heard of."""

    def __init__(self, ledger: Ledger, store: RecordStore, findings: Findings) -> None:
        self._ledger, self._store, self._findings = ledger, store, findings
        self.wrong: dict[str, str] = {}
        self._known: set[str] = set()
        self._whole = self._open = self._others = 0

    def verified(self) -> RecordsVerified:
        for run in self._ledger.records_of_runs():
            self.take(run)
        self._inventories()
        self._other_deployments()
        self._other_promotions()
        return RecordsVerified(whole=self._whole, open=self._open, others=self._others)

    def take(self, run: RunsRecords) -> None:
        self._known |= {run.deployment_record_id, run.promotion_record_id or ""}
        deployment, promotion = run.digests.get("deployment"), run.digests.get("promotion")
        if run.status not in ("recorded", "observed"):
            self._open += 1 + bool(run.promotion_record_id)  # what may stand there is one of several things
            return
        if deployment:
            self._digest("deployment", Written.read(deployment), self._store.read_deployment_record)
        else:
            self._version(run)
        if promotion:
            self._digest("promotion", Written.read(promotion), self._store.read_promotion_record)
        elif run.promotion_record_id:
            self._open += 1

    def _digest(self, kind: str, written: Written, read: Callable[[str], R]) -> None:
        record = self._read(kind, written.record_id, read)
        if record is not None:
            self._judge(kind, written.record_id, stands=written.stands_in(record))

    def _version(self, run: RunsRecords) -> None:
        """Of a run from before digests, that noted its whole deployment record and no other."""
        if run.version is None:
            self._open += 1
            return
        record = self._read("deployment", run.deployment_record_id, self._store.read_deployment_record)
        if record is not None:
            self._judge("deployment", run.deployment_record_id, stands=version_of(record) == run.version)

    def _read(self, kind: str, record_id: str, read: Callable[[str], R]) -> R | None:
        try:
            return read(record_id)
        except FileNotFoundError:
            self._tell(record_id, f"the {kind} record {record_id} is gone")
        except RecordUnreadable as error:
            self._tell(record_id, f"the {kind} record {record_id} cannot be read: {error}")
        return None

    def _judge(self, kind: str, record_id: str, *, stands: bool) -> None:
        if stands:
            self._whole += 1
        else:
            self._tell(record_id, f"the {kind} record {record_id} is not what its run wrote")

    def _tell(self, record_id: str, what: str) -> None:
        self.wrong[record_id] = what
        self._findings.add(what)

    def _inventories(self) -> None:
        lanes = {str(head.lane): head.lane for head in self._ledger.heads()}
        for lane in lanes.values():
            if lane != NOWHERE:
                self._inventory(lane)
        try:
            found = self._store.list_environment_inventory()
        except RecordUnreadable:  # told already, or of a lane that is none of ours
            return
        self._others += sum(f"{record.context}/{record.instance}" not in lanes for record in found)

    def _inventory(self, lane: Lane) -> None:
        """Hold a lane's inventory to its last run; one whose lane moves on meanwhile is looked at again."""
        for _ in range(ATTEMPTS):
            expected = self._ledger.inventories_of(lane)
            try:
                version = version_of(
                    self._store.read_environment_inventory(context_name=lane.context, instance_name=lane.instance)
                )
            except FileNotFoundError:
                version = version_of(None)
            except RecordUnreadable as error:
                self._findings.add(f"the inventory of {lane} cannot be read: {error}")
                return
            if expected is None:
                self._others += version != version_of(None)
                return
            if version in expected:
                self._whole += 1
                return
            if expected == self._ledger.inventories_of(lane):
                state = "is gone" if version == version_of(None) else "is not what its last run wrote"
                self._findings.add(f"the inventory of {lane} {state}")
                return
        self._open += 1

    def _other_deployments(self) -> None:
        """One that cannot be read does no harm where the ledger has seen it so, or it was put aside."""
        try:
            self._others += self._count(self._store.list_deployment_records())
        except RecordUnreadable as error:
            if not isinstance(self._store, Bounded) or not self._torn(self._store):
                self._findings.add(f"the deployment records cannot all be read: {error}")

    def _torn(self, store: Bounded) -> bool:
        """Whether it was told of each that cannot be read, lane by lane."""
        is_told = False
        for lane in (head.lane for head in self._ledger.heads() if head.lane != NOWHERE):
            found = store.list_deployments_since(context_name=lane.context, instance_name=lane.instance, since=Since())
            self._others += self._count(one.record for one in found if one.record)
            torn = [one for one in found if one.record is None]
            places = self._ledger.places(lane, [sighting(DEPLOYMENTS, one) for one in torn])
            for one in torn:
                place, is_told = places.get(f"{DEPLOYMENTS}{one.record_id}"), True
                if place and not place.run_id:
                    self._others += 1
                elif one.record_id not in self.wrong:
                    self._tell(one.record_id, f"the deployment record {one.record_id} cannot be read: {one.unreadable}")
        return is_told

    def _other_promotions(self) -> None:
        try:
            self._others += self._count(self._store.list_promotion_records())
        except RecordUnreadable as error:
            self._findings.add(f"the promotion records cannot all be read: {error}")

    def _count(self, records: Iterable[DeploymentRecord | PromotionRecord]) -> int:
        """How many no run of this ledger wrote: from before it, or by somebody else."""
        return sum(record.record_id not in self._known for record in records)
