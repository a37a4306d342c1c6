"""The public keys of an issuer: fetched from where it says itself that they are, and kept for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import InvalidKeyError
from jwt.algorithms import RSAAlgorithm

from launchplane_gate.errors import Undecided
from launchplane_gate_github_oidc.document import Asking

KEPT_S = 600.0  # then the keys are fetched again: one that the issuer has withdrawn is not believed for longer
PAUSE_S = 5.0  # no two questions come closer together, however many tokens with unknown keys do
KEY_BITS = range(2048, 8193)
MAX_CHARACTERS = 2 * KEY_BITS.stop // 8  # base64 takes a third more than the number


class Issuer:
    """An OpenID Connect issuer, as the settings name it. It may be asked from several threads."""

    def __init__(self, name: str, asking: Asking, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._asking = asking
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, Any] = {}
        self._kept_until = self._quiet_until = -1.0

    def key(self, key_id: str) -> RSAPublicKey | None:
        """The key of that id; None where the issuer has none. Raises Undecided where that cannot be known."""
        with self._lock:
            if self._clock() >= self._kept_until or (key_id not in self._keys and self._clock() >= self._quiet_until):
                self._fetch()
            found = self._keys.get(key_id)
        return None if found is None else self._usable(found)

    def has_keys(self) -> bool:
        """Whether it publishes any, asked for where that is not known. Raises Undecided where that cannot be known."""
        with self._lock:
            if self._clock() >= self._kept_until:
                self._fetch()
            return bool(self._keys)

    def _fetch(self) -> None:
        if self._clock() < self._quiet_until:
            raise Undecided(f"the keys of {self.name} could not be had a moment ago, and are not asked for again yet")
        self._quiet_until = self._clock() + PAUSE_S
        self._keys = self._published()
        self._kept_until = self._clock() + KEPT_S

    def _published(self) -> dict[str, Any]:
        """What the issuer publishes as its keys, by id; those without an id are nobody's."""
        what = f"the OpenID configuration of {self.name}"
        configuration = self._asking.document(f"{self.name}/.well-known/openid-configuration", what)
        if configuration.get("issuer") != self.name:
            raise Undecided(f"{what} is that of another issuer")
        what = f"the list of the keys of {self.name}"
        listed = self._asking.document(self._own_url(configuration.get("jwks_uri")), what).get("keys")
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise Undecided(f"{what} is not one: it has no keys")
        named = [one for one in listed if isinstance(one.get("kid"), str)]
        keys = {one["kid"]: one for one in named}
        if len(keys) != len(named):
            raise Undecided(f"{what} has two keys of one id")
        return keys

    def _own_url(self, address: object) -> str:
        """Where the keys are, if that is on the issuer's own host."""
        here = httpx.URL(self.name)
        try:
            there = httpx.URL(address) if isinstance(address, str) else None
        except httpx.InvalidURL:
            there = None
        if (
            there is None
            or there.userinfo
            or (there.scheme, there.host, there.port) != (here.scheme, here.host, here.port)
        ):
            raise Undecided(f"{self.name} says that its keys are elsewhere than on its own host")
        return str(there)

    def _usable(self, published: Mapping[str, Any]) -> RSAPublicKey:
        is_for_this = published.get("use", "sig") == "sig" and published.get("alg", "RS256") == "RS256"
        if is_for_this and "d" not in published:  # with it, it is the private key that everybody knows
            try:
                key = RSAAlgorithm.from_jwk({name: _short(published[name]) for name in ("kty", "n", "e")})
            except (InvalidKeyError, LookupError, OverflowError, TypeError, ValueError):
                key = None
            if isinstance(key, RSAPublicKey) and key.key_size in KEY_BITS:
                return key
        raise Undecided(
            f"the key of the token is, as {self.name} publishes it, no RSA key of 2048 bits or more for RS256"
        )


def _short(part: object) -> str:
    """A part of a public key, and none that would take long to reckon with. Raises ValueError."""
    if not isinstance(part, str) or len(part) > MAX_CHARACTERS:
        raise ValueError
    return part
