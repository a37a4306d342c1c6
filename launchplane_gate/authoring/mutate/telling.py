"""An input that tells a mutant from its original: one to which a rule says yes in the one, and no in the other.

It is looked for among the questions that every bundle is asked and the inputs that the tests define, and then among
single changes of those, of facts that the rule reads.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from launchplane_gate.authoring.changes import Change, Path, changed, single_changes
from launchplane_gate.authoring.mutate.reach import Reach
from launchplane_gate.errors import EngineError
from launchplane_gate.model import Action, Phase
from launchplane_gate.policy.bundle.config import Config
from launchplane_gate.policy.bundle.syntax import Source
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from launchplane_gate.policy.engines.embedded.worker import Worker
from launchplane_gate.policy.proof.must_refuse import GOOD, asked_of_every_bundle, with_the_product
from launchplane_gate.policy_input import PolicyInput

AT_ONCE = 200  # inputs in one question to the engine
MOST = 8_000  # inputs that are tried of one mutant
_PROBE = "gate_asked"

Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """An input: whose it is, and what was changed of it. ``config``: which configuration it is asked under."""

    whose: str
    policy_input: Inputs
    config: int
    change: Change | None = None

    def __str__(self) -> str:
        return f"{self.whose}, where {self.change}" if self.change else self.whose


@dataclass(frozen=True)
class Told:
    """``asked`` tells the two apart: by the rule ``code``, where the original says ``before``; None among ``tried``."""

    tried: int
    asked: Asked | None = None
    code: str = ""
    before: bool = False


class Telling:
    """Looks for inputs, for one bundle; ``engine`` is asked by one thread at a time."""

    def __init__(self, reach: Reach, engine: Worker) -> None:
        self._reach, self._engine = reach, engine
        self._configs: list[Any] = [with_the_product(reach.bundle)]
        self._documents: dict[str, list[Asked]] = {}
        self._said: dict[tuple[str, int, int], frozenset[int]] = {}

    def told(self, changed_source: Source, package: str, *, deep: bool = True) -> Told:
        """For a module with a mutant in it. ``deep``: single changes are tried, too, and what other rules refuse."""
        codes = self._reach.rules_on(package, self._reach.bundle.metadata)
        tried = 0
        for code in codes:
            asked = itertools.islice(self._inputs(code, deep=deep), MOST // len(codes))
            for number, batch in enumerate(_batches(asked, AT_ONCE)):
                original = self._original(code, number, batch)
                mutated = self._satisfied(code, batch, changed_source)
                tried += len(batch)
                if original is not None and mutated is not None and (differ := original ^ mutated):
                    return Told(tried, batch[min(differ)], code, min(differ) in original)
        return Told(tried)

    def told_of_roll_call(self, code: str, action: Action, phase: Phase) -> Told:
        """For a rule that is not asked there: what it alone refuses, of all that are."""
        asked_there = self._reach.bundle.settings.roll_call.base.get(action, {}).get(phase, ())
        inputs = (
            one
            for one in self._inputs(code, deep=True)
            if (one.policy_input.get("action"), one.policy_input.get("phase")) == (action, phase)
        )
        tried = 0
        for batch in _batches(itertools.islice(inputs, MOST), AT_ONCE):
            left = frozenset(range(len(batch))) - (self._satisfied(code, batch, None) or frozenset())
            for other in asked_there:
                if other != code:
                    left &= self._satisfied(other, batch, None) or frozenset()
            tried += len(batch)
            if left:
                return Told(tried, batch[min(left)], code)
        return Told(tried)

    def _original(self, code: str, number: int, batch: Sequence[Asked]) -> frozenset[int] | None:
        """What the rule itself says is asked once: the batches of a rule are the same for each of its mutants."""
        key = code, number, len(batch)
        if key not in self._said:
            said = self._satisfied(code, batch, None)
            if said is None:
                return None
            self._said[key] = said
        return self._said[key]

    def _satisfied(self, code: str, batch: Sequence[Asked], changed_source: Source | None) -> frozenset[int] | None:
        """The indices of the inputs that satisfy a rule; None where the engine gives no answer."""
        sources = self._reach.sources(self._reach.closure(f"gate.rules.{code}"))
        texts = [
            (one.path, changed_source.text if changed_source and one.path == changed_source.path else one.text)
            for one in sources
        ]
        interpreter = Interpreter(
            [*texts, (f"{_PROBE}.rego", _probe(code))], {"configs": self._configs}, by=self._engine
        )
        asked = json.dumps({"asked": [{"input": one.policy_input, "config": one.config} for one in batch]})
        try:
            return frozenset(interpreter.value(f"data.{_PROBE}.yes", asked, read=json.loads))
        except EngineError:
            return None

    # -- the inputs

    def _inputs(self, code: str, *, deep: bool) -> Iterator[Asked]:
        own = self._of_tests(code)
        yield from own
        if deep:
            yield from self._changed(own, code)
        good = [Asked(f"the good {_named(one)} that every bundle is asked", one, 0) for one in GOOD]
        yield from good
        for question in asked_of_every_bundle():
            if deep or code in question.codes:
                yield Asked(f"what every bundle has to refuse: {question}", question.policy_input, 0)
        if deep:
            yield from self._changed(good, code)

    def _changed(self, asked: Iterable[Asked], code: str) -> Iterator[Asked]:
        """Single changes of what a rule reads; those of the least come first, since they say the most."""
        reads = self._reads(code)
        for one in asked:
            settings = self._settings(one.config)
            changes = single_changes(one.policy_input, settings, of=lambda path: _touches(path, reads))
            for change in sorted(changes, key=lambda change: -len(change.path)):
                yield Asked(one.whose, changed(one.policy_input, [change]), one.config, change)

    def _settings(self, config: int) -> Config | None:
        """For the moments that matter under a configuration; None for one that tests made up and no gate would take."""
        if config == 0:
            return self._reach.bundle.settings
        try:
            return Config.model_validate_json(json.dumps(self._configs[config]))
        except ValidationError:
            return None

    def _of_tests(self, code: str) -> list[Asked]:
        """The inputs that a rule's own tests define, each under every configuration that they define, or else ours."""
        if code not in self._documents:
            package = f"gate.rules.{code}"
            first, *_ = self._reach.tests_of(package)
            documents = [
                one for tests in self._reach.closure(first) if _is_of_tests(tests) for one in self._values(tests)
            ]
            configs = [self._index(value) for _, value in documents if _is_config(value)] or [0]
            inputs = [(name, value) for name, value in documents if _is_input(value)]
            self._documents[code] = [Asked(name, value, config) for name, value in inputs for config in configs]
        return self._documents[code]

    def _values(self, tests: str) -> list[tuple[str, Any]]:
        """What the rules of a module with tests are, by their full names: of those that are no tests."""
        closure = self._reach.sources(self._reach.closure(tests))
        interpreter = Interpreter([(one.path, one.text) for one in closure], self._reach.bundle.data, by=self._engine)
        found: list[tuple[str, Any]] = []
        for name in sorted(self._reach.by_package[tests].own):
            if not name.startswith(("test_", "todo_test_")):
                try:
                    found.append((f"{tests}.{name}", interpreter.value(f"data.{tests}.{name}", None, read=json.loads)))
                except EngineError:  # a function, or nothing
                    continue
        return found

    def _index(self, config: Any) -> int:
        if config not in self._configs:
            self._configs.append(config)
        return self._configs.index(config)

    def _reads(self, code: str) -> frozenset[Path]:
        """The places of the input that a rule names, as far as they are written out."""
        nodes = (
            node
            for package in self._reach.closure(f"gate.rules.{code}")
            for rule in self._reach.by_package[package].rules
            for kind, node in rule.nodes
            if kind == "Reference"
        )
        return frozenset(tuple(node.parts[1:]) for node in nodes if node.parts[:1] == ("input",) and node.parts[1:])


def _probe(code: str) -> str:
    return f"""package {_PROBE}

yes := [number |
	some number, asked in input.asked
	question := asked.input
	config := data.configs[asked.config]
	data.gate.rules.{code}.satisfied with input as question with data.config as config
]
"""


def _batches(asked: Iterable[Asked], size: int) -> Iterator[list[Asked]]:
    waiting = iter(asked)
    while batch := list(itertools.islice(waiting, size)):
        yield batch


def _named(question: Inputs) -> str:
    return f"{question['action']}/{question['phase']}"


def _touches(path: Path, places: Iterable[Path]) -> bool:
    """Whether a place is one of these, above one or below one."""
    return any(path[: len(place)] == place or place[: len(path)] == path for place in places)


def _is_of_tests(package: str) -> bool:
    return package.partition(".")[0] == "gate_test"


def _is_input(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and value.keys() <= PolicyInput.model_fields.keys() | {"waiver"}


def _is_config(value: Any) -> bool:
    return isinstance(value, dict) and "thresholds" in value and value.keys() <= Config.model_fields.keys()
