"""The edit of the real host: its own tests and tools find nothing that they did not find before."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from tests.plugins.launchplane import host_suite

pytestmark = [
    pytest.mark.launchplane,
    pytest.mark.thorough,  # the host's whole suite, three times
]

CHECKOUT = "LAUNCHPLANE_CHECKOUT"  # names one that is not edited; else that of the Launchplane that is installed


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    installed = Path(str(import_module("control_plane").__file__)).parent.parent
    checkout = Path(os.environ.get(CHECKOUT) or installed)
    left_out = shutil.ignore_patterns(".git", ".venv", "__pycache__", "node_modules", ".*_cache")
    return Path(shutil.copytree(checkout, tmp_path_factory.mktemp("plain") / "host", ignore=left_out))


@pytest.fixture(scope="module")
def edited(plain: Path) -> Path:
    copy = Path(shutil.copytree(plain, plain.parent / "edited"))
    ran = run(sys.executable, "-m", "launchplane_gate_launchplane.edit", "--write", str(copy))
    assert ran.returncode == 0, ran.stderr
    return copy


def run(*command: str, inside: Path | None = None) -> subprocess.CompletedProcess[str]:
    """In a checkout nothing of ours is on the path: its ``tests`` are not these."""
    within = {name: value for name, value in os.environ.items() if name != "PYTHONPATH" or inside is None}
    return subprocess.run(command, cwd=inside, env=within, capture_output=True, text=True, check=False, timeout=900)


def test_its_own_suite_stays_green_without_a_gate(edited: Path) -> None:
    ran = run(sys.executable, "-m", "unittest", "-q", inside=edited)
    assert ran.returncode == 0, ran.stderr[-4000:]
    assert re.search(r"Ran [6-9]\d\d tests", ran.stderr)


@pytest.mark.parametrize("how", ["governs nothing", "runs all"])
def test_its_own_suite_stays_green_with_a_gate(edited: Path, how: str) -> None:
    ran = run(sys.executable, str(Path(host_suite.__file__)), how, inside=edited)
    assert ran.returncode == 0, ran.stderr[-4000:]
    assert re.search(r"[6-9]\d\d tests, [1-9]\d* calls", ran.stderr)


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name} on the path")
    return found


@pytest.mark.parametrize("asked", [("check", "--select", "E4,E7,E9,F"), ("format", "--diff")], ids=["check", "format"])
def test_ruff_finds_what_it_found_before(plain: Path, edited: Path, asked: tuple[str, ...]) -> None:
    """As the host has it: lines of 100, and the rules that its ruff selects by itself."""

    def found(checkout: Path) -> Counter[str]:
        told = run(tool("ruff"), *asked, "--no-cache", "control_plane", inside=checkout)
        return Counter(line for line in told.stdout.splitlines() if re.match(r"[-+]? ", line))

    assert found(edited) <= found(plain)


def test_mypy_finds_no_more_than_it_found_before(plain: Path, edited: Path, tmp_path: Path) -> None:
    def found(checkout: Path) -> int:
        at = ("--python-executable", sys.executable, "--cache-dir", str(tmp_path / checkout.name))
        told = run(tool("mypy"), *at, "control_plane", inside=checkout).stdout
        counted = re.search(r"Found (\d+) errors", told)
        assert counted or "Success" in told, told
        return int(counted[1]) if counted else 0

    assert found(edited) <= found(plain)
