"""The host, real or standing in for itself, and its stores.

Where the real Launchplane is installed it is what these tests run on; else its stand-in is ``control_plane``. Never
both: whatever is imported first stays.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.gate import Gate
from launchplane_gate.policy import Bundle, EmbeddedEngine
from tests.conftest import A, B, C
from tests.fakes.dokploy import FakeDokploy
from tests.fakes.platform import FakePlatform
from tests.plugins.launchplane import desk as desks
from tests.plugins.launchplane.asserting import passed
from tests.plugins.launchplane.desk import Desk
from tests.plugins.launchplane.edited import laid_over
from tests.plugins.launchplane.gated import Service, Shop, Way, edited
from tests.plugins.launchplane.hosts import IS_REAL, Host
from tests.plugins.launchplane.providing import Provider
from tests.postgres import PostgresServer

WITHOUT = "needs the real Launchplane, which no registry has: install it (Python 3.13) beside launchplane-gate"


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("launchplane") and not IS_REAL:
        pytest.skip(WITHOUT)


@pytest.fixture(scope="session")
def host() -> Host:
    return Host()


@pytest.fixture
def file_store(host: Host, tmp_path: Path) -> Any:
    """The host's store in files."""
    return host.file_store(tmp_path / "host")


@pytest.fixture
def sql_store(host: Host, tmp_path: Path) -> Iterator[Any]:
    """The host's store in a database, as its own tests have it: SQLite."""
    store = host.sql_store(f"sqlite+pysqlite:///{tmp_path / 'host.sqlite'}")
    yield store
    store.close()


@pytest.fixture
def postgres_store(host: Host, postgres: str) -> Iterator[Any]:
    store = host.sql_store(postgres.replace("postgresql://", "postgresql+psycopg://"))
    yield store
    store.close()


@pytest.fixture(params=["files", "sql"])
def host_store(request: pytest.FixtureRequest) -> Any:
    """Each of the two."""
    return request.getfixturevalue({"files": "file_store", "sql": "sql_store"}[request.param])


# -- a gate in it, where the host's calls come in


@pytest.fixture(scope="session")
def desk_bundle(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return desks.bundle_in(tmp_path_factory.mktemp("policies"), host)


@pytest.fixture(scope="session")
def desk_engine(desk_bundle: Bundle) -> EmbeddedEngine:
    return EmbeddedEngine(desk_bundle)


MakeDesk = Callable[..., Desk]


@pytest.fixture
def make_desk(
    host: Host, file_store: Any, tmp_path: Path, desk_bundle: Bundle, desk_engine: EmbeddedEngine
) -> Iterator[MakeDesk]:
    """A desk over a store of the host's, its own in files where none is given; further ones share its platform."""
    made: list[Gate] = []
    platform = FakePlatform(driver_id=desks.DRIVER)

    def make(store: Any = file_store, **replaced: Any) -> Desk:
        parts = {"bundle": desk_bundle, "engine": desk_engine} | replaced
        gate = desks.gate_over(store, tmp_path / "gate", platform, **parts)
        made.append(gate)
        store.write_product_profile_record(host.profile(driver_id=desks.DRIVER))
        return Desk(host, gate, platform, store, tmp_path / "host")

    yield make
    for gate in made:
        gate.ledger.close()


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    return make_desk()


@pytest.fixture(scope="module")
def edited_host(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The host as the edit makes it."""
    with laid_over(tmp_path_factory.mktemp("edited")):
        yield host


@pytest.fixture
def host_gate(edited_host: Host) -> Iterator[Any]:
    """The edited host's ``control_plane.gate``; what a test installs in it is gone after the test."""
    gate = edited_host.module("gate")
    yield gate
    gate.install(None)


# -- served, with a gate in it

WAYS = ("edit on files", "edit on sqlite", "edit on postgres", "bridge on files")
IN_CI = ("edit on files", "bridge on files")  # the latter for the eleven behaviours alone: CPU is dear there

SHOPS = tuple(f"shop-{number}" for number in range(1, 72))
FILMS = tuple(f"films-{number}" for number in range(1, 10))
SPECIAL = ("observed", "left-alone", "without-url", "untracked", "odoo-shop")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "way" in metafunc.fixturenames:
        is_one_of_eleven = any(mark.name == "behaviour" for mark in metafunc.definition.iter_markers())
        ways = WAYS if IS_REAL else IN_CI if is_one_of_eleven else IN_CI[:1]
        metafunc.parametrize("way", ways, indirect=True, scope="session")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return edited(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def way(request: pytest.FixtureRequest, checkout: Path) -> Way:
    numbers = itertools.count()

    def new_database() -> str:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.create_database(f"served_{next(numbers)}")

    return Way(request.param, checkout, new_database)


@pytest.fixture(scope="session")
def service(way: Way, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One that all tests of a way share: each asks about products of its own."""
    drivers = {**dict.fromkeys(FILMS, "verireel"), "odoo-shop": "odoo"}
    odd = {"without_url": ["without-url"], "untracked": ["untracked"]}
    with (
        way.sited(
            tmp_path_factory.mktemp("served"),
            SHOPS + FILMS + SPECIAL,
            drivers=drivers,
            stands=odd,
            not_governed=("left-alone",),
            observed=["observed"],
            confirm_timeout_s=2,
            confirm_interval_s=0.25,
        ) as site,
        site.serving() as service,
    ):
        yield service
        assert not service.dokploy.violations


@pytest.fixture(scope="session")
def shops(service: Service) -> dict[str, Iterator[str]]:
    return {"generic-web": iter(SHOPS), "verireel": iter(FILMS)}


@pytest.fixture
def shop(service: Service, shops: dict[str, Iterator[str]]) -> Iterator[Shop]:
    """A product of generic-web, that the test has for itself; what it breaks of Dokploy is mended after it."""
    yield Shop(service, next(shops["generic-web"]))
    _mended(service.dokploy)


@pytest.fixture
def both(shop: Shop) -> Shop:
    """One whose testing and prod run A."""
    passed(shop.deploy("A"))
    passed(shop.promote("A"))
    return shop


@pytest.fixture
def films(service: Service, shops: dict[str, Iterator[str]]) -> Iterator[Shop]:
    """The same, of VeriReel's."""
    yield Shop(service, next(shops["verireel"]))
    _mended(service.dokploy)


def _mended(dokploy: FakeDokploy) -> None:
    dokploy.mend()
    for one in (A, B, C):
        dokploy.push(one.artifact_id, one.source_git_ref)
    dokploy.resume()
    dokploy.takeover_s = 0
    dokploy.wait(dokploy.idle)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running
