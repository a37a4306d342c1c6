"""HTTP to a server that is not trusted to answer: whole answers within a time and a size, from nowhere else."""

from __future__ import annotations

import http.client
import io
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NamedTuple

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from launchplane_gate.errors import EngineError

MAX_ANSWER_BYTES = 32 * 1024 * 1024  # a server's policies with their syntax trees
MAX_DECISION_BYTES = 1024 * 1024  # one takes a few KB
DECISIONS = "/v1/data/gate/"

AWAY = (
    "Nothing was deployed. See that OPA runs and that opa.url in the settings is its address; the next decision asks "
    "again, and `launchplane-gate doctor` tells how it fares."
)
SLOW = "Nothing was deployed. Find out what keeps OPA busy, or give it longer: opa.timeout_s in the settings."
LARGE = "Nothing was deployed. See that opa.url in the settings is the address of an OPA."
TWO_ENDS = "does not say in one way where its answer ends"
MIXED = "Nothing was deployed. Find out what stands between the gate and OPA: an OPA does not answer so."
BAD_TLS = "Nothing was deployed. See that opa.ca_file, cert_file and key_file in the settings fit the server."


class RawAnswer(NamedTuple):
    """``kind`` is its content type and ``coding`` its content encoding, both as the server said."""

    status: int
    kind: str
    coding: str
    body: bytes


class NotOneAnswer(Exception):
    """What is wrong with the frame of an answer: where it ends, and what comes after it."""


class _NotOurs(logging.Filter):
    """Keeps what is asked here out of the log of urllib3, whose level is that of whoever else uses it."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not isinstance(threading.current_thread(), _Call)


_FILTER = _NotOurs()
_LOGGERS = ("urllib3.connection", "urllib3.connectionpool", "urllib3.response", "urllib3.util.retry")


class BoundedSession(requests.Session):
    """A session for one server. It knows no proxy, no netrc, no cookie and no redirect.

    Each request takes a connection of its own, on which nothing but its answer may come: one that was kept open would
    fail the first question after a restart, and might hold the answer to another question.
    ``timeout_s`` bounds a request from resolving the name to the last byte; a server that sends a byte now and then
    gains nothing by it. ``send`` raises EngineError where there is no whole answer, else gives what ``read`` makes
    of it.
    """

    def __init__(self, where: str, timeout_s: float, read: Callable[[RawAnswer], requests.Response]) -> None:
        super().__init__()
        self.where, self.timeout_s, self.read = where, timeout_s, read
        self._bound = threading.local()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers.update({"Connection": "close", "Accept": "application/json", "Accept-Encoding": "identity"})
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter())
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_FILTER)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: a redirect is an answer like any other, and no document."""

    @contextmanager
    def until(self, moment: float) -> Iterator[None]:
        """Let no request of this thread last beyond a moment of ``time.monotonic``, however many there are."""
        self._bound.moment = moment
        try:
            yield
        finally:
            del self._bound.moment

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        left_s = min(self.timeout_s, getattr(self._bound, "moment", float("inf")) - time.monotonic())
        if left_s <= 0:
            raise self._slow()
        most = MAX_DECISION_BYTES if request.path_url.startswith(DECISIONS) else MAX_ANSWER_BYTES
        asked = kwargs | {"stream": True, "timeout": left_s, "proxies": {}}
        call = _Call(lambda: self._exchange(request, asked, most))
        call.start()
        try:
            call.join(left_s)
            in_time = not call.is_alive()
        finally:
            call.hang_up()  # after Ctrl-C too
        if not in_time or isinstance(call.error, (TimeoutError, requests.Timeout)):
            raise self._open() if call.heard_all else self._slow()
        if call.error is not None:
            raise self._no_answer(call.error) from None
        assert call.answer is not None  # it ended, and without an error
        if len(call.answer.body) > most:
            raise EngineError(f"{self.where} answered with more than {most // 1024 // 1024} MB", hint=LARGE)
        return self.read(call.answer)

    def _exchange(self, request: requests.PreparedRequest, asked: dict[str, Any], most: int) -> RawAnswer:
        with super().send(request, **asked) as response:
            _see_where_it_ends(response.raw.headers)
            body = b"".join(_pieces(response, most))
            if len(body) <= most:
                _see_that_nothing_follows()
            headers = response.headers
            kind, coding = headers.get("Content-Type", ""), headers.get("Content-Encoding", "")
            return RawAnswer(response.status_code, kind, coding, body)

    def _slow(self) -> EngineError:
        return EngineError(f"{self.where} did not answer within {self.timeout_s:g} s", hint=SLOW)

    def _open(self) -> EngineError:
        return EngineError(f"{self.where} does not end the connection after its answer, as it was told to", hint=MIXED)

    def _no_answer(self, error: BaseException) -> EngineError:
        """What went wrong, in words that hold nothing of the request: its header carries a token."""
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, (NotOneAnswer, urllib3.exceptions.InvalidHeader)):  # the latter of two lengths
                fault = str(cause) if isinstance(cause, NotOneAnswer) else TWO_ENDS
                return EngineError(f"{self.where} {fault}", hint=MIXED)
            if isinstance(cause, TimeoutError):
                return self._slow()
            if isinstance(cause, ssl.SSLCertVerificationError):
                return EngineError(f"{self.where} is not who it should be: {cause.verify_message}", hint=BAD_TLS)
            if isinstance(cause, ssl.SSLError):
                return EngineError(f"{self.where}: TLS failed: {cause.reason or 'broken off'}", hint=BAD_TLS)
        for cause in causes:
            if isinstance(cause, ConnectionRefusedError):
                return EngineError(f"{self.where} cannot be reached: connection refused", hint=AWAY)
            if isinstance(cause, socket.gaierror):
                return EngineError(f"{self.where} cannot be reached: its name is not known", hint=AWAY)
            if isinstance(cause, (ConnectionError, http.client.HTTPException)):
                return EngineError(f"{self.where} broke off, or does not speak HTTP here", hint=AWAY)
        said = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), None)
        return EngineError(f"{self.where} cannot be asked: {said or type(error).__name__}", hint=AWAY)


def _see_where_it_ends(headers: urllib3.HTTPHeaderDict) -> None:
    """Raises NotOneAnswer where two readers could differ on where an answer ends."""
    lengths, codings = headers.getlist("Content-Length"), headers.getlist("Transfer-Encoding")
    known = all(re.fullmatch("[0-9]+", length) for length in lengths) and codings in ([], ["chunked"])
    if not known or len(lengths) + len(codings) > 1 or "Trailer" in headers:
        raise NotOneAnswer(TWO_ENDS)


def _pieces(response: requests.Response, most: int) -> Iterator[bytes]:
    """The body as it came, up to what is too much. Raises where it breaks off before its length."""
    size = 0
    while size <= most and (piece := response.raw.read(min(most, 1024 * 1024), decode_content=False)):
        size += len(piece)
        yield piece


def _see_that_nothing_follows() -> None:
    """Wait for the server to close the connection, as it was told to. Raises NotOneAnswer where it says more."""
    call = threading.current_thread()
    assert isinstance(call, _Call)
    if call.reader is None:
        return
    try:
        call.heard_all = True
        more = call.reader.peek(1)
    except ConnectionError:  # that is an end as well
        more = b""
    if more:
        raise NotOneAnswer("says more after its answer")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The errors below those of requests and urllib3, and these themselves, the innermost first."""
    if error is not None:
        yield from _causes(error.__cause__ or error.__context__)
        yield error


class _Call(threading.Thread):
    """One request, on a thread of its own: only so is there a bound on the whole, whatever it waits for."""

    def __init__(self, exchange: Callable[[], RawAnswer]) -> None:
        super().__init__(name="asking OPA", daemon=True)
        self._exchange = exchange
        self._over = False
        self._socket: socket.socket | None = None
        self.reader: _Reader | None = None
        self.heard_all = False
        self.answer: RawAnswer | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.answer = self._exchange()
        except BaseException as error:  # noqa: BLE001  # told to whoever waits
            self.error = error
        finally:
            if self.reader is not None:  # as long as it is open, a server goes on waiting for us to read
                self.reader.end()

    def connected(self, to: socket.socket) -> None:
        self._socket = to
        if self._over:
            self.hang_up()

    def hang_up(self) -> None:
        """End the connection, whoever reads from it, so that no thread stays behind with a server that drips."""
        self._over = True
        if self._socket is not None:
            with suppress(OSError):  # it is closed already
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # that of a TLS socket would wait for the other


def _note(connection: HTTPConnection) -> None:
    call = threading.current_thread()
    if isinstance(call, _Call) and connection.sock is not None:
        call.connected(connection.sock)


class _Reader(io.BufferedReader):
    """What an answer is read from. It stays open while it is asked what follows."""

    def close(self) -> None:
        """Not yet, whoever says so: the call ends it."""

    def end(self) -> None:
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        call = threading.current_thread()
        if isinstance(call, _Call):
            self.fp = call.reader = _Reader(self.fp.detach())


class _Connection(HTTPConnection):
    response_class = _Response

    def connect(self) -> None:
        super().connect()
        _note(self)


class _TlsConnection(HTTPSConnection):
    response_class = _Response

    def connect(self) -> None:
        # urllib3's own would write its keys to the file that the environment variable SSLKEYLOGFILE names, and with
        # them what the token is. It loads the certificates into this one as it would into its own.
        self.ssl_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        super().connect()
        _note(self)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        super().init_poolmanager(*sizes, **options)
        manager: urllib3.PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
