"""The fake on a socket: HTTP or HTTPS, a thread a request."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.fakes.dokploy.answers import Answer, no_such_route
from tests.fakes.dokploy.routes import Call, answer, health
from tests.fakes.dokploy.state import Asked, State

Log = Callable[[str], None]


class Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = 10

    def serve(self) -> None:
        """Answer one request, or misbehave as told. What was asked is noted before anything is done."""
        state, url = self.server.state, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        if not url.path.startswith("/live/"):
            state.requests.append(Asked(self.command, url.path, query, _content(body)))

        def do() -> Answer:
            if url.path.startswith("/live/"):
                return health(state, unquote(url.path).removeprefix("/live/").removesuffix("/health"))
            if not url.path.startswith("/api/"):
                return no_such_route()
            route = url.path.removeprefix("/api/")
            key, kind = self.headers.get("x-api-key"), self.headers.get("Content-Type")
            try:
                return answer(state, Call(self.command, route, query, kind, body, key))
            except Exception as error:
                state.violations.append(f"the fake failed in {route}: {error!r}")  # the connection just closes
                raise

        broken = state.takes_break(url.path)
        with suppress(OSError):  # whoever asked has heard enough
            if broken is None:
                given = do()
                self._send(given, [given.body], size=len(given.body))
            elif sent := broken.chunks(do, self.server.closing):
                self._send(*sent)
        self.server.log(f"{self.command} {url.path} {f'broken: {broken.how}' if broken else given.status}")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = serve  # noqa: N815 - names of the base class

    def _send(self, given: Answer, chunks: Iterable[bytes], size: int | None = None) -> None:
        self.send_response(given.status)
        if given.content_type:
            self.send_header("Content-Type", given.content_type)
        if size is not None:
            self.send_header("Content-Length", str(size))
        for name, value in given.headers.items():
            self.send_header(name, value)
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(chunk)

    def log_message(self, *_: object) -> None:
        pass


def _content(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, state: State, port: int, tls: ssl.SSLContext | None, log: Log) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.state = state
        self.log = log
        self.closing = threading.Event()
        if tls:  # the handshake is left to the request's own thread
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port; answers that are still on their way are cut short or finish in their threads."""
        self.closing.set()
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that went away, or one that speaks no TLS
