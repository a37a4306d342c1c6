"""What is published: the commit of a tag, the release that is out under it, drafts, and everything there is.

Everything here reads, and raises what PyGithub raises, or GitHubError.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from itertools import islice
from typing import TypeVar

from github import GithubException
from github.GitRelease import GitRelease
from github.NamedUser import NamedUser
from github.Repository import Repository

from launchplane_gate_github.errors import GitHubError
from launchplane_gate_github.versions import number

MOST = 10_000  # releases, or tags, that GitHub shows of a repository
MOST_PEELED = 5  # tags of tags

T = TypeVar("T")


def tag_commit(shop: Repository, tag: str) -> str | None:
    """The commit that a tag stands for, annotated or not; None where there is no such tag."""
    try:
        points_at = shop.get_git_ref(f"tags/{tag}").object
    except GithubException as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None
    for _ in range(MOST_PEELED):
        if points_at.type == "commit":
            return points_at.sha
        if points_at.type != "tag":
            break
        points_at = shop.get_git_tag(points_at.sha).object
    raise GitHubError(f"the tag {tag} stands for no commit; see what it was made of", "odd")


def release_of(shop: Repository, tag: str) -> GitRelease | None:
    """The release that is out under a tag; a draft is none."""
    try:
        return shop.get_release(tag)
    except GithubException as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def by_id(shop: Repository, release_id: int) -> GitRelease | None:
    """A release as it is now, draft or not; None where it is gone."""
    try:
        return shop.get_release(release_id).complete()
    except GithubException as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def all_releases(shop: Repository) -> list[GitRelease]:
    """All of them, drafts only for those who may write."""
    return all_of(shop.get_releases(), "releases")


def is_out(release: GitRelease) -> bool:
    """Whether a release counts as one: a draft or a pre-release does not."""
    return release.draft is False and release.prerelease is False


def author_of(release: GitRelease) -> str:
    """The login of who made it; empty where GitHub shows nobody, as of a user who is gone."""
    author: NamedUser | None = release.author
    return author.login if author else ""


def shown_latest(shop: Repository) -> str | None:
    """The tag of the release that GitHub shows as the latest; None where it shows none."""
    try:
        return shop.get_latest_release().tag_name
    except GithubException as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def all_tags(shop: Repository) -> list[str]:
    return [tag.name for tag in all_of(shop.get_tags(), "tags")]


def versions_of(shop: Repository, commit: str) -> list[str]:
    """The tags on a commit that are versions, annotated or not."""
    return [tag.name for tag in all_of(shop.get_tags(), "tags") if tag.commit.sha == commit and number(tag.name)]


def all_of(pages: Iterable[T], what: str) -> list[T]:
    """Every one of a list that comes in pages. Raises GitHubError where there are more than GitHub shows."""
    found = list(islice(pages, MOST + 1))
    if len(found) > MOST:
        raise GitHubError(f"it has more than {MOST} {what}, and GitHub does not show them all", "odd")
    return found
