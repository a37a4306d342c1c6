"""The engine within this process, which proves itself and its bundle before it answers anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from launchplane_gate.policy import memory
from launchplane_gate.policy.bundle.form import BadForm
from launchplane_gate.policy.bundle.load import Bundle, revision_of
from launchplane_gate.policy.bundle.rego_tests import failing, interpreter_of_tests, why_failing
from launchplane_gate.policy.engines.embedded.interpreter import VERSION, Interpreter, check_distribution
from launchplane_gate.policy.engines.embedded.vectors import check_vectors
from launchplane_gate.policy.proof.must_refuse import check_must_refuse

_PROVEN: set[str] = set()
"""What has passed its tests in this process, by its content: the same engine would say the same again."""


class EmbeddedEngine:
    """Regorus, asked about one bundle; from any thread.

    Making one raises EngineError where the engine is not the one known to be right, and PolicyError where the bundle
    fails its own Rego tests or allows what every bundle has to refuse. ``remembers``: what was proven before, by an
    earlier process of this user, need not be proven again. That is for tools alone that cannot act.
    """

    def __init__(self, bundle: Bundle, *, remembers: bool = False) -> None:
        check_distribution()
        if (content := revision_of(bundle.modules, bundle.config)) not in _PROVEN:
            if remembers:
                _prove_unless_remembered(bundle, content)
            else:
                _prove(bundle)
                _PROVEN.add(content)
        self._interpreter = Interpreter(bundle.policies, bundle.data)
        self._revision = bundle.revision

    @property
    def name(self) -> str:
        return f"embedded regorus {VERSION}"

    @property
    def revision(self) -> str:
        return self._revision

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        return self._interpreter.ask(path, policy_input)


def _prove_unless_remembered(bundle: Bundle, content: str) -> None:
    of_all = memory.content_of(bundle=content)
    if memory.recall("proven", of_all) is not True:
        _prove(bundle)
        memory.keep("proven", of_all, True)


def _prove(bundle: Bundle) -> None:
    check_vectors()
    _check_tests(bundle)
    check_must_refuse(bundle)


def _check_tests(bundle: Bundle) -> None:
    interpreter = interpreter_of_tests(bundle.modules, bundle.data)
    if failed := failing(interpreter, bundle.tests):
        raise BadForm(why_failing(interpreter, bundle.modules, failed))
