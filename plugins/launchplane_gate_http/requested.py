"""One request over a connection of its own: no cookie is kept, no redirect followed, no login taken from a URL.

It is httpx without its client, which would read what a server wants kept, and make ready the request that a redirect
asks for, followed or not; and without its transport, which knows of no deadline.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import httpcore
import httpx

from launchplane_gate_http.wire import Wire

AGENT = "launchplane-gate"


@contextmanager
def requested(
    method: str, url: str | httpx.URL, *, wire: Wire, tls: ssl.SSLContext, headers: Mapping[str, str], **content: Any
) -> Iterator[httpx.Response]:
    """The answer, whose body is still to be read. ``content``: what httpx.Request takes of it.

    Raises TimeoutError, WrongAddress, httpx.InvalidURL, OSError, and what httpcore raises.
    """
    request = httpx.Request(method, url, headers={"User-Agent": AGENT, **headers}, **content)
    assert isinstance(request.stream, httpx.SyncByteStream)
    asked = httpcore.Request(
        request.method,
        httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        ),
        headers=request.headers.raw,
        content=request.stream,
    )
    with (
        httpcore.ConnectionPool(ssl_context=tls, network_backend=wire) as pool,
        closing(pool.handle_request(asked)) as came,
    ):
        yield httpx.Response(came.status, headers=came.headers, stream=_Body(came))


class _Body(httpx.SyncByteStream):
    def __init__(self, came: httpcore.Response) -> None:
        self._came = came

    def __iter__(self) -> Iterator[bytes]:
        yield from self._came.iter_stream()
