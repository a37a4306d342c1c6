"""Which rule follows from which, by the word of their authors: from rules that there are, and from none in a circle."""

from __future__ import annotations

import graphlib
from collections.abc import Iterator, Mapping

from launchplane_gate.policy.bundle.metadata import RuleMetadata
from launchplane_gate.policy.bundle.syntax import Finding, Source

_LEAVE_OUT = "Leave it out of `follows`."


def faults_of_following(rules: Mapping[str, RuleMetadata], sources: Mapping[str, Source]) -> list[Finding]:
    """``sources``: that of each rule, by its code."""
    findings = [
        _found(sources[code], f"it follows {cause}, and no rule has that code", "Name a rule by its code.")
        for code, rule in rules.items()
        for cause in rule.follows
        if cause not in rules
    ]
    return findings or list(_circles(rules, sources))


def _circles(rules: Mapping[str, RuleMetadata], sources: Mapping[str, Source]) -> Iterator[Finding]:
    """A circle would fold each of its rules under another one, and tell none."""
    follows = {code: list(rule.follows) for code, rule in rules.items()}
    while True:
        try:
            graphlib.TopologicalSorter(follows).prepare()
        except graphlib.CycleError as error:
            code, cause, *_ = circle = error.args[1][::-1]  # each follows the next one
            way = "itself" if cause == code else f"itself in the end: {' -> '.join(circle)}"
            yield _found(sources[code], f"it follows {way}", _LEAVE_OUT)
            follows[code].remove(cause)
        else:
            return


def _found(source: Source, message: str, remedy: str) -> Finding:
    lines = source.text.split("\n")
    line = next((number for number, text in enumerate(lines, 1) if text.startswith("#") and "follows:" in text), 1)
    return Finding(source.file, line, message, remedy)
