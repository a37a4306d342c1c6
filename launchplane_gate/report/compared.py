"""What tells two sets of policies apart, for people and for CI."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from launchplane_gate.authoring.diff.inputs import Flip, Flips
from launchplane_gate.authoring.diff.words import Difference
from launchplane_gate.report.points import Point, Report
from launchplane_gate.report.text import Block, Table
from launchplane_gate.report.words import count, exact

WIDTH = 80
MARKS = {"loosens": "loosens", "tightens": "tightens", "unclear": "see below", "neither": ""}


def compared_text(names: tuple[str, str], found: Sequence[Difference], flips: Flips | None) -> list[Block]:
    if not found:
        return [f"{names[0]} and {names[1]} are the same policies."]
    text: list[Block] = []
    for about in dict.fromkeys(difference.about for difference in found):
        these = [one for one in found if one.about == about]
        text += [about, Table([[MARKS[one.effect], tuple(textwrap.wrap(one.what, 64))] for one in these])]
    if flips:
        text += ["", *(line for told in _inputs(names, flips) for line in _folded(told))]
    loosening = sum(one.effect == "loosens" for one in found)
    said = f"{count(len(found), 'difference')}, of which {loosening} loosen{'s' if loosening == 1 else ''}."
    return [*text, "", said]


def _inputs(names: tuple[str, str], flips: Flips) -> Iterator[str]:
    for loosens in flips.looked_for:
        before, after = ("denies", "allows") if loosens else ("allows", "denies")
        if flip := flips.found.get(loosens):
            yield f"{names[0]} {before}, and {names[1]} {after}: {flip.asked}. {_by(flip)}"
        else:
            yield f"None among {flips.tried:,} inputs that {names[0]} {before} and {names[1]} {after}."
    if flips.unanswered:
        yield f"Of {flips.unanswered:,} more one side gives no answer."


def _by(flip: Flip) -> str:
    return f"It is refused by {', '.join(flip.codes)}."


def document_of(names: tuple[str, str], found: Sequence[Difference], flips: Flips | None) -> dict[str, Any]:
    return {
        "a": names[0],
        "b": names[1],
        "differences": [vars(one) for one in found],
        "loosens": is_loosening(found, flips),
        "tried": flips.tried if flips else 0,
        "unanswered": flips.unanswered if flips else 0,
        "inputs": [
            {
                "loosens": flip.loosens,
                "whose": str(flip.asked),
                "refused_by": flip.codes,
                "input": flip.asked.policy_input,
            }
            for flip in (flips.found.values() if flips else ())
        ],
    }


def is_loosening(found: Sequence[Difference], flips: Flips | None) -> bool:
    """Whether any of it is marked so, or an input shows it."""
    return any(one.effect == "loosens" for one in found) or bool(flips and True in flips.found)


def compared_report(names: tuple[str, str], found: Sequence[Difference], flips: Flips | None) -> Report:
    points = [
        Point(f"diff.{one.about.replace(' ', '_')}", one.what, "fail" if one.effect == "loosens" else "pass", one.about)
        for one in found
    ]
    if flips and (flip := flips.found.get(True)):
        told = f"{names[0]} denies it, and {names[1]} allows it. {_by(flip)}"
        points.append(Point("diff.input", str(flip.asked), "fail", "nothing that was denied is allowed", told))
    facts = [(one.about, one.what) for one in found if one.effect != "loosens"]
    facts += [("inputs", told) for told in (_inputs(names, flips) if flips else ())]
    headline = f"{names[0]} -> {names[1]}: {count(len(found), 'difference')}"
    return Report("policy diff", headline, points, facts, failed="loosened")


def _folded(text: str) -> list[str]:
    return textwrap.wrap(exact(text), WIDTH, break_long_words=False, break_on_hyphens=False)
