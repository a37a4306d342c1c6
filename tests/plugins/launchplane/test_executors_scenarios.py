"""What the host's executors must not bring about once they run behind the gate, by number."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from launchplane_gate.ledger import tables
from launchplane_gate.model import Lane, ReleaseIdentity, Run
from launchplane_gate.policy import Bundle, EmbeddedEngine
from launchplane_gate_launchplane import calls
from launchplane_gate_launchplane.executors import EXECUTORS, HostDeploy
from tests.conftest import ACTOR, PROD, PRODUCT, TESTING, A, B, C, deploy, promote
from tests.fakes.dokploy import FakeDokploy
from tests.forks import in_a_child
from tests.line.test_order import codes, records_of, why
from tests.line.test_settling_runs import resume
from tests.line.worlds import HOUR_S
from tests.plugins.generic_web.conftest import bundle_in
from tests.plugins.generic_web.dokploy_site import LANES, Site, site_on
from tests.plugins.generic_web.test_generic_web import inventory
from tests.plugins.launchplane.executing import HostOnDokploy, host_on, lanes_of
from tests.plugins.launchplane.hosts import Host

pytestmark = pytest.mark.thorough  # whole deploys of the host on the fake Dokploy

PATIENCE_S = 1  # what a caller gives a deploy that is not to end


@dataclass
class Embedded:
    """A gate inside a host. ``acts``: what deployed in each call."""

    site: Site
    stage: HostOnDokploy
    acts: list[HostDeploy] = field(default_factory=list)

    @property
    def fake(self) -> FakeDokploy:
        return self.site.dokploy

    def deploy(self, release: ReleaseIdentity, to: Lane = TESTING, **asked: Any) -> Run:
        self.acts.append(self.stage.executors.act_of(self.stage.deploying(PRODUCT, to.instance, release, **asked)))
        return self._run(deploy(release, to.instance))

    def promote(self, release: ReleaseIdentity, meanwhile: Callable[[], None] = lambda: None, **asked: Any) -> Run:
        """``meanwhile``: what happens once the executor has begun."""
        call = self.stage.promoting(PRODUCT, release, **{"health_timeout_seconds": 1} | asked)
        execute = call.execute

        def begun(store: Any) -> Any:
            meanwhile()
            return execute(store)

        call.execute = begun
        self.acts.append(self.stage.executors.act_of(call))
        return self._run(promote(release))

    def _run(self, request: Any) -> Run:
        self.site.told.clear()
        return self.site.gate.run(request, ACTOR, self.site.told.append, act=self.acts[-1])

    def target(self, lane: Lane) -> str:
        return self.site.targets[lane]

    def record(self, run: Run) -> Any:
        return self.site.gate.store.read_deployment_record(str(run.deployment_record_id))


Policies = tuple[Bundle, EmbeddedEngine]


@pytest.fixture(scope="session")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Policies:
    bundle = bundle_in(tmp_path_factory.mktemp("policies-of-the-host"), settle_s=0)
    return bundle, EmbeddedEngine(bundle)


@pytest.fixture
def make(
    host: Host,
    file_store: Any,
    tmp_path: Path,
    policies: Policies,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Embedded]:
    with FakeDokploy() as fake, site_on(fake, tmp_path / "gate", *policies) as site:
        lanes = lanes_of(PRODUCT, {lane: fake.health_url(site.targets[lane]) for lane in LANES})
        file_store.write_product_profile_record(host.profile(lanes=lanes))
        with host_on(host, fake, tmp_path, file_store, monkeypatch) as stage:
            stage.drivers.update(site.gate.plugins.drivers)
            for lane, id_ in site.targets.items():
                stage.define(lane, id_)
            yield Embedded(site, stage)
        assert not fake.violations


@pytest.fixture
def on_a(make: Embedded) -> Embedded:
    """Both lanes run A, deployed and promoted by the host's executors."""
    assert [make.deploy(A).status, make.promote(A).status] == ["recorded"] * 2
    return make


def test_the_hosts_executors_run_unchanged_and_what_they_record_is_ours(on_a: Embedded) -> None:
    """A deploy and a promotion: two changes each, titles of ours, our records, and none of the host's."""
    assert on_a.site.writes() == ["application.saveDockerProvider", "application.deploy"] * 2
    assert [on_a.fake.running(on_a.target(lane)) for lane in LANES] == [A.artifact_id] * 2
    assert [
        act.result.model_dump()[name]
        for act, name in zip(on_a.acts, ("deploy_status", "promotion_status"), strict=True)
    ] == ["pass"] * 2
    assert on_a.acts[-1].kept.last("environment_inventory").source_git_ref == A.source_git_ref
    for kind in ("deployment_records", "promotion_records", "environment_inventory"):
        assert getattr(on_a.stage.store, f"list_{kind}")() == ()
    [testing, prod] = [records_of(on_a.site.gate, lane)[-1] for lane in LANES]
    rows = {
        row["title"]: row["deploymentId"] for lane in LANES for row in on_a.fake.targets[on_a.target(lane)].deployments
    }
    assert {testing.deploy.deployment_id, prod.deploy.deployment_id} == set(rows.values())
    assert all(title.startswith("launchplane-gate r-") for title in rows)


def test_each_call_that_deploys_has_its_executor() -> None:
    assert EXECUTORS.keys() == calls.DEPLOYS | calls.PROMOTES


def test_a_host_that_says_it_deployed_and_asked_for_nothing_is_not_believed(on_a: Embedded) -> None:
    """An executor that goes to its provider by another way than the door, or does nothing at all."""
    for said, status, touched in (("pass", "unknown", True), ("fail", "fail", False), (None, "fail", False)):
        call = on_a.stage.deploying(PRODUCT, "testing", B)
        call.execute = lambda _, said=said: SimpleNamespace(deploy_status=said) if said else None
        run = on_a.site.gate.run(deploy(B), ACTOR, act=on_a.stage.executors.act_of(call))
        assert (run.status, run.touched) == (status, touched), run.detail


def test_an_executor_that_raises_before_its_first_change_has_changed_nothing(on_a: Embedded) -> None:
    call = on_a.stage.deploying(PRODUCT, "testing", B)

    def broken(_: object) -> None:
        raise ValueError("no such profile")

    call.execute = broken
    run = on_a.site.gate.run(deploy(B), ACTOR, act=on_a.stage.executors.act_of(call))
    assert (run.status, run.touched) == ("fail", False) and "ValueError: no such profile" in run.detail
    assert why(on_a.site.gate, TESTING) == ""


def no_target(embedded: Embedded, patching: pytest.MonkeyPatch) -> None:
    embedded.stage.definitions.pop(TESTING)


def no_secret(embedded: Embedded, patching: pytest.MonkeyPatch) -> None:
    def missing(**_: object) -> Any:
        raise click.ClickException("DOKPLOY_TOKEN is missing")

    patching.setattr(embedded.stage.dokploy, "read_dokploy_config", missing)


def no_image(embedded: Embedded, patching: pytest.MonkeyPatch) -> None:
    embedded.fake.registry.images.pop(B.artifact_id)


def refused(embedded: Embedded, patching: pytest.MonkeyPatch) -> None:
    embedded.fake.break_next("application.saveDockerProvider", "401")


def failing(embedded: Embedded, patching: pytest.MonkeyPatch) -> None:
    embedded.fake.break_next("application.deploy", "500")


def never_ending(embedded: Embedded, patching: pytest.MonkeyPatch) -> None:
    embedded.fake.pause(pause_running=True)


def cancelled(embedded: Embedded, patching: pytest.MonkeyPatch) -> None:
    fake = embedded.fake
    fake.pause(pause_running=True)
    restart = lambda: fake.between("deployment.all", fake.restart)  # noqa: E731  # once the executor waits
    fake.between("application.deploy", lambda: fake.between("deployment.all", restart), after=True)


@pytest.mark.parametrize(
    ("mishap", "status", "touched"),
    [
        (no_target, "fail", False),
        (no_secret, "fail", False),
        (no_image, "fail", True),
        (refused, "unknown", True),
        (failing, "unknown", True),
        (never_ending, "unknown", True),
        (cancelled, "unknown", True),
    ],
)
def test_s2_a_deploy_that_does_not_pass_leaves_the_inventory_byte_for_byte(
    on_a: Embedded,
    mishap: Callable[[Embedded, pytest.MonkeyPatch], None],
    status: str,
    touched: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """S2: whatever keeps a deploy from passing, it is on record, and the inventory is what it was."""
    before = inventory(on_a.site, TESTING)
    mishap(on_a, monkeypatch)
    run = on_a.deploy(B, timeout_seconds=PATIENCE_S)
    assert (run.status, run.touched) == (status, touched), run.detail
    assert inventory(on_a.site, TESTING) == before and run.detail
    assert on_a.record(run).deploy.status == ("fail" if status == "fail" else "pending")
    assert bool(why(on_a.site.gate, TESTING)) is touched


def test_s3_done_without_health_is_no_pass(on_a: Embedded) -> None:
    """S3: Dokploy says done and health never turns good: the record says so, and the lane is unsettled."""
    before = inventory(on_a.site, TESTING)
    on_a.fake.break_next(f"/live/{on_a.target(TESTING)}/health", "503", times=1000)
    run = on_a.deploy(B)
    assert (run.status, on_a.acts[-1].result.deploy_status) == ("unconfirmed", "pass")
    health = on_a.record(run).destination_health
    assert (health.verified, health.status) == (True, "fail")
    assert inventory(on_a.site, TESTING) == before and "unconfirmed" in why(on_a.site.gate, TESTING)


def test_s22_a_promotion_whose_health_fails_unsettles_prod_until_one_passes(on_a: Embedded) -> None:
    """S22: Docker runs B, the inventory says A: the lane says so, until a promotion that passes settles it."""
    assert on_a.deploy(B).status == "recorded"
    before = inventory(on_a.site, PROD)
    on_a.fake.break_next(f"/live/{on_a.target(PROD)}/health", "503", times=1000)
    run = on_a.promote(B)
    assert (run.status, on_a.acts[-1].result.promotion_status) == ("unknown", "fail"), run.detail
    promotion = on_a.site.gate.store.read_promotion_record(str(run.promotion_record_id))
    assert promotion.deploy.status != "pass" and "ealth" in run.detail
    assert inventory(on_a.site, PROD) == before and "unknown" in why(on_a.site.gate, PROD)
    on_a.fake.mend()
    assert on_a.promote(B).status == "recorded" and why(on_a.site.gate, PROD) == ""


def test_s23_a_promotion_answered_by_the_old_container_is_not_recorded(on_a: Embedded) -> None:
    """S23: the host is content with any answer of prod; the gate wants that of the promoted commit."""
    assert on_a.deploy(B).status == "recorded"
    before, on_a.fake.takeover_s = inventory(on_a.site, PROD), math.inf
    run = on_a.promote(B)
    assert (run.status, on_a.acts[-1].result.promotion_status) == ("unconfirmed", "pass")
    assert on_a.fake.running(on_a.target(PROD)) == A.artifact_id
    assert inventory(on_a.site, PROD) == before and why(on_a.site.gate, PROD)


@pytest.mark.parametrize("at", ["application.saveDockerProvider", "application.deploy", "deployment.all"])
def test_s25_a_connection_that_breaks_after_it_acted_ends_unknown(on_a: Embedded, at: str) -> None:
    """S25: the host raises what nobody of it catches; the gate ends the run, with a record and an unsettled lane."""
    before = inventory(on_a.site, TESTING)
    broken = lambda: on_a.fake.break_next("deployment.all", "drop_after", times=1000)  # noqa: E731
    on_a.fake.between("application.deploy", broken) if at == "deployment.all" else on_a.fake.break_next(
        at, "drop_after"
    )
    run = on_a.deploy(B)
    assert (run.status, run.touched) == ("unknown", True)
    assert at in run.detail and on_a.record(run).deploy.status == "pending"
    assert inventory(on_a.site, TESTING) == before and why(on_a.site.gate, TESTING)


def test_s26_a_run_killed_while_the_host_waits_is_found_by_its_title(on_a: Embedded) -> None:
    """S26: the process dies between trigger and end; the driver, in another one, finds what became of it."""
    fake = on_a.fake
    fake.pause(pause_running=True)

    def killed() -> None:
        told = on_a.site.told

        class Deadly(list[str]):
            def append(self, line: str) -> None:
                if line.startswith("Dokploy's deployment"):
                    os.kill(os.getpid(), signal.SIGKILL)
                told.append(line)

        on_a.site.told = Deadly()
        on_a.deploy(B)

    with pytest.raises(TimeoutError):
        in_a_child(killed, within_s=30)
    fake.resume()
    fake.wait(fake.idle)
    run_id = on_a.site.gate.ledger.runs()[0]
    with on_a.site.gate.ledger.database.write() as connection:  # its lease is over
        connection.execute(tables.lanes.update().values(lease_until=tables.lanes.c.lease_until - HOUR_S))
    resumed = on_a.site.gate.run(resume(str(run_id)), ACTOR)
    assert (resumed.status, on_a.fake.running(on_a.target(TESTING))) == ("recorded", B.artifact_id), resumed.detail


def test_s27_the_newest_deployment_of_somebody_else_is_not_taken_for_ours(on_a: Embedded) -> None:
    """S27: another deployment ends well while ours still waits: the host sees ours alone, and waits too."""
    fake, target = on_a.fake, on_a.fake.targets[on_a.target(TESTING)]

    def somebody() -> None:
        target.end_deployment(target.start_deployment("Rebuild deployment", ""), "done")

    fake.pause()
    fake.between("application.deploy", somebody, after=True)
    run = on_a.deploy(B, timeout_seconds=PATIENCE_S)
    assert (run.status, on_a.acts[-1].result.deploy_status) == ("unknown", "fail")
    assert fake.running(target.target_id) == A.artifact_id


def test_s27_a_deployment_without_a_status_is_no_success(on_a: Embedded) -> None:
    """S27: what the host would take for success is not shown to it before it has a status."""
    fake, target = on_a.fake, on_a.fake.targets[on_a.target(TESTING)]

    def without() -> None:
        target.deployments[-1]["status"] = None
        fake.between("deployment.all", fake.resume)

    fake.pause(pause_running=True)
    waits = lambda: fake.between("deployment.all", lambda: fake.between("deployment.all", without))  # noqa: E731
    fake.between("application.deploy", waits, after=True)
    run = on_a.deploy(B)
    assert run.status == "recorded", run.detail
    assert "Dokploy's deployment: of no status yet" in on_a.site.told


def test_s28_a_source_that_changes_before_the_first_change_makes_a_promotion_stale(on_a: Embedded) -> None:
    """S28: the host has begun to promote, and then testing is another: nothing of prod is changed."""
    assert on_a.deploy(B).status == "recorded"
    store, before = on_a.site.gate.store, on_a.fake.changes(on_a.target(PROD))
    newest = records_of(on_a.site.gate, TESTING)[-1]

    def meanwhile() -> None:
        store.write_deployment_record(newest.model_copy(update={"no_cache": not newest.no_cache}))

    run = on_a.promote(B, meanwhile=meanwhile)
    assert (run.status, on_a.fake.changes(on_a.target(PROD)) - before) == ("stale", 0), run.detail
    assert on_a.acts[-1].raised is None  # it was the gate that ended it


def test_s28_testing_may_change_once_prod_is_triggered(on_a: Embedded) -> None:
    """S28: B was what testing ran when it was let go; what testing gets after that is no fault of the promotion."""
    assert on_a.deploy(B).status == "recorded"
    ran: list[Run] = []

    class Then(list[str]):
        def append(self, line: str) -> None:
            if line.startswith("Dokploy's deployment") and not ran:
                act = on_a.stage.executors.act_of(on_a.stage.deploying(PRODUCT, "testing", C))
                ran.append(on_a.site.gate.run(deploy(C), ACTOR, act=act))

    on_a.site.told = Then()
    run = on_a.promote(B)
    assert [run.status, *(one.status for one in ran)] == ["recorded"] * 2
    assert [on_a.fake.running(on_a.target(lane)) for lane in LANES] == [C.artifact_id, B.artifact_id]


def test_s31_deploys_of_one_second_have_records_of_their_own(on_a: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """S31: the host names both alike; each run has its own record, and neither is overwritten."""
    for name in ("generic_web_deploy", "generic_web_promotion"):
        workflow = on_a.stage.host.module(f"workflows.{name}")
        monkeypatch.setattr(workflow, "utc_now_timestamp", lambda: "2026-11-23T06:57:01Z")
    deploying = on_a.stage.host.module("workflows.generic_web_deploy")
    monkeypatch.setattr(deploying, "generate_deployment_record_id", lambda **_: "deployment-of-this-second")
    runs = [on_a.deploy(B), on_a.deploy(C)]
    assert {act.result.deployment_record_id for act in on_a.acts[-2:]} == {"deployment-of-this-second"}
    assert len({run.deployment_record_id for run in runs}) == len(runs)
    named = [on_a.record(run).artifact_identity.artifact_id for run in runs]
    assert named == [B.artifact_id, C.artifact_id]


def test_s63_a_timeout_beyond_the_run_is_capped_and_that_is_said(on_a: Embedded) -> None:
    """S63: a caller who would wait for days waits as long as the run has."""
    on_a.site.driver.deploy_timeout_s = PATIENCE_S
    on_a.fake.pause()
    run = on_a.deploy(B, timeout_seconds=10**6)
    assert run.status == "unknown" and "whatever time the caller gave it" in run.detail


def test_s64_a_promotion_that_failed_after_redeem_is_a_record_that_says_so(on_a: Embedded) -> None:
    """S64: what was begun and failed is a promotion record with a failed deploy."""
    assert on_a.deploy(B).status == "recorded"
    on_a.fake.registry.images.pop(B.artifact_id)
    run = on_a.promote(B)
    assert (run.status, run.touched) == ("fail", True), run.detail
    assert on_a.site.gate.store.read_promotion_record(str(run.promotion_record_id)).deploy.status == "fail"


def test_s66_a_rebuild_that_never_comes_up_is_not_recorded(on_a: Embedded) -> None:
    """S66: another artifact of the commit that runs, which the old container answers for."""
    rebuild = ReleaseIdentity(artifact_id=C.artifact_id, source_git_ref=A.source_git_ref)
    on_a.fake.push(rebuild.artifact_id, rebuild.source_git_ref, crashes=True)
    before = inventory(on_a.site, TESTING)
    run = on_a.deploy(rebuild)
    assert on_a.acts[-1].result.deploy_status == "pass"
    assert run.status != "recorded" and not codes(run) and inventory(on_a.site, TESTING) == before
