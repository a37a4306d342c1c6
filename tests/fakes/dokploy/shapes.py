"""The fields of an application's row that tell the swarm how to run it, from words that are shorter to write."""

from __future__ import annotations

from typing import Any

from tests.fakes.dokploy.containers import Healthcheck
from tests.fakes.dokploy.rows import Row
from tests.fakes.dokploy.swarm import Action, Order


def application(
    *,
    replicas: int = 1,
    order: Order | None = None,
    failure_action: Action | None = None,
    monitor_s: float | None = None,
    healthcheck: bool | Healthcheck = False,
    restart: str | None = None,
    restart_delay_s: float | None = None,
    grace_s: float | None = None,
) -> Row:
    """Fields of the row; what is not given stays null there, and the swarm's own default holds."""
    update = _given(Order=order, FailureAction=failure_action, Monitor=_nanoseconds(monitor_s))
    policy = _given(Condition=restart, Delay=_nanoseconds(restart_delay_s))
    check = Healthcheck() if healthcheck is True else healthcheck
    return {
        "replicas": replicas,
        "updateConfigSwarm": {"Parallelism": 1, **update} if update else None,
        "rollbackConfigSwarm": {"Parallelism": 1, "Order": order} if order else None,
        "restartPolicySwarm": policy or None,
        "healthCheckSwarm": check.shown() if check else None,
        "stopGracePeriodSwarm": _nanoseconds(grace_s),
    }


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _nanoseconds(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1e9)
