"""Which patterns a policy may use: of regular expressions, only what the engines read in the same way."""

from __future__ import annotations

import re

MOST = 1000  # characters, repetitions counted; OPA repeats nothing more often

_ESCAPED = r"\\[\\.^$*+?(){}\[\]|/-]"
_TOKEN = re.compile(
    rf"""(?P<set>\[\^?-?(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9 _.,:;/@+*=!%\#'"()<>?$|{{}}]|{_ESCAPED})+-?\])
    |(?P<open>\((?:\?:)?)
    |(?P<close>\))
    |(?P<or>\|)
    |(?P<edge>[\^$])
    |(?P<times>[*+?]|\{{(?P<low>[0-9]{{1,4}})(?:,(?P<high>[0-9]{{0,4}}))?\}})
    |(?P<one>[A-Za-z0-9 _.,:;/@=!%\#'"<>&~-]|{_ESCAPED})""",
    re.VERBOSE,
)
_RANGE = re.compile(r"([A-Za-z0-9])-([A-Za-z0-9])")


def fault_of_pattern(pattern: str) -> str | None:
    """What keeps the engines from reading a pattern in the same way, if anything does."""
    place, groups = 0, [0]
    last = 0  # the size of what may be repeated now; 0 where nothing may
    while place < len(pattern):
        token = _TOKEN.match(pattern, place)
        if token is None:
            return f"`{pattern[place : place + 2]}` in a pattern is not read by all engines in the same way"
        place = token.end()
        if token["set"]:
            if any(low > high for low, high in _RANGE.findall(token[0])):
                return f"`{token[0]}` in a pattern has a range that ends before it starts"
            last = 1
        elif token["open"]:
            groups.append(0)
        elif token["close"]:
            if len(groups) == 1:
                return "a bracket of the pattern is not opened"
            last = max(groups.pop(), 1)
        elif token["times"]:
            if not last:
                return f"`{token[0]}` in a pattern repeats nothing, or what is repeated already"
            low, high = int(token["low"] or 1), int(token["high"] or token["low"] or 1)
            if high < low:
                return f"`{token[0]}` in a pattern ends before it starts"
            groups[-1] += last * (max(high, 1) - 1)
            last = 0
        else:
            last = 1 if token["one"] else 0
        groups[-1] += last
        if sum(groups) > MOST:
            return f"the pattern is longer than {MOST} characters, repetitions counted"
    return "a bracket of the pattern is not closed" if len(groups) > 1 else None
