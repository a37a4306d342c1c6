"""A lost past is noticed: a ledger that is empty, another one, or older than what is known stops all but reading."""

from __future__ import annotations

import json
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from launchplane_gate.errors import LedgerError, PastLost
from launchplane_gate.gate import Gate
from launchplane_gate.lane_records import read_lane
from launchplane_gate.ledger import FILE_NAME, Head, Ledger
from launchplane_gate.ledger.mark import FILE_NAME as MARK
from launchplane_gate.ledger.mark import Mark
from launchplane_gate.line.standing import Asked, consent
from launchplane_gate.line.waive import WaiverRequest
from launchplane_gate.policy import Bundle
from launchplane_gate.restoring import Consent, enter, losses
from launchplane_gate.settled import settled
from launchplane_gate.waivers import look_at_waivers
from tests.cli.test_cli import NEW, OLD, Site, site
from tests.conftest import ACTOR, APPROVER, PROD, PRODUCT, PROFILE, TESTING, A, B, MakeGate, deploy, promote
from tests.fakes.platform import FakePlatform

pytestmark = pytest.mark.thorough  # tests/line/test_state_machine puts older ledgers back

__all__ = ["site"]


def kept(gate: Gate, folder: Path) -> Path:
    """A backup of the ledger as it is now."""
    copy = folder.parent / f"{folder.name}-backup.sqlite"
    gate.ledger.database.backup(copy)  # type: ignore[attr-defined]  # in a file here
    return copy


def put_back(copy: Path, state: Path, *, mark: bool = True) -> None:
    """As somebody does by hand, without the gate."""
    for path in state.glob(f"{FILE_NAME}*"):
        path.unlink()
    shutil.copyfile(copy, state / FILE_NAME)
    if not mark:
        (state / MARK).unlink()


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"\0" * 84])
def test_a_ledger_that_was_emptied_is_no_new_one(gate: Gate, tmp_path: Path, content: bytes) -> None:
    """Seen: a ledger of 0 bytes became a new one without a word."""
    gate.run(deploy(A), ACTOR)
    gate.ledger.close()
    for path in tmp_path.glob(f"{FILE_NAME}*"):
        path.unlink()
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(LedgerError, match=r"is empty|cannot be used"):
        Ledger.open(tmp_path, holds_records=True)
    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_a_ledger_that_is_gone_is_missed_by_its_mark(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, holds_records=False)
    ledger.mark_anew(tmp_path)
    ledger.close()
    (tmp_path / FILE_NAME).unlink()
    with pytest.raises(PastLost, match=r"is missing, and ledger.mark beside it says that there was one"):
        Ledger.open(tmp_path, holds_records=False)


def test_an_older_copy_is_noticed_by_the_mark(gate: Gate, make_gate: MakeGate, tmp_path: Path) -> None:
    gate.run(deploy(A), ACTOR)
    copy = kept(gate, tmp_path)
    gate.run(deploy(B), ACTOR)
    gate.ledger.close()
    put_back(copy, tmp_path)
    with pytest.raises(PastLost, match=r"older than the mark beside it, which knows entry 14 of .*/testing") as error:
        make_gate()
    assert "ledger restore <backup> --reason" in error.value.hint
    reader = Ledger.to_read(tmp_path, holds_records=True)
    assert len(reader.runs()) == 1  # reading goes on
    reader.close()


def test_an_older_copy_is_noticed_by_the_records(gate: Gate, make_gate: MakeGate, tmp_path: Path) -> None:
    """Seen: an older copy put back revived a revoked waiver and verified whole."""
    gate.run(deploy(A), ACTOR)
    until = gate.ledger.now() + timedelta(hours=1)
    wanted = WaiverRequest("lane.not_bypassed", PRODUCT, "prod", A.artifact_id, A.source_git_ref, "down", until)
    waiver = gate.request_waiver(wanted, ACTOR)
    gate.approve_waiver(waiver.waiver_id, APPROVER)
    copy = kept(gate, tmp_path)
    gate.revoke_waiver(waiver.waiver_id, "no", ACTOR)
    run = gate.run(promote(), ACTOR)
    assert run.status == "recorded"
    gate.ledger.close()
    put_back(copy, tmp_path, mark=False)
    again = make_gate()
    with pytest.raises(PastLost, match=f"prod: the ledger is older than its records, which know {run.run_id}"):
        again.run(deploy(A, to="prod"), ACTOR)
    with pytest.raises(PastLost):
        again.check(promote(), ACTOR)
    assert settled(read_lane(again.store, again.ledger, PROD), again.ledger, None)[0] is False
    assert not again.ledger.verify().wrong  # it is whole, and it is not the one


def test_another_ledger_is_noticed_by_the_records(gate: Gate, make_gate: MakeGate, tmp_path: Path) -> None:
    gate.run(deploy(A), ACTOR)
    gate.ledger.close()
    (elsewhere := tmp_path / "other").mkdir()
    Ledger.create(elsewhere).close()
    put_back(elsewhere / FILE_NAME, tmp_path)
    with pytest.raises(PastLost, match="is another one than the mark beside it names"):
        make_gate()
    (tmp_path / MARK).unlink()
    with pytest.raises(PastLost, match="was let go by another ledger"):
        make_gate().run(promote(), ACTOR)


def test_a_run_that_the_platform_knows_and_the_ledger_does_not_is_noticed(gate: Gate, platform: FakePlatform) -> None:
    """State folder, records and mark may all be an older copy; the platform is not."""
    gate.run(deploy(A), ACTOR)
    platform.newest_run[str(TESTING)] = "r-LOST0000"
    heads = gate.ledger.heads()
    with pytest.raises(PastLost, match="the newest deployment of its platform is of r-LOST0000"):
        gate.run(deploy(B), ACTOR)
    assert gate.ledger.heads() == heads and platform.deploys == [(str(TESTING), A.source_git_ref)]


def test_a_gate_that_is_open_stops_all_but_reading_too(gate: Gate, tmp_path: Path) -> None:
    """Where its database was put back under it, and only the mark knows."""
    gate.run(deploy(A), ACTOR)
    run = gate.run(promote(), ACTOR)
    [head] = [one for one in gate.ledger.heads() if one.lane == PROD]
    Mark(tmp_path / MARK, gate.ledger.ledger_id()).rise(Head(PROD, head.position + 3, "f" * 64))
    heads, until = gate.ledger.heads(), gate.ledger.now() + timedelta(hours=1)
    wanted = WaiverRequest("lane.not_bypassed", PRODUCT, "prod", A.artifact_id, A.source_git_ref, "down", until)
    for act in (
        lambda: gate.run(deploy(B), ACTOR),
        lambda: gate.check(promote(), ACTOR),
        lambda: gate.request_waiver(wanted, ACTOR),
        lambda: gate.publish(run.run_id, ACTOR),
    ):
        with pytest.raises(PastLost, match=f"which knows entry {head.position + 3} of {PROD}"):
            act()
    assert gate.ledger.heads() == heads
    assert gate.ledger.run_row(run.run_id)


def test_a_mark_never_makes_the_right_ledger_look_old(gate: Gate, make_gate: MakeGate, tmp_path: Path) -> None:
    """It names durable entries only; a power cut takes what is not, and the mark stays true."""
    gate.run(deploy(A), ACTOR)
    marked = json.loads((tmp_path / MARK).read_text().splitlines()[0])["lanes"][str(TESTING)]
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        [kind] = database.execute("SELECT kind FROM entries WHERE position = ?", [marked[0]]).fetchone()
    assert kind == "recorded"


@pytest.mark.parametrize("torn", [b"", b"{", b'{"ledger_id": "x", "lanes": {}}\n0000\n'])
def test_a_torn_mark_stops_nobody_and_is_written_anew(
    gate: Gate, make_gate: MakeGate, tmp_path: Path, torn: bytes
) -> None:
    gate.run(deploy(A), ACTOR)
    (tmp_path / MARK).write_bytes(torn)
    assert make_gate().run(deploy(B), ACTOR).status == "recorded"
    assert str(TESTING) in json.loads((tmp_path / MARK).read_text().splitlines()[0])["lanes"]


# -- restoring, at the command line


def test_a_backup_is_put_back_and_what_it_lacks_is_named(site: Site, tmp_path: Path) -> None:
    site.deploy(OLD)
    assert site.run("promote", PRODUCT).exit_code == 0
    backup = tmp_path / "backup.sqlite"
    said = site.run("ledger", "backup", str(backup))
    assert said.exit_code == 0 and f"was copied to {backup}" in said.out
    assert site.run("ledger", "backup", str(backup)).exit_code == 2  # nothing is overwritten
    assert site.deploy(NEW).exit_code == 0
    put_back(backup, site.folder / "state")
    refused = site.deploy(NEW)
    assert refused.exit_code == 3 and "older than the mark beside it" in refused.err
    lanes = site.run("lanes")
    assert lanes.exit_code == 0 and "older than the mark beside it" in lanes.err
    assert site.run("check", "promote", PRODUCT).exit_code == 3
    doctor = site.run("doctor")
    assert doctor.exit_code == 3 and "older than the mark beside it" in doctor.out
    proof = site.run("prove", PRODUCT)
    assert proof.exit_code == 1 and "older than the mark beside it" in " ".join(proof.out.split())
    done = site.run("ledger", "restore", str(backup), "--reason", "the disk was lost")
    assert done.exit_code == 0, done
    assert "`launchplane-gate lane hold` puts it back" in done.out
    assert "1 lane is behind" in done.out and f"{PRODUCT}/testing: what came up to entry" in done.out
    assert "unsettled" in site.run("lanes").out
    assert site.run("promote", PRODUCT).exit_code == 1
    command = next(line for line in done.out.splitlines() if "settle it:" in line).split("launchplane-gate ")[1]
    assert site.run(*command.split()).exit_code == 0
    assert site.run("promote", PRODUCT).exit_code == 0
    assert site.run("decisions", "verify").exit_code == 0


def test_a_lane_whose_records_are_torn_is_behind_for_all_that_is_known(site: Site, tmp_path: Path) -> None:
    site.deploy(OLD)
    backup = tmp_path / "backup.sqlite"
    site.run("ledger", "backup", str(backup))
    [record] = (site.folder / "state" / "deployments").rglob("*.json")
    record.write_text(record.read_text()[:40])
    done = site.run("ledger", "restore", str(backup), "--reason", "the disk was lost")
    assert done.exit_code == 0 and f"{PRODUCT}/testing: its records may know more, and cannot be read" in done.out


def test_what_lies_beside_a_torn_record_is_named_all_the_same(site: Site, tmp_path: Path) -> None:
    """Seen: what the other records knew was not on record as lost, so that every run stopped at it for good."""
    site.deploy(OLD)
    backup = tmp_path / "backup.sqlite"
    site.run("ledger", "backup", str(backup))
    site.deploy(NEW)
    (site.folder / "state" / "deployments" / PRODUCT / "testing" / "torn.json").write_text("{")
    done = site.run("ledger", "restore", str(backup), "--reason", "the disk was lost")
    assert done.exit_code == 0 and f"{PRODUCT}/testing: what came up to entry" in done.out
    assert site.deploy(NEW).exit_code == 0
    assert site.run("promote", PRODUCT).exit_code == 0


@pytest.mark.parametrize("left", ["nothing", "an empty file", "a mark and no records"])
def test_there_is_a_way_on_where_no_backup_is_left(site: Site, left: str) -> None:
    site.deploy(OLD)
    state = site.folder / "state"
    for path in state.glob(f"{FILE_NAME}*"):
        path.unlink()
    if left == "an empty file":
        (state / FILE_NAME).touch()
    if left == "a mark and no records":
        for folder in ("inventory", "deployments"):
            shutil.rmtree(state / folder)
    refused = site.deploy(OLD)
    assert refused.exit_code == 3 and "ledger restore" in refused.err
    done = site.run("ledger", "restore", "--reason", "nobody had a backup")
    assert done.exit_code == 0 and f"{PRODUCT}/testing: what came up to entry" in done.out, done
    assert ("is kept as" in done.out) == (left == "an empty file")
    assert "unsettled" in site.run("lanes").out
    assert site.deploy(OLD).exit_code == 0
    assert "unsettled" not in site.run("lanes").out


def test_waivers_and_keys_from_before_are_void_where_a_lane_is_behind(
    gate: Gate, make_gate: MakeGate, bundle: Bundle, tmp_path: Path
) -> None:
    until = gate.ledger.now() + timedelta(hours=1)
    wanted = WaiverRequest("lane.not_bypassed", PRODUCT, "prod", A.artifact_id, A.source_git_ref, "down", until)
    waiver = gate.request_waiver(wanted, ACTOR)
    gate.approve_waiver(waiver.waiver_id, APPROVER)
    assert gate.run(deploy(A, to="prod", idempotency_key="k"), ACTOR).status == "recorded"
    copy = kept(gate, tmp_path)
    assert gate.run(deploy(A, to="prod"), ACTOR).status == "recorded"
    gate.ledger.close()
    put_back(copy, tmp_path, mark=False)
    ledger = Ledger.unmarked(tmp_path)
    assert [one.waiver_id for one in ledger.waivers(PROD, A)] == [waiver.waiver_id]
    found = losses(gate.store, ledger, {PROD: PRODUCT, TESTING: PRODUCT}, [], {})
    assert [loss.lane for loss in found] == [PROD]
    decided = consent(bundle, gate.engine, [PROFILE], Asked("restore", "", ""), ACTOR, now=ledger.now())
    enter(gate.store, ledger, bundle, found, Consent(ACTOR, "the disk was lost", decided))
    assert ledger.waivers(PROD, A) == []
    [view] = look_at_waivers(ledger, bundle.settings, {PROD: PRODUCT})
    assert view.state == "void" and "restored without what came after it" in view.why
    assert not ledger.verify().wrong
    ledger.close()
    again = make_gate()
    run = again.run(deploy(A, to="prod", idempotency_key="k"), ACTOR)
    assert (run.replayed, run.status) == (False, "denied")  # its waiver is void
    assert again.check(promote(), ACTOR).allowed is False


def test_who_may_not_restore_changes_nothing(site: Site, tmp_path: Path) -> None:
    site.deploy(OLD)
    backup = tmp_path / "backup.sqlite"
    site.run("ledger", "backup", str(backup))
    data = site.folder / "policies" / "config" / "data.json"
    policy = json.loads(data.read_text())
    for entries in policy["products"][PRODUCT]["actors"].values():
        entries[0]["may"].remove("restore")
    data.write_text(json.dumps(policy))
    before = (site.folder / "state" / FILE_NAME).read_bytes()
    refused = site.run("ledger", "restore", str(backup), "--reason", "because")
    assert refused.exit_code == 1 and "actor.permitted" in refused.out
    assert (site.folder / "state" / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no ledger at all, but a long enough text to be looked at" * 20, None])
def test_what_is_no_backup_is_not_put_in_place(site: Site, tmp_path: Path, content: bytes | None) -> None:
    site.deploy(OLD)
    backup = tmp_path / "backup.sqlite"
    if content is not None:
        backup.write_bytes(content)
    refused = site.run("ledger", "restore", str(backup), "--reason", "because")
    assert refused.exit_code == 3 and f"the backup {backup} " in refused.err and "state/." not in refused.err
    assert content is None or "Nothing was done: the ledger is as it was." in refused.err
    assert site.run("lanes").exit_code == 0
    assert [path.name for path in (site.folder / "state").iterdir() if path.name.startswith(".")] == []


def test_a_process_that_has_the_old_one_open_writes_nothing_more(
    gate: Gate, make_gate: MakeGate, tmp_path: Path
) -> None:
    gate.run(deploy(A), ACTOR)
    copy = kept(gate, tmp_path)
    put_back(copy, tmp_path)
    with pytest.raises(LedgerError, match="was replaced while it was open"):
        gate.run(deploy(B), ACTOR)
    with pytest.raises(LedgerError, match="was replaced while it was open"):
        gate.ledger.runs()
    assert PROD not in {entry.lane for entry in make_gate().ledger.entries()}
