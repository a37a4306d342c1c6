"""What every driver promises, one test each. The first line of a test's docstring is the promise."""

from launchplane_gate.testing.promises.deploying import DeployingPromises
from launchplane_gate.testing.promises.finding import FindingPromises
from launchplane_gate.testing.promises.leasing import LeasingPromises
from launchplane_gate.testing.promises.observing import ObservingPromises
from launchplane_gate.testing.promises.recording import RecordingPromises
from launchplane_gate.testing.promises.secrecy import SecrecyPromises
from launchplane_gate.testing.promises.sharing import SharingPromises


class DriverPromises(
    DeployingPromises,
    LeasingPromises,
    ObservingPromises,
    FindingPromises,
    RecordingPromises,
    SecrecyPromises,
    SharingPromises,
):
    """Subclass it, with a fixture ``platform`` that gives a Platform."""


__all__ = ["DriverPromises"]
