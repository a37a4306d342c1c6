"""The inputs of decisions on record, to look among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from launchplane_gate import strictjson
from launchplane_gate.authoring.replay.stored import Stored
from launchplane_gate.errors import UsageError
from launchplane_gate.ledger.kept import LARGEST

MOST = 1_000


def stored_inputs(decisions: Iterable[Stored]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each with the name of its decision, up to so many. Raises UsageError for an input that is none."""
    having = ((one, one.input_text) for one in decisions if one.input_text is not None)
    for one, text in islice(having, MOST):
        try:
            yield f"the input of decision {one.decision_id}", dict(strictjson.loads(text, max_bytes=LARGEST))
        except (TypeError, ValueError) as odd:
            raise UsageError(f"{one.name}: its input is none: {odd}", hint="Nothing was compared.") from None
