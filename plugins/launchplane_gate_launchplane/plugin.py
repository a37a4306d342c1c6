"""The plugin ``launchplane``, as the gate loads it."""

from __future__ import annotations

from launchplane_gate.hookspecs import PluginConfig, read_table
from launchplane_gate_launchplane.options import Options


class LaunchplanePlugin:
    """What the command line needs to work where a Launchplane embeds the gate."""

    def __init__(self, config: PluginConfig) -> None:
        self.options = read_table(Options, config.options, f"plugins.{config.name}")
