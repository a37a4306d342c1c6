"""What Dokploy answers, as far as deploys need it. Fields that nobody needs are dropped, secrets among them."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.alias_generators import to_camel

TargetType = Literal["application", "compose"]


class TargetRef(NamedTuple):
    """What a lane is on Dokploy; ``id`` as its URL there shows it."""

    type: TargetType
    id: str


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, strict=True)


class Application(_Answer):
    """The three about the registry are passed back as they came, with every change of the image, and kept nowhere."""

    application_id: str
    name: str
    source_type: str
    docker_image: str | None
    application_status: str  # idle, running, done or error
    username: SecretStr | None
    password: SecretStr | None
    registry_url: SecretStr | None


class Compose(_Answer):
    """``env`` may hold secrets. ``compose_file`` is the file only where ``source_type`` is raw."""

    compose_id: str
    name: str
    source_type: str
    compose_file: str
    env: SecretStr | None
    compose_status: str


class Deployment(_Answer):
    """A row, made when its job starts; about the ten newest are kept. Times are Dokploy's, RFC 3339."""

    deployment_id: str
    title: str
    status: str | None  # running, done, error or cancelled
    created_at: str
    finished_at: str | None


class _JobData(_Answer):
    application_id: str | None = None
    compose_id: str | None = None
    title_log: str | None = None


class QueuedJob(_Answer):
    """What waits for the one worker, or is with it (``state`` is waiting or active)."""

    state: str
    data: _JobData

    @property
    def title(self) -> str | None:
        return self.data.title_log

    def is_of(self, target: TargetRef) -> bool:
        return target.id == (self.data.application_id if target.type == "application" else self.data.compose_id)
