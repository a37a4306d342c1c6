"""What stands between a client and Postgres, and loses what a network loses.

with PostgresProxy(server) as proxy:
    engine = connect(proxy.url("ledger"))
    proxy.lose_the_answer_of(2)
    ... the second commit from now is done, and whoever asked for it sees a connection that ended ...

A commit is a statement of its own, ``COMMIT`` or ``END``, in the simple or the extended protocol. Where a client sends
several statements at once, the answers to those that go with the commit are lost with it.

Source: https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Literal, Self

from tests.postgres import PostgresServer

Fate = Literal["never arrives", "arrives late", "answer lost"]

_ENCRYPTED = {80877103, 80877104}  # the first packet asks for TLS or GSSAPI
_SYNC = b"S" + struct.pack("!i", 4)
_ENDS_AN_EXCHANGE = {b"Q", b"S", b"F"}  # to each of them the server says once that it is ready
_COMMITS = re.compile(rb"\s*(COMMIT|END)\b", re.IGNORECASE)
_WAIT_S = 20.0


class PostgresProxy(ThreadingTCPServer):
    """``commits`` counts those that were seen. What is told to befall one befalls it once."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, behind: PostgresServer) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.behind = behind
        self.commits = 0
        self.open: set[socket.socket] = set()
        self.lets_through = threading.Event()
        self.lets_through.set()
        self.delivers = threading.Event()
        self.landed = threading.Event()
        self._fates: dict[int, Fate] = {}
        self._lock = threading.Lock()

    def url(self, database: str) -> str:
        return self.behind.url(database, port=self.server_address[1])

    def lose_the_answer_of(self, n: int = 1) -> None:
        """Let the ``n``-th commit from now be done; then end its connection, in place of the answer."""
        self._befalls(n, "answer lost")

    def lose_the_commit(self, n: int = 1) -> None:
        """End the connection of the ``n``-th commit from now, in place of passing it on."""
        self._befalls(n, "never arrives")

    def delay_the_commit(self, n: int = 1) -> None:
        """End the client's connection at the ``n``-th commit from now, and keep the commit until ``deliver``."""
        self.delivers.clear()
        self.landed.clear()
        self._befalls(n, "arrives late")

    def deliver(self) -> None:
        """Pass on the commit that was kept, and wait until it is done. Its transaction was open all the while."""
        self.delivers.set()
        assert self.landed.wait(_WAIT_S), "no commit was kept, or it does not end"

    def cut(self) -> None:
        """End every connection now; new ones are let through."""
        with self._lock:
            for connected in self.open:
                end(connected)

    def stall(self) -> None:
        """Pass nothing on, in either direction, and end nothing, until ``let_through``."""
        self.lets_through.clear()

    def let_through(self) -> None:
        self.lets_through.set()

    def fate(self) -> Fate | None:
        """Count a commit, and say what is to befall it."""
        with self._lock:
            self.commits += 1
            return self._fates.pop(self.commits, None)

    def holds(self, *connected: socket.socket) -> None:
        with self._lock:
            self.open.update(connected)

    def lets_go(self, *connected: socket.socket) -> None:
        with self._lock:
            self.open.difference_update(connected)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.cut()
        self.delivers.set()
        self.lets_through.set()
        self.server_close()

    def _befalls(self, n: int, fate: Fate) -> None:
        with self._lock:
            self._fates[self.commits + n] = fate


class _Connection(BaseRequestHandler):
    """Two threads: this one passes on what the client says, the other what the server says."""

    server: PostgresProxy
    request: socket.socket

    def setup(self) -> None:
        self._commits = _Commits()
        self._asked = self._answered = 0  # exchanges that were begun, and ended
        self._lost: int | None = None  # the number of the one whose answer is
        self._late = False
        self._to_server: socket.socket

    def handle(self) -> None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.server.behind.port)) as self._to_server:
            for connected in (self.request, self._to_server):
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.server.holds(self.request, self._to_server)
            try:
                self._greet()
                answering = threading.Thread(target=self._pass_on_answers, daemon=True)
                answering.start()
                self._pass_on_questions()
                answering.join()
                if self._late:
                    self.server.landed.set()
            finally:
                self.server.lets_go(self.request, self._to_server)

    def _greet(self) -> None:
        """Pass on the first packet, which has no kind; what is sent is to be read, so nothing is encrypted."""
        while True:
            size = self._exactly(4)
            rest = self._exactly(struct.unpack("!i", size)[0] - 4)
            self.server.lets_through.wait()
            if struct.unpack("!i", rest[:4])[0] not in _ENCRYPTED:
                break
            self.request.sendall(b"N")
        self._to_server.sendall(size + rest)

    def _exactly(self, size: int) -> bytes:
        got = self.request.recv(size, socket.MSG_WAITALL)
        if len(got) < size:
            raise ConnectionResetError
        return got

    def _pass_on_questions(self) -> None:
        with suppress(OSError):
            for kind, message in _messages(self.request):
                self.server.lets_through.wait()
                fate = self.server.fate() if self._commits.is_one(kind, message) else None
                if fate == "never arrives":
                    break
                if fate:
                    self._lost = self._asked + 1
                if fate == "arrives late":
                    end(self.request)
                    self.server.delivers.wait()
                    message = message if kind == b"Q" else message + _SYNC  # noqa: PLW2901  # its client is gone
                self._asked += kind in _ENDS_AN_EXCHANGE
                self._to_server.sendall(message)
                if fate == "arrives late":
                    self._late = True
                    return
        self.server.lets_through.wait()
        end(self._to_server)

    def _pass_on_answers(self) -> None:
        greeted = False  # the server is ready once before anything was asked
        with suppress(OSError):
            for kind, message in _messages(self._to_server):
                self.server.lets_through.wait()
                lost = greeted and self._answered + 1 == self._lost
                if not lost:
                    self.request.sendall(message)
                if kind == b"Z":
                    self._answered += greeted
                    greeted = True
                    if lost:
                        break
        self.server.lets_through.wait()
        end(self.request)
        end(self._to_server)


class _Commits:
    """Tells which message of a client commits, by the statements and portals that it has made before."""

    def __init__(self) -> None:
        self._statements: set[bytes] = set()
        self._portals: set[bytes] = set()

    def is_one(self, kind: bytes, message: bytes) -> bool:
        body = message[5:]
        match kind:
            case b"Q":
                return bool(_COMMITS.match(body))
            case b"P":
                name, text, *_ = body.split(b"\0")
                self._note(self._statements, name, is_one=bool(_COMMITS.match(text)))
            case b"B":
                portal, name, *_ = body.split(b"\0")
                self._note(self._portals, portal, is_one=name in self._statements)
            case b"E":
                return body.split(b"\0")[0] in self._portals
        return False

    @staticmethod
    def _note(those: set[bytes], name: bytes, *, is_one: bool) -> None:
        (those.add if is_one else those.discard)(name)


def end(connected: socket.socket) -> None:
    """End a connection that another thread may be reading."""
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _messages(connected: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """The kind of each message, and all of it, kind and length included."""
    with connected.makefile("rb") as read:
        while len(head := read.read(5)) == 5:
            size = struct.unpack("!i", head[1:])[0] - 4
            if len(body := read.read(size)) < size:
                return
            yield head[:1], head + body
