"""A process that is killed before or after any write to Dokploy leaves lanes that printed commands lead back."""

from __future__ import annotations

import mmap
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

import pytest

from launchplane_gate.errors import StaleReplay
from launchplane_gate.lanes import look
from launchplane_gate.ledger import tables
from launchplane_gate.model import Lane, ReleaseIdentity, Request
from launchplane_gate.policy import Bundle, EmbeddedEngine
from tests.conftest import ACTOR, APPROVER, PROD, PRODUCT, TESTING, A, B, deploy, promote
from tests.fakes.dokploy import FakeDokploy
from tests.fakes.dokploy.breaks import Break
from tests.forks import in_a_child
from tests.line.test_order import why
from tests.line.worlds import HOUR_S, typed
from tests.plugins.generic_web.dokploy_site import Site, site_on

pytestmark = pytest.mark.thorough  # tests/line/test_crash_matrix does it on files

When = Literal["before", "after"]
WRITES = ("application.saveDockerProvider", "application.deploy")
PID = 8  # bytes that hold one


class DeadlyDokploy(FakeDokploy):
    """Kills whoever sends a write as it arrives; ``after``: and does it all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.trap: tuple[str, When] | None = None
        self.victim = mmap.mmap(-1, PID)  # whom, as the process itself says

    def takes_break(self, path: str) -> Break | None:
        if self.trap and path == f"/api/{self.trap[0]}":
            (_, when), self.trap = self.trap, None
            os.kill(int.from_bytes(self.victim[:PID], "big"), signal.SIGKILL)
            return Break("drop_before" if when == "before" else "drop_after")
        return super().takes_break(path)


@pytest.fixture
def site(tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine) -> Iterator[Site]:
    """Both lanes run A."""
    limits = {"lane_wait_s": 20, "confirm_timeout_s": 3}
    with (
        DeadlyDokploy() as fake,
        site_on(fake, tmp_path, bundle, engine, gate=limits) as site,
    ):
        assert [site.run(request).status for request in (deploy(A), promote())] == ["recorded"] * 2
        yield site


STORIES = {
    "deploy": (deploy(B, idempotency_key="k"), TESTING, B),
    "promote": (promote(idempotency_key="k"), PROD, B),
    "rollback": (Request(action="rollback", product=PRODUCT, destination="prod", idempotency_key="k"), PROD, A),
}


@pytest.mark.parametrize("when", get_args(When))
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("story", STORIES)
def test_after_a_kill_at_a_write_what_is_printed_leads_back(site: Site, story: str, write: str, when: When) -> None:
    request, lane, wanted = STORIES[story]
    fake = site.dokploy
    assert isinstance(fake, DeadlyDokploy)
    for before in [deploy(B), promote()][: list(STORIES).index(story)]:
        assert site.run(before).status == "recorded"
    fake.trap = write, when

    def killed() -> None:
        fake.victim[:PID] = os.getpid().to_bytes(PID, "big")
        site.gate.run(request, APPROVER)

    with pytest.raises(TimeoutError):
        in_a_child(killed, within_s=30)
    with site.gate.ledger.database.write() as connection:
        connection.execute(tables.lanes.update().values(lease_until=tables.lanes.c.lease_until - HOUR_S))
    fake.wait(fake.idle)
    did = _lead_back(site)
    assert why(site.gate, lane) == "" and site.gate.ledger.verify().wrong == ()
    try:
        assert site.gate.run(request, APPROVER).status in ("recorded", "unchanged"), did
    except StaleReplay:  # what was printed last settled the lane otherwise
        assert len(did) > 1
    assert (_recorded(site, lane), fake.running(site.targets[lane])) == (wanted, wanted.artifact_id)


def _lead_back(site: Site) -> list[str]:
    did: list[str] = []
    profile = site.gate.profile(PRODUCT)
    while open_ones := [view for view in look(site.gate, [profile], ACTOR) if not view.settled]:
        assert len(did) < 4, (did, open_ones[0].why)
        did.append(open_ones[0].command)
        site.gate.run(typed(did[-1], open_ones[0].lane), APPROVER)
    return did


def _recorded(site: Site, lane: Lane) -> ReleaseIdentity:
    found = site.gate.store.read_environment_inventory(context_name=lane.context, instance_name=lane.instance)
    assert found.artifact_identity
    return ReleaseIdentity(artifact_id=found.artifact_identity.artifact_id, source_git_ref=found.source_git_ref)
