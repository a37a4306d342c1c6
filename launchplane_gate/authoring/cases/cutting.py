"""Cutting a question down to what matters: of all that makes it another than a good one, as little as has to stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from launchplane_gate.authoring.changes import MISSING, Change, Path, at, facts_in
from launchplane_gate.moments import unstamp

T = TypeVar("T")


def needed(parts: Sequence[T], holds: Callable[[Sequence[T]], bool]) -> list[T]:
    """Some of the parts for which it still holds, and of which none can be left out; they keep their order.

    It has to hold for all of them. Many are left out at once first, then fewer.
    """
    kept = list(parts)
    size = len(kept)
    while size:
        before, start = len(kept), 0
        while start < len(kept):
            fewer = kept[:start] + kept[start + size :]
            if holds(fewer):
                kept = fewer
            else:
                start += size
        if size > 1 or len(kept) == before:
            size //= 2
    return kept


def fewest(parts: Sequence[T], holds: Callable[[Sequence[T]], bool]) -> list[T]:
    """As ``needed``, leaving out from the beginning or from the end first, whichever leaves less."""
    forward, backward = needed(parts, holds), needed(parts[::-1], lambda fewer: holds(fewer[::-1]))[::-1]
    return backward if len(backward) < len(forward) else forward


def differences(good: Any, other: Any, path: Path = ()) -> Iterator[Change]:
    """Each fact in which one question differs from another, the parts of an object and of a list by themselves."""
    if isinstance(good, Mapping) and isinstance(other, Mapping) and (good or not other):
        for name in [*other, *(name for name in good if name not in other)]:
            yield from differences(good.get(name, MISSING), other.get(name, MISSING), (*path, name))
    elif isinstance(good, list | tuple) and isinstance(other, list | tuple):
        for index in range(min(len(good), len(other))):
            yield from differences(good[index], other[index], (*path, index))
        yield from (Change((*path, index), other[index]) for index in range(len(good), len(other)))
        yield from (Change((*path, index), MISSING) for index in range(len(good) - 1, len(other) - 1, -1))
    elif good is MISSING or other is MISSING or type(good) is not type(other) or good != other:
        yield Change(path, other)


def names_of_its_own(good: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, str]:
    """Texts that a good question has nowhere, and what that one has in their place, most often."""
    known = {fact for _, fact in facts_in(good) if isinstance(fact, str)}
    found: dict[str, Counter[str]] = {}
    for path, fact in facts_in(other):
        there = at(good, path)
        if isinstance(fact, str) and isinstance(there, str) and fact not in known and unstamp(fact) is None:
            found.setdefault(fact, Counter())[there] += 1
    return {own: names.most_common(1)[0][0] for own, names in found.items()}


def in_groups(names: Iterable[str]) -> list[list[str]]:
    """Names that go together: a repository, and each artifact in it."""
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(name.partition("@sha256:")[0], []).append(name)
    return list(groups.values())


def renamed(fact: Any, names: Mapping[str, str]) -> Any:
    """The same with other names, each wherever it stands as a whole."""
    if isinstance(fact, Mapping):
        return {name: renamed(one, names) for name, one in fact.items()}
    if isinstance(fact, list | tuple):
        return [renamed(one, names) for one in fact]
    return names.get(fact, fact) if isinstance(fact, str) else fact


def smaller(value: Any) -> Iterator[Any]:
    """The value with one entry or one name less."""
    if isinstance(value, list | tuple):
        yield from ([one for other, one in enumerate(value) if other != index] for index in range(len(value)))
    elif isinstance(value, Mapping):
        yield from ({name: one for name, one in value.items() if name != left_out} for left_out in value)
