"""As whom GitHub is asked: nobody, whose token it is, or a GitHub App. Never who happens to be logged in here."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Literal, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from github import GithubException
from github.Auth import AppAuth, Auth, Token
from pydantic import SecretStr

from launchplane_gate.model import unstamp
from launchplane_gate.secret import UnsetSecret
from launchplane_gate_github.errors import GitHubError, explained
from launchplane_gate_github.moved import moved
from launchplane_gate_github.wire import Redirected, WireRequester

Access = Literal["read", "write"]
RENEWED_BEFORE = timedelta(minutes=5)
LEAST_KEY_BITS = 2048

_BY_ID = re.compile(r"/repositories/(\d{1,18})/installation$", re.ASCII)

RequesterAs = Callable[[Auth | None], WireRequester]


class Identity(Protocol):
    """``place`` is where the settings name it, for people."""

    @property
    def place(self) -> str: ...

    def auth(self, requester_as: RequesterAs, repository: str, *, workflows: bool) -> Auth | None:
        """What is sent to GitHub with a request about a repository. Raises GitHubError."""

    def forget(self, repository: str) -> bool:
        """Ask for a new token the next time; false where there is no other to be had."""


@dataclass(frozen=True)
class Nobody:
    """Public repositories can be read without saying who asks, sixty times an hour."""

    place: str

    def auth(self, requester_as: RequesterAs, repository: str, *, workflows: bool) -> Auth | None:
        return None

    def forget(self, repository: str) -> bool:
        return False


@dataclass(frozen=True)
class TokenIdentity:
    place: str
    token: SecretStr

    def auth(self, requester_as: RequesterAs, repository: str, *, workflows: bool) -> Auth:
        return Token(self.token.get_secret_value())

    def forget(self, repository: str) -> bool:
        return False


@dataclass(frozen=True)
class UnsetIdentity:
    """One whose secret is not at hand: nobody is asked, not even as nobody."""

    place: str
    secret: UnsetSecret

    def auth(self, requester_as: RequesterAs, repository: str, *, workflows: bool) -> Auth | None:
        raise self.why

    def forget(self, repository: str) -> bool:
        return False

    @property
    def why(self) -> GitHubError:
        error = self.secret.error
        remedy = error.hint.removeprefix("Nothing was done. ").rstrip(".")
        return GitHubError(f"{str(error).removeprefix('settings: ')}; {remedy}", "refused")


@dataclass(frozen=True)
class Installation:
    """What GitHub says of an App on a repository: what it was granted, whatever a token of it asks for."""

    installation_id: int
    permissions: Mapping[str, str]
    suspended: bool


class AppIdentity:
    """A GitHub App. Its tokens are for one repository and the least permission, and kept till shortly before their end.

    ``access`` is what they may do with the contents of the repository.
    """

    def __init__(
        self,
        place: str,
        app_id: int,
        private_key: SecretStr,
        *,
        access: Access,
        installation_id: int | None,
        now: Callable[[], datetime],
    ) -> None:
        self.place, self.app_id, self.access = place, app_id, access
        self._installation_id, self._now = installation_id, now
        self._app = AppAuth(app_id, private_key.get_secret_value())
        self._tokens: dict[tuple[str, bool], tuple[SecretStr, datetime]] = {}
        self._lock = threading.Lock()

    def auth(self, requester_as: RequesterAs, repository: str, *, workflows: bool) -> Auth:
        key = (repository, workflows)
        with self._lock:
            token, ends_at = self._tokens.get(key, (None, self._now()))
            if token is None or ends_at - RENEWED_BEFORE <= self._now():
                token, ends_at = self._new_token(requester_as, repository, workflows=workflows)
                self._tokens[key] = (token, ends_at)
            return Token(token.get_secret_value())

    def forget(self, repository: str) -> bool:
        with self._lock:
            kept = {key: token for key, token in self._tokens.items() if key[0] != repository}
            forgotten, self._tokens = len(kept) < len(self._tokens), kept
            return forgotten

    def login(self, requester_as: RequesterAs, repository: str) -> str:
        """As whom GitHub shows what it makes. Raises GitHubError."""
        requester = requester_as(self._app)
        with explained(repository, self.place):
            try:
                _, said = requester.requestJsonAndCheck("GET", "/app")
            except GithubException as error:
                self._hold_the_key(requester, error)
                raise
            if not isinstance(said["slug"], str) or not said["slug"]:
                raise TypeError
            return f"{said['slug']}[bot]"

    def installation(self, requester_as: RequesterAs, repository: str) -> Installation:
        """Raises GitHubError where the App is not installed for a repository, or not under the id that is named."""
        requester = requester_as(self._app)
        with explained(repository, self.place):
            try:
                _, said = requester.requestJsonAndCheck("GET", f"/repos/{repository}/installation")
            except Redirected as error:
                raise self._moved(requester, error) from None
            except GithubException as error:
                self._hold_the_key(requester, error)
                raise GitHubError(
                    f"App {self.app_id} is not installed on it (404), or there is no such repository; see that this "
                    "is its name of today, and install it there, with the permission for contents",
                    "not_found",
                    status=HTTPStatus.NOT_FOUND,
                ) from None
            found = Installation(
                installation_id=int(said["id"]),
                permissions={str(name): str(level) for name, level in said["permissions"].items()},
                suspended=said["suspended_at"] is not None,
            )
        if self._installation_id not in (None, found.installation_id):
            raise GitHubError(
                f"App {self.app_id} is installed on it as {found.installation_id}, not as {self._installation_id}; "
                f"mend installation_id in {self.place}, or leave it out",
                "not_found",
                repository=repository,
            )
        return found

    def _moved(self, requester: WireRequester, error: Redirected) -> GitHubError:
        told = moved(requester, error, partial(self._name_at, requester, error.location))
        if told is error:
            what = f"{error.what}, and see that App {self.app_id} is installed there"
            return GitHubError(what, "moved", status=error.status)
        return told

    @staticmethod
    def _name_at(requester: WireRequester, location: str) -> str:
        """An installation does not name its repositories; a token of it does, which is made for that one alone."""
        found = _BY_ID.search(location)
        if found is None:
            raise ValueError
        _, installed = requester.requestJsonAndCheck("GET", location)
        body = {"repository_ids": [int(found[1])], "permissions": {"contents": "read"}}
        tokens = f"/app/installations/{int(installed['id'])}/access_tokens"
        _, said = requester.requestJsonAndCheck("POST", tokens, input=body)
        return str(said["repositories"][0]["full_name"])

    def _hold_the_key(self, requester: WireRequester, error: GithubException) -> None:
        """Raises what is wrong with the App itself, where it is that."""
        if error.status == HTTPStatus.NOT_FOUND:
            try:
                requester.requestJsonAndCheck("GET", "/app")
            except GithubException as unknown:
                error = unknown
            else:
                return
        if error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND):
            raise GitHubError(
                f"GitHub does not know App {self.app_id} by this key ({error.status}); see that app_id and private_key "
                f"of {self.place} belong together, and that this machine's clock is right",
                "refused",
                status=error.status,
            ) from None
        raise error

    def _new_token(self, requester_as: RequesterAs, repository: str, *, workflows: bool) -> tuple[SecretStr, datetime]:
        installation = self.installation(requester_as, repository)
        wanted = {"contents": self.access, **({"workflows": "write"} if workflows else {})}
        if lacking := lacks(installation, wanted):
            raise GitHubError(
                f"App {self.app_id} {lacking}; its owner has to grant it", "forbidden", repository=repository
            )
        body = {"repositories": [repository.partition("/")[2]], "permissions": wanted}
        with explained(repository, self.place):
            _, said = requester_as(self._app).requestJsonAndCheck(
                "POST", f"/app/installations/{installation.installation_id}/access_tokens", input=body
            )
            ends_at = unstamp(said["expires_at"])
            if not isinstance(said["token"], str) or ends_at is None:
                raise ValueError
        return SecretStr(said["token"]), ends_at


_LEVELS = ("none", "read", "write", "admin")


def lacks(installation: Installation, wanted: Mapping[str, str]) -> str:
    """What an installation would need and was not granted, as a part of a sentence; empty where it has it all."""
    if installation.suspended:
        return "is suspended there"
    for name, level in wanted.items():
        held = installation.permissions.get(name, "none")
        if held not in _LEVELS or _LEVELS.index(held) < _LEVELS.index(level):
            return f"has no permission {name}: {level}"
    return ""


def is_a_signing_key(key: str) -> bool:
    """Whether GitHub would take it: an RSA key in PEM, as it gives them out, that no password protects."""
    try:
        loaded = load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return isinstance(loaded, RSAPrivateKey) and loaded.key_size >= LEAST_KEY_BITS
