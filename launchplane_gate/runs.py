"""Reading a run back from its journal, the one form in which runs are shown and returned."""

from __future__ import annotations

from typing import Any

from launchplane_gate.errors import RequestError
from launchplane_gate.ledger import ATTESTING, CLOSING, PUBLISHING, Entry, Ledger, ended_after
from launchplane_gate.model import Actor, Attestation, Decision, Lane, Publication, ReleaseIdentity, Run


def read_run(ledger: Ledger, run_id: str) -> Run:
    """Raises RequestError for a run that the ledger does not know."""
    with ledger.snapshot():
        row, entries = ledger.run_row(run_id), ledger.entries(subject=run_id)
    if row is None:
        raise RequestError(f"there is no run {run_id}", hint="`launchplane-gate runs list` shows the newest ones.")
    steps = {entry.kind: entry.body for entry in entries}
    status = ledger.status_of(row)
    opening = entries[0].body
    recording = steps.get("recording", {})
    return Run(
        run_id=run_id,
        status=status,
        action=row.action,
        product=row.product,
        source=_lane(row.source_context, row.source_instance),
        destination=Lane(context=row.context, instance=row.instance),
        release=_release(row.artifact_id, row.source_git_ref),
        previous=opening.get("previous") and ReleaseIdentity.model_validate(opening["previous"]),
        actor=Actor.model_validate(opening["actor"]),
        reason=opening.get("reason", ""),
        started_at=row.started_at,
        of_run=opening.get("of_run"),
        detail=ended_after(row.step) if status != row.status else _detail(entries),
        touched=bool(row.redeemed) and not row.untouched,
        redeemed="redeemed" in steps,
        admitted=_decision(steps.get("decided") or steps.get("overlooked") or steps.get("denied")),
        confirmed=_decision(steps.get("confirmed") or steps.get("unconfirmed") or steps.get("unchanged")),
        deployment_record_id=row.deployment_record_id,
        promotion_record_id=recording.get("promotion_record_id") or steps.get("outcome", {}).get("promotion_record_id"),
        publication=_publication(opening.get("version"), entries),
        attestation=_attestation(entries),
        trace=opening.get("trace"),
        mode=opening.get("mode", "enforce"),
        overlooked=opening.get("overlooked") or steps.get("redeemed", {}).get("overlooked", ""),
    )


def names_of(ledger: Ledger, run_id: str) -> dict[str, str]:
    """The ids that its caller chose for the records of a run, by the kind of the record."""
    told: list[dict[str, str]] = [
        entry.body["names"] for entry in ledger.entries(subject=run_id) if "names" in entry.body
    ]
    return told[-1] if told else {}


def _detail(entries: list[Entry]) -> str:
    """What the closing entry says, or the last one that says anything."""
    later = PUBLISHING | ATTESTING
    said = [entry.body["detail"] for entry in entries if entry.body.get("detail") and entry.kind not in later]
    closing = [entry.body.get("detail", "") for entry in entries if entry.kind in CLOSING]
    return (closing and closing[-1]) or (said[-1] if said else "")


def _publication(version: str | None, entries: list[Entry]) -> Publication | None:
    if version is None:
        return None
    told = [entry for entry in entries if entry.kind in PUBLISHING]
    if not told:
        return Publication(version=version, published=False, detail="it was not begun")
    authors = tuple(dict.fromkeys(author for entry in told if (author := entry.body.get("author"))))
    if told[-1].kind == "publishing":
        unknown = "it was begun, and how it ended is not known"
        return Publication(version=version, published=False, detail=unknown, authors=authors)
    return Publication.model_validate({**told[-1].body, "authors": authors})


def _attestation(entries: list[Entry]) -> Attestation | None:
    last = next((entry for entry in reversed(entries) if entry.kind in ATTESTING), None)
    return Attestation.model_validate(last.body["attestation"]) if last else None


def _decision(body: dict[str, Any] | None) -> Decision | None:
    return Decision.model_validate(body["decision"]) if body and body.get("decision") else None


def _lane(context: str | None, instance: str | None) -> Lane | None:
    return Lane(context=context, instance=instance) if context and instance else None


def _release(artifact_id: str | None, source_git_ref: str | None) -> ReleaseIdentity | None:
    if artifact_id is None or source_git_ref is None:
        return None
    return ReleaseIdentity(artifact_id=artifact_id, source_git_ref=source_git_ref)
