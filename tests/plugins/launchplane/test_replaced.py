"""Launchplane deploys itself in mid-promotion: its process is told to end while it waits for Dokploy (S59).

Another container, of another name, serves the same state meanwhile.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.other_machine import on_another_host
from tests.plugins.launchplane.asserting import passed
from tests.plugins.launchplane.gated import Service, Site, sited
from tests.plugins.launchplane.hosts import artifact, commit
from tests.plugins.launchplane.test_scenarios_killed import triggers

pytestmark = pytest.mark.thorough  # processes of their own, that deploy for real to a fake Dokploy

SHOP = "shop-1"
MINUTE_S = 60.0


@pytest.fixture(params=["files", "postgres"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    store = str(request.param)
    with sited(
        tmp_path,
        (SHOP,),
        by="bridge",
        store=store,
        database=request.getfixturevalue("postgres") if store == "postgres" else "",
        stands={"options": {"deploy_timeout_s": 300}},  # a process that starts takes its time on a busy machine
        lease_s=4.0,
        write_s=0.5,
        lane_wait_s=20.0,
    ) as site:
        yield site


def named(name: str) -> tuple[str, ...]:
    """What starts a process as in a container of that name; nothing where that may not be had."""
    return (*host, name) if (host := on_another_host()) else ()


@dataclass
class Replaced:
    """``new`` serves; the old one has gone in the middle of the promotion of A, under the key ``k``, at ``gone``."""

    site: Site
    new: Service
    gone: float


@pytest.fixture
def replaced(site: Site) -> Iterator[Replaced]:
    with ExitStack() as stack:
        old = stack.enter_context(site.serving(*named("launchplane-old")))
        passed(old.deploy(SHOP, "A"))
        site.dokploy.queue.hold("running")
        one = stack.enter_context(ThreadPoolExecutor(1))
        asked = one.submit(old.promote, SHOP, "A", "k")
        site.dokploy.wait(lambda: triggers(site) == 2)
        new = stack.enter_context(site.serving(*named("launchplane-new")))
        old.process.send_signal(signal.SIGTERM)
        gone = time.monotonic()
        with pytest.raises(httpx.HTTPError):
            asked.result()
        site.dokploy.queue.hold("no")
        yield Replaced(site, new, gone)


def test_s59_the_new_container_answers_the_same_request_with_what_the_old_one_did(replaced: Replaced) -> None:
    """S59: one deployment, and the lane is free within a minute."""
    new = replaced.new
    view = new.lane(SHOP, "prod")
    assert not view["settled"] and new.runs(SHOP, "prod") is None
    told = passed(new.promote(SHOP, "A", key="k"))
    assert time.monotonic() - replaced.gone < MINUTE_S
    assert triggers(replaced.site) == 2 and new.running(SHOP, "prod") == artifact("A")
    assert new.runs(SHOP, "prod") == commit("A") and new.lane(SHOP, "prod")["settled"]
    assert told["records"]["promotion_record_id"] == new.inventory(SHOP, "prod")["promotion_record_id"]


def test_the_lane_is_free_for_another_release_too(replaced: Replaced) -> None:
    new = replaced.new
    passed(new.deploy(SHOP, "B"))
    passed(new.promote(SHOP, "B"))
    assert time.monotonic() - replaced.gone < MINUTE_S
    assert new.runs(SHOP, "prod") == commit("B") and new.lane(SHOP, "prod")["settled"]
