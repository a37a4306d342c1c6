"""Answers that are given again to whoever asks with the same key. Open to fields that it does not know."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class LaunchplaneIdempotencyRecord(BaseModel):
    schema_version: int = 1
    record_id: str
    scope: str
    route_path: str
    idempotency_key: str
    request_fingerprint: str
    response_status_code: int = Field(ge=100, le=599)
    response_trace_id: str
    recorded_at: str
    response_payload: dict[str, Any]


def build_launchplane_idempotency_record_id(*, response_trace_id: str) -> str:
    if not response_trace_id.strip():
        raise ValueError("an answer is kept by its trace")
    return f"idempotency-{response_trace_id.strip()}"
