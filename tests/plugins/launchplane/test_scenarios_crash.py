"""What a served host's prod is told to run after a mishap, by number: over HTTP, with the gate in it by each way."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from tests.plugins.launchplane.asserting import failed, for_the_real, passed, refused
from tests.plugins.launchplane.gated import Shop, release
from tests.plugins.launchplane.hosts import artifact, commit

pytestmark = pytest.mark.thorough  # a process of its own, that deploys for real to a fake Dokploy


@pytest.mark.behaviour(6)
def test_s22_what_prod_was_given_and_does_not_prove_leaves_prod_unsettled(both: Shop) -> None:
    """S22: B is out, and its health fails; the promotion says so, and only what settles prod is let through."""
    passed(both.deploy("B"))
    both.dokploy.push(artifact("B"), commit("B"), reports="broken")
    told = failed(both.promote("B"))
    both.dokploy.push(artifact("B"), commit("B"))
    assert "decision d-" in told["result"]["error_message"] and not both.lane("prod")["settled"]
    promotion = both.service.record(told["records"]["promotion_record_id"], "promotions")
    assert promotion["deploy"]["status"] == "fail" and both.runs("prod") == commit("A")
    for refusal in (both.promote("A"), both.deploy("C", "prod")):
        refused(refusal)
    passed(both.promote("B"))
    assert both.runs("prod") == commit("B") and both.lane("prod")["settled"]


@pytest.mark.launchplane  # in CI it is shown without a process
def test_s22_the_next_decision_sees_what_was_last_attempted(both: Shop) -> None:
    """S22: the marker stands in what the policies are asked."""
    passed(both.deploy("B"))
    both.dokploy.break_next(f"/live/{both.target('prod')}/health", "503", times=1000)
    failed(both.promote("B"))
    both.dokploy.mend()
    message = refused(both.promote("C"))
    seen = both.service.decision(message.partition("decision ")[2].partition(".")[0])["input"]["destination"]
    assert seen["run"]["settled"] is False and seen["run"]["last"]["source_git_ref"] == commit("B")


@pytest.mark.launchplane  # in CI it is shown without a process
def test_s23_a_promotion_that_the_old_container_answers_for_is_not_recorded(both: Shop) -> None:
    """S23: Dokploy says done before Docker has taken over, and it never does."""
    passed(both.deploy("B"))
    both.dokploy.takeover_s = 10**6
    told = failed(both.promote("B"))
    assert (both.runs("prod"), both.running("prod")) == (commit("A"), artifact("A"))
    assert "unsettled" in told["result"]["error_message"]


def test_s23_a_promotion_waits_for_the_new_container(both: Shop) -> None:
    """S23: and passes once that answers."""
    passed(both.deploy("B"))
    both.dokploy.takeover_s = 0.5
    passed(both.promote("B"))
    assert (both.runs("prod"), both.running("prod")) == (commit("B"), artifact("B"))


@contextmanager
def no_room(shop: Shop, instance: str) -> Iterator[None]:
    """The inventory of a lane cannot be written: there is a folder in its place, or its table takes nothing."""
    if not shop.service.site.url:
        place = shop.service.site.root / "state" / "inventory" / f"{shop.product}-{instance}.json"
        kept = place.rename(place.with_suffix(".kept"))
        (place / "in the way").mkdir(parents=True)
        yield
        shutil.rmtree(place)
        kept.rename(place)
        return
    engine = sa.create_engine(shop.service.site.url)
    begin, end = NO_ROOM[engine.dialect.name]
    with engine.begin() as connection:
        connection.exec_driver_sql(begin)
    yield
    with engine.begin() as connection:
        connection.exec_driver_sql(end)
    engine.dispose()


NO_ROOM = {
    "sqlite": (
        "CREATE TRIGGER no_room BEFORE UPDATE ON launchplane_inventory BEGIN SELECT RAISE(ABORT, 'no room'); END",
        "DROP TRIGGER no_room",
    ),
    "postgresql": (
        "ALTER TABLE launchplane_inventory ADD CONSTRAINT no_room CHECK (false) NOT VALID",
        "ALTER TABLE launchplane_inventory DROP CONSTRAINT no_room",
    ),
}


def test_s24_s64_an_inventory_that_cannot_be_written_is_no_promotion_that_passed(both: Shop) -> None:
    """S24: nothing is promoted past it until it is settled. S64: no record says that it passed."""
    passed(both.deploy("B"))
    with no_room(both, "prod"):
        told = failed(both.promote("B"))
    promotion = both.service.record(told["records"]["promotion_record_id"], "promotions")
    assert promotion["deploy"]["status"] != "pass" and not both.lane("prod")["settled"]
    assert both.runs("prod") == commit("A") and both.running("prod") == artifact("B")
    passed(both.promote("B"))
    assert both.runs("prod") == commit("B") and both.lane("prod")["settled"]


@pytest.mark.behaviour(10)
@pytest.mark.parametrize(
    "at", ["application.deploy", *for_the_real("application.saveDockerProvider", "deployment.all")]
)
def test_s25_an_answer_that_is_lost_after_the_work_is_no_500(shop: Shop, at: str) -> None:
    """S25: there is a record, and the lane says what may run there."""
    passed(shop.deploy("A"))
    if at == "deployment.all":  # once the executor waits
        shop.dokploy.between("application.deploy", lambda: shop.dokploy.break_next(at, "drop_after", times=1000))
    else:
        shop.dokploy.break_next(at, "drop_after")
    answer = shop.deploy("B", timeout_seconds=4)
    shop.dokploy.mend()
    told = answer.json()
    assert answer.status_code == 202 and told["records"]["deployment_record_id"]
    status = told["result"]["deploy_status"]
    assert status == "fail" or shop.running() == artifact("B")
    assert shop.lane()["settled"] == (status == "pass")
    passed(shop.deploy("C"))
    assert shop.lane()["settled"]


@pytest.mark.launchplane  # in CI it is shown without a process
def test_s27_the_newest_deployment_of_somebody_else_is_not_taken_for_ours(shop: Shop) -> None:
    """S27: another ends well while ours still waits."""
    passed(shop.deploy("A"))
    dokploy, target = shop.dokploy, shop.dokploy.targets[shop.target()]

    def somebody() -> None:
        target.end_deployment(target.start_deployment("Rebuild deployment", ""), "done")

    dokploy.pause()
    dokploy.between("application.deploy", somebody, after=True)
    failed(shop.deploy("B", timeout_seconds=3))
    assert shop.running() == artifact("A") and shop.runs() == commit("A")


def test_s64_a_promotion_that_failed_is_shown_as_that(both: Shop) -> None:
    """S64: its record says so, in what the host shows of its recent operations too."""
    passed(both.deploy("B"))
    both.dokploy.break_next("application.deploy", "500")
    told = failed(both.promote("B"))
    recent = both.service.client.get(f"/v1/contexts/{both.product}/operations/recent").json()["recent_promotions"]
    [shown] = [one for one in recent if one["record_id"] == told["records"]["promotion_record_id"]]
    assert shown["deploy"]["status"] in ("fail", "pending") and both.runs("prod") == commit("A")


@pytest.mark.launchplane  # in CI it is shown without a process
def test_s66_a_rebuild_of_what_prod_runs_that_never_starts_is_not_recorded(both: Shop) -> None:
    """S66: the container of before answers with the right commit all the time."""
    rebuild = {"artifact_id": release("E")["artifact_id"], "source_git_ref": commit("A")}
    both.dokploy.push(rebuild["artifact_id"], commit("A"))
    passed(both.deploy("E", **rebuild))
    before = both.inventory("prod")
    both.dokploy.push(rebuild["artifact_id"], commit("A"), crashes=True)
    failed(both.promote("E", **rebuild))
    assert both.inventory("prod") == before and not both.lane("prod")["settled"]
