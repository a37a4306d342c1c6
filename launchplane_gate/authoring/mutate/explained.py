"""Why a mutant is none that a test could tell: ``# equivalent if dropped: REASON``, on its line or right above it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import get_args

from launchplane_gate.authoring.mutate.mutants import Kind, Mutant
from launchplane_gate.policy.bundle.syntax import Finding, Source

_KINDS = [kind for kind in get_args(Kind) if kind != "unasked"]  # JSON has no comments
_SAID = re.compile(rf"#[ \t]*equivalent if (?P<kind>{'|'.join(_KINDS)}): *(?P<reason>\S.*)")
_MEANT = re.compile(r"#[ \t]*equivalent\b.*")


@dataclass(frozen=True)
class Explanation:
    """``of``: the line of what it is about."""

    source: Source
    line: int
    kind: str
    of: int
    reason: str


def said_of(kind: str) -> str:
    """How to explain one."""
    return f"# equivalent if {kind}: REASON"


def explanations(source: Source) -> Iterator[Explanation]:
    lines = source.text.splitlines()
    for number, line in enumerate(lines, 1):
        if said := _SAID.search(line):
            of = number
            while of <= len(lines) and lines[of - 1].lstrip().startswith("#"):
                of += 1
            yield Explanation(source, number, said["kind"], of, said["reason"])


def misspelt(source: Source) -> Iterator[Finding]:
    """Comments that look like an explanation, and are none."""
    for number, line in enumerate(source.text.splitlines(), 1):
        if _MEANT.search(line) and not _SAID.search(line):
            remedy = f"Write `{said_of('dropped')}`, or: {', '.join(_KINDS[1:])}."
            yield Finding(source.file, number, "this explains nothing as it is written", remedy)


def reason_for(mutant: Mutant, said: Iterable[Explanation]) -> str:
    """Empty where nobody explains it."""
    about = (one.reason for one in said if (one.source, one.of, one.kind) == (mutant.source, mutant.line, mutant.kind))
    return next(about, "")


def idle(said: Iterable[Explanation], survivors: Iterable[Mutant]) -> Iterator[Finding]:
    """Explanations of what does not survive."""
    left = {(mutant.source, mutant.line, mutant.kind) for mutant in survivors}
    for one in said:
        if (one.source, one.of, one.kind) not in left:
            message = f"no mutant survives that this explains: nothing {one.kind} there goes unnoticed"
            yield Finding(
                one.source.file, one.line, message, "Leave the comment out, or put it on the line it is about."
            )
