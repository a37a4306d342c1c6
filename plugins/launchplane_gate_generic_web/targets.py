"""What a lane is on Dokploy: an application, or a compose file with a variable for the image."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from launchplane_gate_dokploy import Application, Compose, Dokploy
from launchplane_gate_generic_web import compose_file
from launchplane_gate_generic_web.compose_file import Unusable
from launchplane_gate_generic_web.options import TargetTable

_PINNED = re.compile(r"[a-z0-9][a-z0-9./:_-]*@sha256:[0-9a-f]{64}")


class ReadTarget(Protocol):
    """A target as it was read. ``image`` is what it is set to run; what it runs, Dokploy does not tell."""

    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str:
        """Of its last deployment: idle, running, done or error."""

    @property
    def image(self) -> str | None:
        """None where none is set. Raises Unusable where it cannot be told."""

    def check(self, image: str) -> None:
        """Raises Unusable where setting this image and deploying could not run it."""

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

    def check(self, image: str) -> None:
        _check_pinned(image)
        if self.read.source_type != "docker":
            raise Unusable(f"the application takes its source from {self.read.source_type}, not from a Docker image")

    def set_image(self, dokploy: Dokploy, image: str) -> None:
        dokploy.set_image(self.read, image)


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

    def check(self, image: str) -> None:
        _check_pinned(image)
        self._check_source()
        compose_file.value_for(self.read.compose_file, self.variable, image)

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


def read_target(dokploy: Dokploy, table: TargetTable, compose_variable: str | None) -> ReadTarget:
    """Raises DokployError."""
    if table.target_type == "application":
        return ReadApplication(dokploy.application(table.target_id))
    variable = table.variable or compose_variable
    assert variable  # seen to when the settings were read
    return ReadCompose(dokploy.compose(table.target_id), variable)


def _check_pinned(image: str) -> None:
    if not _PINNED.fullmatch(image):
        raise Unusable(f"{image} is no image of this driver: REPOSITORY@sha256:DIGEST")
