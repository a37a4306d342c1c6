"""What a gate in front of production must do, by number, where Dokploy is what could fool it."""

from __future__ import annotations

import math
import os
import signal

import pytest

from launchplane_gate.model import Lane
from launchplane_gate.records import DeploymentRecord
from launchplane_gate.runs import read_run
from tests.conftest import ACTOR, PROD, TESTING, A, B, deploy, promote
from tests.forks import in_a_child
from tests.line.test_order import codes, records_of, why
from tests.line.test_settling_runs import resume
from tests.plugins.generic_web.dokploy_site import Site
from tests.plugins.generic_web.test_generic_web import (
    MakeSite,
    begin,
    dokploy,
    inventory,
    make_site,
    running_a,
    site,
    tables,
)

pytestmark = pytest.mark.thorough  # as test_generic_web

__all__ = ["dokploy", "make_site", "running_a", "site"]


def newest(site: Site, lane: Lane) -> DeploymentRecord:
    return records_of(site.gate, lane)[-1]


@pytest.mark.parametrize("docker", ["shown", "not shown"])
def test_s23_done_is_no_success_while_the_old_container_answers(
    running_a: Site, make_site: MakeSite, docker: str
) -> None:
    """S23: a promotion that Dokploy calls done passes once the new revision answers, and not if it never does."""
    fake, prod = running_a.dokploy, running_a.targets[PROD]
    assert [running_a.run(request).status for request in (promote(), deploy(B))] == ["recorded"] * 2
    rights = {"member": True, "services": list(running_a.targets.values()), "create_services": True}
    key = fake.key if docker == "shown" else fake.add_key(False, **rights)  # type: ignore[arg-type]  # as its names say
    before = inventory(running_a, PROD)
    fake.takeover_s = math.inf
    with make_site(targets=tables(running_a), key=key, deploy_timeout_s=0.3) as site:
        run = site.run(promote())
        assert run.status == ("unknown" if docker == "shown" else "unconfirmed")
        assert (fake.running(prod), inventory(site, PROD)) == (A.artifact_id, before)
        assert run.promotion_record_id and why(site.gate, PROD)
        assert site.gate.store.read_promotion_record(run.promotion_record_id).deploy.status != "pass"
    fake.takeover_s = 0.15
    with make_site(targets=tables(running_a), key=key, gate={"confirm_timeout_s": 5}) as site:
        assert site.run(promote()).status == "recorded"
        assert (fake.running(prod), why(site.gate, PROD)) == (B.artifact_id, "")


@pytest.mark.parametrize("at", ["the save", "the deploy", "health"])
def test_s25_a_connection_that_breaks_after_it_acted_leaves_a_record_and_an_unverified_lane(
    running_a: Site, make_site: MakeSite, at: str
) -> None:
    """S25: whoever hangs up once something was done, the run ends, says that it is not known, and stops promotions."""
    fake, before = running_a.dokploy, inventory(running_a, TESTING)
    if at == "the save":
        fake.break_next("application.saveDockerProvider", "drop_after")
    elif at == "the deploy":
        fake.between("application.deploy", lambda: fake.break_next("deployment.all", "drop_before", times=1000))
        fake.break_next("application.deploy", "drop_after")
    else:
        fake.break_next(f"/live/{running_a.targets[TESTING]}/health", "drop_after", times=1000)
    with make_site(targets=tables(running_a), deploy_timeout_s=0.5) as site:
        run = site.run(deploy(B))
        record = newest(site, TESTING)
        assert (run.status, run.touched) == ("unconfirmed" if at == "health" else "unknown", True)
        assert record.record_id == run.deployment_record_id
        assert record.deploy.status == "pending" or record.destination_health.status == "fail"
        assert inventory(site, TESTING) == before
        fake.mend()
        assert "lane.settled" in codes(site.run(promote()))
        fake.wait(fake.idle)
        assert site.run(deploy(B)).status == "recorded"


@pytest.mark.parametrize("ends", ["recorded", "fail"])
def test_s26_what_a_killed_process_had_begun_is_looked_up_by_its_title(
    running_a: Site, make_site: MakeSite, ends: str
) -> None:
    """S26: a kill while Dokploy works leaves a run with its lane and artifact, closed by what Dokploy says of it."""
    fake = running_a.dokploy
    short = {"lease_s": 3, "write_s": 1, "lane_wait_s": 20}
    with make_site(targets=tables(running_a), gate=short) as site:
        fake.pause()

        def killed() -> None:
            def progress(line: str) -> None:
                if line.startswith("waiting"):
                    os.kill(os.getpid(), signal.SIGKILL)

            site.gate.run(deploy(B), ACTOR, progress)

        with pytest.raises(TimeoutError):
            in_a_child(killed, within_s=30)
        [run_id] = site.gate.ledger.runs(limit=1)
        left = read_run(site.gate.ledger, run_id)
        assert (left.status, left.destination, left.release, left.touched) == ("interrupted", TESTING, B, True)
        record = newest(site, TESTING)
        assert (record.record_id, record.deploy.status) == (left.deployment_record_id, "pending")
        if ends == "fail":
            fake.registry.images.pop(B.artifact_id)
        fake.resume()
        fake.wait(fake.idle)
        fake.skip(30)  # Docker updates it for a while
        writes = site.writes()
        run = site.run(resume(run_id))
        assert (run.status, run.of_run, site.writes()) == (ends, run_id, writes)
        assert writes[-1] == "application.deploy" and bool(why(site.gate, TESTING)) == (ends == "fail")
        assert site.gate.store.read_deployment_record(record.record_id).deploy.status == (
            "pass" if ends == "recorded" else "fail"
        )


def test_s27_a_deployment_without_a_status_is_no_success(running_a: Site, make_site: MakeSite) -> None:
    """S27: of our own deployment, too, nothing is taken for granted that Dokploy does not say."""
    fake, before = running_a.dokploy, inventory(running_a, TESTING)
    fake.pause(pause_running=True)
    with make_site(targets=tables(running_a), deploy_timeout_s=0.5) as site:
        begun = begin(lambda: site.run(deploy(B)))
        fake.wait(lambda: fake.queue.active)
        with fake.changed:
            job, fake.queue.active = fake.queue.active, None  # gone from the queue, and its row says nothing
            assert job and job.deployment
            job.deployment["status"] = None
        run = begun.result(20)
        assert (run.status, run.touched, inventory(site, TESTING)) == ("unknown", True, before)
        assert newest(site, TESTING).deploy.status == "pending"
    fake.resume()
