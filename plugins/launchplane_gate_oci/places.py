"""Where a registry may send the gate: what it says itself of that counts for nothing."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import httpx

from launchplane_gate_http import Address
from launchplane_gate_oci.reference import DOCKER_HUB

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# As their keepers publish them, for whoever has a firewall: docs.docker.com/desktop/setup/allow-list,
# docs.github.com on the container registry, access.redhat.com/articles/6999582, docs.gitlab.com on its domains.
TOKEN_HOSTS: Mapping[str, str] = {DOCKER_HUB: "auth.docker.io", "registry.gitlab.com": "gitlab.com"}
BLOB_HOSTS: Mapping[str, tuple[str, ...]] = {
    DOCKER_HUB: (
        "production.cloudflare.docker.com",
        "production.cloudfront.docker.com",
        "docker-images-prod.6aa30f8b08e16409b46e0173d6de2f56.r2.cloudflarestorage.com",
    ),
    "ghcr.io": ("pkg-containers.githubusercontent.com",),
    "quay.io": ("cdn.quay.io", *(f"cdn{number:02}.quay.io" for number in range(1, 7))),
    "registry.gitlab.com": ("cdn.registry.gitlab-static.net",),
}

_HOST = re.compile(r"[0-9a-z._:\[\]-]+")


def host_in(text: str) -> str:
    """HOST or HOST:PORT in its one form. Raises ValueError for anything else."""
    wrong = "is HOST or HOST:PORT, in lower case"
    try:
        url = httpx.URL(f"https://{text}")
    except httpx.InvalidURL:
        raise ValueError(wrong) from None
    if not url.host or not _HOST.fullmatch(text) or url != httpx.URL(scheme="https", host=url.host, port=url.port):
        raise ValueError(wrong)
    if text not in (there := url.netloc.decode("ascii"), f"{there}:443"):
        raise ValueError(wrong)
    return there


def blob_host_in(text: str) -> str:
    """A host as above, or a network such as ``10.0.0.0/8``. Raises ValueError."""
    try:
        return str(ipaddress.ip_network(text)) if "/" in text else host_in(text)
    except ValueError:
        raise ValueError("is HOST, HOST:PORT or a network such as 10.0.0.0/8, in lower case") from None


@dataclass(frozen=True)
class Places:
    """Of one registry. ``url`` is scheme, host and port of its API, ``blob_hosts`` as in the settings."""

    url: httpx.URL
    token_host: str | None = None
    blob_hosts: tuple[str, ...] = ()

    def is_own(self, url: httpx.URL) -> bool:
        return (url.scheme, url.netloc) == (self.url.scheme, self.url.netloc)

    def gives_tokens(self, url: httpx.URL) -> bool:
        return self.is_own(url) or self._is_one_of([self.token_host] if self.token_host else [], url)

    def keeps_blobs(self, url: httpx.URL) -> bool:
        return self.is_own(url) or self._is_one_of(self.blob_hosts, url)

    def may_be_at(self, address: Address) -> bool:
        """Whether a host that keeps blobs may be asked at an address.

        A name is not enough for one that is not of the internet: whoever has a say in the name could aim it at what
        is near the gate, and is not meant for it.
        """
        address = getattr(address, "ipv4_mapped", None) or address
        if address.is_global and not address.is_multicast:
            return True
        return any(address in network for host in self.blob_hosts for network in _networks(host))

    def _is_one_of(self, hosts: Iterable[str], url: httpx.URL) -> bool:
        """Whether a host is named, and asked no less safely than the registry itself."""
        return url.netloc.decode("ascii") in hosts and url.scheme in {"https", self.url.scheme}


def _networks(host: str) -> list[Network]:
    """The addresses that a named host, or network, stands for without asking anybody."""
    if "/" in host:
        return [ipaddress.ip_network(host)]
    name = httpx.URL(f"https://{host}").host
    if name == "localhost":
        return [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1")]
    try:
        return [ipaddress.ip_network(name)]
    except ValueError:
        return []
