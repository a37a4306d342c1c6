"""State is private: whatever the umask, and whatever somebody planted where the gate writes."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchplane_gate import private
from launchplane_gate.errors import LedgerError
from launchplane_gate.ledger import FILE_NAME, Ledger
from launchplane_gate.ledger.mark import FILE_NAME as MARK


@pytest.fixture(params=[0o000, 0o022, 0o377], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: mode(path) for path in folder.rglob("*")}


@pytest.mark.usefixtures("umask")
def test_the_ledger_and_its_folder_are_ours_alone(tmp_path: Path) -> None:
    state = tmp_path / "state"
    ledger = Ledger.create(state)
    with ledger.snapshot():
        assert mode(state) == 0o700
        assert modes(state) == {FILE_NAME: 0o600, f"{FILE_NAME}-wal": 0o600, f"{FILE_NAME}-shm": 0o600, MARK: 0o600}
    ledger.close()


@pytest.mark.usefixtures("umask")
def test_a_group_that_may_read_is_handed_down(tmp_path: Path) -> None:
    state, group = tmp_path / "state", os.getgid()
    private.make_state(state, group)
    Ledger.create(state).close()
    private.make_folder(state / "plugins" / "local")
    with private.replacing(state / "plugins" / "local" / "note") as file:
        file.write(b"here")
    private.write_anew(state / "log").close()
    assert mode(state) == 0o2750
    shared = {"plugins": 0o2750, "local": 0o2750, "note": 0o640, "log": 0o640, FILE_NAME: 0o640, MARK: 0o640}
    assert modes(state) == shared
    assert {path.stat().st_gid for path in state.rglob("*")} == {group}


def test_a_folder_that_is_wider_than_ours_hands_nothing_down(tmp_path: Path) -> None:
    tmp_path.chmod(0o2775)
    private.make_folder(tmp_path / "inventory")
    private.write_anew(tmp_path / "log").close()
    assert {name: value & 0o777 for name, value in modes(tmp_path).items()} == {"inventory": 0o700, "log": 0o600}


def test_a_ledger_that_is_a_link_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / FILE_NAME).symlink_to(elsewhere)
    with pytest.raises(LedgerError, match="it is a link where a file should be"):
        Ledger.create(tmp_path / "state")
    assert not elsewhere.exists()


def test_a_ledger_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FILE_NAME)
    with pytest.raises(LedgerError, match="it is a named pipe where a file should be"):
        Ledger.create(tmp_path)


def test_what_is_replaced_may_be_a_link_and_is_never_written_through(tmp_path: Path) -> None:
    victim, planted = tmp_path / "victim", tmp_path / "record"
    victim.write_text("mine")
    planted.symlink_to(victim)
    with private.replacing(planted) as file:
        file.write(b"new")
    assert (victim.read_text(), planted.read_text(), planted.is_symlink()) == ("mine", "new", False)


def test_what_failed_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "record").write_text("old")
    with pytest.raises(ZeroDivisionError), private.replacing(tmp_path / "record") as file:
        file.write(bytes(1 // 0))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("record", "old")]
