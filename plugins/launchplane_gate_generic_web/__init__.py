"""The driver ``generic-web``: products that are one image, run by Dokploy as an application or in a compose file."""

from launchplane_gate_generic_web.driver import GenericWebDriver, GenericWebPlugin, title_of
from launchplane_gate_generic_web.options import GenericWebOptions, host_targets
from launchplane_gate_generic_web.waiting import ALREADY_SET

__all__ = ["ALREADY_SET", "GenericWebDriver", "GenericWebOptions", "GenericWebPlugin", "host_targets", "title_of"]
