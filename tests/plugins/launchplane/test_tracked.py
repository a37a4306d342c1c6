"""What the host's target records say is what the driver of its lanes deploys to, in any process."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.errors import Undecided
from launchplane_gate.model import Lane
from launchplane_gate.plugins import Plugins, load_plugins
from launchplane_gate.settings import load_settings
from tests.plugins.launchplane.hosts import PRODUCT, Host

TESTING = Lane(context=PRODUCT, instance="testing")
SETTINGS = """
schema_version = 1
store = "launchplane"
[plugins.launchplane]
state_dir = "host"
[plugins.generic-web]
url = "http://127.0.0.1:9"
api_key = { env = "KEY" }
timeout_s = 0.5
"""


@pytest.fixture
def plugins(tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    monkeypatch.delenv("LAUNCHPLANE_DATABASE_URL", raising=False)
    (tmp_path / "launchplane-gate.toml").write_text(SETTINGS)
    settings = load_settings(tmp_path / "launchplane-gate.toml", environment={"KEY": "key"})
    return load_plugins(settings, now=lambda: datetime.now(UTC))


@pytest.fixture
def database(tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Where the host keeps its targets, empty so far. Asked for after ``plugins``."""
    url = f"sqlite+pysqlite:///{tmp_path / 'targets.sqlite'}"
    monkeypatch.setenv("LAUNCHPLANE_DATABASE_URL", url)
    return host.sql_store(url)


def track(host: Host, database: Any, target_id: str, target_type: str = "application") -> None:
    where = {"context": PRODUCT, "instance": "testing", "updated_at": "2026-11-23T06:57:01Z"}
    named = host.module("contracts.dokploy_target_record")
    identified = host.module("contracts.dokploy_target_id_record")
    database.write_dokploy_target_record(
        named.DokployTargetRecord(**where, target_type=target_type, target_name="syo-testing-app")
    )
    database.write_dokploy_target_id_record(identified.DokployTargetIdRecord(**where, target_id=target_id))


def test_a_lane_that_the_host_tracks_has_its_target_from_there(host: Host, plugins: Plugins, database: Any) -> None:
    track(host, database, "app-testing")
    told = {"target_type": "application", "target_id": "app-testing", "target_name": "syo-testing-app"}
    assert plugins.targets() == {TESTING: told}
    assert (
        "Dokploy did not answer" in plugins.drivers["generic-web"].observe(TESTING).detail
    )  # it was asked of that target
    other = Lane(context=PRODUCT, instance="prod")
    assert f"there is no target for {other}" in plugins.drivers["generic-web"].observe(other).detail


def test_records_that_cannot_be_read_are_told_and_taken_for_no_target(plugins: Plugins, database: Any) -> None:
    with pytest.raises(Undecided, match="target records could not be read"):
        plugins.targets()
    seen = plugins.drivers["generic-web"].observe(TESTING)
    assert (seen.reachable, seen.digests) == (False, "failed")


def test_where_no_database_is_named_the_host_tracks_nothing(plugins: Plugins) -> None:
    assert plugins.targets() == {}


def test_a_compose_file_is_given_its_image_through_the_variable_that_the_host_uses(
    host: Host, plugins: Plugins, database: Any
) -> None:
    track(host, database, "stack", "compose")
    told = {"target_type": "compose", "target_id": "stack", "target_name": "syo-testing-app"}
    assert plugins.targets() == {TESTING: {**told, "variable": "DOCKER_IMAGE_REFERENCE"}}
    assert "variable" not in plugins.drivers["generic-web"].observe(TESTING).detail
