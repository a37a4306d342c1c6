"""A client for the part of Dokploy's API that deploys of an image need, for the drivers of products that run there.

What the server really does, seen on v0.30.2, stands in tests/fakes/dokploy as a program.
"""

from launchplane_gate_dokploy.answers import Application, Compose, Deployment, QueuedJob, TargetRef
from launchplane_gate_dokploy.client import Dokploy
from launchplane_gate_dokploy.connection import Connection, DokployError, KeyRefused, NotThere
from launchplane_gate_dokploy.options import ConnectionOptions, connection

__all__ = [
    "Application",
    "Compose",
    "Connection",
    "ConnectionOptions",
    "Deployment",
    "Dokploy",
    "DokployError",
    "KeyRefused",
    "NotThere",
    "QueuedJob",
    "TargetRef",
    "connection",
]
