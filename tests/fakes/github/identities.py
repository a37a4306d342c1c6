"""Who asks: tokens, and Apps with their installations. What each may do, and for how long."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Condition
from typing import Literal

import jwt
from jwt.types import Options

from tests.fakes.github.answers import Answer, bad_credentials, refusal
from tests.fakes.github.keys import SigningKey
from tests.fakes.github.repository import Repository

Kind = Literal["installation", "actions", "personal", "classic"]
Permissions = Mapping[str, str]

LEVELS = {"none": 0, "read": 1, "write": 2, "admin": 3}
INSTALLATION_TOKEN_S = 3600
JWT_S = 600  # the longest that a JWT of an App may have to live

_SIGNATURE_ONLY: Options = {"verify_exp": False, "verify_iat": False, "verify_iss": False, "verify_nbf": False}

_REFUSES: dict[Kind, str] = {
    "installation": "integration",
    "actions": "integration",
    "personal": "personal access token",
    "classic": "personal access token",
}


@dataclass(eq=False)
class Token:
    """``permissions`` are by the id of the repository; "actions" is the GITHUB_TOKEN of a workflow.

    A "personal" one is fine-grained; a "classic" one tells its scopes.
    """

    value: str = field(repr=False)
    kind: Kind
    permissions: Mapping[int, Permissions]
    expires_at: float | None
    installation: Installation | None = None

    @property
    def is_of_a_person(self) -> bool:
        return self.kind in {"personal", "classic"}

    @property
    def scopes(self) -> list[str]:
        if self.kind != "classic":
            return []
        return ["repo", *(["workflow"] if any("workflows" in held for held in self.permissions.values()) else [])]

    @property
    def refuses_as(self) -> str:
        return _REFUSES[self.kind]


@dataclass(eq=False)
class Installation:
    """``permissions`` are what was granted; a token may have less."""

    installation_id: int
    app: App
    owner: str
    permissions: Permissions
    repositories: list[Repository]
    suspended_at: float | None = None


@dataclass(frozen=True)
class Caller:
    """Whom the credentials of a request belong to; neither: nobody in particular."""

    token: Token | None = None
    app: App | None = None

    def level(self, repository: Repository, permission: str) -> int:
        """How much of a permission there is, for a repository: 0 none, 1 read, 2 write."""
        held = self.token.permissions.get(repository.repository_id) if self.token else None
        least = 1 if not repository.private and permission in {"contents", "metadata"} else 0
        if held is None:
            return least
        return max(least, 1 if permission == "metadata" else 0, LEVELS[held.get(permission, "none")])

    def sees(self, repository: Repository) -> bool:
        return self.level(repository, "metadata") > 0

    def may_write(self, repository: Repository) -> bool:
        return self.level(repository, "contents") >= LEVELS["write"]


class App:
    """A GitHub App, with the private key that its owner downloaded once."""

    def __init__(self, identities: Identities, app_id: int) -> None:
        self._identities = identities
        self.app_id = app_id
        self.slug = f"app-{app_id}"
        self.client_id = f"Iv23li{app_id:014d}"
        self.key = SigningKey.number(app_id)
        self.installations: dict[int, Installation] = {}

    @property
    def private_key_pem(self) -> str:
        return self.key.private_pem

    def install(self, *full_names: str, permissions: Permissions) -> int:
        """Install it for repositories of one owner; a second time, this adds them and replaces the permissions."""
        with self._identities.changed:
            repositories = [self._identities.repositories[name.lower()] for name in full_names]
            (owner,) = {repository.owner for repository in repositories}
            found = next((one for one in self.installations.values() if one.owner == owner), None)
            if found is None:
                found = Installation(self.app_id * 100 + len(self.installations) + 1, self, owner, {}, [])
                self.installations[found.installation_id] = found
            found.permissions = {"metadata": "read", **permissions}
            found.repositories += [each for each in repositories if each not in found.repositories]
            return found.installation_id

    def suspend(self, installation_id: int) -> None:
        with self._identities.changed:
            self.installations[installation_id].suspended_at = time.time()

    def unsuspend(self, installation_id: int) -> None:
        with self._identities.changed:
            self.installations[installation_id].suspended_at = None

    def revoke_tokens(self, installation_id: int) -> None:
        """Let none of its tokens be good any longer, as if an hour had gone by."""
        with self._identities.changed:
            self._identities.forget_tokens_of(self.installations[installation_id])

    def uninstall(self, installation_id: int) -> None:
        """Take it away, and with it the tokens that it gave."""
        with self._identities.changed:
            gone = self.installations.pop(installation_id)
            self._identities.forget_tokens_of(gone)


class Identities:
    def __init__(self, changed: Condition, repositories: dict[str, Repository]) -> None:
        self.changed = changed
        self.repositories = repositories
        self.apps: dict[int, App] = {}
        self._tokens: dict[str, Token] = {}

    def add_app(self) -> App:
        app = App(self, len(self.apps) + 1)
        self.apps[app.app_id] = app
        return app

    def add_token(self, kind: Kind, permissions: Mapping[int, Permissions], expires_in_s: float | None) -> Token:
        prefix = {"personal": "github_pat_", "classic": "ghp_"}.get(kind, "ghs_")
        value = prefix + secrets.token_hex(41 if kind == "personal" else 18)
        return self._add(Token(value, kind, permissions, None if expires_in_s is None else time.time() + expires_in_s))

    def add_installation_token(
        self, installation: Installation, repositories: list[Repository], permissions: Permissions
    ) -> Token:
        """A token of today's form: longer than the forty characters of old, and with dots in it."""
        value = f"ghs_{installation.app.app_id}_" + ".".join(secrets.token_urlsafe(n) for n in (30, 150, 64))
        granted = {repository.repository_id: permissions for repository in repositories}
        return self._add(Token(value, "installation", granted, time.time() + INSTALLATION_TOKEN_S, installation))

    def revoke(self, value: str) -> None:
        self._tokens.pop(value, None)

    def forget_tokens_of(self, installation: Installation) -> None:
        self._tokens = {value: one for value, one in self._tokens.items() if one.installation is not installation}

    def caller(self, authorization: str | None, *, as_app: bool) -> Caller | Answer:
        """Who shows these credentials; or the refusal of them."""
        if authorization is None:
            return Caller()
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() not in {"bearer", "token"}:
            return bad_credentials()
        if as_app:
            return self._app(value)
        token = self._tokens.get(value)
        if token is None or (token.expires_at is not None and token.expires_at <= time.time()):
            return bad_credentials()
        if token.installation and token.installation.suspended_at is not None:
            return refusal(403, "This installation has been suspended")
        return Caller(token=token)

    def _add(self, token: Token) -> Token:
        self._tokens[token.value] = token
        return token

    def _app(self, value: str) -> Caller | Answer:
        """Verify a JWT, as GitHub does: who signed it, with RS256, when, and for how long."""
        try:
            said = str(jwt.decode(value, options={"verify_signature": False}).get("iss"))
            app = next((one for one in self.apps.values() if said in {str(one.app_id), one.client_id}), None)
            if app is None:
                return refusal(404, "Integration not found")
            claims = jwt.decode(value, app.key.public_key, algorithms=["RS256"], options=_SIGNATURE_ONLY)
        except (jwt.InvalidTokenError, ValueError):
            return refusal(401, "A JSON web token could not be decoded")
        complaint = _untimely(claims.get("iat"), claims.get("exp"), time.time())
        return refusal(401, complaint) if complaint else Caller(app=app)


def _untimely(issued: object, expires: object, now: float) -> str | None:
    if not isinstance(expires, int) or expires <= now:
        return (
            "'Expiration time' claim ('exp') must be a numeric value representing the future time"
            " at which the assertion expires"
        )
    if expires > now + JWT_S:
        return "'Expiration time' claim ('exp') is too far in the future"
    if not isinstance(issued, int) or issued > now:
        return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
    return None
