"""The gate in a host that is not edited: its functions are wrapped to the protocol that the edit would bring.

For as long as it takes: the host's functions change, and what is wrapped here is refused then, by name.
"""

from launchplane_gate_launchplane.bridge.denied import GateDenied
from launchplane_gate_launchplane.bridge.install import install, uninstall

__all__ = ["GateDenied", "install", "uninstall"]
