"""The host's executor, behind the door, keeps every promise of a driver."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.hookspecs import Driver, PluginConfig, hookimpl
from launchplane_gate.testing import LANES, DriverPromises, Platform
from launchplane_gate.testing.platform import PRODUCT
from launchplane_gate_generic_web import GenericWebPlugin
from launchplane_gate_launchplane.asked import IMAGE_VARIABLE
from tests.fakes.dokploy import FakeDokploy
from tests.plugins.generic_web.test_generic_web_conformance import InComposeFiles, OnDokploy
from tests.plugins.launchplane.executing import Executing, HostOnDokploy, host_on, lanes_of
from tests.plugins.launchplane.hosts import Host

pytestmark = pytest.mark.thorough  # each asks for whole deploys on the fake Dokploy


class Plugin:
    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    @hookimpl
    def gate_drivers(self) -> list[Driver]:
        return [self.driver]


class ThroughTheHost(OnDokploy):
    """Deploys are the host's own."""

    stage: HostOnDokploy

    def on(self, stage: HostOnDokploy) -> Platform:
        self.stage = stage
        for lane in LANES:
            stage.define(lane, self.id_of(lane), str(self.targets[lane]["target_type"]))
        return self

    def plugin(self, config: PluginConfig) -> object:
        plain = GenericWebPlugin(config)
        self.stage.drivers[plain.driver.driver_id] = plain.driver
        return Plugin(
            Executing(
                plain.driver,
                lambda approval: self.stage.executors.act_of(
                    self.stage.deploying(PRODUCT, approval.lane.instance, approval.release)
                ),
            )
        )


class InItsComposeFiles(ThroughTheHost, InComposeFiles):
    """The same, where the host's variable carries the image."""

    variable = IMAGE_VARIABLE


@pytest.fixture
def dokploy() -> Iterator[FakeDokploy]:
    with FakeDokploy() as server:
        yield server
        assert not server.violations


@pytest.fixture
def stage(
    host: Host, dokploy: FakeDokploy, file_store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HostOnDokploy]:
    lanes = lanes_of(PRODUCT, {lane: f"http://{lane.instance}.invalid/health" for lane in LANES})
    file_store.write_product_profile_record(host.profile(product=PRODUCT, lanes=lanes))
    with host_on(host, dokploy, tmp_path, file_store, monkeypatch) as stage:
        yield stage


class TestApplications(DriverPromises):
    @pytest.fixture
    def platform(self, dokploy: FakeDokploy, stage: HostOnDokploy) -> Platform:
        return ThroughTheHost(dokploy).on(stage)


@pytest.mark.launchplane  # the time of CI: generic-web's own compose files are tried there, and these applications
class TestComposeFiles(DriverPromises):
    @pytest.fixture
    def platform(self, dokploy: FakeDokploy, stage: HostOnDokploy) -> Platform:
        return InItsComposeFiles(dokploy).on(stage)
