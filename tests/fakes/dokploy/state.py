"""All that the fake knows, behind one lock, and what a test may ask of it or do to it. No sockets here."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from threading import Condition
from typing import Any, Literal

from tests.fakes.dokploy import shapes
from tests.fakes.dokploy.breaks import Break, How
from tests.fakes.dokploy.clock import Clock
from tests.fakes.dokploy.host import Machine
from tests.fakes.dokploy.jobs import Queue
from tests.fakes.dokploy.registry import Image, Registry
from tests.fakes.dokploy.rights import Key
from tests.fakes.dokploy.rows import (
    Row,
    application_relations,
    application_row,
    compose_relations,
    compose_row,
    environment,
    new_id,
)
from tests.fakes.dokploy.targets import Kind, Target, Trigger

VERIFICATIONS = 10  # of a rate-limited key; each call takes two

TITLES: dict[Trigger, str] = {"deploy": "Manual deployment", "redeploy": "Rebuild deployment"}


@dataclass(frozen=True)
class Asked:
    """A request as it came, without its headers; ``body`` is its JSON, or its text where it is none."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None


class State:
    """``strict`` refuses what the real API would drop without a word, and notes it in ``violations``."""

    def __init__(
        self, *, strict: bool = True, job_s: float = 0.05, takeover_s: float = 0.0, pace: float = 100.0
    ) -> None:
        self.changed = Condition()
        self.strict = strict
        self.violations: list[str] = []
        self.requests: list[Asked] = []
        self.registry = Registry()
        self.clock = Clock(pace)
        self.docker = Machine(self.clock, self.registry, takeover_s)
        self.machines: dict[str | None, Machine] = {None: self.docker}
        self.environment = environment("shop")
        self.queue = Queue(self.changed, self.environment, self.violations, job_s=job_s)
        self.targets: dict[str, Target] = {}
        self.schedules: dict[str, Row] = {}
        self.commands_end: Literal["done", "error"] = "done"  # how those end that a schedule runs
        self.user_id = new_id()
        self._keys: dict[str, Key] = {}
        self._between: defaultdict[str, deque[Callable[[], object]]] = defaultdict(deque)
        self._breaks: defaultdict[str, deque[Break]] = defaultdict(deque)
        self.key = self.add_key(rate_limited=False)

    # -- the stage

    @property
    def job_s(self) -> float:
        """How long a job runs."""
        return self.queue.job_s

    @job_s.setter
    def job_s(self, seconds: float) -> None:
        self.queue.job_s = seconds

    @property
    def takeover_s(self) -> float:
        """How long a swarm prepares an update after ``done``, in our seconds; ``math.inf``: for ever."""
        return self.docker.takeover_s

    @takeover_s.setter
    def takeover_s(self, seconds: float) -> None:
        for machine in self.machines.values():
            machine.takeover_s = seconds

    @property
    def pace(self) -> float:
        """How many of Docker's seconds pass in one of ours."""
        return self.clock.pace

    @pace.setter
    def pace(self, pace: float) -> None:
        with self.changed:
            self.clock.catch_up()
            self.clock.pace = pace

    def skip(self, seconds: float) -> None:
        """Let so many of Docker's seconds pass at once."""
        with self.changed:
            self.clock.skip(seconds)

    def lag_as_seen(self) -> None:
        """Let Docker take its time as it was seen to: to start 1 s, to stop 2 s, old beside new for 1 s more."""
        for machine in self.machines.values():
            machine.start_s, machine.stop_s, machine.overlap_s = 1.0, 2.0, 1.0

    def add_server(self) -> str:
        """Another server with a Docker of its own; its id is the ``serverId`` of what is on it."""
        with self.changed:
            id_ = new_id()
            self.machines[id_] = replace(self.docker, containers=[], services={}, tags={})
        return id_

    def add_application(
        self,
        name: str,
        image: str | None = None,
        source_type: str = "docker",
        *,
        username: str | None = None,
        password: str | None = None,
        registry_url: str | None = None,
        server_id: str | None = None,
        nodes: tuple[str, ...] = ("node1",),
        **swarm: Any,
    ) -> str:
        """Make an application; it runs its image if that is pushed already. Returns its id.

        ``nodes`` take its replicas in turn; only ``node1``'s containers are seen. ``swarm`` are those of
        ``shapes.application``: ``replicas``, ``order``, ``failure_action``, ``monitor_s``, ``healthcheck`` and so on.
        """
        row = application_row(name, self.environment["environmentId"])
        row.update(dockerImage=image, sourceType=source_type, registryUrl=registry_url)
        row.update(username=username, password=password, serverId=server_id, **shapes.application(**swarm))
        return self._add(Target("application", row, application_relations(), self.machines[server_id], nodes=nodes))

    def add_compose(
        self,
        name: str,
        file: str,
        env: str = "",
        source_type: str = "raw",
        *,
        server_id: str | None = None,
        nodes: tuple[str, ...] = ("node1",),
        **row_fields: Any,
    ) -> str:
        """Make a compose; of a git source, ``file`` stands in git, where the API does not show it. Returns its id.

        ``row_fields`` stand in its row, such as ``composeType="stack"``, ``createEnvFile=False`` or ``command``.
        """
        row = compose_row(name, self.environment["environmentId"])
        row.update(composeFile=file if source_type == "raw" else "", env=env, sourceType=source_type)
        assert row_fields.keys() <= row.keys(), f"no fields of a row: {row_fields.keys() - row.keys()}"
        row.update(serverId=server_id, **row_fields)
        return self._add(Target("compose", row, compose_relations(), self.machines[server_id], file, nodes))

    def _add(self, target: Target) -> str:
        with self.changed:
            plan = target.plan()
            if plan and all(self.registry.pull(service.image) for service in plan.services):
                with target.machine.at_once():
                    target.carry_out(plan, "deploy")
                target.set_status("done")
            self.targets[target.target_id] = target
        return target.target_id

    def push(self, image: str, revision: str, crashes: bool = False, reports: str | None = None, **fate: Any) -> None:
        """Put an image into the registry; ``fate`` is how it behaves once it runs: the other fields of ``Image``."""
        with self.changed:
            self.registry.push(Image(image, revision, crashes, reports, **fate))

    def tag_as_latest(self, target_id: str, image: str) -> None:
        """Give an image of the machine the name ``<appName>:latest``, as a build from git once did."""
        with self.changed:
            target = self.targets[target_id]
            target.machine.tags[f"{target.app_name}:latest"] = image

    def leave_status_running(self, target_id: str) -> None:
        """Leave a target's status at ``running`` without a job or a row, as a crash of the server may."""
        with self.changed:
            self.targets[target_id].set_status("running")

    # -- keys

    def add_key(
        self,
        rate_limited: bool = True,
        *,
        member: bool = False,
        services: Iterable[str] = (),
        create_services: bool = False,
        docker: bool = False,
    ) -> str:
        """Make a key of an owner, or of a member with these rights; ``services`` are ids of targets."""
        key = new_id() + new_id()
        left = VERIFICATIONS if rate_limited else None
        with self.changed:
            self._keys[key] = Key(left, member, frozenset(services), create_services, docker)
        return key

    def revoke(self, key: str) -> None:
        with self.changed:
            self._keys.pop(key, None)

    def admits(self, key: str | None) -> Key | None:
        """Verify a key; of a rate-limited one, this takes two of its verifications."""
        with self.changed:
            found = self._keys.get(key or "")
            if found is None or found.left is None:
                return found
            left, found.left = found.left, max(0, found.left - 2)
            return found if left else None

    # -- the truth

    def running(self, target_id: str) -> str | None:
        """The image that answers now."""
        with self.changed:
            image = self.targets[target_id].runs()
            return image.name if image else None

    def configured(self, target_id: str) -> str | None:
        with self.changed:
            return self.targets[target_id].configured()

    def changes(self, target_id: str) -> int:
        """How many requests changed the target: saves, updates, deploys and redeploys that were accepted."""
        with self.changed:
            return self.targets[target_id].changes

    def wait(self, until: Callable[[], object], timeout_s: float = 5.0) -> None:
        """Wait until something holds, such as ``dokploy.idle``; an AssertionError says that it never did."""
        deadline = time.monotonic() + timeout_s
        with self.changed:
            while not until():
                assert time.monotonic() < deadline, f"not so within {timeout_s} s {self.violations or ''}"
                self.changed.wait(0.01)  # a takeover comes without a word

    def idle(self) -> bool:
        """Tell whether no job waits or runs."""
        with self.changed:
            return not self.queue.listed()

    # -- what others do meanwhile

    def act(self, target_id: str, image: str, title: str = TITLES["deploy"]) -> None:
        """Someone else saves an image, or a compose's environment, and queues a deploy; not one of ``changes``."""
        with self.changed:
            if self.targets[target_id].kind == "application":
                self.save_image(self.targets[target_id], image)
            else:
                self.targets[target_id].row["env"] = image
            self.queue.add(self.targets[target_id], "deploy", title, "")

    def redeploy_by_hand(self, target_id: str) -> None:
        self.queue.add(self.targets[target_id], "redeploy", TITLES["redeploy"], "")

    def save_image(self, target: Target, image: str | None, **credentials: str | None) -> None:
        assert target.kind == "application", "only an application has an image of its own"
        target.row.update(dockerImage=image, sourceType="docker", applicationStatus="idle", **credentials)

    def pause(self, pause_running: bool = False) -> None:
        """Let no further job start; or, with ``pause_running``, let jobs start and none end."""
        self.queue.hold("running" if pause_running else "waiting")

    def resume(self) -> None:
        self.queue.hold("no")

    def restart(self) -> None:
        """What a restart of the server does to its jobs; what runs goes on running."""
        self.queue.forget()

    def kill_lane(self, target_id: str) -> None:
        """Stop what runs on a target, until the next roll-out."""
        with self.changed:
            self.targets[target_id].stop()

    def between(self, route: str, do: Callable[[], object], *, after: bool = False) -> None:
        """Do something once, just before the next request of a route is acted on; ``after``: just before its answer.

        Whoever asks gets the answer after that; ``do`` may use the fake, and may not ask it over HTTP.
        """
        with self.changed:
            self._between[f"{route} answered" if after else route].append(do)

    def meanwhile(self, route: str, *, answered: bool = False) -> None:
        """Do what was to be done between a request of a route and its answer."""
        with self.changed:
            waiting = self._between[f"{route} answered" if answered else route]
            if waiting:
                waiting.popleft()()

    # -- calls that misbehave

    def break_next(self, path: str, how: How, times: int = 1) -> None:
        """Let the next calls of ``application.one`` (or ``/live/...``) misbehave; nothing is done on a broken call,
        but for "drop_after" and "drip"."""
        with self.changed:
            self._breaks[path.removeprefix("/api/")].extend(Break(how) for _ in range(times))

    def mend(self) -> None:
        """Let no further call misbehave."""
        with self.changed:
            self._breaks.clear()

    def takes_break(self, path: str) -> Break | None:
        with self.changed:
            waiting = self._breaks[path.removeprefix("/api/")]
            return waiting.popleft() if waiting else None

    def shown(self, target: Target) -> Row:
        """A target with all that belongs to it; its deployments stand in it oldest first."""
        here = {"environment": self.environment, "deployments": target.deployments}
        return {**target.row, **target.relations, **here}

    def find(self, kind: Kind, target_id: str) -> Target | None:
        target = self.targets.get(target_id)
        return target if target and target.kind == kind else None
