"""A request of the host to Dokploy: what it would change, and asking it in bounded time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

# All of these change what a target runs, or will: those that are not known yet are taken for the worst.
CHANGING = ("application.", "compose.")

_IDS = {"application": "applicationId", "compose": "composeId"}
IMAGE_VARIABLE = "DOCKER_IMAGE_REFERENCE"  # through which the host gives a compose file its image
_STATUS = re.compile(r"\((\d{3})\)")


@dataclass(frozen=True)
class Asked:
    """``send(payload, timeout_s)`` makes the request; ``timeout_s`` is what the host would give it."""

    method: str
    path: str
    payload: Any
    query: Any
    timeout_s: float
    send: Callable[[Any, float], Any]

    @property
    def route(self) -> str:
        """``application.deploy`` of ``/api/application.deploy``."""
        return self.path.rstrip("/").rpartition("/")[2]

    @property
    def reads(self) -> bool:
        return self.method.upper() == "GET"

    @property
    def changes(self) -> bool:
        return not self.reads and self.route.startswith(CHANGING)

    @property
    def targets(self) -> set[tuple[str, str]]:
        """Type and id of each application and compose that it names."""
        named = [part for part in (self.payload, self.query) if isinstance(part, Mapping)]
        return {(kind, str(part[name])) for part in named for kind, name in _IDS.items() if part.get(name)}

    @property
    def about(self) -> object:
        """The id of what a reading is about, where that is of any kind."""
        return self.query.get("id") if isinstance(self.query, Mapping) else None

    def within(self, limit_s: float, payload: Any) -> Any:
        """What is answered. Raises what ``send`` raises, and TimeoutError.

        It is asked in a thread of its own: the host's timeout is for each piece of an answer, however many come.
        """
        limit_s = min(self.timeout_s, limit_s)
        answer: Future[Any] = Future()

        def ask() -> None:
            try:
                answer.set_result(self.send(payload, limit_s))
            except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
                answer.set_exception(error)

        Thread(target=ask, daemon=True).start()
        return answer.result(limit_s)

    def failed(self, error: Exception) -> str:
        """What became of it, in words of our own: the host's hold whole answers, in which there may be secrets."""
        if status := _STATUS.search(str(error)):
            return f"Dokploy answered {self.route} with {status[1]}"
        return f"Dokploy did not answer {self.route} ({type(error).__name__})"
