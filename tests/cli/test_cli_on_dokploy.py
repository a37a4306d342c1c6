"""What is told where a platform does not show which digest runs: the commands, on a Dokploy whose key lacks a right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from launchplane_gate.cli import program
from launchplane_gate.cli.session import actor_subject
from launchplane_gate.demo.workspace import PRODUCT, Platform, write_settings
from tests.fakes.dokploy import FakeDokploy

PLUGIN = """\
[plugins.generic-web]
url = "{url}"
api_key = {{ env = "DOKPLOY_API_KEY" }}
"""


@pytest.fixture
def dokploy() -> Iterator[FakeDokploy]:
    with FakeDokploy() as running:
        yield running


def told(dokploy: FakeDokploy, folder: Path, *arguments: str, docker: bool) -> Any:
    """What a command says, with the key of a member who may or may not see containers."""
    ids = [dokploy.add_application(f"shop-{lane}") for lane in ("testing", "prod")]
    key = dokploy.add_key(rate_limited=False, member=True, services=ids, create_services=True, docker=docker)
    testing, prod = ids
    platform = Platform(
        driver="generic-web",
        plugin=PLUGIN.format(url=dokploy.url),
        image="ghcr.io/acme/shop",
        urls=(dokploy.health_url(testing), dokploy.health_url(prod)),
        targets=(
            f'{{ target_type = "application", target_id = "{testing}" }}',
            f'{{ target_type = "application", target_id = "{prod}" }}',
        ),
    )
    write_settings(folder, platform, actor=actor_subject())
    full = ["--config", str(folder / "launchplane-gate.toml"), *arguments]
    return CliRunner().invoke(program, full, env={"DOKPLOY_API_KEY": key})


@pytest.mark.parametrize("command", ["lanes", "doctor"])
def test_a_missing_right_is_told_with_what_it_lets_its_holder_do(
    dokploy: FakeDokploy, tmp_path: Path, command: str
) -> None:
    said = told(dokploy, tmp_path, command, docker=False)
    assert said.exit_code == 0
    assert "digest not shown" in said.stdout
    assert "what is missing: canAccessToDocker" in said.stdout
    assert "environment" in said.stdout and "stop" in said.stdout


@pytest.mark.parametrize("command", ["lanes", "doctor"])
def test_with_the_right_nothing_is_missing(dokploy: FakeDokploy, tmp_path: Path, command: str) -> None:
    said = told(dokploy, tmp_path, command, docker=True)
    assert said.exit_code == 0
    assert "missing" not in said.stdout


def test_a_proof_is_not_by_digest_then(dokploy: FakeDokploy, tmp_path: Path) -> None:
    said = told(dokploy, tmp_path, "prove", PRODUCT, "--output", "json", docker=False)
    assert said.exit_code == 8  # nothing was ever recorded there
    assert '"by_digest": false' in said.stdout
