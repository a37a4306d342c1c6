"""Asking for a JSON object: bounded in time and size, and in words that quote nothing of what came."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from launchplane_gate.errors import Undecided
from launchplane_gate.strictjson import NotStrictJson, loads
from launchplane_gate_http import NoAnswer, exchange

MAX_BYTES = 256 * 1024


@dataclass(frozen=True)
class Asking:
    """``timeout_s`` bounds each whole answer."""

    tls: ssl.SSLContext
    timeout_s: float

    def document(self, url: str, what: str, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """The JSON object at a URL; ``what`` names it in errors. Raises Undecided."""
        try:
            answer = exchange(
                "GET",
                url,
                headers=headers or {},
                tls=self.tls,
                connect_timeout_s=self.timeout_s,
                timeout_s=self.timeout_s,
                max_bytes=MAX_BYTES,
            )
        except NoAnswer as error:
            raise Undecided(f"{what} cannot be had: {error}") from None
        if answer.status != HTTPStatus.OK:
            raise Undecided(f"{what} cannot be had: the answer is {answer.status}, and redirects are not followed")
        try:
            document = loads(answer.body, max_bytes=MAX_BYTES)
        except NotStrictJson:
            document = None
        if not isinstance(document, dict):
            raise Undecided(f"{what} cannot be had: what answers there is no JSON object")
        return document
