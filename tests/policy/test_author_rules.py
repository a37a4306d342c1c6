"""What loads, agrees: hundreds of rules as authors may write them, each asked with every fact that it reads broken.

Each is refused by the static check, with a line and a remedy, or says the same on both engines to every question, ends
in no error, and is no yes where a fact is missing. LAUNCHPLANE_GATE_MUTATIONS above 2,000 asks with every change of a
fact, not with some.
"""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import regorus

from launchplane_gate.policy.bundle.form import check_form
from launchplane_gate.policy.bundle.syntax import Finding, Parsed, Source, parse
from launchplane_gate.policy.engines.embedded.interpreter import NotRego
from tests import opa
from tests.places import CASES, POLICIES
from tests.policy.author_rules import GOOD, AuthorRule, rules

ALL = int(os.environ.get("LAUNCHPLANE_GATE_MUTATIONS", "2000")) > 2000
CONFIG = json.loads((CASES / "config.json").read_text())
MESSAGE = '\n\nmessage := "No." if not satisfied\n'
FEW = ("left out", "null", "number", "text", "list", "object")
ODD: dict[str, Any] = {
    "null": None,
    "number": 7,
    "text": "odd",
    "list": ["odd", 1, None, {}],
    "object": {"a": "b"},
    "nothing": {},
    "none": [],
    "empty": "",
    "true": True,
    "less": -1,
    "fraction": 0.1,
    "nearly whole": 3.0,
    "huge": 1e300,
    "largest": 2**53 - 1,
    "digits": "12",
    "blank": " 1",
    "beyond ascii": "\u00e9\U0001f680",
    "line": "pass\n",
    "lower time": "2026-05-07t11:40:00z",
    "no day": "2026-02-30T11:40:00Z",
    "offset": "2026-05-07T11:40:00+02:00",
    "half": "\u2028\x00",
}


class Loaded(NamedTuple):
    name: str
    rule: AuthorRule
    text: str


class Question(NamedTuple):
    """``place`` is dotted; ``change`` is what was done to it."""

    place: str
    change: str
    text: str


@cache
def libraries() -> tuple[Parsed, ...]:
    files = (path for path in sorted((POLICIES / "gate" / "lib").glob("*.rego")) if "_test" not in path.name)
    return tuple(parse(Source(str(path.relative_to(POLICIES)), path.name, path.read_text())) for path in files)


@cache
def findings() -> dict[str, list[Finding]]:
    """What the static check says of each rule, by its name; all of them at once, as of one bundle."""
    found: dict[str, list[Finding]] = {name: [] for name in RULES}
    modules = list(libraries())
    for name, rule in RULES.items():
        try:
            modules.append(parse(Source(f"gate/rules/author/{name}.rego", name, text_of(name, rule))))
        except NotRego as error:
            found[name].append(Finding(name, error.line, str(error), "Mend it and load the policies again."))
    for finding in check_form(modules):
        found[finding.file].append(finding)
    return found


def text_of(name: str, rule: AuthorRule) -> str:
    message = "" if "message :=" in rule.body else MESSAGE
    return f"package gate.rules.author.{name}\n\n{rule.body}{message}"


RULES = {f"r{number}": rule for number, rule in enumerate(rules())}


@pytest.fixture(scope="module")
def loaded() -> list[Loaded]:
    return [Loaded(name, rule, text_of(name, rule)) for name, rule in RULES.items() if not findings()[name]]


def test_there_are_hundreds_of_rules_of_both_kinds() -> None:
    assert sum(rule.loads for rule in RULES.values()) > 200
    assert sum(not rule.loads for rule in RULES.values()) > 200


def test_each_is_let_through_or_refused_with_a_line_and_a_remedy() -> None:
    for name, rule in RULES.items():
        found = findings()[name]
        assert bool(found) is not rule.loads, (rule.body, found)
        for finding in found:
            assert finding.line >= 1
            assert finding.remedy.endswith(".")


def questions(rule: AuthorRule) -> Iterator[Question]:
    """The good question, and it with every fact that the rule reads broken."""
    yield Question("", "good", json.dumps(GOOD))
    for place in places(rule):
        for change in ("left out", *ODD):
            if ALL or change in FEW or hash_of(".".join(place) + change) % 3 == 0:
                yield Question(".".join(place), change, broken(place, change))


def hash_of(text: str) -> int:
    return sum(text.encode())


def places(rule: AuthorRule) -> list[tuple[str, ...]]:
    read = [tuple(found.split(".")[1:]) for found in re.findall(r"input(?:\.[a-z0-9_]+)+", rule.body)]
    read += [tuple(re.findall(r'"(\w+)"', path)) for path in re.findall(r"object\.get\(input, \[(.*?)\]", rule.body)]
    return [node for node in nodes(GOOD) if any(node[: len(path)] == path[: len(node)] for path in read)]


def nodes(value: Any, here: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if here:
        yield here
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in below:
        yield from nodes(child, (*here, str(key)))


@cache
def broken(place: tuple[str, ...], change: str) -> str:
    question = copy.deepcopy(GOOD)
    holder: Any = question
    for part in place[:-1]:
        holder = holder[int(part) if isinstance(holder, list) else part]
    key: Any = int(place[-1]) if isinstance(holder, list) else place[-1]
    if change == "left out":
        del holder[key]
    else:
        holder[key] = ODD[change]
    return json.dumps(question)


def on_embedded(one: Loaded, asked: list[Question]) -> list[Any]:
    """What the rule says to each: true, nothing (None), or an error, as its text."""
    fresh = engine_of_libraries().clone()
    fresh.add_policy(one.name, one.text)
    engine, said = fresh.clone(), list[Any]()
    for question in asked:
        try:
            engine.set_input_json(question.text)
            answer = json.loads(engine.eval_query_as_json(f"data.gate.rules.author.{one.name}"))
        except RuntimeError as error:  # after which it may hold another question's input
            engine = fresh.clone()
            said.append(str(error)[:300])
        else:
            value = answer["result"][0]["expressions"][0]["value"]
            assert ("message" in value) is ("satisfied" not in value)
            said.append(value.get("satisfied"))
    return said


@cache
def engine_of_libraries() -> Any:
    engine = regorus.Engine()
    engine.add_data_json(json.dumps({"config": CONFIG}))
    for library in libraries():
        engine.add_policy(library.source.path, library.source.text)
    return engine


@pytest.fixture(scope="module")
def asked(loaded: list[Loaded]) -> dict[str, list[Question]]:
    return {one.name: list(questions(one.rule)) for one in loaded}


@pytest.fixture(scope="module")
def embedded(loaded: list[Loaded], asked: dict[str, list[Question]]) -> dict[str, list[Any]]:
    return {one.name: on_embedded(one, asked[one.name]) for one in loaded}


def test_each_is_satisfied_by_what_is_good(loaded: list[Loaded], embedded: dict[str, list[Any]]) -> None:
    assert [(one.rule.body, embedded[one.name][0]) for one in loaded if embedded[one.name][0] is not True] == []


def test_none_ends_in_an_error(
    loaded: list[Loaded], asked: dict[str, list[Question]], embedded: dict[str, list[Any]]
) -> None:
    errors = [
        (one.rule.body, question[:2], said)
        for one in loaded
        for question, said in zip(asked[one.name], embedded[one.name], strict=True)
        if said not in (True, None)
    ]
    assert errors[:5] == []


def test_none_says_yes_where_a_fact_is_missing(
    loaded: list[Loaded], asked: dict[str, list[Question]], embedded: dict[str, list[Any]]
) -> None:
    opened = [
        (one.rule.body, question.place)
        for one in loaded
        for question, said in zip(asked[one.name], embedded[one.name], strict=True)
        if said is True and question.change == "left out" and is_needed(question.place, one.rule)
    ]
    assert opened[:5] == []


def is_needed(place: str, rule: AuthorRule) -> bool:
    """Whether the rule reads the fact by its name, and its author says nothing of what holds without it."""
    *_, last = place.split(".")
    names_it = re.search(rf'[."]{last}\b', rule.body) is not None and not last.isdigit()
    return names_it and not (rule.fine and re.fullmatch(rule.fine, place))


@opa.needs_opa
def test_opa_says_the_same(
    tmp_path: Path, loaded: list[Loaded], asked: dict[str, list[Question]], embedded: dict[str, list[Any]]
) -> None:
    on_opa = ask_opa(tmp_path, loaded, asked)
    different = [
        (one.rule.body, question[:2], f"embedded: {said}", f"opa: {there}")
        for one in loaded
        for question, said, there in zip(asked[one.name], embedded[one.name], on_opa[one.name], strict=True)
        if said is not there
    ]
    assert different[:5] == []
    assert sum(len(said) for said in on_opa.values()) > 10000


def ask_opa(folder: Path, loaded: list[Loaded], asked: dict[str, list[Question]]) -> dict[str, list[Any]]:
    """All questions at once. An error would end the answer to all, and no rule that loads has one."""
    for library in libraries():
        (folder / library.source.path.replace("/", "_")).write_text(library.source.text)
    for one in loaded:
        (folder / f"{one.name}.rego").write_text(one.text)
    (folder / "data.json").write_text(json.dumps({"config": CONFIG}))
    (folder / "asked.rego").write_text(
        "package asked\n\n"
        "yes[name] contains number if {\n\tsome name, questions in input\n\tsome number, question in questions\n\t"
        "data.gate.rules.author[name].satisfied with input as question\n}\n"
    )
    each = (f'"{name}":[{",".join(question.text for question in questions)}]' for name, questions in asked.items())
    command = [str(opa.PROGRAM), "eval", "--format=raw", "--strict-builtin-errors", "--data", str(folder)]
    done = subprocess.run(
        [*command, "--stdin-input", "data.asked.yes"],
        input=f"{{{','.join(each)}}}",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[:3000]
    yes = json.loads(done.stdout)
    return {
        name: [True if number in set(yes.get(name, [])) else None for number in range(len(questions))]
        for name, questions in asked.items()
    }
