"""What is locked: everything that is installed and that builds, by hash, and by no index of anybody."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.places import ROOT
from tests.project.environments import applying, brought_by

LOCK, FOR_DEVELOPMENT = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NAMED = PROJECT["project"]["optional-dependencies"]
OURS = "launchplane-gate"


def pins(*texts: str) -> dict[str, str]:
    """The version of each distribution. A line that pins nothing, or has no hash, fails."""
    found = {}
    for text in texts:
        for entry in re.split(r"\n(?=[^\s#])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip()):
            line, *hashes = re.split(r"\s*\\\n\s*", entry)
            pinned = re.fullmatch(r"([a-z0-9-]+)==([\w.]+)( ; .+)?", line)
            assert pinned, line
            assert hashes and all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in hashes), line
            found[pinned[1]] = pinned[2]
    return found


def everything(*extras: str, build: bool = True) -> list[Requirement]:
    lines = [*PROJECT["project"]["dependencies"], *(PROJECT["dependency-groups"]["build"] if build else ())]
    lines += [line for extra in extras for line in NAMED[extra] if not line.startswith(OURS)]
    return applying([Requirement(line) for line in lines], ())


def test_all_that_runs_and_all_that_builds_is_locked_and_installed_as_locked() -> None:
    run = ("attest", "console", "github", "opa", "page", "postgres")
    locked = pins(LOCK.read_text())
    brought = brought_by(everything(*run))
    assert {"hatchling", "editables"} <= set(brought) <= set(locked)
    assert {name: one.version for name, one in brought.items()} == {name: locked[name] for name in brought}


def test_what_development_needs_is_locked_beside_it_and_nowhere_twice() -> None:
    first, second = pins(LOCK.read_text()), pins(FOR_DEVELOPMENT.read_text())
    assert not set(first) & set(second)
    brought = brought_by(everything(*NAMED))
    assert set(brought) <= {*first, *second}
    assert {name: one.version for name, one in brought.items()} == {name: (first | second)[name] for name in brought}


def test_what_decides_is_pinned_before_anything_is_locked() -> None:
    decides = {"gordon-to-regorus", "opa-python-client", "pygithub"}
    locked = pins(LOCK.read_text())
    pinned: dict[str, str] = {canonicalize_name(one.name): str(one.specifier) for one in everything("github", "opa")}
    assert {name: pinned[name] for name in decides} == {name: f"=={locked[name]}" for name in decides}


@pytest.mark.parametrize("lock", [LOCK, FOR_DEVELOPMENT], ids=lambda path: path.name)
def test_a_lock_names_no_index(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text and "index" not in text and " @ " not in text


@pytest.mark.parametrize(
    "text",
    [
        "httpx>=0.28 \\\n    --hash=sha256:" + "a" * 64,
        "httpx==0.28.1",
        "httpx==0.28.1 \\\n    --hash=md5:" + "a" * 32,
        "-e .",
        "httpx @ https://example.org/httpx.whl \\\n    --hash=sha256:" + "a" * 64,
    ],
)
def test_what_is_no_lock_is_none(text: str) -> None:
    with pytest.raises(AssertionError):
        pins(text)


def test_make_and_the_workflow_install_nothing_without_a_hash() -> None:
    for path in ("Makefile", ".github/gate/install"):
        text = (ROOT / path).read_text()
        installs = [line for line in text.splitlines() if re.search(r"pip\b.* install\b.* -|install\[@\]", line)]
        assert installs, path
        for line in installs:
            by_hash = "--require-hashes --only-binary :all: -r" in line
            assert by_hash or "--no-deps --no-build-isolation" in line or line.strip().startswith("install=("), line
