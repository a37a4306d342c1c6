"""The conformance kit: one test per promise that a driver makes. How it is used stands in plugins/README.md.

from launchplane_gate.testing import DriverPromises, Fate, Platform
"""

from launchplane_gate.extras import needed

with needed("testing", "the conformance kit"):
    from launchplane_gate.testing.platform import LANES, PROD, TESTING, Fate, Platform, unproven
    from launchplane_gate.testing.promises import DriverPromises

__all__ = ["LANES", "PROD", "TESTING", "DriverPromises", "Fate", "Platform", "unproven"]
