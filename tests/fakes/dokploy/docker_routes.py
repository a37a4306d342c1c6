"""The ``docker.*`` routes: what a command on the machine found, cut as Dokploy cuts it. A failed one is no error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fakes.dokploy import answers, inspected
from tests.fakes.dokploy.answers import EMPTY, Answer, says
from tests.fakes.dokploy.containers import Container
from tests.fakes.dokploy.host import Machine
from tests.fakes.dokploy.swarm import Service, Task

Given = dict[str, Any]
Command = Callable[[Machine, Given], Answer]


def by_label(machine: Machine, given: Given) -> Answer:
    """Running containers: those of a service, or those with a name that the given one is a part of."""
    name = str(given["appName"])

    def meant(container: Container) -> bool:
        if given["type"] == "swarm":
            return container.labels.get("com.docker.swarm.service.name", "") == name
        return name in container.name

    running = [c for c in machine.seen() if c.state in {"running", "restarting"} and meant(c)]
    return says([{"containerId": c.id[:12], "name": c.name, "state": c.state} for c in running])


def by_name(machine: Machine, given: Given) -> Answer:
    """Containers of a compose project, tasks of a stack, or containers with a name that begins so; ended ones too."""
    name, kind = given["appName"], given.get("appType")
    if kind == "stack":
        found = [task for task in _tasks(machine, lambda of: of.spec.stack == name) if task.desired == "running"]
        words = _errors(found)
        return says([_of_stack(task, word, machine) for task, word in zip(found, words, strict=True)])
    if kind == "docker-compose":
        seen = [c for c in machine.seen() if c.labels.get("com.docker.compose.project") == name]
    else:
        seen = [c for c in machine.seen() if c.name.startswith(name)]
    return says(
        [{"containerId": c.id[:12], "name": c.name, "state": c.state, "status": _status(c, machine)} for c in seen]
    )


def tasks_of_a_service(machine: Machine, given: Given) -> Answer:
    return _listed(_tasks(machine, lambda of: of.name == given["appName"]), machine)


def tasks_of_a_stack(machine: Machine, given: Given) -> Answer:
    return _listed(_tasks(machine, lambda of: of.spec.stack == given["appName"]), machine)


def config(machine: Machine, given: Given) -> Answer:
    """Inspect whatever has that id or name: a container, an image, a service or a task, looked for in this order."""
    asked, clock, secret = given["containerId"], machine.clock, machine.secret
    for container in machine.seen():
        if container.id.startswith(asked) or container.name == asked:
            return says(inspected.container(container, clock))
    for image in {c.image.name: c.image for c in machine.containers}.values():
        tags = [tag for tag, name in machine.tags.items() if name == image.name]
        if image.config_id == asked or asked in {*tags, *(tag.removesuffix(":latest") for tag in tags)}:
            return says(inspected.image(image, tags))
    for service in machine.services.values():
        if asked in {service.name, service.id}:
            return says(inspected.service(service, clock, secret))
    for service in machine.services.values():
        for task in service.tasks:
            if task.id == asked:
                return says(inspected.task(task, service, clock, secret))
    return EMPTY


COMMANDS: dict[str, Command] = {
    "docker.getContainersByAppLabel": by_label,
    "docker.getContainersByAppNameMatch": by_name,
    "docker.getServiceContainersByAppName": tasks_of_a_service,
    "docker.getStackContainersByAppName": tasks_of_a_stack,
    "docker.getConfig": config,
}


def on(machines: dict[str | None, Machine], route: str, given: Given) -> Answer:
    """Run a command on the machine that ``serverId`` names, or on Dokploy's own."""
    machine = machines.get(given.get("serverId"))
    return COMMANDS[route](machine, given) if machine else answers.not_found("Server", route)


def _tasks(machine: Machine, meant: Callable[[Service], bool]) -> list[Task]:
    """By service and slot, the newest first in a slot."""
    services = sorted((of for of in machine.services.values() if meant(of)), key=lambda of: of.name)
    return [task for of in services for task in sorted(of.tasks, key=lambda task: (task.slot, -of.tasks.index(task)))]


def _errors(tasks: list[Task]) -> list[str]:
    """The error of each; the last one that has none is cut wrong, to ``Error:``."""
    words = [task.err for task in tasks]
    return [*words[:-1], words[-1] or "Error:"] if words else []


def _since(task: Task, machine: Machine) -> str:
    ago = machine.clock.ago(task.since)
    return f"{task.state.capitalize()} {ago[0].lower()}{ago[1:]} ago"


def _listed(tasks: list[Task], machine: Machine) -> Answer:
    return says(
        [
            {
                "containerId": task.id,
                "name": f"{task.service}.{task.slot}",
                "state": task.desired,
                "currentState": _since(task, machine),
                "node": task.node,
                "error": word,
            }
            for task, word in zip(tasks, _errors(tasks), strict=True)
        ]
    )


def _of_stack(task: Task, word: str, machine: Machine) -> dict[str, str]:
    return {
        "containerId": task.container.id[:12] if task.container else "",
        "name": task.name,
        "node": task.node,
        "state": task.desired,
        "status": f"{_since(task, machine)} ({word})" if word else _since(task, machine),
    }


def _status(container: Container, machine: Machine) -> str:
    if container.state == "created":
        return "Created"
    if container.state == "running":
        health = {"starting": "health: starting"}.get(container.health or "", container.health)
        up = f"Up {machine.clock.ago(container.started or 0)}"
        return f"{up} ({health})" if health else up
    ago = machine.clock.ago(container.finished or container.created)
    return f"{container.state.capitalize()} ({container.exit_code}) {ago} ago"
