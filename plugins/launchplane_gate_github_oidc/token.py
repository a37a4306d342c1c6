"""What a token says, once that is proven. Nothing of a token stands in an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pydantic import SecretStr

from launchplane_gate.errors import ActorUnproven

MAX_CHARACTERS = 16 * 1024  # one of GitHub has about 2000
MAX_AGE_S = 600.0
CLAIMS = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"]

_WRONG: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.InvalidSignatureError, "is not signed with the key of its issuer that it names"),
    (jwt.ExpiredSignatureError, "has expired; one of GitHub Actions lives for some minutes"),
    (jwt.ImmatureSignatureError, "is not valid yet; is the clock right here?"),
    (jwt.InvalidAudienceError, "is for another audience than {audience}"),
    (jwt.InvalidIssuerError, "is of another issuer"),
)


@dataclass(frozen=True)
class Unverified:
    """What a token says of itself, to find the key that may prove it. It is a claim, and no more."""

    token: str
    key_id: str
    issuer: str


def read(secret: SecretStr) -> Unverified:
    """Raises ActorUnproven for what is no token that RS256 could prove."""
    token = secret.get_secret_value()
    if len(token) > MAX_CHARACTERS:
        raise ActorUnproven(f"the token is longer than {MAX_CHARACTERS} characters")
    if not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){2}", token):
        raise ActorUnproven("the token is no JSON Web Token")
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise ActorUnproven("the token is no JSON Web Token") from None
    if header.get("alg") != "RS256":
        raise ActorUnproven("the token is signed in another way than with RS256")
    if not isinstance(key_id := header.get("kid"), str) or not isinstance(issuer := claims.get("iss"), str):
        raise ActorUnproven("the token does not name its key and its issuer")
    return Unverified(token, key_id, issuer)


def proven(
    unverified: Unverified, key: RSAPublicKey, *, audience: str, issuer: str, leeway_s: float, now: datetime
) -> Mapping[str, Any]:
    """The claims of a token, if the key proves them and they hold now. Raises ActorUnproven."""
    try:
        claims = jwt.decode(
            unverified.token,
            key,
            algorithms=["RS256"],
            audience=audience,
            issuer=issuer,
            leeway=leeway_s,
            options={"require": CLAIMS, "strict_aud": True},
        )
    except jwt.MissingRequiredClaimError as error:
        raise ActorUnproven(f"the token lacks the claim {error.claim}") from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
        words = next((words for kind, words in _WRONG if isinstance(error, kind)), "has a claim of another form")
        raise ActorUnproven(f"the token {words.format(audience=audience)}") from None
    if not all(type(claims[name]) in (int, float) for name in ("iat", "nbf", "exp")):
        raise ActorUnproven("the token has a time that is no number")
    if claims["iat"] < now.timestamp() - MAX_AGE_S - leeway_s:  # compared, not reckoned with: it may be of any size
        raise ActorUnproven(f"the token was made more than {MAX_AGE_S / 60:.0f} minutes ago")
    return claims


def ends_at(claims: Mapping[str, Any], *, leeway_s: float) -> datetime:
    """When ``proven`` takes the token no longer."""
    return datetime.fromtimestamp(min(claims["exp"], claims["iat"] + MAX_AGE_S) + leeway_s, UTC)
