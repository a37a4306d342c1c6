"""A forked child of the tests' own process."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from typing import Any


def in_a_child(do: Callable[[], Any], *, within_s: float = 120) -> Any:
    """What it gives in a forked child, as JSON. Raises TimeoutError where it gives nothing, and ends it."""
    back, to = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover  # another process
        os.close(back)
        try:
            told = json.dumps(do())
        except BaseException as error:  # noqa: BLE001  # told to the parent
            told = json.dumps(f"{type(error).__name__}: {error}")
        os.write(to, told.encode())
        os._exit(0)
    os.close(to)
    timer = threading.Timer(within_s, os.kill, (child, signal.SIGKILL))
    timer.start()
    with os.fdopen(back) as answers:
        told = answers.read()
    timer.cancel()
    os.waitpid(child, 0)
    if not told:
        raise TimeoutError(f"the child gave no answer within {within_s} s")
    return json.loads(told)
