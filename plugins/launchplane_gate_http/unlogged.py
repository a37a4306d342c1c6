"""Keeping what we ask out of logs: httpx logs each URL, httpcore each header of an answer, and both may be secrets."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks")
_is_ours = ContextVar("is_ours", default=False)


class _NotOurs(logging.Filter):
    """Lets pass what is logged for others.

    The levels of these loggers are the host's to set, who may use the same libraries beside us. A filter sits on each
    logger by name, since one on a parent does not see what a child logs.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return not _is_ours.get()


_FILTER = _NotOurs()


@contextmanager
def unlogged() -> Iterator[None]:
    """Nothing that is asked in this block is logged by the libraries; what others ask meanwhile is, as before."""
    for name in _LOGGERS:  # each time: whoever sets up logging anew may have taken it off
        logging.getLogger(name).addFilter(_FILTER)
    token = _is_ours.set(True)
    try:
        yield
    finally:
        _is_ours.reset(token)
