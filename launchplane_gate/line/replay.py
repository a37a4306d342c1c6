"""Repeats of a request under its idempotency key."""

from __future__ import annotations

from launchplane_gate import strictjson
from launchplane_gate.errors import KeyReused, StaleReplay
from launchplane_gate.ledger import Key, Row
from launchplane_gate.line import journal
from launchplane_gate.line.errand import Errand
from launchplane_gate.looking import difference, observe
from launchplane_gate.model import Lane, Run
from launchplane_gate.runs import read_run
from launchplane_gate.settled import has_moved, settled
from launchplane_gate.words import noun_of

TRUE = ("recorded", "unchanged")  # what a run ends as of which a repeat is told, for as long as it holds


def key_of(errand: Errand) -> Key | None:
    """The key of a request within its scope; None where it has none."""
    request = errand.request
    if not request.idempotency_key:
        return None
    names = ("deployment_record_id", "promotion_record_id")
    later = ("redeploy", "driver", "of_run", "reported", *names, "timeout_s", "fingerprint")
    unsaid = {"idempotency_key"} | {field for field in later if not getattr(request, field)}
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


def answered(errand: Errand, key: Key | None) -> Run | None:
    """Where policies are only observed: the run of this key, whatever became of it, as it would be answered without
    a gate; None where nobody was answered. That enforced policies would refuse the repeat is put on record.
    """
    ledger, run = errand.parts.ledger, _reserved(errand, key)
    if run is None:
        return None
    if run.status == "interrupted":  # nobody was answered
        ledger.free(run.run_id, errand.destination)
        return None
    said = read_run(ledger, run.run_id).model_copy(update={"replayed": True})
    if run.status in TRUE:
        moved = [what for lane in errand.lanes if (what := _moved(errand, lane, run))]
        if moved and not _is_cure(errand, run):
            stale = _stale(errand, run, f"is no longer true: {'; '.join(moved)}")
            return said.model_copy(update={"mode": errand.mode, "overlooked": str(stale)})
    return said


def interrupted(errand: Errand, key: Key | None) -> str | None:
    """The run that a repeat under a key has to finish first, where that was interrupted after it redeemed.

    One that a later run came after is over: its key is free where that left the lane unsettled. Raises StaleReplay
    where it settled the lane, which this request is from before. The same holds of a rollback that ended otherwise.
    """
    ledger, run = errand.parts.ledger, _reserved(errand, key)
    if run is None or run.status in TRUE:
        return None
    last = ledger.last_effective(errand.destination)
    if last is not None and last.status == "interrupted" and (last.run_id == run.run_id or run.action == "resume"):
        return str(last.run_id)
    if last is not None and last.number > run.number and errand.settled(errand.destination)[0]:
        since = f"a {noun_of(last.action, last.source_git_ref)} ({last.run_id}) settled {errand.destination} since"
        raise _stale(errand, run, f"ended {run.status}, and {since}")
    ledger.free(run.run_id, errand.destination)
    return None


def replay(errand: Errand, key: Key | None) -> Run | None:
    """The recorded run of this key while it is still true; None where the request is to be run.

    It is run again, as the cure, where a later run left the destination unsettled, or the destination is seen to run
    something else. Raises StaleReplay where a lane has moved on otherwise.
    """
    ledger = errand.parts.ledger
    run = _reserved(errand, key)
    if run is None:
        return None
    moved = [what for lane in errand.lanes if (what := _moved(errand, lane, run))]
    if not moved:
        return read_run(ledger, run.run_id).model_copy(update={"replayed": True})
    if _is_cure(errand, run):
        ledger.free(run.run_id, errand.destination)
        return None
    raise _stale(errand, run, f"is no longer true: {'; '.join(moved)}")


def _stale(errand: Errand, run: Row, why: str) -> StaleReplay:
    """What is raised, once it is on record."""
    stale = StaleReplay(f"the {noun_of(run.action, run.source_git_ref)} under this key ({run.run_id}) {why}")
    errand.release = read_run(errand.parts.ledger, run.run_id).release
    journal.begin(errand, "stale", {"detail": str(stale)})
    return stale


def _reserved(errand: Errand, key: Key | None) -> Row | None:
    """The run that the key belongs to. Raises KeyReused where it was another request's."""
    found = errand.parts.ledger.key(key) if key else None
    if key and found and found.request_digest != key.request_digest:
        raise KeyReused(f"the idempotency key {key.key!r} belongs to another request (run {found.run_id})")
    return errand.parts.ledger.run_row(found.run_id) if found else None


def _is_cure(errand: Errand, run: Row) -> bool:
    """Whether a repeat brings back what is known to be gone from the destination, and its source still stands."""
    source_moved = errand.source is not None and _moved(errand, errand.source, run)
    return not source_moved and _is_undone(errand, run)


def _is_undone(errand: Errand, run: Row) -> bool:
    """Whether a destination is known to run something else than a recorded run left there, by a later run or a look.

    Of a record that cannot be read nobody knows that.
    """
    ledger, lane = errand.parts.ledger, errand.destination
    records, last = errand.read(lane), ledger.last_effective(lane)
    if records.unreadable or settled(records, ledger, last)[0]:
        return False
    if last is not None and last.run_id != run.run_id:
        return ledger.status_of(last) != "recorded"
    observed = observe(errand.driver, lane, within_s=errand.parts.limits.gather_timeout_s)
    is_seen = observed.reachable and observed.digests != "failed"
    return is_seen and bool(difference(observed, run.artifact_id))


def _moved(errand: Errand, lane: Lane, run: Row) -> str:
    """What has changed on a lane since a recorded run, in one sentence; empty where nothing has."""
    then = run.source_version if lane == errand.source else run.inventory_version
    return has_moved(errand.read(lane), errand.parts.ledger, then, run.source_git_ref)
