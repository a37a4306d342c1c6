"""The gate inside Launchplane: its records over the host's, and the host's executors behind its door."""

from launchplane_gate_launchplane.plugin import LaunchplanePlugin

__all__ = ["LaunchplanePlugin"]
