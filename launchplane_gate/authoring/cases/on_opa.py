"""Cases on OPA, by its own ``opa exec``: all questions to the policies of one folder are one process."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from launchplane_gate import strictjson
from launchplane_gate.authoring.cases.case import Case
from launchplane_gate.authoring.opa_tests import Opa
from launchplane_gate.errors import EngineError
from launchplane_gate.policy import Bundle, PolicyEngine
from launchplane_gate.policy.bundle.packing import packed
from launchplane_gate.policy.decision import ANSWER, Heard, ask_rules
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Undefined

_NOTHING = "opa_undefined_error"


class OnOpa:
    """OPA for cases. Making one asks all of them at once; a rule that is asked alone is a process of its own."""

    def __init__(self, opa: Opa, cases: Sequence[Case]) -> None:
        """Raises EngineError where OPA cannot be asked."""
        self.version = opa.version
        self._engines: dict[int, _Answering] = {}
        for case in cases:
            if id(case.bundle) not in self._engines:
                of_it = [one for one in cases if one.bundle is case.bundle]
                self._engines[id(case.bundle)] = _Answering(opa, case.bundle, _questions(of_it))

    def of(self, bundle: Bundle) -> PolicyEngine:
        return self._engines[id(bundle)]


def _questions(cases: Iterable[Case]) -> list[Mapping[str, Any]]:
    """Each question, and where facts are missing, the same with them."""
    found: list[Mapping[str, Any]] = []
    for case in cases:
        found.append(case.question())
        if case.missing:
            found.append(case.question(case.missing))
    return found


class _Answering:
    def __init__(self, opa: Opa, bundle: Bundle, questions: Sequence[Mapping[str, Any]]) -> None:
        self.name, self.revision = f"opa {opa.version}", bundle.revision
        self._opa = opa
        self._bundle = replace(bundle, modules=tuple(one for one in bundle.modules if not one.is_test))
        answers = self._answers(questions, "gate/decision/answer")
        self._known = {_key(asked): answer for asked, answer in zip(questions, answers, strict=True)}

    def hear(self, roll_call: Sequence[str], policy_input: Mapping[str, Any]) -> Heard:
        """What each rule says; where one ends in an error, each of them as an OPA server is asked for it alone."""
        return Heard(self.name, ask_rules(self.ask, roll_call, policy_input, over_a_wire=True))

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        known = self._known.get(_key(policy_input)) if path == ANSWER else None
        if known is None:
            [known] = self._answers([policy_input], path.removeprefix("data.").replace(".", "/"))
        if "result" in known:
            return known["result"]
        error = known.get("error", {})
        if error.get("code") == _NOTHING:
            raise Undefined(f"{path} is undefined")
        said = error.get("message", "no answer")
        raise EvaluationFailed(" ".join(str(said).split())[:300])

    def _answers(self, questions: Sequence[Mapping[str, Any]], decision: str) -> list[Mapping[str, Any]]:
        """What ``opa exec`` says of each. Raises EngineError."""
        with tempfile.TemporaryDirectory() as folder:
            bundle = Path(folder) / "bundle.tar.gz"
            bundle.write_bytes(packed(self._bundle))
            files = [Path(folder) / f"{number}.json" for number in range(len(questions))]
            for file, question in zip(files, questions, strict=True):
                file.write_text(strictjson.dumps(question), "utf-8")
            said = self._opa.exec(bundle, decision, files)
        try:
            by_file = {one["path"]: one for one in json.loads(said)["result"]}
            return [by_file[str(file)] for file in files]
        except (ValueError, KeyError, TypeError) as error:
            raise EngineError(f"OPA {self._opa.version} did not answer as it should: {error!r}") from None


def _key(question: Mapping[str, Any]) -> str:
    return strictjson.digest(question)
