"""The queue of the fake: one worker for all targets, first in, first out, nowhere but in memory."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from threading import Condition
from typing import Any, Literal

from tests.fakes.dokploy.registry import Registry
from tests.fakes.dokploy.rows import Row
from tests.fakes.dokploy.targets import Target, Trigger

Held = Literal["no", "waiting", "running"]


@dataclass(eq=False)
class Job:
    number: int
    target: Target
    trigger: Trigger
    title: str
    description: str
    deployment: Row | None = None  # made when the job starts, not before

    def listed(self) -> dict[str, Any]:
        kind = self.target.kind
        return {
            "id": str(self.number),
            "name": "deployments",
            "data": {
                f"{kind}Id": self.target.target_id,
                "titleLog": self.title,
                "descriptionLog": self.description,
                "type": self.trigger,
            },
            "state": "active" if self.deployment else "waiting",
        }


class Queue:
    """``held``: "waiting" lets no job start, "running" lets none end. Everything happens under ``changed``."""

    def __init__(self, changed: Condition, registry: Registry, *, job_s: float, takeover_s: float) -> None:
        self.changed = changed
        self.registry = registry
        self.job_s = job_s
        self.takeover_s = takeover_s
        self.held: Held = "no"
        self.waiting: deque[Job] = deque()
        self.active: Job | None = None
        self._closed = False
        self._number = 0

    def add(self, target: Target, trigger: Trigger, title: str, description: str) -> None:
        with self.changed:
            self._number += 1
            self.waiting.append(Job(self._number, target, trigger, title, description))
            self.changed.notify_all()

    def listed(self) -> list[dict[str, Any]]:
        return [job.listed() for job in (self.active, *self.waiting) if job]

    def hold(self, held: Held) -> None:
        with self.changed:
            self.held = held
            self.changed.notify_all()

    def forget(self) -> None:
        """Lose all jobs, as a restart does: the one that ran is cancelled, those that waited leave no trace."""
        with self.changed:
            if self.active and self.active.deployment:
                self.active.deployment["status"] = "cancelled"
                self.active.target.set_status("idle")
            self.active = None
            self.waiting.clear()
            self.changed.notify_all()

    def close(self) -> None:
        with self.changed:
            self._closed = True
            self.changed.notify_all()

    def work(self) -> None:
        """Run one job after the other, until closed."""
        with self.changed:
            while True:
                self.changed.wait_for(lambda: self._closed or (self.waiting and self.held != "waiting"))
                if self._closed:
                    return
                self._run(self.waiting.popleft())
                self.changed.notify_all()

    def _run(self, job: Job) -> None:
        self.active, target = job, job.target
        job.deployment = target.start_deployment(job.title, job.description)
        wanted = target.wanted()  # read now: what is saved later is the next job's
        self.changed.notify_all()
        if not self._goes_to_its_end(job):
            return
        status, image = target.outcome(wanted, job.trigger, self.registry)
        target.end_deployment(job.deployment, status)
        if status == "done":
            target.roll_out(image, self.takeover_s)
        self.active = None

    def _goes_to_its_end(self, job: Job) -> bool:
        end = time.monotonic() + self.job_s
        while self.active is job and not self._closed:
            left = None if self.held == "running" else end - time.monotonic()
            if left is not None and left <= 0:
                return True
            self.changed.wait(left)
        return False
