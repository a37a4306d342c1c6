"""Reading needs no writing: on a read-only or full disk everything that was recorded can be read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from launchplane_gate.errors import LedgerError
from launchplane_gate.gate import Gate
from launchplane_gate.ledger import FILE_NAME, Ledger
from launchplane_gate.line.waive import WaiverRequest
from tests.conftest import ACTOR, APPROVER, PROD, PRODUCT, A, deploy
from tests.places import ROOT

READ = """
import json, os, sys
from pathlib import Path
from launchplane_gate.ledger import Ledger
from launchplane_gate.model import Lane, ReleaseIdentity
Ledger.create(Path(sys.argv[1]).parent / "other").close()  # all that is imported, as who may read it
os.setgid(54321)
os.setuid(54321)
state, artifact, commit = sys.argv[1:]
ledger = Ledger.to_read(Path(state), holds_records=True)
release = ReleaseIdentity(artifact_id=artifact, source_git_ref=commit)
told = {
    "runs": ledger.runs(),
    "waivers": [waiver.waiver_id for waiver in ledger.waivers(Lane.parse("sellyouroutboard/prod"), release)],
    "entries": ledger.verify().entries,
    "wrong": ledger.verify().wrong,
    "copied": ledger.copied,
}
ledger.close()
print(json.dumps(told))
"""


def read_without_leave_to_write(state: Path) -> dict[str, object]:
    """By another process, that may write nothing there."""
    for path in [*state.rglob("*"), state]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    command = [sys.executable, "-c", READ, str(state), A.artifact_id, A.source_git_ref]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def glass(gate: Gate) -> str:
    until = gate.ledger.now() + timedelta(hours=1)
    wanted = WaiverRequest("lane.not_bypassed", PRODUCT, "prod", A.artifact_id, A.source_git_ref, "down", until)
    waiver = gate.request_waiver(wanted, ACTOR)
    return gate.approve_waiver(waiver.waiver_id, APPROVER).waiver_id


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """Where another user gets to."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "state"


def taken(state: Path, elsewhere: Path, *, log: bool = True) -> Path:
    """The files as they are found after a crash, or on a disk that was mounted read-only."""
    elsewhere.mkdir(parents=True)
    for name in [FILE_NAME, *([f"{FILE_NAME}-wal"] if log else [])]:
        shutil.copyfile(state / name, elsewhere / name)
    return elsewhere


@pytest.mark.skipif(os.getuid() != 0, reason="as root another user can be asked; for anybody else it is the same")
def test_a_revocation_that_only_the_log_holds_is_read(gate: Gate, tmp_path: Path, elsewhere: Path) -> None:
    """Seen by probe: with `immutable` a revoked waiver was read as one in force."""
    waiver = glass(gate)
    gate.revoke_waiver(waiver, "no", ACTOR)
    told = read_without_leave_to_write(taken(tmp_path, elsewhere))
    assert (told["waivers"], told["copied"]) == ([], "its folder cannot be written")
    assert (told["entries"], told["wrong"]) == (3, [])


@pytest.mark.skipif(os.getuid() != 0, reason="as root another user can be asked; for anybody else it is the same")
def test_a_ledger_without_a_log_is_read(gate: Gate, tmp_path: Path, elsewhere: Path) -> None:
    run = gate.run(deploy(A), ACTOR)
    gate.ledger.close()
    told = read_without_leave_to_write(taken(tmp_path, elsewhere, log=False))
    assert told["runs"] == [run.run_id]


def test_what_is_written_meanwhile_is_read(gate: Gate, tmp_path: Path) -> None:
    reader = Ledger.to_read(tmp_path, holds_records=False)
    first = gate.run(deploy(A), ACTOR)
    second = gate.run(deploy(A), ACTOR)
    assert reader.runs() == [second.run_id, first.run_id] and not reader.copied
    reader.close()


def test_a_reader_cannot_write(gate: Gate, tmp_path: Path) -> None:
    gate.run(deploy(A), ACTOR)
    reader = Ledger.to_read(tmp_path, holds_records=False)
    with pytest.raises(LedgerError, match="readonly"):
        reader.refuse(PROD, "d-1", {}, key="k", stranger=True)
    reader.close()


def test_where_there_is_no_ledger_nothing_is_read_and_none_is_made(tmp_path: Path) -> None:
    reader = Ledger.to_read(tmp_path / "none", holds_records=False)
    assert (reader.runs(), reader.verify().entries, reader.last_effective(PROD)) == ([], 0, None)
    assert not (tmp_path / "none").exists()
    with pytest.raises(LedgerError, match="holds records but no ledger"):
        Ledger.to_read(tmp_path / "none", holds_records=True)


def test_where_there_is_no_ledger_a_thread_waits_for_the_other(tmp_path: Path) -> None:
    """Seen: lanes that were looked at side by side met in one transaction."""
    with closing(Ledger.to_read(tmp_path / "none", holds_records=False)) as ledger, ThreadPoolExecutor(1) as threads:
        with ledger.database.read():
            other = threads.submit(ledger.last_effective, PROD)
            assert wait([other], timeout=0.3).not_done
        assert other.result(timeout=30) is None


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"x" * 100, b""])
def test_what_is_no_ledger_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(LedgerError, match=r"cannot be used|is empty"):
        Ledger.to_read(tmp_path, holds_records=False)
