"""What the settings file says to this plugin."""

from __future__ import annotations

import ssl
from typing import Annotated

import httpx
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from launchplane_gate.hookspecs import PluginConfig, read_table
from launchplane_gate.model import Contract, Identifier
from launchplane_gate_http import is_this_machine, tls_trusting

GITHUB = "https://token.actions.githubusercontent.com"

Repository = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _is_an_issuer(text: str) -> str:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise ValueError("is not a URL") from None
    if not is_safe(url):
        raise ValueError("is an https:// URL, or an http:// one of this machine")
    if url.userinfo or "?" in text or "#" in text or text.endswith("/"):
        raise ValueError("names an issuer as its tokens do: no user, query, fragment or slash at the end")
    return text


def is_safe(url: httpx.URL) -> bool:
    """Whether what travels there, or comes from there, is out of the reach of others."""
    return bool(url.host) and (url.scheme == "https" or (url.scheme == "http" and is_this_machine(url.host)))


ClaimName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
OneOf = Annotated[tuple[Identifier, ...], Field(min_length=1), BeforeValidator(_listed)]


class GithubOidcOptions(Contract):
    """``[plugins.github-oidc]``. ``repositories``: those whose tokens are taken at all; None is for every one.

    ``require``: what claims have to be, by their names: that text, or one of several. ``leeway_s``: by how much the
    clocks may differ. ``timeout_s`` bounds each whole answer.
    """

    audience: Identifier
    issuer: Annotated[str, AfterValidator(_is_an_issuer)] = GITHUB
    repositories: Annotated[tuple[Repository, ...], Field(min_length=1)] | None = None
    require: dict[ClaimName, OneOf] = Field(default_factory=dict)
    leeway_s: float = Field(default=10, ge=0, le=60)
    timeout_s: float = Field(default=10, gt=0, le=60)
    ca_file: str | None = None


def read_options(config: PluginConfig) -> tuple[GithubOidcOptions, ssl.SSLContext]:
    """Raises SettingsError, which names the key."""
    place = f"plugins.{config.name}"
    options = read_table(GithubOidcOptions, config.options, place)
    ca_file = config.base_dir / options.ca_file if options.ca_file else None
    return options, tls_trusting(ca_file, f"{place}.ca_file")
