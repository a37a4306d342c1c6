"""A table in the lines of a screen: values stay whole, prose is folded between words, names also after their signs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, zip_longest
from unicodedata import combining, east_asian_width

from launchplane_gate.report.safe import lines_of

WIDEST = 160  # letters that a cell may push the next column away, where no line ends
LEAST = 16  # letters that prose is worth having beside other columns
PHRASE = 40  # letters up to which a text is a phrase, such as a verdict: it gives way last
COMMAND = "launchplane-gate "  # what begins so is to be pasted: a line of it is never folded
NOTHING = "-"  # stands in a column that has nothing to say, and nowhere else
_GAP, _NARROW = 3, 2
_WORDS = re.compile(r"\s*\S+")
_PARTS = re.compile(r"\s*(?:[^\s/@:._-]+[/@:._-]*|[/@:._-]+)")

Cell = str | tuple[str, ...]
Line = Sequence[tuple[str, str | None]]
"""Parts of a line, each with the first line of the cell that it is of: by that it is coloured. None: of the header."""


@dataclass(frozen=True)
class Table:
    """Rows of cells; a cell that is a tuple has several lines.

    Where a screen is too narrow, the columns ``prose`` and ``names`` are folded, and those for which there is no room
    beside the others stand below their row: prose first, in the order in which it is listed, phrases last. Negative
    numbers count from the end. What is in the other columns is never folded.
    """

    rows: Sequence[Sequence[Cell]]
    header: Sequence[str] = ()
    indent: int = 2
    prose: Sequence[int] = (-1,)
    names: Sequence[int] = ()


def cells(text: str) -> int:
    """How many columns of a screen a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def folded(line: str, width: int, *, as_name: bool = False) -> list[str]:
    """The lines of a line. A word that is too long stays whole, and so does a command."""
    if line.startswith(COMMAND) or cells(line) <= width:
        return [line]
    lines = [""]
    for piece in (_PARTS if as_name else _WORDS).findall(line):
        if lines[-1] and cells(lines[-1] + piece) > width:
            lines.append(piece.lstrip())
        else:
            lines[-1] += piece
    return lines


def laid_out(table: Table, width: int | None) -> Iterator[Line]:
    """``width``: of the screen; None where lines do not end."""
    rows = [[lines_of(cell) for cell in row] for row in (table.header, *table.rows) if row]
    form = _form(table, rows, width)
    for number, row in enumerate(rows):
        yield from form.header(row) if table.header and number == 0 else form.lines(row)


@dataclass(frozen=True)
class _Form:
    """``widths``: of the columns that stand side by side, by their numbers; ``below``: those that do not."""

    table: Table
    widths: Mapping[int, int]
    below: Collection[int]
    names: Collection[int]
    gap: int
    width: int | None

    @cached_property
    def starts(self) -> Mapping[int, int]:
        ends = accumulate((width + self.gap for width in self.widths.values()), initial=self.table.indent)
        return dict(zip(self.widths, ends, strict=False))

    @cached_property
    def hangs(self) -> int:
        """Where what stands below a row begins: under the second column."""
        return ([*self.starts.values(), self.table.indent + self.gap])[1]

    @cached_property
    def labels(self) -> Mapping[int, str]:
        """What stands before a cell below its row: the header of its column."""
        known = {number: label for number, label in enumerate(self.table.header) if number in self.below}
        wide = max(map(len, known.values()), default=0)
        return {number: f"{label:<{wide}}  " for number, label in known.items() if wide}

    def header(self, row: Sequence[Sequence[str]]) -> Iterator[Line]:
        yield self._line([(number, row[number][0], None) for number in self.widths if number < len(row)])

    def lines(self, row: Sequence[Sequence[str]]) -> Iterator[Line]:
        beside, beneath = self._split(row)
        for line in zip_longest(*beside):
            yield self._line([part for part in line if part])
        for number, rest in beneath:
            yield from self._beneath(number, rest, row[number][0])

    def cost(self, row: Sequence[Sequence[str]]) -> int:
        """The lines of a row, and what does not stand where its header says."""
        return sum(1 for _ in self.lines(row)) + sum(number not in self.below for number, _ in self._split(row)[1])

    def _split(
        self, row: Sequence[Sequence[str]]
    ) -> tuple[list[list[tuple[int, str, str | None]]], list[tuple[int, Sequence[str]]]]:
        """The lines of each cell that stand in its column, and what is left of those that do not fit."""
        beside: list[list[tuple[int, str, str | None]]] = []
        beneath: list[tuple[int, Sequence[str]]] = []
        for number, cell in enumerate(row):
            shown, rest = ([], cell) if number in self.below else self._fitting(number, cell)
            beside.append([(number, line, cell[0]) for line in shown])
            if any(rest) and list(rest) != [NOTHING]:
                beneath.append((number, rest))
        return beside, beneath

    def _fitting(self, number: int, cell: Sequence[str]) -> tuple[list[str], Sequence[str]]:
        """The lines that a cell has in its column, and what is left of it from where something does not fit."""
        width = self.widths[number]
        if self.width is None:
            return list(cell), ()
        shown: list[str] = []
        for done, line in enumerate(cell):
            lines = folded(line, width, as_name=number in self.names)
            beneath = folded(line, self.width - self.hangs, as_name=number in self.names)
            is_narrow = 2 * width < self.width and len(lines) > max(2, len(beneath) + 1)
            is_wide = _widest(lines) > width and _widest(beneath) <= self.width - self.hangs
            if (is_narrow or is_wide) and self.starts[number] > self.hangs:
                return shown, cell[done:]
            shown += lines
        return shown, ()

    def _beneath(self, number: int, rest: Sequence[str], first: str) -> Iterator[Line]:
        label = self.labels.get(number, "")
        at = self.hangs + len(label)
        room = max((self.width or 0) - at, LEAST)
        lines = [part for line in rest for part in folded(line, room, as_name=number in self.names)]
        for done, line in enumerate(lines):
            yield [(" " * self.hangs + label if done == 0 else " " * at, ""), (line, first)]

    def _line(self, parts: Sequence[tuple[int, str, str | None]]) -> Line:
        line: list[tuple[str, str | None]] = []
        at = 0
        for number, text, first in parts:
            blanks = max(self.starts[number] - at, self.gap if line else 0)
            line += [(" " * blanks, ""), (text, first)]
            at += blanks + cells(text)
        return line


def _form(table: Table, rows: Sequence[Sequence[Sequence[str]]], width: int | None) -> _Form:
    """The form that costs the least, and of these the one with the fewest columns below."""
    columns = [[line for cell in column for line in cell] for column in zip_longest(*rows, fillvalue=[""])]
    natural = {number: _widest(column) for number, column in enumerate(columns)}
    count = len(natural)
    if width is None or table.indent + sum(natural.values()) + _GAP * (count - 1) <= width:
        return _Form(table, {number: min(WIDEST, wide) for number, wide in natural.items()}, (), (), _GAP, width)
    prose, names = ([number % count for number in some if count] for some in (table.prose, table.names))
    for number in prose:  # a command stands below where it does not fit, and takes no other text along
        natural[number] = _widest(line for line in columns[number] if not line.startswith(COMMAND))
    least = {
        **natural,
        **{
            number: _widest(part.strip() for line in columns[number] for part in _PARTS.findall(line))
            for number in names
        },
        **{number: min(natural[number], LEAST) for number in prose},
    }
    folding = sorted([*prose, *names], key=lambda number: number in prose and natural[number] <= PHRASE)
    going = [number for number in folding if number > 0]
    forms: list[_Form] = []
    for below in (going[:many] for many in range(len(going) + 1)):
        widths = {number: wide for number, wide in least.items() if number not in below}
        room = width - table.indent - sum(widths.values()) - _NARROW * (len(widths) - 1)
        for number in (one for one in (*names, *reversed(prose)) if one in widths and room > 0):
            more = min(room, natural[number] - widths[number])
            widths[number] += more
            room -= more
        if room >= 0 or below == going:
            forms.append(_Form(table, widths, below, names, _NARROW, width))
    return min(forms, key=lambda form: sum(map(form.cost, rows)))


def _widest(texts: Iterable[str]) -> int:
    return max(map(cells, texts), default=0)
