"""Two lanes on disk, or in Postgres, that outlive the processes which act on them; and processes that end anywhere."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import event

from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval, Progress
from launchplane_gate.ledger import Ledger, SqlStore, tables
from launchplane_gate.model import Expected, Lane, Outcome, Publication, ReleaseIdentity, Request, Run
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, PolicyEngine
from launchplane_gate.records import ProductProfile
from launchplane_gate.store import FileStore, RecordStore
from tests.conftest import PRODUCT, PROFILE, open_gate, promote
from tests.fakes.platform import FakeHealth, FakePlatform, FakePublisher
from tests.line.test_settling_runs import reconcile, resume

PATIENT: dict[str, Any] = {"write_s": 0.1, "lane_wait_s": 30}
HOUR_S = 3600

Act = Callable[[Gate], Run]


@dataclass
class Points:
    """Counts what is passed, and ends the process at one of them, or stops it there."""

    last: int = 0
    passed: int = 0
    by: signal.Signals = signal.SIGKILL

    def reach(self, *_: object) -> None:
        self.passed += 1
        if self.passed == self.last:
            os.kill(os.getpid(), self.by)


@dataclass(eq=False)
class DiskPlatform(FakePlatform):
    """A platform that outlives the process which asked it: what it runs, and for which run, stands in a file."""

    file: Path = Path()
    points: Points = field(default_factory=Points)

    def load(self) -> None:
        if self.file.exists():
            told = json.loads(self.file.read_text())
            self.runs = {lane: ReleaseIdentity(**release) for lane, release in told["runs"].items()}
            self.newest_run, self.starts = told["newest_run"], told["starts"]

    def save(self) -> None:
        runs = {lane: release.model_dump() for lane, release in self.runs.items()}
        self.file.write_text(json.dumps({"runs": runs, "newest_run": self.newest_run, "starts": self.starts}))

    def change(self, approval: Approval, *, status: Any = "pass", detail: str = "") -> Outcome:
        outcome = super().change(approval, status=status, detail=detail)
        self.save()
        self.points.reach()
        return outcome

    def find(self, run: Run) -> Outcome:
        """What was begun is known by its run."""
        done = self.newest_run.get(str(run.destination)) == run.run_id
        return Outcome(status="pass" if done else "unknown", touched=True)


@dataclass(eq=False)
class DiskPublisher(FakePublisher):
    """One that outlives the process, too."""

    file: Path = Path()
    points: Points = field(default_factory=Points)

    def __post_init__(self) -> None:
        if self.file.exists():
            self.releases, made = json.loads(self.file.read_text())
            self.made = {version: (run_id, author) for version, (run_id, author) in made.items()}

    def publish(
        self,
        product: ProductProfile,
        run: Run,
        progress: Progress,
        assets: Mapping[str, bytes] = {},
        others: Sequence[Run] = (),
    ) -> Publication:
        done = super().publish(product, run, progress, assets, others)
        self.file.write_text(json.dumps([self.releases, self.made]))
        self.points.reach()
        return done


@dataclass
class World:
    """``url``: of the database in Postgres where ledger and records are; empty where they are files."""

    state: Path
    bundle: Bundle
    url: str = ""

    def gate(self, engine: PolicyEngine, points: Points | None = None, **rest: Any) -> Gate:
        passing = points or Points()
        platform = DiskPlatform(file=self.state / "platform.json", points=passing)
        platform.load()
        publisher = DiskPublisher((PRODUCT,), file=self.state / "releases.json", points=passing)
        plugins = Plugins({"fake": platform, "health": FakeHealth(platform), "github": publisher})
        ledger = Ledger.open(self.state, self.url, holds_records=False)
        kept: dict[str, Any] = {"plugins": plugins, "ledger": ledger, "store": self._store(ledger)}
        gate = open_gate(self.state, self.bundle, engine, platform, **PATIENT, **(kept | rest))
        if points:
            event.listen(ledger.database.engine, "commit", points.reach)
            event.listen(ledger.database.engine.pool, "checkin", points.reach)
        return gate

    def _store(self, ledger: Ledger) -> RecordStore:
        profiles = {PRODUCT: PROFILE}
        return SqlStore(ledger.database, profiles) if self.url else FileStore(self.state, profiles)

    def copy(self, state: Path, url: str = "") -> World:
        """The same, elsewhere; ``url``: of a database that is a copy."""
        shutil.copytree(self.state, state)
        return replace(self, state=state, url=url)

    def let_time_pass(self, gate: Gate) -> None:
        """End the leases of whoever is gone."""
        with gate.ledger.database.write() as connection:
            connection.execute(tables.lanes.update().values(lease_until=tables.lanes.c.lease_until - HOUR_S))


def begun(world: World, act: Act, points: Points, engine: PolicyEngine, **limits: Any) -> tuple[int, int]:
    """A process that acts, and where it tells how many points it passed, if it comes to its end."""
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            sys.addaudithook(lambda name, _: points.reach() if name in ("os.rename", "os.replace") else None)
            act(world.gate(engine, points, **limits))
            os.write(write, str(points.passed).encode())
        finally:
            os._exit(0)
    os.close(write)
    return pid, read


def killed_at(world: World, act: Act, last: int, engine: PolicyEngine) -> int:
    """Act in a process that dies at a point; gives how many points it passed, where it came to its end."""
    pid, read = begun(world, act, Points(last), engine)
    with os.fdopen(read) as told:
        passed = told.read()
    os.waitpid(pid, 0)
    return int(passed or 0)


def typed(command: str, lane: Lane) -> Request:
    """The request that a printed command makes."""
    _, verb, *words = shlex.split(command)
    match verb, words:
        case "runs", ["resume", run_id]:
            return resume(run_id, lane)
        case "inventory", ["reconcile", where]:
            return reconcile(Lane(context=PRODUCT, instance=where.partition("/")[2]))
        case "promote", _:
            return promote()
        case "rollback", [_, "--lane", here]:
            return Request(action="rollback", product=PRODUCT, destination=here)
        case "deploy", [_, "--to", here, "--artifact", artifact, "--ref", ref]:
            expected = Expected(artifact_id=artifact, source_git_ref=ref)
            return Request(action="deploy", product=PRODUCT, destination=here, expected=expected)
    raise AssertionError(command)
