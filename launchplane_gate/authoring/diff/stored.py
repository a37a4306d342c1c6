"""The inputs of decisions on record, from the lines of an export: only to look among them, so no chain is held to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from launchplane_gate import strictjson
from launchplane_gate.errors import UsageError

LARGEST = 64 * 1024 * 1024
MOST = 1_000  # inputs, of those that differ in their product, action and phase or in what they saw


def stored_inputs(lines: Iterable[bytes | str], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each with the name of its decision, up to so many. Raises UsageError for what no export has in it."""
    found = 0
    for number, line in enumerate(lines, 1):
        try:
            entry = strictjson.loads(line, max_bytes=LARGEST)
            text = entry["input_text"] if number > 1 else entry["export"] and None
            if text is None:
                continue
            decision = strictjson.loads(entry["body"], max_bytes=LARGEST)["decision"]
            policy_input = strictjson.loads(text, max_bytes=LARGEST)
            yield f"the input of decision {decision['decision_id']}", dict(policy_input)
        except (strictjson.NotStrictJson, KeyError, TypeError, ValueError):
            raise UsageError(
                f"line {number} of {name} is none of an export",
                hint="Nothing was compared. `launchplane-gate decisions export FILE` writes one.",
            ) from None
        found += 1
        if found == MOST:
            return
