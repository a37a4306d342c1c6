"""The driver ``generic-web`` keeps every promise of a driver, for applications and for compose files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from launchplane_gate.hookspecs import PluginConfig
from launchplane_gate.model import Lane, ReleaseIdentity
from launchplane_gate.testing import LANES, DriverPromises, Fate, Platform
from launchplane_gate_generic_web import GenericWebPlugin
from tests.fakes.dokploy import SECRET_IN_A_STACK, FakeDokploy

PASSWORD = "registry-pass-w0rd"


class OnDokploy(Platform):
    """Two applications on a server; changes are the requests that it accepted as such."""

    driver_id = "generic-web"
    image = "ghcr.io/kit/promises"
    first = ReleaseIdentity(artifact_id=f"{image}@sha256:{'1' * 64}", source_git_ref="1" * 40)
    second = ReleaseIdentity(artifact_id=f"{image}@sha256:{'2' * 64}", source_git_ref="2" * 40)
    changes_a_deploy = 2  # the image, and its deployment

    def __init__(self, dokploy: FakeDokploy) -> None:
        self.dokploy = dokploy
        self.secrets = (dokploy.key, PASSWORD, SECRET_IN_A_STACK)
        self.options = {"url": dokploy.url, "api_key": SecretStr(dokploy.key), "poll_s": 0.02}
        self.targets = {lane: self.target(lane) for lane in LANES}
        self.arrange(Fate.PASS)

    def target(self, lane: Lane) -> Mapping[str, Any]:
        id_ = self.dokploy.add_application(lane.instance, username="robot", password=PASSWORD)
        return {"target_type": "application", "target_id": id_}

    def id_of(self, lane: Lane) -> str:
        return str(self.targets[lane]["target_id"])

    def plugin(self, config: PluginConfig) -> object:
        return GenericWebPlugin(config)

    def running(self, lane: Lane) -> ReleaseIdentity | None:
        image = self.dokploy.running(self.id_of(lane))
        return next((release for release in (self.first, self.second) if release.artifact_id == image), None)

    def changes(self, lane: Lane) -> int:
        return self.dokploy.changes(self.id_of(lane))

    def arrange(self, fate: Fate) -> None:
        self.dokploy.registry.images.clear()
        self.dokploy.push(f"{self.image}@sha256:{'3' * 64}", "3" * 40)  # a registry that is there, and has no other
        if fate is not Fate.FAIL:
            for release in (self.first, self.second):
                self.dokploy.push(release.artifact_id, release.source_git_ref)
        self.dokploy.pause() if fate is Fate.SILENT else self.dokploy.resume()
        self.dokploy.stop_serving()
        if fate is not Fate.UNREACHABLE:
            self.dokploy.start_serving()

    def change_behind_the_gate(self, lane: Lane, release: ReleaseIdentity) -> None:
        self.dokploy.act(self.id_of(lane), release.artifact_id)
        self.dokploy.wait(self.dokploy.idle)

    def take_down(self, lane: Lane) -> None:
        self.dokploy.kill_lane(self.id_of(lane))

    def clashing_targets(self) -> Mapping[Lane, Mapping[str, Any]]:
        return dict.fromkeys(LANES, self.targets[LANES[0]])


class InComposeFiles(OnDokploy):
    """Two compose files, each with a variable for the image of one of its services."""

    def target(self, lane: Lane) -> Mapping[str, Any]:
        file = "services:\n  web:\n    image: ${IMAGE}\n  db:\n    image: postgres:16\n"
        id_ = self.dokploy.add_compose(lane.instance, file, f"PASSWORD={PASSWORD}\n")
        return {"target_type": "compose", "target_id": id_, "variable": "IMAGE"}

    def change_behind_the_gate(self, lane: Lane, release: ReleaseIdentity) -> None:
        target = self.dokploy.targets[self.id_of(lane)]
        target.row["env"] = f"PASSWORD={PASSWORD}\nIMAGE={release.artifact_id}\n"
        self.dokploy.queue.add(target, "deploy", "Manual deployment", "")
        self.dokploy.wait(self.dokploy.idle)


@pytest.fixture
def dokploy() -> Iterator[FakeDokploy]:
    with FakeDokploy() as server:
        yield server
        assert not server.violations


class TestApplications(DriverPromises):
    @pytest.fixture
    def platform(self, dokploy: FakeDokploy) -> Platform:
        return OnDokploy(dokploy)


class TestComposeFiles(DriverPromises):
    @pytest.fixture
    def platform(self, dokploy: FakeDokploy) -> Platform:
        return InComposeFiles(dokploy)
