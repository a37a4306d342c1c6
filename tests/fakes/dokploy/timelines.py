"""What a real Dokploy v0.30.2 showed during and after 23 deployments, sampled about once a second.

``timelines.json`` has a line for each sample that differs from the one before: ``t row spec update containers...``, a
container as ``id/image/state/health/exit code/restarts``, cut after the last that is not empty. Images are letters: A
ran before, B is good, C exits at once, D dies after 8 s, L answers after 15 s, U never answers, S ignores SIGTERM.
The parts of a sample were read one after the other: they may be a second apart.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

End = Literal["good", "failed", "unsettled"]


@dataclass(frozen=True)
class Seen:
    """A container; ``before`` tells that it was made before the deployment, ``side`` that it is another service's."""

    id: str
    image: str
    state: str
    health: str | None
    exit_code: int
    restarts: int
    before: bool
    side: bool


@dataclass(frozen=True)
class Sample:
    """``t_s`` is the time since the deployment was asked for. ``row`` is the status of its row.

    ``spec`` is the image that the service is asked to run and ``update`` the state of its UpdateStatus. Both are None
    in a compose project, and the latter is on a first deployment.
    """

    t_s: float
    row: str
    spec: str | None
    update: str | None
    containers: tuple[Seen, ...]


@dataclass(frozen=True)
class Timeline:
    """``end``: good, failed, or a crash loop, which looks neither way for good: ``unsettled``.

    ``kind``: application, docker-compose or stack. ``checked``: there is a healthcheck. ``lasts_s``: until then,
    nothing was seen but what the last sample shows. ``order`` and ``failure_action`` are empty in a compose project.
    """

    name: str
    case: str
    kind: str
    deployed: str
    replicas: int
    order: str
    failure_action: str
    checked: bool
    end: End
    lasts_s: float
    samples: tuple[Sample, ...]

    def at(self, t_s: float) -> Sample:
        """What was to be seen at a time: the last sample that is not later, or the first one."""
        return next((sample for sample in reversed(self.samples) if sample.t_s <= t_s), self.samples[0])


@cache
def timelines() -> tuple[Timeline, ...]:
    """All of them, T1 to T23."""
    recorded = json.loads(Path(__file__).with_suffix(".json").read_text())
    return tuple(_timeline(name, fields) for name, fields in recorded.items())


def _timeline(name: str, fields: dict[str, Any]) -> Timeline:
    before, side = set(fields.pop("before")), set(fields.pop("side"))
    samples = tuple(_sample(line, before, side) for line in fields.pop("samples"))
    return Timeline(name=name, samples=samples, **fields)


def _sample(line: str, before: set[str], side: set[str]) -> Sample:
    t_s, row, spec, update, *containers = line.split()
    seen = tuple(_seen(text, before, side) for text in containers)
    return Sample(float(t_s), row, _or_none(spec), _or_none(update), seen)


def _seen(text: str, before: set[str], side: set[str]) -> Seen:
    id_, image, state, health, code, restarts, *_ = (*text.split("/"), "", "", "")
    return Seen(id_, image, state, health or None, int(code or 0), int(restarts or 0), id_ in before, id_ in side)


def _or_none(text: str) -> str | None:
    return None if text == "-" else text
