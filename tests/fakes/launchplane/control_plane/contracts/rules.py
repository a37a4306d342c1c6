"""What the records of the host have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Closed(BaseModel):
    """No field that it does not know."""

    model_config = ConfigDict(extra="forbid")


def named(record: BaseModel, *fields: str) -> None:
    """Raises ValueError for a field that says nothing."""
    for field in fields:
        if not str(getattr(record, field)).strip():
            raise ValueError(f"{type(record).__name__} needs {field}")


def attempted(evidence: BaseModel) -> None:
    """Raises ValueError where what was not attempted has a result, or what was has none."""
    was, status = getattr(evidence, "attempted"), getattr(evidence, "status")  # noqa: B009  # of several kinds
    if was == (status == "skipped"):
        raise ValueError(f"{type(evidence).__name__}: attempted {was}, and {status}")
