"""What can go wrong with GitHub, told without a word of what GitHub said: that may hold a secret."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Literal

from github import BadAttributeException, GithubException

Kind = Literal[
    "refused",  # 401: GitHub does not take the identity
    "forbidden",  # 403, or a permission that was not granted
    "not_found",  # 404: it is not there, or not for this identity
    "moved",  # the repository has another name now
    "invalid",  # 409, 422 and the like: what was asked breaks a rule of the repository
    "limited",  # asked too often
    "away",  # no answer, or a 5xx: may be gone a moment later
    "odd",  # an answer that is not GitHub's
]


class GitHubError(Exception):
    """A call that did not do what it was to do: with which repository, what is wrong, and what to do about it.

    ``acted``: GitHub may have acted on it all the same, so whoever wrote has to read back. ``status`` is 0 where
    there was no answer. ``wait_s``: for how long GitHub wants not to be asked, where it was asked too often.
    """

    def __init__(
        self,
        what: str,
        kind: Kind,
        *,
        status: int = 0,
        acted: bool = False,
        repository: str = "",
        wait_s: float = 0,
    ) -> None:
        super().__init__(what)
        self.what, self.kind, self.status, self.acted, self.repository = what, kind, status, acted, repository
        self.wait_s = wait_s

    def __str__(self) -> str:
        return f"{self.repository}: {self.what}" if self.repository else self.what


@contextmanager
def explained(repository: str, place: str, *, writes: bool = False) -> Iterator[None]:
    """Turn whatever PyGithub raises into a GitHubError. ``place``: where the settings name the identity that asks."""
    try:
        yield
    except GitHubError as error:
        error.repository = error.repository or repository
        raise
    except GithubException as error:
        raise _refusal(error.status, repository, place, writes=writes) from None
    except (BadAttributeException, AssertionError, AttributeError, KeyError, OverflowError, TypeError, ValueError):
        raise GitHubError(ODD, "odd", acted=writes, repository=repository) from None


ODD = "what answers has not the form of GitHub's API; is base_url in [plugins.github] right?"


def _refusal(status: int, repository: str, place: str, *, writes: bool) -> GitHubError:
    kind, what = _words(status, place)
    acted = writes and status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return GitHubError(what, kind, status=status, acted=acted, repository=repository)


def _words(status: int, place: str) -> tuple[Kind, str]:
    if status == HTTPStatus.UNAUTHORIZED:
        return "refused", f"GitHub refuses the identity (401), it is wrong, expired or revoked; renew {place}"
    if status == HTTPStatus.FORBIDDEN:
        return "forbidden", f"the identity may not do this (403); give {place} the permission for contents"
    if status == HTTPStatus.NOT_FOUND:
        return "not_found", f"GitHub shows nothing there (404); see that the name is right, and that {place} has access"
    if status in (HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT):
        return "moved", "GitHub redirects, as it does for what was renamed; give the name of today"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "away", f"GitHub answers with status {status}; try again once it is well"
    return "invalid", f"GitHub refuses what was asked (status {status}); see the rules of the repository"
