"""Small programs whose answers are known from OPA: an engine that differs on one of them must not decide anything."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any, NamedTuple

from launchplane_gate import strictjson
from launchplane_gate.errors import EngineError
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Undefined

_HEADER = "package vector\n\nimport rego.v1\nimport future.keywords.not\n\n"


class Vector(NamedTuple):
    """``kind`` is that of the answer: value, undefined or error. ``value`` is its canonical JSON, or empty."""

    kind: str
    rego: str
    policy_input: Any
    value: str

    @property
    def right(self) -> str:
        return self.value or self.kind


@functools.cache
def vectors() -> tuple[Vector, ...]:
    groups = json.loads(resources.files(__package__).joinpath("vectors.json").read_bytes())
    return tuple(
        Vector(kind, rego, policy_input, "".join(strictjson.dumps(value) for value in values))
        for kind, programs in groups.items()
        for rego, policy_input, *values in programs
    )


def answer(vector: Vector) -> str:
    """What the embedded engine makes of a vector, in the form of ``Vector.right``."""
    interpreter = Interpreter([("vector.rego", _HEADER + vector.rego)], {})
    try:  # the numbers of some answers are beyond what a decision may hold
        value = interpreter.value("data.vector.answer", strictjson.dumps(vector.policy_input), read=json.loads)
    except Undefined:
        return "undefined"
    except EvaluationFailed:
        return "error"
    return strictjson.dumps(value)


@functools.cache
def check_vectors() -> None:
    """Raises EngineError at the first wrong answer. The engine is that of the process, so once is enough."""
    for vector in vectors():
        if (given := answer(vector)) != vector.right:
            raise EngineError(f"the embedded engine is wrong on {vector.rego!r}: {given}, not {vector.right}")
