"""The connection to GitHub, for everything in this package.

    github = GitHub.of(options, ...)                             # read_options(config) makes one; it asks nobody
    github = github.within(30)                                   # seconds, for all that is asked from here on
    shop = github.repository("acme/shop")                        # a github.Repository.Repository, read just now
    shop = github.repository("acme/shop", "release")             # as the one who publishes: contents: write
    shop = github.repository("acme/shop", "release", workflows=True)
    with github.explained("acme/shop", "release", writes=True):  # whatever PyGithub raises becomes a GitHubError
        shop.create_git_release(...)

Everything that PyGithub does with such a repository goes over wire.py: one request each, never repeated unless it is a
GET, no longer than the time that is left, following no redirect. It raises GithubException for a 4xx, which a caller
may want to tell apart (404, 422), and GitHubError for everything else; ``explained`` turns the former into that too.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Literal

from github import GithubException
from github.Auth import Auth
from github.Repository import Repository

from launchplane_gate_github.errors import GitHubError, explained
from launchplane_gate_github.identity import AppIdentity, Identity, Installation
from launchplane_gate_github.moved import moved
from launchplane_gate_github.wire import Redirected, Server, WireRequester

As = Literal["read", "release"]


@dataclass(frozen=True)
class GitHub:
    """A server and the two identities that ask it; ``release`` is None where the settings name nobody who publishes."""

    server: Server
    read: Identity
    release: Identity | None
    deadline: float = float("inf")

    def within(self, seconds: float) -> GitHub:
        """The same, with everything that is asked from now on done within so many seconds."""
        return replace(self, deadline=min(self.deadline, time.monotonic() + seconds))

    def identity(self, who: As) -> Identity:
        if who == "read":
            return self.read
        if self.release is None:
            what = "nobody is named who publishes; name an App or a token in [plugins.github.release_identity]"
            raise GitHubError(what, "refused")
        return self.release

    def explained(self, full_name: str, who: As = "read", *, writes: bool = False) -> AbstractContextManager[None]:
        """See errors.explained."""
        return explained(full_name, self.identity(who).place, writes=writes)

    def repository(self, full_name: str, who: As = "read", *, workflows: bool = False) -> Repository:
        """Read a repository, and be ready to go on with it. ``workflows``: with leave to publish changed workflows.

        Raises GitHubError, with the new name for one that has moved.
        """
        identity = self.identity(who)
        requester = self._requester(identity, full_name, workflows=workflows)
        with explained(full_name, identity.place):
            try:
                try:
                    found = _read(requester, full_name)
                except GithubException as error:
                    if error.status != HTTPStatus.UNAUTHORIZED or not identity.forget(full_name):
                        raise
                    requester = self._requester(identity, full_name, workflows=workflows)
                    found = _read(requester, full_name)
            except Redirected as error:
                raise moved(requester, error, partial(_name_at, requester, error.location)) from None
            if found.full_name.lower() != full_name.lower():
                raise GitHubError(f"GitHub answers with {found.full_name}; give that name", "moved")
            return found

    def installation(self, full_name: str) -> Installation | None:
        """What the App that publishes was granted on a repository; None where a token publishes. Raises GitHubError."""
        identity = self.identity("release")
        return identity.installation(self._as, full_name) if isinstance(identity, AppIdentity) else None

    def app_login(self, full_name: str) -> str | None:
        """As whom the App that publishes is shown; None where a token publishes. Raises GitHubError."""
        identity = self.identity("release")
        return identity.login(self._as, full_name) if isinstance(identity, AppIdentity) else None

    def _requester(self, identity: Identity, full_name: str, *, workflows: bool) -> WireRequester:
        return self._as(identity.auth(self._as, full_name, workflows=workflows))

    def _as(self, auth: Auth | None) -> WireRequester:
        return WireRequester(self.server, auth, min(self.deadline, time.monotonic() + 3600))


def _read(requester: WireRequester, full_name: str) -> Repository:
    headers, said = requester.requestJsonAndCheck("GET", f"/repos/{full_name}")
    if not isinstance(said["full_name"], str) or not isinstance(said["url"], str):
        raise TypeError
    return Repository(requester, headers, said, completed=True)


def _name_at(requester: WireRequester, location: str) -> str:
    _, said = requester.requestJsonAndCheck("GET", location)
    return str(said["full_name"])
