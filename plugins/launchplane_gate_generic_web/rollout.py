"""What Docker makes of a deployment that Dokploy calls done, looked at until it has ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from launchplane_gate_dokploy import Deployment, Dokploy, DokployError, InspectedService, NotThere, RightMissing
from launchplane_gate_generic_web.compose_file import Unusable
from launchplane_gate_generic_web.images import digest
from launchplane_gate_generic_web.places import Place
from launchplane_gate_generic_web.running import read_running, read_services
from launchplane_gate_generic_web.settling import Update, update_of, worst_of

# Looks in a row: after a rollback the old image may take some seconds to run; a service may not be seen for a moment.
ROLLED_BACK_LOOKS = 5
MISSING_LOOKS = 5


@dataclass
class Rollout:
    """``place``: where the target's services are; raises DokployError or Unusable where that is not known."""

    dokploy: Dokploy
    place: Callable[[], Place]
    image: str
    rolled_back: int = field(default=0, init=False)
    missing: int = field(default=0, init=False)

    def look(self, row: Deployment) -> Update:
        """What is seen now. Raises DokployError where it cannot be seen, but may be a moment later."""
        try:
            place = self.place()
            found = read_services(self.dokploy, place)
        except (RightMissing, NotThere, Unusable):
            return Update("taken", "whether Docker kept the image is not shown")
        services = [service for service in found if service]
        if len(services) < len(found):
            return self._missing()
        if not services:  # docker-compose: the old containers are gone by now, and none is put back
            return Update("taken", "")
        end = worst_of(update_of(service, self.image, since=row.started_at) for service in services)
        return self._rolled_back(end, place, services) if end.is_ == "ended" and end.rolled_back else end

    def _missing(self) -> Update:
        self.missing += 1
        if self.missing < MISSING_LOOKS:
            raise DokployError("Docker does not show its service")
        return Update("ended", "Docker has no service of it")

    def _rolled_back(self, end: Update, place: Place, services: Sequence[InspectedService]) -> Update:
        """Docker calls it rolled back some seconds before the old image runs again."""
        self.rolled_back += 1
        running = read_running(self.dokploy, place)
        old = {digest(service.image) for service in services}
        if (
            running.digests == "shown"
            and not running.updating
            and all(one.state == "running" and digest(one.artifact_id or "") in old for one in running.containers)
        ):
            return Update("ended", f"{end.said}; the image before runs again")
        if self.rolled_back < ROLLED_BACK_LOOKS:
            return Update("under_way", f"{end.said}; waiting for the image before to run")
        return Update("ended", f"{end.said}; the image before does not run yet: {running.detail}")
