"""An application or a compose of the fake: how it is configured, which revision it runs, what was deployed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

from tests.fakes.dokploy.registry import Image, Registry, compose_images
from tests.fakes.dokploy.rows import Row, deployment_row, stamp

Kind = Literal["application", "compose"]
Trigger = Literal["deploy", "redeploy"]

KEPT = 10  # older rows of deployments are dropped


@dataclass(eq=False)
class Target:
    """``file`` is what a compose's git source holds; ``changes`` counts the requests that changed the target."""

    kind: Kind
    row: Row
    relations: Row
    file: str = ""
    deployments: list[Row] = field(default_factory=list)  # oldest first
    changes: int = 0
    _runs: Image | None = None
    _comes: tuple[Image, float] | None = None  # and when it takes over, by the monotonic clock

    @property
    def target_id(self) -> str:
        return str(self.row[f"{self.kind}Id"])

    def runs(self) -> Image | None:
        """What answers now: the old revision does, until the new one has taken over."""
        if self._comes and time.monotonic() >= self._comes[1]:
            self._runs, self._comes = self._comes[0], None
        return self._runs

    def roll_out(self, image: Image | None, takeover_s: float) -> None:
        """Start an image beside what runs; it takes over, unless it never comes up or the next one is faster."""
        self.runs()
        comes_up = image and not image.crashes
        self._comes = (image, time.monotonic() + takeover_s) if image and comes_up else None

    def stop(self) -> None:
        self._runs = self._comes = None

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
        wanted = self.wanted()
        return wanted[0] if wanted else None

    def wanted(self) -> list[str] | None:
        """The images to start, as configured now; None where nothing can be read from it."""
        if self.kind == "application":
            image = self.row["dockerImage"]
            return [image] if image and self.row["sourceType"] == "docker" else None
        file = self.row["composeFile"] if self.row["sourceType"] == "raw" else self.file
        return compose_images(file, self.row["env"] or "")

    def outcome(
        self, wanted: list[str] | None, trigger: Trigger, registry: Registry
    ) -> tuple[Literal["done", "error"], Image | None]:
        """Tell how a job ends, and which image it starts, if any."""
        if wanted is None:
            return "error", None
        own = [name for name in wanted if self.kind == "application" or registry.keeps(name)]
        pulled = [registry.pull(name) for name in own]
        if None in pulled:  # a redeploy does not pull, and a stack leaves pulling to the swarm
            passes_over = self.row["composeType"] == "stack" if self.kind == "compose" else trigger == "redeploy"
            return ("done" if passes_over else "error"), None
        return "done", next(iter(pulled), None)
