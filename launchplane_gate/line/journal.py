"""The journal of a run: what each stage writes of it into the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from launchplane_gate.errors import ActorUnproven, GateError, LedgerError, NotSettled, RecordExists, in_a_sentence
from launchplane_gate.ledger import KEY_KEPT, Key
from launchplane_gate.line.approval import RunApproval
from launchplane_gate.line.errand import Errand
from launchplane_gate.line.evidence import left
from launchplane_gate.store import version

OPENING = frozenset({"decided", "overlooked"})  # the policies let it go; or would not, and are only observed


def begin(errand: Errand, step: str, body: dict[str, Any], *, key: Key | None = None) -> None:
    """Save the run with its first entry; whatever does not let it go on (OPENING) closes it too."""
    previous = errand.records.get(errand.destination)
    release, origin = errand.release, errand.origin
    of_run = origin and origin.run
    source = of_run.source if of_run else errand.source
    source_version = version(errand.records[errand.source].inventory) if errand.source in errand.records else None
    row = {
        "run_id": errand.run_id,
        "product": errand.request.product,
        "action": errand.request.action,
        "source_context": source and source.context,
        "source_instance": source and source.instance,
        "artifact_id": release and release.artifact_id,
        "source_git_ref": release and release.source_git_ref,
        "step": step,
        "status": "open" if step in OPENING else step,
        "version": errand.version,
        "source_version": origin.source_version if origin else source_version,
        **(left(errand) if step not in OPENING else {}),
    }
    opening = {
        "actor": errand.actor.model_dump(),
        "reason": errand.request.reason,
        "previous": previous and previous.release and previous.release.model_dump(),
        "version": errand.version,
        **({"trace": errand.trace} if errand.trace else {}),
        **({"names": dict(errand.names)} if errand.names else {}),
        **(origin.of_run if origin else {}),
        **({"mode": errand.mode} if errand.observes else {}),
        **({"overlooked": errand.overlooked} if errand.overlooked else {}),
        **body,
    }
    ledger, lane = errand.parts.ledger, errand.destination
    if of_run:
        key = key or ledger.kept_key(lane, of_run.run_id)
    ledger.begin_run(lane, row, opening, lease=errand.lease, key=key, takes_over=of_run is not None)


def refuse(errand: Errand, error: ActorUnproven | RecordExists) -> None:
    """Save a run that ends as it began: what proved who asks proves it no more, or a record has its name by now."""
    begin(errand, "denied", {"detail": in_a_sentence(error)})


def step(errand: Errand, kind: str, body: Mapping[str, Any], **columns: Any) -> None:
    errand.parts.ledger.step(errand.run_id, errand.destination, kind, body, lease=errand.held, **columns)


def close(errand: Errand, status: str, detail: str, *, extra: Mapping[str, Any] | None = None, **columns: Any) -> None:
    of_run = errand.origin and errand.origin.run
    # A repeat of it is never begun anew: without a name it would go back further.
    # One that is observed was answered, and its repeat is answered as it was.
    keeps = errand.observes or "rollback" in (errand.request.action, of_run and of_run.action)
    told = {**(extra or {}), **({KEY_KEPT: True} if keeps else {}), "detail": detail[:1000]}
    step(errand, status, told, **(left(errand) | columns))


def close_after(errand: Errand, error: BaseException, approval: RunApproval) -> None:
    """Close a run that something unforeseen ended, at what it had reached; say so loudly where that fails too."""
    status = errand.at if isinstance(error, Exception) else "interrupted"
    what = f"run {errand.run_id} to {errand.destination} ended {status}: {in_a_sentence(error)}"
    try:
        keeps = status == "interrupted" and (approval.redeemed or errand.request.action == "resume")
        close(errand, status, in_a_sentence(error), extra={KEY_KEPT: True} if keeps else None)
    except GateError as unsaved:
        what += f"; the ledger could not be told: {in_a_sentence(unsaved)}"
        raise (NotSettled(what) if approval.redeemed else LedgerError(what)) from error
