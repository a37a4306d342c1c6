"""What a plugin contributes, as the JSON that the policies are asked with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from launchplane_gate import strictjson

DEEPEST = strictjson.MAX_DEPTH - 2  # it stands at input.evidence.PLUGIN


class NoEvidence(Exception):
    """Why what a plugin contributes cannot be asked with: the place in it, and never a value, which may be secret."""


def as_evidence(contributed: Any) -> dict[str, Any] | None:
    """A mapping, or a contract without what was not set, at whatever depth. Raises NoEvidence for what is no JSON."""
    if contributed is None:
        return None
    if not isinstance(contributed, Mapping | BaseModel):
        what = (
            f"the class {contributed.__name__}" if isinstance(contributed, type) else f"a {type(contributed).__name__}"
        )
        raise NoEvidence(f"it is {what}, and no mapping")
    plain = _plain(contributed)
    try:
        read = strictjson.loads(strictjson.dumps(plain).encode(), max_depth=DEEPEST)
    except UnicodeEncodeError:
        raise NoEvidence("it has text that is not UTF-8") from None
    except strictjson.NotStrictJson as error:
        raise NoEvidence(f"it {error}") from None
    except ValueError:
        raise NoEvidence("it has a number that is not JSON") from None
    assert isinstance(read, dict)
    return read


def _plain(value: Any, *place: str) -> Any:
    where = ".".join(place) or "it"
    if len(place) > DEEPEST:
        raise NoEvidence(f"it is nested more than {DEEPEST} levels deep")
    if isinstance(value, BaseModel):
        try:
            return value.model_dump(mode="json", exclude_unset=True)
        except (PydanticSerializationError, ValueError, RecursionError):
            raise NoEvidence(f"{where} is a {type(value).__name__} that holds what is not JSON") from None
    if isinstance(value, Mapping):
        if odd := [key for key in value if not isinstance(key, str)]:
            raise NoEvidence(f"a key in {where} is no text, but of the type {type(odd[0]).__name__}")
        return {key: _plain(item, *place, key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, *place, str(number)) for number, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise NoEvidence(f"{where} is {value}, which is not JSON")
    if value is None or isinstance(value, str | int | float):
        return value
    raise NoEvidence(f"{where} is of the type {type(value).__name__}, which is not JSON")
