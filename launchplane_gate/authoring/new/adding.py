"""Adding an entry to a list in a JSON text that people keep: all else in it stays as they wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

_INDENT = "  "
_BLANK = re.compile(r"\s*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class _Part:
    """A member or an entry: where it begins, where its value does, and where both end."""

    key: str | None
    start: int
    value: int
    end: int


def with_entry(text: str, place: Sequence[str], entry: str) -> str:
    """The text with a further entry at the end of a list, which is made, with what stands above it, where it is not.

    The text is JSON and an object, with objects down to the list.
    """
    at = _past_blanks(text, 0)
    for depth, key in enumerate(place):
        parts = _parts(text, at)
        within = next((part for part in parts if part.key == key), None)
        if within is None:
            return _inserted(text, at, parts, f"{json.dumps(key)}: {_made(place[depth + 1 :], entry)}")
        at = within.value
    return _inserted(text, at, _parts(text, at), json.dumps(entry))


def _made(place: Sequence[str], entry: str) -> str:
    value: object = [entry]
    for key in reversed(place):
        value = {key: value}
    return json.dumps(value, indent=len(_INDENT))


def _inserted(text: str, at: int, parts: Sequence[_Part], new: str) -> str:
    """``new`` as the last part of what begins ``at``: on a line of its own where the one before it has one."""
    if not parts:
        indent = _indent_of(text, at)
        inner = new.replace("\n", f"\n{indent}{_INDENT}")
        return f"{text[: at + 1]}\n{indent}{_INDENT}{inner}\n{indent}{text[_past_blanks(text, at + 1) :]}"
    last = parts[-1]
    indent = _indent_of(text, last.start)
    alone = text[: last.start].endswith(f"\n{indent}")
    separator = f",\n{indent}" if alone else ", "
    return text[: last.end] + separator + new.replace("\n", f"\n{indent}") + text[last.end :]


def _parts(text: str, at: int) -> list[_Part]:
    parts: list[_Part] = []
    is_object = text[at] == "{"
    here = _past_blanks(text, at + 1)
    while text[here] not in "]}":
        start, key = here, None
        if is_object:
            key, here = _DECODER.raw_decode(text, here)
            here = _past_blanks(text, _past_blanks(text, here) + 1)
        _, end = _DECODER.raw_decode(text, here)
        parts.append(_Part(key, start, here, end))
        here = _past_blanks(text, end)
        here = _past_blanks(text, here + 1) if text[here] == "," else here
    return parts


def _past_blanks(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _indent_of(text: str, at: int) -> str:
    """The blanks that the line of a place begins with."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]
