"""An application or a compose of the fake: how it is configured, what it starts, what was deployed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tests.fakes.dokploy import compose_file, specs
from tests.fakes.dokploy.compose_file import Asked
from tests.fakes.dokploy.containers import Container
from tests.fakes.dokploy.host import Machine
from tests.fakes.dokploy.registry import Image
from tests.fakes.dokploy.rows import Row, deployment_row, stamp

Kind = Literal["application", "compose"]
Trigger = Literal["deploy", "redeploy"]

KEPT = 10  # older rows of deployments are dropped


@dataclass(frozen=True)
class Plan:
    """What a job is to start, as configured when it began; ``runs`` is false for a command that starts nothing."""

    services: tuple[Asked, ...]
    runs: bool = True


@dataclass(eq=False)
class Target:
    """``file`` is what a compose's git source holds; ``changes`` counts the requests that changed the target.

    ``nodes`` of the swarm take its replicas in turn. ``front`` is the service that its health address leads to.
    """

    kind: Kind
    row: Row
    relations: Row
    machine: Machine
    file: str = ""
    nodes: tuple[str, ...] = ("node1",)
    deployments: list[Row] = field(default_factory=list)  # oldest first
    changes: int = 0
    front: str = ""
    _asked: int = 0

    @property
    def target_id(self) -> str:
        return str(self.row[f"{self.kind}Id"])

    @property
    def app_name(self) -> str:
        return str(self.row["appName"])

    @property
    def is_stack(self) -> bool:
        return self.kind == "compose" and self.row["composeType"] == "stack"

    # -- what runs

    def containers(self) -> list[Container]:
        """The containers that requests are led to, oldest first: those of the front that run, on any node."""
        in_swarm = self.kind == "application" or self.is_stack
        name = f"{self.app_name}_{self.front}" if self.is_stack else self.app_name
        return [
            container
            for container in self.machine.containers
            if container.state == "running" and container.health in {None, "healthy"}
            if (
                container.labels.get("com.docker.swarm.service.name") == name
                if in_swarm
                else container.labels.get("com.docker.compose.project") == name
                and container.labels.get("com.docker.compose.service") == self.front
            )
        ]

    def runs(self) -> Image | None:
        """The image that answers; while two do, that of the older container."""
        self.machine.clock.catch_up()
        return next((container.image for container in self.containers() if container.answers()), None)

    def answers(self) -> Image | None:
        """What the next request meets: one container after the other, whether it answers yet or not."""
        self.machine.clock.catch_up()
        found = self.containers()
        if not found:
            return None
        self._asked += 1
        container = found[self._asked % len(found)]
        return container.image if container.answers() else None

    def stop(self) -> None:
        self.machine.clock.catch_up()
        self.machine.take_down(self.app_name)
        self.machine.clock.catch_up()

    # -- deployments

    def set_status(self, status: str) -> None:
        self.row[f"{self.kind}Status"] = status

    def start_deployment(self, title: str, description: str) -> Row:
        deployment = deployment_row(self.row, title, description)
        self.deployments.append(deployment)
        del self.deployments[:-KEPT]
        self.set_status("running")
        return deployment

    def end_deployment(self, deployment: Row, status: Literal["done", "error"]) -> None:
        deployment.update(status=status, finishedAt=stamp())  # errorMessage stays null on failure
        self.set_status(status)

    def configured(self) -> str | None:
        """The image that the next job would start."""
        plan = self.plan()
        return plan.services[0].image if plan and plan.services else None

    def plan(self) -> Plan | None:
        """What to start, as configured now; None where a job ends in error."""
        if self.kind == "application":
            image = self.row["dockerImage"]
            return Plan((Asked("", image),)) if image and self.row["sourceType"] == "docker" else None
        raw = self.row["sourceType"] == "raw"
        beside = not raw or self.row["composePath"] in {"./docker-compose.yml", "docker-compose.yml"}
        reads_env = self.is_stack or (self.row["createEnvFile"] and beside)
        file = self.row["composeFile"] if raw else self.file
        found = compose_file.services(file, (self.row["env"] or "") if reads_env else "")
        if found is None:
            return None
        chosen = tuple(service for service in found if self.is_stack or not service.profiles)
        if found and not chosen:
            return None  # no service selected
        return Plan(chosen, runs=not self.row["command"])

    def carry_out(self, plan: Plan | None, trigger: Trigger) -> Literal["done", "error"]:
        """Start what was planned, and tell how the job ends: ``done`` is that Docker took it, and no more."""
        if plan is None:
            return "error"
        if not plan.runs:
            return "done"
        pull, clock = self.machine.registry.pull, self.machine.clock
        clock.catch_up()
        left_to_docker = self.is_stack or (self.kind == "application" and trigger == "redeploy")
        if not left_to_docker and not all(pull(service.image) for service in plan.services):
            return "error"
        if self.kind == "application":
            spec = specs.of_application(self.row, plan.services[0].image)
            self.machine.deploy_service(self.app_name, spec, self.nodes, force=True)
            return self._done()
        keeps = self.machine.registry.keeps
        self.front = next((service.name for service in plan.services if keeps(service.image)), "")
        if self.is_stack:
            for service in plan.services:
                spec = specs.of_stack(self.app_name, service)
                self.machine.deploy_service(f"{self.app_name}_{service.name}", spec, self.nodes, force=False)
            return self._done()
        suffix = f"-{self.row['suffix']}" if self.row["randomize"] and self.row["suffix"] else ""
        self.front += suffix
        self.machine.up(self.app_name, plan.services, suffix)
        return self._done()

    def _done(self) -> Literal["done"]:
        self.machine.clock.catch_up()
        return "done"
