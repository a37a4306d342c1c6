"""A context cutover of the host: the lanes of a product get another name, and no copy tells what they run (S18)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from launchplane_gate_launchplane import bridge
from launchplane_gate_launchplane.embedded import EmbeddedGate
from launchplane_gate_launchplane.governed import Governed
from launchplane_gate_launchplane.store import LaunchplaneStore
from tests.plugins.launchplane import desk as desks
from tests.plugins.launchplane.asking import Service
from tests.plugins.launchplane.conftest import MakeDesk
from tests.plugins.launchplane.desk import Desk
from tests.plugins.launchplane.hosts import NOW, PRODUCT, Host, artifact, commit

pytestmark = pytest.mark.thorough  # the host is loaded twice, and gets a gate for each test

ROUTE = "/v1/product-profiles/context-cutover/apply"
BEFORE = "syo-before"  # the context that the product's lanes have, until they get its name
BOTH = ("prod", "testing")


@pytest.fixture(scope="module", params=["bridge", "edit"])
def install(request: pytest.FixtureRequest) -> Iterator[Callable[..., None]]:
    """Puts a gate into the host, which the bridge finds as it is and the edit has changed."""
    if request.param == "bridge":
        yield lambda made: bridge.install(made(bridge.GateDenied))
    else:
        gate = request.getfixturevalue("edited_host").module("gate")
        yield lambda made: gate.install(made(gate.GateDenied))


@pytest.fixture(autouse=True)
def taken_out(install: object, host: Host) -> Iterator[None]:
    yield
    bridge.uninstall()
    if (Path(str(host.module("service").__file__)).parent / "gate.py").exists():
        host.module("gate").install(None)


class Site:
    """A product whose lanes run A, in a database; its host has a gate in it."""

    def __init__(self, desk: Desk, install: Callable[..., None], url: str, *not_governed: str) -> None:
        self.desk, self.host, self.store = desk, desk.host, desk.store
        lanes = [{"instance": one, "context": BEFORE, "base_url": f"https://{one}.example.org"} for one in BOTH]
        self.store.write_product_profile_record(self.host.profile(driver_id=desks.DRIVER, lanes=lanes))
        self._track()
        for bring in (desk.deploy, desk.promote):
            bring("A")
            until = time.monotonic() + 10
            while desk.gate.ledger.held_by() and time.monotonic() < until:  # what is observed is recorded later
                time.sleep(0.02)
        for channel in BOTH:
            self.store.write_release_tuple_record(self._tuple(channel))
        governed = Governed(desk.gate.store, self.store.list_product_profile_records, not_governed)
        install(lambda deny: EmbeddedGate(desk.gate, LaunchplaneStore(self.store), desk.acting, governed, deny))
        self.service = Service(self.host, desk.root, database_url=url)

    def cut_over(self, mode: str = "apply", key: str = "", **more: str) -> tuple[int, dict[str, Any]]:
        wanted = {"product": PRODUCT, "source_context": BEFORE, "target_context": PRODUCT, "mode": mode, **more}
        return self.service.post(ROUTE, wanted, key=key)

    def copied(self) -> set[str]:
        """The lanes of the new context that have an inventory, or a release tuple."""
        inventories = {one.instance for one in self.store.list_environment_inventory() if one.context == PRODUCT}
        assert inventories == {one.channel for one in self.store.list_release_tuple_records() if one.context == PRODUCT}
        return inventories

    def _track(self) -> None:
        for one in BOTH:
            place = {"context": BEFORE, "instance": one, "updated_at": NOW}
            target = self.host.module("contracts.dokploy_target_record").DokployTargetRecord
            target_id = self.host.module("contracts.dokploy_target_id_record").DokployTargetIdRecord
            self.store.write_dokploy_target_record(target(**place, target_type="application", target_name=one))
            self.store.write_dokploy_target_id_record(target_id(**place, target_id=f"app-{one}"))

    def _tuple(self, channel: str) -> Any:
        kind = self.host.module("contracts.release_tuple_record").ReleaseTupleRecord
        return kind(
            tuple_id=f"{BEFORE}-{channel}",
            context=BEFORE,
            channel=channel,
            artifact_id=artifact("A"),
            repo_shas={"syo": commit("A")},
            provenance="ship",
            minted_at=NOW,
        )


@pytest.fixture
def make_site(make_desk: MakeDesk, install: Callable[..., None], sql_store: Any, tmp_path: Path) -> Callable[..., Site]:
    url = f"sqlite+pysqlite:///{tmp_path / 'host.sqlite'}"
    return lambda *not_governed, **parts: Site(make_desk(sql_store, **parts), install, url, *not_governed)


def test_s18_a_governed_lane_gets_no_inventory_by_a_copy_and_the_answer_says_so(make_site: Callable[..., Site]) -> None:
    """S18: all else moves as ever; what the lanes run stands there once the gate has seen it."""
    site = make_site()
    desk, before = site.desk, site.store.list_environment_inventory()
    planned = site.cut_over("dry-run")[1]["result"]
    status, told = site.cut_over()
    result = told["result"]
    assert (status, told["status"], result["applied"]) == (202, "accepted", True)
    for group in ("inventory_records", "release_tuple_records"):
        assert [one["action"] for one in result["groups"][group]] == ["skipped", "skipped"]
        assert result["counts"][group] == planned["counts"][group] == {"created": 0, "skipped": 2}
    assert result["counts"]["dokploy_target_ids"] == {"created": 2, "skipped": 0}
    assert f"The inventories and release tuples of {PRODUCT}/prod, {PRODUCT}/testing" in result["guardrails"][-1]
    assert "deploy and promote again" in result["guardrails"][-1] == planned["guardrails"][-1]
    assert site.store.list_environment_inventory() == before and site.copied() == set()
    assert {lane.context for lane in site.store.read_product_profile_record(PRODUCT).lanes} == {PRODUCT}
    assert "inventory.source_current" in desk.refused(desk.promotion("A")).message
    desk.deploy("A")
    desk.promote("A")
    assert [desk.inventory(one).source_git_ref for one in BOTH] == [commit("A")] * 2


def test_its_key_stays_the_hosts(make_site: Callable[..., Site]) -> None:
    site = make_site()
    first, again = site.cut_over(key="k")[1], site.cut_over(key="k")[1]
    assert again["replayed"] and again["original_trace_id"] == first["trace_id"]
    assert again["result"] == first["result"]
    assert site.cut_over("dry-run", key="k")[1]["error"]["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("not_governed", "copied"),
    [
        ((PRODUCT,), {"prod", "testing"}),
        ((desks.DRIVER,), {"prod", "testing"}),
        ((f"{PRODUCT}/testing",), {"testing"}),
        ((BEFORE,), set()),  # the lanes are others afterwards
    ],
)
def test_what_is_not_governed_is_copied_as_before(
    make_site: Callable[..., Site], not_governed: tuple[str, ...], copied: set[str]
) -> None:
    site = make_site(*not_governed)
    status, told = site.cut_over()
    assert (status, site.copied()) == (202, copied)
    assert told["result"]["counts"]["inventory_records"] == {"created": len(copied), "skipped": 2 - len(copied)}
    assert any("not copied: the gate" in one for one in told["result"]["guardrails"]) == (len(copied) < 2)


def test_what_is_observed_is_answered_as_before(make_site: Callable[..., Site]) -> None:
    site = make_site(observed=[PRODUCT])
    status, told = site.cut_over()
    assert (status, site.copied()) == (202, {"prod", "testing"})
    assert told["result"]["counts"]["inventory_records"] == {"created": 2, "skipped": 0}


def test_where_it_cannot_be_told_what_is_governed_nothing_is_moved(
    make_site: Callable[..., Site], tmp_path: Path
) -> None:
    site = make_site()
    other = {"product": "other", "lanes": [{"instance": "testing", "context": "other"}]}
    site.store.write_product_profile_record(site.host.profile(**other))
    engine = sa.create_engine(f"sqlite+pysqlite:///{tmp_path / 'host.sqlite'}")
    with engine.begin() as connection:
        torn = "UPDATE launchplane_product_profiles SET payload = '{}' WHERE product = 'other'"
        connection.execute(sa.text(torn))
    engine.dispose()
    status, told = site.cut_over()
    assert (status, told["error"]["code"]) == (503, "policy_unavailable")
    assert f"which lanes of {PRODUCT} are governed cannot be told" in told["error"]["message"]
    assert "Restore the product profile" in told["error"]["message"]
    assert {one.context for one in site.store.list_dokploy_target_records()} == {BEFORE} and site.copied() == set()


def test_one_that_the_host_refuses_is_refused_by_it(make_site: Callable[..., Site]) -> None:
    site = make_site()
    status, told = site.cut_over(target_context=BEFORE)
    assert (status, told["status"]) == (400, "rejected")
    assert site.service.post(ROUTE, {}, by="nobody")[0] == 401
