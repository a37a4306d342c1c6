"""One request and its whole answer, or the certainty whether the request was sent."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from launchplane_gate_http.requested import requested
from launchplane_gate_http.unlogged import unlogged
from launchplane_gate_http.words import why

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


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

    def __init__(self, address: str) -> None:
        super().__init__(f"it is at {address}, where it may not be asked", sent=False)
        self.address = address


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
    may_be_at: Callable[[Address], bool] | None = None,
) -> Answer:
    """Ask once, following no redirect. ``timeout_s`` bounds all of it, however slowly it comes. Raises NoAnswer.

    ``may_be_at`` is asked about the address that was connected to, before anything is sent there.
    """
    sent = False
    is_checked = may_be_at is None

    async def watch(event: str, told: Mapping[str, Any]) -> None:
        nonlocal sent, is_checked
        if may_be_at and event == "connection.connect_tcp.complete":
            await _check_peer(told["return_value"], may_be_at)
            is_checked = True
        if event.endswith("send_request_headers.started"):
            if not is_checked:  # a library that tells of its connections in another way: then nothing is known of them
                raise WrongAddress("an address that is not known")
            sent = True

    try:
        with unlogged():
            async with (
                asyncio.timeout(max(timeout_s, 0)),
                requested(
                    method,
                    url,
                    tls=tls,
                    headers={"Accept": "application/json", "Accept-Encoding": "identity", **headers},
                    timeout=_timeout(connect_timeout_s, timeout_s),
                    trace=watch,
                    params=params,
                    json=json,
                    data=form,
                    content=content,
                ) as response,
            ):
                return await _whole(response, max_bytes)
    except (TimeoutError, httpx.TimeoutException):
        raise NoAnswer(f"no whole answer came within {max(timeout_s, 0):.1f} s", sent=sent) from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise NoAnswer(why(error), sent=sent) from None


async def _whole(response: httpx.Response, max_bytes: int) -> Answer:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > max_bytes:
            raise TooLarge(f"its answer is larger than {max_bytes} bytes", sent=True)
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Answer(response.status_code, content_type, bytes(body), response.headers)


async def _check_peer(stream: Any, may_be_at: Callable[[Address], bool]) -> None:
    """Look at who was connected to, and not at what the name may mean the next time that it is asked for."""
    said = stream.get_extra_info("server_addr")
    try:
        address = ipaddress.ip_address(said[0])
    except (TypeError, LookupError, ValueError):
        address = None
    if address is None or not may_be_at(address):
        await stream.aclose()
        raise WrongAddress(str(address or "an address that is not known"))


def _timeout(connect_s: float, whole_s: float) -> httpx.Timeout:
    return httpx.Timeout(max(whole_s, 0.001), connect=max(min(connect_s, whole_s), 0.001))
