"""What a repository that was renamed or transferred is called now, as far as GitHub tells it at its own address."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from github import GithubException

from launchplane_gate_github.errors import GitHubError
from launchplane_gate_github.wire import Redirected, WireRequester


def moved(requester: WireRequester, error: Redirected, name: Callable[[], str]) -> GitHubError:
    """The error that names the new name; ``name`` asks for that, and may raise where it cannot be had.

    It is asked for at no other server than the one that redirected.
    """
    here, there = urlsplit(requester.server.url), urlsplit(error.location)
    if (there.scheme, there.netloc) != (here.scheme, here.netloc):
        what = "what answers redirects to another server, where nobody was asked; is base_url right?"
        return GitHubError(what, "odd", status=error.status)
    try:
        now = name()
    except (GitHubError, GithubException, AssertionError, IndexError, KeyError, TypeError, ValueError):
        return error
    what = f"it is called {now} now; give that name where the settings or the product's profile name it"
    return GitHubError(what, "moved", status=error.status)
