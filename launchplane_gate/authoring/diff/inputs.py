"""An input on which two sets of policies decide differently.

It is looked for among stored decisions, the questions that every bundle is asked, cases, and then single changes of
these: of facts that a rule reads which differs, and of the moment, since the same figures matter at other moments.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Literal

from launchplane_gate.authoring.cases.questions import good_questions
from launchplane_gate.authoring.cases.reading import read_cases
from launchplane_gate.authoring.changes import Change, Path, changed, single_changes
from launchplane_gate.authoring.replay.touched import apart
from launchplane_gate.errors import EngineError
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.config import Config
from launchplane_gate.policy.bundle.syntax import parse
from launchplane_gate.policy.engines.embedded import worker
from launchplane_gate.policy.engines.embedded.interpreter import Interpreter
from launchplane_gate.policy.proof import questions
from launchplane_gate.policy.proof.figures import Figures, breaks, good_of
from launchplane_gate.policy.proof.must_refuse import GOOD, Question, asked_of_every_bundle

AT_ONCE = 100
MOST = 3_000  # inputs that are tried
_PROBE = "gate_asked"
_SAID = f"""package {_PROBE}

said[number] := [code | some code, result in answer.results; result.satisfied == false] if {{
	some number, question in input.asked
	answer := data.gate.decision.answer with input as question
	count(answer.results) > 0
}}
"""

Inputs = Mapping[str, Any]
Decided = Literal["as it is", "for any product", "for the good questions"]
"""What is decided for the product that an input is about: in the policies; or it is the one that every bundle is asked
about, or that of the good questions, which no configuration has."""


@dataclass(frozen=True)
class Asked:
    whose: str
    policy_input: Inputs
    decided: Decided
    change: Change | None = None

    def __str__(self) -> str:
        return f"{self.whose}, where {self.change}" if self.change else self.whose


@dataclass(frozen=True)
class Flip:
    """``codes``: the rules that refuse it, on the side that does; ``loosens``: that was the first one."""

    asked: Asked
    loosens: bool
    codes: tuple[str, ...]


@dataclass
class Flips:
    """The first input of each direction that was ``looked_for``, whether it loosens; none among how many ``tried``.

    ``unanswered`` were not decided by one side or both.
    """

    looked_for: tuple[bool, ...]
    tried: int = 0
    unanswered: int = 0
    found: dict[bool, Flip] = field(default_factory=dict)


Refusing = Mapping[int, tuple[str, ...]]
Progress = Callable[[str], None]


def flips(
    a: Bundle,
    b: Bundle,
    looked_for: tuple[bool, ...],
    stored: Iterable[tuple[str, Inputs]],
    *,
    facts: dict[str, Any],
    progress: Progress,
) -> Flips:
    """Look for an input that ``a`` denies and ``b`` allows, which loosens, or for one the other way round.

    ``facts``: the schema of those that a case may state.
    """
    found = Flips(looked_for)
    codes = apart(a, b)
    if codes is not None:
        codes |= {code for *_, code in _asked(a) ^ _asked(b)}
    with ExitStack() as ending, ThreadPoolExecutor(2) as threads:
        sides = [_Side(bundle, codes) for bundle in (a, b)]
        for one in sides:
            ending.callback(one.engine.stop)
        waiting = itertools.islice(_inputs(a, b, stored, facts), MOST)
        while not found.found.keys() >= {*looked_for} and (batch := list(itertools.islice(waiting, AT_ONCE))):
            progress("looking for an input that one allows and the other denies")
            found.tried += len(batch)
            before, after = threads.map(lambda one, asked=batch: one.refusing_by_what_differs(asked), sides)
            batch = [one for at, one in enumerate(batch) if at not in before or before[at] != after.get(at)]
            before, after = threads.map(lambda one, asked=batch: one.refusing(asked), sides)
            _compare(found, batch, before, after)
    return found


def _compare(found: Flips, batch: Sequence[Asked], before: Refusing, after: Refusing) -> None:
    for number, asked in enumerate(batch):
        if number not in before or number not in after:
            found.unanswered += 1
        elif bool(before[number]) != bool(after[number]):
            loosens = bool(before[number])
            found.found.setdefault(loosens, Flip(asked, loosens, before[number] or after[number]))


class _Side:
    """What one set of policies says. ``codes``: the rules that may say another thing on the other side, if not all."""

    def __init__(self, bundle: Bundle, codes: frozenset[str] | None) -> None:
        self.engine = worker.Worker(worker.shared().bounds)
        self._codes = codes
        products = {**good_questions(bundle).products, **bundle.config["products"]}
        self._configs: Mapping[Decided, Any] = {
            "as it is": bundle.config,
            "for any product": _figures(bundle).within(bundle.config),
            "for the good questions": {**bundle.config, "products": products},
        }
        paths = {f"gate/rules/{code.replace('.', '/')}.rego" for code in codes or ()}
        some = [one for one in bundle.policies if one[0] in paths or not one[0].startswith("gate/rules/")]
        self._whole = self._interpreters(bundle.policies)
        self._some = self._whole if codes is None else self._interpreters(some)

    def _interpreters(self, policies: Iterable[tuple[str, str]]) -> Mapping[Decided, Interpreter]:
        modules = [*policies, (f"{_PROBE}.rego", _SAID)]
        return {
            decided: Interpreter(modules, {"config": config}, by=self.engine)
            for decided, config in self._configs.items()
        }

    def refusing(self, batch: Sequence[Asked]) -> Refusing:
        """The rules that refuse each input, by its number; an input that is not decided has none."""
        return self._refusing(self._whole, batch)

    def refusing_by_what_differs(self, batch: Sequence[Asked]) -> Refusing:
        """The same of these rules alone: where they refuse alike on both sides, the answers are alike."""
        found = self._refusing(self._some, batch)
        wanted = self._codes
        if wanted is None:
            return found
        return {number: tuple(code for code in codes if code in wanted) for number, codes in found.items()}

    def _refusing(self, of: Mapping[Decided, Interpreter], batch: Sequence[Asked]) -> Refusing:
        found: dict[int, tuple[str, ...]] = {}
        for decided, interpreter in of.items():
            asked = {str(number): one.policy_input for number, one in enumerate(batch) if one.decided == decided}
            try:
                said = self._said(interpreter, asked)
            except EngineError:  # one of them ends in an error, and all with it
                said = {}
                for number, one in asked.items():
                    try:
                        said |= self._said(interpreter, {number: one})
                    except EngineError:
                        continue
            found |= {int(number): tuple(codes) for number, codes in said.items()}
        return found

    def _said(self, interpreter: Interpreter, asked: Mapping[str, Inputs]) -> dict[str, list[str]]:
        if not asked:
            return {}
        text = json.dumps({"asked": asked})
        said: dict[str, list[str]] = interpreter.value(f"data.{_PROBE}.said", text, read=json.loads)
        return said


def _figures(bundle: Bundle) -> Figures:
    """Those that count for all products and drivers."""
    thresholds = bundle.config["thresholds"]
    return Figures("any product", {}, None, thresholds, thresholds["settle_s"])


# -- the inputs


def _inputs(a: Bundle, b: Bundle, stored: Iterable[tuple[str, Inputs]], facts: dict[str, Any]) -> Iterator[Asked]:
    places = _places(a, b)
    kept = [Asked(name, policy_input, "as it is") for name, policy_input in stored]
    yield from kept
    sides = [_figures(bundle) for bundle in (a, b)]
    by_figures = [one for figures in sides for one in good_of(figures)]
    good = [
        Asked(f"the good {one['action']}/{one['phase']} that every bundle is asked", one, "for any product")
        for one in (*by_figures, *GOOD)
    ]
    yield from good
    for codes, changes, phase in ((*said, one["phase"]) for figures in sides for one, said in breaks(figures)):
        for one in by_figures:
            if one["phase"] == phase:
                question = Question(codes, changes, questions.changed(one, changes))
                yield Asked(f"what the figures of one refuse: {question}", question.policy_input, "for any product")
    for question in asked_of_every_bundle():
        yield Asked(f"what every bundle has to refuse: {question}", question.policy_input, "for any product")
    said = {one.full_name: one.question() for bundle in (a, b) for one in read_cases(bundle, facts)}
    cases = [Asked(f"the case {name}", question, "for the good questions") for name, question in said.items()]
    yield from cases
    for asked, settings in itertools.product((*good, *kept, *cases), (a.settings, b.settings)):
        yield from _changed(asked, settings, places)


def _changed(asked: Asked, settings: Config, places: frozenset[Path]) -> Iterator[Asked]:
    def differs(path: Path) -> bool:
        return path == ("now",) or any(path[: len(place)] == place or place[: len(path)] == path for place in places)

    for change in single_changes(asked.policy_input, settings, of=differs):
        yield Asked(asked.whose, changed(asked.policy_input, [change]), asked.decided, change)


def _places(a: Bundle, b: Bundle) -> frozenset[Path]:
    """What is read by the modules that differ, and by the rules that only one of the two asks somewhere."""
    paths = {path for path, _ in {*a.policies} ^ {*b.policies}} | {_path(code) for code in _asked(a) ^ _asked(b)}
    found: set[Path] = set()
    for module in (*a.modules, *b.modules):
        if module.path in paths:
            for rule in parse(module).rules:
                for kind, node in rule.nodes:
                    if kind == "Reference" and node.parts[:1] == ("input",) and node.parts[1:]:
                        found.add(tuple(node.parts[1:]))
    return frozenset(found)


def _asked(bundle: Bundle) -> set[tuple[Any, ...]]:
    return {(*place, code) for place, *_, codes in bundle.settings.roll_call.lists() for code in codes}


def _path(entry: tuple[Any, ...]) -> str:
    return f"gate/rules/{entry[-1].replace('.', '/')}.rego"
