"""What the gate asks of a policy engine, and how an engine says that it has no answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from launchplane_gate import strictjson
from launchplane_gate.errors import EngineError


class Undefined(EngineError):
    """No value stands at the path that was asked for."""


class EvaluationFailed(EngineError):
    """The engine reached an error while it evaluated; other paths may still have a value."""


class Unanswered(EngineError):
    """The engine was stopped, or broke off: a question takes so long and so much memory, and no more.

    Nothing was said, neither a yes nor a no: a proof that rests on one is none.
    """


class PolicyEngine(Protocol):
    """Answers questions from one bundle. It may be asked from several threads.

    ``name`` is written into each decision; ``revision`` is that of the bundle which answers.
    """

    @property
    def name(self) -> str: ...
    @property
    def revision(self) -> str: ...

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        """The value at a path such as ``data.gate.decision.answer``.

        Raises Undefined where there is none, EvaluationFailed where evaluating it fails, EngineError for whatever else
        is no answer.
        """


def to_json(policy_input: Mapping[str, Any]) -> str:
    """A policy input as canonical JSON, in the bounds of strictjson. Raises EngineError for what does not fit."""
    try:
        text = strictjson.dumps(policy_input)
        strictjson.loads(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise EngineError(f"the policy input cannot be asked: it {error}") from None
    return text
