"""Asking a Launchplane: bounded in time and size, following nothing, and in words that quote no page that came."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from launchplane_gate.errors import Undecided, UsageError
from launchplane_gate.strictjson import NotStrictJson, loads
from launchplane_gate_github_oidc.options import is_safe
from launchplane_gate_http import NoAnswer, exchange

MAX_BYTES = 4 * 1024 * 1024
LONGEST = 300  # of what a Launchplane says of a refusal
NOTHING = "Nothing was decided."


class NotThere(Undecided):
    """404: what was asked for is not there, or nothing of the kind is."""


class NotAllowed(Undecided):
    """403: this caller may not see it."""


@dataclass(frozen=True)
class Launchplane:
    """``token`` is asked for once something is. ``until``: of the monotonic clock, for all that is asked."""

    url: str
    token: Callable[[], SecretStr]
    tls: ssl.SSLContext
    timeout_s: float
    until: float

    def get(self, *path: str, allowed: str) -> Mapping[str, Any]:
        """The document at a path; ``allowed`` is the action that a caller must be allowed to do to see it.

        Raises NotThere, NotAllowed, and Undecided where that cannot be known.
        """
        address = "/".join([self.url, "v1", *(quote(part, safe="") for part in path)])
        what = f"{self.url} /v1/{'/'.join(path)}"
        token = self.token().get_secret_value()
        try:
            answer = exchange(
                "GET",
                address,
                headers={"Authorization": f"Bearer {token}"},
                tls=self.tls,
                connect_timeout_s=self.timeout_s,
                timeout_s=min(self.timeout_s, self.until - time.monotonic()),
                max_bytes=MAX_BYTES,
            )
        except NoAnswer as error:
            raise Undecided(f"{what}: {error}", hint=NOTHING) from None
        document = _document(answer.body)
        if answer.status != HTTPStatus.OK or document is None:
            raise _refusal(what, answer.status, document, allowed)
        return document


def address_of(url: str) -> str:
    """A URL as it is asked. Raises UsageError for what is none, or may be read on its way."""
    try:
        parsed = httpx.URL(url)
        if is_safe(parsed) and not parsed.userinfo and not parsed.query and not parsed.fragment:
            return str(parsed).rstrip("/")
    except httpx.InvalidURL:
        pass
    raise UsageError(
        "--from-launchplane is to be an https:// URL, or an http:// one of this machine, without user and query",
        hint=NOTHING,
    )


def _document(body: bytes) -> Mapping[str, Any] | None:
    try:
        document = loads(body, max_bytes=MAX_BYTES)
    except NotStrictJson:
        return None
    return document if isinstance(document, dict) else None


def _refusal(what: str, status: int, document: Mapping[str, Any] | None, allowed: str) -> Undecided:
    """What an answer that is no 200, or no JSON, comes down to."""
    if document is None:
        told = "what came is no JSON object, so no Launchplane answers there"
        return Undecided(f"{what}: {status}, and {told}", hint=f"{NOTHING} See that the URL is its own.")
    error = document.get("error")
    said = error if isinstance(error, dict) else {}
    code, message = str(said.get("code", ""))[:80], str(said.get("message", ""))[:LONGEST]
    if status == HTTPStatus.UNAUTHORIZED:
        hint = f"{NOTHING} See that its policy names this job, and that the audience is the one that it takes."
        return Undecided(f"{what}: 401 {code}: it takes no token of this job".replace(" :", ":"), hint=hint)
    if status == HTTPStatus.FORBIDDEN:
        hint = f"{NOTHING} Have its policy let this job do {allowed} for the product launchplane."
        return NotAllowed(f"{what}: 403, this job may not do {allowed}", hint=hint)
    if status == HTTPStatus.NOT_FOUND:
        return NotThere(f"{what}: 404", hint=NOTHING)
    if 300 <= status < 400:  # noqa: PLR2004  # a redirect
        return Undecided(f"{what}: {status}, and redirects are not followed", hint=f"{NOTHING} Name where it leads.")
    return Undecided(f"{what}: {status} {code}: {message}".rstrip(": "), hint=f"{NOTHING} Its store may be down.")
