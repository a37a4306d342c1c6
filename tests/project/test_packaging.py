"""What is installed: a wheel that is whole, an editable install that reads the working tree."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.project.environments import built_wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(tmp_path_factory.mktemp("wheel"))


def test_a_wheel_carries_the_policies_and_the_plugins(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "policies").rglob("*"):
        if path.is_file():
            assert f"launchplane_gate/policies/{path.relative_to(ROOT / 'policies')}" in names
    assert "launchplane_gate/authoring/schemas/authoring.json" in names
    assert {f"launchplane_gate/page/templates/{name}" for name in ("index.html", "style.css", "age.js")} <= names
    assert {"launchplane_gate_local/__init__.py", "launchplane_gate_health/__init__.py"} <= names
    assert not [name for name in names if name.startswith(("tests", "policies", "plugins"))]


def test_an_installed_wheel_decides_far_from_the_working_tree(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    program = f"""
import sys
sys.path.insert(0, {str(installed)!r})  # before the editable install of this environment
from launchplane_gate.policy import shipped_policies
print(shipped_policies())
from launchplane_gate.cli import main
sys.argv = ["launchplane-gate", "policy", "test"]
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(str(installed / "launchplane_gate" / "policies"))


def test_an_editable_install_reads_the_working_tree() -> None:
    program = "from launchplane_gate.policy import shipped_policies; print(shipped_policies())"
    done = subprocess.run([sys.executable, "-c", program], cwd="/", capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == ROOT / "policies"
