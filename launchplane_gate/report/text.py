"""Text for people: lines and tables, aligned in a pipe, folded and coloured on a terminal.

Colour is taken from the words that stand there, so nothing can be told by colour alone. A text is one line, whatever
is in it: only what we put into several texts has several lines.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from launchplane_gate.report.layout import COMMAND, Cell, Line, Table, folded, laid_out
from launchplane_gate.report.safe import one_line, unheard

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["Block", "Cell", "Table", "on_terminal", "plain"]

_HEADER = "bold"
_COLOURS = {
    "x": "bold red",
    "not ok": "bold red",
    "unsettled": "bold yellow",
    "held": "bold yellow",
    "drifted": "bold yellow",
    "not looked at": "bold yellow",
    "w": "yellow",
    "ok": "green",
    "settled": "green",
}

Block = str | Table
"""A line, or a table. A line that is a command to type, or names one, is neither cut nor folded."""


def plain(blocks: Sequence[Block], width: int | None = None) -> str:
    """Aligned text that ends with a newline, its tables and sentences folded to a ``width`` where there is one."""
    lines = ("".join(text for text, _ in line).rstrip() for line in _lines(blocks, width))
    return unheard("".join(f"{line}\n" for line in lines))


def _lines(blocks: Sequence[Block], width: int | None) -> Iterator[Line]:
    for block in blocks:
        if isinstance(block, Table):
            yield from laid_out(block, width)
        else:
            yield from ([(line, "")] for line in _sentence(one_line(block), width))


def _sentence(line: str, width: int | None) -> list[str]:
    """The lines of one, folded between words where it is nothing but words: what may be typed is left as it is."""
    if width is None or COMMAND in line or not line.endswith((".", ":")):
        return [line]
    blanks = line[: len(line) - len(line.lstrip())]
    return [f"{blanks}{part}" for part in folded(line.lstrip(), width - len(blanks))]


def on_terminal(blocks: Sequence[Block], file: TextIO) -> str:
    """A text in the width and the colours of a terminal; without them where the extra ``console`` is missing."""
    width, blocks = width_of(file), list(_written(blocks, file.encoding or "utf-8"))
    try:
        from rich.console import Console  # noqa: PLC0415  # only a terminal needs it
    except ModuleNotFoundError:
        return plain(blocks, width)
    console = Console(file=file, highlight=False)
    with console.capture() as shown:
        for line in _lines(blocks, width):
            console.print(_coloured(line), soft_wrap=True)
    return unheard(shown.get())  # a cell was folded, and any part of it may begin a line now


def width_of(file: TextIO) -> int | None:
    """The columns of a terminal, or those that ``COLUMNS`` names; None for a pipe, whose lines do not end."""
    with suppress(ValueError):
        if (columns := int(os.environ.get("COLUMNS", ""))) > 0:
            return columns
    with suppress(OSError, ValueError):
        return os.get_terminal_size(file.fileno()).columns or None
    return None


def _written(blocks: Sequence[Block], encoding: str) -> Iterator[Block]:
    """The same, with what a terminal has no letter for written out, so that it takes the room that it will take."""

    def written(text: str) -> str:
        return text.encode(encoding, "backslashreplace").decode(encoding)

    for block in blocks:
        if isinstance(block, str):
            yield written(block)
            continue
        rows = [
            [written(cell) if isinstance(cell, str) else tuple(map(written, cell)) for cell in row]
            for row in block.rows
        ]
        yield replace(block, rows=rows)


def _coloured(line: Line) -> Text:
    from rich.text import Text  # noqa: PLC0415

    parts = [(text, _HEADER if first is None else _COLOURS.get(first.partition(":")[0], "")) for text, first in line]
    text = Text.assemble(*parts)
    text.rstrip()
    return text
