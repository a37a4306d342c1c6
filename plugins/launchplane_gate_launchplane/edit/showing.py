"""The edit as a patch, whose hunks say why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import unified_diff

from launchplane_gate_launchplane.edit.checkout import FileEdit
from launchplane_gate_launchplane.edit.source import Change

HUNK = re.compile(r"@@ -(?P<first>\d+)(?:,(?P<count>\d+))? \+\S+ @@")


def patch(edits: Iterable[FileEdit]) -> Iterator[str]:
    """The lines of a patch that ``git apply`` takes; a hunk's reasons stand where git puts the function's name."""
    for edit in edits:
        before = "/dev/null" if edit.before is None else f"a/{edit.name}"
        old, new = (edit.before or "").splitlines(keepends=True), edit.after.splitlines(keepends=True)
        for line in unified_diff(old, new, before, f"b/{edit.name}"):
            if (hunk := HUNK.match(line)) is not None:
                first, count = int(hunk["first"]), int(hunk["count"] or 1)
                yield f"{line.rstrip()} {'; '.join(_reasons(edit.changes, first, first + count))}\n"
            else:
                yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _reasons(changes: Iterable[Change], first: int, end: int) -> Iterator[str]:
    for change in changes:
        if change.first <= max(end, 1) and max(change.first, change.last) >= first:
            yield change.why
