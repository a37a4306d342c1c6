"""Version numbers: which names are versions, which one is the latest, and which one follows it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from launchplane_gate.model import Bump

_FORM = re.compile(r"(v?)(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")
_LONGEST = 100  # that a version may be, by the gate's own contract


class Number(NamedTuple):
    """Compares as versions do."""

    major: int
    minor: int
    patch: int


def number(name: str) -> Number | None:
    """The version that a name is; None for any other name, such as that of a pre-release."""
    found = _FORM.fullmatch(name) if len(name) <= _LONGEST else None
    return Number(int(found[2]), int(found[3]), int(found[4])) if found else None


def latest(names: Iterable[str], *, before: str | None = None) -> str | None:
    """The highest version among names, or the highest below ``before``; of two spellings the one with a v."""
    limit = number(before) if before else None
    found = [(its, name) for name in names if (its := number(name)) and (limit is None or its < limit)]
    return max(found)[1] if found else None


def twin(name: str) -> str:
    """The other spelling of a version: with a v, or without."""
    return name.removeprefix("v") if name.startswith("v") else f"v{name}"


def following(name: str | None, bump: Bump) -> str:
    """The version that follows one; without any, the first."""
    prefix = "" if name and not name.startswith("v") else "v"
    major, minor, patch = (name and number(name)) or Number(0, 0, 0)
    following = {
        "major": Number(major + 1, 0, 0),
        "minor": Number(major, minor + 1, 0),
        "patch": Number(major, minor, patch + 1),
    }[bump]
    return prefix + ".".join(map(str, following))
