"""A Dokploy to start and stop: the state, its worker and its server."""

from __future__ import annotations

import ssl
from threading import Thread
from types import TracebackType
from typing import Self

from tests.fakes.dokploy.server import Log, Server
from tests.fakes.dokploy.state import State


class FakeDokploy(State):
    """Starts on entering and stops on leaving; ``port`` 0 takes any that is free, and keeps it."""

    def __init__(
        self,
        port: int = 0,
        *,
        tls: ssl.SSLContext | None = None,
        strict: bool = True,
        job_s: float = 0.05,
        takeover_s: float = 0.0,
        pace: float = 100.0,
        log: Log = lambda _: None,
    ) -> None:
        super().__init__(strict=strict, job_s=job_s, takeover_s=takeover_s, pace=pace)
        self._port = port
        self._tls = tls
        self._log = log
        self._server: Server | None = None
        self._worker = Thread(target=self.queue.work, daemon=True)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def health_url(self, target_id: str) -> str:
        return f"{self.url}/live/{target_id}/health"

    def start_serving(self) -> None:
        """Listen, on the same port as before."""
        self._server = Server(self, self._port, self._tls, self._log)
        self._port = self._server.server_port

    def stop_serving(self) -> None:
        """Refuse connections; jobs go on."""
        if self._server:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        self.start_serving()
        self._worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_serving()
        self.queue.close()
        self._worker.join()
