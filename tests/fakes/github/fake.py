"""A GitHub to start and stop: the state and its server."""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Any, Self

from tests.fakes.github import oidc
from tests.fakes.github.server import Log, Server
from tests.fakes.github.state import State


class FakeGitHub(State):
    """Starts on entering and stops on leaving; ``port`` 0 takes any that is free, and keeps it."""

    def __init__(self, port: int = 0, *, tls: ssl.SSLContext | None = None, log: Log = lambda _: None) -> None:
        super().__init__()
        self._port = port
        self._tls = tls
        self._log = log
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where the API is: the base_url of a client."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def oidc_issuer(self) -> str:
        return self.url + oidc.ROOT

    @property
    def oidc_request_url(self) -> str:
        """Where a job asks for its token, with ``&audience=`` added and the request token shown."""
        return f"{self.oidc_issuer}{oidc.REQUEST}?api-version=2.0"

    @property
    def oidc_request_token(self) -> str:
        return self.issuer.request_token

    def oidc_token(self, **claims: Any) -> str:
        """A token as a job on the main branch of acme/shop has it, save the claims given; ``None`` leaves one out."""
        return self.issuer.token(self.oidc_issuer, claims)

    def rotate_oidc_key(self, *, keep_old: bool = False) -> None:
        """Sign with a new key from now on; the old ones are published no longer, unless kept."""
        self.issuer.rotate(keep_old=keep_old)

    def start_serving(self) -> None:
        """Listen, on the same port as before."""
        self._server = Server(self, self._port, self._tls, self._log)
        self._port = self._server.server_port

    def stop_serving(self) -> None:
        """Refuse connections."""
        if self._server:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        self.start_serving()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_serving()
