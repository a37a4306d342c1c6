"""The queue of the fake: one worker for all targets, first in, first out, nowhere but in memory."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from threading import Condition
from typing import Any, Literal

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
    queued_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    started_ms: int = 0
    deployment: Row | None = None  # made when the job starts, not before

    def listed(self, environment: Row) -> dict[str, Any]:
        """The job as the queue shows it; ``processedOn`` stands in the active one alone."""
        kind, id_ = self.target.kind, self.target.target_id
        project = f"/dashboard/project/{environment['projectId']}/environment/{environment['environmentId']}"
        return {
            "id": f"job-{self.number}",
            "name": "deployments",
            "data": {
                f"{kind}Id": id_,
                "titleLog": self.title,
                "descriptionLog": self.description,
                "type": self.trigger,
                "applicationType": kind,
                "server": self.target.row["serverId"] is not None,
            },
            "timestamp": self.queued_ms,
            **({"processedOn": self.started_ms} if self.deployment else {}),
            "state": "active" if self.deployment else "waiting",
            "servicePath": {"href": f"{project}/services/{kind}/{id_}", "label": kind.capitalize()},
        }


class Queue:
    """``held``: "waiting" lets no job start, "running" lets none end. Everything happens under ``changed``."""

    def __init__(self, changed: Condition, environment: Row, violations: list[str], *, job_s: float) -> None:
        self.changed = changed
        self.violations = violations
        self.environment = environment
        self.job_s = job_s
        self.held: Held = "no"
        self.waiting: deque[Job] = deque()
        self.active: Job | None = None
        self._released: Job | None = None
        self._closed = False
        self._number = 0

    def add(self, target: Target, trigger: Trigger, title: str, description: str) -> None:
        with self.changed:
            self._number += 1
            self.waiting.append(Job(self._number, target, trigger, title, description))
            self.changed.notify_all()

    def listed(self) -> list[dict[str, Any]]:
        """All jobs, newest first: the reverse of the order in which they run."""
        return [job.listed(self.environment) for job in (*reversed(self.waiting), self.active) if job]

    def clean(self, target: Target) -> None:
        """Drop the jobs of a target that still wait; none of them leaves a row."""
        with self.changed:
            self.waiting = deque(job for job in self.waiting if job.target is not target)

    def hold(self, held: Held) -> None:
        with self.changed:
            self.held = held
            self.changed.notify_all()

    def end_one(self) -> None:
        """Let the job that runs end, however the queue is held, and wait for that."""
        with self.changed:
            self.changed.wait_for(lambda: self.active, 5)
            job = self._released = self.active
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.active is not job, 5)

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
                try:
                    self._run(self.waiting.popleft())
                except Exception as error:
                    self.violations.append(f"the fake failed in a job: {error!r}")  # nobody waits for this thread
                    raise
                self.changed.notify_all()

    def _run(self, job: Job) -> None:
        self.active, target = job, job.target
        job.started_ms = time.time_ns() // 1_000_000
        job.deployment = target.start_deployment(job.title, job.description)
        plan = target.plan()  # read now: what is saved later is the next job's
        self.changed.notify_all()
        if not self._goes_to_its_end(job):
            return
        status = target.carry_out(plan, job.trigger)
        target.end_deployment(job.deployment, status)
        self.active = None

    def _goes_to_its_end(self, job: Job) -> bool:
        end = time.monotonic() + self.job_s
        while self.active is job and not self._closed:
            if self._released is job:
                return True
            left = None if self.held == "running" else end - time.monotonic()
            if left is not None and left <= 0:
                return True
            self.changed.wait(left)
        return False
