"""The one place that knows regorus: parsing, and evaluation that never trusts an engine after an error."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from launchplane_gate import strictjson
from launchplane_gate.errors import EngineError
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Undefined, to_json

try:
    import regorus
except ImportError:  # said by check_distribution, which everything that loads policies asks first
    regorus = None

os.environ.setdefault("RUST_LIB_BACKTRACE", "0")  # finding the first backtrace takes 0.2 s, and none is ever shown

DISTRIBUTION = "gordon-to-regorus"
VERSION = "0.13.0"
IMPOSTORS = ("celine-regorus",)  # an older regorus, installed into the same module
REINSTALL = "Nothing was done. Install launchplane-gate again, into an environment of its own."
LONGEST_ERROR = 300

_PATH = re.compile(r"data(\.[a-z_][a-z0-9_]*)+")
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
    if regorus is None:
        raise EngineError(f"{DISTRIBUTION} is installed, and its module regorus cannot be imported", hint=REINSTALL)
    here, there = Path(str(regorus.__file__)).parent, Path(str(distribution.locate_file("regorus")))
    if here.resolve() != there.resolve():
        raise EngineError(f"the module regorus comes from {here}, not from {DISTRIBUTION}")


def syntax_tree(path: str, text: str) -> dict[str, Any]:
    """The syntax tree of one module, as the engine sees it. Raises NotRego."""
    try:
        [module] = json.loads(_parse(path, text))
    except RecursionError:
        raise NotRego(1, "an expression is too long or nested too deep") from None
    if module["version"] != 1:
        raise EngineError(f"the engine's syntax tree has version {module['version']!r}, which no check knows")
    tree: dict[str, Any] = module["ast"]
    return tree


def _parse(path: str, text: str) -> str:
    try:
        engine = regorus.Engine()
        engine.add_policy(path, text)
        return str(engine.get_ast_as_json())
    except BaseException as error:  # noqa: BLE001  # a panic of the engine is no Exception
        _pass_on(error)
        place = _PLACE.search(str(error))
        raise NotRego(int(place["line"]) if place else 1, _error_line(error)) from None


class Interpreter:
    """Rego modules and data, ready to be asked from any thread.

    An engine is bound to its thread, and after an error it may hold the input of an earlier question: so there is one
    a thread, and any error ends its life.
    """

    def __init__(self, modules: Iterable[tuple[str, str]], data: Mapping[str, Any]) -> None:
        """``modules`` are pairs of path and text."""
        self._modules = tuple(modules)
        self._data = strictjson.dumps(data)
        self._local = threading.local()

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        """The value at a path, for an input within the bounds of strictjson. Raises EngineError."""
        return self.value(path, to_json(policy_input))

    def value(self, path: str, policy_input: str | None, *, read: Callable[[str], Any] = strictjson.loads) -> Any:
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

    def _evaluate(self, path: str, policy_input: str | None) -> str:
        try:
            return self._attempt(path, policy_input)
        except BaseException as error:  # noqa: BLE001  # a panic of the engine is no Exception
            self._local.engine = None
            _pass_on(error)
            place = _PLACE.search(str(error))
            where = f" ({place['path']}:{place['line']})" if place else ""
            said = _error_line(error) + where
        raise EvaluationFailed(said)  # out here: who keeps it must not keep the engine, which no other thread may drop

    def _attempt(self, path: str, policy_input: str | None) -> str:
        engine = self._engine()
        if policy_input is not None:
            engine.set_input_json(policy_input)
        return str(engine.eval_query_as_json(path))

    def _engine(self) -> Any:
        engine = getattr(self._local, "engine", None)
        if engine is None:
            engine = _engine_of(self._modules)
            engine.add_data_json(self._data)
            self._local.engine = engine
        return engine


_parsed = threading.local()


def _engine_of(modules: tuple[tuple[str, str], ...]) -> Any:
    """A new engine with these modules, cloned from one that was never asked: parsing them is what takes time."""
    if getattr(_parsed, "modules", None) != modules:
        engine = regorus.Engine()
        for path, text in modules:
            engine.add_policy(path, text)
        _parsed.engine, _parsed.modules = engine, modules
    return _parsed.engine.clone()


def _only_value(answer: Any, path: str) -> Any:
    match answer:
        case {"result": [{"expressions": [{"value": value}]}]}:
            return value
        case {"result": []}:
            raise Undefined(f"{path} is undefined")
        case dict() if not answer:
            raise Undefined(f"{path} is undefined")
    raise ValueError("has not the form of a result")


def _pass_on(error: BaseException) -> None:
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        raise error


def _error_line(error: BaseException) -> str:
    """What an engine's error says: not its backtrace, and not a page of the values that it met."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line.removeprefix("error:").strip() for line in lines if line.startswith("error:")), None)
    if said is None:
        said = next(iter(lines), "") or type(error).__name__
    return said if len(said) <= LONGEST_ERROR else said[: LONGEST_ERROR - 3] + "..."
