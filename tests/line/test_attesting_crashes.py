"""A process that is killed between signing, keeping and publishing leaves what the next one finishes with the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Progress
from launchplane_gate.model import Publication, Run
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, EmbeddedEngine, PolicyEngine
from launchplane_gate.records import ProductProfile
from launchplane_gate.runs import read_run
from tests.conftest import ACTOR, PRODUCT, A, deploy, promote
from tests.fakes.platform import FakeHealth
from tests.keys import verified
from tests.line.test_attesting import Keyring, V, attester
from tests.line.worlds import DiskPlatform, DiskPublisher, Points, World, killed_at

pytestmark = pytest.mark.thorough  # a process is killed at each point

KEY = ec.generate_private_key(ec.SECP256R1())  # of whose signatures no two are the same
FEWEST = 8  # points


@dataclass(eq=False)
class Noting(DiskPublisher):
    """One that keeps each file that it was ever handed, in a line."""

    def publish(
        self,
        product: ProductProfile,
        run: Run,
        progress: Progress,
        assets: Mapping[str, bytes] = {},
        others: Sequence[Run] = (),
    ) -> Publication:
        for content in assets.values():
            with self.file.with_name("handed").open("ab") as handed:
                handed.write(content)
        return super().publish(product, run, progress, assets, others)


class Signing(World):
    """A world whose gates sign."""

    def gate(self, engine: PolicyEngine, points: Points | None = None, **rest: Any) -> Gate:
        passing = points or Points()
        platform = DiskPlatform(file=self.state / "platform.json", points=passing)
        platform.load()
        publisher = Noting((PRODUCT,), file=self.state / "releases.json", points=passing)
        plugins = Plugins({"fake": platform, "health": FakeHealth(platform), "github": publisher})
        parts = {"plugins": plugins, "attester": attester(Keyring(KEY), self.state)}
        gate = super().gate(engine, points, **(parts | rest))
        platform.now = publisher.now = gate.ledger.now
        return gate


def test_wherever_it_was_cut_off_the_same_bytes_are_handed_on(
    tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine
) -> None:
    prepared = Signing(tmp_path / "prepared", bundle)
    prepared.state.mkdir()
    gate = prepared.gate(engine, attester=None)
    publisher = gate.plugins.publishers[0]
    assert isinstance(publisher, Noting)
    publisher.fails = [RuntimeError("GitHub is away")]
    gate.run(deploy(A), ACTOR)
    run_id = gate.run(promote(version=V), ACTOR).run_id
    gate.ledger.close()
    point, passed = 1, 0
    while not passed:
        world = prepared.copy(tmp_path / str(point))
        passed = killed_at(world, lambda gate: gate.publish(run_id, ACTOR), point, engine)
        gate = world.gate(engine)
        world.let_time_pass(gate)
        for _ in range(2):
            run = gate.publish(run_id, ACTOR)
            assert run.publication and run.publication.is_whole, (point, run.publication)
        assert read_run(gate.ledger, run_id) == run
        handed = set((world.state / "handed").read_bytes().splitlines(keepends=True))
        [content] = handed
        assert verified(content, KEY.public_key())
        assert (world.state / "attestations" / f"{run_id}.intoto.json").read_bytes() == content, point
        kinds = [entry.kind for entry in gate.ledger.entries(subject=run_id)]
        assert kinds.count("attested") == 1, point
        assert gate.ledger.verify().wrong == (), point
        gate.ledger.close()
        point += 1
    assert point > passed > FEWEST
