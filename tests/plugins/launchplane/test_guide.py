"""The guide of the plugin is true: each file in it is written, and each command run, beside a host that has run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from launchplane_gate.cli.session import actor_subject
from tests.places import ROOT
from tests.plugins.launchplane.hosts import Host

pytestmark = pytest.mark.thorough  # a process for each command

GUIDE = (ROOT / "plugins" / "launchplane_gate_launchplane" / "README.md").read_text()


def commands() -> list[str]:
    blocks = re.findall(r"^```console\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


@pytest.fixture
def folder(tmp_path: Path, host: Host) -> Path:
    """An installation that has run for a while, a checkout of it, and the files of the guide."""
    store = host.file_store(tmp_path / "state")
    store.write_product_profile_record(host.profile())
    for instance in ("testing", "prod"):
        record = host.deployment("A", instance)
        store.write_deployment_record(record)
        store.write_environment_inventory(host.inventory("A", instance))
    package = Path(str(import_module("control_plane").__file__)).parent
    copytree(package, tmp_path / "launchplane" / "control_plane", ignore=ignore_patterns("__pycache__"))
    for path, text in re.findall(r"^`([\w/.-]+)`:\n\n```\w+\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text.replace("unverified:operator@launchplane", actor_subject()))
    return tmp_path


def test_every_command_of_the_guide_does_what_it_says(folder: Path) -> None:
    path = [str(part) for part in (folder / "launchplane", ROOT, ROOT / "plugins")]
    environment = os.environ | {
        "PATH": f"{_programs(folder)}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(path),
        "DOKPLOY_TOKEN": "a-token",
        "HOME": str(folder),
    }
    told = {}
    for command in commands():
        run = ["bash", "-c", command]
        done = subprocess.run(run, cwd=folder, env=environment, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        told[command] = done.stdout + done.stderr
    assert "adopted" in told["launchplane-gate init --adopt"]
    assert "sellyouroutboard" in told["launchplane-gate lanes"]
    assert "Edited: " in told["python -m launchplane_gate_launchplane.edit launchplane --write"]
    assert "Usage: launchplane-gated" in told["launchplane-gated --help"]


def _programs(folder: Path) -> Path:
    """What an installation would have on its path."""
    programs = {
        "launchplane-gated": "-m launchplane_gate_launchplane",
        "launchplane-gate": "-m launchplane_gate",
        "python": "",
    }
    (folder / "bin").mkdir()
    for name, arguments in programs.items():
        (folder / "bin" / name).write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
        (folder / "bin" / name).chmod(0o755)
    return folder / "bin"
