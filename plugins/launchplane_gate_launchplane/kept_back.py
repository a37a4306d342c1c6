"""The host's store as one of its executors has it while a run is under way: what it would record is kept back.

An executor records what it believes as soon as it believes it, an inventory included. Here only ``record`` writes, once
the lane was confirmed. What the executor wrote it reads again, as ever, and the run learns from it what was done.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

# The records that only ``record`` writes, by the attributes that tell one from another.
_KEYS = {
    "deployment_record": ("record_id",),
    "promotion_record": ("record_id",),
    "environment_inventory": ("context", "instance"),
    "release_tuple_record": ("context", "channel"),
}
_LISTS = {"list_environment_inventory": "environment_inventory"} | {
    f"list_{kind}s": kind for kind in _KEYS if kind != "environment_inventory"
}
_KEPT = re.compile(rf"(write|read)_({'|'.join(_KEYS)})")


class KeptBack:
    """All else than those records goes to the host's store, in and out."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._records: dict[str, dict[tuple[str, ...], Any]] = {kind: {} for kind in _KEYS}

    @property  # type: ignore[misc]  # so that it is an instance of the host's class, which the host asks for
    def __class__(self) -> type:
        return type(self._store)

    def __getattr__(self, name: str) -> Any:
        if found := _KEPT.fullmatch(name):
            act: Callable[..., Any] = self._write if found[1] == "write" else self._read
            return partial(act, found[2])
        if name in _LISTS:
            return partial(self._list, name)
        return getattr(self._store, name)

    def last(self, kind: str) -> Any:
        """The record of a kind that was written last, as it was written last; None where there was none."""
        return next(reversed(self._records[kind].values()), None)

    def _write(self, kind: str, record: Any) -> None:
        kept, key = self._records[kind], tuple(getattr(record, name) for name in _KEYS[kind])
        kept.pop(key, None)  # so that the last one stands last
        kept[key] = record.model_copy(deep=True)

    def _read(self, kind: str, *positional: str, **named: str) -> Any:
        asked = {name.removesuffix("_name"): value for name, value in named.items()}
        key = (*positional, *(asked[name] for name in _KEYS[kind][len(positional) :]))
        if key in self._records[kind]:
            return self._records[kind][key].model_copy(deep=True)
        return getattr(self._store, f"read_{kind}")(*positional, **named)

    def _list(self, name: str, *, limit: int | None = None, **asked: str) -> tuple[Any, ...]:
        """What was kept back stands first: it is newer than all that the store has."""
        kind = _LISTS[name]
        kept = self._records[kind]
        own = [record.model_copy(deep=True) for record in reversed(kept.values()) if _fits(record, asked)]
        others = [
            record
            for record in getattr(self._store, name)(**asked)
            if tuple(getattr(record, part) for part in _KEYS[kind]) not in kept
        ]
        return tuple([*own, *others][:limit])


def _fits(record: Any, asked: dict[str, str]) -> bool:
    return all(not value or getattr(record, name.removesuffix("_name")) == value for name, value in asked.items())
