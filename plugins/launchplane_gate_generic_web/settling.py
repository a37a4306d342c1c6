"""What Docker makes of a deployment that Dokploy calls done: whether its service took the new image, and kept it.

``done`` means that Docker was told of the new image. It may roll back a moment later; then the row of the deployment,
the target's status and the image that is set all stay as after a success, and only the service says so. That Docker
calls an update completed proves nothing: nobody may run. So the best that is said here is that nothing speaks against
it; that the release runs, and goes on running, is seen by looking at its containers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from launchplane_gate.model import unstamp
from launchplane_gate_dokploy import InspectedService, UpdateStatus
from launchplane_gate_generic_web.images import digest

UNDER_WAY = {"updating", "rollback_started"}
_ENDED_BADLY = {"paused", "rollback_paused", "rollback_completed"}
_SAID_CHARACTERS = 200


@dataclass(frozen=True)
class Update:
    """``taken``: nothing speaks against it; ``under_way``; ``ended``: another image is to run, or none came up.

    ``rolled_back``: the image before is to run again. ``said``: in Docker's words.
    """

    is_: Literal["taken", "under_way", "ended"]
    said: str
    rolled_back: bool = False


def update_of(service: InspectedService, image: str, *, since: str | None) -> Update:
    """What became of the update of a service to an image.

    ``since``: when its deployment started. The status of an update that began before is that of another; both times
    are of the platform. A service that was made by the deployment has no status at all.
    """
    status = service.update_status if _began_since(service.update_status, since) else None
    state = (status and status.state) or ""
    if state in _ENDED_BADLY or (state == "rollback_started"):
        rolled_back = state.startswith("rollback")
        under_way = state == "rollback_started"
        return Update("under_way" if under_way else "ended", _words(status), rolled_back)
    if digest(service.image) != digest(image):
        return Update("ended", f"its service is set to run {service.image}" + (f"; {_words(status)}" if state else ""))
    if state in ("", "completed"):
        return Update("taken", _words(status))
    return Update("under_way", _words(status))


def worst_of(updates: Iterable[Update]) -> Update:
    """That of several services: one that ended badly is what becomes of all."""
    order = {"ended": 0, "under_way": 1, "taken": 2}
    return min(updates, key=lambda update: order[update.is_])


def is_under_way(service: InspectedService) -> bool:
    """Tell whether Docker is replacing containers of a service, for whichever deployment."""
    return bool(service.update_status and service.update_status.state in UNDER_WAY)


def _began_since(status: UpdateStatus | None, since: str | None) -> bool:
    began = unstamp(status.started_at) if status and status.started_at else None
    deployed = unstamp(since) if since else None
    return bool(began and deployed and began >= deployed)


def _words(status: UpdateStatus | None) -> str:
    if status is None or not status.state:
        return "no update"
    said = "".join(letter for letter in status.message or "" if letter.isprintable())[:_SAID_CHARACTERS]
    return f"Docker says {status.state}" + (f": {said}" if said else "")
