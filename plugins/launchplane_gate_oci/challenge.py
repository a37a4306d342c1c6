"""How a registry that answers 401 wants to be told who asks (RFC 9110, section 11, and the registries' token form)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.request import parse_http_list, parse_keqv_list

import httpx


@dataclass(frozen=True)
class Basic:
    """It wants a user name and a password."""


@dataclass(frozen=True)
class Bearer:
    """It wants a token that is to be had at the URL ``realm``, for ``service``."""

    realm: str
    service: str


def challenge_in(headers: httpx.Headers) -> Basic | Bearer | None:
    """The first challenge that can be answered; None where there is none."""
    for line in headers.get_list("www-authenticate"):
        scheme, _, rest = line.strip().partition(" ")
        if scheme.lower() == "basic":
            return Basic()
        if scheme.lower() == "bearer":
            said = _parameters(rest)
            if "realm" in said:
                return Bearer(said["realm"], said.get("service", ""))
    return None


def _parameters(text: str) -> dict[str, str]:
    pairs = [pair for pair in parse_http_list(text) if pair.partition("=")[2]]
    return {name.strip().lower(): value for name, value in parse_keqv_list(pairs).items()}
