"""The host, real or standing in for itself, and its stores.

Where the real Launchplane is installed it is what these tests run on; else its stand-in is ``control_plane``. Never
both: whatever is imported first stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.launchplane.hosts import IS_REAL, Host

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
