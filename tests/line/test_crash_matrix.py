"""A process that is killed before or after any commit and any effect leaves a lane that printed commands lead back.

The points are counted where they are passed, so that a new step joins by itself. Each fifth is tried here; all of them
with LAUNCHPLANE_GATE_MATRIX=1, as `make matrix` does.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from launchplane_gate.errors import StaleReplay
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval, Progress
from launchplane_gate.lanes import LaneView, look
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Expected, Lane, Outcome, Publication, ReleaseIdentity, Request, Run
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle
from launchplane_gate.records import ProductProfile
from launchplane_gate.store import FileStore
from tests.benchmarks.ledgers import YesEngine
from tests.conftest import ACTOR, APPROVER, PROD, PRODUCT, PROFILE, TESTING, A, B, MakeGate, deploy, open_gate, promote
from tests.fakes.platform import FakeHealth, FakePlatform, FakePublisher
from tests.line.test_evidence import report
from tests.line.test_order import why
from tests.line.test_settling_runs import reconcile, resume

STRIDE = 1 if os.environ.get("LAUNCHPLANE_GATE_MATRIX") else 5
PATIENT: dict[str, Any] = {"write_s": 0.1, "lane_wait_s": 30}
FEWEST = (10, 4)  # of points, for what publishes alone
SHORT_S = 1.5  # the lease of a process that is killed, which is waited for


Act = Callable[[Gate], Run]


@dataclass
class Points:
    """Counts what is passed, and ends the process at one of them."""

    last: int = 0
    passed: int = 0

    def reach(self, *_: object) -> None:
        self.passed += 1
        if self.passed == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


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
            self.releases = json.loads(self.file.read_text())

    def publish(self, product: ProductProfile, run: Run, progress: Progress) -> Publication:
        done = super().publish(product, run, progress)
        self.file.write_text(json.dumps(self.releases))
        self.points.reach()
        return done


@dataclass
class World:
    """A lane pair on disk, with A on both and B on testing where a story needs it."""

    state: Path
    bundle: Bundle

    def gate(self, make: Callable[..., Gate], points: Points | None = None, **rest: Any) -> Gate:
        passing = points or Points()
        platform = DiskPlatform(file=self.state / "platform.json", points=passing)
        platform.load()
        publisher = DiskPublisher((PRODUCT,), file=self.state / "releases.json", points=passing)
        plugins = Plugins({"fake": platform, "health": FakeHealth(platform), "github": publisher})
        gate = make(plugins=plugins, **PATIENT, **rest)
        platform.now = gate.ledger.now
        return gate


def killed_at(world: World, act: Act, last: int) -> int:
    """Act in a process that dies at a point; gives how many points it passed, where it came to its end."""
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            points = Points(last)
            ledger = Ledger.open(world.state, holds_records=True)
            event.listen(ledger.database.engine, "commit", points.reach)
            event.listen(ledger.database.engine.pool, "checkin", points.reach)
            sys.addaudithook(lambda name, about: points.reach() if name in ("os.rename", "os.replace") else None)

            def make(**rest: Any) -> Gate:
                return open_gate(world.state, world.bundle, YesEngine(world.bundle), FakePlatform(), **rest)

            act(world.gate(make, points, ledger=ledger, lease_s=SHORT_S))
            os.write(write, str(points.passed).encode())
        finally:
            os._exit(0)
    os.close(write)
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


def lead_back(gate: Gate) -> list[str]:
    """Type what is printed until both lanes are settled; gives that."""
    did: list[str] = []
    while open_ones := [view for view in look(gate, [PROFILE], ACTOR) if not view.settled]:
        assert len(did) < 4, did
        did.append(open_ones[0].command)
        gate.run(typed(did[-1], open_ones[0].lane), ACTOR)
    return did


def repeated(gate: Gate, act: Act) -> str:
    """How the same request ends, under its key."""
    try:
        return act(gate).status
    except StaleReplay:  # somebody settled the lane otherwise since
        return "stale"


def _as_they_run(gate: Gate, views: list[LaneView]) -> None:
    for view in views:
        running = gate.plugins.drivers["fake"].runs.get(str(view.lane))  # type: ignore[attr-defined]  # a fake
        assert view.runs == running, (view.lane, view.runs, running)


def asking(request: Request) -> Act:
    return lambda gate: gate.run(request, APPROVER)


def deploying(gate: Gate) -> Act:
    return asking(deploy(B, idempotency_key="k"))


def promoting(gate: Gate) -> Act:
    gate.run(deploy(B), ACTOR)
    return asking(promote(idempotency_key="k", version=VERSION))


def rolling_back(gate: Gate) -> Act:
    gate.run(deploy(B), ACTOR)
    gate.run(promote(), ACTOR)
    return asking(Request(action="rollback", product=PRODUCT, destination="prod", idempotency_key="k"))


def resuming(gate: Gate) -> Act:
    return asking(resume(_interrupted(gate)))


def reconciling(gate: Gate) -> Act:
    _interrupted(gate)
    return asking(reconcile(TESTING))


def reporting(gate: Gate) -> Act:
    platform = gate.plugins.drivers["fake"]
    assert isinstance(platform, DiskPlatform)
    platform.run(TESTING, B)
    platform.save()
    return asking(report(B, idempotency_key="k"))


def publishing(gate: Gate) -> Act:
    gate.run(deploy(B), ACTOR)
    publisher = gate.plugins.publisher(PROFILE)
    assert isinstance(publisher, DiskPublisher)
    publisher.fails = [RuntimeError("GitHub is away")]
    run = gate.run(promote(version=VERSION), ACTOR)
    assert run.publication and not run.publication.published
    return lambda gate: gate.publish(run.run_id, APPROVER)


def _interrupted(gate: Gate) -> str:
    platform = gate.plugins.drivers["fake"]
    assert isinstance(platform, DiskPlatform)

    def ends(platform: FakePlatform, approval: Approval) -> Outcome:
        platform.change(approval)
        raise KeyboardInterrupt

    platform.behaves = ends
    with pytest.raises(KeyboardInterrupt):
        gate.run(deploy(B), ACTOR)
    platform.behaves = None
    return gate.ledger.runs(limit=1)[0]


VERSION = "v0.2.10"
STORIES: dict[str, tuple[Callable[[Gate], Act], Lane, ReleaseIdentity]] = {
    "deploy": (deploying, TESTING, B),
    "promote": (promoting, PROD, B),
    "rollback": (rolling_back, PROD, A),
    "resume": (resuming, TESTING, B),
    "reconcile": (reconciling, TESTING, B),
    "evidence": (reporting, TESTING, B),
    "publish": (publishing, PROD, B),
}


@pytest.mark.parametrize("story", STORIES)
def test_after_a_kill_anywhere_what_is_printed_leads_back(
    story: str, tmp_path: Path, bundle: Bundle, make_gate: MakeGate
) -> None:
    prepare, lane, wanted = STORIES[story]
    point, passed = 1, 0
    while not passed:
        world = World(tmp_path / str(point), bundle)
        world.state.mkdir()

        def make(world: World = world, **rest: Any) -> Gate:
            ledger = Ledger.open(world.state, holds_records=False)
            return make_gate(store=store_in(world.state), ledger=ledger, **rest)

        gate = world.gate(make)
        for request in (deploy(A), promote()):
            assert gate.run(request, ACTOR).status in ("recorded", "unchanged")
        act = prepare(gate)
        gate.ledger.close()
        passed = killed_at(world, act, point)
        gate = world.gate(make)
        did = lead_back(gate)
        if story != "evidence":  # of a report that was not heard to its end, nothing is known
            _as_they_run(gate, look(gate, [PROFILE], ACTOR))
        assert gate.ledger.verify().wrong == (), point
        if story not in ("resume", "reconcile"):
            again = repeated(gate, act)
            assert again in ("recorded", "unchanged", "stale" if len(did) > 1 else "recorded"), (point, did, again)
            _as_they_run(gate, look(gate, [PROFILE], ACTOR))
        if story == "publish":
            publisher = gate.plugins.publisher(PROFILE)
            assert isinstance(publisher, DiskPublisher) and publisher.releases == {VERSION: B.source_git_ref}
        assert (why(gate, lane), look(gate, [PROFILE], ACTOR)[lane == PROD].runs) == ("", wanted), (point, did)
        gate.ledger.close()
        point += STRIDE
    assert point > passed > FEWEST[story == "publish"]  # and each was passed


def store_in(state: Path) -> FileStore:
    return FileStore(state, {PRODUCT: PROFILE})
