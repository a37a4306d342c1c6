"""What runs of a target, as Docker tells it through Dokploy: each container of each service that has its image.

A list and what it lists are two calls, and a container may end or vanish in between: then all is read again, and what
cannot be read in one piece is not told at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from launchplane_gate.model import Container
from launchplane_gate_dokploy import (
    SHOWS_CONTAINERS,
    Dokploy,
    DokployError,
    InspectedContainer,
    InspectedService,
    ListedContainer,
    ListedTask,
    NotThere,
    RightMissing,
)
from launchplane_gate_generic_web.images import pinned, pulled_by
from launchplane_gate_generic_web.places import Place
from launchplane_gate_generic_web.settling import is_under_way

READINGS = 3  # a container that vanishes in each of them is one that never stays up

_ENDED = {"exited", "dead", "created", "removing"}
_NO_SERVER = "Server not found"


class Moved(Exception):
    """What was listed was not there any more when it was looked at."""


@dataclass(frozen=True)
class Running:
    """``digests`` and ``lacks`` as in Observation. ``detail``: in words. ``updating``: Docker replaces containers."""

    digests: Literal["shown", "not_shown", "failed"]
    containers: tuple[Container, ...] = ()
    detail: str = ""
    lacks: str = ""
    updating: bool = False

    @property
    def artifact_id(self) -> str | None:
        """What every running container has, where all of them are seen."""
        found = {container.artifact_id for container in self.containers}
        return found.pop() if self.digests == "shown" and len(found) == 1 else None


@dataclass(frozen=True)
class _Part:
    """One service. ``wanted``: how many are to run; None where nobody knows of such a service.

    ``is_known``: to Docker, as more than a name in a file. ``rests``: none of it runs anywhere, on other nodes either,
    so that there is nothing which could not be seen; a lane that is down with what nobody knows can be deployed to.
    """

    name: str
    containers: tuple[Container, ...]
    wanted: int | None
    is_known: bool = True
    updating: bool = False
    rests: bool = False

    @property
    def runs(self) -> int:
        """How many have not ended and are not about to be started again, whether they serve or not."""
        return sum(container.state not in ("restarting", "paused") for container in self.containers)

    @property
    def is_whole(self) -> bool:
        return self.wanted is not None and (self.runs >= self.wanted or (self.rests and not self.runs))

    def __str__(self) -> str:
        if self.wanted is None:
            return f"there is no service {self.name}: it was never deployed, or Docker did not answer"
        updating = ", and Docker is updating it" if self.updating else ""
        return f"{self.name}: {self.runs} of {self.wanted} seen running{updating}"


def read_running(dokploy: Dokploy, place: Place, *, never_deployed: bool = False) -> Running:
    """Ask Docker through Dokploy; what it does not tell is told, and never raised.

    ``never_deployed``: Dokploy knows of no deployment, so that nothing at all is all that there is to see.
    """
    try:
        return _in_one_piece(lambda: _told(_parts(dokploy, place), never_deployed=never_deployed))
    except RightMissing:
        return _without_the_right(dokploy, place, SHOWS_CONTAINERS)
    except NotThere as error:
        if _NO_SERVER in str(error):
            return Running("failed", detail=str(error))
        return _without_the_right(dokploy, place, f"a Dokploy that shows containers: {error}")
    except (DokployError, Moved) as error:
        return Running("failed", detail=f"what runs could not be read: {error}")


def read_services(dokploy: Dokploy, place: Place) -> list[InspectedService | None]:
    """The swarm services of a place; none for docker-compose, which has none. Raises DokployError."""
    if place.kind == "docker-compose":
        return []
    return [_service(dokploy, name, place.server_id, ()) for name in place.services]


def _in_one_piece(read: Callable[[], Running]) -> Running:
    for _ in range(READINGS - 1):
        try:
            return read()
        except Moved:
            continue
    return read()


def _parts(dokploy: Dokploy, place: Place) -> list[_Part]:
    if place.kind == "docker-compose":
        return _project(dokploy, place)
    return [_swarm(dokploy, name, place.server_id) for name in place.services]


def _told(parts: list[_Part], *, never_deployed: bool) -> Running:
    containers = tuple(container for part in parts for container in part.containers)
    if never_deployed and not containers and not any(part.is_known for part in parts):
        return Running("shown", detail="nothing was deployed yet")
    return Running(
        digests="shown" if all(part.is_whole for part in parts) else "failed",
        containers=containers,
        detail="; ".join(str(part) for part in parts),
        updating=any(part.updating for part in parts),
    )


def _swarm(dokploy: Dokploy, name: str, server_id: str | None) -> _Part:
    """The containers first: they know the id of their service, which nothing else can have."""
    inspected = [_inspect(dokploy, one, server_id) for one in dokploy.service_containers(name, server_id)]
    service = _service(dokploy, name, server_id, inspected)
    containers = tuple(_kept(dokploy, one, server_id, restarts=False) for one in inspected)
    if service is None:
        return _Part(name, containers, None, is_known=False)
    rests = not inspected and _rests(dokploy.tasks(name, server_id))
    wanted = service.replicas
    if wanted is None:  # one on each node, and only those of one node are listed
        wanted = sum(task.desired == "running" for task in dokploy.tasks(name, server_id))
    return _Part(name, containers, wanted, updating=is_under_way(service), rests=rests)


def _rests(tasks: list[ListedTask]) -> bool:
    """Whether the tasks, which are seen for all nodes, say that none runs; where none is told, nobody knows."""
    return bool(tasks) and not any(task.current.startswith("Running") for task in tasks)


def _service(
    dokploy: Dokploy, name: str, server_id: str | None, containers: Iterable[InspectedContainer]
) -> InspectedService | None:
    """By the id that its containers or tasks know: its name is also that of an image, once one was built under it."""
    for container in containers:
        if container.labels.swarm_service_id:
            return dokploy.service(container.labels.swarm_service_id, server_id)
    if found := dokploy.service(name, server_id):
        return found
    for task in dokploy.tasks(name, server_id)[:1]:
        if inspected := dokploy.task(task.task_id, server_id):
            return dokploy.service(inspected.service_id, server_id)
    return None


def _project(dokploy: Dokploy, place: Place) -> list[_Part]:
    """The containers of a docker-compose project, each of the service that its label names."""
    listed = dokploy.named_containers(place.app_name, "docker-compose", place.server_id)
    running = [_inspect(dokploy, one, place.server_id) for one in listed if one.state not in _ENDED]
    if not running:
        dokploy.tasks(place.app_name, place.server_id)  # there are none; but without the right, it would not be told
    parts = []
    for name, wanted in place.services.items():
        own = [one for one in running if one.labels.compose_service == name and one.labels.compose_oneoff != "True"]
        containers = tuple(_kept(dokploy, one, place.server_id, restarts=True) for one in own)
        parts.append(_Part(name, containers, wanted, is_known=bool(listed), rests=bool(listed)))
    return parts


def _inspect(dokploy: Dokploy, listed: ListedContainer, server_id: str | None) -> InspectedContainer:
    """Raises Moved where it has ended or vanished since it was listed."""
    found = dokploy.container(listed.container_id, server_id)
    if found is None or found.state.status in _ENDED:
        raise Moved(f"the container {listed.name} ended while it was looked at")
    if not (listed.container_id and found.container_id.startswith(listed.container_id)):
        raise DokployError(f"Dokploy shows another container than {listed.container_id}")
    return found


def _kept(dokploy: Dokploy, found: InspectedContainer, server_id: str | None, *, restarts: bool) -> Container:
    return Container(
        container_id=found.container_id[:12],
        artifact_id=pinned(found.image) or _by_its_image(dokploy, found, server_id),
        started_at=found.state.started_at,
        restarts=found.restart_count if restarts else 0,
        state=_state(found.state.status, found.state.health.status if found.state.health else None),
    )


def _by_its_image(dokploy: Dokploy, found: InspectedContainer, server_id: str | None) -> str | None:
    image = dokploy.image(found.image_id, server_id)
    return pulled_by(found.image, image.repo_digests) if image else None


def _state(status: str, health: str | None) -> str:
    """``running`` for one that runs and is healthy, or is not asked for its health."""
    return status if status != "running" or health in (None, "none", "healthy") else health


# -- without the right: that something runs, and how it feels


def _without_the_right(dokploy: Dokploy, place: Place, lacks: str) -> Running:
    detail = "by which digest it runs is not shown"
    try:
        containers = tuple(_named(dokploy, place))
    except DokployError as error:
        return Running("not_shown", detail=f"{detail}: {error}", lacks=lacks)
    return Running("not_shown", containers, f"{detail}; containers that run: {len(containers)}", lacks)


def _named(dokploy: Dokploy, place: Place) -> Iterable[Container]:
    app_type = None if place.kind == "application" else place.kind
    names = "|".join(re.escape(name) for name in place.services)
    if place.kind == "docker-compose":
        own = re.compile(rf"{re.escape(place.app_name)}[-_](?:{names})[-_]\d+")
    else:
        own = re.compile(rf"(?:{names})\.\w+\.\w+")  # a slot, or a node; and the task
    for one in dokploy.named_containers(place.app_name, app_type, place.server_id):
        state = one.status.partition(" ")[0].lower() if place.kind == "stack" else one.state
        if own.fullmatch(one.name) and state not in _ENDED:
            yield Container(
                container_id=one.container_id or one.name.rpartition(".")[2],
                artifact_id=None,
                state=_state(state, _health(one.status)),
            )


def _health(status: str) -> str | None:
    """Of Docker's sentence: ``Up 3 seconds (health: starting)``."""
    found = re.search(r"\((?:health: )?(starting|healthy|unhealthy)\)", status)
    return found[1] if found else None
