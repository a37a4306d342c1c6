"""An answer, and those in which the real API refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str | None = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


EMPTY = Answer(200)


def says(content: Any, status: int = 200, content_type: str = JSON) -> Answer:
    return Answer(status, json.dumps(content, ensure_ascii=False).encode(), content_type)


def unauthorized() -> Answer:
    return says({"message": "Unauthorized"}, 401, f"{JSON}; charset=utf-8")


def no_right(resource: str, route: str) -> Answer:
    return _error(401, "UNAUTHORIZED", f'unauthorized to access resource "{resource}"', {"path": route})


def no_access(route: str) -> Answer:
    return _error(401, "UNAUTHORIZED", "You don't have access to this service", {"path": route})


def bad_request(message: str, route: str) -> Answer:
    return _error(400, "BAD_REQUEST", message, {"path": route})


def not_found(what: str, route: str) -> Answer:
    return _error(404, "NOT_FOUND", f"{what} not found", {"path": route})


def no_such_route() -> Answer:
    return _error(404, "NOT_FOUND", "Not found", {})


def unsupported(content_type: str | None, route: str) -> Answer:
    message = f'Unsupported content-type "{content_type}"' if content_type else "Missing content-type header"
    return _error(415, "UNSUPPORTED_MEDIA_TYPE", message, {"path": route})


def invalid_json() -> Answer:
    return Answer(400, b"Invalid JSON", None)


def invalid_input(found: Sequence[Mapping[str, Any]], route: str) -> Answer:
    fields: dict[str, list[str]] = {}
    for issue in found:
        for name in issue["path"]:
            fields.setdefault(name, []).append(issue["message"])
    whole = [issue["message"] for issue in found if not issue["path"]]
    zod = {"formErrors": whole, "fieldErrors": fields}
    data = {"code": "BAD_REQUEST", "httpStatus": 400, "path": route, "zodError": zod}
    return says({"message": "Input validation failed", "code": "BAD_REQUEST", "data": data, "issues": list(found)}, 400)


def _error(status: int, code: str, message: str, data: Mapping[str, Any]) -> Answer:
    details = {"code": code, "httpStatus": status, **data, "zodError": None}
    return says({"message": message, "code": code, "data": details}, status)
