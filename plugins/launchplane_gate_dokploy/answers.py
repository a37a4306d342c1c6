"""What Dokploy answers, as far as deploys need it. Fields that nobody needs are dropped, secrets among them."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.alias_generators import to_camel, to_pascal

TargetType = Literal["application", "compose"]


class TargetRef(NamedTuple):
    """What a lane is on Dokploy; ``id`` as its URL there shows it."""

    type: TargetType
    id: str


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, strict=True)


class _Replicated(_Answer):
    model_config = ConfigDict(alias_generator=to_pascal)

    replicas: int | None = None


class _Mode(_Answer):
    model_config = ConfigDict(alias_generator=to_pascal)

    replicated: _Replicated | None = None


class Application(_Answer):
    """The three about the registry are passed back as they came, with every change of the image, and kept nowhere.

    ``app_name`` is the name of its service; ``server_id`` is None on Dokploy's own machine.
    """

    application_id: str
    name: str
    app_name: str
    server_id: str | None
    source_type: str
    docker_image: str | None
    replicas: int
    mode_swarm: _Mode | None = None  # where it is set, its number of replicas goes before the other
    application_status: str  # idle, running, done or error
    username: SecretStr | None
    password: SecretStr | None
    registry_url: SecretStr | None


class Compose(_Answer):
    """``env`` may hold secrets. ``compose_file`` is the file only where ``source_type`` is raw."""

    compose_id: str
    name: str
    app_name: str
    server_id: str | None
    source_type: str
    compose_type: str  # docker-compose or stack
    compose_file: str
    compose_path: str
    command: str | None
    create_env_file: bool
    randomize: bool
    suffix: str
    env: SecretStr | None
    compose_status: str


class Deployment(_Answer):
    """A row, made when its job starts; about the ten newest are kept. Times are Dokploy's, RFC 3339."""

    deployment_id: str
    title: str
    status: str | None  # running, done, error or cancelled
    created_at: str
    started_at: str | None
    finished_at: str | None


class _JobData(_Answer):
    application_id: str | None = None
    compose_id: str | None = None
    title_log: str | None = None


class QueuedJob(_Answer):
    """What waits for the one worker, or is with it (``state`` is waiting or active). ``timestamp``: ms, when queued."""

    state: str
    timestamp: int
    data: _JobData

    @property
    def turn(self) -> tuple[bool, int]:
        """By this jobs stand in the order in which they run."""
        return self.state != "active", self.timestamp

    @property
    def title(self) -> str | None:
        return self.data.title_log

    def is_of(self, target: TargetRef) -> bool:
        return target.id == (self.data.application_id if target.type == "application" else self.data.compose_id)
