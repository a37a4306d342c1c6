"""Moments as texts: the one form in which they are written, kept and put to the policies."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds and ``Z``, the only form that the policies take."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@lru_cache(maxsize=4096)
def unstamp(text: str) -> datetime | None:
    """The moment that an RFC 3339 text in UTC with ``Z`` names, or None."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", text, re.ASCII):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
