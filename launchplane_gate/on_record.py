"""What the ledger keeps of a decision: all that is needed to ask the same question again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Decision, Waiver
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
