"""Containers of the fake's Docker: a program that starts, answers, is checked and ends, on Docker's clock."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.fakes.dokploy.clock import Clock
from tests.fakes.dokploy.compose_file import seconds
from tests.fakes.dokploy.registry import Image

KILLED = 137
UNHEALTHY_FOR_S = 2.0  # before a swarm kills a container for it
BACKOFF_S, LONGEST_BACKOFF_S = 0.1, 60.0


@dataclass(frozen=True)
class Healthcheck:
    """Seconds of Docker's; it fails ``retries`` times in a row after ``start_s`` before a container is unhealthy."""

    interval_s: float = 2.0
    timeout_s: float = 2.0
    start_s: float = 5.0
    retries: int = 3
    test: tuple[str, ...] = ("CMD", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/health")

    @classmethod
    def of_swarm(cls, table: Mapping[str, Any] | None) -> Healthcheck | None:
        """From ``healthCheckSwarm`` of an application: nanoseconds."""
        if not table or table.get("Test") == ["NONE"]:
            return None
        return cls(
            table.get("Interval", 30e9) / 1e9,
            table.get("Timeout", 30e9) / 1e9,
            table.get("StartPeriod", 0) / 1e9,
            table.get("Retries", 3),
            tuple(table.get("Test", cls.test)),
        )

    @classmethod
    def of_file(cls, table: Mapping[str, Any] | None) -> Healthcheck | None:
        """From a compose file."""
        if not table or table.get("disable"):
            return None
        test = table.get("test", cls.test)
        return cls(
            seconds(table.get("interval"), 30),
            seconds(table.get("timeout"), 30),
            seconds(table.get("start_period"), 0),
            int(table.get("retries", 3)),
            ("CMD-SHELL", test) if isinstance(test, str) else tuple(test),
        )

    def shown(self) -> dict[str, Any]:
        return {
            "Test": list(self.test),
            "Interval": int(self.interval_s * 1e9),
            "Timeout": int(self.timeout_s * 1e9),
            "StartPeriod": int(self.start_s * 1e9),
            "Retries": self.retries,
        }


def _nothing() -> None:
    """What nobody waits for."""


@dataclass(eq=False)
class Container:
    """``ran`` is called when it is ready, which is healthy where there is a healthcheck; ``ended`` when it exits."""

    clock: Clock
    name: str
    image: Image
    labels: dict[str, str]
    env: tuple[str, ...] = ()
    healthcheck: Healthcheck | None = None
    restart: str = "no"
    grace_s: float = 10.0
    node: str = "node1"
    ran: Callable[[], None] = _nothing
    ended: Callable[[], None] = _nothing
    id: str = field(default_factory=lambda: secrets.token_hex(32))
    state: Literal["created", "running", "restarting", "exited"] = "created"
    health: Literal["starting", "healthy", "unhealthy"] | None = None
    exit_code: int = 0
    restarts: int = 0
    started: float | None = None
    finished: float | None = None
    _stopping: bool = False
    _run: int = 0  # how often it was started
    _tries: int = -1

    def __post_init__(self) -> None:
        self.created = self.clock.now

    def answers(self) -> bool:
        """Tell whether a request that comes to it now is answered."""
        if self.state != "running" or self.image.never_healthy or self.started is None:
            return False
        return self.clock.now >= self.started + self.image.answers_after_s

    def start(self) -> None:
        """Run its program, and let happen what that program does."""
        self.state, self.started, self.exit_code = "running", self.clock.now, 0
        self._run += 1
        run = self._run
        if self.healthcheck is None:
            self._in(0, run, self.ran)  # it ran, if only for a moment
        if self.image.crashes or self.image.dies_after_s is not None:
            self._in(0.0 if self.image.crashes else self.image.dies_after_s or 0.0, run, lambda: self._exit(1))
        if self.healthcheck is None:
            return
        self.health = "starting"
        first_s = self.healthcheck.interval_s * max(
            1, math.ceil(self.image.answers_after_s / self.healthcheck.interval_s)
        )
        patience_s = self.healthcheck.start_s + self.healthcheck.retries * self.healthcheck.interval_s
        if self.image.never_healthy or first_s > patience_s:
            self._in(patience_s, run, self._fall_ill)
        else:
            self._in(first_s, run, self._recover)

    def hurry(self) -> None:
        """Be healthy before its time, if it ever will be."""
        if self.state == "running" and self.health == "starting" and not self.image.never_healthy:
            self._recover()

    def stop(self, after_s: float = 0.0) -> None:
        """Ask it to end; it obeys at once, or is killed at the end of its grace period."""
        self._stopping = True
        if self.state == "running":
            grace_s = self.grace_s if self.image.ignores_sigterm else 0.0
            self._in(after_s + grace_s, self._run, lambda: self._exit(KILLED))
        else:
            self.state = "exited"

    def _in(self, wait_s: float, run: int, do: Callable[[], None]) -> None:
        def if_it_still_runs() -> None:
            if self.state == "running" and self._run == run:
                do()

        self.clock.after(wait_s, if_it_still_runs)

    def _recover(self) -> None:
        self.health = "healthy"
        self.ran()

    def _fall_ill(self) -> None:
        self.health = "unhealthy"
        if "com.docker.swarm.service.name" in self.labels:
            self._in(UNHEALTHY_FOR_S, self._run, lambda: self._exit(KILLED))

    def _exit(self, code: int) -> None:
        ran_s = self.clock.now - (self.started or 0)
        self.state, self.exit_code, self.finished = "exited", code, self.clock.now
        if self.health == "healthy":
            self.health = "unhealthy"
        if not self._stopping and (
            self.restart in {"always", "unless-stopped"} or self.restart.startswith("on-failure")
        ):
            self.state = "restarting"
            self._tries = 0 if ran_s > 10 else self._tries + 1
            self.clock.after(min(BACKOFF_S * 2**self._tries, LONGEST_BACKOFF_S), self._again)
        self.ended()

    def _again(self) -> None:
        if self.state == "restarting" and not self._stopping:
            self.restarts += 1
            self.start()
