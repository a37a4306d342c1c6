"""Whose a release is: ours if it says which run made it, and its author is whom the journal noted before that.

The mark alone proves little: whoever can read a release can copy it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from github.GitRelease import GitRelease

from launchplane_gate.model import Run
from launchplane_gate_github.notes import marks
from launchplane_gate_github.published import author_of


@dataclass(frozen=True)
class Ours:
    """``authors``: by run, who may have made what there is of it; None where a gate noted nobody, and read it back."""

    run_id: str
    authors: Mapping[str, frozenset[str] | None] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run, others: Iterable[Run]) -> Ours:
        found: dict[str, frozenset[str] | None] = {}
        for one in (run, *others):
            told = one.publication
            if told and (told.authors or not told.published):
                found[one.run_id] = frozenset(told.authors)
            elif told:
                found[one.run_id] = None
        return cls(run.run_id, found)

    def made_by(self, author: str) -> Ours:
        """The same, once it is known who made what this run made."""
        known = self.authors.get(self.run_id) or frozenset()
        return replace(self, authors={**self.authors, self.run_id: known | {author}})

    @property
    def is_author_known(self) -> bool:
        return bool(self.authors.get(self.run_id))

    def has_made(self, release: GitRelease) -> bool:
        """Of a draft, too."""
        author = author_of(release)
        return any(self._made(mark, author) for mark in marks(release.body))

    def instead(self, release: GitRelease) -> str:
        """What a release is that we did not make, as a part of a sentence; empty for ours."""
        if self.has_made(release):
            return ""
        author, marked = author_of(release) or "somebody unknown", list(marks(release.body))
        kind = "a draft" if release.draft else "a pre-release" if release.prerelease else "a release"
        if known := [mark for mark in marked if mark in self.authors]:
            noted = ", ".join(sorted(self.authors[known[0]] or ())) or "nobody"
            return f"{kind} with the mark of {known[0]} by {author}, where the journal noted {noted}"
        by_run = f" with the mark of {marked[0]}" if marked else ""
        return f"{kind}{by_run} by {author}, which no run of this version made"

    def _made(self, mark: str, author: str) -> bool:
        if mark not in self.authors or not author:
            return False
        noted = self.authors[mark]
        return noted is None or author in noted
