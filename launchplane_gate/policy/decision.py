"""From an answer of the policies to a decision. Whatever is not a clean yes is a no, or no decision at all."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, runtime_checkable

from pydantic import ValidationError

from launchplane_gate import strictjson
from launchplane_gate.errors import EngineError
from launchplane_gate.model import Decision, Mode, RuleResult, Waiver, stamp
from launchplane_gate.policy.bundle.floor import FLOOR
from launchplane_gate.policy.bundle.load import Bundle
from launchplane_gate.policy.engines.protocol import EvaluationFailed, PolicyEngine, Undefined, to_json
from launchplane_gate.policy.waiving import could_be_waived, weighed
from launchplane_gate.policy_input import PolicyInput, StandingInput

ANSWER = "data.gate.decision.answer"
ALONE = "data.gate.decision.alone"

NOT_EVALUATED = "could not be evaluated"
_NAMES = re.compile(r"\b(PRODUCT|SOURCE|DESTINATION)\b")

Ask = Callable[[str, Mapping[str, Any]], Any]


class Said(NamedTuple):
    """What a rule said. One that could not be evaluated has said nothing that a waiver may overrule."""

    satisfied: bool
    message: str
    evaluated: bool = True


class Heard(NamedTuple):
    """What each rule said, by its code; and by the word of which engine."""

    engine: str
    said: Mapping[str, Said]


@runtime_checkable
class Hears(Protocol):
    """An engine that asks the rules in a way of its own: over a wire, or together with another one."""

    def hear(self, roll_call: Sequence[str], policy_input: Mapping[str, Any]) -> Heard:
        """What each rule of the roll call says. Raises EngineError."""


def decide(
    engine: PolicyEngine,
    bundle: Bundle,
    policy_input: Mapping[str, Any],
    *,
    waivers: Sequence[Waiver],
    now: datetime,
    decision_id: str,
    trace: str | None = None,
    mode: Mode = "enforce",
) -> Decision:
    """Ask the rules of the roll call and weigh what they say; ``now`` is the moment at which waivers have to be live.

    Raises EngineError where the engine gives no answer, or one that is not to this question.
    """
    digest = strictjson.sha256(to_json(policy_input).encode())
    facts = held_to_contract(policy_input)
    if engine.revision != bundle.revision:
        raise EngineError(f"{engine.name} answers from the policies {engine.revision}, not from {bundle.revision}")
    roll_call = roll_call_of(bundle, facts)
    engine_name, said = hear(engine, roll_call, policy_input)
    results, used = weigh(bundle, facts, roll_call, said, waivers=waivers, now=now)
    return Decision(
        decision_id=decision_id,
        action=facts.action,
        phase=facts.phase,
        product=facts.request.product,
        source=facts.source.lane if facts.source else None,
        destination=facts.destination.lane,
        release=facts.release,
        actor=facts.actor,
        results=results,
        waivers=used,
        engine=engine_name,
        policy_revision=bundle.revision,
        input_digest=digest,
        decided_at=stamp(now),
        trace=trace,
        mode=mode,
    )


def held_to_contract(policy_input: Mapping[str, Any]) -> PolicyInput | StandingInput:
    """The facts of an input. Raises EngineError where it has not the form of one."""
    try:
        return _contract(policy_input.get("phase")).model_validate(policy_input)
    except ValidationError as error:
        raise _not_its_form(error) from None


def facts_in(text: str, phase: str) -> PolicyInput | StandingInput:
    """The facts of an input that was kept as text. Raises EngineError where it has not the form of one."""
    try:
        return _contract(phase).model_validate_json(text)
    except ValidationError as error:
        raise _not_its_form(error) from None


def _contract(phase: object) -> type[PolicyInput] | type[StandingInput]:
    return StandingInput if phase == "standing" else PolicyInput


def _not_its_form(error: ValidationError) -> EngineError:
    return EngineError(f"the policy input has not its form: {error.errors(include_url=False)[0]['loc']}")


def roll_call_of(bundle: Bundle, facts: PolicyInput | StandingInput) -> tuple[str, ...]:
    """The rules that are asked. Raises EngineError where one of the floor is not among them."""
    request = facts.request
    roll_call = bundle.roll_call(facts.action, facts.phase, facts.driver.driver_id, request.product, request.version)
    missing = [code for code in FLOOR[facts.action, facts.phase] if code not in roll_call]
    if missing:
        raise EngineError(f"the roll call of {facts.action}/{facts.phase} lacks {', '.join(missing)}")
    return roll_call


def weigh(
    bundle: Bundle,
    facts: PolicyInput | StandingInput,
    roll_call: Sequence[str],
    said: Mapping[str, Said],
    *,
    waivers: Sequence[Waiver],
    now: datetime,
) -> tuple[tuple[RuleResult, ...], tuple[Waiver, ...]]:
    """The result of each rule by what it said, and the waivers that were used."""
    live, void = weighed(waivers, bundle.settings, facts, now) if isinstance(facts, PolicyInput) else ({}, {})
    results = [_result(bundle, code, said[code], live.get(code), void.get(code, "")) for code in roll_call]
    refused = {result.code for result in results if result.status == "fail" and said[result.code].evaluated}
    told = tuple(_refused(bundle, facts, result, refused) if result.status == "fail" else result for result in results)
    return told, tuple(live[result.code] for result in told if result.waiver_id)


def _refused(
    bundle: Bundle, facts: PolicyInput | StandingInput, result: RuleResult, refused: Collection[str]
) -> RuleResult:
    """A refusal, with what it follows from, whether a waiver could pass it, and what to type.

    What could not be evaluated is not among those that are ``refused``: it explains nothing, and nothing explains it.
    """
    code, rule = result.code, bundle.metadata.get(result.code)
    product, instance = facts.request.product, facts.destination.lane.instance
    is_said = code in refused
    in_time = facts.phase == "admit" and facts.release is not None
    return result.model_copy(
        update={
            "remedy": _filled_in(result.remedy, facts),
            "follows": tuple(cause for cause in rule.follows if cause in refused) if rule and is_said else (),
            "waivable": is_said and in_time and could_be_waived(code, bundle.settings, product, instance),
        }
    )


def hear(engine: PolicyEngine, roll_call: Sequence[str], policy_input: Mapping[str, Any]) -> Heard:
    """What each rule of the roll call says. Raises EngineError."""
    if isinstance(engine, Hears):
        return engine.hear(roll_call, policy_input)
    said = ask_rules(engine.ask, roll_call, policy_input)
    return Heard(engine.name, said)


def ask_rules(
    ask: Ask, roll_call: Sequence[str], policy_input: Mapping[str, Any], *, over_a_wire: bool = False
) -> dict[str, Said]:
    """What each rule of the roll call says. Raises EngineError for an answer that is not to this question.

    One odd fact, met by one rule, ends the evaluation of all; then each is asked alone, so that the others are heard.
    Who answers ``over_a_wire`` is asked for no bare yes: alone too, a rule comes in a document that says the nonce.
    """
    try:
        answer = ask(ANSWER, policy_input)
    except EvaluationFailed:
        ask_alone = _in_a_document if over_a_wire else _by_its_path
        return {code: _heard_alone(ask_alone, ask, code, policy_input) for code in roll_call}
    return read_answer(answer, roll_call, policy_input)


def read_answer(answer: Any, roll_call: Sequence[str], policy_input: Mapping[str, Any]) -> dict[str, Said]:
    """What each rule says, by an answer. Raises EngineError where it is not one, or not to this question."""
    match answer:
        case {"nonce": nonce, "action": action, "phase": phase, "results": dict() as results} if len(answer) == 4:  # noqa: PLR2004
            asked = (policy_input["nonce"], policy_input["action"], policy_input["phase"])
            if (nonce, action, phase) != asked:
                raise EngineError("the engine answered another question: its nonce, action or phase is not this one's")
        case _:
            raise EngineError("the engine's answer has not the form of one")
    if results.keys() != set(roll_call):
        odd = ", ".join(sorted(results.keys() ^ set(roll_call)))
        raise EngineError(f"the engine did not answer for the roll call; missing or too many: {odd}")
    return {code: _said(code, result) for code, result in results.items()}


def _said(code: str, result: Any) -> Said:
    match result:
        case {"satisfied": bool() as satisfied, "message": str() as message} if len(result) == 2:  # noqa: PLR2004
            return Said(satisfied, message)
    raise EngineError(f"the engine's answer for {code} is not a yes or no with a message")


AskAlone = Callable[[Ask, str, Mapping[str, Any]], Said]


def _heard_alone(ask_alone: AskAlone, ask: Ask, code: str, policy_input: Mapping[str, Any]) -> Said:
    """What one rule says. Raises EngineError where the engine, and not the rule, is at fault."""
    try:
        return ask_alone(ask, code, policy_input)
    except EvaluationFailed as error:
        return Said(satisfied=False, message=f"{NOT_EVALUATED}: {error}", evaluated=False)


def _by_its_path(ask: Ask, code: str, policy_input: Mapping[str, Any]) -> Said:
    satisfied = _or_undefined(ask, f"data.gate.rules.{code}.satisfied", policy_input)
    message = _or_undefined(ask, f"data.gate.rules.{code}.message", policy_input)
    return Said(satisfied is True, message if isinstance(message, str) else "")


def _in_a_document(ask: Ask, code: str, policy_input: Mapping[str, Any]) -> Said:
    """A request for each rule: OPA ends one that runs into an error, and would pass over it in a query of ours."""
    try:
        answer = ask(f"{ALONE}.{code}", policy_input)
    except Undefined:  # there is no such rule
        return Said(satisfied=False, message="")
    return read_answer(answer, [code], policy_input)[code]


def _or_undefined(ask: Ask, path: str, policy_input: Mapping[str, Any]) -> Any:
    try:
        return ask(path, policy_input)
    except Undefined:
        return None


def _result(bundle: Bundle, code: str, said: Said, waiver: Waiver | None, void: str) -> RuleResult:
    rule = bundle.metadata.get(code)
    if rule is None:
        return RuleResult(code=code, status="fail", title=code, message="there is no such rule", remedy="")
    waived = waiver if said.evaluated and not said.satisfied else None
    return RuleResult(
        code=code,
        status="waived" if waived else "pass" if said.satisfied else "fail",
        title=rule.title,
        message=said.message if said.satisfied or waived else f"{said.message} {void}".strip(),
        remedy=rule.remedy,
        waiver_id=waived.waiver_id if waived else None,
    )


def _filled_in(remedy: str, facts: PolicyInput | StandingInput) -> str:
    """A remedy whose commands, which stand between backquotes, name the product and the lanes."""
    names = {"PRODUCT": facts.request.product, "DESTINATION": facts.destination.lane.instance}
    if facts.source:
        names["SOURCE"] = facts.source.lane.instance
    parts = remedy.split("`")
    parts[1::2] = [_NAMES.sub(lambda name: shlex.quote(names.get(name[0], name[0])), part) for part in parts[1::2]]
    return "`".join(parts)
