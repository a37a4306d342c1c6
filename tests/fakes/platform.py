"""A platform in memory: it runs what it is told to, lies when it is told to, and counts what touched it.

It stands at the edge of the gate, as a driver and as the health of its lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from launchplane_gate.hookspecs import Approval, InventoryWriter, Progress, Question, hookimpl
from launchplane_gate.model import Bump, Lane, Observation, Outcome, Publication, ReleaseIdentity, Run, Target, stamp
from launchplane_gate.records import ProductProfile

Deploy = Callable[["FakePlatform", Approval], Outcome]


@dataclass(eq=False)  # two platforms are never one
class FakePlatform:
    """``behaves`` replaces what a deploy does; ``reports`` what a lane's health says; ``seen`` what is observed."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    driver_id: str = "fake"
    runs: dict[str, ReleaseIdentity] = field(default_factory=dict)
    deploys: list[tuple[str, str]] = field(default_factory=list)
    reports: dict[str, str | None] = field(default_factory=dict)
    behaves: Deploy | None = None
    observing: Callable[[Lane], None] = lambda _: None
    sampling: Callable[[Question], None] = lambda _: None
    recording: Callable[[InventoryWriter], None] = lambda inventory: inventory.write()
    recorded: list[Run] = field(default_factory=list)

    # -- the driver

    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        progress("deploying")
        return self.behaves(self, approval) if self.behaves else self.change(approval)

    def change(self, approval: Approval, *, status: Any = "pass", detail: str = "") -> Outcome:
        """Redeem, then run the release as told."""
        target = Target(target_type="application", target_id="app", target_name="app", deploy_mode="fake")
        with approval.redeem(target) as release:
            self.deploys.append((str(approval.lane), release.source_git_ref))
            self.runs[str(approval.lane)] = release
        return Outcome(status=status, touched=True, detail=detail)

    def find(self, run: Run) -> Outcome:
        return Outcome(status="unknown", touched=True)

    def observe(self, lane: Lane) -> Observation:
        self.observing(lane)
        running = self.runs.get(str(lane))
        return Observation(
            seen_at=stamp(self.now()),
            reachable=True,
            artifact_id=running.artifact_id if running else None,
            in_flight=False,
        )

    def record(self, outcome: Outcome, inventory: InventoryWriter) -> None:
        self.recording(inventory)

    # -- the plugin

    @hookimpl
    def gate_drivers(self) -> list[FakePlatform]:
        return [self]

    @hookimpl
    def gate_recorded(self, run: Run) -> None:
        self.recorded.append(run)


@dataclass(eq=False)
class FakePublisher:
    """Publishes in memory; ``fails`` raises instead of the next publications, ``answers`` replaces what they say."""

    products: tuple[str, ...]
    latest: str = "v0.2.9"
    releases: dict[str, str] = field(default_factory=dict)  # commit by version
    asked: list[str] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)

    def publishes(self, product: ProductProfile) -> bool:
        return product.product in self.products

    def next_version(self, product: ProductProfile, bump: Bump) -> str:
        numbers = [int(part) for part in self.latest.removeprefix("v").split(".")]
        place = ("major", "minor", "patch").index(bump)
        return "v" + ".".join(str(number) for number in [*numbers[:place], numbers[place] + 1, 0, 0][:3])

    def publish(self, product: ProductProfile, run: Run, progress: Progress) -> Publication:
        assert run.publication and run.release
        version = run.publication.version
        self.asked.append(version)
        if self.fails:
            raise self.fails.pop(0)
        if self.answers:
            return self.answers.pop(0)  # type: ignore[no-any-return]  # what a broken one may say, too
        self.releases[version] = run.release.source_git_ref
        return Publication(version=version, published=True, url=f"https://example.org/{version}")

    @hookimpl
    def gate_publishers(self) -> list[FakePublisher]:
        return [self]


@dataclass(eq=False)
class FakeHealth:
    """The health evidence of a fake platform's lanes."""

    platform: FakePlatform

    @hookimpl
    def gate_evidence(self, question: Question) -> Mapping[str, Any]:
        self.platform.sampling(question)
        if question.phase == "admit":
            return {"source": self._samples(question, question.source)} if question.source else {}
        return {"destination": self._samples(question, question.destination)}

    def _samples(self, question: Question, lane: Lane) -> list[dict[str, Any]]:
        running = self.platform.runs.get(str(lane))
        revision = self.platform.reports.get(str(lane), running.source_git_ref if running else None)
        return [
            {
                "url": url,
                "status": 200,
                "revision": revision,
                "seen_at": stamp(self.platform.now()),
                "detail": "",
            }
            for url in question.product.health_urls(lane.context, lane.instance)
            for _ in range(3)
        ]
