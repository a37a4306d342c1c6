"""Commits as GitHub has them: whether one is there, which branch contains it, and how two of them compare."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from github import GithubException
from github.Repository import Repository

from launchplane_gate_github.evidence import ComparisonFacts

MOST_FILES = 300  # a comparison tells no more of them
WORKFLOWS = ".github/workflows/"

T = TypeVar("T")

_SHA = re.compile(r"[0-9a-f]{40}")


def is_whole(commit: str) -> bool:
    """Whether this names one commit and no branch or tag: only that is asked about."""
    return bool(_SHA.fullmatch(commit))


def exists(repository: Repository, commit: str) -> bool:
    found = _or_none(lambda: repository.get_git_commit(commit).sha)
    if found not in (None, commit):
        raise ValueError
    return found is not None


def contains(repository: Repository, branch: str, commit: str) -> bool:
    """Whether a commit is on a branch; the branch by its head, since a tag may have its name too."""
    head = _or_none(lambda: repository.get_branch(branch).commit.sha)
    if head is None:
        return False
    compared = compare(repository, base=commit, head=head)
    return compared is not None and compared.status in ("ahead", "identical")


def compare(repository: Repository, *, base: str, head: str) -> ComparisonFacts | None:
    """How head stands to base; None where the repository lacks one, or they have no ancestor in common."""
    said = _compared(repository, base=base, head=head)
    if said is None:
        return None
    return ComparisonFacts(base=base, **{name: said[name] for name in ("status", "ahead_by", "behind_by")})


def changes_workflows(repository: Repository, commit: str) -> bool | None:
    """Whether the workflows of a commit are other than those of the default branch; None where that is not told.

    GitHub lets nobody make a tag there who may not change workflows.
    """
    head = repository.get_branch(repository.default_branch).commit.sha
    said = _compared(repository, base=commit, head=head)
    found = _has_workflows(said)
    if found is False and said and said["behind_by"]:  # and has commits of its own
        found = _has_workflows(_compared(repository, base=head, head=commit))
    return found


def _has_workflows(said: dict[str, Any] | None) -> bool | None:
    if said is None:
        return None
    names = [str(file["filename"]) for file in said["files"]]
    if any(name.startswith(WORKFLOWS) for name in names):
        return True
    return None if len(names) >= MOST_FILES else False


def _compared(repository: Repository, *, base: str, head: str) -> dict[str, Any] | None:
    if base == head:
        return {"status": "identical", "ahead_by": 0, "behind_by": 0, "files": []}
    return _or_none(lambda: repository.compare(base, head, comparison_commits_per_page=1).raw_data)


def _or_none(read: Callable[[], T]) -> T | None:
    """What is read, or None where GitHub answers 404, which it says in more words than PyGithub knows."""
    try:
        return read()
    except GithubException as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None
