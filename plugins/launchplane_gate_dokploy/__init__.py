"""A client for the part of Dokploy's API that deploys of an image need, for the drivers of products that run there.

What the server really does, seen on v0.30.2, stands in tests/fakes/dokploy as a program.
"""

from launchplane_gate_dokploy.answers import Application, Compose, Deployment, QueuedJob, TargetRef
from launchplane_gate_dokploy.client import Dokploy
from launchplane_gate_dokploy.connection import Connection, DokployError, KeyRefused, NotThere, RightMissing
from launchplane_gate_dokploy.containers import (
    InspectedContainer,
    InspectedImage,
    InspectedService,
    InspectedTask,
    ListedContainer,
    ListedTask,
    UpdateStatus,
)
from launchplane_gate_dokploy.options import ConnectionOptions, connection
from launchplane_gate_dokploy.rights import RIGHT_OF, SHOWS_CONTAINERS

__all__ = [
    "RIGHT_OF",
    "SHOWS_CONTAINERS",
    "Application",
    "Compose",
    "Connection",
    "ConnectionOptions",
    "Deployment",
    "Dokploy",
    "DokployError",
    "InspectedContainer",
    "InspectedImage",
    "InspectedService",
    "InspectedTask",
    "KeyRefused",
    "ListedContainer",
    "ListedTask",
    "NotThere",
    "QueuedJob",
    "RightMissing",
    "TargetRef",
    "UpdateStatus",
    "connection",
]
