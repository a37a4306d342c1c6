"""The rows that Dokploy v0.30.2 answers with: their fields, and what stands in them before anyone sets something."""

from __future__ import annotations

import secrets
import string
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]

_ALPHABET = string.ascii_letters + string.digits + "_-"


def nulls(names: str) -> Row:
    return dict.fromkeys(names.split())


_APPLICATION_NULLS = nulls("""
    description env previewEnv watchPaths previewBuildArgs previewBuildSecrets previewLabels previewWildcard
    previewCustomCertResolver buildArgs buildSecrets memoryReservation memoryLimit cpuReservation cpuLimit title enabled
    subtitle command args icon repository owner branch gitlabProjectId gitlabRepository gitlabOwner gitlabBranch
    gitlabPathNamespace giteaRepository giteaOwner giteaBranch bitbucketRepository bitbucketRepositorySlug
    bitbucketOwner bitbucketBranch username password dockerImage registryUrl customGitUrl customGitBranch
    customGitBuildPath customGitSSHKeyId dockerContextPath dockerBuildStage dropBuildPath healthCheckSwarm
    restartPolicySwarm placementSwarm updateConfigSwarm rollbackConfigSwarm modeSwarm labelsSwarm networkSwarm
    stopGracePeriodSwarm endpointSpecSwarm ulimitsSwarm publishDirectory isStaticSpa registryId rollbackRegistryId
    githubId gitlabId giteaId bitbucketId serverId buildServerId buildRegistryId
""")

_APPLICATION_REST: Row = {
    "previewPort": 3000,
    "previewHttps": False,
    "previewPath": "/",
    "previewCertificateType": "none",
    "previewLimit": 3,
    "isPreviewDeploymentsActive": False,
    "previewRequireCollaboratorPermissions": True,
    "rollbackActive": False,
    "cleanCache": False,
    "buildPath": "/",
    "gitlabBuildPath": "/",
    "giteaBuildPath": "/",
    "bitbucketBuildPath": "/",
    "triggerType": "push",
    "autoDeploy": True,
    "enableSubmodules": False,
    "dockerfile": "Dockerfile",
    "replicas": 1,
    "applicationStatus": "idle",
    "buildType": "nixpacks",
    "railpackVersion": "0.15.4",
    "herokuVersion": "24",
    "createEnvFile": True,
    "detachDokployNetwork": False,
}

_COMPOSE_NULLS = nulls("""
    description env repository owner branch gitlabProjectId gitlabRepository gitlabOwner gitlabBranch
    gitlabPathNamespace bitbucketRepository bitbucketRepositorySlug bitbucketOwner bitbucketBranch giteaRepository
    giteaOwner giteaBranch customGitUrl customGitBranch customGitSSHKeyId icon watchPaths githubId gitlabId bitbucketId
    giteaId serverId
""")

_COMPOSE_REST: Row = {
    "composeFile": "",
    "composeType": "docker-compose",
    "autoDeploy": True,
    "command": "",
    "createEnvFile": True,
    "enableSubmodules": False,
    "composePath": "./docker-compose.yml",
    "suffix": "",
    "randomize": False,
    "isolatedDeployment": False,
    "isolatedDeploymentsVolume": False,
    "triggerType": "push",
    "composeStatus": "idle",
}

_DEPLOYMENT_NULLS = nulls("""
    pid serverId previewDeploymentId finishedAt errorMessage scheduleId backupId rollbackId volumeBackupId buildServerId
""")

_GIT = ("gitlab", "github", "bitbucket", "gitea")


def new_id() -> str:
    """An id as Dokploy makes them: 21 letters, digits, ``_`` and ``-``."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(21))


def stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def environment(project: str) -> Row:
    """The environment that all targets stand in, with its project."""
    parent = {
        "projectId": new_id(),
        "name": project,
        "description": None,
        "createdAt": stamp(),
        "organizationId": new_id(),
        "env": "",
    }
    return {
        "environmentId": new_id(),
        "name": "production",
        "description": "Production environment",
        "createdAt": stamp(),
        "env": "",
        "projectId": parent["projectId"],
        "isDefault": True,
        "project": parent,
    }


def application_row(name: str, environment_id: str) -> Row:
    return {
        **_APPLICATION_NULLS,
        **_APPLICATION_REST,
        **_common(name, environment_id),
        "applicationId": new_id(),
        "networkIds": [],
    }


def compose_row(name: str, environment_id: str) -> Row:
    return {
        **_COMPOSE_NULLS,
        **_COMPOSE_REST,
        **_common(name, environment_id),
        "composeId": new_id(),
        "serviceNetworks": [],
    }


def _common(name: str, environment_id: str) -> Row:
    suffix = "".join(secrets.choice(string.ascii_lowercase) for _ in range(6))
    return {
        "name": name,
        "appName": f"{name}-{suffix}",
        "refreshToken": new_id(),
        "sourceType": "github",
        "createdAt": stamp(),
        "environmentId": environment_id,
    }


def application_relations() -> Row:
    """What ``application.one`` shows beside the row, but for its environment and deployments."""
    return {
        **{name: [] for name in ("domains", "mounts", "redirects", "security", "ports", "previewDeployments")},
        **dict.fromkeys((*_GIT, "server", "registry", "buildRegistry", "rollbackRegistry", "unauthorizedProvider")),
        "hasGitProviderAccess": True,
    }


def compose_relations() -> Row:
    """What ``compose.one`` shows beside the row, but for its environment and deployments."""
    return {
        **{name: [] for name in ("mounts", "domains", "backups")},
        **dict.fromkeys((*_GIT, "server", "unauthorizedProvider")),
        "hasGitProviderAccess": True,
    }


def deployment_row(target: Row, title: str, description: str) -> Row:
    """The row of a deployment that starts now."""
    now = stamp()
    app_name = target["appName"]
    return {
        **_DEPLOYMENT_NULLS,
        "deploymentId": new_id(),
        "title": title,
        "description": description,
        "status": "running",
        "logPath": f"/etc/dokploy/logs/{app_name}/{app_name}-{now[:10]}:{now[11:19]}.log",
        "applicationId": target.get("applicationId"),
        "composeId": target.get("composeId"),
        "isPreviewDeployment": False,
        "createdAt": now,
        "startedAt": now,
    }
