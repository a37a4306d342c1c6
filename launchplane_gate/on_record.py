"""What the ledger keeps of a decision: all that is needed to ask the same question again, and what that spends."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from launchplane_gate import strictjson
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Action, Actor, Decision, Waiver
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.packing import packed

ENFORCE = "enforce"  # the mode in which a refusal keeps things from happening


def on_record(
    ledger: Ledger, bundle: Bundle, decision: Decision, facts: Mapping[str, Any], offered: Iterable[Waiver] = ()
) -> dict[str, Any]:
    """The decision, its input, the waivers that it was offered and its mode; its policies are kept before."""
    ledger.keep_policies(bundle.revision, partial(packed, bundle))
    return {
        "decision": decision.model_dump(mode="json"),
        "input": facts,
        "offered": [waiver.model_dump(mode="json") for waiver in offered],
        "mode": ENFORCE,
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
