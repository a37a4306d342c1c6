"""A running Launchplane, read from outside: what it shows of the lanes of a promotion that somebody proposes."""

from launchplane_gate_launchplane_api.plugin import LaunchplaneApiPlugin

__all__ = ["LaunchplaneApiPlugin"]
