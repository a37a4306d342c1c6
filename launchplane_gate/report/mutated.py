"""What became of mutants, for people: those that no test notices, each with what would notice it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from launchplane_gate.authoring.mutate.explained import said_of
from launchplane_gate.authoring.mutate.mutants import Kind
from launchplane_gate.authoring.mutate.run import Mutation, Result
from launchplane_gate.report.points import Place, Point, Report
from launchplane_gate.report.text import Block
from launchplane_gate.report.words import count, exact, span

WIDTH = 80
LINES = 8  # of a change, at most
WHAT: dict[Kind, str] = {
    "turned": "a comparison is another one",
    "dropped": "a condition is left out",
    "changed": "a constant is another one",
    "some": "it holds for some instead of for every one",
    "unasked": "the rule is not asked there",
}


def mutation_text(mutation: Mutation, took_s: float) -> list[Block]:
    text: list[Block] = []
    for result in mutation.unexplained:
        text += [*_survivor(result), ""]
    for finding in mutation.findings:
        text += [f"x {finding.file}:{finding.line}: {finding.message}", f"  {finding.remedy}", ""]
    return [*text, *_folded(summary(mutation, took_s))]


def mutation_report(mutation: Mutation, took_s: float) -> Report:
    """A point for each file that was changed, and one for each change of it that no test notices."""
    failed = [_point(result) for result in mutation.unexplained]
    failed += [
        Point(
            "mutate.explained", f"{one.file}:{one.line}", "fail", "", one.message, one.remedy, Place(one.file, one.line)
        )
        for one in mutation.findings
    ]
    files = dict.fromkeys(result.mutant.source.file for result in mutation.results)
    bad = {point.place.file for point in failed if point.place}
    noticed = [Point("mutate", file, "pass", "a test notices each small fault") for file in files if file not in bad]
    return Report("policy mutate", summary(mutation, took_s), [*failed, *noticed], failed="unnoticed")


def _point(result: Result) -> Point:
    mutant = result.mutant
    place = Place(mutant.source.file, mutant.line)
    name = f"{mutant.source.file}:{mutant.line}: {' '.join(mutant.change)}"
    what = f"a test notices where {WHAT[mutant.kind]}"
    return Point(f"mutate.{mutant.kind}", name, "fail", what, message_of(result), remedy_of(result), place)


def summary(mutation: Mutation, took_s: float) -> str:
    if not mutation.results:
        return "There is nothing to change: no rule decides by anything."
    fates, left = mutation.fates, len(mutation.unexplained)
    said = [f"{fates['killed']} killed by a test"]
    said += [f"{fates['stopped']} stopped, since a test of it did not end"] if fates["stopped"] else []
    said += [f"{fates['not viable']} that the gate would not load"] if fates["not viable"] else []
    said += [f"{explained} explained as equivalent"] if (explained := fates["survived"] - left) else []
    found = f"{left} that no test notices" if left else "no test is missing"
    return f"{count(len(mutation.results), 'mutant')} in {span(took_s)}: {', '.join(said)}; {found}."


def message_of(result: Result) -> str:
    """What it is about a survivor, in a sentence or two."""
    told = result.told
    assert told
    what = f"no test notices where {WHAT[result.mutant.kind]}"
    if told.asked is None:
        return f"{what}; none among {told.tried} inputs tells it from the original"
    if result.mutant.kind == "unasked":
        return f"{what}; it alone refuses {told.asked}"
    here, there = ("is satisfied", "refuses") if told.before else ("refuses", "is satisfied")
    denied = ", so what is said there to be equivalent is not" if result.reason else ""
    return f"{what}; {told.code} tells by {told.asked}: it {here}, the mutant {there}{denied}"


def remedy_of(result: Result) -> str:
    if result.told and result.told.asked is None and result.mutant.kind != "unasked":
        return f"Write a test that notices it; where none can, say why there: {said_of(result.mutant.kind)}"
    return "Write a test of that."


def _survivor(result: Result) -> Iterator[Block]:
    mutant = result.mutant
    yield f"x {mutant.source.file}:{mutant.line}: {mutant.of.removeprefix('gate.').removeprefix('rules.')}"
    change = mutant.change
    yield from (f"    {_cut(line, WIDTH - 4)}" for line in change[:LINES])
    yield from ["    ..."] if len(change) > LINES else []
    yield from _folded(f"{message_of(result)}.", indent="  ")
    yield from _folded(remedy_of(result), indent="  ")


def _folded(text: str, indent: str = "") -> list[str]:
    said = exact(text)
    return textwrap.wrap(
        said[:1].upper() + said[1:],
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
