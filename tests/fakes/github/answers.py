"""An answer, and those in which the real API refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json; charset=utf-8"
DOCS = "https://docs.github.com/rest"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str | None = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


NOTHING = Answer(204, content_type=None)


class Refused(Exception):
    """A 422: what was asked breaks a rule of the repository; ``errors`` are those of the API."""

    def __init__(self, message: str = "Validation Failed", errors: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.errors = list(errors)


def says(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps(content, ensure_ascii=False).encode(), JSON, headers or {})


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None, **rest: Any) -> Answer:
    return says({"message": message, **rest, "documentation_url": DOCS, "status": str(status)}, status, headers)


def bad_credentials() -> Answer:
    return refusal(401, "Bad credentials")


def needs_credentials() -> Answer:
    return refusal(401, "Requires authentication")


def not_found() -> Answer:
    return refusal(404, "Not Found")


def not_accessible(by: str, accepted: str = "") -> Answer:
    headers = {"X-Accepted-GitHub-Permissions": accepted} if accepted else {}
    return refusal(403, f"Resource not accessible by {by}", headers)


def unprocessable(refused: Refused) -> Answer:
    if refused.errors:
        return refusal(422, refused.message, errors=refused.errors)
    return refusal(422, refused.message)


def moved(method: str, location: str) -> Answer:
    status = 301 if method == "GET" else 307
    body = {"message": "Moved Permanently", "url": location, "documentation_url": DOCS}
    return says(body, status, {"Location": location})
