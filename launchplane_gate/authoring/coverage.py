"""What the Rego tests of a bundle have seen: of each rule its outcomes, and of each module its lines.

The tests run once more, on the embedded engine, over modules in which each rule says what it is asked on: ``satisfied``
is renamed, and another one of its name, at the end of the file so that no line moves, prints which facts are missing,
asks the first, and prints that it holds. Facts are those that the syntax tree shows.

The engine tells the lines of modules that it reached; so each one that decides has one more rule, which is asked for.

A rule is seen without a fact where that is missing from an input which is good otherwise: compared with some input on
which the rule held, nothing is gone but that fact, or one thing that it is a part of. A fact that is missing where the
rule holds has been seen to be missing, too.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from launchplane_gate.authoring.paths import facts_read
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.form import code_of
from launchplane_gate.policy.bundle.rego_tests import RegoTest, interpreter_of_tests
from launchplane_gate.policy.bundle.syntax import Parsed, Source, parse

Fact = tuple[str, ...]
Missing = frozenset[Fact]

_STATED = "_stated_by_the_rule"
_REACHED = "_reached_by_coverage"
_ASKED, _HELD = "coverage: asked", "coverage: held"
_IS_REACHED = f"\n{_REACHED} if 1 == 1\n"
_SAYS = """
satisfied if {{
	missing := [path | some path in {places}; object.get(input, path, "is missing") == "is missing"]
	print("{asked}", "{code}", json.marshal(missing))
	{stated}
	print("{held}", "{code}", json.marshal(missing))
}}
"""


@dataclass(frozen=True, order=True)
class Unseen:
    """What no test has seen."""

    file: str
    line: int
    what: str


@dataclass(frozen=True)
class Share:
    seen: int
    of: int

    @property
    def percent(self) -> int:
        """In whole numbers, rounded down: 100 is all of it."""
        return self.seen * 100 // self.of if self.of else 100


@dataclass(frozen=True)
class Coverage:
    outcomes: Share
    lines: Share
    unseen: tuple[Unseen, ...]

    @property
    def percent(self) -> int:
        """The lower one of both."""
        return min(self.outcomes.percent, self.lines.percent)


@dataclass
class _Rule:
    """A rule, the facts that it reads and where, and on what it was asked: what was missing then."""

    file: str
    line: int
    facts: Mapping[Fact, int]
    asked: set[Missing] = field(default_factory=set)
    held: set[Missing] = field(default_factory=set)


def coverage(bundle: Bundle, tests: Iterable[RegoTest]) -> Coverage:
    """What these tests have seen. Raises EngineError where the engine gives no answer."""
    deciding = [parse(source) for source in bundle.modules if not source.is_test]
    rules = {code: _rule(module) for module in deciding if (code := code_of(module))}
    telling = [_telling(module, rules) for module in deciding]
    modules = [*telling, *(source for source in bundle.modules if source.is_test)]
    interpreter = interpreter_of_tests(modules, bundle.data)
    every = interpreter.cover([f"data.{module.package}.{_REACHED}" for module in deciding])
    reached: dict[str, set[int]] = defaultdict(set)
    for paths in _by_package(tests):
        covered = interpreter.cover(paths)
        for line in covered.printed:
            _note(line, rules)
        for path, (lines, _) in covered.lines.items():
            reached[path] |= lines
    outcomes = list(_outcomes(rules))
    lines_seen = [one for module in deciding for one in _lines(module, every.lines, reached)]
    unseen = [one for one, seen in (*outcomes, *lines_seen) if not seen]
    return Coverage(_share(outcomes), _share(lines_seen), tuple(sorted(unseen)))


def _share(found: Sequence[tuple[Unseen, bool]]) -> Share:
    return Share(sum(seen for _, seen in found), len(found))


def _by_package(tests: Iterable[RegoTest]) -> Iterable[list[str]]:
    packages: dict[str, list[str]] = defaultdict(list)
    for test in tests:
        if not test.is_todo:
            packages[test.package].append(test.rule)
    return packages.values()


# -- what a rule is asked on


def _rule(module: Parsed) -> _Rule:
    line = next(rule.line for rule in module.rules if rule.name == "satisfied")
    return _Rule(module.source.file, line, facts_read(module, "satisfied"))


def _telling(module: Parsed, rules: Mapping[str, _Rule]) -> Source:
    """A module that can be reached, and in which its rule, if it states one, says what it is asked on."""
    code = code_of(module)
    if code is None:
        return replace(module.source, text=module.source.text + _IS_REACHED)
    text = module.source.text.encode()
    for rule in sorted(module.rules, key=lambda rule: -rule.start):
        if rule.name == "satisfied":
            text = text[: rule.start] + _STATED.encode() + text[rule.start + len("satisfied") :]
    places = json.dumps(sorted(_places(rules[code].facts)))
    says = _SAYS.format(places=places, code=code, stated=_STATED, asked=_ASKED, held=_HELD)
    return replace(module.source, text=text.decode() + _IS_REACHED + says)


def _places(facts: Iterable[Fact]) -> set[Fact]:
    """The facts, and all that they are a part of."""
    return {fact[:length] for fact in facts for length in range(1, len(fact) + 1)}


def _note(line: str, rules: Mapping[str, _Rule]) -> None:
    for said in (_ASKED, _HELD):
        if line.startswith(f"{said} "):
            code, _, missing = line.removeprefix(f"{said} ").partition(" ")
            seen = rules[code].asked if said == _ASKED else rules[code].held
            seen.add(frozenset(tuple(path) for path in json.loads(missing)))


def _outcomes(rules: Mapping[str, _Rule]) -> Iterator[tuple[Unseen, bool]]:
    """Each outcome that a rule may have, and whether it was seen."""
    for code, rule in rules.items():
        without = _seen_without(rule)
        yield Unseen(rule.file, rule.line, f"{code} was never seen to be satisfied"), bool(rule.held)
        yield Unseen(rule.file, rule.line, f"{code} was never seen to refuse"), bool(rule.asked - rule.held)
        for fact, line in rule.facts.items():
            told = f"{code} was never seen without input.{'.'.join(fact)}, on an input that is good otherwise"
            yield Unseen(rule.file, line, told), fact in without


def _seen_without(rule: _Rule) -> set[Fact]:
    seen = {fact for missing in rule.held for fact in missing}
    for missing in rule.asked:
        for good in rule.held:
            gone = missing - good
            roots = [fact for fact in gone if fact[:-1] not in gone]
            seen |= gone if len(roots) == 1 else frozenset()
    return seen


# -- lines


def _lines(
    module: Parsed, every: Mapping[str, tuple[frozenset[int], frozenset[int]]], reached: Mapping[str, set[int]]
) -> Iterator[tuple[Unseen, bool]]:
    """Each line of a module that holds something to evaluate, and whether it was."""
    source = module.source
    written = source.text.split("\n")  # what we put behind it is no line of it
    for line in sorted(frozenset[int]().union(*every.get(source.path, ()))):
        # Of a call on several lines the engine notes all but the first.
        if line <= len(written) and not written[line - 1].rstrip().endswith("("):
            yield Unseen(source.file, line, "was never evaluated"), line in reached.get(source.path, set())
