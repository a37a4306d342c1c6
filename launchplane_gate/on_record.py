"""What the ledger keeps of a decision: all that is needed to ask the same question again, and what that spends.

And the decision as it is shown from there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from launchplane_gate import strictjson
from launchplane_gate.errors import LedgerError
from launchplane_gate.ledger import REFUSED, Entry, Ledger
from launchplane_gate.model import Action, Actor, Decision, Waiver
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.packing import packed


def on_record(
    ledger: Ledger, bundle: Bundle, decision: Decision, facts: Mapping[str, Any], offered: Iterable[Waiver] = ()
) -> dict[str, Any]:
    """The decision, its input, the waivers that it was offered and its mode; its policies are kept before."""
    ledger.keep_policies(bundle.revision, partial(packed, bundle))
    return {
        "decision": decision.model_dump(mode="json"),
        "input": facts,
        "offered": [waiver.model_dump(mode="json") for waiver in offered],
        "mode": decision.mode,
    }


def spends(
    actor: Actor, action: Action, asked: Mapping[str, Any], *, before: Iterable[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """What the ledger keeps of the token that proved who asks, which it spends; nothing where no token did.

    ``asked``: all that makes this request another than the next. ``before``: the bodies of the entries of the run that
    it finishes, if it finishes one: where the token was spent on that run, this is of the same request.
    """
    token = actor.token
    if token is None:
        return {}
    of_the_run = (body["spent"] for body in before if body.get("spent", {}).get("token") == token.digest)
    if same := next(of_the_run, None):
        return {"spent": same}
    spent = {
        "token": token.digest,
        "until": math.ceil(token.until.timestamp()),
        "request_digest": strictjson.digest([action, dict(asked)]),
    }
    return {"spent": spent}


@dataclass(frozen=True)
class Kept:
    """A decision as it is on record. ``repeats``: how often the same was refused to the same one after it.

    ``archived``: where its input stands, where that was archived.
    """

    decision: Decision
    entry: Entry
    repeats: int
    archived: dict[str, Any] | None

    @property
    def document(self) -> dict[str, Any]:
        """What programs are shown."""
        return {
            **self.decision.model_dump(mode="json"),
            "allowed": self.decision.allowed,
            "run_id": self.entry.subject,
            "repeats": self.repeats,
            "input": self.entry.input,
            "archived": self.archived,
        }


def kept(ledger: Ledger, decision_id: str) -> Kept | None:
    """A decision by its id; None where there is none. Raises LedgerError for an entry that was altered."""
    entries = ledger.decision_entries(decision_id=decision_id)
    if not entries:
        return None
    entry, archived = entries[0], None
    if entry.input_text is None and entry.input_digest is not None and (found := ledger.archive_of(entry)):
        archived = {"at": found[0], **asdict(found[1])}
    repeats = ledger.repeats_of(decision_id) if entry.kind == REFUSED else 0
    return Kept(decision_in(entry), entry, repeats, archived)


def decision_in(entry: Entry) -> Decision:
    """Raises LedgerError for an entry that holds none."""
    try:
        return Decision.model_validate(entry.body["decision"])
    except (ValueError, KeyError, TypeError):
        hint = "`launchplane-gate decisions verify` tells what else was altered."
        raise LedgerError(f"entry {entry.position} of {entry.lane} holds no decision", hint=hint) from None
