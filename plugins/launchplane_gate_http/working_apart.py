"""Running a coroutine for a caller that may itself be inside an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread of its own, and give its result or raise what it raised.

    Its result is awaited, not the end of its loop, which a resolver that hangs would delay beyond every deadline.
    """
    result: Future[T] = Future()

    async def finish() -> None:
        try:
            result.set_result(await work)
        except BaseException as error:  # noqa: BLE001  # raised again below, in the caller's thread
            result.set_exception(error)

    threading.Thread(target=lambda: asyncio.run(finish()), name="http", daemon=True).start()
    return result.result()
