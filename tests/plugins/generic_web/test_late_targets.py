"""Targets of lanes that no settings name: a plugin tells them, each time that one is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.errors import RecordUnreadable, Undecided
from launchplane_gate.hookspecs import hookimpl
from launchplane_gate.model import Lane
from launchplane_gate.plugins import Plugins
from launchplane_gate.policy import Bundle, PolicyEngine
from tests.conftest import PROD, TESTING, A, deploy
from tests.fakes.dokploy import FakeDokploy
from tests.plugins.generic_web.dokploy_site import LANES, Site, application, site_on

Tables = dict[Lane, dict[str, Any]]


class Naming:
    """A plugin that names targets, while it can read them."""

    def __init__(self) -> None:
        self.tables: Tables = {}
        self.fails: Exception | None = None

    @hookimpl
    def gate_targets(self) -> Mapping[Lane, Mapping[str, Any]]:
        if self.fails:
            raise self.fails
        return self.tables


@pytest.fixture
def naming() -> Naming:
    return Naming()


@pytest.fixture
def dokploy() -> Iterator[FakeDokploy]:
    with FakeDokploy() as server:
        yield server


@pytest.fixture
def tables(dokploy: FakeDokploy) -> Tables:
    return {lane: {"target_type": "application", "target_id": application(dokploy, lane)} for lane in LANES}


@pytest.fixture
def site(  # noqa: PLR0917  # fixtures
    dokploy: FakeDokploy, tmp_path: Path, bundle: Bundle, engine: PolicyEngine, naming: Naming, tables: Tables
) -> Iterator[Site]:
    plugins = Plugins({"host": naming})
    with site_on(dokploy, tmp_path, bundle, engine, targets=tables, named=plugins.targets) as site:
        yield site


def test_a_lane_is_deployed_to_once_a_plugin_names_its_target(site: Site, naming: Naming, tables: Tables) -> None:
    run = site.run(deploy(A))
    assert (run.status, run.touched) == ("fail", False) and f"there is no target for {TESTING}" in run.detail
    assert not site.driver.observe(TESTING).reachable
    naming.tables = tables  # as for a product that was made since
    assert site.run(deploy(A)).status == "recorded"
    assert site.driver.observe(TESTING).artifact_id == A.artifact_id
    assert site.driver.obstacle(TESTING, A) == ""


def test_two_lanes_on_one_target_are_refused_when_one_is_wanted(site: Site, naming: Naming, tables: Tables) -> None:
    naming.tables = dict.fromkeys(LANES, tables[TESTING])
    run = site.run(deploy(A))
    assert (run.status, run.touched) == ("fail", False)
    assert "are on one target" in run.detail and "Give each lane a target of its own" in run.detail
    assert site.writes() == []


def test_a_table_of_another_lane_that_is_wrong_keeps_none_from_being_deployed_to(
    site: Site, naming: Naming, tables: Tables
) -> None:
    naming.tables = tables | {PROD: {"target_type": "stack", "target_id": 7}}
    assert site.run(deploy(A)).status == "recorded"
    assert "target_type" in site.driver.obstacle(PROD, A)


@pytest.mark.parametrize("fails", [Undecided("no answer"), RecordUnreadable("it is torn"), OSError("secret")])
def test_a_target_that_cannot_be_told_now_stops_the_deploy_and_nothing_else(
    site: Site, naming: Naming, tables: Tables, fails: Exception
) -> None:
    naming.tables, naming.fails = tables, fails
    run = site.run(deploy(A))
    assert (run.status, run.touched) == ("fail", False) and "cannot be told now" in run.detail
    assert "secret" not in run.detail
    seen = site.driver.observe(TESTING)
    assert (seen.reachable, seen.digests) == (False, "failed")  # it is not what nobody may see
    naming.fails = None
    assert site.run(deploy(A)).status == "recorded"


def test_two_plugins_that_name_one_lane_are_no_answer(naming: Naming, tables: Tables) -> None:
    other = Naming()
    naming.tables, other.tables = tables, {PROD: tables[PROD]}
    with pytest.raises(Undecided, match=f"name a target of {PROD}"):
        Plugins({"one": naming, "other": other}).targets()
