"""The plugin ``github``: what GitHub says of a release before it is let go, and where it is published."""

from __future__ import annotations

from launchplane_gate.hookspecs import PluginConfig
from launchplane_gate_github.options import read_options


class GitHubPlugin:
    """Asks GitHub. Raises SettingsError for settings it cannot use."""

    def __init__(self, config: PluginConfig) -> None:
        self._options, self._github = read_options(config)
