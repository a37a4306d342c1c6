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
    from launchplane_gate.hookspecs import Approval, Progress, hookimpl
    from launchplane_gate.model import Actor, Decision, Expected, Lane, Outcome, ReleaseIdentity, Request, Run, Target

__all__ = [
    "Actor",
    "Approval",
    "Decision",
    "Expected",
    "Gate",
    "GateError",
    "Lane",
    "Outcome",
    "Progress",
    "ReleaseIdentity",
    "Request",
    "Run",
    "Target",
    "hookimpl",
]

_HOMES = {"Gate": "gate", "GateError": "errors"} | dict.fromkeys(("Approval", "Progress", "hookimpl"), "hookspecs")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'launchplane_gate' has no attribute {name!r}")
    return getattr(import_module(f"launchplane_gate.{_HOMES.get(name, 'model')}"), name)
