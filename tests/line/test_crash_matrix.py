"""A process that is killed before or after any commit and any effect leaves a lane that printed commands lead back.

The points are counted where they are passed, so that a new step joins by itself. A few are tried here; in CI, with
LAUNCHPLANE_GATE_MATRIX=1, all of them on files and each fourth in Postgres; all of all by `make matrix`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launchplane_gate.errors import StaleReplay
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval
from launchplane_gate.lanes import LaneView, look
from launchplane_gate.model import Lane, Outcome, ReleaseIdentity, Request
from launchplane_gate.policy import Bundle, EmbeddedEngine
from tests.benchmarks.ledgers import YesEngine
from tests.conftest import ACTOR, APPROVER, PROD, PRODUCT, PROFILE, TESTING, A, B, deploy, promote
from tests.fakes.platform import FakePlatform
from tests.line.test_evidence import report
from tests.line.test_order import why
from tests.line.test_settling_runs import reconcile, resume
from tests.line.worlds import Act, DiskPlatform, DiskPublisher, World, killed_at, typed
from tests.on_postgres import migrated
from tests.postgres import PostgresServer

pytestmark = pytest.mark.thorough  # tests/line/test_state_machine kills as well

MATRIX = os.environ.get("LAUNCHPLANE_GATE_MATRIX", "")
ON_FILES, ON_POSTGRES = {"": (7, 23), "1": (1, 4)}.get(MATRIX, (1, 1))
FEWEST = (10, 4)  # of points, for what publishes alone


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


@pytest.fixture(params=["files", "postgres"])
def places(request: pytest.FixtureRequest, tmp_path: Path, bundle: Bundle) -> Iterator[Places]:
    server = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    made = Places(tmp_path, bundle, server)
    yield made
    made.clear()


class Places:
    """Where a story is told anew for each point: from what was prepared once."""

    def __init__(self, folder: Path, bundle: Bundle, server: PostgresServer | None) -> None:
        self.folder, self.server, self.made = folder, server, ["matrix"]
        url = migrated(server.create_database("matrix")) if server else ""
        self.prepared = World(folder / "prepared", bundle, url)
        self.prepared.state.mkdir()

    @property
    def stride(self) -> int:
        return ON_POSTGRES if self.server else ON_FILES

    def world(self, point: int) -> World:
        url, name = "", f"matrix{point}"
        if self.server:
            self.server.administer("CREATE DATABASE {} TEMPLATE {}", name, "matrix")
            self.made.append(name)
            url = self.server.url(name)
        return self.prepared.copy(self.folder / str(point), url)

    def clear(self) -> None:
        if self.server:
            for name in self.made:
                self.server.drop_database(name)


@pytest.mark.parametrize("story", STORIES)
def test_after_a_kill_anywhere_what_is_printed_leads_back(story: str, places: Places, engine: EmbeddedEngine) -> None:
    prepare, lane, wanted = STORIES[story]
    gate = places.prepared.gate(engine)
    for request in (deploy(A), promote()):
        assert gate.run(request, ACTOR).status in ("recorded", "unchanged")
    act = prepare(gate)
    gate.ledger.close()
    point, passed = 1, 0
    while not passed:
        world = places.world(point)
        passed = killed_at(world, act, point, YesEngine(world.bundle))
        gate = world.gate(engine)
        world.let_time_pass(gate)
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
        point += places.stride
    assert point > passed > FEWEST[story == "publish"]  # and each was passed
