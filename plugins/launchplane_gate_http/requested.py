"""One request over a connection of its own: no cookie is kept, no redirect followed, no login taken from a URL.

It is httpx without its client, which would read what a server wants kept, and make ready the request that a redirect
asks for, followed or not.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

AGENT = "launchplane-gate"


@asynccontextmanager
async def requested(
    method: str,
    url: str | httpx.URL,
    *,
    tls: ssl.SSLContext,
    headers: Mapping[str, str],
    timeout: httpx.Timeout | None = None,
    trace: Any = None,
    **content: Any,
) -> AsyncIterator[httpx.Response]:
    """The answer, whose body is still to be read. ``content``: what httpx.Request takes of it.

    ``timeout`` bounds each step and none of them all. Raises httpx.HTTPError, httpx.InvalidURL and OSError.
    """
    told = {"timeout": (timeout or httpx.Timeout(None)).as_dict(), **({"trace": trace} if trace else {})}
    request = httpx.Request(method, url, headers={"User-Agent": AGENT, **headers}, extensions=told, **content)
    async with httpx.AsyncHTTPTransport(verify=tls, trust_env=False) as transport:
        response = await transport.handle_async_request(request)
        try:
            yield response
        finally:
            await response.aclose()
