"""Records, from the host's form to ours and back, each held to the rules of both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from launchplane_gate import strictjson
from launchplane_gate.errors import RecordUnreadable
from launchplane_gate.model import Lane
from launchplane_gate.records import (
    ProductImage,
    ProductLane,
    ProductProfile,
    PromotionWorkflow,
    Record,
)
from launchplane_gate_launchplane.host import KINDS

R = TypeVar("R", bound=Record)

UNWRITTEN = (
    "Nothing of it was written, since the host could never read it back. This is a fault of the gate: report it."
)


def read(kind: type[R], text: bytes, where: str) -> R:
    """A record as it stands in the host, which can read it too. Raises RecordUnreadable, which says ``where``."""
    theirs = _theirs(kind, text, where)
    try:
        return kind.model_validate_json(theirs.model_dump_json(exclude_none=True), strict=True)
    except ValidationError as error:
        raise RecordUnreadable(f"{where}: {_first(error)}") from None


def read_profile(text: bytes, where: str) -> ProductProfile:
    """A product, with what is needed of it and nothing else: previews may hold secrets, and stay where they are.

    Each lane has the one URL at which the host asks for its health. Raises RecordUnreadable.
    """
    theirs: Any = _theirs(ProductProfile, text, where)
    try:
        return ProductProfile(
            schema_version=theirs.schema_version,
            product=theirs.product,
            display_name=theirs.display_name,
            repository=theirs.repository,
            driver_id=theirs.driver_id,
            image=ProductImage(repository=theirs.image.repository),
            runtime_port=theirs.runtime_port,
            health_path=theirs.health_path,
            lanes=tuple(_lane(lane, theirs.health_path, where) for lane in theirs.lanes),
            historical_contexts=tuple(theirs.historical_contexts),
            promotion_workflow=PromotionWorkflow(
                **theirs.promotion_workflow.model_dump(include=set(PromotionWorkflow.model_fields))
            ),
            updated_at=theirs.updated_at,
            source=theirs.source,
        )
    except ValidationError as error:
        raise RecordUnreadable(f"{where}: {_first(error)}") from None


def as_theirs(record: Record) -> BaseModel:
    """The record as the host would read it. Raises RecordUnreadable for one that it could not."""
    try:
        theirs: BaseModel = KINDS[type(record)].theirs.model_validate(record.model_dump(mode="json", exclude_none=True))
    except ValidationError as error:
        raise RecordUnreadable(f"the host refuses a {type(record).__name__}: {_first(error)}", hint=UNWRITTEN) from None
    return theirs


def facts_in(text: bytes) -> Mapping[str, Any]:
    """What a record says of itself, whatever its form; nothing where it is no JSON."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _theirs(kind: type[Record], text: bytes, where: str) -> BaseModel:
    try:
        theirs: BaseModel = KINDS[kind].theirs.model_validate(strictjson.loads(text))
    except strictjson.NotStrictJson as error:
        raise RecordUnreadable(f"{where}: the record {error}") from None
    except ValidationError as error:
        raise RecordUnreadable(f"{where}: {_first(error)}") from None
    return theirs


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, and never a value, which may be a secret."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "it"
    return f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}"


def _lane(lane: Any, health_path: str, where: str) -> ProductLane:
    base_url = _url(lane.base_url, lane, where).rstrip("/")
    try:
        Lane(context=lane.context, instance=lane.instance)
    except ValidationError as error:
        raise RecordUnreadable(f"{where}: the lane {lane.context}/{lane.instance}: {_first(error)}") from None
    health_url = _url(lane.health_url, lane, where) or (base_url and base_url + health_path)
    return ProductLane(instance=lane.instance, context=lane.context, base_url=base_url, health_url=health_url)


def _url(url: str, lane: Any, where: str) -> str:
    """Raises RecordUnreadable for one that nobody can be asked at, or that holds a login."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        fine = not url or (parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port))
        login = "@" in parts.netloc
    except ValueError:
        fine = login = False
    if login or not fine:
        what = "names a user: nobody is asked with a login in the URL" if login else "is not an http(s) URL"
        raise RecordUnreadable(f"{where}: a URL of the lane {lane.context}/{lane.instance} {what}")
    return url
