"""The routes that deploys need, typed. Every method raises DokployError."""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import SecretStr, TypeAdapter, ValidationError

from launchplane_gate_dokploy.answers import Application, Compose, Deployment, QueuedJob, TargetRef
from launchplane_gate_dokploy.connection import Connection, DokployError, SecondsLeft
from launchplane_gate_dokploy.containers import (
    InspectedContainer,
    InspectedImage,
    InspectedService,
    InspectedTask,
    ListedContainer,
    ListedTask,
    is_service,
)

T = TypeVar("T")

_DEPLOYMENTS = TypeAdapter(list[Deployment])
_QUEUE = TypeAdapter(list[QueuedJob])
_APPLICATION = TypeAdapter(Application)
_COMPOSE = TypeAdapter(Compose)
_LISTED = TypeAdapter(list[ListedContainer])
_TASKS = TypeAdapter(list[ListedTask])
_CONTAINER = TypeAdapter(InspectedContainer)
_IMAGE = TypeAdapter(InspectedImage)
_SERVICE = TypeAdapter(InspectedService)
_TASK = TypeAdapter(InspectedTask)
_INSPECT = "docker.getConfig"


class Dokploy:
    """Reads are tried again where that may help, changes never."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def reading_within(self, seconds_left: SecondsLeft) -> Dokploy:
        """The same, with no read longer than what is left."""
        return Dokploy(self._connection.reading_within(seconds_left))

    def writing_within(self, seconds_left: SecondsLeft) -> Dokploy:
        """The same, with leave asked for right before each write, and none longer than that."""
        return Dokploy(self._connection.writing_within(seconds_left))

    def application(self, application_id: str) -> Application:
        route = "application.one"
        return _read(_APPLICATION, route, self._connection.read(route, {"applicationId": application_id}))

    def compose(self, compose_id: str) -> Compose:
        route = "compose.one"
        return _read(_COMPOSE, route, self._connection.read(route, {"composeId": compose_id}))

    def deployments(self, target: TargetRef) -> list[Deployment]:
        """The rows of a target that are kept, newest first. None for a target that is unknown, too."""
        if target.type == "application":
            route, params = "deployment.all", {"applicationId": target.id}
        else:
            route, params = "deployment.allByCompose", {"composeId": target.id}
        return _read(_DEPLOYMENTS, route, self._connection.read(route, params))

    def queue(self) -> list[QueuedJob]:
        """What runs or waits, of every target, in its order: there is one worker. Dokploy lists the newest first."""
        route = "deployment.queueList"
        jobs = _read(_QUEUE, route, self._connection.read(route))
        return sorted(jobs, key=lambda job: job.turn)

    def set_image(self, application: Application, image: str) -> None:
        """Set the image that an application's next job reads; what else is set about its registry stays."""
        route = "application.saveDockerProvider"
        answer = self._connection.write(
            route,
            {
                "applicationId": application.application_id,
                "dockerImage": image,
                "username": _plain(application.username),
                "password": _plain(application.password),
                "registryUrl": _plain(application.registry_url),
            },
        )
        if answer is not True:
            raise DokployError(f"Dokploy does not say that {route} was done", acted=True)

    def set_env(self, compose_id: str, env: str) -> None:
        """Set the environment that a compose target's next job reads, and nothing else of it."""
        route = "compose.saveEnvironment"
        answer = self._connection.write(route, {"composeId": compose_id, "env": env})
        if answer is not True:
            raise DokployError(f"Dokploy does not say that {route} was done", acted=True)

    def deploy(self, target: TargetRef, *, title: str, description: str) -> None:
        """Queue a deployment. Its row has this title, and is made when its job starts."""
        key = "applicationId" if target.type == "application" else "composeId"
        body = {key: target.id, "title": title, "description": description}
        answer = self._connection.write(f"{target.type}.deploy", body)
        if target.type == "compose" and not (isinstance(answer, dict) and answer.get("success") is True):
            raise DokployError("Dokploy does not say that compose.deploy was queued", acted=True)

    # -- what runs. ``server_id``: of the target, None on Dokploy's own machine. Nothing that runs, nothing that is
    # known by a name and a Docker that does not answer all look the same: an empty list.

    def service_containers(self, service: str, server_id: str | None) -> list[ListedContainer]:
        """The running containers of a swarm service, on the node that Dokploy asks."""
        route = "docker.getContainersByAppLabel"
        params = {"appName": service, "type": "swarm"}
        return _read(_LISTED, route, self._connection.read(route, _on(server_id, params)))

    def named_containers(
        self, app_name: str, app_type: Literal["docker-compose", "stack"] | None, server_id: str | None
    ) -> list[ListedContainer]:
        """The containers of a project or stack, or those whose name begins so; without a right on Docker.

        Of a project, and by the name, those that have ended too; of a stack, the tasks that are to run.
        """
        route = "docker.getContainersByAppNameMatch"
        params = {"appName": app_name} | ({"appType": app_type} if app_type else {})
        return _read(_LISTED, route, self._connection.read(route, _on(server_id, params)))

    def tasks(self, service: str, server_id: str | None) -> list[ListedTask]:
        """The tasks of a swarm service, on every node, those that have ended too."""
        route = "docker.getServiceContainersByAppName"
        return _read(_TASKS, route, self._connection.read(route, _on(server_id, {"appName": service})))

    def container(self, container_id: str, server_id: str | None) -> InspectedContainer | None:
        """None where there is none, or no longer."""
        return self._inspected(_CONTAINER, container_id, server_id)

    def image(self, image_id: str, server_id: str | None) -> InspectedImage | None:
        """``image_id``: as a container has it, ``sha256:…``."""
        return self._inspected(_IMAGE, image_id.removeprefix("sha256:"), server_id)

    def task(self, task_id: str, server_id: str | None) -> InspectedTask | None:
        return self._inspected(_TASK, task_id, server_id)

    def service(self, name_or_id: str, server_id: str | None) -> InspectedService | None:
        """A swarm service; None where there is none, or where something else has its name."""
        answer = self._inspect(name_or_id, server_id)
        return _read(_SERVICE, _INSPECT, answer) if is_service(answer) else None

    def _inspected(self, form: TypeAdapter[T], object_id: str, server_id: str | None) -> T | None:
        answer = self._inspect(object_id, server_id)
        return None if answer is None else _read(form, _INSPECT, answer)

    def _inspect(self, object_id: str, server_id: str | None) -> object:
        params = _on(server_id, {"containerId": object_id})
        return self._connection.read(_INSPECT, params, may_be_empty=True)


def _on(server_id: str | None, params: dict[str, str]) -> dict[str, str]:
    return params | ({"serverId": server_id} if server_id is not None else {})


def _read(form: TypeAdapter[T], route: str, answer: object, *, acted: bool = False) -> T:
    """Raises DokployError where an answer has another form; it names the place, never the value."""
    try:
        return form.validate_python(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole of it"
        raise DokployError(f"what answers {route} has not its form: {place}: {first['msg']}", acted=acted) from None


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
