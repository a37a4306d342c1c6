"""Restoring a ledger: a backup in its place, or going on with what is there, and on record what is lost by that.

A lane whose chain is behind what is known of it gets an entry that says so: its waivers and keys from before are void,
and it is unsettled until a run through the gate settles it. What was lost is named, not restored.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launchplane_gate import private
from launchplane_gate.errors import LaneBusy, LedgerError, PastLost, RecordUnreadable
from launchplane_gate.lane_records import listed, read_lane
from launchplane_gate.ledger import FILE_NAME, Head, Ledger, Terms, Wish, new_id
from launchplane_gate.model import Actor, Decision, Lane, Observation
from launchplane_gate.on_record import on_record, spends
from launchplane_gate.past import lost, unknown_run
from launchplane_gate.policy import Bundle
from launchplane_gate.store import FileStore, RecordStore, Since

Seen = Observation | str
"""What a lane's platform says, or why it could not be asked."""


@dataclass(frozen=True)
class Loss:
    """A lane whose chain is behind. ``past``: what is known to be lost, by the ids of ledgers, heads and runs."""

    lane: Lane
    product: str | None
    past: dict[str, list[str]]
    why: str


@dataclass(frozen=True)
class Consent:
    """Who restores, why, and the decision that lets them on each lane, with what it was decided on."""

    actor: Actor
    reason: str
    decided: Mapping[Lane, tuple[Decision, Mapping[str, Any]]]


def losses(
    store: RecordStore, ledger: Ledger, products: Mapping[Lane, str], known: Iterable[Head], seen: Mapping[Lane, Seen]
) -> list[Loss]:
    """The lanes of which records, ``known`` heads or their platform know more than the ledger.

    A platform that could not be asked may know more.
    """
    further: dict[Lane, list[Head]] = {}
    for head in known:
        if ledger.hash_at(head.lane, head.position) != head.hash:
            further.setdefault(head.lane, []).append(head)
    found = []
    for lane in dict.fromkeys([*products, *further]):
        past: dict[str, list[str]] = {"ledgers": [], "heads": [], "runs": []}
        unreadable = ""
        try:
            stored = tuple(listed(store, lane, Since()))
            past = lost(ledger, lane, (one.record for one in stored if one.record))
            unreadable = next((one.unreadable for one in stored if one.record is None), "")
        except RecordUnreadable as error:
            unreadable = str(error)
        past["heads"] += [str(head) for head in further.get(lane, []) if str(head) not in past["heads"]]
        if unreadable:
            unreadable = f"its records may know more, and cannot be read: {unreadable}"
        not_shown = _not_shown(ledger, lane, seen.get(lane), past)
        why = _named(past) or unreadable or not_shown
        if why:
            found.append(Loss(lane, products.get(lane), past, why))
    return found


def enter(store: RecordStore, ledger: Ledger, bundle: Bundle, found: Iterable[Loss], consent: Consent) -> None:
    """Have each lane that is behind say so. Raises LaneBusy where somebody holds one."""
    told = {"actor": consent.actor.model_dump(), "reason": consent.reason}
    for loss in found:
        body = {**told, "detail": f"restored: {loss.why}", "past": loss.past}
        if loss.product is None:
            ledger.say_restored(loss.lane, body)
            continue
        release = read_lane(store, ledger, loss.lane).release
        row = {
            "run_id": new_id("r"),
            "product": loss.product,
            "action": "restore",
            "artifact_id": release and release.artifact_id,
            "source_git_ref": release and release.source_git_ref,
            "step": "restored",
            "status": "restored",
            "redeemed": True,  # what was lost may have touched the lane
        }
        decided = on_record(ledger, bundle, *consent.decided[loss.lane])
        decided |= spends(consent.actor, "restore", {"reason": consent.reason})
        with ledger.hold([loss.lane], Wish(Terms(run_s=60), run_id=str(row["run_id"]))) as lease:
            ledger.begin_run(loss.lane, row, body | decided, lease=lease)
    if isinstance(store, FileStore):
        store.forget_places()


def _named(past: Mapping[str, list[str]]) -> str:
    said = []
    if past["heads"]:
        positions = sorted(int(head.partition(":")[0]) for head in past["heads"] if head.partition(":")[0].isdigit())
        said.append(f"what came up to entry {positions[-1]} is lost" if positions else "entries are lost")
    if runs := [run for run in past["runs"] if run]:
        said.append(f"runs that are known of it: {', '.join(runs)}")
    if past["ledgers"]:
        said.append("records name another ledger")
    return "; ".join(said)


def _not_shown(ledger: Ledger, lane: Lane, seen: Seen | None, past: dict[str, list[str]]) -> str:
    """Why a lane's platform may know more; notes the run that it names."""
    if seen is None:
        return ""
    if isinstance(seen, str) or not seen.reachable:
        why = seen if isinstance(seen, str) else seen.detail
        return f"its platform could not be asked whether it knows more: {why}"
    if unknown := unknown_run(ledger, lane, seen.run_id):
        past["runs"].append(seen.run_id)
        return unknown.partition(": ")[2]
    return ""


# -- a file in place of another


@contextmanager
def copied(backup: Path, state_dir: Path) -> Iterator[Path]:
    """A copy of a backup in the state directory, to be written to; gone at the end, unless it was put in its place."""
    private.make_state(state_dir)
    copy = state_dir / f".{FILE_NAME}.{secrets.token_hex(4)}"
    try:
        private.make_file(copy)
        with private.opened(backup) as source, private.write_anew(copy) as target:
            shutil.copyfileobj(source, target)
        for log in (backup.with_name(f"{backup.name}-wal"),):
            if log.exists():
                shutil.copyfile(log, copy.with_name(f"{copy.name}-wal"))
        yield copy
    except OSError as error:
        raise LedgerError(f"the backup {backup} cannot be used: {error.strerror or error}") from error
    finally:
        for one in (copy, *_beside(copy)):
            one.unlink(missing_ok=True)


def opened_copy(copy: Path, backup: Path) -> Ledger:
    """The ledger in a copy of a backup, to be written to. Raises LedgerError, which names the backup."""
    try:
        return Ledger.in_file(copy)
    except LedgerError as error:
        said = str(error).replace(f"the ledger {copy}", f"the backup {backup}")
        hint = "Nothing was done: the ledger is as it was. Name a file that `launchplane-gate ledger backup` wrote."
        raise LedgerError(said, hint=hint) from error


def put_in_place(copy: Path, state_dir: Path, stamp: str) -> Path | None:
    """Put a ledger that nobody has open in the place of the one that is there, which is kept; gives where.

    Between the two renames there is none: whoever opens it then is told that it is missing.
    """
    path = state_dir / FILE_NAME
    private.sync(copy)
    kept = _put_aside(path, stamp) if path.exists() else None
    copy.rename(path)
    private.sync(path)
    return kept


def begin_where_none_is(state_dir: Path, stamp: str, group: int | None) -> Path | None:
    """Begin a new ledger where the file is gone, or is none any more; such a file is kept, and it is said where.

    Raises LedgerError for a file that may be one, and cannot be read.
    """
    path, kept = state_dir / FILE_NAME, None
    try:
        if path.exists():
            Ledger.unmarked(state_dir).close()
            return None
    except PastLost:
        kept = _put_aside(path, stamp)
    Ledger.create(state_dir, group=group).close()
    return kept


def heads_of(path: Path) -> list[Head]:
    """How far the chains of a ledger come that is about to be replaced; none where it cannot be read.

    Raises LaneBusy where somebody holds a lane there.
    """
    if not path.exists():
        return []
    try:
        ledger = Ledger.to_read(path.parent, holds_records=False)
    except LedgerError:
        return []
    try:
        heads, held = ledger.heads(), ledger.held_by()
    except LedgerError:
        return []
    finally:
        ledger.close()
    if held:
        raise LaneBusy(held)
    return heads


def _put_aside(path: Path, stamp: str) -> Path:
    kept = path.with_name(f"{FILE_NAME}.until-{stamp}")
    for one in _beside(path):
        with suppress(FileNotFoundError):
            one.rename(one.with_name(one.name.replace(FILE_NAME, kept.name)))
    path.rename(kept)
    return kept


def _beside(path: Path) -> list[Path]:
    return [path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm")]
