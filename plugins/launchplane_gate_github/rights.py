"""Whether the identity that publishes may do so, as far as GitHub tells without anything being changed."""

from __future__ import annotations

from http import HTTPStatus

from github import GithubException
from github.Repository import Repository

from launchplane_gate_github.connection import GitHub
from launchplane_gate_github.errors import GitHubError
from launchplane_gate_github.evidence import PublisherFacts
from launchplane_gate_github.identity import AppIdentity, lacks

_CERTAIN = frozenset({"refused", "forbidden", "not_found", "moved"})


def publisher_of(github: GitHub, full_name: str, version: str, *, workflows: bool) -> PublisherFacts:
    """Who would publish a version, and whether GitHub would let them. ``workflows``: it takes leave to change those.

    Raises GitHubError for what cannot be known now.
    """
    if github.release is None:
        why = "nobody is named who publishes; name an App or a token in [plugins.github.release_identity]"
        return PublisherFacts(identity="nobody", can_publish=False, why=why)
    if isinstance(github.release, AppIdentity):
        return _app(github, github.release, full_name, workflows=workflows)
    return _token(github, full_name, version, workflows=workflows)


def login_of(github: GitHub, full_name: str) -> str:
    """As whom GitHub shows what is published; empty where it does not tell, as of a token of an installation.

    Raises GitHubError.
    """
    if (login := github.app_login(full_name)) is not None:
        return login
    repository = github.repository(full_name, "release")
    with github.explained(full_name, "release"):
        return _whose(repository)[0]


def _app(github: GitHub, identity: AppIdentity, full_name: str, *, workflows: bool) -> PublisherFacts:
    name = f"app {identity.app_id}"
    wanted = {"contents": "write", **({"workflows": "write"} if workflows else {})}
    try:
        installation = github.installation(full_name)
        assert installation
        why = lacks(installation, wanted)
        if not why:
            github.repository(full_name, "release", workflows=workflows)  # proves the key, the token and the access
    except GitHubError as error:
        return _refused(name, error)
    return PublisherFacts(identity=name, can_publish=not why, why=f"{name} {why}" if why else "")


def _token(github: GitHub, full_name: str, version: str, *, workflows: bool) -> PublisherFacts:
    name = "a token"
    try:
        repository = github.repository(full_name, "release")
        with github.explained(full_name, "release"):
            login, scopes = _whose(repository)
            name = f"token of {login}" if login else "a token of an installation"
            may = _may_write(repository, version)
    except GitHubError as error:
        return _refused(name, error)
    why = ""
    if not may or (login and repository.permissions.push is not True):
        why = f"the {name} may not write to {full_name}; give one that has the permission contents: write"
    elif workflows and scopes and "workflow" not in scopes:
        why = f"the release changes {full_name}'s workflows, and the {name} has no scope workflow"
    return PublisherFacts(identity=name, can_publish=not why, why=why.replace("the a token", "the token"))


def _whose(repository: Repository) -> tuple[str, list[str]]:
    """The login of a token, and its scopes, of which a fine-grained one has none; no login for an App's."""
    try:
        headers, said = repository.requester.requestJsonAndCheck("GET", "/user")
    except GithubException as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return "", []
    if not isinstance(said["login"], str):
        raise TypeError
    return said["login"], [scope for scope in headers.get("x-oauth-scopes", "").split(", ") if scope]


def _may_write(repository: Repository, version: str) -> bool:
    """Ask for a draft of release notes: it takes the same permission as a release, and nothing is kept of it.

    What a repository says of permissions is the role of the person, whatever was granted to the token.
    """
    try:
        repository.requester.requestJsonAndCheck(
            "POST", f"/repos/{repository.full_name}/releases/generate-notes", input={"tag_name": version}
        )
    except GithubException as error:
        if error.status not in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
            raise
        return False
    return True


def _refused(name: str, error: GitHubError) -> PublisherFacts:
    if error.kind not in _CERTAIN:
        raise error
    return PublisherFacts(identity=name, can_publish=False, why=error.what)
