"""A decision explained: asked again, rule by rule, and with what somebody could change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from launchplane_gate.authoring.changes import MISSING, dotted
from launchplane_gate.authoring.explain.acts import Act
from launchplane_gate.authoring.explain.asked import Asked
from launchplane_gate.authoring.explain.cause import Cause, Holds, Place, cause_of
from launchplane_gate.authoring.explain.probes import Library
from launchplane_gate.authoring.explain.told import (
    Becomes,
    ExplainedRule,
    Explanation,
    Expression,
    Seen,
    Step,
    WayOut,
    Why,
)
from launchplane_gate.authoring.explain.ways import Found, look_for
from launchplane_gate.errors import EnginesDiffer
from launchplane_gate.model import Decision, RuleResult, Waiver, unstamp
from launchplane_gate.policy import Bundle, PolicyEngine, decide
from launchplane_gate.policy.engines.embedded.interpreter import VERSION

NO_INPUT = "what it was decided on is not kept with it"


@dataclass(frozen=True)
class Policies:
    """Those that a decision is explained by, and who answers for them."""

    bundle: Bundle
    engine: PolicyEngine

    def decide(self, decision: Decision, facts: Mapping[str, Any], waivers: Sequence[Waiver]) -> Decision:
        """The same question, decided again at its own moment, or at a later one that it names. Raises EngineError."""
        moments = (unstamp(decision.decided_at), unstamp(str(facts.get("now", ""))))
        now = max(moment for moment in moments if moment is not None)
        return decide(
            self.engine,
            self.bundle,
            facts,
            waivers=waivers,
            now=now,
            decision_id=decision.decision_id,
            trace=decision.trace,
            mode=decision.mode,
        )


def explain(
    policies: Policies,
    decision: Decision,
    facts: Mapping[str, Any] | None,
    offered: Iterable[Waiver],
    typed_at: datetime,
    *,
    why_none: str = NO_INPUT,
) -> Explanation:
    """Explain a decision that was made on these facts, with the waivers that were offered then.

    By the policies of today, and only where they say of each rule what was said then; else which differ is told.
    ``facts``: None where nobody has them (any more), as ``why_none`` says. Raises EngineError.
    """
    if facts is None:
        return _told(decision, policies, not_explained=why_none)
    offered = tuple(offered)
    again = policies.decide(decision, facts, offered)
    if differs := _differences(decision, again):
        return _told(decision, policies, not_explained="the policies of today decide otherwise", differs=differs)
    causes = {result.code: _cause(policies, result, facts) for result in again.results if result.status != "pass"}
    found = Found((), {}, 0)
    if not again.allowed:
        asked = Asked(facts, policies.bundle.settings, typed_at)
        refused = [result.code for result in again.refusals]
        found = look_for(asked, refused, offered, partial(policies.decide, again))
    return _told(decision, policies, causes=causes, found=found)


def _differences(then: Decision, now: Decision) -> tuple[str, ...]:
    """The codes that are asked by one of them alone, or of which the two say another thing."""
    one, other = ({result.code: result.status for result in decision.results} for decision in (then, now))
    codes = dict.fromkeys((*one, *other))
    return tuple(code for code in codes if one.get(code) != other.get(code))


def _cause(policies: Policies, result: RuleResult, facts: Mapping[str, Any]) -> Cause | None:
    """Raises EnginesDiffer where the engine that is probed finds nothing to object to."""
    if result.code not in policies.bundle.metadata:
        return None
    try:
        return cause_of(Library(policies.bundle), result.code, facts)
    except Holds:
        said = {result.code: ("that it is not satisfied", "that it is")}
        raise EnginesDiffer(policies.engine.name, f"embedded regorus {VERSION}", said) from None


def _told(
    decision: Decision,
    policies: Policies,
    *,
    causes: Mapping[str, Cause | None] | None = None,
    found: Found | None = None,
    not_explained: str = "",
    differs: tuple[str, ...] = (),
) -> Explanation:
    told = [result for result in decision.results if result.status != "pass"]
    causes, found = causes or {}, found or Found((), {}, 0)
    return Explanation(
        decision_id=decision.decision_id,
        action=decision.action,
        phase=decision.phase,
        product=decision.product,
        source=decision.source,
        destination=decision.destination,
        release=decision.release,
        actor=decision.actor,
        mode=decision.mode,
        decided_at=decision.decided_at,
        decided_by=decision.policy_revision,
        explained_by=policies.bundle.revision,
        engine=policies.engine.name,
        allowed=decision.allowed,
        passed=len(decision.results) - len(told),
        rules=tuple(_rule(result, causes.get(result.code), found.helps.get(result.code)) for result in told),
        ways=tuple(WayOut(steps=tuple(map(_step, way.acts)), command=way.command) for way in found.ways),
        tried=found.tried,
        not_explained=not_explained,
        differs=differs,
    )


def _rule(result: RuleResult, cause: Cause | None, helps: Act | None) -> ExplainedRule:
    assert result.status != "pass"  # only others are told
    return ExplainedRule(
        code=result.code,
        status=result.status,
        title=result.title,
        message=result.message,
        remedy=result.remedy,
        why=_why(cause) if cause else None,
        helps=_step(helps) if helps else None,
        follows=result.follows,
    )


def _why(cause: Cause) -> Why:
    return Why(
        expression=_expression(cause.place),
        asked_at=tuple(map(_expression, cause.asked_at)),
        saw=tuple(
            Seen(
                text=saw.text,
                fact=dotted(saw.fact) if saw.fact else None,
                value=None if saw.value is MISSING else saw.value,
                missing=saw.value is MISSING,
            )
            for saw in cause.saw
        ),
        error=cause.error,
    )


def _expression(place: Place) -> Expression:
    return Expression(file=place.file, line=place.line, text=place.text)


def _step(act: Act) -> Step:
    return Step(
        act=act.name,
        words=act.words,
        commands=act.commands,
        facts=tuple(
            Becomes(
                fact=dotted(change.path),
                value=None if change.value is MISSING else change.value,
                missing=change.value is MISSING,
            )
            for change in act.changes
        ),
        waives=act.waiver.code if act.waiver else None,
        not_before=act.not_before or None,
    )
