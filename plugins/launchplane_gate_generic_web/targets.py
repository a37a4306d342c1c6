"""What a lane is on Dokploy: an application, or a compose file with a variable for the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from launchplane_gate_dokploy import Application, Compose, Dokploy
from launchplane_gate_generic_web import compose_file
from launchplane_gate_generic_web.compose_file import Unusable
from launchplane_gate_generic_web.images import digest
from launchplane_gate_generic_web.options import TargetTable
from launchplane_gate_generic_web.places import Place


class ReadTarget(Protocol):
    """A target as it was read. ``image`` is what it is set to run; what it runs, its containers tell."""

    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str:
        """Of its last deployment: idle, running, done or error. It may stay ``running`` for ever after a restart."""

    @property
    def image(self) -> str | None:
        """None where none is set. Raises Unusable where it cannot be told."""

    @property
    def place(self) -> Place:
        """Raises Unusable where it cannot be told which services run the image."""

    @property
    def rest(self) -> Mapping[str, object]:
        """All but the image that says what a deployment would run: to be compared, and never shown.

        Raises Unusable for what ``check`` refuses to read.
        """

    def check(self, image: str | None) -> None:
        """Raises Unusable where setting this image, or any where it is None, and deploying could not run it."""

    def set_image(self, dokploy: Dokploy, image: str) -> None:
        """Raises DokployError."""


@dataclass(frozen=True)
class ReadApplication:
    read: Application

    @property
    def name(self) -> str:
        return self.read.name

    @property
    def status(self) -> str:
        return self.read.application_status

    @property
    def image(self) -> str | None:
        return self.read.docker_image or None

    @property
    def place(self) -> Place:
        return Place("application", self.read.app_name, {self.read.app_name: self._replicas}, self.read.server_id)

    @property
    def rest(self) -> Mapping[str, object]:
        return {
            "source": self.read.source_type,
            "server": self.read.server_id,
            "number of replicas": self._replicas,
            "registry user": self.read.username,
            "registry password": self.read.password,
            "registry URL": self.read.registry_url,
        }

    def check(self, image: str | None) -> None:
        _check_pinned(image)
        if self.read.source_type != "docker":
            raise Unusable(f"the application takes its source from {self.read.source_type}, not from a Docker image")
        if self._replicas == 0:
            raise Unusable("the application is set to run no replicas (or was stopped), so nothing would run")

    def set_image(self, dokploy: Dokploy, image: str) -> None:
        dokploy.set_image(self.read, image)

    @property
    def _replicas(self) -> int:
        mode = self.read.mode_swarm
        if mode and mode.replicated and mode.replicated.replicas is not None:
            return mode.replicated.replicas
        return 1 if mode else self.read.replicas


@dataclass(frozen=True)
class ReadCompose:
    read: Compose
    variable: str

    @property
    def name(self) -> str:
        return self.read.name

    @property
    def status(self) -> str:
        return self.read.compose_status

    @property
    def image(self) -> str | None:
        self._check_source()
        return compose_file.image_set(self.read.compose_file, self.variable, self._env)

    @property
    def place(self) -> Place:
        self._check_source()
        wanted = compose_file.wanted(self.read.compose_file, self.variable)
        if self.read.randomize and not self.read.suffix:
            raise Unusable("Dokploy gives the services of the compose file random names; give it a suffix")
        after = f"-{self.read.suffix}" if self.read.randomize else ""
        if self.read.compose_type == "stack":
            before = f"{self.read.app_name}_"
            services = {f"{before}{name}{after}": replicas for name, replicas in wanted.items()}
            return Place("stack", self.read.app_name, services, self.read.server_id)
        services = {f"{name}{after}": replicas for name, replicas in wanted.items()}
        return Place("docker-compose", self.read.app_name, services, self.read.server_id)

    @property
    def rest(self) -> Mapping[str, object]:
        return {
            "source": self.read.source_type,
            "server": self.read.server_id,
            "compose file": self.read.compose_file,
            "type": self.read.compose_type,
            "path": self.read.compose_path,
            "command": self.read.command or "",
            "createEnvFile": self.read.create_env_file,
            "randomization": (self.read.randomize, self.read.suffix),
            f"environment beside {self.variable}": compose_file.env_without(self._env, self.variable),
        }

    def check(self, image: str | None) -> None:
        _check_pinned(image)
        self._check_source()
        if image is not None:
            compose_file.value_for(self.read.compose_file, self.variable, image)
        compose_file.check_env(self._env)
        if self.read.command:
            raise Unusable("the compose has a command of its own, which may start something else; clear it in Dokploy")
        if not any(compose_file.wanted(self.read.compose_file, self.variable).values()):
            raise Unusable(
                f"no service with {self.variable} would be started: all are in profiles, or want no replicas"
            )
        if self.read.compose_type != "stack":  # a stack gets the variable otherwise
            self._check_env_file()

    def set_image(self, dokploy: Dokploy, image: str) -> None:
        value = compose_file.value_for(self.read.compose_file, self.variable, image)
        dokploy.set_env(self.read.compose_id, compose_file.env_with(self._env, self.variable, value))

    @property
    def _env(self) -> str:
        return self.read.env.get_secret_value() if self.read.env else ""

    def _check_source(self) -> None:
        if self.read.source_type != "raw":
            raise Unusable(
                f"the compose file comes from {self.read.source_type}, so it cannot be seen whether it uses "
                f"{self.variable}; keep it in Dokploy (source raw)"
            )

    def _check_env_file(self) -> None:
        if not self.read.create_env_file:
            raise Unusable(
                f"Dokploy does not write {self.variable} for the compose file to read; switch createEnvFile on"
            )
        if PurePosixPath(self.read.compose_path).parent != PurePosixPath():
            raise Unusable(
                f"Dokploy writes {self.variable} beside {self.read.compose_path}, where the compose file is not; set "
                "the path to ./docker-compose.yml"
            )


def read_target(dokploy: Dokploy, table: TargetTable, compose_variable: str | None) -> ReadTarget:
    """Raises DokployError."""
    if table.target_type == "application":
        return ReadApplication(dokploy.application(table.target_id))
    variable = table.variable or compose_variable
    assert variable  # seen to when the settings were read
    return ReadCompose(dokploy.compose(table.target_id), variable)


def _check_pinned(image: str | None) -> None:
    if image is not None and not digest(image):
        raise Unusable(f"{image} is no image of this driver: REPOSITORY@sha256:DIGEST")
