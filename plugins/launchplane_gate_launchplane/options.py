"""The table ``[plugins.launchplane]`` of the settings."""

from __future__ import annotations

from launchplane_gate.model import Contract


class Options(Contract):
    """``[plugins.launchplane]``."""
