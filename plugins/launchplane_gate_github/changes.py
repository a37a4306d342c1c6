"""The commits that a release brings, for its notes."""

from __future__ import annotations

from github import GithubException
from github.Repository import Repository

from launchplane_gate_github import published
from launchplane_gate_github.errors import GitHubError, explained
from launchplane_gate_github.notes import MOST_LINES, Changes


def changes_since(shop: Repository, version: str | None, commit: str) -> Changes:
    """What lies between the release before and a commit, as far as GitHub tells: no release is held up by it."""
    if version is None:
        return Changes(None)
    try:
        with explained(shop.full_name, "notes"):
            base = published.tag_commit(shop, version)
            if base is None:
                return Changes(version, unknown=f"What came since {version} is not known: its tag is gone.")
            commits, more, behind = _between(shop, base, commit)
            without, more_without, _ = _between(shop, commit, base) if behind else ((), 0, 0)
            return Changes(version, commits, more, without=without, more_without=more_without)
    except (GitHubError, GithubException):
        return Changes(version, unknown=f"What came since {version} could not be read.")


def _between(shop: Repository, base: str, head: str) -> tuple[tuple[tuple[str, str], ...], int, int]:
    """The newest commits that head has and base has not, how many more there are, and how many base has alone."""
    _, said = shop.requester.requestJsonAndCheck("GET", f"{shop.url}/compare/{base}...{head}")
    # GitHub shows the newest 250 where no page is asked for, oldest first
    shown = tuple((str(one["sha"]), _subject(one["commit"]["message"])) for one in said["commits"])[-MOST_LINES:]
    return shown, int(said["ahead_by"]) - len(shown), int(said["behind_by"])


def _subject(message: str) -> str:
    return next(iter(message.strip().splitlines()), "")
