"""The journal of a run: what each stage writes of it into the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from launchplane_gate.errors import GateError, LedgerError, NotSettled, in_a_sentence
from launchplane_gate.ledger import Key
from launchplane_gate.line.approval import RunApproval
from launchplane_gate.line.errand import Errand
from launchplane_gate.store import version


def begin(errand: Errand, step: str, body: dict[str, Any], *, key: Key | None = None) -> None:
    """Save the run with its first entry; whatever is no decision that allows, closes it too."""
    previous = errand.records.get(errand.destination)
    release = errand.release
    row = {
        "run_id": errand.run_id,
        "product": errand.request.product,
        "action": errand.request.action,
        "source_context": errand.source and errand.source.context,
        "source_instance": errand.source and errand.source.instance,
        "artifact_id": release and release.artifact_id,
        "source_git_ref": release and release.source_git_ref,
        "step": step,
        "status": "open" if step == "decided" else step,
        "version": errand.version,
        "source_version": version(errand.records[errand.source].inventory) if errand.source in errand.records else None,
    }
    opening = {
        "actor": errand.actor.model_dump(),
        "reason": errand.request.reason,
        "previous": previous and previous.release and previous.release.model_dump(),
        "version": errand.version,
        **body,
    }
    errand.parts.ledger.begin_run(errand.destination, row, opening, lease=errand.lease, key=key)


def step(errand: Errand, kind: str, body: Mapping[str, Any], **columns: Any) -> None:
    errand.parts.ledger.step(errand.run_id, errand.destination, kind, body, lease=errand.held, **columns)


def close(errand: Errand, status: str, detail: str, *, extra: Mapping[str, Any] | None = None, **columns: Any) -> None:
    step(errand, status, {**(extra or {}), "detail": detail[:1000]}, **columns)


def close_after(errand: Errand, error: BaseException, approval: RunApproval) -> None:
    """Close a run that something unforeseen ended, at what it had reached; say so loudly where that fails too."""
    status = errand.at if isinstance(error, Exception) else "interrupted"
    what = f"run {errand.run_id} to {errand.destination} ended {status}: {in_a_sentence(error)}"
    try:
        close(errand, status, in_a_sentence(error))
    except GateError as unsaved:
        what += f"; the ledger could not be told: {in_a_sentence(unsaved)}"
        raise (NotSettled(what) if approval.redeemed else LedgerError(what)) from error
