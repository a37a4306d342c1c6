"""The Python that the READMEs show is typed as strictly as ours, against what a host installs."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.project.environments import Environment, built_wheel, environment

pytestmark = pytest.mark.thorough

PACKAGES = sorted({path.name for path in (ROOT / "plugins").glob("launchplane_gate_*")} | {"launchplane_gate"})

SAMPLES = {
    "README.md": ["asking.py"],
    "plugins/README.md": ["launchplane_gate_printer.py", "shipping.py", "test_printer.py", "test_store.py"],
    "policies/README.md": ["launchplane_gate_incidents.py"],
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return environment(tmp_path_factory.mktemp("installed") / "venv", wheel, "testing")


def strictly_typed(installed: Environment, folder: Path) -> str:
    """What mypy finds in the programs of a folder, in the eyes of that interpreter."""
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(installed.python)]
    files = sorted(path.name for path in folder.glob("*.py"))
    done = subprocess.run([*command, *files], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert not done.stderr, done.stderr
    return done.stdout


def test_what_the_readmes_show_is_strictly_typed(installed: Environment, tmp_path: Path) -> None:
    for readme, names in SAMPLES.items():
        shown = re.findall(r"^```python\n(.*?)^```", (ROOT / readme).read_text(), re.MULTILINE | re.DOTALL)
        for name, text in zip(names, shown, strict=True):
            (tmp_path / name).write_text(text)
    assert strictly_typed(installed, tmp_path).startswith("Success: no issues found in 6 source files")


def test_a_host_is_told_where_it_is_wrong(installed: Environment, tmp_path: Path) -> None:
    lines = ["from launchplane_gate import Gate, Lane", "Gate.open(5)", 'Lane(context="shop", instance=5)']
    (tmp_path / "wrong.py").write_text("\n".join(lines))
    said = strictly_typed(installed, tmp_path)
    assert "wrong.py:2: error: Argument 1" in said and "wrong.py:3: error: Argument" in said, said


def test_every_package_that_is_shipped_says_that_it_is_typed(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == set(PACKAGES)
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
