"""Whether a lane is settled: its last run that changed anything was recorded, and all stands as that run left it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from launchplane_gate import strictjson
from launchplane_gate.lane_records import LaneRecords
from launchplane_gate.ledger import Ledger, Row
from launchplane_gate.model import short
from launchplane_gate.records import DeploymentRecord, PromotionRecord
from launchplane_gate.store import plain, version
from launchplane_gate.words import noun_of


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
    if records.others:
        return False, _not_ours(records)
    if last is None:
        nothing = records.inventory is None
        return nothing, "nothing has run here" if nothing else "no run of the gate wrote its inventory"
    why = _ended(last, ledger) or _differs(records, ledger, last)
    return not why, why or "settled"


def _ended(last: Row, ledger: Ledger) -> str:
    """How a lane's last run ended; empty where it was recorded."""
    match status := ledger.status_of(last):
        case "recorded":
            return ""
        case "restored":
            return "its ledger was restored without what came after, and nothing was confirmed since"
        case "observed":
            what = noun_of(last.action, last.source_git_ref)
            return f"its last run, a {what}, was only observed: enforced, the policies would have refused it"
        case "adopted":
            return "its inventory was adopted from before the ledger and has not been confirmed since"
    what = f"a {noun_of(last.action, last.source_git_ref)}"
    return f"{what} is under way ({last.run_id})" if status == "open" else f"its last run, {what}, ended {status}"


def _differs(records: LaneRecords, ledger: Ledger, last: Row) -> str:
    """Which record of a lane is not what its last run wrote; empty where all are."""
    if version(records.inventory) != last.inventory_version:
        return f"its inventory is not what its last run, {last.run_id}, wrote"
    own = next((r for r in records.deployments if r.record_id == last.deployment_record_id), None)
    intent = ledger.body_of(last.run_id, "recording") or {}
    written = intent.get("records")
    if written is None:  # by a version that noted the whole deployment record, and no other
        stands = version(own) == last.deployment_version
        return "" if stands else f"the deployment record {last.deployment_record_id} is not what it was"
    for kind, record in (("deployment", own), ("promotion", records.promotion)):
        if kind in written and not Written.read(written[kind]).stands_in(record):
            gone = "is gone" if record is None else "is not what its run wrote"
            return f"the {kind} record {written[kind]['record_id']} {gone}"
    return ""


def _not_ours(records: LaneRecords) -> str:
    """Of a record that may be of a deploy after the one that the inventory names."""
    one = records.others[0]
    seen_at = records.places[one.record_id].seen_at if one.record_id in records.places else ""
    since = f"was first seen at {seen_at}, as it is" if seen_at else "is new"
    more = f", and {len(records.others) - 1} more" if len(records.others) > 1 else ""
    return f"the deployment record {one.record_id}, which the gate did not write, {since}{more}"


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
