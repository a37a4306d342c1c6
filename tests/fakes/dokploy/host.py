"""A machine with Docker on it, as Dokploy sees one: its swarm, its compose projects, its containers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tests.fakes.dokploy.clock import Clock
from tests.fakes.dokploy.compose_file import Asked
from tests.fakes.dokploy.containers import Container, Healthcheck
from tests.fakes.dokploy.registry import Image, Registry
from tests.fakes.dokploy.swarm import Service, Spec

AN_HOUR_S = 3600.0
SECRET_IN_ENV = "in-clear-in-every-container"


@dataclass(eq=False)
class Machine:
    """Lags are in Docker's seconds, but for ``takeover_s``, which is in ours: how long an update is prepared.

    ``start_s``: from the making of a container to its start. ``stop_s``: from the order to stop to the end of the
    container. ``overlap_s``: how long the old one is kept beside the new one that runs already. ``tags`` are names that
    images of the machine have, as ``shop-abc:latest``. Only the containers of ``node`` are seen in it.
    """

    clock: Clock
    registry: Registry
    takeover_s: float = 0.0
    start_s: float = 0.0
    stop_s: float = 0.0
    overlap_s: float = 0.0
    node: str = "node1"
    secret: tuple[str, ...] = (f"DATABASE_PASSWORD={SECRET_IN_ENV}",)
    containers: list[Container] = field(default_factory=list)
    services: dict[str, Service] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def prepare_s(self) -> float:
        return self.takeover_s if math.isinf(self.takeover_s) else self.takeover_s * self.clock.pace

    def image(self, name: str) -> Image | None:
        """An image to start: from the registry, or one that is here already, whatever became of it there."""
        here = (container.image for container in self.containers if container.image.name == name)
        return self.registry.pull(name) or next(here, None)

    def seen(self) -> list[Container]:
        """The containers of its own node, newest first."""
        return [container for container in reversed(self.containers) if container.node == self.node]

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Without lags: what is started meanwhile runs since an hour, and is healthy, where it ever will be."""
        lags, now = (self.takeover_s, self.start_s), self.clock.now
        self.takeover_s = self.start_s = 0.0
        try:
            yield
        finally:
            self.clock.catch_up()
            self.takeover_s, self.start_s = lags
            for container in self.containers:
                container.hurry()
            self._backdate(now)

    def _backdate(self, since: float) -> None:
        """Let what was made since a moment have been made an hour before it."""
        for container in (c for c in self.containers if c.created >= since):
            container.created -= AN_HOUR_S
            container.started = container.started and container.started - AN_HOUR_S
        for service in (s for s in self.services.values() if s.created >= since):
            service.created, service.updated = service.created - AN_HOUR_S, service.updated - AN_HOUR_S
            for task in service.tasks:
                task.created, task.since = task.created - AN_HOUR_S, task.since - AN_HOUR_S

    # -- what Dokploy's jobs do

    def deploy_service(self, name: str, spec: Spec, nodes: tuple[str, ...], *, force: bool) -> None:
        """Make a service, or update it; ``force`` makes new containers of an unchanged spec too."""
        service = self.services.get(name)
        if service is None:
            self.services[name] = Service(self, name, spec, nodes)
            return
        service.nodes = nodes
        service.update(replace(spec, force_update=service.spec.force_update + (1 if force else 0)))

    def up(self, project: str, services: Iterable[Asked], suffix: str = "") -> None:
        """``docker compose up -d --remove-orphans``: what changed is made anew, and the old of it is gone before."""
        asked = {f"{service.name}{suffix}": service for service in services}
        mine = {c.labels["com.docker.compose.service"]: c for c in self.project(project)}
        for name, container in mine.items():
            if name not in asked or container.labels["com.docker.compose.config-hash"] != _hash(asked[name]):
                container.stop()
                self.containers.remove(container)
            elif container.state == "exited":
                container.start()
        for name, service in asked.items():
            if not any(c.labels["com.docker.compose.service"] == name for c in self.project(project)):
                self.add(project, name, service)

    def project(self, project: str) -> list[Container]:
        return [c for c in self.containers if c.labels.get("com.docker.compose.project") == project]

    def take_down(self, app_name: str) -> None:
        """Stop what runs of a target, as Dokploy's own stop does."""
        for name, service in self.services.items():
            if app_name in {name, service.spec.stack}:
                service.scale_to_nothing()
        for container in self.project(app_name):
            container.stop()
            self.containers.remove(container)

    def add(self, project: str, name: str, service: Asked) -> None:
        """Start one container more of a service."""
        image = self.registry.pull(service.image)
        assert image, f"{service.image} was pulled before"
        labels = {
            "com.docker.compose.config-hash": _hash(service),
            "com.docker.compose.container-number": "1",
            "com.docker.compose.depends_on": "",
            "com.docker.compose.image": f"sha256:{image.config_id}",
            "com.docker.compose.oneoff": "False",
            "com.docker.compose.project": project,
            "com.docker.compose.project.config_files": f"/etc/dokploy/compose/{project}/code/docker-compose.yml",
            "com.docker.compose.project.working_dir": f"/etc/dokploy/compose/{project}/code",
            "com.docker.compose.service": name,
            "com.docker.compose.version": "",
            "org.opencontainers.image.revision": image.revision,
        }
        container = Container(
            self.clock,
            f"{project}-{name}-1",
            image,
            labels,
            (*service.environment, *self.secret),
            Healthcheck.of_file(service.healthcheck),
            service.restart,
            service.grace_s,
            self.node,
        )
        self.containers.append(container)
        container.start()


def _hash(service: Asked) -> str:
    return f"{abs(hash((service.image, service.restart, service.environment))):064x}"[:64]
