"""What happens to a served host's lanes at the same time, by number: over HTTP, with the gate in it by each way."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from tests.plugins.launchplane.asserting import passed, refused
from tests.plugins.launchplane.gated import Shop
from tests.plugins.launchplane.hosts import artifact, commit

pytestmark = pytest.mark.thorough  # a process of its own, that deploys for real to a fake Dokploy


def looks_before_the_save(shop: Shop, since: int) -> int:
    """How often prod's application was looked at in a promotion, up to its first change."""
    asked = shop.dokploy.requests[since:]
    until = itertools.takewhile(lambda one: one.path != "/api/application.saveDockerProvider", asked)
    return sum(one.path == "/api/application.one" for one in until)


def at_look(shop: Shop, number: int, do: Callable[[], object]) -> None:
    """Do something just before the application of a lane is looked at for this time."""
    step = (lambda: at_look(shop, number - 1, do)) if number > 1 else do
    shop.dokploy.between("application.one", step)


@pytest.mark.launchplane  # in CI it is shown without a process
def test_s28_a_testing_that_changes_before_prod_does_makes_the_promotion_stale(shop: Shop) -> None:
    """S28: the host has begun to promote, and then what testing is on record for is another."""
    passed(shop.deploy("A"))
    passed(shop.promote("A"))
    began = len(shop.dokploy.requests)
    passed(shop.promote("A", no_cache=True))
    looks = looks_before_the_save(shop, began)
    passed(shop.deploy("B"))
    newest, count = shop.records()[-1], shop.changes("prod")

    def meanwhile() -> None:
        shop.service.site.store.write_deployment_record(newest.model_copy(update={"no_cache": not newest.no_cache}))

    at_look(shop, looks - 1, meanwhile)
    refused(shop.promote("B"), "stale")
    assert shop.changes("prod") == count and shop.runs("prod") == commit("A")


@pytest.mark.launchplane  # in CI it is shown without a process
def test_s28_a_testing_that_changes_after_prod_did_is_no_fault_of_the_promotion(shop: Shop) -> None:
    """S28: A was what testing ran when it was let go."""
    passed(shop.deploy("A"))
    with ThreadPoolExecutor(1) as beside:
        later: list[Future[httpx.Response]] = []
        shop.dokploy.between("application.deploy", lambda: later.append(beside.submit(shop.deploy, "B")), after=True)
        passed(shop.promote("A"))
        passed(later[0].result())
    assert (shop.runs("prod"), shop.runs()) == (commit("A"), commit("B"))


@pytest.mark.launchplane  # in CI it is shown without a process
def test_s29_of_two_promotions_the_second_is_decided_on_what_the_first_left(both: Shop) -> None:
    """S29: it waits, and its save and deploy come after those of the first."""
    passed(both.deploy("B"))
    with ThreadPoolExecutor(1) as beside:
        late: list[Future[httpx.Response]] = []
        both.dokploy.between("application.deploy", lambda: late.append(beside.submit(both.promote, "C")), after=True)
        passed(both.promote("B"))
        refused(late[0].result())  # testing runs B
    targets = [
        asked.body["applicationId"] for asked in both.dokploy.requests if asked.path.endswith("application.deploy")
    ]
    assert targets.count(both.target("prod")) == 2 and both.runs("prod") == commit("B")


@pytest.mark.behaviour(4)
def test_s30_s35_nothing_is_deployed_to_prod_but_by_promotion(shop: Shop) -> None:
    """S30, S35: neither by itself, nor while a promotion is under way."""
    assert "lane.not_bypassed" in refused(shop.deploy("A", "prod"))
    assert shop.running("prod") is None
    passed(shop.deploy("A"))
    with ThreadPoolExecutor(1) as beside:
        direct: list[Future[httpx.Response]] = []
        shop.dokploy.between(
            "application.deploy", lambda: direct.append(beside.submit(shop.deploy, "B", "prod")), after=True
        )
        passed(shop.promote("A"))
        assert "lane.not_bypassed" in refused(direct[0].result())
    assert shop.running("prod") == artifact("A")


@pytest.mark.behaviour(8)
def test_s31_two_deploys_within_a_second_have_a_record_each(shop: Shop) -> None:
    """S31: and two promotions; none is written over."""
    ids = [passed(shop.deploy(letter))["records"]["deployment_record_id"] for letter in "ABA"]
    assert len(set(ids)) == 3
    for letter, record_id in zip("ABA", ids, strict=True):
        assert shop.service.record(record_id)["source_git_ref"] == commit(letter)
    promoted = [passed(shop.promote("A", no_cache=True))["records"]["promotion_record_id"] for _ in range(2)]
    assert len(set(promoted)) == 2 == len(shop.promotions())
