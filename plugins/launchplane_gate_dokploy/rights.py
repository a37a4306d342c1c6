"""Which right each call needs of the user whose key is used; by these words a refusal says what to grant."""

from __future__ import annotations

import re
from collections.abc import Mapping

RIGHT_OF: Mapping[str, str] = {
    "application.one": "service.read",
    "compose.one": "service.read",
    "deployment.all": "deployment.read",
    "deployment.allByCompose": "deployment.read",
    "deployment.queueList": "deployment.read",
    "application.saveDockerProvider": "canCreateServices (service.create)",
    "compose.saveEnvironment": "envVars.write",
    "application.deploy": "deployment.create",
    "compose.deploy": "deployment.create",
    "docker.getContainersByAppLabel": "canAccessToDocker (docker.read)",
    "docker.getServiceContainersByAppName": "canAccessToDocker (docker.read)",
    "docker.getConfig": "canAccessToDocker (docker.read)",
    "docker.getContainersByAppNameMatch": "service.read",
}

SHOWS_CONTAINERS = (
    "canAccessToDocker (docker.read), of the user whose API key this is: it would show by which digest each container "
    "was pulled; it shows every container's environment too, and lets its holder stop and change containers"
)

_NO_SUCH_SERVICE = re.compile(r"You don't have access to this service", re.IGNORECASE)


def missing_right(route: str, said: str) -> str:
    """What the user of a key lacks, for a call that Dokploy refused with these words."""
    if _NO_SUCH_SERVICE.match(said):
        return "the target is not among the services of its user (accessedServices), or there is none with this id"
    return f"its user lacks {RIGHT_OF.get(route, 'a right')}"
