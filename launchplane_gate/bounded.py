"""Asking what may never answer: a driver or a plugin, whatever it waits for, is waited for so long and no longer."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class NoAnswerInTime(Exception):
    """Whoever was asked is left to itself: it holds nothing of ours."""


class Deadline:
    """By when all that is asked of others has to be answered, so many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left_s(self) -> float:
        return max(self._end - time.monotonic(), 0)

    def put_off(self, seconds: float) -> None:
        self._end += seconds


def start(ask: Callable[[], T], name: str) -> Future[T]:
    """Ask in a thread of its own, which keeps no process from ending."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # noqa: BLE001  # raised again where the answer is waited for
            answer.set_exception(error)

    threading.Thread(target=contextvars.copy_context().run, args=(run,), name=name, daemon=True).start()
    return answer


def answer_of(asked: Future[T], seconds: float) -> T:
    """The answer, or what was raised instead. Raises NoAnswerInTime."""
    try:
        return asked.result(seconds)
    except TimeoutError:
        if asked.done():
            raise  # its own
        raise NoAnswerInTime("no answer came in time") from None
