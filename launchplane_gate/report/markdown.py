"""Markdown for the summary of a job, or a comment: a table of what was asked, and one of what stands in the way.

Whatever others wrote is made inert: it cannot end a cell, begin a line, be a link or markup, nor call anybody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from launchplane_gate.report.points import Outcome, Point, Report
from launchplane_gate.report.safe import one_line
from launchplane_gate.report.text import Block, plain
from launchplane_gate.report.words import count

SHOWN: tuple[Outcome, ...] = ("error", "fail", "waived")
LARGEST = 50_000  # letters of all rows; a comment of GitHub's holds 65,536

_CODE = re.compile(r"`([^`]+)`")
# What has a meaning in Markdown or HTML, or begins one: `www.`, `http:`. A character reference never has.
_MEANS = re.compile(r"[#$&*:<>@\[\\\]_`{|}~]|\.(?=\S)")
_CALLS = frozenset("#$@")  # GitHub looks for these once more in what it has made of the text


def document(report: Report, exit_code: int) -> str:
    rows = [_row(point, report.words[point.outcome]) for point in report.of(*SHOWN)]
    shown = _first(rows)
    lines = [f"## {inert(report.headline)}", ""]
    if report.facts:
        lines += ["| | |", "|---|---|", *(f"| {inert(name)} | {inert(value)} |" for name, value in report.facts), ""]
    if shown:
        lines += ["| | | what was seen | what to do |", "|---|---|---|---|", *shown, ""]
    if told := _rest(report, more=len(rows) - len(shown), others=bool(rows)):
        lines += [f"{told}.", ""]
    return "\n".join([*lines, f"Exit code {exit_code}.\n"])


def quoted(text: Sequence[Block], exit_code: int) -> str:
    """An answer that is told in text alone: its first line, and the rest as it stands, as code."""
    has_headline = bool(text) and isinstance(text[0], str)
    headline = [f"## {inert(plain(text[:1]).rstrip())}", ""] if has_headline else []
    rest = plain(text[1:] if has_headline else text).strip("\n")
    code = [f"    {line}".rstrip() for line in rest.split("\n")] if rest.strip() else []
    return "\n".join([*headline, *([*code, ""] if code else []), f"Exit code {exit_code}.\n"])


def inert(text: str) -> str:
    """A value as text and nothing else; what stands between backquotes is set as code."""
    parts = _CODE.split(one_line(text))
    return "".join(f"<code>{_inert(part)}</code>" if number % 2 else _inert(part) for number, part in enumerate(parts))


def _inert(text: str) -> str:
    return _MEANS.sub(lambda sign: f"&#{ord(sign[0])};{'<!-- -->' if sign[0] in _CALLS else ''}", text)


def _row(point: Point, outcome: str) -> str:
    where = str(point.place or "")
    name = "<br>".join(f"<code>{_inert(one_line(text))}</code>" for text in dict.fromkeys([point.name, where]) if text)
    return f"| {' | '.join([outcome, name, inert(point.message or point.title), inert(point.remedy)])} |"


def _first(rows: Sequence[str]) -> list[str]:
    """As many as there is room for."""
    sizes = accumulate(len(row) for row in rows)
    return [row for row, size in zip(rows, sizes, strict=True) if size <= LARGEST]


def _rest(report: Report, *, more: int, others: bool) -> str:
    passed, skipped = len(report.of("pass")), len(report.of("skipped"))
    told = [f"{more} more of these"] if more else []
    told += [f"{count(passed, 'other') if others else passed} passed"] if passed else []
    told += [f"{skipped} to be done"] if skipped else []
    return "; ".join(told)
