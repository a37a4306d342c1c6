"""What the embedded engine is asked: parsing, and evaluation, each within bounds, and what its errors say."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from launchplane_gate import strictjson
from launchplane_gate.errors import EngineError
from launchplane_gate.policy.engines.embedded import worker
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Unanswered, Undefined, to_json

DISTRIBUTION = "gordon-to-regorus"
VERSION = "0.13.0"
IMPOSTORS = ("celine-regorus",)  # an older regorus, installed into the same module
REINSTALL = "Nothing was done. Install launchplane-gate again, into an environment of its own."
LONGEST_ERROR = 300
LARGEST_ANSWERS = 2**26  # bytes

_PATH = re.compile(r"data(\.[a-z_][a-z0-9_]*)+")
_PRINTED = re.compile(r"^\S+\.rego:\d+: ")  # what the engine puts before whatever is printed
_PLACE = re.compile(r"^\s*--> (?P<path>.+):(?P<line>\d+):\d+$", re.MULTILINE)


class NotRego(Exception):
    """A text that does not parse; ``line`` is where."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def check_distribution() -> None:
    """Raises EngineError unless the module at hand is the pinned regorus, and nothing else provides it."""
    try:
        distribution = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        missing = f"{DISTRIBUTION} {VERSION} is not installed; the embedded engine is made of it"
        raise EngineError(missing, hint=REINSTALL) from None
    if distribution.version != VERSION:
        raise EngineError(f"{DISTRIBUTION} is installed as {distribution.version}; the gate decides with {VERSION}")
    for impostor in IMPOSTORS:
        if any(importlib.metadata.distributions(name=impostor)):
            raise EngineError(f"{impostor} is installed too and replaces files of {DISTRIBUTION}; uninstall both")
    found = importlib.util.find_spec("regorus")
    if found is None or found.origin is None:
        raise EngineError(f"{DISTRIBUTION} is installed, and its module regorus cannot be imported", hint=REINSTALL)
    here, there = Path(found.origin).parent, Path(str(distribution.locate_file("regorus")))
    if here.resolve() != there.resolve():
        raise EngineError(f"the module regorus comes from {here}, not from {DISTRIBUTION}")


def syntax_tree(path: str, text: str) -> dict[str, Any]:
    """The syntax tree of one module, as the engine sees it. Raises NotRego, Unanswered."""
    try:
        [module] = json.loads(_parse(path, text))
    except RecursionError:
        raise NotRego(1, "an expression is too long or nested too deep") from None
    if module["version"] != 1:
        raise EngineError(f"the engine's syntax tree has version {module['version']!r}, which no check knows")
    tree: dict[str, Any] = module["ast"]
    return tree


def _parse(path: str, text: str) -> bytes:
    try:
        return worker.shared().parse(path, text)
    except worker.Failed as error:
        place = _PLACE.search(str(error))
        raise NotRego(int(place["line"]) if place else 1, _error_line(error)) from None
    except Unanswered as error:
        raise Unanswered(f"{path}: it could not be read: {error}", hint=error.hint) from None


class Covered(NamedTuple):
    """``lines`` has, for each module that was reached, those of its lines that were, and the others."""

    printed: list[str]
    lines: Mapping[str, tuple[frozenset[int], frozenset[int]]]


class Interpreter:
    """Rego modules and data, ready to be asked from any thread.

    ``timeout_s``: how long one question may take, in seconds, where that is not as the settings say. ``by``: the worker
    that is asked, where that is not the one of this process.
    """

    def __init__(
        self,
        modules: Iterable[tuple[str, str]],
        data: Mapping[str, Any],
        *,
        timeout_s: float | None = None,
        by: worker.Worker | None = None,
    ) -> None:
        """``modules`` are pairs of path and text."""
        self._source = json.dumps({"modules": list(modules), "data": strictjson.dumps(data)}).encode()
        self._name = strictjson.sha256(self._source)
        self._timeout_s = timeout_s
        self._by = by

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        """The value at a path, for an input within the bounds of strictjson. Raises EngineError."""
        return self.value(path, to_json(policy_input))

    def value(self, path: str, policy_input: str | None, *, read: Callable[[bytes], Any] = strictjson.loads) -> Any:
        """The value at a path; input and answer are JSON, the answer read by ``read``. Raises EngineError.

        An interpreter is asked with an input each time, or never with one: the last one would count again.
        """
        if not _PATH.fullmatch(path):
            raise EngineError(f"not the path of a rule: {path[:80]!r}")
        answer = self._evaluate(path, policy_input)
        try:
            return _only_value(read(answer), path)
        except ValueError as error:
            raise EngineError(f"the engine's answer at {path} {error}") from None

    def cover(self, paths: Sequence[str]) -> Covered:
        """What evaluating these paths without an input prints, and the lines that it reaches. Raises EngineError."""
        try:
            said = json.loads(worker.shared().cover(self._name, self._source, paths))
        except worker.Failed as error:
            raise EvaluationFailed(_error_line(error)) from None
        return Covered(
            printed=[_PRINTED.sub("", line) for line in said["printed"]],
            lines={path: (frozenset(reached), frozenset(others)) for path, (reached, others) in said["lines"].items()},
        )

    def values(self, path: str, inputs: Sequence[str]) -> list[Any]:
        """The values at a path for several inputs, in one question. Raises EngineError where one of them has none."""
        by = self._by or worker.shared()
        try:
            told = strictjson.loads(by.evaluate_all(self._name, self._source, path, inputs), max_bytes=LARGEST_ANSWERS)
            if not isinstance(told, list) or len(told) != len(inputs):
                raise EngineError(f"the engine did not give {len(inputs)} answers")
            return [_only_value(answer, path) for answer in told]
        except worker.Failed as error:
            raise EvaluationFailed(_error_line(error)) from None
        except ValueError as error:
            raise EngineError(f"the engine's answers at {path}: {error}") from None

    def _evaluate(self, path: str, policy_input: str | None) -> bytes:
        try:
            by = self._by or worker.shared()
            return by.evaluate(self._name, self._source, path, policy_input, timeout_s=self._timeout_s)
        except worker.Failed as error:
            place = _PLACE.search(str(error))
            where = f" ({place['path']}:{place['line']})" if place else ""
            raise EvaluationFailed(_error_line(error) + where) from None
        except Unanswered as error:
            raise Unanswered(f"{error}, at {path}", hint=error.hint) from None


def _only_value(answer: Any, path: str) -> Any:
    match answer:
        case {"result": [{"expressions": [{"value": value}]}]}:
            return value
        case {"result": []}:
            raise Undefined(f"{path} is undefined")
        case dict() if not answer:
            raise Undefined(f"{path} is undefined")
    raise ValueError("has not the form of a result")


def _error_line(error: worker.Failed) -> str:
    """What an engine's error says: not its backtrace, and not a page of the values that it met."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line.removeprefix("error:").strip() for line in lines if line.startswith("error:")), None)
    if said is None:
        said = next(iter(lines), "") or error.kind
    return said if len(said) <= LONGEST_ERROR else said[: LONGEST_ERROR - 3] + "..."
