"""The connections of a request: over at a deadline, to who was looked at, and with the certainty what was sent."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import httpcore

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class WrongAddress(Exception):
    """The host is at an address where it may not be asked; nothing was sent there."""

    def __init__(self, address: str) -> None:
        super().__init__(f"it is at {address}, where it may not be asked")
        self.address = address


class Wire(httpcore.NetworkBackend):
    """``timeout_s`` bounds all from now on, ``connect_timeout_s`` each connection, however many addresses a host has.

    ``may_be_at`` is asked about each address before it is connected to, and what it was asked about is connected to:
    what the name may mean the next time that it is asked for does not matter.
    """

    def __init__(
        self, *, timeout_s: float, connect_timeout_s: float, may_be_at: Callable[[Address], bool] | None = None
    ) -> None:
        self._deadline = time.monotonic() + timeout_s
        self._connect_timeout_s, self._may_be_at = connect_timeout_s, may_be_at
        self._tcp = httpcore.SyncBackend()
        self._lock = threading.Lock()
        self._sent = self._given_up = False

    def left_s(self) -> float:
        """Raises TimeoutError where nothing is left."""
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s

    def give_up(self) -> bool:
        """Send nothing more; whether anything was sent."""
        with self._lock:
            self._given_up = True
            return self._sent

    def sends(self) -> None:
        with self._lock:
            if self._given_up:
                raise TimeoutError
            self._sent = True

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        until = time.monotonic() + min(self._connect_timeout_s, self.left_s())
        addresses = _addresses(host, port)
        failed: Exception = httpcore.ConnectTimeout()
        for position, address in enumerate(addresses):
            self._look_at(address)
            left_s = (until - time.monotonic()) / (len(addresses) - position)
            if left_s <= 0:
                break
            try:
                return _Stream(self._tcp.connect_tcp(address, port, timeout=left_s), self)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    def _look_at(self, named: str) -> None:
        if self._may_be_at is None:
            return
        try:
            is_right = self._may_be_at(ipaddress.ip_address(named))
        except ValueError:
            is_right = False
        if not is_right:
            raise WrongAddress(named)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, wire: Wire) -> None:
        self._stream, self._wire = stream, wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._wire.left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left_s = self._wire.left_s()
        self._wire.sends()
        self._stream.write(buffer, left_s)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._wire.left_s()), self._wire)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _addresses(host: str, port: int) -> list[str]:
    """Where a host is, in the order in which the system would try. Raises OSError where that is not known."""
    found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
