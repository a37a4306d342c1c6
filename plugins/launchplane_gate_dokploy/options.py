"""What the settings say of a Dokploy server, for the table of every driver that uses one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import httpx
from pydantic import AfterValidator, Field, SecretStr

from launchplane_gate.errors import SettingsError
from launchplane_gate.hookspecs import Secret
from launchplane_gate.model import Contract
from launchplane_gate_dokploy.connection import Connection
from launchplane_gate_http import is_this_machine, tls_trusting


def _is_a_server(text: str) -> str:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise ValueError("is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("is not an http(s) URL")
    if url.userinfo or url.query or url.fragment or url.path.rstrip("/").endswith("/api"):
        raise ValueError("names scheme, host and port of Dokploy, without user, /api, query or fragment")
    return text.rstrip("/")


def _fits_a_header(key: SecretStr) -> SecretStr:
    text = key.get_secret_value()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("a key is printable ASCII without spaces")
    return key


class ConnectionOptions(Contract):
    """``timeout_s`` bounds a whole call, however slowly its answer comes.

    ``allow_plain_http``: the key may travel unencrypted to another machine.
    """

    url: Annotated[str, AfterValidator(_is_a_server)]
    api_key: Annotated[Secret, AfterValidator(_fits_a_header)]
    ca_file: str | None = None
    allow_plain_http: bool = False
    connect_timeout_s: float = Field(default=5, gt=0, le=60)
    timeout_s: float = Field(default=15, gt=0, le=120)


def connection(options: ConnectionOptions, *, place: str, base_dir: Path) -> Connection:
    """Raises SettingsError for a URL that would give the key away, or a CA file that cannot be used."""
    url = httpx.URL(options.url)
    if url.scheme == "http" and not is_this_machine(url.host) and not options.allow_plain_http:
        raise SettingsError(
            f"settings: {place}.url: the API key would travel unencrypted to {url.host}",
            hint="Nothing was done. Give an https:// URL, or set allow_plain_http = true where the network is yours.",
        )
    ca_file = base_dir / options.ca_file if options.ca_file else None
    return Connection(
        url=options.url,
        api_key=options.api_key,
        tls=tls_trusting(ca_file, f"{place}.ca_file"),
        connect_timeout_s=options.connect_timeout_s,
        timeout_s=options.timeout_s,
    )
