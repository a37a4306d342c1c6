"""A host that is killed in mid-deploy and served again, and one that two processes serve (S24, S26, S32, S59, S60)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.plugins.launchplane.gated import Service, Site, sited
from tests.plugins.launchplane.hosts import commit
from tests.plugins.launchplane.test_over_http import passed

pytestmark = pytest.mark.thorough  # processes of their own, that deploy for real to a fake Dokploy

SHOP = "shop-1"
LEASE_S = 2.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with sited(tmp_path, (SHOP,), by="bridge", lease_s=LEASE_S, write_s=0.5, lane_wait_s=15) as site:
        yield site


def triggers(site: Site) -> int:
    """How many deployments Dokploy was asked for."""
    return sum(asked.path == "/api/application.deploy" for asked in site.dokploy.requests)


def killed_in_mid_deploy(site: Site, letter: str) -> None:
    """Under the key ``k``: Dokploy has begun, and is awaited."""
    site.dokploy.job_s = 3
    with site.serving() as service, ThreadPoolExecutor(1) as one:
        asked = one.submit(service.deploy, SHOP, letter, "testing", "k")
        site.dokploy.wait(lambda: triggers(site) > 0)
        service.process.kill()
        with pytest.raises(httpx.HTTPError):
            asked.result()
    site.dokploy.job_s = 0.05


def test_a_new_process_finishes_by_a_look_what_the_dead_one_left(site: Site) -> None:
    """The lane is free within the lease, and the repeat of the request deploys nothing anew."""
    killed_in_mid_deploy(site, "A")
    with site.serving() as service:
        before = service.lane(SHOP, "testing")
        assert not before["settled"] and service.runs(SHOP, "testing") is None
        site.dokploy.wait(lambda: service.running(SHOP, "testing") is not None)
        told = passed(service.deploy(SHOP, "A", key="k"))
        assert triggers(site) == 1
        assert service.runs(SHOP, "testing") == commit("A") and service.lane(SHOP, "testing")["settled"]
        assert told["records"]["deployment_record_id"]
        passed(service.promote(SHOP, "A"))


def test_another_release_is_deployed_over_what_the_dead_one_left(site: Site) -> None:
    killed_in_mid_deploy(site, "A")
    with site.serving() as service:
        passed(service.deploy(SHOP, "B"))
        assert service.runs(SHOP, "testing") == commit("B") and service.lane(SHOP, "testing")["settled"]


def test_two_processes_deploy_one_request_once(site: Site) -> None:
    """And each answers it: with what was done, and with that it was."""
    with site.serving() as one, site.serving() as other, ThreadPoolExecutor(2) as both:

        def deploy(service: Service) -> httpx.Response:
            return service.deploy(SHOP, "A", key="k")

        told = [passed(answer) for answer in both.map(deploy, (one, other))]
        assert triggers(site) == 1 and told[0]["result"] == told[1]["result"]
        assert [answer.get("replayed", False) for answer in told].count(True) == 1
