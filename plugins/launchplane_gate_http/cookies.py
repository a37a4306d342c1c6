"""No cookies: each request stands for itself, and what a server wants kept is not even sent back in a redirect."""

from __future__ import annotations

from http.cookiejar import CookieJar, DefaultCookiePolicy


def no_cookies() -> CookieJar:
    """A jar that stays empty. httpx fills any other, and fails to write some of what it took into its next request."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))
