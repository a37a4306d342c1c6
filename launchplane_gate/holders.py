"""Which process holds a lane, and who started it: enough of a name to know it again, or to know that it is gone."""

from __future__ import annotations

import os
import pwd
import re
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

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


def pid_of(holder: str) -> str:
    return holder.split()[1]


def host_of(holder: str) -> str:
    return holder.split(maxsplit=1)[0].partition("/")[0]


def this_user() -> str:
    """The user of this process, by the password database: a variable can be set to anybody's name.

    One that the database does not know, as in a container, has its id beside the name that the environment gives it.
    """
    if known := known_user():
        return known
    uid = os.getuid()
    claimed = os.environ.get("LOGNAME") or os.environ.get("USER") or ""
    return f"{claimed}+uid{uid}" if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", claimed) else f"uid-{uid}"


def known_user() -> str | None:
    """The user's name, where the password database has it."""
    with suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_name
    return None


@cache
def _here() -> str:
    """This boot of this machine, or of this container of it: where a process id means the same process.

    Neither a host's name nor the number of its namespace is another one's alone.
    """
    boot, namespace = f"{psutil.boot_time():.0f}", ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115  # no path, a name
    return f"{socket.gethostname()}/{boot}/{namespace}"


def _began(process: psutil.Process) -> float:
    """Seconds from boot to the start of a process, which setting the clock does not change."""
    return round(process.create_time() - psutil.boot_time(), 2)
