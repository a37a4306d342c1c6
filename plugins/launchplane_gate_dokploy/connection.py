"""Asking a Dokploy server: with its key, in bounded time, and with the difference between no and not known."""

from __future__ import annotations

import math
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Literal

from pydantic import SecretStr
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random

from launchplane_gate.strictjson import NotStrictJson, loads
from launchplane_gate_dokploy.rights import missing_right
from launchplane_gate_http import Answer, NoAnswer, exchange

MAX_BYTES = 4 * 1024 * 1024
READ_ATTEMPTS = 3
SAID_CHARACTERS = 200

SecondsLeft = Callable[[], float]


class DokployError(Exception):
    """A call that did not do what it was to do. ``acted``: the server may have acted on it all the same."""

    def __init__(self, message: str, *, acted: bool = False) -> None:
        super().__init__(message)
        self.acted = acted


class KeyRefused(DokployError):
    """The key is missing, wrong, revoked, or limited and used up: the server does not tell which."""


class RightMissing(DokployError):
    """The key is known, and its user may not do this: nothing was done."""


class NotThere(DokployError):
    """There is no such target for this key, or no such route on this server."""


class _Passing(DokployError):
    """What may be gone a moment later."""


@dataclass(frozen=True)
class Connection:
    """A server and the key to it; ``url`` has no path but a prefix of its own.

    No call takes longer than ``timeout_s``, no read than ``read_seconds_left``, and no write than
    ``write_seconds_left``, which is asked right before it: what that raises passes through, and nothing is sent.
    """

    url: str
    api_key: SecretStr
    tls: ssl.SSLContext
    connect_timeout_s: float = 5
    timeout_s: float = 15
    read_seconds_left: SecondsLeft = lambda: math.inf
    write_seconds_left: SecondsLeft = lambda: math.inf

    def reading_within(self, seconds_left: SecondsLeft) -> Connection:
        return replace(self, read_seconds_left=seconds_left)

    def writing_within(self, seconds_left: SecondsLeft) -> Connection:
        return replace(self, write_seconds_left=seconds_left)

    def read(self, route: str, params: Mapping[str, str] | None = None, *, may_be_empty: bool = False) -> Any:
        """What a GET answers, None for an empty body that may be one.

        Tried again with a pause where that may help, all in ``timeout_s``.
        """
        deadline = time.monotonic() + min(self.timeout_s, self.read_seconds_left())
        retrying = Retrying(
            retry=retry_if_exception_type(_Passing),
            stop=lambda state: time.monotonic() >= deadline or stop_after_attempt(READ_ATTEMPTS)(state),
            wait=wait_exponential(multiplier=0.1, max=2) + wait_random(0, 0.1),
            reraise=True,
        )
        empty = None if may_be_empty else DokployError(f"Dokploy gave an empty answer to {route}")
        return retrying(lambda: self._read_once(route, params, deadline - time.monotonic(), empty))

    def write(self, route: str, body: Mapping[str, Any]) -> Any:
        """What a POST answers, None for an empty body. Asked once and never again, whatever becomes of it."""
        limit_s = min(self.timeout_s, self.write_seconds_left())
        return self._said(route, self._ask("POST", route, json=body, limit_s=limit_s), empty=None)

    def _read_once(
        self, route: str, params: Mapping[str, str] | None, limit_s: float, empty: DokployError | None
    ) -> Any:
        return self._said(route, self._ask("GET", route, params=params, limit_s=limit_s), empty=empty)

    def _ask(self, method: Literal["GET", "POST"], route: str, *, limit_s: float, **rest: Any) -> Answer:
        try:
            return exchange(
                method,
                f"{self.url}/api/{route}",
                headers={"x-api-key": self.api_key.get_secret_value()},
                tls=self.tls,
                connect_timeout_s=self.connect_timeout_s,
                timeout_s=limit_s,
                max_bytes=MAX_BYTES,
                **rest,
            )
        except NoAnswer as error:
            raise _Passing(f"Dokploy did not answer {route}: {error}", acted=error.sent) from None

    def _said(self, route: str, answer: Answer, *, empty: DokployError | None) -> Any:
        """The document of a good answer. Raises DokployError for every other."""
        if answer.status != HTTPStatus.OK:
            raise self._refusal(route, answer)
        if not answer.body and answer.content_type in ("application/json", ""):
            if empty:
                raise empty
            return None
        try:
            return loads(answer.body, max_bytes=MAX_BYTES)
        except NotStrictJson:
            what = answer.content_type or "of no content type"
            raise DokployError(f"what answers {route} is not Dokploy's API: 200, {what}, no JSON", acted=True) from None

    def _refusal(self, route: str, answer: Answer) -> DokployError:
        """What an answer that is no 200 means. Only Dokploy's own word says for sure that nothing was done."""
        status = answer.status
        code, said = self._envelope(answer)
        if status == HTTPStatus.UNAUTHORIZED and code == "UNAUTHORIZED" and said:
            return RightMissing(f"Dokploy refuses {route} to this API key ({said}): {missing_right(route, said)}")
        if status == HTTPStatus.UNAUTHORIZED:
            return KeyRefused(
                f"Dokploy refused the API key at {route} (401): it is wrong or revoked, or limited and used up; "
                "one made through the API needs rateLimitEnabled: false"
            )
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            return DokployError(
                f"what answers {route} redirects ({status}); redirects are not followed: "
                "give Dokploy's own URL, with https:// where it has it",
                acted=True,
            )
        if not said:
            return _kind(status)(
                f"what answers {route} is not Dokploy's API: status {status}, no message; are scheme, host and port of "
                "the URL right?",
                acted=True,
            )
        return _kind(status, said)(f"Dokploy answers {route} with {status}: {said}", acted=_may_have_acted(status))

    def _envelope(self, answer: Answer) -> tuple[str, str]:
        """The code, and one line of what an error says; never its details: these may hold a stack and what was sent."""
        try:
            document = loads(answer.body, max_bytes=MAX_BYTES)
        except NotStrictJson:
            return "", ""
        code, message = (document.get("code"), document.get("message")) if isinstance(document, dict) else (None, None)
        if not isinstance(message, str):
            return "", ""
        line = next(iter(message.splitlines()), "").replace(self.api_key.get_secret_value(), "***")
        said = "".join(letter for letter in line if letter.isprintable())[:SAID_CHARACTERS]
        return code if isinstance(code, str) else "", said


def _may_have_acted(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT


def _kind(status: int, said: str = "") -> type[DokployError]:
    if status == HTTPStatus.NOT_FOUND and said:
        return NotThere
    passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS
    return _Passing if passing else DokployError
