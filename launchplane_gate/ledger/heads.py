"""Heads of chains that somebody keeps elsewhere: a ledger that was rewritten as a whole is told by these alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from launchplane_gate import strictjson
from launchplane_gate.errors import RequestError
from launchplane_gate.ledger.chain import Head

HINT = "Nothing was verified. `launchplane-gate decisions head` prints heads, as text or as JSON; both are read."
_LINE = re.compile(r"([0-9a-f]{32}) (\S+/\S+) ([1-9][0-9]{0,15}) ([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True)
class KeptHead:
    """An entry that stood at a place of a lane's chain when its hash was written down."""

    ledger_id: str
    lane: str
    position: int
    hash: str

    def __str__(self) -> str:
        return f"{self.ledger_id} {self.lane} {self.position} {self.hash}"


def kept_from(ledger_id: str, heads: Iterable[Head]) -> list[KeptHead]:
    return [KeptHead(ledger_id, str(head.lane), head.position, head.hash) for head in heads]


def as_document(heads: Iterable[KeptHead]) -> dict[str, Any]:
    return {
        "heads": [
            {"ledger_id": head.ledger_id, "lane": head.lane, "position": head.position, "hash": head.hash}
            for head in heads
        ]
    }


def read_heads(text: str) -> list[KeptHead]:
    """Heads as they are printed. Raises RequestError for anything else, also for none at all."""
    if text.lstrip().startswith("{"):
        lines = _lines_of(text)
    else:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
    heads = []
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            raise RequestError(f"{line[:80]!r} is no head of a chain", hint=HINT)
        heads.append(KeptHead(found[1], found[2], int(found[3]), found[4]))
    if not heads:
        raise RequestError("no head of a chain was given", hint=HINT)
    return heads


def _lines_of(text: str) -> list[str]:
    try:
        told = strictjson.loads(text)["heads"]
        return [f"{one['ledger_id']} {one['lane']} {one['position']} {one['hash']}" for one in told]
    except (strictjson.NotStrictJson, KeyError, TypeError) as error:
        raise RequestError(f"these are no heads of chains: {type(error).__name__}: {error}", hint=HINT) from None
