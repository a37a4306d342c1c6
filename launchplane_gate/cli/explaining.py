"""What ``decisions explain`` and ``check --explain`` answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from launchplane_gate.cli.output import Answer

if TYPE_CHECKING:
    from launchplane_gate.authoring.explain.told import Explanation
    from launchplane_gate.line import Checked
    from launchplane_gate.model import Decision, Waiver
    from launchplane_gate.on_record import Kept
    from launchplane_gate.policy import Bundle, PolicyEngine

F = TypeVar("F", bound=Callable[..., Any])

OF_A_STRANGER = "to whom no policy names nothing is told of what there is"


def explained(command: F) -> F:
    """The option that has a check explained."""
    told = "Say what did not hold, and what would make it pass."
    return click.option("--explain", "explains", is_flag=True, help=told)(command)


def of_check(bundle: Bundle, engine: PolicyEngine, checked: Checked) -> Answer:
    """A check explained; it ends as the check does."""
    decision, facts = checked.decision, checked.facts
    told = _explain(bundle, engine, decision, facts, checked.waivers, why_none=OF_A_STRANGER)
    return _answer(told, 0 if decision.allowed else 1, saved=False)


def of_record(bundle: Bundle, engine: PolicyEngine, found: Kept, why_none: str) -> Answer:
    """A decision on record explained; 1 where the policies of today say something else."""
    from launchplane_gate.model import Waiver

    offered = [Waiver.model_validate(waiver) for waiver in found.entry.body.get("offered", ())]
    told = _explain(bundle, engine, found.decision, found.entry.input, offered, why_none=why_none)
    return _answer(told, 1 if told.differs else 0, saved=True)


def _explain(
    bundle: Bundle,
    engine: PolicyEngine,
    decision: Decision,
    facts: Mapping[str, Any] | None,
    offered: Iterable[Waiver],
    *,
    why_none: str,
) -> Explanation:
    from launchplane_gate.authoring.explain.explaining import Policies, explain

    return explain(Policies(bundle, engine), decision, facts, offered, datetime.now(UTC), why_none=why_none)


def _answer(told: Explanation, exit_code: int, *, saved: bool) -> Answer:
    from launchplane_gate.report.explained import explained_text

    return Answer(told.model_dump(mode="json"), explained_text(told, saved=saved), exit_code)
