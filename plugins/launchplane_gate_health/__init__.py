"""Evidence of what a lane reports at its health URLs: the revision, and when it was seen."""

from launchplane_gate_health.plugin import HealthPlugin

__all__ = ["HealthPlugin"]
