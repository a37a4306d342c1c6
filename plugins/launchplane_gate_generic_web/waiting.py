"""Waiting for one deployment on Dokploy: the row with our title, and no other; then for what Docker makes of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from launchplane_gate.hookspecs import Progress
from launchplane_gate.model import Outcome
from launchplane_gate_dokploy import Deployment, Dokploy, DokployError, KeyRefused, TargetRef
from launchplane_gate_generic_web.rollout import Rollout
from launchplane_gate_generic_web.settling import Update

# Looks in a row. A job is for a moment neither queued nor a row; a key that is refused may be taken again.
NOWHERE_LOOKS = 5
KEY_REFUSED_LOOKS = 30

ALREADY_SET = "the configured image is already the new one: whatever deploys this target next starts it"


@dataclass
class Wait:
    """A wait for the deployment with a title. ``timeout_s`` bounds it; ``poll_s`` lies between two looks.

    ``rollout``: what its services make of the image; where another deployment followed, they tell of that one.
    """

    dokploy: Dokploy
    target: TargetRef
    title: str
    rollout: Rollout | None
    timeout_s: float
    poll_s: float
    progress: Progress
    seen: Deployment | None = field(default=None, init=False)
    nowhere: int = field(default=0, init=False)
    key_refused: int = field(default=0, init=False)

    def outcome(self) -> Outcome:
        """``pass`` for our row done and an image that Docker took, ``fail`` for our row in error and an image that
        Docker took back, ``unknown`` for whatever else becomes of it.
        """
        deadline = time.monotonic() + self.timeout_s
        told = None
        while True:
            state = self._state()
            if isinstance(state, Outcome):
                return state
            if self.nowhere >= NOWHERE_LOOKS or self.key_refused >= KEY_REFUSED_LOOKS:
                return self._unknown(state)
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return self._unknown(f"it has not ended within {self.timeout_s:.0f} s: {state}")
            if state != told:
                self.progress(f"waiting up to {self.timeout_s:.0f} s for Dokploy's deployment: {state}")
                told = state
            time.sleep(min(self.poll_s, left_s))

    def found(self) -> Outcome:
        """What one look tells: ``unknown``, with what is seen, for a deployment that has not ended."""
        state = self._state()
        return state if isinstance(state, Outcome) else self._unknown(state)

    def _state(self) -> Outcome | str:
        """The outcome, if there is one, else what is seen. What cannot be asked now says nothing of the deployment."""
        try:
            state = self._look()
        except DokployError as error:
            self.key_refused = self.key_refused + 1 if isinstance(error, KeyRefused) else 0
            return str(error)
        self.key_refused = 0
        self.nowhere = 0 if state else self.nowhere + 1
        return state or self._vanished()

    def _look(self) -> Outcome | str:
        """The outcome, if there is one; else what is seen of the deployment, empty if nothing is.

        The queue is read first: a job that leaves it meanwhile is found among the rows.
        """
        queue = self.dokploy.queue()
        every = self.dokploy.deployments(self.target)
        rows = [row for row in every if row.title == self.title]
        if len(rows) > 1:
            return self._unknown(f"{len(rows)} deployments bear its title")
        if rows:
            self.seen = rows[0]
            return self._of(rows[0], is_last=rows[0] == every[0])
        for place, job in enumerate(queue):
            if job.title == self.title and job.is_of(self.target):
                return f"queued, {place} before it" if place else "next in the queue"
        return ""

    def _of(self, row: Deployment, *, is_last: bool) -> Outcome | str:
        match row.status:
            case "done":
                return self._done(row, is_last=is_last)
            case "error":
                return self._failed("Dokploy ended it with an error; its log there says why", row)
            case "running":
                return "running"
            case "cancelled":
                return self._unknown("Dokploy cancelled it, as it does when it restarts")
            case other:
                return self._unknown(f"its status is {other}, which says nothing")

    def _done(self, row: Deployment, *, is_last: bool) -> Outcome | str:
        """Dokploy calls it done once Docker was told of it; what becomes of it, Docker says."""
        end = self.rollout.look(row) if self.rollout and is_last else None
        match end:
            case None | Update(is_="taken"):
                detail = f"{end.said}; {self._known()}" if end and end.said else self._known()
                return Outcome(status="pass", touched=True, detail=detail, deployment_id=row.deployment_id)
            case Update(is_="ended"):
                return self._failed(end.said, row)
            case _:
                return end.said

    def _failed(self, why: str, row: Deployment) -> Outcome:
        detail = f"{why}; {self._known()}; {ALREADY_SET}"
        return Outcome(status="fail", touched=True, detail=detail, deployment_id=row.deployment_id)

    def _vanished(self) -> str:
        if self.seen:
            return "its row is gone, as rows are when many newer ones follow"
        return "Dokploy neither queues nor remembers it, as after a restart"

    def _unknown(self, what: str) -> Outcome:
        return Outcome(
            status="unknown",
            touched=True,
            detail=f"{what}; {self._known()}; {ALREADY_SET}",
            deployment_id=self.seen.deployment_id if self.seen else "",
        )

    def _known(self) -> str:
        return f"see the deployment {self.title!r} of {self.target.type} {self.target.id}"
