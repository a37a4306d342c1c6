"""What the settings file says to this plugin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

import httpx
from pydantic import AfterValidator, Field, model_validator

from launchplane_gate.hookspecs import IN_A_HEADER, LateSecret, PluginConfig, read_table
from launchplane_gate.model import Contract
from launchplane_gate_http import is_this_machine, tls_trusting, usual_tls
from launchplane_gate_oci.docker_config import read_logins
from launchplane_gate_oci.login import Login
from launchplane_gate_oci.places import BLOB_HOSTS, TOKEN_HOSTS, Places, blob_host_in, host_in
from launchplane_gate_oci.reference import DOCKER_HUB, HUB_NAMES, is_registry
from launchplane_gate_oci.repository import Access


def _is_a_registry(name: str) -> str:
    if not is_registry(name):
        raise ValueError("a registry is HOST or HOST:PORT, in lower case")
    if name in HUB_NAMES - {DOCKER_HUB}:
        raise ValueError(f"Docker Hub is called {DOCKER_HUB} here")
    return name


def _is_a_user_name(name: str) -> str:
    if not name or ":" in name or not name.isprintable():
        raise ValueError("a user name is printable text without a colon")
    return name


class RegistryOptions(Contract):
    """``[plugins.oci.registries."HOST"]``. ``token`` is sent as a bearer token, as it is.

    ``allow_plain_http``: it is asked over http, so that the login travels unencrypted. ``token_host``: the one host
    beside the registry's own to which the login goes, for a token. ``blob_hosts``: where its blobs may be, besides its
    own host and those that are known of it; one at an address that is not of the internet needs that address, or its
    network, here too.
    """

    username: Annotated[str, AfterValidator(_is_a_user_name)] | None = None
    password: LateSecret | None = None
    token: Annotated[LateSecret, IN_A_HEADER] | None = None
    ca_file: str | None = None
    allow_plain_http: bool = False
    token_host: Annotated[str, AfterValidator(host_in)] | None = None
    blob_hosts: tuple[Annotated[str, AfterValidator(blob_host_in)], ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.token is not None and self.password is not None:
            raise ValueError("give a token, or a username and a password")
        if self.ca_file and self.allow_plain_http:
            raise ValueError("names certificates, and is to be asked over plain http")
        return self

    @property
    def login(self) -> Login | None:
        if self.token is not None or self.password is not None:
            return Login(username=self.username or "", password=self.password, token=self.token)
        return None


class OciOptions(Contract):
    """``[plugins.oci]``. ``timeout_s`` bounds all that is asked about an artifact, ``max_bytes`` each answer."""

    docker_config: str | None = None
    timeout_s: float = Field(default=10, gt=0, le=120)
    max_bytes: int = Field(default=4 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    registries: dict[Annotated[str, AfterValidator(_is_a_registry)], RegistryOptions] = Field(default={})


class Registries:
    """How each registry is asked, those that the settings do not name included. Raises SettingsError."""

    def __init__(self, options: OciOptions, *, place: str, base_dir: Path) -> None:
        self._options = options.registries
        self._logins: Mapping[str, Login] = {}
        if options.docker_config:
            path = base_dir / Path(options.docker_config).expanduser()
            self._logins = read_logins(path, f"{place}.docker_config")
        self._own_tls = {
            name: tls_trusting(base_dir / registry.ca_file, f"{place}.registries.{name}.ca_file")
            for name, registry in options.registries.items()
            if registry.ca_file
        }

    def access(self, registry: str) -> Access:
        own = self._options.get(registry, RegistryOptions())
        host = "registry-1.docker.io" if registry == DOCKER_HUB else registry
        plain = own.allow_plain_http or (is_this_machine(host.partition(":")[0]) and not own.ca_file)
        return Access(
            registry=registry,
            places=Places(
                url=httpx.URL(f"{'http' if plain else 'https'}://{host}"),
                token_host=own.token_host or TOKEN_HOSTS.get(registry),
                blob_hosts=(*BLOB_HOSTS.get(registry, ()), *own.blob_hosts),
            ),
            login=own.login or self._logins.get(registry),
            tls=self._own_tls.get(registry) or usual_tls(),
        )


def read_options(config: PluginConfig) -> tuple[OciOptions, Registries]:
    """Raises SettingsError, which names the key; never a value, which may be a secret."""
    place = f"plugins.{config.name}"
    options = read_table(OciOptions, config.options, place)
    return options, Registries(options, place=place, base_dir=config.base_dir)
