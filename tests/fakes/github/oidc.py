"""An issuer of OIDC tokens like that of GitHub Actions."""

from __future__ import annotations

import json
import secrets
import time
import uuid
from threading import Condition
from typing import Any

import jwt
from jwt.algorithms import RSAAlgorithm

from tests.fakes.github.keys import SigningKey

ROOT = "/oidc"
REQUEST = "/token"
TOKEN_S = 300

_FIRST_KEY = 1000  # the keys of Apps have lower numbers


class Issuer:
    """Signs with its newest key. The discovery document and the keys are what anybody may read."""

    def __init__(self, changed: Condition) -> None:
        self._changed = changed
        self.request_token = secrets.token_urlsafe(30)
        self._newest = _FIRST_KEY
        self._published = [_FIRST_KEY]

    def rotate(self, *, keep_old: bool) -> None:
        with self._changed:
            self._newest += 1
            self._published = [*(self._published if keep_old else []), self._newest]

    def gives_to(self, authorization: str | None) -> bool:
        """Tell whether it is the runner of a job that asks for a token."""
        return authorization == f"Bearer {self.request_token}"

    def documents(self, issuer: str) -> dict[str, Any]:
        """What stands at each path below the issuer."""
        with self._changed:
            return {
                "/.well-known/openid-configuration": {
                    "issuer": issuer,
                    "jwks_uri": f"{issuer}/.well-known/jwks",
                    "subject_types_supported": ["public", "pairwise"],
                    "response_types_supported": ["id_token"],
                    "claims_supported": ["sub", "aud", "exp", "iat", "iss", "jti", "nbf"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                    "scopes_supported": ["openid"],
                },
                "/.well-known/jwks": {"keys": [_public(number) for number in self._published]},
                "/jwks": {"keys": [_public(number) for number in self._published]},
            }

    def token(self, issuer: str, claims: dict[str, Any]) -> str:
        """Sign the claims of a job on a branch, save those that are given; one that is ``None`` is left out."""
        now = int(time.time())
        repository, ref = claims.get("repository", "acme/shop"), claims.get("ref", "refs/heads/main")
        workflow = f"{repository}/.github/workflows/release.yml@{ref}"
        usual = {
            "iss": issuer,
            "aud": f"https://github.com/{str(repository).partition('/')[0]}",
            "sub": f"repo:{repository}:ref:{ref}",
            "jti": str(uuid.uuid4()),
            "iat": now,
            "nbf": now - TOKEN_S,
            "exp": now + TOKEN_S,
            "repository": repository,
            "repository_id": "74",
            "repository_owner": str(repository).partition("/")[0],
            "repository_owner_id": "65",
            "repository_visibility": "private",
            "ref": ref,
            "ref_protected": "true",
            "sha": "41620cf13151d1a12f09d06007d67bdf791d200c",
            "ref_type": "branch" if str(ref).startswith("refs/heads/") else "tag",
            "workflow": "release",
            "workflow_ref": workflow,
            "job_workflow_ref": workflow,
            "job_workflow_sha": "41620cf13151d1a12f09d06007d67bdf791d200c",
            "actor": "octo-operator",
            "actor_id": "12",
            "event_name": "workflow_dispatch",
            "run_id": "4242",
            "run_attempt": "1",
            "runner_environment": "github-hosted",
        }
        payload = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        with self._changed:
            newest = self._newest
        return jwt.encode(payload, SigningKey.number(newest).private_key, "RS256", {"kid": _kid(newest)})


def _kid(number: int) -> str:
    return f"key-{number}"


def _public(number: int) -> dict[str, Any]:
    key = json.loads(RSAAlgorithm.to_jwk(SigningKey.number(number).public_key))
    return {**key, "kid": _kid(number), "alg": "RS256", "use": "sig"}
