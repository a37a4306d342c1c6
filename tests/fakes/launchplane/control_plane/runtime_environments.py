"""What a lane's environment holds. The real one keeps it in its database; nobody here needs any of it."""

from __future__ import annotations

from pathlib import Path


def resolve_runtime_environment_values(
    *, control_plane_root: Path, context_name: str, instance_name: str
) -> dict[str, str]:
    del control_plane_root, context_name, instance_name
    return {}
