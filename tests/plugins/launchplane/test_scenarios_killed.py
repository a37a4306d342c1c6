"""A host that is killed in mid-deploy and served again, and one that two processes serve, with the gate in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.other_machine import on_another_host
from tests.plugins.launchplane.asserting import passed, refused
from tests.plugins.launchplane.gated import Service, Shop, Site, Way
from tests.plugins.launchplane.hosts import artifact, commit

pytestmark = pytest.mark.thorough  # processes of their own, that deploy for real to a fake Dokploy

SHOP = "shop-1"
LEASE_S = 2.0


@pytest.fixture
def site(way: Way, tmp_path: Path) -> Iterator[Site]:
    with way.sited(tmp_path, (SHOP,), lease_s=LEASE_S, write_s=0.5, lane_wait_s=15) as site:
        yield site


def triggers(site: Site) -> int:
    """How many deployments Dokploy was asked for."""
    return sum(asked.path == "/api/application.deploy" for asked in site.dokploy.requests)


def killed(service: Service, until: Callable[[], object], ask: Callable[[], httpx.Response]) -> None:
    """What was asked is never answered."""
    with ThreadPoolExecutor(1) as one:
        asked = one.submit(ask)
        service.dokploy.wait(until, 30)
        service.process.kill()
        with pytest.raises(httpx.HTTPError):
            asked.result()


def killed_in_mid_deploy(site: Site, letter: str, *before: str) -> None:
    """Under the key ``k``: Dokploy has begun, and is awaited. ``before``: see Site.serving."""
    site.dokploy.job_s = 3
    with site.serving(*before) as service:
        shop = Shop(service, SHOP)
        killed(service, lambda: triggers(site) > 0, lambda: shop.deploy(letter, key="k"))
    site.dokploy.job_s = 0.05


def test_s26_a_new_process_finishes_by_a_look_what_the_dead_one_left(site: Site) -> None:
    """S26; and S59: the lane is free within the lease, and the repeat of the request deploys nothing anew.

    The dead one was of a container with another name, where a process may have one.
    """
    host = on_another_host()
    killed_in_mid_deploy(site, "A", *([*host, "elsewhere"] if host else []))
    with site.serving() as service:
        shop = Shop(service, SHOP)
        assert not shop.lane()["settled"] and shop.runs() is None
        site.dokploy.wait(lambda: shop.running() is not None)
        told = passed(shop.deploy("A", key="k"))
        assert triggers(site) == 1 and told["records"]["deployment_record_id"]
        assert shop.runs() == commit("A") and shop.lane()["settled"]
        passed(shop.promote("A"))


@pytest.mark.launchplane  # in CI it is shown without a process
def test_s26_another_release_is_deployed_over_what_the_dead_one_left(site: Site) -> None:
    """S26: whoever does not repeat it need not wait for more than the lease."""
    killed_in_mid_deploy(site, "A")
    with site.serving() as service:
        shop = Shop(service, SHOP)
        passed(shop.deploy("B"))
        assert shop.runs() == commit("B") and shop.lane()["settled"]


@pytest.mark.launchplane  # in CI the core's own test kills at each point
def test_s24_a_kill_before_the_inventory_is_written_is_finished_by_a_look(site: Site) -> None:
    """S24: B is out, and its promotion died before it was recorded; it is, once prod is seen to run it."""
    with site.serving() as service:
        shop = Shop(service, SHOP)
        for letter in "AB":
            passed(shop.deploy(letter))
            if letter == "A":
                passed(shop.promote(letter))
        site.dokploy.takeover_s = 10**4
        is_done = lambda: triggers(site) == 4 and site.dokploy.idle()  # noqa: E731  # which Docker is not
        killed(service, is_done, lambda: shop.promote("B", key="k"))
    site.dokploy.takeover_s = 0
    site.dokploy.skip(10**7)
    with site.serving() as service:
        shop = Shop(service, SHOP)
        assert not shop.lane("prod")["settled"] and shop.runs("prod") == commit("A")
        refused(shop.promote("C"))
        site.dokploy.wait(lambda: shop.running("prod") == artifact("B"))
        passed(shop.promote("B", key="k"))
        assert shop.runs("prod") == commit("B") and shop.lane("prod")["settled"]


def test_s60_two_processes_deploy_one_request_once(site: Site) -> None:
    """S60; and S32: each answers it, with what was done, and with that it was."""
    with site.serving() as one, site.serving() as other, ThreadPoolExecutor(2) as both:

        def deploy(service: Service) -> httpx.Response:
            return service.deploy(SHOP, "A", key="k")

        told = [passed(answer) for answer in both.map(deploy, (one, other))]
        assert triggers(site) == 1 and told[0]["result"] == told[1]["result"]
        assert [answer.get("replayed", False) for answer in told].count(True) == 1


@pytest.mark.launchplane  # in CI it is shown without a process
def test_s34_without_an_engine_nothing_is_deployed(way: Way, tmp_path: Path) -> None:
    """S34: 503, whatever the host makes of the words of that status."""
    with way.sited(tmp_path, (SHOP,), opa="http://127.0.0.1:9") as site, site.serving() as service:
        for answer in (Shop(service, SHOP).deploy("A"), Shop(service, SHOP).promote("A", dry_run=True)):
            told = answer.json()
            assert (answer.status_code, told["error"]["code"]) == (503, "policy_unavailable")
        assert triggers(site) == 0
