"""What to type: each form of command that is printed to be pasted, whole, and quoted as a shell reads it.

What the reader alone can know stands between angle brackets, as ``<why>``: no shell runs a command with one in it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from launchplane_gate.model import ReleaseIdentity

PROGRAM = "launchplane-gate"


class Gap(str):
    """What the reader fills in. A value that merely looks like one is quoted."""

    __slots__ = ()


WHY, ARTIFACT, COMMIT, BACKUP, KEY = map(Gap, ("<why>", "<artifact>", "<commit>", "<backup>", "<key>"))
PROPOSAL = Gap("<promotion.yaml>")


def command(*words: str, **options: str | None) -> str:
    """Options without a value are left out."""
    named = [part for name, value in options.items() if value for part in (f"--{name.rstrip('_')}", value)]
    return " ".join(word if isinstance(word, Gap) else shlex.quote(word) for word in (PROGRAM, *words, *named))


# -- what acts


def deploying(product: str, lane: str, release: ReleaseIdentity | None = None, **more: str | None) -> str:
    """Without a release, for the reader to name one."""
    artifact, ref = (release.artifact_id, release.source_git_ref) if release else (ARTIFACT, COMMIT)
    return command("deploy", product, to=lane, artifact=artifact, ref=ref, **more)


def promoting(product: str, source: str, destination: str, paths: Iterable[tuple[str, str]], **more: str | None) -> str:
    """``paths``: those of the product; its ends are named unless that is the only one."""
    ends = {} if list(paths) == [(source, destination)] else {"from_": source, "to": destination}
    return command("promote", product, **ends, **more)


def going_back(product: str, lane: str, release: ReleaseIdentity | None = None, **more: str | None) -> str:
    """Without a release, to what was recorded before; of an unsettled lane, to what was recorded last."""
    artifact, ref = (release.artifact_id, release.source_git_ref) if release else (None, None)
    return command("rollback", product, lane=lane, artifact=artifact, ref=ref, **more)


def resuming(run_id: str) -> str:
    """Finish an interrupted run."""
    return command("runs", "resume", run_id)


def reconciling(product: str, lane: str, **more: str | None) -> str:
    """Settle a lane by what it is seen to run."""
    return command("inventory", "reconcile", f"{product}/{lane}", **more)


def publishing(run_id: str) -> str:
    """Attest and publish what a run recorded."""
    return command("publish", run_id)


def releasing(product: str, lane: str) -> str:
    """End the hold on a lane."""
    return command("lane", "release", f"{product}/{lane}", reason=WHY)


def putting_aside(product: str, lane: str, record_id: str) -> str:
    """Have a deployment record that is not the gate's own unsettle its lane no more."""
    return command("lane", "quarantine", f"{product}/{lane}", record_id, reason=WHY)


def restoring() -> str:
    """Put a backup of the ledger in its place."""
    return command("ledger", "restore", BACKUP, reason=WHY)


def revoking(waiver_id: str) -> str:
    """End a waiver before its time."""
    return command("waiver", "revoke", waiver_id, reason=WHY)


# -- what looks


def showing(run_id: str) -> str:
    return command("runs", "show", run_id)


def looking_at(product: str) -> str:
    return command("lanes", product)


def looking_for_faults() -> str:
    return command("doctor")
