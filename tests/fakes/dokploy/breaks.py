"""The ways in which a call can misbehave, on the wire."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event
from typing import Literal, get_args

from tests.fakes.dokploy.answers import JSON, Answer, says, unauthorized

How = Literal[
    "401",
    "404",
    "429",
    "500",
    "503",
    "drop_before",
    "drop_after",
    "empty",
    "html",
    "huge",
    "drip",
    "not_json",
    "redirect",
    "null",
    "wrong_shape",
]

HUGE = 100 * 1000 * 1000
DRIP_S = 0.2

SECRET_IN_A_STACK = "not-for-any-evidence"
_STACK = (
    "Error: connect ECONNREFUSED\n    at Socket.connect (node:net:1:1)\n"
    f"    at connect (postgres://dokploy:{SECRET_IN_A_STACK}@dokploy-postgres:5432/dokploy)"
)
_DATA = {"code": "INTERNAL_SERVER_ERROR", "httpStatus": 500, "stack": _STACK, "zodError": None}
_PAGE = b"<!doctype html><title>Sign in</title><h1>Sign in</h1>"

_ANSWERS: dict[str, Answer] = {
    "401": unauthorized(),
    "404": says({"message": "Not found", "code": "NOT_FOUND"}, 404),
    "429": says({"message": "Too many requests"}, 429),
    "500": says({"message": "connect ECONNREFUSED", "code": "INTERNAL_SERVER_ERROR", "data": _DATA}, 500),
    "503": Answer(503, b"<html><title>503 Service Unavailable</title></html>", "text/html"),
    "empty": Answer(200),
    "html": Answer(200, _PAGE, "text/html; charset=utf-8"),
    "not_json": Answer(200, b'{"applicationId": "', JSON),
    "redirect": Answer(302, b"", None, {"Location": "/sign-in"}),
    "null": Answer(200, b"null"),
}


@dataclass(frozen=True)
class Break:
    how: How

    def __post_init__(self) -> None:
        if self.how not in get_args(How):
            raise ValueError(f"{self.how!r} is no way to misbehave; there are {', '.join(get_args(How))}")

    def chunks(self, do: Callable[[], Answer], closing: Event) -> tuple[Answer, Iterator[bytes]] | None:
        """What to send in place of the answer that ``do`` would give; None: nothing, the connection is closed."""
        if self.how in _ANSWERS:
            return _ANSWERS[self.how], iter([_ANSWERS[self.how].body])
        if self.how == "huge":
            return Answer(200), _flood()
        if self.how == "wrong_shape":
            return _wrong(), iter([_wrong().body])
        if self.how == "drop_before":
            return None
        answer = do()
        return (answer, _drops(answer.body or b" " * 100, closing)) if self.how == "drip" else None


def _wrong() -> Answer:
    """JSON, and neither the row nor the list of rows that was asked for."""
    return Answer(200, json.dumps([{"result": {"data": {"json": 7}}}, 7, None]).encode())


def _flood() -> Iterator[bytes]:
    chunk = b" " * 100_000
    for _ in range(HUGE // len(chunk)):
        yield chunk


def _drops(body: bytes, closing: Event) -> Iterator[bytes]:
    for byte in body:
        yield bytes([byte])
        if closing.wait(DRIP_S):
            return
