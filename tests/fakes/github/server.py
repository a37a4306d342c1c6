"""The fake on a socket: HTTP or HTTPS, a thread a request."""

from __future__ import annotations

import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.fakes.github import answers, oidc, routes_apps, routes_git, routes_releases
from tests.fakes.github.answers import Answer
from tests.fakes.github.routing import Request, answer
from tests.fakes.github.shapes import Shapes
from tests.fakes.github.state import RATE_LIMIT, UPLOADS, Asked, State

Log = Callable[[str], None]

ROUTES = [*routes_git.ROUTES, *routes_releases.ROUTES, *routes_apps.ROUTES]


class Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = 10

    def serve(self) -> None:
        """Answer one request, or misbehave as told. What was asked is noted before anything is done."""
        state, url = self.server.state, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        below_issuer = url.path.startswith(f"{oidc.ROOT}/")
        asked = Asked(self.command, self.path, body.decode(errors="replace"))
        (state.oidc_requests if below_issuer else state.requests).append(asked)

        def do() -> Answer:
            with state.changed:
                try:
                    state.acts_before(self.command, unquote(url.path))
                    if below_issuer:
                        return self._issue(url.path.removeprefix(oidc.ROOT), dict(parse_qsl(url.query)))
                    return self._answer(Request(self.command, url.path, url.query, body, *self._headers()))
                except Exception as error:  # of the fake itself, or of what was to run before: no test shall miss it
                    state.violations.append(f"{self.command} {url.path}: the fake failed: {error!r}")
                    raise

        broken = state.takes_break(self.command, unquote(url.path))
        status = "dropped"
        with suppress(OSError):  # whoever asked has heard enough
            if broken is None:
                given = do()
                status = str(given.status)
                self._send(given, [given.body], size=len(given.body))
            elif sent := broken.chunks(do, self.server.closing):
                status = str(sent[0].status)
                self._send(*sent)
        self.server.log(f"{self.command} {url.path} {status}{f' ({broken.how})' if broken else ''}")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = serve  # noqa: N815 - names of the base class

    def _headers(self) -> tuple[str | None, str | None]:
        return self.headers.get("Content-Type"), self.headers.get("Authorization")

    def _answer(self, request: Request) -> Answer:
        if not self.headers.get("User-Agent"):
            return Answer(403, b"Request forbidden by administrative rules. Send a User-Agent header.\r\n", "text/html")
        self.server.state.used += 1
        state, api = self.server.state, self.server.url
        if request.path.startswith(f"{UPLOADS}/"):
            request = replace(request, path=request.path.removeprefix(UPLOADS), uploads=True)
        return answer(state, ROUTES, request, Shapes(api, state.uploads_url or f"{api}{UPLOADS}"))

    def _issue(self, path: str, query: dict[str, str]) -> Answer:
        """A document of the issuer, or to a runner a token for the audience that it names."""
        issuer, url = self.server.state.issuer, self.server.url + oidc.ROOT
        if path == oidc.REQUEST:
            if not issuer.gives_to(self.headers.get("Authorization")):
                return answers.refusal(401, "Requires authentication")
            return answers.says({"value": issuer.token(url, {"aud": query["audience"]} if "audience" in query else {})})
        documents = issuer.documents(url)
        return answers.says(documents[path]) if self.command == "GET" and path in documents else answers.not_found()

    def _send(self, given: Answer, chunks: Iterable[bytes], size: int | None = None) -> None:
        self.send_response(given.status)
        headers = {**_limits(self.server.state.used), **given.headers, "X-GitHub-Request-Id": uuid.uuid4().hex.upper()}
        if given.content_type:
            headers["Content-Type"] = given.content_type
        if size is not None and given.status != 204:
            headers["Content-Length"] = str(size)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(chunk)

    def log_message(self, *_: object) -> None:
        pass


def _limits(used: int) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(RATE_LIMIT),
        "X-RateLimit-Remaining": str(max(0, RATE_LIMIT - used)),
        "X-RateLimit-Used": str(used),
        "X-RateLimit-Reset": str(int(time.time()) + 3600),
        "X-RateLimit-Resource": "core",
    }


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, state: State, port: int, tls: ssl.SSLContext | None, log: Log) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.state = state
        self.log = log
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}"
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
