"""A served host whose disk is full between a deploy and its inventory: nothing is silently stale, and space cures it.

Of files the disk is a small one that the process has for itself. Postgres is told to say what it says of a full one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
import psycopg
import pytest

from tests.plugins.launchplane.asserting import passed, refused
from tests.plugins.launchplane.full_disk import SmallDisk, mounting
from tests.plugins.launchplane.gated import Service, Site, sited
from tests.plugins.launchplane.hosts import artifact, commit
from tests.plugins.launchplane.test_scenarios_killed import triggers

pytestmark = pytest.mark.thorough  # a process of its own, that deploys for real to a fake Dokploy

SHOP = "shop-1"
SOON_S = 15.0  # a disk that is full is not waited for, as a database that is away is
RECORDS = ("launchplane_inventory", "launchplane_deployments", "launchplane_promotions")
LEDGER = ("launchplane_gate.entries", "launchplane_gate.lanes", "launchplane_gate.runs", "launchplane_gate.inputs")


class Disk(Protocol):
    def fill(self) -> None: ...

    def free(self) -> None: ...


class FullTables:
    """Tables of Postgres, of which each write ends as on a full disk."""

    def __init__(self, database: str, *tables: str) -> None:
        self._database, self._tables = database, tables

    def fill(self) -> None:
        says = "RAISE disk_full USING MESSAGE = 'could not extend file: No space left on device'"
        self._say(f"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {says}; END $$")
        for table in self._tables:
            self._say(
                f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION full_disk()"
            )

    def free(self) -> None:
        self._say("DROP FUNCTION full_disk CASCADE")

    def _say(self, statement: str) -> None:
        with psycopg.connect(self._database, autocommit=True) as connection:
            connection.execute(statement)


@dataclass
class Filling:
    """A host that runs A in testing and in prod, and its disk."""

    site: Site
    service: Service
    disk: Disk

    def filled_in_mid_run(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        """Full from the moment at which Dokploy has begun."""
        count, self.site.dokploy.job_s = triggers(self.site), 0.5
        with ThreadPoolExecutor(1) as one:
            asked = one.submit(ask)
            self.site.dokploy.wait(lambda: triggers(self.site) > count)
            self.disk.fill()
            answer = asked.result()
        self.site.dokploy.job_s = 0.05
        return answer

    def records(self) -> list[Any]:
        """Of prod: what the host shows of it."""
        told = self.service.client.get(f"/v1/contexts/{SHOP}/operations/recent").json()
        return [one for one in told["recent_promotions"] if one["artifact_identity"]["artifact_id"] == artifact("B")]


@pytest.fixture(
    params=[
        "records on files",
        "records and ledger on files",
        "records on postgres",
        "records and ledger on postgres",
    ]
)
def filling(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Filling]:
    what, _, store = str(request.param).partition(" on ")
    under: tuple[str, ...] = ()
    database, state = "", tmp_path / "state"
    if store == "postgres":
        database = request.getfixturevalue("postgres")
    elif (mounted := mounting()) is None:
        pytest.skip("this system lets a test have no file system of its own")
    else:
        state.mkdir()
        under = (*mounted, str(state))
    if what == "records and ledger" and not database:
        (tmp_path / "gate").symlink_to(state / "gate")
    with ExitStack() as stack:
        site = stack.enter_context(
            sited(
                tmp_path,
                (SHOP,),
                by="bridge",
                store=store,
                database=database,
                lease_s=2.0,
                write_s=0.5,
                lane_wait_s=5.0,
            )
        )
        service = stack.enter_context(site.serving(*under))
        tables = RECORDS if what == "records" else (*RECORDS, *LEDGER)
        disk = FullTables(database, *tables) if database else SmallDisk(service.process.pid, state)
        for letter in ("A", "B"):
            passed(service.deploy(SHOP, letter))
            if letter == "A":
                passed(service.promote(SHOP, letter))
        yield Filling(site, service, disk)


def test_s24_a_full_disk_between_the_deploy_and_the_inventory_leaves_nothing_stale(filling: Filling) -> None:
    """S24: the caller is told, prod is unsettled, its inventory is what it was, and the same request settles it."""
    service, before = filling.service, filling.service.inventory(SHOP, "prod")
    answer = filling.filled_in_mid_run(lambda: service.promote(SHOP, "B", key="k"))
    told = answer.json()
    assert (answer.status_code, told["status"], told["result"]["promotion_status"]) == (202, "accepted", "fail")
    assert "unsettled" in told["result"]["error_message"] and "Traceback" not in answer.text
    filling.site.dokploy.wait(lambda: service.running(SHOP, "prod") == artifact("B"))
    assert service.inventory(SHOP, "prod") == before
    view = service.lane(SHOP, "prod")
    assert not view["settled"] and view["why"]
    count = triggers(filling.site)
    see_that_all_is_refused_soon(service)
    assert triggers(filling.site) == count
    assert all(one["deploy"]["status"] != "pass" for one in filling.records())

    filling.disk.free()
    assert service.inventory(SHOP, "prod") == before and not service.lane(SHOP, "prod")["settled"]
    passed(service.promote(SHOP, "B", key="k"))
    assert service.runs(SHOP, "prod") == commit("B") and service.lane(SHOP, "prod")["settled"]
    assert [one["deploy"]["status"] for one in filling.records()].count("pass") == 1
    replayed = service.promote(SHOP, "B", key="k").json()
    assert replayed["replayed"] and replayed["result"]["promotion_status"] == "pass"


def see_that_all_is_refused_soon(service: Service) -> None:
    """Or told to have failed, where the ledger has space for it: nothing is a 500, and nobody waits for space."""
    began = time.monotonic()
    for answer in (service.promote(SHOP, "B", key="other"), service.promote(SHOP, "A")):
        told = answer.json()
        if answer.status_code == 202:
            assert told["result"]["promotion_status"] == "fail"
        else:
            assert (answer.status_code, told["error"]["code"]) in ((503, "policy_unavailable"), (409, "policy_denied"))
    assert time.monotonic() - began < SOON_S


def test_a_deploy_to_testing_is_not_promoted_before_it_stands_in_the_inventory(filling: Filling) -> None:
    service = filling.service
    told = filling.filled_in_mid_run(lambda: service.deploy(SHOP, "C", key="k")).json()
    assert told["result"]["deploy_status"] == "fail" and "unsettled" in told["result"]["error_message"]
    filling.site.dokploy.wait(lambda: service.running(SHOP, "testing") == artifact("C"))
    assert service.runs(SHOP, "testing") == commit("B")
    filling.disk.free()
    for letter in ("B", "C"):
        assert "lane.settled" in refused(service.promote(SHOP, letter))
    passed(service.deploy(SHOP, "C", key="k"))
    assert service.runs(SHOP, "testing") == commit("C")
    passed(service.promote(SHOP, "C"))
