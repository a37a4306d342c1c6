"""One request and its whole answer, or the certainty whether the request was sent."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from launchplane_gate_http.words import why


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


async def exchange(
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
) -> Answer:
    """Ask once, following no redirect. ``timeout_s`` bounds all of it, however slowly it comes. Raises NoAnswer."""
    sent = False

    async def watch(event: str, _: Mapping[str, Any]) -> None:
        nonlocal sent
        sent = sent or event.endswith("send_request_headers.started")

    try:
        async with (
            asyncio.timeout(max(timeout_s, 0)),
            # A client of its own for each request: nothing is kept between them, neither connections nor cookies.
            httpx.AsyncClient(verify=tls, trust_env=False, timeout=_timeout(connect_timeout_s, timeout_s)) as client,
            client.stream(
                method,
                url,
                headers={"Accept": "application/json", "Accept-Encoding": "identity", **headers},
                params=params,
                json=json,
                data=form,
                content=content,
                extensions={"trace": watch},
            ) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > max_bytes:
                    raise TooLarge(f"its answer is larger than {max_bytes} bytes", sent=True)
            content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            return Answer(response.status_code, content_type, bytes(body), response.headers)
    except (TimeoutError, httpx.TimeoutException):
        raise NoAnswer(f"no whole answer came within {max(timeout_s, 0):.1f} s", sent=sent) from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise NoAnswer(why(error), sent=sent) from None


def _timeout(connect_s: float, whole_s: float) -> httpx.Timeout:
    return httpx.Timeout(max(whole_s, 0.001), connect=max(min(connect_s, whole_s), 0.001))
