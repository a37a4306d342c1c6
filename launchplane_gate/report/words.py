"""Words and figures as people read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_REVISION = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])")
_MOMENT = re.compile(r"(?<![\w:.-])\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z(?![\w:-])")
_UNITS = ((86400, "day"), (3600, "h"), (60, "min"), (1, "s"))


def brief(text: str, now: datetime | None = None) -> str:
    """A text for people: revisions and digests cut to seven digits, moments as on a clock.

    A command between backquotes stands whole, to be pasted.
    """
    parts = text.split("`")
    return "`".join(part if number % 2 else _brief(part, now) for number, part in enumerate(parts))


def exact(text: str) -> str:
    """A text for authors of policies: revisions and digests cut to seven digits, and all else as it stands."""
    return _REVISION.sub(lambda match: match[0][:7], text)


def _brief(text: str, now: datetime | None) -> str:
    return _MOMENT.sub(lambda match: _clock(match[0], now or datetime.now(UTC)), exact(text))


def _clock(text: str, now: datetime) -> str:
    """``14:30 UTC (2 min ago)``, with the day where it is not today's."""
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return text
    at = moment.strftime("%H:%M UTC" if moment.date() == now.astimezone(UTC).date() else "%Y-%m-%d %H:%M UTC")
    return f"{at} ({ago(text, now)})" if moment <= now else at


def ago(moment: str | None, now: datetime | None = None) -> str:
    """How long ago an RFC 3339 text was, in its largest unit; the text itself where it names no moment."""
    try:
        seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(moment or "")).total_seconds()
    except (ValueError, TypeError):
        return moment or "-"
    return f"{span(seconds)} ago" if seconds >= 1 else "just now" if seconds > -1 else f"in the future ({moment})"


def span(seconds: float) -> str:
    """Seconds in the largest unit that they fill: ``12 min``; below ten seconds with a tenth."""
    for size, unit in _UNITS:
        if seconds >= size and (size > 1 or seconds >= 10):  # noqa: PLR2004  # from ten on a tenth says nothing
            number = int(seconds // size)
            return f"{number} {unit}{'s' if unit == 'day' and number > 1 else ''}"
    return f"{max(seconds, 0):.1f} s"


def count(number: int, thing: str, things: str = "") -> str:
    """``1 rule``, ``2 rules``."""
    return f"{number} {thing if number == 1 else things or thing + 's'}"
