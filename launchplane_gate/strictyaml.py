"""YAML as people write it for the gate: plain values of one meaning, bounded, and with the line where each stands.

Read is what JSON could say, in the form of YAML. What YAML has beside that is refused: anchors, aliases, merged keys,
tags, a second document, and a bare word that YAML 1.1 and 1.2 take for different things (`yes`, `0123`, `1e5`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

try:  # the same in C, which is ten times as fast, where PyYAML was built with it
    from yaml import CSafeLoader as _Loader
except ImportError:
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1  # beyond it the Rego engines differ

Path = tuple[str | int, ...]

_WORDS = {
    word: value
    for value, words in ((None, "null Null NULL"), (True, "true True TRUE"), (False, "false False FALSE"))
    for word in words.split()
} | {"": None, "~": None}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FRACTION = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_AMBIGUOUS = re.compile(
    r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF"
    r"|[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))"
    r"|\.(?:nan|NaN|NAN)"
)
_QUOTE = "put it into quotes if it is a text"


class NotStrictYaml(ValueError):
    """What is wrong with a text that was read as YAML, and on which line."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(f"{problem} (line {line})")
        self.problem, self.line = problem, line


@dataclass(frozen=True)
class Document:
    """A value, and the line of the key or list item at each path in it."""

    value: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of what stands there, or of the nearest that stands above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def loads(text: str | bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Document:
    """Parse one YAML document. Raises NotStrictYaml."""
    try:
        encoded = text.encode() if isinstance(text, str) else text
        if len(encoded) > max_bytes:
            raise NotStrictYaml(f"is larger than {max_bytes} bytes", 1)
        return _Reading(yaml.parse(encoded.decode(), Loader=_Loader), max_depth).document()
    except UnicodeDecodeError as error:
        raise NotStrictYaml(
            f"is not UTF-8 at byte {error.start}", error.object.count(b"\n", 0, error.start) + 1
        ) from None
    except UnicodeEncodeError:
        raise NotStrictYaml("has half a character (a lone surrogate), which is no UTF-8", 1) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        last = encoded.rstrip().count(b"\n") + 1  # what is missing is missed below it
        raise NotStrictYaml(f"is not YAML: {what}", min(mark.line + 1, last) if mark else 1) from None
    except (ValueError, OverflowError) as error:  # of an escape that names no character
        if isinstance(error, NotStrictYaml):
            raise
        raise NotStrictYaml("is not YAML: it has an escape that names no character", 1) from None


class _Reading:
    """One document, made of the parser's events as they come."""

    def __init__(self, events: Iterator[Any], max_depth: int) -> None:
        self._events = events
        self._max_depth = max_depth
        self._lines: dict[Path, int] = {}

    def document(self) -> Document:
        value: Any = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise NotStrictYaml("holds a second document; one file is one document", _line(event))
                first = next(self._events)
                self._lines[()] = _line(first)
                value = self._value(first, ())
        return Document(value, self._lines)

    def _value(self, event: Any, path: Path) -> Any:
        _refuse_beyond_json(event)
        if isinstance(event, yaml.ScalarEvent):
            return event.value if event.style else _plain(event.value, _line(event))
        if len(path) >= self._max_depth:
            raise NotStrictYaml(f"is nested more than {self._max_depth} levels deep", _line(event))
        return self._mapping(path) if isinstance(event, yaml.MappingStartEvent) else self._list(path)

    def _mapping(self, path: Path) -> dict[str, Any]:
        made: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = _key(event)
            if key in made:
                first = self._lines[*path, key]
                raise NotStrictYaml(f"has the key {key[:80]!r} twice; the first is on line {first}", _line(event))
            self._lines[*path, key] = _line(event)
            made[key] = self._value(next(self._events), (*path, key))
        return made

    def _list(self, path: Path) -> list[Any]:
        made: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            here = (*path, len(made))
            self._lines[here] = _line(event)
            made.append(self._value(event, here))
        return made


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _refuse_beyond_json(event: Any) -> None:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise NotStrictYaml("has an anchor or an alias; write out what it stands for", _line(event))
    if event.tag is not None:
        raise NotStrictYaml(f"has the tag {event.tag[:80]!r}; leave it out", _line(event))


def _key(event: Any) -> str:
    _refuse_beyond_json(event)
    if not isinstance(event, yaml.ScalarEvent):
        raise NotStrictYaml("has a key that is no text", _line(event))
    if not event.style and event.value in {"", "<<"}:
        problem = "merges keys (<<); write them out" if event.value else "has a value without a key"
        raise NotStrictYaml(problem, _line(event))
    return str(event.value)


def _plain(word: str, line: int) -> Any:
    """What a bare word means, in YAML 1.1 as in 1.2."""
    if word in _WORDS:
        return _WORDS[word]
    if _INTEGER.fullmatch(word):
        if len(word) > 17 or abs(number := int(word)) > MAX_INTEGER:  # noqa: PLR2004  # 16 digits and a sign hold every such integer
            raise NotStrictYaml(f"has an integer beyond 2^53, {word[:40]}; {_QUOTE}", line)
        return number
    if _FRACTION.fullmatch(word):
        if math.isinf(fraction := float(word)):
            raise NotStrictYaml(f"has a number out of range, {word[:40]}; {_QUOTE}", line)
        return fraction
    if _AMBIGUOUS.fullmatch(word):
        raise NotStrictYaml(
            f"has {word[:40]}, which not every reader of YAML takes for the same; {_remedy(word)}", line
        )
    return word


def _remedy(word: str) -> str:
    return f"write true or false, or {_QUOTE}" if word.isalpha() else f"write a decimal number, or {_QUOTE}"
