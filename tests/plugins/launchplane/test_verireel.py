"""VeriReel's products behind the gate: deploys by the host's executors, and looks as at any image on Dokploy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from launchplane_gate.errors import SettingsError
from launchplane_gate.model import ReleaseIdentity, Request, Run
from launchplane_gate.plugins import Plugins
from launchplane_gate.records import PostDeployUpdate
from launchplane_gate.store import FileStore
from launchplane_gate_generic_web import GenericWebOptions
from launchplane_gate_launchplane import LaunchplanePlugin
from launchplane_gate_launchplane.executors import HostDeploy
from launchplane_gate_launchplane.permit import NotPermitted
from launchplane_gate_launchplane.verireel import VeriReelDriver
from tests.conftest import ACTOR, PROD, PRODUCT, TESTING, A, B, deploy, promote
from tests.fakes.dokploy import FakeDokploy
from tests.fakes.health_server import HealthServer
from tests.line.test_order import codes, records_of, why
from tests.plugins.generic_web.dokploy_site import OPTIONS, Site, plugin_config, site_on
from tests.plugins.generic_web.test_generic_web import inventory, tables
from tests.plugins.launchplane import pages
from tests.plugins.launchplane.executing import HostOnDokploy, host_on
from tests.plugins.launchplane.hosts import Host
from tests.plugins.launchplane.test_door import AnApproval, Stage, stage
from tests.plugins.launchplane.test_executors_scenarios import Policies, policies

pytestmark = pytest.mark.thorough  # whole deploys of the host on the fake Dokploy

__all__ = ["policies", "stage"]

MIGRATING = frozenset({"schedule.create", "schedule.update", "schedule.runManually"})


class VeriReel:
    """The product on two lanes, and the pages that the host asks of each."""

    def __init__(self, site: Site, stage: HostOnDokploy, web: HealthServer) -> None:
        self.site, self.stage, self.web = site, stage, web
        self.acts: list[HostDeploy] = []
        for lane, id_ in site.targets.items():
            pages.answer(web, f"/{lane.instance}", self.fake, id_)
            stage.define(lane, id_)
            domains = (web.url(f"/{lane.instance}"),)
            stage.definitions[lane] = stage.definitions[lane].model_copy(update={"domains": domains})

    @property
    def fake(self) -> FakeDokploy:
        return self.site.dokploy

    def deploy(self, release: ReleaseIdentity) -> Run:
        asked = {"context": PRODUCT, "instance": "testing", "rollout_timeout_seconds": 1, **release.model_dump()}
        run = self._run("stable_deploy", asked, deploy(release))
        if run.status == "recorded":
            self._pass_tests(str(run.deployment_record_id))
        return run

    def _pass_tests(self, record_id: str) -> None:
        """As the host's route for it says of the deployment that they are of."""
        store = self.site.gate.store
        passed = PostDeployUpdate(attempted=True, status="pass", detail="tests passed")
        record = store.read_deployment_record(record_id).model_copy(update={"post_deploy_update": passed})
        store.write_deployment_record(record)

    def promote(self, release: ReleaseIdentity, **asked: Any) -> Run:
        wanted: dict[str, Any] = {
            "context": PRODUCT,
            **release.model_dump(),
            "backup_record_id": "backup-gate-1",
            "promotion_record_id": "promotion-by-the-caller",
            "rollout_timeout_seconds": 1,
        }
        return self._run("prod_promotion", wanted | asked, promote(release))

    def _run(self, kind: str, asked: dict[str, Any], request: Request) -> Run:
        self.acts.append(self.stage.executors.act_of(self.stage.verireel(kind, asked)))
        return self.site.gate.run(request, ACTOR, act=self.acts[-1])


@pytest.fixture
def verireel(
    host: Host, file_store: Any, tmp_path: Path, policies: Policies, monkeypatch: pytest.MonkeyPatch
) -> Iterator[VeriReel]:
    """Both lanes run A."""
    with (
        FakeDokploy() as fake,
        HealthServer() as web,
        site_on(fake, tmp_path / "gate", *policies) as site,
        host_on(host, fake, tmp_path, file_store, monkeypatch) as stage,
    ):
        told = OPTIONS | {"url": fake.url, "api_key": SecretStr(fake.key)}
        config = plugin_config("launchplane", {}, tables(site), site.state, site.gate.ledger)
        driver = VeriReelDriver.told(config, GenericWebOptions.model_validate(told), "plugins.launchplane.dokploy")
        site.gate.plugins.drivers["verireel"] = driver
        profile = site.gate.store.read_product_profile_record(PRODUCT)
        site.gate.store = FileStore(site.state, {PRODUCT: profile.model_copy(update={"driver_id": "verireel"})})
        stage.drivers.update(site.gate.plugins.drivers)
        file_store.write_product_profile_record(host.profile(driver_id="verireel"))
        file_store.write_backup_gate_record(host.backup(required=True))
        made = VeriReel(site, stage, web)
        assert [made.deploy(A).status, made.promote(A).status] == ["recorded"] * 2
        yield made
        assert not fake.violations


def test_its_deploys_and_promotions_are_recorded_once_they_are_confirmed(verireel: VeriReel) -> None:
    site = verireel.site
    assert [verireel.deploy(B).status, verireel.promote(B).status] == ["recorded"] * 2
    for lane in (TESTING, PROD):
        assert verireel.fake.running(site.targets[lane]) == B.artifact_id
        assert f'"{B.artifact_id}"'.encode() in inventory(site, lane)
    assert verireel.stage.store.list_deployment_records() == ()
    assert verireel.stage.store.list_promotion_records() == ()


@pytest.mark.launchplane  # the stand-in migrates nothing
def test_its_migrations_are_run_once_it_is_deployed_and_are_on_record(verireel: VeriReel) -> None:
    assert [verireel.deploy(B).status, verireel.promote(B).status] == ["recorded"] * 2
    asked = [one.path.removeprefix("/api/") for one in verireel.fake.requests if one.method == "POST"]
    assert asked[-3:] == ["application.deploy", "schedule.update", "schedule.runManually"]
    update = records_of(verireel.site.gate, PROD)[-1].post_deploy_update
    assert (update.attempted, update.status) == (True, "pass")


@pytest.mark.launchplane  # the stand-in migrates nothing
def test_a_promotion_whose_migrations_fail_is_not_recorded_and_unsettles_prod(verireel: VeriReel) -> None:
    assert verireel.deploy(B).status == "recorded"
    before, verireel.fake.commands_end = inventory(verireel.site, PROD), "error"
    run = verireel.promote(B)
    assert (run.status, verireel.acts[-1].result.migration_status) == ("unknown", "fail"), run.detail
    assert inventory(verireel.site, PROD) == before and why(verireel.site.gate, PROD)
    assert records_of(verireel.site.gate, PROD)[-1].post_deploy_update.status == "fail"
    verireel.fake.commands_end = "done"
    assert verireel.promote(B).status == "recorded"


@pytest.mark.launchplane  # the stand-in asks for no revision at all
def test_s45_the_second_look_at_the_rollout_holds_the_revision_too(verireel: VeriReel) -> None:
    """S45: the host's own second look takes any revision where its caller named none; the gate's does not."""
    assert verireel.deploy(B).status == "recorded"
    fake, target = verireel.fake, verireel.fake.targets[verireel.site.targets[PROD]]

    def back_to_a() -> None:
        fake.docker.clock.catch_up()
        fake.save_image(target, A.artifact_id)
        target.carry_out(target.plan(), "deploy")

    fake.between("schedule.runManually", back_to_a)
    before, tag = inventory(verireel.site, PROD), B.artifact_id.rpartition(":")[2]
    same = pages.health_of(verireel.fake, target.target_id, tag)  # so that only the revision could tell
    verireel.web.answers[f"/{PROD.instance}/api/health"] = same
    run = verireel.promote(B)
    assert (verireel.acts[-1].result.health_status, run.status) == ("pass", "unconfirmed"), run.detail
    assert inventory(verireel.site, PROD) == before


def test_the_plugin_brings_its_driver_where_it_is_told_of_dokploy(verireel: VeriReel, tmp_path: Path) -> None:
    told = {"url": verireel.fake.url, "api_key": SecretStr(verireel.fake.key)}
    for options, drivers in (({}, set()), ({"dokploy": told}, {"verireel"})):
        config = plugin_config("launchplane", {"state_dir": "."} | options, {}, tmp_path, verireel.site.gate.ledger)
        assert set(Plugins({"launchplane": LaunchplanePlugin(config)}).drivers) == drivers
    plain = told | {"url": "http://dokploy.example.org"}
    config = plugin_config("launchplane", {"state_dir": ".", "dokploy": plain}, {}, tmp_path, verireel.site.gate.ledger)
    with pytest.raises(SettingsError, match=r"plugins\.launchplane\.dokploy\.url"):
        LaunchplanePlugin(config)


def test_without_the_host_nothing_is_deployed_and_no_promotion_is_taken_for_whole(verireel: VeriReel) -> None:
    changes = verireel.fake.changes(verireel.site.targets[TESTING])
    run = verireel.site.gate.run(deploy(B), ACTOR)
    assert (run.status, run.touched) == ("fail", False) and "ask Launchplane" in run.detail
    assert verireel.fake.changes(verireel.site.targets[TESTING]) == changes
    driver = verireel.site.gate.plugins.drivers["verireel"]
    promoted = verireel.promote(A, promotion_record_id="another")
    assert promoted.status == "unchanged"
    last = verireel.site.gate.run(promote(A), ACTOR)
    for action, found in (("deploy", "pass"), ("promote", "unknown")):
        run_id = verireel.fake.targets[verireel.site.targets[PROD]].deployments[-1]["title"].split()[1]
        told = driver.find(last.model_copy(update={"run_id": run_id, "action": action}))
        assert told.status == found, told.detail


def test_s36_its_product_is_not_deployed_by_the_route_of_another_driver(verireel: VeriReel) -> None:
    """S36: the host takes VeriReel's products by generic-web's route, past the backup gate; the gate does not."""
    changes = verireel.fake.changes(verireel.site.targets[TESTING])
    act = verireel.stage.executors.act_of(verireel.stage.deploying(PRODUCT, "testing", B))
    run = verireel.site.gate.run(deploy(B, driver="generic-web"), ACTOR, act=act)
    assert (run.status, "lane.driver_matches" in codes(run)) == ("denied", True)
    assert act.result is None and verireel.fake.changes(verireel.site.targets[TESTING]) == changes


# -- what may follow a deployment


def scheduled(stage: Stage, of: str) -> str:
    payload = {"name": "migrate", "cronExpression": "0 0 31 2 *", "command": "migrate", "scheduleType": "application"}
    made = stage.host.ask("schedule.create", payload | {"applicationId": of})
    return str(made["scheduleId"])


def test_what_follows_is_let_through_for_this_target_alone_and_once_it_is_deployed(stage: Stage) -> None:
    ours, other = scheduled(stage, stage.testing), scheduled(stage, stage.prod)
    run_ours = {"scheduleId": ours}
    with stage.permitted(after=MIGRATING), pytest.raises(NotPermitted):
        stage.host.ask("schedule.runManually", run_ours)  # not before it is deployed
    for asked in ({"scheduleId": other}, {"scheduleId": "none"}):
        stage.approval = AnApproval()
        with stage.permitted(after=MIGRATING):
            deployed_with_its_schedules_seen(stage)
            assert stage.host.ask("schedule.runManually", run_ours)["status"] == "done"
            with pytest.raises(NotPermitted, match="does not belong"):
                stage.host.ask("schedule.runManually", asked)
    assert not stage.fake.schedules[other]["deployments"]


def deployed_with_its_schedules_seen(stage: Stage) -> None:
    stage.save()
    stage.deploy()
    for lane in (stage.testing, stage.prod):
        stage.host.ask("schedule.list", query={"id": lane, "scheduleType": "application"})


def test_what_follows_has_the_time_of_the_run_and_ends_with_it(stage: Stage) -> None:
    ours = scheduled(stage, stage.testing)
    with stage.permitted(after=MIGRATING):
        deployed_with_its_schedules_seen(stage)
        given: list[float] = []

        def send(_: Any, timeout_s: float) -> None:
            given.append(timeout_s)

        def run() -> None:
            route, asked = "/api/schedule.runManually", {"scheduleId": ours}
            change = stage.host.executors.change
            change(method="POST", path=route, payload=asked, query=None, timeout_s=300, send=send)

        run()
        assert given == [pytest.approx(60, abs=5)]  # as long as the run has, beyond what one write may take
        stage.approval.left_s = 0
        with pytest.raises(NotPermitted, match="is over"):
            run()
    assert len(given) == 1
