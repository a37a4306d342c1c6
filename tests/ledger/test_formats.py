"""What an older version wrote is read, verified and added to; what a newer one wrote is refused."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from launchplane_gate.errors import LedgerError
from launchplane_gate.gate import Gate
from launchplane_gate.ledger import FILE_NAME, Key, Ledger, Terms, Wish
from launchplane_gate.ledger.tables import ENTRY_FORMAT
from launchplane_gate.line.waive import WaiverRequest
from tests.conftest import ACTOR, APPROVER, PROD, PRODUCT, TESTING, A, B, MakeGate, deploy, promote
from tests.places import ROOT

FORMAT_1 = Path(__file__).with_name("format_1.sql")
"""A ledger as the last version before format 2 wrote it: A deployed to testing under a key, A deployed to prod under a
waiver that was approved, a waiver for B that was revoked, and a stranger's refusal that is not summed up yet."""


def old_ledger(folder: Path, *more: str) -> Path:
    path = folder / FILE_NAME
    with sqlite3.connect(path) as database:
        database.executescript(FORMAT_1.read_text())
        for statement in more:
            database.execute(statement)
    database.close()
    return path


def test_a_ledger_of_format_1_is_brought_to_this_one_with_every_chain_intact(tmp_path: Path) -> None:
    old_ledger(tmp_path)
    ledger = Ledger.open(tmp_path, holds_records=True)
    assert not ledger.verify().wrong and ledger.verify().entries == 19
    assert len(ledger.ledger_id()) == 32
    first, second = reversed(ledger.runs())
    run = ledger.run_row(first)
    assert run and (run.status, run.artifact_id) == ("recorded", A.artifact_id)
    scope = f"{ACTOR.subject}|deploy|{TESTING}"
    found = ledger.key(Key(scope, "first", ""))
    assert found and found.run_id == first
    [waiver] = ledger.waivers(PROD, A)
    assert waiver.approval and waiver.approval.by == APPROVER and ledger.waivers(PROD, B) == []
    assert [(one, run) for one, run, _ in ledger.uses_of_waivers([waiver])] == [(waiver.waiver_id, second)]
    assert [(entry.artifact_id, entry.action) for entry in ledger.history(PROD)] == [(A.artifact_id, "deploy")]
    assert ledger.runs_since_recorded(TESTING) == (A, [])
    [decided] = ledger.decision_entries(limit=1)
    assert next(entry.input for entry in ledger.decision_entries() if entry.kind == "decided") is not None
    assert decided.input_digest is None  # as it was written, it stays
    ledger.close()


def test_what_follows_is_of_this_format_and_chained_to_the_old(tmp_path: Path) -> None:
    old_ledger(tmp_path)
    ledger = Ledger.open(tmp_path, holds_records=True)
    with ledger.hold([TESTING], Wish(Terms(run_s=60))) as lease:
        row = {"run_id": "r-NEW00000", "product": PRODUCT, "action": "deploy", "step": "denied", "status": "denied"}
        ledger.begin_run(TESTING, row, {"actor": ACTOR.model_dump()}, lease=lease)
    ledger.sum_up("2099-01-01T00")
    assert not ledger.verify().wrong and ledger.verify().entries == 20
    ledger.close()
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        formats = [one for (one,) in database.execute("SELECT format FROM entries ORDER BY number")]
    assert formats == [None] * 19 + [ENTRY_FORMAT]


@pytest.mark.parametrize("of_before", [(), ("DROP TABLE refusals", "DROP TABLE waiters")])
def test_a_migrated_ledger_has_the_very_tables_of_a_new_one(tmp_path: Path, of_before: tuple[str, ...]) -> None:
    (old := tmp_path / "old").mkdir()
    old_ledger(old, *of_before)
    Ledger.open(old, holds_records=False).close()
    Ledger.open(tmp_path / "new", holds_records=False).close()
    assert _form(old) == _form(tmp_path / "new")


def _form(folder: Path) -> dict[str, object]:
    engine = sa.create_engine(f"sqlite:///{folder / FILE_NAME}")
    look = sa.inspect(engine)
    form: dict[str, object] = {}
    for table in look.get_table_names():
        columns = look.get_columns(table)
        form[table] = (
            {(one["name"], str(one["type"]), one["nullable"] or bool(one.get("primary_key"))) for one in columns},
            look.get_pk_constraint(table)["constrained_columns"],
            {(one["name"], tuple(one["column_names"]), one["unique"]) for one in look.get_indexes(table)},
        )
    with engine.connect() as connection:
        triggers = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
        form["triggers"] = triggers.scalars().all()
        where = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql LIKE '%INDEX%WHERE%'")
        form["partial"] = {(name, " ".join(sql.split())) for name, sql in where}
        form["version"] = connection.exec_driver_sql("SELECT * FROM launchplane_gate_version").scalars().all()
    engine.dispose()
    return form


def test_a_ledger_of_format_2_has_a_place_for_tokens_and_is_otherwise_as_it_was(gate: Gate, tmp_path: Path) -> None:
    gate.run(deploy(A), ACTOR)
    before = [(head.position, head.hash) for head in gate.ledger.heads()]
    gate.ledger.close()
    as_format_2(tmp_path)
    reader = Ledger.to_read(tmp_path, holds_records=True)
    assert reader.copied and not reader.verify().wrong
    reader.close()
    ledger = Ledger.open(tmp_path, holds_records=True)
    assert not ledger.verify().wrong and [(head.position, head.hash) for head in ledger.heads()] == before
    ledger.close()
    Ledger.open(tmp_path / "new", holds_records=False).close()
    assert _form(tmp_path) == _form(tmp_path / "new")


def as_format_2(folder: Path) -> None:
    with sqlite3.connect(folder / FILE_NAME) as database:
        for statement in AS_FORMAT_2:
            database.execute(statement.format(""))
    database.close()


AS_FORMAT_2 = (
    "DROP TABLE {}tokens",
    "UPDATE {}meta SET schema_version = 2",
    "UPDATE {}launchplane_gate_version SET version_num = '2'",
)


def test_a_ledger_of_format_1_is_read_where_nobody_may_migrate_it(tmp_path: Path) -> None:
    path = old_ledger(tmp_path)
    before = path.read_bytes()
    reader = Ledger.to_read(tmp_path, holds_records=True)
    assert len(reader.runs()) == 2 and not reader.verify().wrong
    assert reader.copied == "an older version wrote it, and it is not migrated yet"
    reader.close()
    assert path.read_bytes() == before


def test_a_ledger_in_which_an_older_version_has_a_run_open_is_not_migrated(tmp_path: Path) -> None:
    old_ledger(
        tmp_path, "UPDATE lanes SET holder = 'h-1', holder_process = 'elsewhere 1 0.0', lease_until = 99999999999.0"
    )
    with pytest.raises(LedgerError, match=f"a run of an older version holds {PRODUCT}/") as error:
        Ledger.open(tmp_path, holds_records=True)
    assert "Wait for that run to end" in error.value.hint
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        assert database.execute("SELECT schema_version FROM meta").fetchone() == (1,)
        assert "ledger_id" not in {row[1] for row in database.execute("PRAGMA table_info(meta)")}


def test_a_migration_that_is_killed_leaves_the_old_ledger(tmp_path: Path) -> None:
    path = old_ledger(tmp_path)
    program = f"""
import os, signal, sqlite3
from pathlib import Path
import sqlalchemy as sa
from sqlalchemy import event
from launchplane_gate.ledger import Ledger
@event.listens_for(sa.Engine, "commit")
def die(connection):
    os.kill(os.getpid(), signal.SIGKILL)
Ledger.open(Path({str(tmp_path)!r}), holds_records=True)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert done.returncode == -9
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT schema_version FROM meta").fetchone() == (1,)
    ledger = Ledger.open(tmp_path, holds_records=True)
    assert not ledger.verify().wrong
    ledger.close()


# -- what a decision leaves behind, so that it can be asked again


def test_each_decision_is_kept_with_its_policies_the_waivers_that_were_offered_and_its_mode(gate: Gate) -> None:
    gate.run(deploy(A), ACTOR)
    gate.run(promote(), ACTOR)
    until = gate.ledger.now() + timedelta(hours=1)
    wanted = WaiverRequest("lane.not_bypassed", PRODUCT, "prod", B.artifact_id, B.source_git_ref, "down", until)
    waiver = gate.request_waiver(wanted, ACTOR)
    refused = gate.run(deploy(B, to="prod"), ACTOR)
    decisions = gate.ledger.decision_entries()
    assert decisions and all(entry.body["mode"] == "enforce" for entry in decisions)
    offered = {entry.subject: [one["waiver_id"] for one in entry.body["offered"]] for entry in reversed(decisions)}
    assert offered.pop(refused.run_id) == [waiver.waiver_id]  # nobody approved it, and it was looked at all the same
    assert list(offered.values()) == [[]] * len(offered)
    assert all(entry.input is not None and entry.input_digest for entry in decisions)
    revisions = {entry.body["decision"]["policy_revision"] for entry in decisions}
    with gate.ledger.database.read() as connection:
        kept = connection.exec_driver_sql("SELECT revision, packed FROM policies").all()
    assert {revision for revision, _ in kept} == revisions and len(kept) == 1
    assert kept[0][1][:2] == b"\x1f\x8b"  # as `policy bundle` packs it


def test_a_deployment_record_names_the_ledger_and_how_far_it_had_come(gate: Gate) -> None:
    run = gate.run(deploy(A), ACTOR)
    assert run.deployment_record_id and run.admitted
    named = gate.store.read_deployment_record(run.deployment_record_id).runtime_source
    assert named["gate_run_id"] == run.run_id and named["gate_decision_id"] == run.admitted.decision_id
    assert named["gate_ledger_id"] == gate.ledger.ledger_id()
    position, _, digest = named["gate_head"].partition(":")
    assert gate.ledger.hash_at(TESTING, int(position)) == digest
    [redeemed] = gate.ledger.entries(subject=run.run_id, kinds=["redeemed"])
    assert redeemed.position == int(position)


def test_entries_have_ids_of_their_own(gate: Gate, make_gate: MakeGate) -> None:
    gate.run(deploy(A), ACTOR)
    make_gate().run(deploy(B), ACTOR)
    with gate.ledger.database.read() as connection:
        ids = connection.exec_driver_sql("SELECT entry_id FROM entries").scalars().all()
    assert None not in ids and len(set(ids)) == len(ids)
