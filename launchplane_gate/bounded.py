"""Asking what may never answer: a driver or a plugin, whatever it waits for, is waited for so long and no longer."""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
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

    context = contextvars.copy_context()
    _worker().ask(lambda: context.run(run), name)
    return answer


class _Worker(threading.Thread):
    """A thread that waits for the next question once it has answered one: starting another costs more than asking."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._asked: SimpleQueue[tuple[Callable[[], object], str]] = SimpleQueue()
        self.start()

    def ask(self, run: Callable[[], object], name: str) -> None:
        self._asked.put((run, name))

    def run(self) -> None:
        while True:
            run, self.name = self._asked.get()
            run()
            del run  # it may hold much, and the next question may be long in coming
            self.name = "idle"
            _idle.append(self)


_idle: list[_Worker] = []
os.register_at_fork(after_in_child=_idle.clear)  # threads are their parent's


def _worker() -> _Worker:
    try:
        return _idle.pop()
    except IndexError:
        return _Worker()


def answer_of(asked: Future[T], seconds: float) -> T:
    """The answer, or what was raised instead. Raises NoAnswerInTime."""
    try:
        return asked.result(seconds)
    except TimeoutError:
        if asked.done():
            raise  # its own
        raise NoAnswerInTime("no answer came in time") from None
