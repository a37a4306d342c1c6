"""Environments without an index: a wheel of ours and, of what these tests run with, just what some extras bring."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.places import ROOT


def built_wheel(folder: Path) -> Path:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def required(wheel: Path) -> list[Requirement]:
    """What a wheel requires, markers and all."""
    with zipfile.ZipFile(wheel) as archive:
        [path] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = BytesHeaderParser().parsebytes(archive.read(path))
    return [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]


def applying(requirements: Iterable[Requirement], extras: Iterable[str]) -> list[Requirement]:
    """Those of them that are in force here."""
    asked = ["", *extras]
    return [
        one for one in requirements if not one.marker or any(one.marker.evaluate({"extra": extra}) for extra in asked)
    ]


def brought_by(requirements: Iterable[Requirement]) -> dict[str, Distribution]:
    """All that requirements bring, theirs too, by name."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    left = list(requirements)
    while left:
        one = left.pop()
        name = canonicalize_name(one.name)
        if (name, frozenset(one.extras)) in seen:
            continue
        seen.add((name, frozenset(one.extras)))
        found[name] = distribution(one.name)
        left += applying(map(Requirement, found[name].requires or ()), one.extras)
    return found


@dataclass(frozen=True)
class Environment:
    """An interpreter of its own, and the distributions beside it."""

    python: Path
    holds: frozenset[str]

    def run(self, *arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
        """Run its interpreter, with nothing of who runs the tests but ``more``."""
        return subprocess.run(
            [str(self.python), *arguments],
            cwd=cwd,
            env={"PATH": "/usr/bin:/bin", "HOME": str(cwd)} | more,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def environment(folder: Path, wheel: Path, *extras: str) -> Environment:
    """What `pip install 'launchplane-gate[EXTRAS]'` makes of a new folder, with links in place of copies."""
    venv.create(folder, symlinks=True, with_pip=False)
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    site = Path(paths["purelib"])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    brought = brought_by(applying(required(wheel), extras))
    for one in brought.values():
        for top in {file.parts[0] for file in one.files or ()} - {"..", "__pycache__"}:
            (site / top).symlink_to(str(one.locate_file(top)))
    return Environment(folder / "bin" / "python", frozenset({"launchplane-gate", *brought}))
