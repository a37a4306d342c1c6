"""HTTP to a server that is not trusted to answer: whole answers within a time and a size, from nowhere else."""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NamedTuple

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from launchplane_gate.errors import EngineError

MAX_ANSWER_BYTES = 32 * 1024 * 1024  # a server's policies with their syntax trees; a decision takes a few KB

AWAY = (
    "Nothing was deployed. See that OPA runs and that opa.url in the settings is its address; the next decision asks "
    "again, and `launchplane-gate doctor` tells how it fares."
)
SLOW = "Nothing was deployed. Find out what keeps OPA busy, or give it longer: opa.timeout_s in the settings."
LARGE = "Nothing was deployed. See that opa.url in the settings is the address of an OPA."
BAD_TLS = "Nothing was deployed. See that opa.ca_file, cert_file and key_file in the settings fit the server."


class RawAnswer(NamedTuple):
    """``kind`` is its content type and ``coding`` its content encoding, both as the server said."""

    status: int
    kind: str
    coding: str
    body: bytes


class _NotOurs(logging.Filter):
    """Keeps what is asked here out of the log of urllib3, whose level is that of whoever else uses it."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not isinstance(threading.current_thread(), _Call)


_FILTER = _NotOurs()
_LOGGERS = ("urllib3.connection", "urllib3.connectionpool", "urllib3.response", "urllib3.util.retry")


class BoundedSession(requests.Session):
    """A session for one server. It knows no proxy, no netrc, no cookie and no redirect.

    Each request takes a connection of its own: one that was kept open would fail the first question after a restart.
    ``timeout_s`` bounds a request from resolving the name to the last byte; a server that sends a byte now and then
    gains nothing by it. ``send`` raises EngineError where there is no whole answer, else gives what ``read`` makes
    of it.
    """

    def __init__(self, where: str, timeout_s: float, read: Callable[[RawAnswer], requests.Response]) -> None:
        super().__init__()
        self.where, self.timeout_s, self.read = where, timeout_s, read
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers.update({"Connection": "close", "Accept": "application/json", "Accept-Encoding": "identity"})
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter())
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_FILTER)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: a redirect is an answer like any other, and no document."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        asked = kwargs | {"stream": True, "timeout": self.timeout_s, "proxies": {}}
        call = _Call(lambda: self._exchange(request, asked))
        call.start()
        try:
            call.join(self.timeout_s)
            in_time = not call.is_alive()
        finally:
            call.hang_up()  # after Ctrl-C too
        if not in_time or isinstance(call.error, (TimeoutError, requests.Timeout)):
            raise EngineError(f"{self.where} did not answer within {self.timeout_s:g} s", hint=SLOW)
        if call.error is not None:
            raise self._no_answer(call.error) from None
        assert call.answer is not None  # it ended, and without an error
        if len(call.answer.body) > MAX_ANSWER_BYTES:
            limit = f"{MAX_ANSWER_BYTES // 1024 // 1024} MB"
            raise EngineError(f"{self.where} answered with more than {limit}", hint=LARGE)
        return self.read(call.answer)

    def _exchange(self, request: requests.PreparedRequest, asked: dict[str, Any]) -> RawAnswer:
        with super().send(request, **asked) as response:
            body = b"".join(_pieces(response))
            headers = response.headers
            kind, coding = headers.get("Content-Type", ""), headers.get("Content-Encoding", "")
            return RawAnswer(response.status_code, kind, coding, body)

    def _no_answer(self, error: BaseException) -> EngineError:
        """What went wrong, in words that hold nothing of the request: its header carries a token."""
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, TimeoutError):
                return EngineError(f"{self.where} did not answer within {self.timeout_s:g} s", hint=SLOW)
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


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """The body as it came, up to what is too much. Raises where it breaks off before its length."""
    size = 0
    while size <= MAX_ANSWER_BYTES and (piece := response.raw.read(1024 * 1024, decode_content=False)):
        size += len(piece)
        yield piece


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
        self.answer: RawAnswer | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.answer = self._exchange()
        except BaseException as error:  # noqa: BLE001  # told to whoever waits
            self.error = error

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


class _Connection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _note(self)


class _TlsConnection(HTTPSConnection):
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
