"""A registry that gives tokens, and one that lies: what ``docker-registry`` does not do by itself.

with RegistryStub(images, wants="bearer", logins={"operator": "hunter2"}) as registry:
    registry.answers[registry.blob(digest)] = redirects(elsewhere)
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from tests.fakes.health_server import Handler, HealthServer
from tests.fakes.registry import basic
from tests.fakes.registry_images import Images

REPOSITORY = "shop/web"


class RegistryHandler(Handler):
    disable_nagle_algorithm = True  # an answer is sent in two parts
    server: RegistryStub

    def do_GET(self) -> None:  # noqa: N802  # as http.server calls it
        parts = urlsplit(self.path)
        self.server.seen.append((self.path, dict(self.headers.items())))
        with suppress(ConnectionError):
            if parts.path in self.server.answers:
                self.server.answers[parts.path](self)
            elif parts.path == "/token":
                self._token(parse_qs(parts.query))
            else:
                self._registry(parts.path)

    def do_POST(self) -> None:  # noqa: N802  # as http.server calls it
        self.server.seen.append((self.path, dict(self.headers.items())))
        sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        with suppress(ConnectionError):
            self._token(sent)

    def _token(self, asked: Mapping[str, list[str]]) -> None:
        """A token for what was asked; a name of its own if ``service`` and ``scope`` are those of the challenge."""
        server = self.server
        known = self.headers.get("Authorization") in {basic(*login) for login in server.logins.items()}
        refreshed = asked.get("grant_type") == ["refresh_token"] and asked["refresh_token"][0] in server.identities
        anyone = not server.logins and not server.identities
        named = asked.get("service") == ["tests"] and asked.get("scope") == [f"repository:{REPOSITORY}:pull"]
        if not (named and (known or refreshed or anyone)):
            return self.say(b'{"details": "hunter2 is wrong"}', code=401)
        server.tokens.add(token := secrets.token_hex(8))
        key = "access_token" if refreshed else "token"
        return self.say(json.dumps({key: token, "expires_in": 300}).encode())

    def _registry(self, path: str) -> None:
        server = self.server
        if not server.lets_in(self.headers.get("Authorization", "")):
            challenge = {
                "basic": 'Basic realm="tests, and others"',
                "bearer": f'Bearer realm="{server.realm}",service="tests",scope="repository:{REPOSITORY}:pull,push"',
            }
            body = b'{"errors": [{"code": "UNAUTHORIZED"}]}'
            return self.say(body, code=401, WWW_Authenticate=challenge[server.wants])
        _, kind, digest = path.rsplit("/", 2)
        if not path.startswith(f"/v2/{REPOSITORY}/"):
            return self.say(b'{"errors": [{"code": "NAME_UNKNOWN"}]}', code=404)
        if kind == "manifests" and digest in server.images.manifests:
            manifest = server.images.manifests[digest]
            return self.say(manifest.body, kind=manifest.media_type)
        if kind == "blobs" and digest in server.images.blobs:
            return self.say(server.images.blobs[digest], kind="application/octet-stream")
        code = "MANIFEST_UNKNOWN" if kind == "manifests" else "BLOB_UNKNOWN"
        return self.say(json.dumps({"errors": [{"code": code}]}).encode(), code=404)


class RegistryStub(HealthServer):
    """Holds images in one repository; ``realm`` is where it says that tokens are had."""

    def __init__(
        self,
        images: Images,
        *,
        wants: Literal["nothing", "basic", "bearer"] = "nothing",
        logins: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.RequestHandlerClass = RegistryHandler
        self.images, self.wants, self.logins = images, wants, dict(logins or {})
        self.realm = self.url("/token")
        self.tokens: set[str] = set()
        self.identities: set[str] = set()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def artifact(self, digest: str) -> str:
        return f"{self.host}/{REPOSITORY}@{digest}"

    def lets_in(self, authorization: str) -> bool:
        if self.wants == "bearer":
            return authorization.removeprefix("Bearer ") in self.tokens
        return self.wants == "nothing" or authorization in {basic(*login) for login in self.logins.items()}

    def sent_to(self, path: str) -> list[str | None]:
        """What each request for a path said of who asks."""
        return [headers.get("Authorization") for seen, headers in self.seen if urlsplit(seen).path == path]


def manifest_path(digest: str) -> str:
    return f"/v2/{REPOSITORY}/manifests/{digest}"


def blob_path(digest: str) -> str:
    return f"/v2/{REPOSITORY}/blobs/{digest}"
