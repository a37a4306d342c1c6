"""On which line of a JSON text something stands, for people who have to mend it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

Place = tuple[str | int, ...]
"""The keys and indices that lead to a value. The last one may be an entry of a list of texts itself."""

_TOKEN = re.compile(r'\n|"(?:[^"\\\n]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+')


def lines_of(text: str) -> dict[Place, int]:
    """The line on which each value starts, or its key where it has one. The text is JSON."""
    lines: dict[Place, int] = {(): 1}
    above: list[str | int] = []  # the key or index at hand, for each container that is open
    line, before = 1, ""
    for piece in _TOKEN.findall(text):
        if piece == "\n":
            line += 1
            continue
        if piece in ("{", "["):
            lines.setdefault(tuple(above), line)
            above.append("" if piece == "{" else 0)
        elif piece in ("}", "]"):
            above.pop()
        elif piece == "," and isinstance(above[-1], int):
            above[-1] += 1
        elif piece.startswith('"') and before in ("{", ",") and isinstance(above[-1], str):
            above[-1] = json.loads(piece)
            lines[tuple(above)] = line
        elif piece not in (":", ","):
            lines.setdefault(tuple(above), line)
        before = piece
    return lines


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
