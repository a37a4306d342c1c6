"""One request and its whole answer, or the certainty whether the request was sent."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from launchplane_gate_http import wire
from launchplane_gate_http.requested import requested
from launchplane_gate_http.unlogged import unlogged
from launchplane_gate_http.words import NOT_ASKED, why
from launchplane_gate_http.working_apart import run_apart


@dataclass(frozen=True)
class Answer:
    """``body`` is as it came; ``content_type`` without its parameters, in lower case."""

    status: int
    content_type: str
    body: bytes
    headers: httpx.Headers = field(repr=False)


class NoAnswer(Exception):
    """No whole answer came. ``sent``: the request may have reached the server, which may have acted on it."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class TooLarge(NoAnswer):
    """More came than was asked for: to ask again would bring the same."""


class WrongAddress(NoAnswer):
    """The host is at an address where it may not be asked; nothing was sent there."""

    def __init__(self, error: wire.WrongAddress) -> None:
        super().__init__(str(error), sent=False)
        self.address = error.address


def exchange(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    json: Any = None,
    form: Mapping[str, str] | None = None,
    content: bytes | None = None,
    tls: ssl.SSLContext,
    connect_timeout_s: float,
    timeout_s: float,
    max_bytes: int,
    may_be_at: Callable[[wire.Address], bool] | None = None,
) -> Answer:
    """Ask once, following no redirect. ``timeout_s`` bounds all of it, however slowly it comes. Raises NoAnswer.

    ``may_be_at`` is asked about each address before it is connected to.
    """
    line = wire.Wire(timeout_s=timeout_s, connect_timeout_s=connect_timeout_s, may_be_at=may_be_at)
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}

    def ask() -> Answer:
        body = {"params": params, "json": json, "data": form, "content": content}
        with unlogged(), requested(method, url, wire=line, tls=tls, headers=headers, **body) as response:
            return _whole(response, max_bytes)

    try:
        return run_apart(ask, line.left_s())
    except (TimeoutError, httpcore.TimeoutException):
        raise NoAnswer(f"no whole answer came within {max(timeout_s, 0):.1f} s", sent=line.give_up()) from None
    except wire.WrongAddress as error:
        raise WrongAddress(error) from None
    except (*NOT_ASKED, httpx.InvalidURL) as error:
        raise NoAnswer(why(error), sent=line.give_up()) from None


def _whole(response: httpx.Response, max_bytes: int) -> Answer:
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > max_bytes:
            raise TooLarge(f"its answer is larger than {max_bytes} bytes", sent=True)
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Answer(response.status_code, content_type, bytes(body), response.headers)
