"""Ids of promotions: one a second, as those of deployments."""

from __future__ import annotations

from datetime import UTC, datetime


def generate_promotion_record_id(*, context_name: str, from_instance_name: str, to_instance_name: str) -> str:
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return f"promotion-{now}-{context_name}-{from_instance_name}-to-{to_instance_name}"
