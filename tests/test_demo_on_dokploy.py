"""The story of the demo on a Dokploy server: typed as the server that was started by hand says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The environment and the command that the server says to type."""
    stage = tmp_path / "stage.toml"
    options = ["--port", "0", "--stage", str(stage), "--job-s", "0.05", "--takeover-s", "0.1"]
    command = [sys.executable, "-m", "tests.fakes.dokploy", *options]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout
        said = "".join(server.stdout.readline() for _ in range(4))
        [(name, key)] = re.findall(r"export (\w+)=(\S+)", said)
        [arguments] = re.findall(r"^ +launchplane-gate (.*)$", said, re.MULTILINE)
        yield dict(os.environ) | {name: key}, [sys.executable, "-m", "launchplane_gate", *shlex.split(arguments)]
    finally:
        server.terminate()
        server.wait(10)


def test_every_step_ends_as_told_on_dokploy_too(typed: tuple[dict[str, str], list[str]], tmp_path: Path) -> None:
    environment, command = typed
    told = subprocess.run(
        [*command, "--keep", "story"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:]
    assert "on the Dokploy server at http://127.0.0.1" in told.stdout
    assert "deployed    generic-web" in told.stdout and "no registry is deployed" in told.stdout
    key = environment["DOKPLOY_API_KEY"]
    assert key not in told.stdout + told.stderr
    assert not [
        path for path in (tmp_path / "story").rglob("*") if path.is_file() and key.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize(
    ("arguments", "key", "says"),
    [
        ("--driver generic-web", "k", "needs --dokploy-url"),
        ("--dokploy-url http://127.0.0.1:1", "k", "go with --driver generic-web"),
        ("--driver generic-web --dokploy-url http://127.0.0.1:1", "", "DOKPLOY_API_KEY"),
        ("--driver generic-web --dokploy-url http://127.0.0.1:1", "k", "stage.toml cannot be read"),
        (
            "--driver generic-web --dokploy-url http://127.0.0.1:1 --stage bad.toml",
            "k",
            "bad.toml: lanes: Field required",
        ),
        ("--driver generic-web --dokploy-url http://127.0.0.1:1 --stage torn.toml", "k", "torn.toml cannot be read"),
    ],
)
def test_what_the_demo_cannot_begin_with_is_told(tmp_path: Path, arguments: str, key: str, says: str) -> None:
    (tmp_path / "bad.toml").write_text('image = "shop"\nreleases = {}\n')
    (tmp_path / "torn.toml").write_text("image = ")
    command = [sys.executable, "-m", "launchplane_gate", "demo", *arguments.split()]
    environment = dict(os.environ) | {"DOKPLOY_API_KEY": key}
    told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (told.returncode, "Traceback" in told.stderr) == (2, False)
    assert says in told.stderr
