"""One answer of a health URL: what it proves, and why it proves nothing.

No detail quotes what a server said: a body, a header or an error text may hold a secret.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

from launchplane_gate.strictjson import NotStrictJson, loads
from launchplane_gate_http import NOT_ASKED, Wire, is_this_machine, requested, run_apart, unlogged, why

MAX_REDIRECTS = 3

_PLAIN_REVISION = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True)
class Answer:
    """``revision`` is None wherever none was proven; ``detail`` says why."""

    status: int | None
    revision: str | None
    detail: str


@dataclass(frozen=True)
class Asking:
    """How a lane's health URLs are asked; ``is_plain_fine``: beyond this machine by plain http too."""

    pointer: str
    token: str | None
    max_bytes: int
    tls: ssl.SSLContext
    is_plain_fine: bool = False


def ask(url: str, how: Asking, *, timeout_s: float) -> Answer:
    """Ask once; every way to fail is an answer. ``timeout_s`` bounds all of it, however slowly it comes."""
    if obstacle := _obstacle(url, how):
        return Answer(None, None, obstacle)
    wire = Wire(timeout_s=timeout_s, connect_timeout_s=timeout_s)
    try:
        return run_apart(lambda: _follow(url, how, wire), wire.left_s())
    except (TimeoutError, httpcore.TimeoutException):
        wire.give_up()
        return Answer(None, None, f"no whole answer within {max(timeout_s, 0):.1f} s")
    except (*NOT_ASKED, httpx.InvalidURL) as error:
        return Answer(None, None, why(error))


def revision_in(body: bytes, how: Asking) -> tuple[str | None, str]:
    """The revision that a body reports, or None and why."""
    if not body:
        return None, "the body is empty"
    try:
        found = resolve(loads(body, max_bytes=how.max_bytes), how.pointer)
    except NotStrictJson:
        return None, "the body is not JSON, or not JSON that can be relied on"
    except LookupError:
        return None, f"the body has nothing at {how.pointer!r}"
    if not isinstance(found, str) or not _PLAIN_REVISION.fullmatch(found):
        return (
            None,
            f"the body has no revision at {how.pointer!r}: that is text without spaces, up to 200 characters",
        )
    return found, ""


def resolve(document: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) points to. Raises LookupError where there is nothing."""
    for escaped in pointer.split("/")[1:]:
        token = escaped.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document[token]
        elif isinstance(document, list) and re.fullmatch(r"0|[1-9][0-9]{0,9}", token):
            document = document[int(token)]
        else:
            raise LookupError(token)
    return document


def _follow(url: str, how: Asking, wire: Wire) -> Answer:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "Cache-Control": "no-cache"}
    if how.token:
        headers["Authorization"] = f"Bearer {how.token}"
    here = httpx.URL(url)
    for _ in range(MAX_REDIRECTS + 1):  # each over a connection of its own, or one replica is asked again and again
        with unlogged(), requested("GET", here, wire=wire, tls=how.tls, headers=headers) as response:
            if not response.has_redirect_location:
                return _read(response, how)
            there = here.join(response.headers["Location"])
        if there.host != here.host:
            return Answer(response.status_code, None, "redirects to another host")
        if there.userinfo:
            return Answer(response.status_code, None, "redirects to a URL with a user name")
        if (there.scheme, there.port) != (here.scheme, here.port):
            return Answer(response.status_code, None, "redirects to another scheme or port")
        here = there
    return Answer(response.status_code, None, f"redirects more than {MAX_REDIRECTS} times")


def _read(response: httpx.Response, how: Asking) -> Answer:
    status = response.status_code
    if not response.is_success:
        return Answer(status, None, f"answers with status {status}")
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > how.max_bytes:
            return Answer(status, None, f"the body is larger than {how.max_bytes} bytes")
    return Answer(status, *revision_in(body, how))


def _obstacle(url: str, how: Asking) -> str:
    """Why a URL cannot be asked at all; empty where it can."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "this is not a URL"
    if parsed.scheme not in ("http", "https") or not parsed.host:
        return "this is not an http(s) URL"
    if parsed.userinfo:
        return "a user name in a health URL is not sent; give a token in the settings"
    if parsed.scheme == "http" and not is_this_machine(parsed.host) and not how.is_plain_fine:
        return "another machine is not asked over plain http; use https, or allow_plain_http in the lane's settings"
    return ""
