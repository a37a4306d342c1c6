"""JSON as the gate reads and writes it: bounded, finite, without duplicate keys, and canonical for digests."""

from __future__ import annotations

import hashlib
import json
from typing import Any

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1  # beyond it the Rego engines differ

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class NotStrictJson(ValueError):
    """What is wrong with a text that was read as JSON."""


def loads(
    text: str | bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, any_integer: bool = False
) -> Any:
    """Parse one JSON document.

    Raises NotStrictJson for more than ``max_bytes`` bytes or ``max_depth`` levels, a duplicate key, NaN, an infinity,
    an integer beyond 2^53 (unless ``any_integer``: where no number is read) or text that is not UTF-8.
    """
    if len(text) > max_bytes:
        raise NotStrictJson(f"is larger than {max_bytes} bytes")
    try:
        if isinstance(text, bytes):  # json would take UTF-16 and UTF-32 too; a lone surrogate of ours is kept
            text = text.decode("utf-8", "surrogatepass")
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=str if any_integer else _exact,
        )
    except RecursionError:
        raise NotStrictJson(f"is nested more than {max_depth} levels deep") from None
    except UnicodeDecodeError as error:
        raise NotStrictJson(f"is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise NotStrictJson(f"is not JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    _bound_depth(value, max_depth)
    return value


def dumps(value: Any) -> str:
    """Canonical JSON: sorted keys, no white space, finite numbers only."""
    return _CANONICAL.encode(value)


def digest(value: Any) -> str:
    """The hex SHA-256 of a value's canonical JSON."""
    return sha256(dumps(value).encode("utf-8", "surrogatepass"))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add returns None
        raise NotStrictJson(f"has the key {twice[:80]!r} twice in one object")
    return result


def _refuse(name: str) -> Any:
    raise NotStrictJson(f"has {name}, which is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise NotStrictJson(f"has a number out of range: {text[:40]}")
    return number


def _exact(text: str) -> int:
    if len(text) > 17 or abs(number := int(text)) > MAX_INTEGER:  # noqa: PLR2004  # 16 digits and a sign hold every such integer
        raise NotStrictJson(f"has an integer beyond 2^53: {text[:40]}")
    return number


def _bound_depth(value: Any, max_depth: int) -> None:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(max_depth):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) is dict or type(child) is list  # as the parser makes them; a call each would cost more
        ]
        if not level:
            return
    raise NotStrictJson(f"is nested more than {max_depth} levels deep")
