"""Text for people: lines and tables, aligned in a pipe, folded and coloured on a terminal.

Colour is taken from the words that stand there, so nothing can be told by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TextIO

_GAP = "   "
_COLOURS = {
    "x": "bold red",
    "not ok": "bold red",
    "unsettled": "bold yellow",
    "held": "bold yellow",
    "w": "yellow",
    "ok": "green",
    "settled": "green",
}


@dataclass(frozen=True)
class Table:
    """Rows of cells; a cell may have several lines."""

    rows: Sequence[Sequence[str]]
    header: Sequence[str] = ()
    indent: int = 2


Block = str | Table
"""A line, or a table. A line that is a command to type is neither cut nor folded."""


def plain(blocks: Sequence[Block]) -> str:
    """Aligned text that ends with a newline."""
    return "".join(f"{line}\n" for block in blocks for line in _lines(block))


def _lines(block: Block) -> list[str]:
    if isinstance(block, str):
        return [printable(line).rstrip() for line in block.split("\n")]
    rows = [[printable(cell).split("\n") for cell in row] for row in (block.header, *block.rows) if row]
    widths = [max(len(line) for cell in column for line in cell) for column in zip_longest(*rows, fillvalue=[""])]
    return [
        (" " * block.indent + _GAP.join(text.ljust(width) for text, width in zip(line, widths, strict=False))).rstrip()
        for row in rows
        for line in zip_longest(*row, fillvalue="")
    ]


def printable(text: str) -> str:
    """A text with whatever could steer a terminal written out: much of what is shown was said by others."""
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


def on_terminal(blocks: Sequence[Block], file: TextIO) -> None:
    """Print in the width and the colours of a terminal."""
    from rich.console import Console  # noqa: PLC0415  # only a terminal needs it
    from rich.padding import Padding  # noqa: PLC0415
    from rich.table import Table as Grid  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=file, highlight=False)
    for block in blocks:
        if isinstance(block, str):
            console.print(Text(printable(block)), soft_wrap=True)
            continue
        grid = Grid(box=None, show_header=bool(block.header), padding=(0, len(_GAP), 0, 0), header_style="bold")
        columns = max((len(row) for row in (block.header, *block.rows)), default=0)
        for number in range(columns):
            name = block.header[number] if number < len(block.header) else ""
            grid.add_column(name, overflow="fold", no_wrap=number < columns - 2)
        for row in block.rows:
            grid.add_row(*(Text(printable(cell), style=_colour(cell)) for cell in row))
        console.print(Padding(grid, (0, 0, 0, block.indent)))


def _colour(cell: str) -> str:
    return _COLOURS.get(cell.partition(":")[0], "")
