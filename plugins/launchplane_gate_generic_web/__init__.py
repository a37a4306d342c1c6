"""The driver ``generic-web``: products that are one image, run by Dokploy as an application or in a compose file."""

from launchplane_gate_generic_web.driver import GenericWebDriver, GenericWebPlugin
from launchplane_gate_generic_web.options import host_targets

__all__ = ["GenericWebDriver", "GenericWebPlugin", "host_targets"]
