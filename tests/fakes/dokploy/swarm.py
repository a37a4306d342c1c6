"""A service of the fake's swarm: its tasks, and how an update of it goes, slot by slot."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from tests.fakes.dokploy.clock import Clock
from tests.fakes.dokploy.containers import Container, Healthcheck
from tests.fakes.dokploy.registry import Image

Order = Literal["start-first", "stop-first"]
Action = Literal["rollback", "pause", "continue"]

KEPT = 5  # tasks of a slot, with their containers
_ALPHABET = string.ascii_lowercase + string.digits


def swarm_id() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(25))


@dataclass(frozen=True)
class Spec:
    """What a service is asked to be; seconds are Docker's."""

    image: str
    replicas: int = 1
    order: Order = "start-first"
    failure_action: Action = "rollback"
    monitor_s: float = 5.0
    rollback_order: Order = "start-first"
    restart: str = "any"
    restart_delay_s: float = 5.0
    grace_s: float = 10.0
    healthcheck: Healthcheck | None = None
    env: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    stack: str = ""
    force_update: int = 0


class Host(Protocol):
    """What a service needs of the machine that it is on."""

    clock: Clock
    containers: list[Container]
    secret: tuple[str, ...]
    start_s: float
    stop_s: float
    overlap_s: float

    def prepare_s(self) -> float: ...

    def image(self, name: str) -> Image | None: ...


@dataclass(eq=False)
class Task:
    """``desired`` and ``state`` in Docker's words; ``since`` is when the state came."""

    service: str
    slot: int
    spec: Spec
    node: str
    created: float
    round: int
    desired: Literal["running", "ready", "shutdown"]
    state: str = "preparing"
    since: float = 0.0
    err: str = ""
    ran: float | None = None
    container: Container | None = None
    id: str = field(default_factory=swarm_id)

    @property
    def name(self) -> str:
        return f"{self.service}.{self.slot}.{self.id}"

    @property
    def ended(self) -> bool:
        return self.state in {"failed", "complete", "rejected", "shutdown"}

    def turn(self, state: str, now: float) -> None:
        self.state, self.since = state, now


@dataclass(eq=False)
class Service:
    """``tasks`` are oldest first; ``nodes`` are taken in turn by its slots."""

    host: Host
    name: str
    spec: Spec
    nodes: tuple[str, ...] = ("node1",)
    id: str = field(default_factory=swarm_id)
    previous: Spec | None = None
    version: int = 10
    status: dict[str, Any] | None = None  # with times by Docker's clock
    tasks: list[Task] = field(default_factory=list)
    _round: int = 0
    _todo: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.created = self.updated = self.host.clock.now
        for slot in range(1, self.spec.replicas + 1):
            self._launch(slot)

    # -- what is asked of it

    def update(self, spec: Spec) -> None:
        """Take another spec; what is to be replaced is replaced slot by slot, what is missing comes at once."""
        self.previous, self.spec, self.status = self.spec, spec, None
        self._touch()
        held = {task.slot for task in self.tasks if not task.ended and task.slot <= spec.replicas}
        self._todo = [slot for slot in sorted(held) if any(self._stale(task) for task in self._live(slot))]
        for task in list(self.tasks):
            never_started = not task.ended and task.container is None and task.slot in self._todo
            if task.slot > spec.replicas or never_started:
                self._retire(task)
        self.tasks = [task for task in self.tasks if task.slot <= spec.replicas]
        for slot in set(range(1, spec.replicas + 1)) - held:
            self._launch(slot)
        if self._todo:
            self.status = {"State": "updating", "StartedAt": self.host.clock.now, "Message": "update in progress"}
            self._next()

    def scale_to_nothing(self) -> None:
        """What stopping an application does."""
        self.update(replace(self.spec, replicas=0))

    # -- an update

    def _touch(self) -> None:
        self._round += 1
        self.version += 9
        self.updated = self.host.clock.now

    def _live(self, slot: int) -> list[Task]:
        return [task for task in self.tasks if task.slot == slot and not task.ended]

    def _stale(self, task: Task) -> bool:
        return replace(task.spec, replicas=1) != replace(self.spec, replicas=1)

    def _if_current(self, do: Callable[[], None]) -> Callable[[], None]:
        """Do it unless the service was told something else meanwhile."""
        round_ = self._round
        return lambda: do() if round_ == self._round else None

    def _next(self) -> None:
        if not self._todo:
            self.host.clock.after(self.spec.monitor_s, self._if_current(self._complete))
            return
        slot = self._todo.pop(0)
        old = [task for task in self._live(slot) if self._stale(task)]
        if self.spec.order == "start-first" or not old:
            self._launch(slot, replaces=old)
            return
        new = self._make(slot, "ready")
        left = len(old)

        def start() -> None:
            nonlocal left
            left -= 1
            if not left:
                self._start(new, lambda: self._went_on(new, []))

        def stop() -> None:
            for task in old:
                self._retire(task, start)

        self.host.clock.after(self.host.prepare_s(), self._if_current(stop))

    def _launch(self, slot: int, replaces: list[Task] | None = None, after_s: float | None = None) -> Task:
        task = self._make(slot, "running")
        going_on = None if replaces is None else lambda: self._went_on(task, replaces)
        wait_s = self.host.prepare_s() if after_s is None else after_s
        self.host.clock.after(wait_s, lambda: self._start(task, going_on))
        return task

    def _went_on(self, new: Task, old: list[Task]) -> None:
        """A task of the update runs: the old ones of its slot go, and the next slot is due."""
        self.host.clock.after(self.host.overlap_s if old else 0, self._if_current(lambda: self._replaced(old)))

    def _replaced(self, old: list[Task]) -> None:
        for task in old:
            self._retire(task)
        self._next()

    def _complete(self) -> None:
        if self.status:
            rolled_back = self.status["State"] == "rollback_started"
            state, what = ("rollback_completed", "rollback") if rolled_back else ("completed", "update")
            self._settle(state, f"{what} completed", CompletedAt=self.host.clock.now)

    def _settle(self, state: str, message: str, **more: float) -> None:
        assert self.status
        self.status.update(State=state, Message=message, **more)
        self.version += 3
        self.updated = self.host.clock.now

    # -- tasks

    def _make(self, slot: int, desired: Literal["running", "ready"]) -> Task:
        node = self.nodes[(slot - 1) % len(self.nodes)]
        now = self.host.clock.now
        task = Task(self.name, slot, self.spec, node, now, self._round, desired, since=now)
        self.tasks.append(task)
        ended = [task for task in self.tasks if task.slot == slot and task.ended]
        for dropped in ended[: max(0, len(ended) + 1 - KEPT)]:
            self.tasks.remove(dropped)
            if dropped.container in self.host.containers:
                self.host.containers.remove(dropped.container)
        return task

    def _start(self, task: Task, going_on: Callable[[], None] | None = None) -> None:
        """Pull and start what a task is; ``going_on`` is called once it runs, within the same update."""
        if task.ended or task.desired == "shutdown":
            return
        image = self.host.image(task.spec.image)
        if image is None:
            task.err = f'"No such image: {task.spec.image}"'
            self._failed(task, "rejected", going_on)
            return
        labels = dict(task.spec.labels) | {
            "com.docker.swarm.node.id": task.node,
            "com.docker.swarm.service.id": self.id,
            "com.docker.swarm.service.name": self.name,
            "com.docker.swarm.task": "",
            "com.docker.swarm.task.id": task.id,
            "com.docker.swarm.task.name": task.name,
            "org.opencontainers.image.revision": image.revision,
        }
        go = self._if_current(going_on) if going_on else None
        container = task.container = Container(
            self.host.clock,
            task.name,
            image,
            labels,
            (*task.spec.env, *self.host.secret),
            task.spec.healthcheck,
            grace_s=task.spec.grace_s,
            node=task.node,
            ran=lambda: self._runs(task, go),
            ended=lambda: self._ended(task, go),
        )
        self.host.containers.append(container)
        task.desired = "running"
        task.turn("starting", self.host.clock.now)
        self.host.clock.after(self.host.start_s, lambda: None if task.ended else container.start())

    def _runs(self, task: Task, going_on: Callable[[], None] | None) -> None:
        if task.desired == "running":
            task.ran = self.host.clock.now
            task.turn("running", task.ran)
            if going_on:
                going_on()

    def _retire(self, task: Task, then: Callable[[], None] | None = None) -> None:
        """Shut a task down; ``then`` is called when its container has ended."""
        task.desired = "shutdown"
        if task.container is None or task.container.state != "running":
            if not task.ended:
                task.turn("shutdown", self.host.clock.now)
            if then:
                then()
            return

        def ended() -> None:
            task.turn("shutdown", self.host.clock.now)
            if then:
                then()

        task.container.ended = ended
        task.container.stop(self.host.stop_s)

    def _ended(self, task: Task, going_on: Callable[[], None] | None) -> None:
        """Its program exited by itself, or was killed as unhealthy."""
        code = task.container.exit_code if task.container else 1
        unhealthy = ": dockerexec: unhealthy container" if task.container and task.container.health else ""
        task.err = f'"task: non-zero exit ({code}){unhealthy}"'
        self._failed(task, "failed", going_on)

    def _failed(self, task: Task, state: str, going_on: Callable[[], None] | None) -> None:
        task.desired = "shutdown"
        task.turn(state, self.host.clock.now)
        if self._watches(task):
            assert self.status
            if self.status["State"] == "rollback_started":
                self._round += 1
                self._settle(
                    "rollback_paused", f"rollback paused due to failure or early termination of task {task.id}"
                )
            elif self.spec.failure_action == "rollback" and self.previous:
                self._roll_back(task)
                return
            elif self.spec.failure_action != "continue":
                self._round += 1
                self._settle("paused", f"update paused due to failure or early termination of task {task.id}")
            elif going_on and task.ran is None:
                going_on()
        if self.spec.restart != "none" and task.slot <= self.spec.replicas:
            self._restart(task.slot)

    def _watches(self, task: Task) -> bool:
        """Tell whether the update under way is to blame for the end of a task."""
        if self.status is None or self.status["State"] not in {"updating", "rollback_started"}:
            return False
        monitored = task.ran is None or self.host.clock.now - task.ran <= self.spec.monitor_s
        return task.round == self._round and monitored

    def _restart(self, slot: int) -> None:
        new = self._make(slot, "ready")
        new.state = "ready"
        new.round = -1  # of no update
        self.host.clock.after(max(self.spec.restart_delay_s, 0.1), lambda: self._start(new))

    def _roll_back(self, failed: Task) -> None:
        """Ask for the spec of before; where its task runs on, the slot keeps it."""
        assert self.status
        assert self.previous
        self._touch()
        self.spec, self.previous = self.previous, None
        message = f"update rolled back due to failure or early termination of task {failed.id}"
        self._settle("rollback_started", message)
        bare = []
        for slot in range(1, self.spec.replicas + 1):
            live = self._live(slot)
            kept = [task for task in live if not self._stale(task) and task.desired != "shutdown"]
            for task in live:
                if task not in kept and task.desired != "shutdown":
                    self._retire(task)
            if not kept:
                bare.append(slot)
        # Seen: with nothing left to keep, a rollback from a task that had run is complete before the old image runs.
        early = failed.slot in bare and failed.ran is not None
        if early:
            delay_s = 0.0 if self.spec.restart == "none" else self.spec.restart_delay_s
            for slot in bare:
                self._launch(slot, after_s=delay_s)
            self._complete()
        else:
            self._todo = bare
            self._next()
