"""Being told to stop: whatever asks for it, a run is closed as Ctrl-C closes it, and asking again waits for that."""

from __future__ import annotations

import signal
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
CALLED = {signal.SIGINT: "interrupted"}


class Stopped(KeyboardInterrupt):
    """``number``: of the signal."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    @property
    def exit_code(self) -> int:
        """As a shell tells it of a program that a signal ended."""
        return 128 + self.number

    def __str__(self) -> str:
        number = signal.Signals(self.number)
        return CALLED.get(number, f"told to stop ({number.name})")


def heed_signals() -> None:
    """Raise Stopped at the first signal, and at no other: what was begun is being closed then.

    One that was ignored when the program began, as by ``nohup``, stays so.
    """
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, _: FrameType | None) -> None:
    for each in SIGNALS:
        signal.signal(each, _closing)
    raise Stopped(number)


def _closing(_number: int, _: FrameType | None) -> None:
    """Nothing more: not SIG_IGN, which a process that is started meanwhile would inherit."""
