"""What may be shown of a text that others wrote: nothing in it steers a terminal, makes a line, hides or gives orders.

``one_line`` is for a value, ``unheard`` for a whole text of lines that we made: all text leaves through both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST = 2000  # letters of one value; the longest command that we have anybody type has 1200

# Letters and marks to Unicode, and nothing to whoever reads; all other ones that do not show are not printable.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# What a CI runner takes for a command: `::name::` that begins a line, after blanks, and `##[name]` anywhere in it.
# Source: ActionCommand of actions/runner; `##vso[` and `##teamcity[` are those of other runners.
_BEGINS = re.compile(r"^([^\S\n]*)::", re.MULTILINE)
_ANYWHERE = re.compile(r"#(?=#[A-Za-z]{0,20}\[)")


def one_line(text: str) -> str:
    """A value with whatever is no letter of its own written out, a newline too, and cut where it is very long."""
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text) - LONGEST} more)"
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in shown)
    return _UNSEEN.sub(lambda char: ascii(char[0])[1:-1], shown)


def unheard(text: str) -> str:
    """A text in which no runner finds a command: a backslash stands before its first sign."""
    return _ANYWHERE.sub(r"#\\", _BEGINS.sub(r"\1\\::", text))


def lines_of(cell: str | Sequence[str]) -> list[str]:
    """The lines of a cell: one for a text, whatever is in it; more only where there are several texts."""
    return [one_line(line) for line in ([cell] if isinstance(cell, str) else cell)] or [""]
