"""What stands at ``input.evidence.health``."""

from __future__ import annotations

from launchplane_gate.model import Contract


class Sample(Contract):
    """One answer of a health URL; ``revision`` is null where none was proven, and ``detail`` says why."""

    url: str
    status: int | None
    revision: str | None
    seen_at: str
    detail: str


class HealthEvidence(Contract):
    """The samples of each lane that was asked; one that was not is left out."""

    source: tuple[Sample, ...] = ()
    destination: tuple[Sample, ...] = ()
