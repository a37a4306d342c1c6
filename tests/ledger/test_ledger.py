"""What the ledger promises: one holder a lane, single steps, and a record that cannot be changed unseen."""

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.errors import LaneBusy, LedgerError, NotSettled
from launchplane_gate.ledger import FILE_NAME, Key, Lease, Ledger, Terms, Wish
from launchplane_gate.model import Actor, Lane, ReleaseIdentity, Waiver

TESTING = Lane(context="shop", instance="testing")
PROD = Lane(context="shop", instance="prod")
RELEASE = ReleaseIdentity(artifact_id="repo/shop@sha256:" + "a" * 64, source_git_ref="a" * 40)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(tmp_path, holds_records=False)
    yield ledger
    ledger.close()


def hold(ledger: Ledger, *lanes: Lane, wait_s: float = 0, run_s: float = 60, write_s: float = 10) -> Any:
    return ledger.hold(lanes, Wish(Terms(run_s=run_s, write_s=write_s), wait_s=wait_s))


def begin(ledger: Ledger, lease: Lease, run_id: str = "r-1", step: str = "decided", key: Key | None = None) -> None:
    row = {"run_id": run_id, "product": "shop", "action": "deploy", **RELEASE.model_dump()}
    row |= {"step": step, "status": "open" if step == "decided" else step}
    ledger.begin_run(TESTING, row, {"actor": {"subject": "test"}}, lease=lease, key=key)


def whole(ledger: Ledger) -> int:
    """How many entries there are, of a ledger in which nothing is wrong."""
    found = ledger.verify()
    assert found.wrong == ()
    return found.entries


def tamper(tmp_path: Path, *statements: str) -> None:
    """Change the file as somebody with an editor for SQLite would, past the triggers."""
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        for statement in ("DROP TRIGGER no_UPDATE", "DROP TRIGGER no_DELETE", *statements):
            connection.execute(statement)


def other_process(tmp_path: Path, lane: Lane) -> subprocess.Popen[str]:
    """A process that holds a lane with an open, redeemed run until it is killed."""
    program = f"""
import sys, time
from pathlib import Path
from launchplane_gate.ledger import Ledger, Terms, Wish
from launchplane_gate.model import Lane
ledger = Ledger.open(Path({str(tmp_path)!r}), holds_records=False)
lane = Lane.parse({str(lane)!r})
with ledger.hold([lane], Wish(Terms(run_s=60, lease_s=0.5, write_s=0.3), run_id="r-other")) as lease:
    row = dict(run_id="r-other", product="shop", action="deploy", artifact_id="a", source_git_ref="b",
               step="decided", status="open")
    ledger.begin_run(lane, row, {{"actor": {{"subject": "other"}}}}, lease=lease)
    ledger.step("r-other", lane, "redeemed", {{}}, lease=lease, redeemed=True)
    print("held", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "held\n"
    return process


def test_a_lane_has_one_holder_and_a_second_one_is_told_who_it_is(ledger: Ledger) -> None:
    with hold(ledger, TESTING), pytest.raises(LaneBusy, match="shop/testing is held by process"):
        hold(ledger, TESTING).__enter__()
    with hold(ledger, TESTING):
        pass  # free again


def test_two_lanes_are_held_both_or_neither(ledger: Ledger) -> None:
    with hold(ledger, PROD):
        with pytest.raises(LaneBusy), hold(ledger, TESTING, PROD):
            pass
        with hold(ledger, TESTING):
            pass  # the failed hold left nothing behind


def test_a_second_process_waits_no_longer_than_it_was_told_to(ledger: Ledger, tmp_path: Path) -> None:
    process = other_process(tmp_path, TESTING)
    began = time.monotonic()
    try:
        with pytest.raises(LaneBusy, match=str(process.pid)), hold(ledger, TESTING, wait_s=0.3):
            pass
        assert 0.3 <= time.monotonic() - began < 5
    finally:
        process.kill()
        process.communicate()


def test_the_lane_of_a_killed_process_is_free_when_what_it_began_is_over(ledger: Ledger, tmp_path: Path) -> None:
    process = other_process(tmp_path, TESTING)
    process.kill()
    process.communicate()
    with pytest.raises(LaneBusy, match=r"r-other.*it is gone, and what it began may go on until"):
        hold(ledger, TESTING, write_s=0.3).__enter__()
    with hold(ledger, TESTING, wait_s=5, write_s=0.3):
        pass
    row = ledger.run_row("r-other")
    assert row and row.status == "interrupted"
    assert ledger.verify().wrong == ()


@pytest.mark.parametrize(("process", "is_free"), [("elsewhere 1 0.0", False), ("{here} 999999999 0.0", True)])
def test_of_a_holder_elsewhere_only_its_lease_tells(
    ledger: Ledger, tmp_path: Path, process: str, is_free: bool
) -> None:
    with hold(ledger, TESTING):
        with sqlite3.connect(tmp_path / FILE_NAME) as connection:
            [here] = connection.execute("SELECT holder_process FROM lanes").fetchone()
            connection.execute("UPDATE lanes SET holder_process = ?", [process.format(here=here.split()[0])])
        if is_free:
            hold(ledger, TESTING).__enter__()
        else:
            with pytest.raises(LaneBusy):
                hold(ledger, TESTING).__enter__()


def test_a_lease_that_is_over_lets_the_next_in_and_its_holder_do_nothing_more(ledger: Ledger) -> None:
    with hold(ledger, TESTING, run_s=0.1) as late:
        begin(ledger, late)
        time.sleep(0.2)
        with hold(ledger, TESTING, write_s=0.05):
            with pytest.raises(NotSettled):
                ledger.step("r-1", TESTING, "redeemed", {}, lease=late, redeemed=True)
            late.release([TESTING])  # gives up nothing that is no longer its own
            with pytest.raises(LaneBusy), hold(ledger, TESTING):
                pass
    row = ledger.run_row("r-1")
    assert row and row.status == "interrupted" and not row.redeemed


def test_a_step_is_taken_once(ledger: Ledger) -> None:
    with hold(ledger, TESTING) as lease:
        begin(ledger, lease)
        ledger.step("r-1", TESTING, "redeemed", {}, lease=lease, after="decided", redeemed=True)
        with pytest.raises(NotSettled):
            ledger.step("r-1", TESTING, "redeemed", {}, lease=lease, after="decided", redeemed=True)
        ledger.step("r-1", TESTING, "fail", {"detail": "no"}, lease=lease)
        with pytest.raises(NotSettled):
            ledger.step("r-1", TESTING, "recorded", {}, lease=lease)


def test_a_key_is_reserved_while_its_run_is_open_and_kept_only_if_it_was_recorded(ledger: Ledger) -> None:
    key = Key("me|deploy|shop/testing", "k", "digest")
    with hold(ledger, TESTING) as lease:
        begin(ledger, lease, "r-1", "denied", key)
        assert ledger.key(key) is None
        begin(ledger, lease, "r-2", "decided", key)
        found = ledger.key(key)
        assert found and found.run_id == "r-2"
        ledger.step("r-2", TESTING, "unknown", {}, lease=lease)
        assert ledger.key(key) is None
        begin(ledger, lease, "r-3", "decided", key)
        ledger.step("r-3", TESTING, "recorded", {}, lease=lease)
        assert ledger.key(key) is not None


def test_entries_cannot_be_changed_or_removed_through_sql(ledger: Ledger, tmp_path: Path) -> None:
    with hold(ledger, TESTING) as lease:
        begin(ledger, lease)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        for statement in ("UPDATE entries SET body = '{}'", "DELETE FROM entries"):
            with pytest.raises(sqlite3.DatabaseError, match="append only"):
                connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE entries SET body = '{}' WHERE position = 1", "entry 1 (decided) was altered"),
        ("UPDATE entries SET at = '2020-01-01T00:00:00Z' WHERE position = 2", "entry 2 (fail) was altered"),
        ("DELETE FROM entries WHERE position = 1", "entry 2 does not follow entry 0"),
        ("DELETE FROM entries WHERE position = 2", "the chain does not end where the lane says"),
        ("UPDATE runs SET status = 'recorded', step = 'recorded'", "run r-1 says recorded, its entries end with fail"),
    ],
)
def test_a_chain_that_was_tampered_with_is_found_out(ledger: Ledger, tmp_path: Path, statement: str, says: str) -> None:
    with hold(ledger, TESTING) as lease:
        begin(ledger, lease)
        ledger.step("r-1", TESTING, "fail", {"detail": "no"}, lease=lease)
    assert whole(ledger) == 2
    tamper(tmp_path, statement)
    assert any(says in wrong for wrong in ledger.verify().wrong)


def test_each_lane_has_a_chain_of_its_own(ledger: Ledger) -> None:
    for number, lane in enumerate((TESTING, PROD, TESTING)):
        ledger.save_waiver(waiver(lane, waiver_id=f"w-{number}"), {})
    assert whole(ledger) == 3
    assert [entry.subject for entry in ledger.entries(lane=TESTING)] == ["w-0", "w-2"]


def test_waivers_are_found_for_their_lane_and_release_only(ledger: Ledger) -> None:
    ledger.save_waiver(waiver(PROD), {})
    other = ReleaseIdentity(artifact_id=RELEASE.artifact_id, source_git_ref="b" * 40)
    assert [found.waiver_id for found in ledger.waivers(PROD, RELEASE)] == ["w-1"]
    assert ledger.waivers(TESTING, RELEASE) == ledger.waivers(PROD, other) == ledger.waivers(PROD, None) == []


def waiver(lane: Lane, waiver_id: str = "w-1") -> Waiver:
    return Waiver(
        waiver_id=waiver_id,
        code="lane.not_bypassed",
        lane=lane,
        release=RELEASE,
        reason="break glass",
        requested_by=Actor(subject="me"),
        requested_at=datetime.now(UTC),
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )


def test_a_ledger_of_a_newer_schema_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE meta SET schema_version = 99")
    with pytest.raises(LedgerError, match="schema 99; this version reads schema 3") as error:
        Ledger.open(tmp_path, holds_records=False)
    assert "newer" in error.value.hint


@pytest.mark.parametrize(
    "content", [b"no database, just a text that is long enough to be looked at", b"SQLite format 3\0"]
)
def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(LedgerError, match="cannot be used"):
        Ledger.open(tmp_path, holds_records=False)


def test_a_truncated_ledger_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    with hold(ledger, TESTING) as lease:
        begin(ledger, lease)
    ledger.close()
    whole = (tmp_path / FILE_NAME).read_bytes()
    (tmp_path / FILE_NAME).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LedgerError):  # it may be found on opening or on the first read
        Ledger.open(tmp_path, holds_records=False).verify()


def test_a_ledger_that_may_only_be_read_is_refused_by_name_and_left_as_it_was() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Ledger.open(folder, holds_records=False).close()
        file = folder / FILE_NAME
        before = file.read_bytes()
        file.chmod(0o444)
        folder.chmod(0o555)
        with nobody_in_particular(), pytest.raises(LedgerError, match=f"{file} cannot be used: .*readonly") as error:
            Ledger.open(folder, holds_records=True)
        assert "permissions" in error.value.hint and file.read_bytes() == before
        folder.chmod(0o755)


@contextmanager
def nobody_in_particular() -> Iterator[None]:
    """Without the rights of root, who may write whatever is read-only."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(me)


def test_records_without_their_ledger_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="holds records but no ledger") as error:
        Ledger.open(tmp_path, holds_records=True)
    assert "init --adopt" in error.value.hint
    assert not (tmp_path / FILE_NAME).exists()


def test_the_clock_never_stands_still(ledger: Ledger) -> None:
    moments = [ledger.now() for _ in range(1000)]
    assert moments == sorted(moments)
    assert abs((moments[-1] - datetime.now(UTC)).total_seconds()) < 1
