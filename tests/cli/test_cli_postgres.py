"""The way into Postgres, and the looking after it: `ledger migrate`, `ledger move`, and what `doctor` says."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from launchplane_gate.cli.storage import lies_on
from launchplane_gate.errors import LaneBusy, LedgerError, RecordUnreadable
from launchplane_gate.gate import Gate
from launchplane_gate.ledger import FILE_NAME, FORMAT, MOVED, Ledger, Terms, Wish, tables
from launchplane_gate.ledger.moving import move
from launchplane_gate.ledger.postgres import Postgres
from launchplane_gate.ledger.sqlite import Sqlite
from launchplane_gate.line.waive import WaiverRequest
from launchplane_gate.model import Actor, Hold, Lane, stamp
from launchplane_gate.policy import Bundle, EmbeddedEngine
from launchplane_gate.records import BackupGateRecord, DeploymentRecord
from launchplane_gate.store import FileStore
from tests import warm
from tests.conftest import ACTOR, APPROVER, IMAGE, PROD, PRODUCT, PROFILE, TESTING, A, B, MakeGate, deploy, promote
from tests.fakes.platform import FakePlatform
from tests.fakes.postgres_proxy import PostgresProxy
from tests.on_postgres import gate_on, migrated
from tests.postgres import PASSWORD, PostgresServer

pytestmark = pytest.mark.thorough  # test_postgres_ledger asks the same below the command line

SETTINGS = f"""
schema_version = 1
state_dir = "."

[plugins.local]
releases = "releases"

[products.{PRODUCT}]
repository = "cbusillo/sellyouroutboard"
driver = "local"
image = "{IMAGE}"
lanes.testing = {{ health_url = "http://127.0.0.1:1/health", target = {{ port = 1 }} }}
lanes.prod = {{ health_url = "http://127.0.0.1:2/health", target = {{ port = 2 }} }}
"""
DEPLOY = ["deploy", PRODUCT, "--to", "testing", "--artifact", A.artifact_id, "--ref", A.source_git_ref]


@pytest.fixture
def state(make_gate: MakeGate, tmp_path: Path) -> Path:
    """A state folder in which something of every kind was recorded, with its settings."""
    gate = make_gate()
    gate.run(deploy(A), ACTOR)
    gate.run(promote(A, idempotency_key="once"), ACTOR)
    gate.run(promote(B), ACTOR)  # refused
    gate.run(deploy(B), Actor(subject="stranger"))
    glass(gate)
    hold = Hold(reason="a freeze", subject=ACTOR.subject, since=stamp(gate.ledger.now()))
    gate.ledger.put_hold(PROD, hold, {})
    backup = BackupGateRecord(
        record_id="backup-1", context=PRODUCT, instance="prod", created_at=stamp(gate.ledger.now()), source="x"
    )
    gate.store.write_backup_gate_record(backup)
    gate.ledger.close()
    (tmp_path / "launchplane-gate.toml").write_text(SETTINGS)
    return tmp_path


@pytest.fixture
def gate_there(
    postgres: str, tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine, platform: FakePlatform
) -> Callable[[], Gate]:
    """Opens a gate on what was moved."""
    return lambda: gate_on(postgres, tmp_path, bundle, engine, platform)


def glass(gate: Gate) -> None:
    until = gate.ledger.now() + timedelta(hours=1)
    wanted = WaiverRequest("lane.not_bypassed", PRODUCT, "prod", B.artifact_id, B.source_git_ref, "down", until)
    gate.approve_waiver(gate.request_waiver(wanted, ACTOR).waiver_id, APPROVER)


def said(folder: Path, *arguments: str, code: int = 0, **environment: str) -> dict[str, Any]:
    """What a command answers; no password in any of it."""
    command = ["-m", "launchplane_gate", *arguments, "--output", "json", "--output", "text=said"]
    done = warm.run(*command, cwd=folder, env={**os.environ, **environment}, imports=["psycopg"])
    assert done.returncode == code, done.stdout + done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert not (folder / "said").exists() or "hunter2" not in (folder / "said").read_text()
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def text(folder: Path) -> str:
    return (folder / "said").read_text()


def name_the_database(folder: Path) -> None:
    path = folder / "launchplane-gate.toml"
    path.write_text(
        path.read_text().replace("schema_version = 1", 'schema_version = 1\ndatabase_url = { env = "URL" }')
    )


def all_rows(ledger: Ledger) -> dict[str, list[Any]]:
    """Everything that a ledger holds, of what lasts."""
    told = {}
    with ledger.database.read() as connection:
        for table in tables.metadata.sorted_tables:
            if table.name not in {"waiters", "inventories", "deployments", "promotions", "backup_gates"}:
                columns = [c for c in table.c if c.name not in {"holder_process", "held_since"}]
                told[table.name] = sorted((tuple(row) for row in connection.execute(sa.select(*columns))), key=repr)
    return told


# -- migrate


def test_the_tables_are_made_once(tmp_path: Path, postgres: str) -> None:
    (tmp_path / "launchplane-gate.toml").write_text(SETTINGS)
    assert "no database_url" in said(tmp_path, "ledger", "migrate", code=2)["error"]["message"]
    name_the_database(tmp_path)
    assert said(tmp_path, "lanes", code=3, URL=postgres)["error"]["kind"] == "PastLost"
    assert said(tmp_path, "ledger", "migrate", URL=postgres) == {"before": None, "schema": FORMAT}
    assert text(tmp_path).startswith(f"Made the tables of schema {FORMAT}: the ledger in 127.0.0.1:")
    assert said(tmp_path, "ledger", "migrate", URL=postgres) == {"before": FORMAT, "schema": FORMAT}
    assert said(tmp_path, "lanes", URL=postgres)


def test_no_tables_are_made_beside_a_ledger_in_a_file(state: Path, postgres: str) -> None:
    name_the_database(state)
    assert "ledger move" in said(state, "ledger", "migrate", code=2, URL=postgres)["error"]["hint"]
    migrated(postgres)
    told = said(state, *DEPLOY, code=3, URL=postgres)
    assert "has a ledger in a file too" in told["error"]["message"]


def test_a_database_that_cannot_hold_every_text_is_refused(postgres: str, postgres_server: PostgresServer) -> None:
    postgres_server.administer("CREATE DATABASE {} OWNER {} ENCODING 'LATIN1' TEMPLATE template0", "latin", "gate")
    try:
        with pytest.raises(LedgerError, match="has the encoding LATIN1"):
            migrated(postgres_server.url("latin"))
    finally:
        postgres_server.drop_database("latin")


# -- move


@pytest.mark.parametrize("how", ["--to-env", "--to-file", "URL", "settings"])
def test_a_ledger_is_moved_with_every_chain_and_record(
    state: Path, postgres: str, gate_there: Callable[[], Gate], how: str
) -> None:
    with closing(Ledger.to_read(state, holds_records=True)) as ledger:
        before, ledger_id, heads = all_rows(ledger), ledger.ledger_id(), ledger.heads()
    files = FileStore(state, {})
    told, line = move_by(state, postgres, how)
    assert told["ledger_id"] == ledger_id and told["records"] == 6
    assert not (state / FILE_NAME).exists() and told["aside"] == str(state / MOVED)
    assert told["setting"] == line and (line in text(state))
    gate = gate_there()  # its mark is the one of the file
    with closing(gate.ledger):
        assert all_rows(gate.ledger) == before and gate.ledger.heads() == heads
        assert by_id(gate.store.list_deployment_records()) == by_id(files.list_deployment_records())
        assert gate.store.list_promotion_records() == files.list_promotion_records()
        assert gate.store.list_backup_gate_records() == files.list_backup_gate_records()
        assert gate.ledger.hold_on(PROD) and not gate.ledger.verify().wrong
        assert gate.run(deploy(B), ACTOR).status == "recorded"
        numbers = [entry.number for entry in gate.ledger.entries()]
        assert numbers == sorted(set(numbers)) and not gate.ledger.verify().wrong


def by_id(records: Iterable[DeploymentRecord]) -> dict[str, DeploymentRecord]:
    return {one.record_id: one for one in records}


def move_by(state: Path, url: str, how: str) -> tuple[dict[str, Any], str]:
    """The answer, and the line for the settings that it should give."""
    bare = url.replace(f":{quote(PASSWORD)}", "")
    if how == "--to-env":
        return said(state, "ledger", "move", how, "URL", URL=url), 'database_url = { env = "URL" }'
    if how == "--to-file":
        (state / "url").write_text(url)
        return said(state, "ledger", "move", how, "url"), 'database_url = { file = "url" }'
    if how == "URL":
        assert "is a secret" in said(state, "ledger", "move", url, code=2)["error"]["message"]
        return said(state, "ledger", "move", bare, PGPASSWORD=PASSWORD), f'database_url = "{bare}"'
    name_the_database(state)
    return said(state, "ledger", "move", URL=url), ""


def test_nobody_goes_on_with_the_file_that_was_moved(state: Path, postgres: str, make_gate: MakeGate) -> None:
    running = make_gate()
    said(state, "ledger", "move", "--to-env", "URL", URL=postgres)
    with pytest.raises(LedgerError, match="was replaced while it was open"):
        running.ledger.end_hold(TESTING, {})
    for command in (["lanes"], DEPLOY):
        told = said(state, *command, code=3)
        assert "was moved to a database" in told["error"]["message"] and "database_url" in told["error"]["hint"]
    assert "is in a database" in said(state, "init", "--adopt", code=2)["error"]["message"]
    name_the_database(state)
    assert said(state, "decisions", "list", URL=postgres)["decisions"]


@pytest.fixture
def both(state: Path, postgres: str) -> Iterator[tuple[Sqlite, Postgres]]:
    with closing(Sqlite.open(state / FILE_NAME)) as source, closing(Postgres.connect(postgres)) as target:
        yield source, target


def moved(both: tuple[Sqlite, Postgres], progress: Callable[[str], None] = lambda _: None) -> Any:
    source, target = both
    return move(source, target, FileStore(source.path.parent, {PRODUCT: PROFILE}), progress)


def tamper(path: Path) -> None:
    with closing(Sqlite.open(path)) as database, database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER no_UPDATE")
        connection.exec_driver_sql("UPDATE entries SET body = '{}' WHERE number = 2")


def tear(path: Path) -> None:
    [record] = path.parent.glob("promotions/*/*/*.json")
    record.write_text("{")


def rename_a_record(path: Path) -> None:
    [record] = path.parent.glob("promotions/*/*/*.json")
    (record.parent / "promotion-copy.json").write_bytes(record.read_bytes())


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (tamper, LedgerError, "does not verify: .*altered"),
        (tear, RecordUnreadable, "is not JSON"),
        (rename_a_record, LedgerError, "duplicate key"),
    ],
)
def test_what_is_not_whole_is_not_moved(
    both: tuple[Sqlite, Postgres], spoil: Callable[[Path], None], error: type[Exception], says: str
) -> None:
    spoil(both[0].path)
    with pytest.raises(error, match=says):
        moved(both)
    see_that_nothing_was_moved(both)


def see_that_nothing_was_moved(both: tuple[Sqlite, Postgres]) -> None:
    """The file is in force, and there is nothing of it in the database."""
    source, target = both
    assert source.path.exists()
    with target.read() as connection:
        assert not target.has_tables(connection)


def test_a_ledger_is_not_moved_while_a_run_is_open(both: tuple[Sqlite, Postgres], state: Path) -> None:
    with closing(Ledger.open(state, holds_records=True)) as ledger:
        with ledger.hold([TESTING], Wish(Terms(run_s=60))) as lease:
            with pytest.raises(LaneBusy, match="is held by a run"):
                moved(both)
            row = {"run_id": "r-1", "product": PRODUCT, "action": "deploy", "step": "decided", "status": "open"}
            ledger.begin_run(TESTING, row, {}, lease=lease)
        with pytest.raises(LaneBusy, match="the run r-1 is open"):
            moved(both)
    see_that_nothing_was_moved(both)


def test_a_ledger_is_moved_into_an_empty_database_alone(
    both: tuple[Sqlite, Postgres], postgres: str, state: Path
) -> None:
    migrated(postgres)
    with closing(Ledger.open(state / "other", postgres, holds_records=False)) as other:
        other.end_hold(Lane(context="other", instance="prod"), {})
    with pytest.raises(LedgerError, match="is not empty: there is something in "):
        moved(both)


def test_tables_that_were_made_before_and_are_empty_are_filled(both: tuple[Sqlite, Postgres], postgres: str) -> None:
    migrated(postgres)
    assert moved(both).entries > 10


def test_a_move_that_is_interrupted_at_any_statement_leaves_the_file_in_force(
    both: tuple[Sqlite, Postgres], postgres: str, postgres_server: PostgresServer
) -> None:
    left = 0
    with (
        PostgresProxy(postgres_server) as proxy,
        closing(Postgres.connect(proxy.url(postgres.rpartition("/")[2]))) as through,
    ):

        @event.listens_for(through.engine, "before_cursor_execute")
        def _counts(*_: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                proxy.cut()

        for number in (*range(2, 400, 23), 10_000):
            left = number
            try:
                moved((both[0], through))
                break
            except LedgerError:
                assert both[0].path.exists()
                if number < 100:  # of some 150 until all is committed
                    see_that_nothing_was_moved(both)
    assert number > 100 and not both[0].path.exists()


@pytest.mark.parametrize("kept", [False, True])
def test_a_move_whose_commit_or_its_answer_is_lost_is_all_or_nothing(
    both: tuple[Sqlite, Postgres], postgres: str, postgres_server: PostgresServer, kept: bool
) -> None:
    with (
        PostgresProxy(postgres_server) as proxy,
        closing(Postgres.connect(proxy.url(postgres.rpartition("/")[2]))) as through,
    ):

        def at_the_last(step: str) -> None:
            if step.startswith("verifying"):  # what follows is read in the same transaction, and then comes its commit
                (proxy.lose_the_answer_of if kept else proxy.lose_the_commit)()

        if kept:
            assert moved((both[0], through), at_the_last).entries > 10
        else:
            with pytest.raises(LedgerError):
                moved((both[0], through), at_the_last)
            see_that_nothing_was_moved(both)


def test_a_move_that_ended_before_the_file_was_put_aside_is_finished(
    both: tuple[Sqlite, Postgres], state: Path, postgres: str
) -> None:
    first = moved(both)
    both[0].close()
    (state / MOVED).rename(state / FILE_NAME)
    with closing(Sqlite.open(state / FILE_NAME)) as source:
        assert moved((source, both[1])) == first
    (state / MOVED).rename(state / FILE_NAME)
    with closing(Ledger.open(state, holds_records=True)) as ledger:
        ledger.end_hold(TESTING, {})
    says = "has another state of this very ledger"
    with closing(Sqlite.open(state / FILE_NAME)) as source, pytest.raises(LedgerError, match=says):
        moved((source, both[1]))
    assert (state / FILE_NAME).exists()


# -- doctor


def checks(folder: Path, **environment: str) -> dict[str, dict[str, Any]]:
    return {check["what"]: check for check in said(folder, "doctor", code=3, **environment)["checks"]}


def test_doctor_tells_of_the_server_and_of_who_owns_the_tables(state: Path, own_postgres: PostgresServer) -> None:
    url = own_postgres.create_database("looked_at")
    said(state, "ledger", "move", "--to-env", "URL", URL=url)
    name_the_database(state)
    own_postgres.administer("ALTER DATABASE {} SET synchronous_commit = off", "looked_at")
    told = checks(state, URL=url)
    assert told["ledger"]["ok"] and f"schema {FORMAT}" in told["ledger"]["found"]
    assert told["storage"]["ok"] and told["storage"]["found"].startswith("Postgres ")
    assert "its synchronous_commit is off, and on for whatever has to last" in told["storage"]["found"]
    assert "Have another user own the tables" in told["storage"]["remedy"]
    assert told[f"{TESTING} records"]["found"].startswith("1 deployment that may matter; the inventory says aaaaaaa")


def test_doctor_refuses_a_server_that_a_crash_would_make_forget(state: Path, postgres: str) -> None:
    """The one that tests share is such a one."""
    said(state, "ledger", "move", "--to-env", "URL", URL=postgres)
    name_the_database(state)
    told = checks(state, URL=postgres)["storage"]
    assert not told["ok"] and "has fsync and full_page_writes off" in told["found"]
    assert told["remedy"].startswith("Set fsync = on and full_page_writes = on")


def test_doctor_tells_of_a_server_that_is_away_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "launchplane-gate.toml").write_text(SETTINGS)
    name_the_database(tmp_path)
    told = checks(tmp_path, URL="postgresql://gate:hunter2@127.0.0.1:1/none")
    assert not told["storage"]["ok"] and not told["ledger"]["ok"] and f"{TESTING} records" not in told
    assert "the ledger in 127.0.0.1:1/none cannot be used" in told["ledger"]["found"]


def test_doctor_tells_where_files_lie(state: Path) -> None:
    told = checks(state)["storage"]
    assert (told["ok"] and told["found"].startswith("SQLite and files, on ")) or "own layer" in told["found"]
    with pytest.raises(LedgerError, match="/state is on nfs4, over a network: its locks cannot be trusted") as error:
        lies_on(Path("/state"), "nfs4")
    assert "local disk" in error.value.hint and "ledger move" in error.value.hint
    found, remedy = lies_on(Path("/state"), "overlay")
    assert "in a container's own layer" in found and "Mount a volume there" in remedy
    assert lies_on(Path("/state"), "ext4") == ("SQLite and files, on ext4", "")
