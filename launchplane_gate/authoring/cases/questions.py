"""The question of a case: a good one, moved in time, with the facts that the case states."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from launchplane_gate.authoring.cases.paths import Stated
from launchplane_gate.authoring.changes import MISSING, Path, at, changed, dotted
from launchplane_gate.authoring.changes import Change as Single
from launchplane_gate.moments import stamp, unstamp
from launchplane_gate.policy import Bundle
from launchplane_gate.policy.bundle.rego_tests import interpreter_of_tests

GOOD = "gate_test.cases"  # the package of the good questions, with a configuration that suits them


class NoPlace(Exception):
    """A fact cannot stand where it is stated."""


@dataclass(frozen=True)
class Good:
    """The shipped questions that every rule of theirs is satisfied by, and what is decided for their products."""

    questions: Mapping[str, Mapping[str, Any]]
    products: Mapping[str, Any]


def good_questions(bundle: Bundle) -> Good:
    """Those of the policies' own tests; none where the policies have none."""
    modules = [module for module in bundle.modules if f"package {GOOD}\n" in module.text]
    if not modules:
        return Good({}, {})
    found = interpreter_of_tests(modules, bundle.data).value(f"data.{GOOD}", None, read=json.loads)
    questions = {name: one for name, one in found.items() if isinstance(one, dict) and "phase" in one}
    return Good(questions, found.get("config", {}).get("products", {}))


@dataclass(frozen=True)
class Layer:
    """What one file states: when it is asked, then its facts in their order."""

    at: str | None
    stated: tuple[Stated, ...]


def asked(start: Mapping[str, Any], layers: Sequence[Layer], but: Collection[Stated] = ()) -> dict[str, Any]:
    """The question that layers make of a good one; ``but``: facts that are left as they were. Raises NoPlace."""
    question = dict(start)
    for layer in layers:
        if layer.at:
            question = moved(question, layer.at)
        for stated in layer.stated:
            if stated not in but:
                question = _with(question, stated)
    return question


def moved(question: Mapping[str, Any], to: str) -> dict[str, Any]:
    """The same question, asked at another moment: every time in it moves along. Raises NoPlace where there is none."""
    now, then = unstamp(str(question.get("now"))), unstamp(to)
    if now is None or then is None:
        raise NoPlace(f"a question of the phase {question.get('phase')} knows no time, so it is asked at none")
    shifted: dict[str, Any] = _shifted(question, then - now)
    return shifted


def _shifted(fact: Any, by: timedelta) -> Any:
    if isinstance(fact, Mapping):
        return {name: _shifted(one, by) for name, one in fact.items()}
    if isinstance(fact, list | tuple):
        return [_shifted(one, by) for one in fact]
    moment = unstamp(fact) if isinstance(fact, str) else None
    return fact if moment is None else _stamped(moment, by)


def _stamped(moment: datetime, by: timedelta) -> str:
    try:
        return stamp(moment + by)
    except OverflowError:
        raise NoPlace("that is before the year 1 or after 9999, for some of its times") from None


def _with(question: Mapping[str, Any], stated: Stated) -> dict[str, Any]:
    if stated.value is MISSING:
        if at(question, stated.path) is MISSING:
            raise NoPlace(
                f"the base has no `{dotted(stated.path)}`, so it is missing anyway{_there(question, stated.path)}"
            )
        return changed(question, [Single(stated.path, MISSING)])
    result: dict[str, Any] = put(question, stated.path, stated.value)
    return result


def put(here: Any, path: Path, value: Any, above: Path = ()) -> Any:
    """A copy with a value at a place; what is null or missing above it becomes an object. Raises NoPlace."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    below = (*above, step)
    if isinstance(step, str):
        known = {} if here is None or here is MISSING else here
        if not isinstance(known, Mapping):
            raise NoPlace(f"`{dotted(above)}` is no object, so nothing has a name in it")
        return {**known, step: put(known.get(step, MISSING), rest, value, below)}
    if not isinstance(here, list | tuple) or step > len(here):
        entries = len(here) if isinstance(here, list | tuple) else 0
        raise NoPlace(f"`{dotted(above)}` has {entries} entries, so there is no `{dotted(below)}`, nor is it the next")
    entries_of = [*here, MISSING] if step == len(here) else list(here)
    return [put(one, rest, value, below) if index == step else one for index, one in enumerate(entries_of)]


def _there(question: Mapping[str, Any], path: Path) -> str:
    """What stands beside a place where nothing stands."""
    for end in range(len(path) - 1, -1, -1):
        found = at(question, path[:end])
        if isinstance(found, Mapping) and found:
            where = f"in `{dotted(path[:end])}`" if end else "there"
            return f"; {where} are: {', '.join(sorted(found))}"
    return ""
