"""What a bundle proved is remembered for tools that cannot act, where nobody else can write, and for the very same."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchplane_gate.errors import PolicyError
from launchplane_gate.policy import Bundle, EmbeddedEngine, load_bundle, memory
from tests.fakes import bundles

FAILING = "package gate_test.mine\n\ntest_that_fails if {\n\tx := 1\n\tx == 2\n}\n"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped rules; which tests were proven with them does not matter here."""
    return bundles.without_tests(tmp_path_factory.mktemp("shipped"))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    yield tmp_path / "cache" / "launchplane-gate"
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    """Policies of which a test fails."""
    folder = tmp_path / "policies"
    (folder / "gate").mkdir(parents=True)
    (folder / "gate" / "mine_test.rego").write_text(FAILING)
    return folder


def kept(home: Path) -> list[Path]:
    return sorted(home.glob("proven-*.json")) if home.is_dir() else []


def test_what_was_proven_once_is_not_proven_again_by_tools(home: Path, shipped: Path, tmp_path: Path) -> None:
    (tmp_path / "own" / "gate").mkdir(parents=True)
    text = "package gate_test.own\n\ntest_that_no_other_bundle_has if true\n"  # so nobody here has proven it
    (tmp_path / "own" / "gate" / "own_test.rego").write_text(text)
    bundle = load_bundle([shipped, tmp_path / "own"])
    EmbeddedEngine(bundle, remembers=True)
    [path] = kept(home)
    assert (path.stat().st_mode & 0o777, home.stat().st_mode & 0o777) == (0o600, 0o700)
    written = path.stat().st_mtime_ns
    EmbeddedEngine(bundle, remembers=True)
    assert path.stat().st_mtime_ns == written


def test_what_was_looked_at_once_is_found_to_be_the_same(home: Path, shipped: Path) -> None:
    anew = load_bundle([shipped])
    for _ in range(2):
        assert load_bundle([shipped], remembers=True) == anew
    [path] = home.glob("looked-*.json")
    for odd in (
        '{"rules": {}}',
        '{"rules": {}, "tests": [{}], "reads": {}}',
        "[]",
        '{"rules": 7, "tests": [], "reads": {}}',
    ):
        path.write_text(odd)
        assert load_bundle([shipped], remembers=True) == anew


def test_a_gate_that_may_act_looks_anew(home: Path, shipped: Path) -> None:
    load_bundle([shipped])
    assert not home.exists()


def test_what_fails_is_not_remembered(home: Path, shipped: Path, failing: Path) -> None:
    bundle = load_bundle([shipped, failing])
    for _ in range(2):
        with pytest.raises(PolicyError, match="mine_test"):
            EmbeddedEngine(bundle, remembers=True)
    assert kept(home) == []


def claim(home: Path, bundle: Bundle) -> Path:
    """Somebody writes that these were proven."""
    from launchplane_gate.policy.bundle.load import revision_of  # noqa: PLC0415  # for this forgery alone

    content = memory.content_of(bundle=revision_of(bundle.modules, bundle.config))
    memory.keep("proven", content, True)
    [path] = kept(home)
    EmbeddedEngine(bundle, remembers=True)  # whoever is the same user is believed
    return path


def test_a_gate_that_may_act_proves_anew_whatever_is_remembered(home: Path, shipped: Path, failing: Path) -> None:
    claim(home, load_bundle([shipped, failing]))
    with pytest.raises(PolicyError, match="mine_test"):
        EmbeddedEngine(load_bundle([shipped, failing]))


@pytest.mark.parametrize("how", ["file", "folder", "link", "other", "torn", "large", "pipe"])
def test_what_somebody_else_may_have_written_is_not_believed(
    home: Path, shipped: Path, failing: Path, how: str
) -> None:
    path = claim(home, load_bundle([shipped, failing]))
    if how == "file":
        path.chmod(0o620)
    elif how == "folder":
        home.chmod(0o777)
    elif how == "link":
        path.rename(home / "elsewhere")
        path.symlink_to(home / "elsewhere")
    elif how == "other":
        path.write_text(json.dumps("true"))
    elif how == "torn":
        path.write_text("tru")
    elif how == "large":
        path.write_text("true" + " " * memory.LARGEST)
    else:
        path.unlink()
        os.mkfifo(path, 0o600)
    with pytest.raises(PolicyError, match="mine_test"):
        EmbeddedEngine(load_bundle([shipped, failing]), remembers=True)


def test_nothing_is_remembered_where_nothing_can_be_written(home: Path, shipped: Path) -> None:
    home.parent.write_text("in the way")
    EmbeddedEngine(load_bundle([shipped]), remembers=True)


def test_only_the_newest_are_kept(home: Path) -> None:
    for number in range(memory.KEPT + 5):
        memory.keep("proven", f"{number:064x}", True)
    assert len(kept(home)) == memory.KEPT
