"""A decision as it was kept: what was asked, what each rule said, and which waivers were offered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError

from launchplane_gate.errors import GateError
from launchplane_gate.ledger.decided import Decided
from launchplane_gate.model import Waiver, unstamp

GOOD = frozenset({"pass", "waived"})


class Result(NamedTuple):
    """What became of one rule: ``pass``, ``fail`` or ``waived``, and what it said."""

    status: str
    message: str

    @property
    def is_good(self) -> bool:
        return self.status in GOOD


@dataclass(frozen=True)
class Stored:
    """``name``: where it stands. ``input_text`` is None where its input is not kept there, ``lacks`` says why."""

    name: str
    decision_id: str
    product: str
    action: str
    phase: str
    revision: str
    engine: str
    at: datetime
    results: Mapping[str, Result]
    offered: tuple[Waiver, ...]
    input_text: str | None
    lacks: str = ""

    @property
    def allowed(self) -> bool:
        return bool(self.results) and all(result.is_good for result in self.results.values())


def stored(decided: Decided, error: type[GateError]) -> Stored:
    """Raises ``error`` for what is no decision of ours."""
    lacks = "" if decided.input_text is not None else "archived" if decided.archived else "none was kept"
    return stored_as(decided.name, decided.body, decided.input_text, lacks, error)


def stored_as(name: str, body: Mapping[str, Any], input_text: str | None, lacks: str, error: type[GateError]) -> Stored:
    """Raises ``error`` for what is no decision of ours."""
    try:
        decision = body["decision"]
        offered = body.get("offered", decision.get("waivers", ()))  # format 1 kept those alone that were used
        return Stored(
            name=name,
            decision_id=str(decision["decision_id"]),
            product=str(decision["product"]),
            action=str(decision["action"]),
            phase=str(decision["phase"]),
            revision=str(decision["policy_revision"]),
            engine=str(decision["engine"]),
            at=_moment(decision["decided_at"]),
            results={str(one["code"]): Result(str(one["status"]), str(one["message"])) for one in decision["results"]},
            offered=tuple(Waiver.model_validate(waiver) for waiver in offered),
            input_text=input_text,
            lacks=lacks,
        )
    except (KeyError, TypeError, ValueError, ValidationError) as odd:
        what = f"{type(odd).__name__}: {str(odd).splitlines()[0]}"
        raise error(f"{name} holds no decision that can be read: {what}", hint="Nothing was asked.") from None


def _moment(text: str) -> datetime:
    """Raises ValueError."""
    at = unstamp(text)
    if at is None:
        raise ValueError("decided_at is no moment")
    return at
