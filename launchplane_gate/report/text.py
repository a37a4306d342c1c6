"""Text for people: lines and tables, aligned in a pipe, folded and coloured on a terminal.

Colour is taken from the words that stand there, so nothing can be told by colour alone. A text is one line, whatever
is in it: only what we put into several texts has several lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, TextIO

from launchplane_gate.report.safe import lines_of, one_line, unheard

if TYPE_CHECKING:
    from rich.console import Console

_GAP = "   "
_WIDEST = 160  # letters that a cell may push the next column away
_COLOURS = {
    "x": "bold red",
    "not ok": "bold red",
    "unsettled": "bold yellow",
    "held": "bold yellow",
    "w": "yellow",
    "ok": "green",
    "settled": "green",
}


Cell = str | tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells; a cell that is a tuple has several lines."""

    rows: Sequence[Sequence[Cell]]
    header: Sequence[str] = ()
    indent: int = 2


Block = str | Table
"""A line, or a table. A line that is a command to type is neither cut nor folded."""


def plain(blocks: Sequence[Block]) -> str:
    """Aligned text that ends with a newline."""
    return unheard("".join(f"{line}\n" for block in blocks for line in _lines(block)))


def _lines(block: Block) -> list[str]:
    if isinstance(block, str):
        return [one_line(block).rstrip()]
    rows = [[lines_of(cell) for cell in row] for row in (block.header, *block.rows) if row]
    columns = zip_longest(*rows, fillvalue=[""])
    widths = [min(_WIDEST, max(len(line) for cell in column for line in cell)) for column in columns]
    return [
        (" " * block.indent + _GAP.join(text.ljust(width) for text, width in zip(line, widths, strict=False))).rstrip()
        for row in rows
        for line in zip_longest(*row, fillvalue="")
    ]


def on_terminal(blocks: Sequence[Block], file: TextIO) -> None:
    """Print in the width and the colours of a terminal; plainly without the extra ``console``."""
    try:
        from rich.console import Console  # noqa: PLC0415  # only a terminal needs it
    except ModuleNotFoundError:
        file.write(plain(blocks))
        return
    console = Console(file=file, highlight=False)
    with console.capture() as shown:
        _print(blocks, console)
    file.write(unheard(shown.get()))  # a cell was folded, and any part of it may begin a line now


def _print(blocks: Sequence[Block], console: Console) -> None:
    from rich.padding import Padding  # noqa: PLC0415
    from rich.table import Table as Grid  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    for block in blocks:
        if isinstance(block, str):
            console.print(Text(one_line(block)), soft_wrap=True)
            continue
        grid = Grid(box=None, show_header=bool(block.header), padding=(0, len(_GAP), 0, 0), header_style="bold")
        columns = max((len(row) for row in (block.header, *block.rows)), default=0)
        for number in range(columns):
            name = block.header[number] if number < len(block.header) else ""
            grid.add_column(name, overflow="fold", no_wrap=number < columns - 2)
        for row in block.rows:
            grid.add_row(*(Text("\n".join(lines_of(cell)), style=_colour(cell)) for cell in row))
        console.print(Padding(grid, (0, 0, 0, block.indent)))


def _colour(cell: Cell) -> str:
    return _COLOURS.get(lines_of(cell)[0].partition(":")[0], "")
