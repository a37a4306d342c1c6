"""What an answer comes down to for the tools of CI: the points that were looked at, and what came of each.

The formats ``github``, ``junit``, ``sarif`` and ``markdown`` are made of this alone: whatever is told as a ``Report``
can be had in all of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Outcome = Literal["pass", "waived", "skipped", "fail", "error"]
"""``error``: nobody could tell, which is no pass. ``waived``: it failed, and somebody who may took that upon them."""


@dataclass(frozen=True)
class Place:
    """A line of a file, as people name it, from where they are or from the root."""

    file: str
    line: int = 1

    def __str__(self) -> str:
        return f"{self.in_repository}:{self.line}"

    @property
    def in_repository(self) -> str:
        """The file as CI names it: from the root of its repository, or in full where it is in none."""
        path = Path(os.path.abspath(self.file))  # noqa: PTH100  # as it is named: a link is not followed
        root = next((folder for folder in path.parents if (folder / ".git").exists()), Path.cwd())
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


@dataclass(frozen=True)
class Point:
    """One thing that was looked at: a rule, a test, a file.

    ``code`` names what it is held to, the same in every run; ``name`` is its own, within the report, and begins with
    its ``group`` where it is in one. ``title`` is the sentence that should be true, ``message`` what was seen,
    ``remedy`` what to do.
    """

    code: str
    name: str
    outcome: Outcome
    title: str = ""
    message: str = ""
    remedy: str = ""
    place: Place | None = None
    group: str = ""
    duration_s: float = 0


@dataclass(frozen=True)
class Report:
    """``name`` is that of the command; ``headline`` says what was asked, and what came of it.

    ``failed`` is the word for what did not come out well, ``noted`` the one for what did not and is let pass.
    """

    name: str
    headline: str
    points: Sequence[Point]
    facts: Sequence[tuple[str, str]] = ()
    failed: str = "failed"
    noted: str = "waived"

    @property
    def words(self) -> dict[Outcome, str]:
        return {
            "pass": "passed",
            "waived": self.noted,
            "skipped": "to be done",
            "fail": self.failed,
            "error": "not known",
        }

    def of(self, *outcomes: Outcome) -> list[Point]:
        """The points with one of these outcomes, the first outcome first."""
        return [point for outcome in outcomes for point in self.points if point.outcome == outcome]
