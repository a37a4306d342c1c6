"""A lost past: what records, mark and platform know of a lane, and the ledger does not.

Each deployment record names the ledger that let it happen and how far the lane's chain had come. A ledger that does not
know that is another one, or an older copy. Nothing but reading goes on then, until somebody restores it or goes on
without, on record: what is named there as lost is not missed again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from launchplane_gate.ledger import Head, Ledger
from launchplane_gate.model import Lane
from launchplane_gate.records import DeploymentRecord

UNSETTLED_BY = frozenset({"adopted", "restored"})  # where nobody knows what came before


def missing(ledger: Ledger, lane: Lane, records: Iterable[DeploymentRecord]) -> str:
    """What some records of a lane know that the ledger does not, in one sentence; empty where that is nothing."""
    for record in records:
        named = record.runtime_source
        ledger_id, head = named.get("gate_ledger_id"), head_in(lane, named.get("gate_head", ""))
        if not ledger_id or _is_known(ledger, ledger_id, head):
            continue
        run = named.get("gate_run_id", "a run")
        if ledger_id != ledger.ledger_id():
            return f"{lane}: {run} was let go by another ledger ({ledger_id[:8]}), and this one knows nothing of it"
        at = f"entry {head.position}" if head else "an entry that cannot be read"
        return f"{lane}: the ledger is older than its records, which know {run} and {at}"
    return ""


def unknown_run(ledger: Ledger, lane: Lane, run_id: str) -> str:
    """The same of the run that the newest deployment of the lane's platform names."""
    if not run_id or ledger.run_row(run_id) is not None:
        return ""
    last = ledger.last_changing(lane)
    if last is not None and last.status in UNSETTLED_BY:
        return ""  # until a run through this ledger is the newest there; one that only looked is not
    return f"{lane}: the newest deployment of its platform is of {run_id}, and this ledger knows nothing of it"


def lost(ledger: Ledger, lane: Lane, records: Iterable[DeploymentRecord]) -> dict[str, list[str]]:
    """What is lost of a lane, for the entry that says so: ids of ledgers, heads of the chain, and runs."""
    ledgers: dict[str, None] = {}
    heads: dict[str, None] = {}
    runs: dict[str, None] = {}
    for record in records:
        named = record.runtime_source
        ledger_id, head = named.get("gate_ledger_id"), named.get("gate_head", "")
        if ledger_id and not _is_known(ledger, ledger_id, head_in(lane, head)):
            if ledger_id != ledger.ledger_id():
                ledgers[ledger_id] = None
            heads[head] = runs[named.get("gate_run_id", "")] = None
    return {"ledgers": list(ledgers), "heads": list(heads), "runs": list(runs)}


def head_in(lane: Lane, text: str) -> Head | None:
    """A head as a record names it: ``120:3f9a...``."""
    position, _, digest = text.partition(":")
    return Head(lane, int(position), digest) if position.isascii() and position.isdigit() and digest else None


def _is_known(ledger: Ledger, ledger_id: str, head: Head | None) -> bool:
    if head is None:
        return False
    if ledger_id == ledger.ledger_id() and ledger.has(head):
        return True
    forgiven: list[dict[str, Any]] = ledger.forgiven(head.lane)
    if ledger_id == ledger.ledger_id():
        return any(str(head) in past["heads"] for past in forgiven)
    return any(ledger_id in past["ledgers"] for past in forgiven)
