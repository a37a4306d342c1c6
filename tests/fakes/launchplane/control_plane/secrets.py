"""Secrets. The real one has them in its database, sealed; here they stand in the environment."""

from __future__ import annotations

import os


def overlay_dokploy_environment_values(
    *, environment_values: dict[str, str], database_url: str | None = None
) -> dict[str, str]:
    del database_url
    return environment_values | {name: value for name, value in os.environ.items() if name.startswith("DOKPLOY_")}
