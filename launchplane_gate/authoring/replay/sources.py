"""Where the decisions of a replay come from: the ledger, a file that was exported from one, or a sample."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Any

from launchplane_gate.authoring.replay.facts import ReadBefore, read_before
from launchplane_gate.authoring.replay.sample import opened_sample
from launchplane_gate.authoring.replay.stored import Stored, stored
from launchplane_gate.errors import LedgerError, UsageError
from launchplane_gate.ledger import Head, Ledger
from launchplane_gate.ledger.decided import decided_in
from launchplane_gate.model import Lane

Config = Mapping[str, Any]
BLOCK = 2**20


@dataclass(frozen=True)
class Source:
    """``identity`` tells these decisions from all others; ``config``: of policies, as these decisions need it.

    ``exact``: what rules said is as they said it. ``policies``: those of a revision, packed, where they are kept there.
    """

    told: str
    identity: Any
    decisions: Iterable[Stored]
    before: ReadBefore
    config: Callable[[Config], Config] = lambda config: config
    exact: bool = True
    policies: Callable[[str], bytes | None] = lambda _: None


def from_ledger(ledger: Ledger, begun: Any = None) -> Source:
    """The decisions as they stand now, or as they stood when a replay ``begun``, by its identity.

    Raises LedgerError where the ledger is not the one that was begun with, or lost what it had then.
    """
    heads = ledger.heads()
    if isinstance(begun, dict) and begun.get("ledger_id") == ledger.ledger_id():
        heads = _heads(begun.get("heads"))
        for head in heads:
            if not ledger.has(head):
                raise LedgerError(f"{head.lane}: entry {head.position} is not there, which the replay began with")
    identity = {"ledger_id": ledger.ledger_id(), "heads": [[h.lane.context, h.lane.instance, str(h)] for h in heads]}
    decisions = (stored(decided, LedgerError) for decided in ledger.decided(heads))
    return Source("the ledger", identity, decisions, read_before(ledger.policies), policies=ledger.policies)


def from_export(file: IO[bytes], name: str, sha256: str | None) -> Source:
    """Raises UsageError for a file that is none, or another one than it should be."""
    found = _digest(file, name, sha256)
    _, decided = decided_in(file)
    decisions = (stored(one, UsageError) for one in decided)
    return Source(name, {"file": found}, decisions, lambda _: {})


def from_sample(file: IO[bytes], name: str, sha256: str | None) -> Source:
    """Raises UsageError for a file that is none, or another one than it should be."""
    found = _digest(file, name, sha256)
    sample = opened_sample(file, name)
    return Source(name, {"sample": found}, sample.decisions(), sample.before, sample.pseudonyms.of_config, exact=False)


def _digest(file: IO[bytes], name: str, expected: str | None) -> str:
    together = hashlib.sha256()
    while block := file.read(BLOCK):
        together.update(block)
    file.seek(0)
    found = together.hexdigest()
    if expected is not None and expected.lower() != found:
        raise UsageError(f"{name} has the sha256 {found}, and not {expected}", hint="Nothing was asked.")
    return found


def _heads(told: Any) -> list[Head]:
    """Raises LedgerError."""
    heads = []
    try:
        for context, instance, head in told:
            position, _, digest = head.partition(":")
            lane = Lane.model_construct(context=context, instance=instance)
            heads.append(Head(lane, int(position), digest))
    except (TypeError, ValueError, AttributeError):
        raise LedgerError("the checkpoint does not say with which decisions the replay began") from None
    return heads
