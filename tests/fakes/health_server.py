"""A health endpoint over a real socket, with the traps that real ones have been seen to set.

    with HealthServer() as server:
        server.answers["/health"] = reports("4162...")
        ... server.url("/health") ...

A path without an answer is a 404. ``seen`` holds the path and headers of every request, in order.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from types import TracebackType
from typing import Any, Self

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    server: HealthServer

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.seen.append((self.path, dict(self.headers.items())))
        with suppress(ConnectionError):  # whoever asked has heard enough
            self.server.answers.get(path, status(404))(self)

    def say(self, body: bytes, *, code: int = 200, kind: str = "application/json", **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class HealthServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int = 0, handler: type[Handler] = Handler) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.answers: dict[str, Answer] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.closing = threading.Event()

    def url(self, path: str = "/health", *, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_port}{path}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that went away is no news


def reports(revision: object) -> Answer:
    return says(json.dumps({"status": "ok", "revision": revision}).encode())


def says(body: bytes, *, code: int = 200, kind: str = "application/json", **headers: str) -> Answer:
    return lambda handler: handler.say(body, code=code, kind=kind, **headers)


def status(code: int, revision: str = "") -> Answer:
    return says(json.dumps({"revision": revision}).encode(), code=code)


def html() -> Answer:
    return says(b"<!doctype html><title>It works!</title>", kind="text/html")


def flaps(*revisions: str) -> Answer:
    """Another revision at each request: two replicas behind one address."""
    turns, lock = cycle(revisions), threading.Lock()

    def answer(handler: Handler) -> None:
        with lock:
            revision = next(turns)
        reports(revision)(handler)

    return answer


def redirects(to: str, *, code: int = 302, **headers: str) -> Answer:
    return says(b"", code=code, Location=to, **headers)


def drips(body: bytes, *, every_s: float = 0.1, headers_too: bool = False) -> Answer:
    """A byte at a time: each of them comes in good time, the whole does not."""

    def answer(handler: Handler) -> None:
        head = f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        if not headers_too:
            handler.wfile.write(head)
        for byte in (head if headers_too else b"") + body:
            handler.wfile.write(bytes([byte]))
            if handler.server.closing.wait(every_s):
                return

    return answer


def floods(size: int) -> Answer:
    """A body of ``size`` bytes, as fast as it is taken; ``seen`` tells afterwards how many were."""

    def answer(handler: Handler) -> None:
        chunk = b" " * 65536
        handler.send_response(200)
        handler.send_header("Content-Length", str(size))
        handler.end_headers()
        sent = 0
        with suppress(ConnectionError):
            while sent < size:
                handler.wfile.write(chunk)
                sent += len(chunk)
        handler.server.seen.append(("sent", {"bytes": str(sent)}))

    return answer


def hangs_up(*, after: bytes = b"") -> Answer:
    """Closes the connection, after some bytes or none."""

    def answer(handler: Handler) -> None:
        if after:
            handler.wfile.write(after)

    return answer


def sleeps(for_s: float, then: Answer) -> Answer:
    def answer(handler: Handler) -> None:
        deadline = time.monotonic() + for_s
        handler.server.closing.wait(max(0, deadline - time.monotonic()))
        then(handler)

    return answer
