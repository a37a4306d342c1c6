"""What an inspection shows of a container, an image, a service or a task: the fields that a client may look at."""

from __future__ import annotations

from typing import Any

from tests.fakes.dokploy.clock import Clock
from tests.fakes.dokploy.containers import Container
from tests.fakes.dokploy.registry import Image
from tests.fakes.dokploy.swarm import Service, Spec, Task

Shown = dict[str, Any]

_PROGRAM = ["/shop", "serve"]


def container(found: Container, clock: Clock) -> Shown:
    """A container; its environment stands in it in clear."""
    running = found.state in {"running", "restarting"}
    state: Shown = {
        "Status": found.state,
        "Running": running,
        "Paused": False,
        "Restarting": found.state == "restarting",
        "OOMKilled": False,
        "Dead": False,
        "Pid": 4711 if found.state == "running" else 0,
        "ExitCode": found.exit_code,
        "Error": "",
        "StartedAt": clock.stamp(found.started),
        "FinishedAt": clock.stamp(found.finished),
    }
    if found.healthcheck and found.health:
        printed = {"ExitCode": 0, "Output": f"serving with {' '.join(found.env)}\n"}
        log = [] if found.health == "starting" else [printed]
        state["Health"] = {"Status": found.health, "FailingStreak": 0, "Log": log}
    config: Shown = {
        "Hostname": found.id[:12],
        "Env": list(found.env),
        "Cmd": _PROGRAM,
        "Image": found.image.name,
        "Labels": found.labels,
    }
    if found.healthcheck:
        config["Healthcheck"] = found.healthcheck.shown()
    return {
        "Id": found.id,
        "Created": clock.stamp(found.created),
        "Path": _PROGRAM[0],
        "Args": _PROGRAM[1:],
        "State": state,
        "Image": f"sha256:{found.image.config_id}",
        "Name": f"/{found.name}",
        "RestartCount": found.restarts,
        "Driver": "overlay2",
        "Platform": "linux",
        "Mounts": [],
        "Config": config,
    }


def image(found: Image, tags: list[str]) -> Shown:
    """An image; ``RepoDigests`` has the name under which it was pulled."""
    return {
        "Id": f"sha256:{found.config_id}",
        "RepoTags": tags,
        "RepoDigests": [found.name],
        "Config": {"Env": [], "Cmd": _PROGRAM, "Labels": {"org.opencontainers.image.revision": found.revision}},
        "Architecture": "amd64",
        "Os": "linux",
    }


def service(found: Service, clock: Clock, secret: tuple[str, ...]) -> Shown:
    """A service; without ``UpdateStatus`` until it was updated, and again after an update that replaced nothing."""
    shown: Shown = {
        "ID": found.id,
        "Version": {"Index": found.version},
        "CreatedAt": clock.stamp(found.created),
        "UpdatedAt": clock.stamp(found.updated),
        "Spec": _spec(found.name, found.spec, secret, now=True),
        "Endpoint": {"Spec": {"Mode": "vip"}, "VirtualIPs": []},
    }
    if found.previous:
        shown["PreviousSpec"] = _spec(found.name, found.previous, secret, now=False)
    if found.status:
        shown["UpdateStatus"] = {
            name: clock.stamp(value) if name.endswith("At") else value for name, value in found.status.items()
        }
    return shown


def task(found: Task, of: Service, clock: Clock, secret: tuple[str, ...]) -> Shown:
    status: Shown = {
        "Timestamp": clock.stamp(found.since),
        "State": found.state,
        "Message": "started" if found.container else "preparing",
        "PortStatus": {},
    }
    if found.err:
        status["Err"] = found.err.strip('"')
    if found.container:
        status["ContainerStatus"] = {
            "ContainerID": found.container.id,
            "PID": 4711 if found.container.state == "running" else 0,
            "ExitCode": found.container.exit_code,
        }
    return {
        "ID": found.id,
        "Version": {"Index": of.version},
        "CreatedAt": clock.stamp(found.created),
        "UpdatedAt": clock.stamp(found.since),
        "Labels": {},
        "Spec": {
            "ContainerSpec": _container_spec(found.spec, secret, now=False),
            "ForceUpdate": found.spec.force_update,
        },
        "ServiceID": of.id,
        "Slot": found.slot,
        "NodeID": found.node,
        "Status": status,
        "DesiredState": found.desired,
    }


def _spec(name: str, spec: Spec, secret: tuple[str, ...], *, now: bool) -> Shown:
    """A spec; the one of before is shown as it was given, without what Docker fills in."""
    labels = {"com.docker.stack.image": spec.image, "com.docker.stack.namespace": spec.stack} if spec.stack else {}
    monitor = {"Monitor": int(spec.monitor_s * 1e9)} if now else {}
    policy = {"Condition": spec.restart, "Delay": int(spec.restart_delay_s * 1e9), "MaxAttempts": 0}
    return {
        "Name": name,
        "Labels": labels,
        "TaskTemplate": {
            "ContainerSpec": _container_spec(spec, secret, now=now),
            **({"RestartPolicy": policy} if now else {}),
            "ForceUpdate": spec.force_update,
            "Runtime": "container",
        },
        "Mode": {"Replicated": {"Replicas": spec.replicas}},
        "UpdateConfig": {
            "Parallelism": 1,
            "FailureAction": spec.failure_action,
            **monitor,
            "MaxFailureRatio": 0,
            "Order": spec.order,
        },
        "RollbackConfig": {
            "Parallelism": 1,
            "FailureAction": "pause",
            **monitor,
            "MaxFailureRatio": 0,
            "Order": spec.rollback_order,
        },
        "EndpointSpec": {"Mode": "vip"},
    }


def _container_spec(spec: Spec, secret: tuple[str, ...], *, now: bool) -> Shown:
    shown: Shown = {"Image": spec.image, "Isolation": "default"}
    if spec.labels:
        shown["Labels"] = dict(spec.labels)
    if env := [*spec.env, *secret]:
        shown["Env"] = env
    if now:
        shown |= {"StopGracePeriod": int(spec.grace_s * 1e9), "DNSConfig": {}}
    if spec.healthcheck:
        shown["Healthcheck"] = spec.healthcheck.shown()
    return shown
