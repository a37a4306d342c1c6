"""The one door between the host and Dokploy: every request of the host passes here, from whichever of its threads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from launchplane_gate.errors import GateError
from launchplane_gate.model import Lane
from launchplane_gate_launchplane.asked import Asked
from launchplane_gate_launchplane.permit import Permit
from launchplane_gate_launchplane.protocol import Deny
from launchplane_gate_launchplane.targets import HostTargets

log = logging.getLogger(__name__)

# How a permit gets to the executor's own requests: it has no thread but the one that it was called in.
_permit: ContextVar[Permit | None] = ContextVar("permit", default=None)


@contextmanager
def holding(permit: Permit) -> Iterator[None]:
    """Have all that this thread asks of Dokploy go by a permit, until that ends. What is nested goes by it too."""
    token = _permit.set(permit)
    try:
        yield
    finally:
        _permit.reset(token)
        permit.end()


def is_held() -> bool:
    """Whether this thread is inside of an executor that has a permit."""
    return _permit.get() is not None


class Door:
    """``deny`` makes what is raised where a request has no permit: the host's own exception, which it answers with.

    ``observes``: whether a lane is of a product that is only observed: what goes past the gate there is told of.
    """

    def __init__(self, targets: HostTargets, deny: Deny, observes: Callable[[Lane], bool]) -> None:
        self._targets, self._deny, self._observes = targets, deny, observes

    def change(  # as the host calls it
        self,
        *,
        method: str,
        path: str,
        payload: Any,
        query: Any,
        timeout_s: float,
        send: Callable[[Any, float], Any],
    ) -> Any:
        """See HostGate.change."""
        asked = Asked(method, path, payload, query, timeout_s, send)
        if permit := _permit.get():
            return permit.ask(asked)
        if asked.changes:
            self._see_that_it_is_nobodys(asked)
        return send(payload, timeout_s)

    def _see_that_it_is_nobodys(self, asked: Asked) -> None:
        """Previews, and what is stated as not governed, are; a target of which nobody knows that is not.

        Raises what ``deny`` makes.
        """
        if not asked.targets and asked.route.endswith(".create"):
            return
        try:
            lanes = [lane for named in asked.targets if (lane := self._targets.lane_on(*named))]
            if lanes and all(self._observes(lane) for lane in lanes):
                log.warning("%s of %s goes past the gate, which only observes it", asked.route, lanes[0])
                return
        except GateError as error:
            raise self._deny(
                status=503,
                code="policy_unavailable",
                message=f"{asked.route} was not sent: whether it is of a governed lane is not known: {error}",
            ) from error
        if lanes or not asked.targets:
            what = ", ".join(str(lane) for lane in lanes) or "a target that it does not name"
            raise self._deny(
                status=409,
                code="not_permitted",
                message=(
                    f"{asked.route} was not sent: it would change {what} past the gate. Deploy or promote there by the "
                    "routes of Launchplane that ask the gate, or have the settings leave it alone: not_governed."
                ),
            )
