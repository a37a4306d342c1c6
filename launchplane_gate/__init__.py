"""A policy gate between a control plane and production.

    from launchplane_gate import Actor, Gate, Request

What stands here is public; it is imported when it is first used, so that ``--help`` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from launchplane_gate.errors import GateError
    from launchplane_gate.gate import Gate
    from launchplane_gate.hookspecs import hookimpl
    from launchplane_gate.model import Actor, Decision, Expected, Lane, ReleaseIdentity, Request, Run

__all__ = [
    "Actor",
    "Decision",
    "Expected",
    "Gate",
    "GateError",
    "Lane",
    "ReleaseIdentity",
    "Request",
    "Run",
    "hookimpl",
]

_HOMES = {"Gate": "gate", "GateError": "errors", "hookimpl": "hookspecs"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'launchplane_gate' has no attribute {name!r}")
    return getattr(import_module(f"launchplane_gate.{_HOMES.get(name, 'model')}"), name)
