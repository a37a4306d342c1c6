"""What every bundle has to refuse, asked of each one before it may decide anything."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from launchplane_gate import strictjson
from launchplane_gate.errors import EngineError, PolicyError
from launchplane_gate.policy.bundle.floor import FLOOR
from launchplane_gate.policy.bundle.load import Bundle
from launchplane_gate.policy.decision import ANSWER, read_answer
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Undefined
from launchplane_gate.policy.proof import questions

ASKED = (
    (questions.PROMOTION, questions.OF_PROMOTION),
    (questions.DEPLOY, questions.OF_DEPLOY),
    (questions.CONFIRMATION, questions.OF_CONFIRMATION),
    (questions.PROMOTION_STANDING, questions.OF_PROMOTION_STANDING),
    (questions.DEPLOY_STANDING, questions.OF_DEPLOY_STANDING),
    (questions.WAIVING, questions.OF_WAIVING),
    (questions.APPROVAL, questions.OF_APPROVAL),
)
GOOD = tuple(good for good, _ in ASKED)


class Question(NamedTuple):
    """A policy input that the rules ``codes`` have to refuse, for the ``changes`` that were made to a good one."""

    codes: tuple[str, ...]
    changes: Mapping[str, Any]
    policy_input: Mapping[str, Any]

    def __str__(self) -> str:
        facts = ", ".join(f"{place} {value!r}" for place, value in self.changes.items())
        return f"{self.policy_input['action']}/{self.policy_input['phase']} with {facts}"


@functools.cache
def asked_of_every_bundle() -> tuple[Question, ...]:
    return tuple(
        Question(codes, changes, questions.changed(good, changes))
        for good, breaks in ASKED
        for codes, changes in breaks
    )


class Respondent(Protocol):
    """Answers by the policies and the configuration of a bundle, and by that of the product asked about."""

    def answer(self, asked: Mapping[str, Any]) -> Any:
        """The whole answer to a good question. Raises EngineError."""

    def satisfies(self, code: str, asked: Mapping[str, Any]) -> bool:
        """Whether a rule says yes to a question. Raises EngineError where that cannot be known."""


def check_must_refuse(bundle: Bundle, respondent: Respondent | None = None) -> None:
    """Raises PolicyError, naming the rule, where a bundle lets through what has to be refused.

    Who answers is the embedded engine, or the one given. Of rules that are none of the floor's, those are put to it
    that the bundle has asked.
    """
    respondent = respondent or _Embedded(bundle)
    for good in GOOD:
        _check_good(bundle, respondent, good)
    for question in asked_of_every_bundle():
        roll_call = roll_call_of(bundle, question.policy_input)
        for code in question.codes:
            if code in roll_call and respondent.satisfies(code, question.policy_input):
                raise PolicyError(f"{bundle.file_of(code)}:1: {code} lets through what has to be refused: {question}")


def _check_good(bundle: Bundle, respondent: Respondent, good: Mapping[str, Any]) -> None:
    """Raises PolicyError where the floor refuses what is good: whatever else it refused would prove nothing then."""
    try:
        said = read_answer(respondent.answer(good), roll_call_of(bundle, good), good)
    except EngineError as error:
        raise PolicyError(f"the policies cannot decide on a good {good['action']}: {error}") from None
    for code in FLOOR[good["action"], good["phase"]]:
        if not said[code].satisfied:
            raise PolicyError(f"{bundle.file_of(code)}:1: {code} refuses a good {good['action']}: {said[code].message}")


def interpreter_of_questions(bundle: Bundle) -> Interpreter:
    """The policies of a bundle, and its configuration with the product that the questions are about."""
    products = {**bundle.config["products"], questions.PRODUCT: questions.PRODUCT_POLICY}
    return Interpreter(bundle.policies, {"config": {**bundle.config, "products": products}})


def roll_call_of(bundle: Bundle, asked: Mapping[str, Any]) -> tuple[str, ...]:
    request = asked["request"]
    driver_id, product, version = asked["driver"]["driver_id"], request["product"], request.get("version")
    return bundle.roll_call(asked["action"], asked["phase"], driver_id, product, version)


class _Embedded:
    """Asks the good questions whole, which reaches every rule once; the others of single rules, which is faster."""

    def __init__(self, bundle: Bundle) -> None:
        self._interpreter = interpreter_of_questions(bundle)

    def answer(self, asked: Mapping[str, Any]) -> Any:
        return self._interpreter.ask(ANSWER, asked)

    def satisfies(self, code: str, asked: Mapping[str, Any]) -> bool:
        try:
            self._interpreter.value(f"data.gate.rules.{code}.satisfied", strictjson.dumps(asked))
        except (Undefined, EvaluationFailed):
            return False
        return True
