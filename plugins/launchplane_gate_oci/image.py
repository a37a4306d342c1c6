"""An image as its registry has it: what its digest stands for, and the label of every platform."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from launchplane_gate.strictjson import NotStrictJson, loads
from launchplane_gate_http import Answer, all_at_once
from launchplane_gate_oci.evidence import ManifestFacts, PlatformFacts
from launchplane_gate_oci.reference import DIGEST, short
from launchplane_gate_oci.repository import AT_ONCE, NotFound, RegistryError, Repository

MAX_PLATFORMS = 50

INDEXES = frozenset(
    {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    }
)
MANIFESTS = frozenset(
    {
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    }
)
CONFIGS = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    }
)

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Label = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{0,200}$")]


class _Part(BaseModel):
    """What is read of a document; the rest of it is none of ours."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Platform(_Part):
    os: Word
    architecture: Word
    variant: Word | Literal[""] | None = None

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


class Descriptor(_Part):
    media_type: str = Field(alias="mediaType")
    digest: Annotated[str, StringConstraints(pattern=DIGEST)]
    size: int = Field(ge=0)
    platform: Platform | None = None
    annotations: dict[str, object] | None = None

    @property
    def is_attestation(self) -> bool:
        """Something about an image beside it: marked as that, and of a platform that nobody has.

        Either alone is an image all the same, which may be run: what is not marked, by whoever takes what there is, and
        what names a platform, by that one.
        """
        is_marked = (self.annotations or {}).get("vnd.docker.reference.type") == "attestation-manifest"
        is_nowhere = self.platform and (self.platform.os, self.platform.architecture) == ("unknown", "unknown")
        return bool(is_marked and is_nowhere)


class _Versioned(_Part):
    schema_version: Literal[2] = Field(alias="schemaVersion")
    media_type: str | None = Field(default=None, alias="mediaType")


class Index(_Versioned):
    manifests: list[Descriptor]
    config: None = None  # what could be read as either says nothing
    layers: None = None


class Manifest(_Versioned):
    config: Descriptor
    manifests: None = None


class _Runtime(_Part):
    labels: dict[str, object] | None = Field(default=None, alias="Labels")


class _Labels(_Part):
    revision: Label | None = Field(default=None, alias="org.opencontainers.image.revision")


class Config(Platform):
    config: _Runtime | None = None


def read_image(repository: Repository, digest: str) -> ManifestFacts | None:
    """None where the registry says that it has no such manifest. Raises RegistryError for all that is not certain."""
    try:
        answer = repository.manifest(digest, accept=INDEXES | MANIFESTS)
    except NotFound:
        return None
    if answer.content_type in MANIFESTS:
        platforms = [_platform(repository, digest, answer, None)]
    else:
        index = _document(Index, answer, f"the index {short(digest)}")
        entries = [entry for entry in index.manifests if not entry.is_attestation]
        if len(entries) > MAX_PLATFORMS:
            raise RegistryError(f"its index names more than {MAX_PLATFORMS} platforms; pin an index of fewer")
        for entry in entries:
            _check_entry(entry)
        platforms = all_at_once([partial(_of_entry, repository, entry) for entry in entries], AT_ONCE)
    return ManifestFacts(media_type=answer.content_type, digest=digest, platforms=tuple(platforms))


def _check_entry(entry: Descriptor) -> None:
    if entry.media_type in INDEXES:
        raise RegistryError(f"its index names another index, {short(entry.digest)}; pin one that names images alone")
    if entry.media_type not in MANIFESTS:
        raise RegistryError(f"its index names {short(entry.digest)}, which is no image; pin one of images alone")


def _of_entry(repository: Repository, entry: Descriptor) -> PlatformFacts:
    answer = repository.manifest(entry.digest, accept=frozenset({entry.media_type}))
    _check_size(answer, entry)
    return _platform(repository, entry.digest, answer, entry.platform)


def _platform(repository: Repository, digest: str, answer: Answer, platform: Platform | None) -> PlatformFacts:
    """``platform`` is what an index says of the manifest; where there is none, the configuration tells."""
    manifest = _document(Manifest, answer, f"the manifest {short(digest)}")
    if manifest.config.media_type not in CONFIGS:
        raise RegistryError(f"the manifest {short(digest)} is no image, by its configuration; pin one that is")
    blob = repository.blob(manifest.config.digest)
    _check_size(blob, manifest.config)
    what = f"the configuration {short(manifest.config.digest)}"
    config = _read(Config, blob, what)
    labels = config.config.labels if config.config else None
    revision = _fitted(_Labels, labels or {}, what).revision
    return PlatformFacts(platform=str(platform or config), digest=digest, revision=revision)


def _check_size(answer: Answer, descriptor: Descriptor) -> None:
    if len(answer.body) != descriptor.size:
        raise RegistryError(f"{short(descriptor.digest)} has not the size that is said of it; build the image anew")


V = TypeVar("V", bound=_Versioned)
P = TypeVar("P", bound=_Part)


def _document(form: type[V], answer: Answer, what: str) -> V:
    document = _read(form, answer, what)
    if document.media_type not in (None, answer.content_type):
        raise RegistryError(f"{what} is given as another media type than it names; do not trust that registry")
    return document


def _read(form: type[P], answer: Answer, what: str) -> P:
    try:
        document = loads(answer.body, max_bytes=len(answer.body), any_integer=False)
    except NotStrictJson:
        raise RegistryError(f"{what} is not JSON that can be relied on; build the image anew") from None
    return _fitted(form, document, what)


def _fitted(form: type[P], document: object, what: str) -> P:
    try:
        return form.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole of it"
        raise RegistryError(f"{what} has not its form: {place}: {first['msg']}; build the image anew") from None
