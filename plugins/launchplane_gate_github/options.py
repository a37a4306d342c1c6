"""What the settings file says to this plugin: where GitHub is, who asks it, who publishes, and which products do."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Self

import httpx
from pydantic import AfterValidator, Field, SecretStr, model_validator

from launchplane_gate.errors import SettingsError
from launchplane_gate.hookspecs import IN_A_HEADER, LateSecret, PluginConfig, checked, read_table
from launchplane_gate.model import Contract, Name
from launchplane_gate.records import ProductProfile
from launchplane_gate.secret import UnsetSecret
from launchplane_gate_github.connection import GitHub
from launchplane_gate_github.identity import (
    Access,
    AppIdentity,
    Identity,
    Nobody,
    TokenIdentity,
    UnsetIdentity,
    is_a_signing_key,
)
from launchplane_gate_github.wire import Server
from launchplane_gate_http import is_this_machine, tls_trusting

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}", re.ASCII)


def is_repository(name: str) -> bool:
    """Whether this is OWNER/NAME, and fit to stand in a path."""
    return bool(_REPOSITORY.fullmatch(name))


def _is_a_repository(name: str) -> str:
    if not is_repository(name):
        raise ValueError("a repository is OWNER/NAME")
    return name


def _is_an_api(text: str) -> str:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise ValueError("is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise ValueError("is scheme, host, port and path of an API, without user, query or fragment")
    if url.host in ("github.com", "www.github.com"):
        raise ValueError("names the web site; the API is at https://api.github.com")
    return str(url).rstrip("/")  # without a port that goes without saying, as the API names its own URLs


A_KEY = "is no RSA private key in PEM, without a password, as GitHub gives out for an App"

Token = Annotated[LateSecret, IN_A_HEADER]
PrivateKey = Annotated[LateSecret, checked(is_a_signing_key, A_KEY)]


class AppOptions(Contract):
    """A GitHub App; ``installation_id`` is looked up for the repository where it is left out."""

    app_id: int = Field(gt=0)
    installation_id: int | None = Field(default=None, gt=0)
    private_key: PrivateKey


class ReleaseIdentityOptions(Contract):
    """``[plugins.github.release_identity]``: who publishes, an App or a token; never whoever is logged in here."""

    token: Token | None = None
    app_id: int | None = Field(default=None, gt=0)
    installation_id: int | None = Field(default=None, gt=0)
    private_key: PrivateKey | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.app_id is None) != (self.private_key is None):
            raise ValueError("app_id and private_key go together")
        if (self.token is None) == (self.app_id is None):
            raise ValueError("give a token, or an app_id with its private_key")
        if self.installation_id and self.token is not None:
            raise ValueError("installation_id belongs to an App")
        return self


class ProductOptions(Contract):
    """``[plugins.github.products.NAME]``. ``repository``: that of the product's profile, unless it is named here.

    ``notes_template``: the file that release notes are made of, beside the settings file.
    """

    repository: Annotated[str, AfterValidator(_is_a_repository)] | None = None
    notes_template: str | None = None


class GitHubOptions(Contract):
    """``[plugins.github]``. ``timeout_s`` bounds each call, ``max_bytes`` each answer.

    ``token`` or ``app`` is who reads; public repositories can be read without. ``allow_plain_http``: what proves who
    asks may travel unencrypted to another machine.
    """

    base_url: Annotated[str, AfterValidator(_is_an_api)] = "https://api.github.com"
    token: Token | None = None
    app: AppOptions | None = None
    release_identity: ReleaseIdentityOptions | None = None
    products: dict[Name, ProductOptions] = Field(default={})
    ca_file: str | None = None
    allow_plain_http: bool = False
    connect_timeout_s: float = Field(default=5, gt=0, le=60)
    timeout_s: float = Field(default=15, gt=0, le=120)
    max_bytes: int = Field(default=16 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)

    @model_validator(mode="after")
    def _reads_as_one(self) -> Self:
        if self.token is not None and self.app:
            raise ValueError("give a token or an app to read with, not both")
        return self


def read_options(config: PluginConfig) -> tuple[GitHubOptions, GitHub]:
    """The options, and the connection that they describe; nobody is asked. Raises SettingsError, naming the key."""
    place = f"plugins.{config.name}"
    options = read_table(GitHubOptions, config.options, place)
    host = httpx.URL(options.base_url)
    if host.scheme == "http" and not is_this_machine(host.host) and not options.allow_plain_http:
        raise SettingsError(
            f"settings: {place}.base_url: what proves who asks would travel unencrypted to {host.host}",
            hint="Nothing was done. Give an https:// URL, or set allow_plain_http = true where the network is yours.",
        )
    ca_file = config.base_dir / options.ca_file if options.ca_file else None
    server = Server(
        url=options.base_url,
        tls=tls_trusting(ca_file, f"{place}.ca_file"),
        connect_timeout_s=options.connect_timeout_s,
        timeout_s=options.timeout_s,
        max_bytes=options.max_bytes,
        now=config.now,
    )
    return options, GitHub(server, _reader(options, place, config.now), _publisher(options, place, config.now))


def repository_of(options: GitHubOptions, product: ProductProfile) -> str:
    """The repository of a product that the settings name. Raises SettingsError where it is none of GitHub's."""
    full_name = options.products[product.product].repository or product.repository
    if not is_repository(full_name):
        raise SettingsError(
            f"the profile of {product.product} names the repository {full_name!r}, which is not OWNER/NAME; "
            f"mend it there, or name it in [plugins.github.products.{product.product}]"
        )
    return full_name


def _reader(options: GitHubOptions, place: str, now: Callable[[], datetime]) -> Identity:
    if options.app:
        own = options.app
        return _app(f"[{place}] app", own.app_id, own.installation_id, own.private_key, "read", now)
    return _token(f"[{place}] token", options.token) if options.token is not None else Nobody(f"[{place}] token")


def _publisher(options: GitHubOptions, place: str, now: Callable[[], datetime]) -> Identity | None:
    own, place = options.release_identity, f"[{place}.release_identity]"
    if own is None:
        return None
    if own.token is not None:
        return _token(place, own.token)
    assert own.app_id is not None and own.private_key is not None
    return _app(place, own.app_id, own.installation_id, own.private_key, "write", now)


def _token(place: str, token: SecretStr) -> Identity:
    return UnsetIdentity(place, token) if isinstance(token, UnsetSecret) else TokenIdentity(place, token)


def _app(  # noqa: PLR0917  # what an App is made of, once more
    place: str, app_id: int, installation_id: int | None, key: SecretStr, access: Access, now: Callable[[], datetime]
) -> Identity:
    if isinstance(key, UnsetSecret):
        return UnsetIdentity(place, key)
    return AppIdentity(place, app_id, key, access=access, installation_id=installation_id, now=now)
