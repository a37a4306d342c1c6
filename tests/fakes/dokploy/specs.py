"""What a target asks of the swarm: read from the row of an application, or from a compose file."""

from __future__ import annotations

from typing import Any

from tests.fakes.dokploy.compose_file import Asked, seconds
from tests.fakes.dokploy.containers import Healthcheck
from tests.fakes.dokploy.rows import Row
from tests.fakes.dokploy.swarm import Spec


def of_application(row: Row, image: str) -> Spec:
    """An application updates start-first and rolls back, unless its row says otherwise."""
    update, restart = row["updateConfigSwarm"] or {}, row["restartPolicySwarm"] or {}
    mode = (row["modeSwarm"] or {}).get("Replicated", {})
    grace = row["stopGracePeriodSwarm"]
    return Spec(
        image,
        mode.get("Replicas", row["replicas"]),
        update.get("Order", "start-first"),
        update.get("FailureAction", "rollback"),
        update.get("Monitor", 5e9) / 1e9,
        (row["rollbackConfigSwarm"] or {}).get("Order", "start-first"),
        restart.get("Condition", "any"),
        restart.get("Delay", 5e9) / 1e9,
        10.0 if grace is None else int(grace) / 1e9,
        Healthcheck.of_swarm(row["healthCheckSwarm"]),
        tuple((row["env"] or "").splitlines()),
        tuple((row["labelsSwarm"] or {}).items()),
    )


def of_stack(stack: str, service: Asked) -> Spec:
    """A stack updates stop-first and pauses, unless its file says otherwise."""
    update: dict[str, Any] = service.deploy.get("update_config") or {}
    restart: dict[str, Any] = service.deploy.get("restart_policy") or {}
    rollback: dict[str, Any] = service.deploy.get("rollback_config") or {}
    return Spec(
        service.image,
        int(service.deploy.get("replicas", 1)),
        update.get("order", "stop-first"),
        update.get("failure_action", "pause"),
        seconds(update.get("monitor"), 5.0),
        rollback.get("order", "stop-first"),
        restart.get("condition", "any"),
        seconds(restart.get("delay"), 5.0),
        service.grace_s,
        Healthcheck.of_file(service.healthcheck),
        service.environment,
        (("com.docker.stack.namespace", stack),),
        stack,
    )
