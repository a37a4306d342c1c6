"""The conformance kit: one test per promise that a driver makes, or a store. How it is used: plugins/README.md.

from launchplane_gate.testing import DriverPromises, Fate, Platform, Shelves, StorePromises
"""

from launchplane_gate.extras import needed

with needed("testing", "the conformance kit"):
    from launchplane_gate.testing.platform import LANES, PROD, TESTING, Fate, Platform, unproven
    from launchplane_gate.testing.promises import DriverPromises
    from launchplane_gate.testing.stores import Shelves, StorePromises

__all__ = ["LANES", "PROD", "TESTING", "DriverPromises", "Fate", "Platform", "Shelves", "StorePromises", "unproven"]
