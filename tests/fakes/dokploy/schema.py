"""What each route takes, and the complaint of the real API about anything else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["string", "boolean", "number", "array", "object"]
Issue = dict[str, Any]

_NAME = re.compile(r"[a-zA-Z0-9.\-_]+")
_TYPES: dict[Kind, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}


@dataclass(frozen=True)
class Field:
    kind: Kind = "string"
    required: bool = False
    nullable: bool = False
    filled: bool = False
    among: tuple[str, ...] = ()
    named: str = ""  # what it is, where only the characters of a name are allowed in it

    def issue(self, name: str, given: Mapping[str, Any]) -> Issue | None:
        if name not in given and not (self.among and self.required):
            expected = "nonoptional" if self.nullable else self.kind
            return _mistyped(name, expected, "undefined") if self.required else None
        value = given.get(name)
        if value is None and self.nullable:
            return None
        if self.among and value not in self.among:  # also for one that is missing
            options = "|".join(f'"{option}"' for option in self.among)
            message = f"Invalid option: expected one of {options}"
            return {"code": "invalid_value", "values": list(self.among), "path": [name], "message": message}
        if not isinstance(value, _TYPES[self.kind]) or (self.kind == "number" and isinstance(value, bool)):
            return _mistyped(name, self.kind, _named(value))
        if self.filled and not value:
            message = "Too small: expected string to have >=1 characters"
            return {
                "origin": "string",
                "code": "too_small",
                "minimum": 1,
                "inclusive": True,
                "path": [name],
                "message": message,
            }
        if self.named and not _NAME.fullmatch(str(value)):
            pattern = {"format": "regex", "pattern": f"/^{_NAME.pattern}$/", "path": [name]}
            return {"origin": "string", "code": "invalid_format", **pattern, "message": f"Invalid {self.named}."}
        return None


def issues(fields: Mapping[str, Field], given: Mapping[str, Any]) -> list[Issue]:
    """Everything that is wrong with a request; what is not known is dropped without a word."""
    return [issue for name, field in fields.items() if (issue := field.issue(name, given))]


def wrong_type(given: object) -> Issue:
    """The complaint about a body that is no object."""
    received = _named(given)
    return {
        "expected": "object",
        "code": "invalid_type",
        "path": [],
        "message": f"Invalid input: expected object, received {received}",
    }


def _mistyped(name: str, expected: str, received: str) -> Issue:
    message = f"Invalid input: expected {expected}, received {received}"
    return {"expected": expected, "code": "invalid_type", "path": [name], "message": message}


def _named(value: object) -> str:
    """The name that JavaScript has for the type of a value."""
    if value is None:
        return "null"
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]


_ID = Field(required=True, filled=True)

_CONTAINER = Field(required=True, filled=True, named="container id")
_APP = Field(required=True, filled=True, named="app name")
_SERVER = {"serverId": Field()}

_OF_THE_SWARM = [
    f"{name}Swarm" for name in ("healthCheck", "restartPolicy", "updateConfig", "rollbackConfig", "mode", "labels")
]

_OF_APPLICATION = {"applicationId": _ID}
_OF_COMPOSE = {"composeId": _ID}
_TRIGGER = {"title": Field(), "description": Field()}

_COMPOSE_NULLABLE = """
    bitbucketBranch bitbucketId bitbucketOwner bitbucketRepository bitbucketRepositorySlug branch customGitBranch
    customGitSSHKeyId customGitUrl description env giteaBranch giteaId giteaOwner giteaRepository githubId gitlabBranch
    gitlabId gitlabOwner gitlabPathNamespace gitlabRepository icon owner refreshToken repository
"""

_COMPOSE_FLAGS = "createEnvFile enableSubmodules isolatedDeployment isolatedDeploymentsVolume randomize"

_COMPOSE_UPDATE = {
    "composeId": Field(required=True),
    **dict.fromkeys(_COMPOSE_NULLABLE.split(), Field(nullable=True)),
    **dict.fromkeys(_COMPOSE_FLAGS.split(), Field("boolean")),
    **dict.fromkeys(("command", "composeFile", "createdAt", "environmentId", "suffix"), Field()),
    **dict.fromkeys(("appName", "composePath", "name"), Field(filled=True)),
    "autoDeploy": Field("boolean", nullable=True),
    "gitlabProjectId": Field("number", nullable=True),
    "composeStatus": Field(among=("idle", "running", "done", "error")),
    "composeType": Field(among=("docker-compose", "stack")),
    "sourceType": Field(among=("git", "github", "gitlab", "bitbucket", "gitea", "raw")),
    "triggerType": Field(nullable=True, among=("push", "tag")),
    "serviceNetworks": Field("array", nullable=True),
    "watchPaths": Field("array", nullable=True),
}

_SCHEDULE_TYPES = ("application", "compose", "server", "dokploy-server")

_SCHEDULE = {
    **dict.fromkeys(("command", "cronExpression", "name"), Field(required=True)),
    **dict.fromkeys(("appName", "createdAt", "scheduleId"), Field()),
    **dict.fromkeys(("applicationId", "composeId", "description", "organizationId"), Field(nullable=True)),
    **dict.fromkeys(("script", "serverId", "serviceName", "timezone"), Field(nullable=True)),
    "enabled": Field("boolean"),
    "scheduleType": Field(among=_SCHEDULE_TYPES),
    "shellType": Field(among=("bash", "sh")),
}

_DEPLOYMENT_TYPES = ("application", "compose", "server", "schedule", "previewDeployment", "backup", "volumeBackup")

TAKES: dict[tuple[str, str], dict[str, Field]] = {
    ("GET", "application.one"): _OF_APPLICATION,
    ("POST", "application.saveDockerProvider"): {
        "applicationId": Field(required=True),
        **dict.fromkeys(("dockerImage", "username", "password", "registryUrl"), Field(required=True, nullable=True)),
    },
    ("POST", "application.deploy"): _OF_APPLICATION | _TRIGGER,
    ("POST", "application.redeploy"): _OF_APPLICATION | _TRIGGER,
    ("GET", "compose.one"): _OF_COMPOSE,
    ("POST", "compose.update"): _COMPOSE_UPDATE,
    ("POST", "compose.saveEnvironment"): {
        "composeId": Field(required=True),
        "env": Field(required=True, nullable=True),
        "createEnvFile": Field("boolean"),
    },
    ("POST", "compose.deploy"): _OF_COMPOSE | _TRIGGER,
    ("POST", "compose.redeploy"): _OF_COMPOSE | _TRIGGER,
    ("GET", "deployment.all"): _OF_APPLICATION,
    ("GET", "deployment.allByCompose"): _OF_COMPOSE,
    ("GET", "deployment.allByType"): {"id": _ID, "type": Field(required=True, among=_DEPLOYMENT_TYPES)},
    ("GET", "deployment.queueList"): {},
    ("GET", "deployment.readLogs"): {"deploymentId": _ID, "tail": Field("number")},
    **dict.fromkeys(
        [("POST", f"application.{name}") for name in ("cancelDeployment", "cleanQueues", "killBuild", "markRunning")],
        _OF_APPLICATION,
    ),
    ("POST", "application.stop"): _OF_APPLICATION,
    ("POST", "application.update"): {
        "applicationId": Field(required=True, filled=True),
        "applicationStatus": Field(among=("idle", "running", "done", "error")),
        "replicas": Field("number"),
        **dict.fromkeys(_OF_THE_SWARM, Field("object", nullable=True)),
    },
    **dict.fromkeys(
        [("POST", f"compose.{name}") for name in ("cancelDeployment", "cleanQueues", "killBuild")], _OF_COMPOSE
    ),
    ("GET", "compose.getDefaultCommand"): _OF_COMPOSE,
    ("GET", "compose.loadServices"): _OF_COMPOSE | {"type": Field(among=("fetch", "cache"))},
    ("POST", "deployment.killProcess"): {"deploymentId": _ID},
    ("GET", "docker.getConfig"): {"containerId": _CONTAINER, **_SERVER},
    ("GET", "docker.getContainersByAppLabel"): {
        "appName": _APP,
        **_SERVER,
        "type": Field(required=True, among=("standalone", "swarm")),
    },
    ("GET", "docker.getContainersByAppNameMatch"): {
        "appType": Field(among=("stack", "docker-compose")),
        "appName": _APP,
        **_SERVER,
    },
    ("GET", "docker.getServiceContainersByAppName"): {"appName": _APP, **_SERVER},
    ("GET", "docker.getStackContainersByAppName"): {"appName": _APP, **_SERVER},
    ("POST", "schedule.create"): _SCHEDULE,
    ("GET", "schedule.list"): {"id": Field(required=True), "scheduleType": Field(required=True, among=_SCHEDULE_TYPES)},
    ("POST", "schedule.runManually"): {"scheduleId": _ID},
    ("POST", "schedule.update"): _SCHEDULE | {"scheduleId": _ID},
    ("GET", "settings.getDokployVersion"): {},
    ("GET", "settings.health"): {},
    ("GET", "user.session"): {},
}
