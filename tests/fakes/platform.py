"""A platform in memory: it runs what it is told to, lies when it is told to, and counts what touched it.

It stands at the edge of the gate, as a driver and as the health of its lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from launchplane_gate.hookspecs import Approval, InventoryWriter, Progress, Question, hookimpl
from launchplane_gate.model import (
    Bump,
    Container,
    Lane,
    Observation,
    Outcome,
    Publication,
    ReleaseIdentity,
    Run,
    Target,
    stamp,
)
from launchplane_gate.records import ProductProfile
from launchplane_gate.urls import without_query

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
    found: Outcome = field(default_factory=lambda: Outcome(status="unknown", touched=True))
    digests: Literal["shown", "not_shown", "failed"] = "shown"
    starts: dict[str, int] = field(default_factory=dict)  # of a lane's container, how many there were
    deploy_timeout_s: float = 5.0
    newest_run: dict[str, str] = field(default_factory=dict)  # that the newest deployment of a lane names

    # -- the driver

    def deploy(self, approval: Approval, progress: Progress) -> Outcome:
        progress("deploying")
        return self.behaves(self, approval) if self.behaves else self.change(approval)

    def change(self, approval: Approval, *, status: Any = "pass", detail: str = "") -> Outcome:
        """Redeem, then run the release as told."""
        target = Target(target_type="application", target_id="app", target_name="app", deploy_mode="fake")
        with approval.redeem(target) as release:
            self.deploys.append((str(approval.lane), release.source_git_ref))
            self.run(approval.lane, release)
            self.newest_run[str(approval.lane)] = approval.run_id
        return Outcome(status=status, touched=True, detail=detail)

    def run(self, lane: Lane, release: ReleaseIdentity) -> None:
        """Start a release in a container of its own, in place of what runs."""
        self.runs[str(lane)] = release
        self.restart(lane)

    def stop(self, lane: Lane) -> None:
        del self.runs[str(lane)]

    def restart(self, lane: Lane) -> None:
        self.starts[str(lane)] = self.starts.get(str(lane), 0) + 1

    def find(self, run: Run) -> Outcome:
        return self.found

    def observe(self, lane: Lane) -> Observation:
        self.observing(lane)
        running = self.runs.get(str(lane))
        seen = Observation(
            seen_at=stamp(self.now()),
            reachable=True,
            artifact_id=None,
            digests=self.digests,
            in_flight=False,
            run_id=self.newest_run.get(str(lane), ""),
        )
        if running is None or self.digests == "failed":
            return seen
        if self.digests == "not_shown":
            return seen.model_copy(update={"configured_artifact_id": running.artifact_id})
        start = str(self.starts.get(str(lane), 0))
        container = Container(container_id=f"c{start}", artifact_id=running.artifact_id, started_at=start)
        return seen.model_copy(update={"artifact_id": running.artifact_id, "containers": (container,)})

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
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    latest: str = "v0.2.9"
    releases: dict[str, str] = field(default_factory=dict)  # commit by version
    login: str = "release-bot"
    made: dict[str, tuple[str, str]] = field(default_factory=dict)  # run and author by version
    given: list[list[Run]] = field(default_factory=list)  # what was to be published, and the other runs of it
    carried: dict[str, dict[str, bytes]] = field(default_factory=dict)  # the files of a version, by name
    asked: list[str] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)

    def publishes(self, product: ProductProfile) -> bool:
        return product.product in self.products

    def next_version(self, product: ProductProfile, bump: Bump) -> str:
        numbers = [int(part) for part in self.latest.removeprefix("v").split(".")]
        place = ("major", "minor", "patch").index(bump)
        return "v" + ".".join(str(number) for number in [*numbers[:place], numbers[place] + 1, 0, 0][:3])

    def publishes_as(self, product: ProductProfile) -> str:
        return self.login

    def publish(
        self,
        product: ProductProfile,
        run: Run,
        progress: Progress,
        assets: Mapping[str, bytes] = {},
        others: Sequence[Run] = (),
    ) -> Publication:
        assert run.publication and run.release
        version = run.publication.version
        self.asked.append(version)
        self.given.append([run, *others])
        if self.fails:
            raise self.fails.pop(0)
        if self.answers:
            return self.answers.pop(0)  # type: ignore[no-any-return]  # what a broken one may say, too
        self.releases[version] = run.release.source_git_ref
        self.carried.setdefault(version, {}).update(assets)
        self.made.setdefault(version, (run.run_id, self.login))
        return Publication(version=version, published=True, url=f"https://example.org/{version}")

    @hookimpl
    def gate_publishers(self) -> list[FakePublisher]:
        return [self]

    @hookimpl
    def gate_evidence(self, question: Question) -> Mapping[str, Any] | None:
        """What GitHub would say of the version; in the settings of a gate this stands in for the plugin ``github``."""
        if question.version is None or question.release is None:
            return None
        commit, taken = question.release.source_git_ref, self.releases.get(question.version)
        others = [name for name, its in self.releases.items() if its == commit and name != question.version]
        return {
            "seen_at": stamp(self.now()),
            "commit": {"sha": commit, "exists": True},
            "version": {
                "asked": question.version,
                "tag": {"name": question.version, "commit": taken} if taken else None,
                "release": self._released(question.version) if taken else None,
                "others": others,
            },
            "latest": {"version": self.latest, "commit": None},
        }

    def _released(self, version: str) -> Mapping[str, Any]:
        run_id, author = self.made.get(version, ("", "somebody"))
        facts = {"tag": version, "draft": False, "prerelease": False, "url": ""}
        return {**facts, "author": author, "marked_by": [run_id] if run_id else []}


@dataclass(eq=False)
class FakeHealth:
    """The health evidence of a fake platform's lanes."""

    platform: FakePlatform

    @hookimpl
    def gate_evidence(self, question: Question) -> Mapping[str, Any]:
        self.platform.sampling(question)
        destination = {"destination": self._samples(question, question.destination)}
        if question.phase == "admit" and question.source:
            return {"source": self._samples(question, question.source)} | destination
        return destination

    def _samples(self, question: Question, lane: Lane) -> list[dict[str, Any]]:
        running = self.platform.runs.get(str(lane))
        revision = self.platform.reports.get(str(lane), running.source_git_ref if running else None)
        return [
            {
                "url": without_query(url),
                "status": 200 if revision else None,
                "revision": revision,
                "seen_at": stamp(self.platform.now()),
                "detail": "" if revision else "nobody answers",
            }
            for url in question.product.health_urls(lane.context, lane.instance)
            for _ in range(3)
        ]
