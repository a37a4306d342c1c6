"""What Docker says through Dokploy of containers and services. Of each, what is kept, and never an environment.

Dokploy hands out whole inspections, with every variable in clear: all but these fields is dropped as soon as it is
read.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel, to_pascal


class _Listed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, strict=True)


class _Inspected(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_pascal, strict=True)


class ListedContainer(_Listed):
    """A line of a list; ``status`` is Docker's sentence, as "Up 21 seconds (healthy)", where there is one."""

    container_id: str  # empty for a task of a stack that has no container yet
    name: str
    state: str
    status: str = ""


class ListedTask(_Listed):
    """``task_id`` stands where others have a container's; ``desired`` is what the task is to be, not what it is.

    ``current`` is that, in Docker's sentence: ``Running 5 seconds ago``, ``Failed 1 second ago``.
    """

    task_id: str = Field(alias="containerId")
    desired: str = Field(alias="state")
    current: str = Field(alias="currentState")


class _Health(_Inspected):
    status: str


class ContainerState(_Inspected):
    """``health`` is None without a healthcheck."""

    status: str  # running, restarting, paused, exited, created, removing or dead
    started_at: str
    health: _Health | None = None


class _Labels(_Inspected):
    swarm_service_id: str | None = Field(default=None, alias="com.docker.swarm.service.id")
    compose_service: str | None = Field(default=None, alias="com.docker.compose.service")
    compose_oneoff: str | None = Field(default=None, alias="com.docker.compose.oneoff")


class _ContainerConfig(_Inspected):
    image: str
    labels: _Labels | None = None


class InspectedContainer(_Inspected):
    """``image_id`` is the digest of the image's configuration, and not the one by which it was pulled.

    ``restart_count`` counts for containers of docker-compose only: a swarm makes a new one each time.
    """

    container_id: str = Field(alias="Id")
    image_id: str = Field(alias="Image")
    restart_count: int
    state: ContainerState
    config: _ContainerConfig

    @property
    def image(self) -> str:
        """The name that it was started by: ``repository@sha256:…`` exactly as deployed, or a tag."""
        return self.config.image

    @property
    def labels(self) -> _Labels:
        return self.config.labels or _Labels()


class InspectedImage(_Inspected):
    """``repo_digests``: the names by which it was pulled."""

    repo_digests: list[str]


class InspectedTask(_Inspected):
    service_id: str = Field(alias="ServiceID")


class UpdateStatus(_Inspected):
    """Of the last update: updating, completed, paused, rollback_started, rollback_paused or rollback_completed."""

    state: str | None = None
    started_at: str | None = None
    message: str | None = None


class _ContainerSpec(_Inspected):
    image: str


class _TaskTemplate(_Inspected):
    container_spec: _ContainerSpec


class _Replicated(_Inspected):
    replicas: int


class _Mode(_Inspected):
    replicated: _Replicated | None = None


class _ServiceSpec(_Inspected):
    task_template: _TaskTemplate
    mode: _Mode


class InspectedService(_Inspected):
    """``update_status`` is None before the first update."""

    service_id: str = Field(alias="ID")
    created_at: str
    spec: _ServiceSpec
    update_status: UpdateStatus | None = None

    @property
    def image(self) -> str:
        """What it is set to run now: after a rollback, the old one again."""
        return self.spec.task_template.container_spec.image

    @property
    def replicas(self) -> int | None:
        """How many are wanted; None where it is one on every node."""
        return self.spec.mode.replicated.replicas if self.spec.mode.replicated else None


def is_service(inspected: Any) -> bool:
    """Tell a service from the image, container or network that has the same name."""
    return isinstance(inspected, dict) and "Spec" in inspected
