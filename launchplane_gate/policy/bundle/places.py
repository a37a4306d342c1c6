"""On which line of a JSON text something stands, for people who have to mend it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

Place = tuple[str | int, ...]
"""The keys and indices that lead to a value. The last one may be an entry of a list of texts itself."""

_ENTRY = re.compile(r'"(?:[^"\\\n]|\\.)*"(?:[^\S\n]*,\s*)?')
_TOKEN = re.compile(r'\n|"(?:[^"\\\n]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+')


def lines_of(text: str) -> dict[Place, int]:
    """The line on which each value starts, or its key where it has one. The text is JSON."""
    lines: dict[Place, int] = {(): 1}
    for place, line, *_ in _starts(text):
        lines.setdefault(place, line)
    return lines


def without_entry(text: str, place: Place) -> str:
    """The text without one entry of a list: a place that is there, and a text itself. The text is JSON."""
    start = max(start for at, _, start, _ in _starts(text) if at == place)
    before, after = text[:start], _ENTRY.sub("", text[start:], count=1)
    if after.lstrip().startswith("]"):  # it was the last one
        before = before.rstrip().removesuffix(",")
        after = after if "\n" in after.partition("]")[0] else after.lstrip()
    return before + after


def line_of_repeated_key(text: str) -> int | None:
    """Where a key stands for the second time in one object. The text is JSON, but for that."""
    seen: set[Place] = set()
    for place, line, _, is_key in _starts(text):
        if is_key and place in seen:
            return line
        seen.update([place] if is_key else [])
    return None


def _starts(text: str) -> Iterator[tuple[Place, int, int, bool]]:
    """Each place of a text, its line and where it starts: that of a key, which it says, and then that of its value."""
    above: list[str | int] = []  # the key or index at hand, for each container that is open
    line, before = 1, ""
    for token in _TOKEN.finditer(text):
        piece, start = token[0], token.start()
        if piece == "\n":
            line += 1
            continue
        if piece in ("{", "["):
            yield tuple(above), line, start, False
            above.append("" if piece == "{" else 0)
        elif piece in ("}", "]"):
            above.pop()
        elif piece == "," and isinstance(above[-1], int):
            above[-1] += 1
        elif piece.startswith('"') and before in ("{", ",") and isinstance(above[-1], str):
            above[-1] = json.loads(piece)
            yield tuple(above), line, start, True
        elif piece not in (":", ","):
            yield tuple(above), line, start, False
        before = piece


def found(value: Any, place: Sequence[str | int]) -> Place:
    """As much of a place as there is in a value; a text that a list holds becomes its index."""
    there: list[str | int] = []
    for part in place:
        key = value.index(part) if isinstance(value, list) and part in value else part
        try:
            value = value[key]
        except (LookupError, TypeError):
            break
        there.append(key)
    return tuple(there)


def told(place: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in place)
