"""Which process holds a lane: enough of a name to know it again, or to know that it is gone."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from functools import cache

import psutil

SAME_START_S = 2.0  # no process id is given out again sooner


def this_process() -> str:
    """Where it runs, its id and when it began."""
    return f"{_here()} {os.getpid()} {_began(psutil.Process())}"


def is_gone(holder: str) -> bool:
    """Whether a holder is known to be gone; of one elsewhere only its lease tells."""
    here, pid, began = holder.split()
    if here != _here():
        return False
    try:
        process = psutil.Process(int(pid))
        return abs(_began(process) - float(began)) > SAME_START_S or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@cache
def _here() -> str:
    """This machine, or this container of it: where a process id means the same process."""
    with suppress(OSError):
        return f"{socket.gethostname()}/{os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115  # no path, a name
    return socket.gethostname()


def _began(process: psutil.Process) -> float:
    """Seconds from boot to the start of a process, which setting the clock does not change."""
    return round(process.create_time() - psutil.boot_time(), 2)
