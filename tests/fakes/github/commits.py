"""The commits of a repository: a graph, whose ancestry decides how two of them compare."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
SHA = re.compile(r"[0-9a-f]{40}")

Status = Literal["identical", "ahead", "behind", "diverged"]


@dataclass(frozen=True)
class Commit:
    """``workflows`` is the commit that last touched .github/workflows, as seen from here."""

    sha: str
    number: int  # a commit comes after its parents
    message: str
    parents: tuple[str, ...]
    workflows: str | None

    @property
    def touches_workflows(self) -> bool:
        return self.workflows == self.sha

    @property
    def tree(self) -> str:
        return hashlib.sha1(f"tree of {self.sha}".encode(), usedforsecurity=False).hexdigest()

    @property
    def at(self) -> datetime:
        return FIRST + timedelta(minutes=self.number)


@dataclass(frozen=True)
class Comparison:
    """``ahead`` are the commits that head has and base has not, oldest first."""

    base: Commit
    merge_base: Commit
    ahead: list[Commit]
    behind_by: int

    @property
    def status(self) -> Status:
        if self.ahead:
            return "diverged" if self.behind_by else "ahead"
        return "behind" if self.behind_by else "identical"


class Graph:
    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._commits: dict[str, Commit] = {}

    def add(self, message: str, parents: tuple[str, ...], *, touches_workflows: bool, sha: str | None) -> Commit:
        number = len(self._commits)
        made = hashlib.sha1(f"{self._seed} {number} {message} {parents}".encode(), usedforsecurity=False).hexdigest()
        sha = sha or made
        assert SHA.fullmatch(sha), f"{sha!r} is no commit id of 40 hex digits"
        assert sha not in self._commits, f"{sha} is there already"
        inherited = self._commits[parents[0]].workflows if parents else None
        commit = Commit(sha, number, message, parents, sha if touches_workflows else inherited)
        self._commits[sha] = commit
        return commit

    def get(self, sha: str) -> Commit | None:
        return self._commits.get(sha)

    def find(self, prefix: str) -> Commit | None:
        """The one commit whose id begins so; four digits are the least that git takes."""
        found = [commit for sha, commit in self._commits.items() if sha.startswith(prefix)]
        return found[0] if len(prefix) >= 4 and len(found) == 1 else None

    def ancestry(self, sha: str) -> list[Commit]:
        """A commit and all that came before it, newest first."""
        seen: set[str] = set()
        ahead = [sha]
        while ahead:
            here = ahead.pop()
            if here not in seen:
                seen.add(here)
                ahead.extend(self._commits[here].parents)
        return sorted((self._commits[each] for each in seen), key=lambda commit: -commit.number)

    def compare(self, base: Commit, head: Commit) -> Comparison | None:
        """How head stands to base; None: they have no ancestor in common."""
        old, new = self.ancestry(base.sha), self.ancestry(head.sha)
        shared = {commit.sha for commit in old} & {commit.sha for commit in new}
        if not shared:
            return None
        merge_base = next(commit for commit in new if commit.sha in shared)
        ahead = [commit for commit in reversed(new) if commit.sha not in shared]
        return Comparison(base, merge_base, ahead, behind_by=len(old) - len(shared))
