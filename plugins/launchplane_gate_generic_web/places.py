"""Where on Docker that is found which runs of a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["application", "docker-compose", "stack"]


@dataclass(frozen=True)
class Place:
    """``services``: the names by which Docker knows those that run the image of the target: swarm services, or for
    docker-compose what the label of its containers says. Of these, how many are wanted; a swarm service says that
    itself. ``server_id``: None on Dokploy's own machine.
    """

    kind: Kind
    app_name: str
    services: Mapping[str, int]
    server_id: str | None
