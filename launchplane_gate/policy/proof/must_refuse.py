"""What every bundle has to refuse, asked of each one before it may decide anything."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from launchplane_gate import strictjson
from launchplane_gate.errors import EngineError
from launchplane_gate.policy.bundle.floor import FLOOR
from launchplane_gate.policy.bundle.form import BadForm
from launchplane_gate.policy.bundle.load import Bundle
from launchplane_gate.policy.bundle.rego_tests import place_of
from launchplane_gate.policy.bundle.syntax import Finding
from launchplane_gate.policy.decision import ANSWER, read_answer
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Unanswered, Undefined
from launchplane_gate.policy.proof import of_evidence, of_rollback, questions
from launchplane_gate.policy.proof.figures import breaks, figures_of

ASKED = (
    (questions.PROMOTION, questions.OF_PROMOTION),
    (questions.DEPLOY, questions.OF_DEPLOY),
    (questions.RECONCILING, questions.OF_RECONCILING),
    (of_rollback.ROLLBACK, of_rollback.OF_ROLLBACK),
    (of_evidence.EVIDENCE, of_evidence.OF_EVIDENCE),
    (of_evidence.ELSEWHERE, of_evidence.OF_ELSEWHERE),
    (questions.CONFIRMATION, questions.OF_CONFIRMATION),
    (questions.PROMOTION_STANDING, questions.OF_PROMOTION_STANDING),
    (questions.DEPLOY_STANDING, questions.OF_DEPLOY_STANDING),
    (of_rollback.ROLLBACK_STANDING, of_rollback.OF_ROLLBACK_STANDING),
    (of_evidence.EVIDENCE_STANDING, of_evidence.OF_EVIDENCE_STANDING),
    (questions.WAIVING, questions.OF_WAIVING),
    (questions.APPROVAL, questions.OF_APPROVAL),
)
GOOD = tuple(good for good, _ in ASKED)

_MEND = "Mend it: until then the gate takes none of these policies."


class Question(NamedTuple):
    """A policy input that the rules ``codes`` have to refuse, for the ``changes`` that were made to a good one.

    ``of_whom``: whose thresholds count, where they are not the questions' own.
    """

    codes: tuple[str, ...]
    changes: Mapping[str, Any]
    policy_input: Mapping[str, Any]
    of_whom: str = ""

    def __str__(self) -> str:
        facts = ", ".join(f"{place} {value!r}" for place, value in self.changes.items())
        thresholds = f", by the thresholds of {self.of_whom}" if self.of_whom else ""
        return f"{self.policy_input['action']}/{self.policy_input['phase']} with {facts}{thresholds}"


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
    """Raises BadForm, naming the rule, where a bundle lets through what has to be refused.

    Who answers is the embedded engine, or the one given. Of rules that are none of the floor's, those are put to it
    that the bundle has asked. The embedded one is asked about the thresholds of each product and driver, too: another
    has the same configuration.
    """
    asked_about = respondent or _Embedded(bundle, with_the_product(bundle))
    for good in GOOD:
        _check_good(bundle, asked_about, good)
    for question in asked_of_every_bundle():
        _check(bundle, asked_about, question)
    for figures in figures_of(bundle.config) if respondent is None else ():
        by_these = _Embedded(bundle, figures.within(bundle.config))
        for good, (codes, changes) in breaks(figures):
            _check(bundle, by_these, Question(codes, changes, questions.changed(good, changes), figures.of_whom))


def _check(bundle: Bundle, respondent: Respondent, question: Question) -> None:
    roll_call = roll_call_of(bundle, question.policy_input)
    for code in question.codes:
        if code in roll_call and respondent.satisfies(code, question.policy_input):
            raise _bad(bundle, code, f"{code} lets through what has to be refused: {question}")


def _check_good(bundle: Bundle, respondent: Respondent, good: Mapping[str, Any]) -> None:
    """Raises BadForm where the floor refuses what is good: whatever else it refused would prove nothing then."""
    try:
        said = read_answer(respondent.answer(good), roll_call_of(bundle, good), good)
    except EngineError as error:
        file, line = place_of(error, bundle.modules)
        message = f"the policies cannot decide on a good {good['action']}: {error}"
        raise BadForm([Finding(file or bundle.modules[0].file, line, message, _MEND)]) from None
    for code in FLOOR[good["action"], good["phase"]]:
        if not said[code].satisfied:
            raise _bad(bundle, code, f"{code} refuses a good {good['action']}: {said[code].message}")


def _bad(bundle: Bundle, code: str, message: str) -> BadForm:
    return BadForm([Finding(bundle.file_of(code), 1, message, _MEND)])


def with_the_product(bundle: Bundle) -> Mapping[str, Any]:
    """The configuration of a bundle, with the product that the questions are about."""
    products = {**bundle.config["products"], questions.PRODUCT: questions.PRODUCT_POLICY}
    return {**bundle.config, "products": products}


def interpreter_of_questions(bundle: Bundle) -> Interpreter:
    """The policies of a bundle, and its configuration with the product that the questions are about."""
    return Interpreter(bundle.policies, {"config": with_the_product(bundle)})


def ailing(bundle: Bundle) -> list[Finding]:
    """The rules that end in an error where a good question is put to them alone, up to one that gives no answer."""
    interpreter = interpreter_of_questions(bundle)
    findings: dict[str, Finding] = {}
    for good in GOOD:
        for code in roll_call_of(bundle, good):
            for part in ("satisfied", "message"):
                try:
                    interpreter.value(f"data.gate.rules.{code}.{part}", strictjson.dumps(good))
                except Undefined:
                    continue
                except EngineError as error:
                    findings.setdefault(code, _ailing(bundle, code, error))
                    if isinstance(error, Unanswered):
                        return list(findings.values())
    return list(findings.values())


def _ailing(bundle: Bundle, code: str, error: EngineError) -> Finding:
    file, line = place_of(error, bundle.modules)
    how = "gives no answer" if isinstance(error, Unanswered) else "ends in an error"
    return Finding(file or bundle.file_of(code), line, f"{code} {how}: {error}", _MEND)


def roll_call_of(bundle: Bundle, asked: Mapping[str, Any]) -> tuple[str, ...]:
    request = asked["request"]
    driver_id, product, version = asked["driver"]["driver_id"], request["product"], request.get("version")
    return bundle.roll_call(asked["action"], asked["phase"], driver_id, product, version)


class _Embedded:
    """Asks the good questions whole, which reaches every rule once; the others of single rules, which is faster.

    No answer in time is no refusal: it raises BadForm, with the rule that gives none.
    """

    def __init__(self, bundle: Bundle, config: Mapping[str, Any]) -> None:
        self._bundle = bundle
        self._interpreter = Interpreter(bundle.policies, {"config": config})

    def answer(self, asked: Mapping[str, Any]) -> Any:
        try:
            return self._interpreter.ask(ANSWER, asked)
        except Unanswered:
            if found := ailing(self._bundle):
                raise BadForm(found) from None
            raise

    def satisfies(self, code: str, asked: Mapping[str, Any]) -> bool:
        return self._value(code, "satisfied", asked)

    def _value(self, code: str, part: str, asked: Mapping[str, Any]) -> bool:
        try:
            self._interpreter.value(f"data.gate.rules.{code}.{part}", strictjson.dumps(asked))
        except (Undefined, EvaluationFailed):
            return False
        except Unanswered as error:
            raise _bad(self._bundle, code, f"{code} gives no answer: {error}") from None
        return True
