"""Which tests to run: those whose full name one of some patterns fits."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

from launchplane_gate.errors import PolicyError

_GLOB = re.compile(r"[*?\[]")


class Only:
    """A pattern is a part of the name or, with ``*``, ``?`` or ``[...]`` in it, fits the whole of it. None: all do."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._patterns = tuple(patterns)
        self._fitted: set[str] = set()

    def takes(self, name: str) -> bool:
        fitting = [pattern for pattern in self._patterns if _fits(pattern, name)]
        self._fitted.update(fitting)
        return bool(fitting) or not self._patterns

    def see_that_all_fitted(self) -> None:
        """Raises PolicyError for a pattern that no name fitted: what was to run did not."""
        for pattern in self._patterns:
            if pattern not in self._fitted:
                raise PolicyError(f"no test is called {pattern!r}", hint="Nothing is told of the others.")


def _fits(pattern: str, name: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) if _GLOB.search(pattern) else pattern in name
