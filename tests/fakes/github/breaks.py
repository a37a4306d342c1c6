"""The ways in which a request can misbehave, on the wire."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from threading import Event
from typing import Literal, get_args

from tests.fakes.github.answers import DOCS, JSON, Answer, bad_credentials, not_accessible, not_found, refusal, says

How = Literal[
    "401",
    "403",
    "404",
    "500",
    "502",
    "502_after",
    "503",
    "abuse_429",
    "drip",
    "drop_after",
    "drop_before",
    "empty",
    "html",
    "huge",
    "not_json",
    "rate_limited",
    "secondary_rate_limit",
    "wrong_shape",
]

HUGE = 100 * 1000 * 1000
DRIP_S = 0.2
RESET_S = 1800
RETRY_AFTER_S = 60

_SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
_UNICORN = b"<!doctype html><title>Unicorn!</title><p>No server is currently available to service your request."
_PAGE = b"<!doctype html><title>Sign in to your network</title><h1>Sign in</h1>"
_WRONG = {
    "id": "one",
    "sha": 7,
    "status": 7,
    "ahead_by": "many",
    "object": "commit",
    "tag_name": ["v1"],
    "draft": "no",
    "token": None,
    "expires_at": "soon",
    "permissions": [],
}

_ANSWERS: dict[str, Answer] = {
    "401": bad_credentials(),
    "403": not_accessible("integration"),
    "404": not_found(),
    "500": refusal(500, "Server Error"),
    "502": refusal(502, "Server Error"),
    "503": Answer(503, _UNICORN, "text/html; charset=utf-8"),
    "abuse_429": refusal(429, _SECONDARY, {"Retry-After": str(RETRY_AFTER_S)}),
    "empty": Answer(200),
    "html": Answer(200, _PAGE, "text/html; charset=utf-8"),
    "not_json": Answer(200, b'{"id": 1, "sha": "', JSON),
    "secondary_rate_limit": refusal(403, _SECONDARY, {"Retry-After": str(RETRY_AFTER_S)}),
    "wrong_shape": says(_WRONG),
}


@dataclass(frozen=True)
class Break:
    """Nothing is done on a broken request, but for those that end in "after", and "drip"."""

    how: How
    retry_after_s: int | None = RETRY_AFTER_S  # where that is said; None: it is not

    def __post_init__(self) -> None:
        if self.how not in get_args(How):
            raise ValueError(f"{self.how!r} is no way to misbehave; there are {', '.join(get_args(How))}")

    def chunks(self, do: Callable[[], Answer], closing: Event) -> tuple[Answer, Iterator[bytes]] | None:
        """What to send in place of the answer that ``do`` would give; None: nothing, the connection is closed."""
        if self.how in _ANSWERS:
            known = _ANSWERS[self.how]
            said = {"Retry-After": str(self.retry_after_s)} if known.headers and self.retry_after_s else {}
            return _whole(replace(known, headers=said))
        if self.how == "rate_limited":
            return _whole(_rate_limited())
        if self.how == "huge":
            return Answer(200), _flood()
        if self.how == "drop_before":
            return None
        answer = do()
        if self.how == "502_after":
            return _whole(_ANSWERS["502"])
        return (answer, _drops(answer.body or b" " * 100, closing)) if self.how == "drip" else None


def _whole(answer: Answer) -> tuple[Answer, Iterator[bytes]]:
    return answer, iter([answer.body])


def _rate_limited() -> Answer:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + RESET_S)}
    message = "API rate limit exceeded for installation ID 101."
    body = {"message": message, "documentation_url": f"{DOCS}/overview/rate-limits-for-the-rest-api", "status": "403"}
    return Answer(403, json.dumps(body).encode(), JSON, headers)


def _flood() -> Iterator[bytes]:
    chunk = b" " * 100_000
    for _ in range(HUGE // len(chunk)):
        yield chunk


def _drops(body: bytes, closing: Event) -> Iterator[bytes]:
    for byte in body:
        yield bytes([byte])
        if closing.wait(DRIP_S):
            return
