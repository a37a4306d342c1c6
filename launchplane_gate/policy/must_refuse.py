"""What every bundle has to refuse, asked of each one before it may decide anything."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

from launchplane_gate import strictjson
from launchplane_gate.errors import EngineError, PolicyError
from launchplane_gate.policy import refusals
from launchplane_gate.policy.bundle import Bundle
from launchplane_gate.policy.decision import ANSWER, read_answer
from launchplane_gate.policy.engine import EvaluationFailed, Undefined
from launchplane_gate.policy.floor import FLOOR
from launchplane_gate.policy.interpreter import Interpreter

GOOD = (refusals.PROMOTION, refusals.DEPLOY, refusals.CONFIRMATION)


class Question(NamedTuple):
    """A policy input that the rules ``codes`` have to refuse, for the ``changes`` that were made to a good one."""

    codes: tuple[str, ...]
    changes: Mapping[str, Any]
    policy_input: Mapping[str, Any]

    def __str__(self) -> str:
        facts = ", ".join(f"{place} {value!r}" for place, value in self.changes.items())
        return f"{self.policy_input['action']}/{self.policy_input['phase']} with {facts}"


@functools.cache
def questions() -> tuple[Question, ...]:
    asked = (
        (refusals.PROMOTION, refusals.OF_PROMOTION),
        (refusals.DEPLOY, refusals.OF_DEPLOY),
        (refusals.CONFIRMATION, refusals.OF_CONFIRMATION),
    )
    return tuple(
        Question(codes, changes, refusals.changed(good, changes)) for good, breaks in asked for codes, changes in breaks
    )


def check_must_refuse(bundle: Bundle) -> None:
    """Raises PolicyError, naming the rule, where a bundle lets through what has to be refused."""
    interpreter = interpreter_of_questions(bundle)
    for good in GOOD:
        _check_good(bundle, interpreter, good)
    for question in questions():
        asked = strictjson.dumps(question.policy_input)
        for code in question.codes:
            if not _refuses(interpreter, code, asked):
                raise PolicyError(f"{bundle.file_of(code)}:1: {code} lets through what has to be refused: {question}")


def _check_good(bundle: Bundle, interpreter: Interpreter, good: Mapping[str, Any]) -> None:
    """Raises PolicyError where the floor refuses what is good: whatever else it refused would prove nothing then.

    This one is asked whole, which reaches every rule once; the broken ones of a single rule each, which is faster.
    """
    try:
        said = read_answer(interpreter.ask(ANSWER, good), roll_call_of(bundle, good), good)
    except EngineError as error:
        raise PolicyError(f"the policies cannot decide on a good {good['action']}: {error}") from None
    for code in FLOOR[good["action"], good["phase"]]:
        if not said[code].satisfied:
            raise PolicyError(f"{bundle.file_of(code)}:1: {code} refuses a good {good['action']}: {said[code].message}")


def interpreter_of_questions(bundle: Bundle) -> Interpreter:
    """The policies of a bundle, and its configuration with the product that the questions are about."""
    products = {**bundle.config["products"], refusals.PRODUCT: refusals.PRODUCT_POLICY}
    return Interpreter(bundle.policies, {"config": {**bundle.config, "products": products}})


def roll_call_of(bundle: Bundle, asked: Mapping[str, Any]) -> tuple[str, ...]:
    return bundle.roll_call(asked["action"], asked["phase"], asked["driver"]["driver_id"], asked["request"]["product"])


def _refuses(interpreter: Interpreter, code: str, asked: str) -> bool:
    try:
        interpreter.value(f"data.gate.rules.{code}.satisfied", asked)
    except (Undefined, EvaluationFailed):
        return True
    return False
