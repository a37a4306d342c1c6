"""The driver ``generic-web`` keeps every promise of a driver, for applications and for compose files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from launchplane_gate.hookspecs import PluginConfig
from launchplane_gate.model import Lane, ReleaseIdentity
from launchplane_gate.testing import LANES, DriverPromises, Fate, Platform
from launchplane_gate_generic_web import GenericWebPlugin
from tests.fakes.dokploy import SECRET_IN_A_STACK, FakeDokploy

pytestmark = pytest.mark.thorough  # each asks for whole deploys on the fake Dokploy

PASSWORD = "registry-pass-w0rd"
DIES_AFTER_S = 0.5  # of ours
SETS_THE_IMAGE = ("application.saveDockerProvider", "compose.saveEnvironment")
WHAT_RUNS = (
    "docker.getConfig",
    "docker.getContainersByAppLabel",
    "docker.getContainersByAppNameMatch",
    "docker.getServiceContainersByAppName",
    "docker.getStackContainersByAppName",
)


class OnDokploy(Platform):
    """Two applications on a server; changes are the requests that it accepted as such."""

    driver_id = "generic-web"
    image = "ghcr.io/kit/promises"
    first = ReleaseIdentity(artifact_id=f"{image}@sha256:{'1' * 64}", source_git_ref="1" * 40)
    second = ReleaseIdentity(artifact_id=f"{image}@sha256:{'2' * 64}", source_git_ref="2" * 40)
    rebuild = ReleaseIdentity(artifact_id=f"{image}@sha256:{'4' * 64}", source_git_ref="2" * 40)
    changes_a_deploy = 2  # the image, and its deployment
    fates = tuple(Fate)

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
        return next((release for release in self.releases if release.artifact_id == image), None)

    @property
    def releases(self) -> tuple[ReleaseIdentity, ...]:
        return self.first, self.second, self.rebuild

    def changes(self, lane: Lane) -> int:
        return self.dokploy.changes(self.id_of(lane))

    def arrange(self, fate: Fate) -> None:
        self.dokploy.registry.images.clear()
        self.dokploy.push(f"{self.image}@sha256:{'3' * 64}", "3" * 40)  # a registry that is there, and has no other
        if fate is not Fate.FAIL:
            for release in self.releases:
                dies_after_s = DIES_AFTER_S * self.dokploy.pace if fate is Fate.DIES else None
                crashes = fate is Fate.CRASHES
                self.dokploy.push(release.artifact_id, release.source_git_ref, crashes, dies_after_s=dies_after_s)
        for lane in LANES:  # whether Docker starts again what died
            self.restarts(lane, always=fate is not Fate.DIES)
        self.dokploy.docker.overlap_s = 0
        self.dokploy.mend()
        for route in SETS_THE_IMAGE if fate is Fate.HANGS else ():
            self.dokploy.break_next(route, "drip")
        for route in WHAT_RUNS if fate is Fate.UNREADABLE else ():
            self.dokploy.break_next(route, "500", times=1000)
        self.dokploy.pause() if fate is Fate.SILENT else self.dokploy.resume()
        self.dokploy.stop_serving()
        if fate is not Fate.UNREACHABLE:
            self.dokploy.start_serving()

    def change_behind_the_gate(self, lane: Lane, release: ReleaseIdentity) -> None:
        self.dokploy.act(self.id_of(lane), release.artifact_id)
        self.dokploy.wait(self.dokploy.idle)

    def take_down(self, lane: Lane) -> None:
        self.dokploy.kill_lane(self.id_of(lane))

    def restarts(self, lane: Lane, *, always: bool) -> None:
        row = self.dokploy.targets[self.id_of(lane)].row
        row["restartPolicySwarm"] = None if always else {"Condition": "none"}

    def side_by_side(self, lane: Lane, release: ReleaseIdentity) -> None:
        self.dokploy.docker.overlap_s = 1e9
        self.change_behind_the_gate(lane, release)
        self.dokploy.wait(lambda: len(self.dokploy.targets[self.id_of(lane)].containers()) > 1)

    def restart(self, lane: Lane) -> None:
        self.dokploy.redeploy_by_hand(self.id_of(lane))
        self.dokploy.wait(self.dokploy.idle)

    def settings(self, lane: Lane) -> object:
        row = self.dokploy.targets[self.id_of(lane)].row
        return {name: row[name] for name in ("env", "username", "password", "registryUrl", "replicas", "command")}

    def change_settings(self, lane: Lane) -> None:
        with self.dokploy.changed:
            self.dokploy.targets[self.id_of(lane)].row["password"] = "changed-by-a-colleague"

    def clashing_targets(self) -> Mapping[Lane, Mapping[str, Any]]:
        return dict.fromkeys(LANES, self.targets[LANES[0]])


class InComposeFiles(OnDokploy):
    """Two compose files, each with a variable for the image of one of its services."""

    variable = "IMAGE"

    def target(self, lane: Lane) -> Mapping[str, Any]:
        file = f"services:\n  web:\n    image: ${{{self.variable}}}\n  db:\n    image: postgres:16\n"
        id_ = self.dokploy.add_compose(lane.instance, file, f"PASSWORD={PASSWORD}\n")
        return {"target_type": "compose", "target_id": id_, "variable": self.variable}

    def arrange(self, fate: Fate) -> None:
        super().arrange(fate)
        with self.dokploy.changed:  # or Compose would start what died again, as it was
            left = [one for one in self.dokploy.docker.containers if one.state != "exited"]
            self.dokploy.docker.containers[:] = left

    def restarts(self, lane: Lane, *, always: bool) -> None:
        """A compose file that says nothing of it has what died stay so."""

    def side_by_side(self, lane: Lane, release: ReleaseIdentity) -> None:
        """Somebody scaled the service by hand, with another image set meanwhile."""
        target = self.dokploy.targets[self.id_of(lane)]
        with self.dokploy.changed:
            plan = target.plan()
            assert plan
            [web] = [service for service in plan.services if service.name == target.front]
            target.machine.add(target.app_name, web.name, replace(web, image=release.artifact_id))

    def restart(self, lane: Lane) -> None:
        with self.dokploy.changed:
            for container in self.dokploy.targets[self.id_of(lane)].containers():
                container.stop()
                container.start()

    def settings(self, lane: Lane) -> object:
        row = self.dokploy.targets[self.id_of(lane)].row
        lines = [line for line in row["env"].splitlines() if not line.startswith(f"{self.variable}=")]
        return lines, row["composeFile"], row["command"], row["createEnvFile"]

    def change_settings(self, lane: Lane) -> None:
        with self.dokploy.changed:
            row = self.dokploy.targets[self.id_of(lane)].row
            row["env"] = f"{row['env'].rstrip()}\nCOLLEAGUE=was-here\n"

    def change_behind_the_gate(self, lane: Lane, release: ReleaseIdentity) -> None:
        target = self.dokploy.targets[self.id_of(lane)]
        target.row["env"] = f"PASSWORD={PASSWORD}\n{self.variable}={release.artifact_id}\n"
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
