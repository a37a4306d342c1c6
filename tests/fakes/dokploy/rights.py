"""Keys, and what they may do: an owner everything, a member what was given to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.dokploy.rows import Row
from tests.fakes.dokploy.targets import Target


@dataclass(eq=False)
class Key:
    """``left``: verifications of a rate-limited key. ``services`` are the ids that a member may touch."""

    left: int | None = None
    member: bool = False
    services: frozenset[str] = frozenset()
    create_services: bool = False
    docker: bool = False

    def may(self, resource: str) -> bool:
        granted = {"service": self.create_services, "docker": self.docker}
        return not self.member or granted[resource]


# A right that a member has only if it was granted.
_NEEDS = {
    "application.saveDockerProvider": "service",
    "application.update": "service",
    "compose.update": "service",
    "compose.getConvertedCompose": "service",
    "compose.getDefaultCommand": "service",
    "docker.getContainersByAppLabel": "docker",
    "docker.getServiceContainersByAppName": "docker",
    "docker.getStackContainersByAppName": "docker",
    "docker.getConfig": "docker",
}
_OF_A_SERVICE = {"applicationId", "composeId", "deploymentId"}


def lacks(key: Key, route: str) -> str | None:
    """The resource that a key has no right to, before anything of the request is looked at."""
    resource = _NEEDS.get(route)
    return resource if resource and not key.may(resource) else None


def keeps_out(key: Key, route: str, given: Mapping[str, Any], targets: Mapping[str, Target]) -> bool:
    """Tell whether a request is about a service that a member may not touch; one that does not exist is none of it."""
    if not key.member:
        return False
    if route in {"deployment.allByType", "schedule.list"}:
        return given["id"] not in key.services
    if "deploymentId" in given:
        owner = _owner(given["deploymentId"], targets)
        return owner is not None and owner not in key.services
    asked = [given[name] for name in _OF_A_SERVICE if name in given]
    return any(id_ not in key.services for id_ in asked)


def _owner(deployment_id: str, targets: Mapping[str, Target]) -> str | None:
    rows: dict[str, Row] = {row["deploymentId"]: row for of in targets.values() for row in of.deployments}
    row = rows.get(deployment_id, {})
    return row.get("applicationId") or row.get("composeId")
