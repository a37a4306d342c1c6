"""What comes of a case on an engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from launchplane_gate.authoring.cases.case import Case, moment_of, waivers_of
from launchplane_gate.authoring.cases.form import Result
from launchplane_gate.authoring.cases.paths import Stated
from launchplane_gate.policy import Bundle, PolicyEngine, decide
from launchplane_gate.policy.decision import NOT_EVALUATED
from launchplane_gate.policy.engines.embedded.interpreter import VERSION, Interpreter

Came = Mapping[str, tuple[Result, str]]
"""By rule: what came of it, and its message where that is no yes."""


class Engines(Protocol):
    def of(self, bundle: Bundle) -> PolicyEngine:
        """The engine that answers by these policies."""


class Embedded:
    """The embedded engine, for cases alone: what it answers lets nothing through, so it need not prove itself."""

    name = f"embedded regorus {VERSION}"

    def __init__(self) -> None:
        self._known: dict[int, tuple[Bundle, PolicyEngine]] = {}

    def of(self, bundle: Bundle) -> PolicyEngine:
        if id(bundle) not in self._known:
            self._known[id(bundle)] = bundle, _Answering(bundle)
        return self._known[id(bundle)][1]


class _Answering:
    def __init__(self, bundle: Bundle) -> None:
        self.name, self.revision = Embedded.name, bundle.revision
        self._interpreter = Interpreter(bundle.policies, bundle.data)

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        return self._interpreter.ask(path, policy_input)


def came_of(case: Case, engines: Engines, but: Collection[Stated] = ()) -> Came:
    """What comes of each rule; ``but``: facts that are left as they were before. Raises EngineError.

    A rule that refuses is not known where it could not be evaluated, or would not refuse were the facts there that the
    case says are missing.
    """
    question = case.question(but)
    came = _decided(case, engines, question)
    missing = [one for one in case.missing if one not in but]
    if missing and any(result == "not satisfied" for result, _ in came.values()):
        whole = _decided(case, engines, case.question([*but, *missing]))
        for code, (result, message) in came.items():
            if result == "not satisfied" and whole.get(code, ("", ""))[0] in {"satisfied", "waived"}:
                came[code] = "not known", message
    return came


def _decided(case: Case, engines: Engines, question: Mapping[str, Any]) -> dict[str, tuple[Result, str]]:
    now = moment_of(question)
    waivers = waivers_of(case.said.waivers, question)
    decision = decide(engines.of(case.bundle), case.bundle, question, waivers=waivers, now=now, decision_id="case")
    return {one.code: (_result(one.status, one.message), one.message) for one in decision.results}


def _result(status: str, message: str) -> Result:
    if status != "fail":
        return "satisfied" if status == "pass" else "waived"
    return "not known" if message.startswith(NOT_EVALUATED) else "not satisfied"
