"""Repeats of a request under its idempotency key."""

from __future__ import annotations

from launchplane_gate import strictjson
from launchplane_gate.errors import KeyReused, StaleReplay
from launchplane_gate.facts import has_moved, settled
from launchplane_gate.ledger import Key, Row
from launchplane_gate.line import journal
from launchplane_gate.line.errand import Errand
from launchplane_gate.model import Lane, Run, noun, short
from launchplane_gate.runs import read_run


def key_of(errand: Errand) -> Key | None:
    """The key of a request within its scope; None where it has none."""
    request = errand.request
    if not request.idempotency_key:
        return None
    unsaid = {"idempotency_key"} | {field for field in ("redeploy", "driver") if not getattr(request, field)}
    # What is not said of a later field is left out, as of keys from before it.
    return Key(
        scope=f"{errand.actor.subject}|{request.action}|{errand.destination}",
        key=request.idempotency_key,
        request_digest=strictjson.digest(request.model_dump(exclude=unsaid)),
    )


def already_open(errand: Errand, key: Key | None) -> Run | None:
    """The run of this key where it is under way, and its process alive. Raises KeyReused."""
    ledger = errand.parts.ledger
    run = _reserved(errand, key)
    if run and run.status == "open" and ledger.is_held(errand.destination, run.holder):
        return read_run(ledger, run.run_id).model_copy(update={"replayed": True})
    return None


def is_known(errand: Errand, key: Key | None) -> bool:
    """Whether a run is remembered under the key. Raises KeyReused."""
    return _reserved(errand, key) is not None


def replay(errand: Errand, key: Key | None) -> Run | None:
    """The recorded run of this key while it is still true; None where the request is to be run.

    Raises StaleReplay where a lane has moved on since.
    """
    ledger = errand.parts.ledger
    run = _reserved(errand, key)
    if run is None:
        return None
    moved = [what for lane in errand.lanes if (what := _moved(errand, lane, run))]
    if not moved:
        return read_run(ledger, run.run_id).model_copy(update={"replayed": True})
    destination = errand.destination
    destination_settled, _ = settled(errand.read(destination), ledger, ledger.last_effective(destination))
    source_moved = errand.source is not None and _moved(errand, errand.source, run)
    if not destination_settled and not source_moved:
        ledger.free(run.run_id, errand.destination)  # the cure of an unsettled lane is the same request again
        return None
    what = f"the {noun(run.action)} of {short(run.source_git_ref)} under this key ({run.run_id}) is no longer true"
    stale = StaleReplay(f"{what}: {'; '.join(moved)}")
    errand.release = read_run(ledger, run.run_id).release
    journal.begin(errand, "stale", {"detail": str(stale)})
    raise stale


def _reserved(errand: Errand, key: Key | None) -> Row | None:
    """The run that the key belongs to. Raises KeyReused where it was another request's."""
    found = errand.parts.ledger.key(key) if key else None
    if key and found and found.request_digest != key.request_digest:
        raise KeyReused(f"the idempotency key {key.key!r} belongs to another request (run {found.run_id})")
    return errand.parts.ledger.run_row(found.run_id) if found else None


def _moved(errand: Errand, lane: Lane, run: Row) -> str:
    """What has changed on a lane since a recorded run, in one sentence; empty where nothing has."""
    then = run.source_version if lane == errand.source else run.inventory_version
    return has_moved(errand.read(lane), errand.parts.ledger, then, run.source_git_ref)
