"""Processes that are as on another machine: by its name, and by a clock that is set wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long apart(void) { return atol(getenv("CLOCK_APART_S")); }

int clock_gettime(clockid_t id, struct timespec *at) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(id, at);
    if (!done && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += apart();
    return done;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


def clock_apart(folder: Path, seconds: int) -> dict[str, str]:
    """The environment of a process whose clock is ahead by so much; it counts seconds as long as everybody."""
    library = folder / "clock.so"
    if not library.exists():
        (folder / "clock.c").write_text(CLOCK)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, folder / "clock.c", "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "CLOCK_APART_S": str(seconds)}


def has_compiler() -> bool:
    return shutil.which("cc") is not None


@cache
def on_another_host() -> tuple[str, ...] | None:
    """What to put before a name of a host and a command; None where this one may not be taken for another."""
    for how in (("unshare", "--uts"), ("unshare", "--uts", "--user", "--map-current-user")):
        command = (*how, "sh", "-c", 'hostname "$0" && exec "$@"')
        if (
            shutil.which("unshare")
            and not subprocess.run([*command, "elsewhere", "true"], check=False, capture_output=True).returncode
        ):
            return command
    return None


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **more}
