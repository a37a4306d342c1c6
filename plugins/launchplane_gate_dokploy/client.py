"""The routes that deploys need, typed. Every method raises DokployError."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import SecretStr, TypeAdapter, ValidationError

from launchplane_gate_dokploy.answers import Application, Compose, Deployment, QueuedJob, TargetRef
from launchplane_gate_dokploy.connection import Connection, DokployError

T = TypeVar("T")

_DEPLOYMENTS = TypeAdapter(list[Deployment])
_QUEUE = TypeAdapter(list[QueuedJob])
_APPLICATION = TypeAdapter(Application)
_COMPOSE = TypeAdapter(Compose)


class Dokploy:
    """Reads are tried again where that may help, changes never."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def within(self, seconds_left: Callable[[], float]) -> Dokploy:
        """The same, with no call longer than what is left of a lease."""
        return Dokploy(self._connection.within(seconds_left))

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
        """What waits, of every target: there is one worker, first come, first served."""
        route = "deployment.queueList"
        return _read(_QUEUE, route, self._connection.read(route))

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
        """Set the environment that a compose target's next job reads."""
        route = "compose.update"
        answer = self._connection.write(route, {"composeId": compose_id, "env": env})
        if answer is None:  # so it answers for an id that it does not know, too
            raise DokployError(f"Dokploy gave an empty answer to {route}: it may not know the target", acted=True)
        if _read(_COMPOSE, route, answer, acted=True).env != SecretStr(env):
            raise DokployError(f"Dokploy answers {route} with another environment than was set", acted=True)

    def deploy(self, target: TargetRef, *, title: str, description: str) -> None:
        """Queue a deployment. Its row has this title, and is made when its job starts."""
        key = "applicationId" if target.type == "application" else "composeId"
        body = {key: target.id, "title": title, "description": description}
        answer = self._connection.write(f"{target.type}.deploy", body)
        if target.type == "compose" and not (isinstance(answer, dict) and answer.get("success") is True):
            raise DokployError("Dokploy does not say that compose.deploy was queued", acted=True)


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
