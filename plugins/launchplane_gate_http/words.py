"""Why a server could not be asked, in words of our own: what a library or a server says may hold a secret."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpcore

NOT_ASKED = (OSError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol)
"""What a request ends with where no whole answer came, and no deadline was over."""

_CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLCertVerificationError, "its TLS certificate could not be verified"),
    (ssl.SSLError, "no TLS connection could be made"),
    (socket.gaierror, "its host name is not known"),
    (ConnectionRefusedError, "the connection was refused"),
    (httpcore.ConnectError, "no connection could be made"),
    (httpcore.NetworkError, "the connection broke off, or what came is not HTTP"),
    (httpcore.ProtocolError, "the connection broke off, or what came is not HTTP"),
)


def why(error: BaseException) -> str:
    """Why a request has no answer, by the first cause in the chain of errors that says something to people."""
    links = list(_chain(error))
    for kind, words in _CAUSES:
        if any(isinstance(link, kind) for link in links):
            return words
    return f"it could not be asked ({type(error).__name__})"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
