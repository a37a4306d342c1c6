"""What the demo on a platform of its own cannot begin with. That it is told there to its end, .ci/run holds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


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
        (
            "--driver generic-web --dokploy-url http://127.0.0.1:1 --github-stage bad.toml",
            "k",
            "goes with --driver local",
        ),
        ("--github-stage none.toml", "", "none.toml cannot be read"),
        ("--github-stage bad.toml", "", "bad.toml: repository: Field required"),
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
