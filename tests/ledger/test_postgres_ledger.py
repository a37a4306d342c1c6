"""The ledger in Postgres: its locks, its transactions, its clock, its tables, and what it never says."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
import sqlalchemy as sa

from launchplane_gate.errors import LedgerError, PastLost, SettingsError
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval, InventoryWriter, Question
from launchplane_gate.ledger import FORMAT, Ledger, Terms, Wish, tables
from launchplane_gate.ledger.migrating import FOLDER
from launchplane_gate.ledger.postgres import SCHEMA, Postgres
from launchplane_gate.ledger.sqlite import Sqlite
from launchplane_gate.model import Lane, Outcome
from launchplane_gate.policy import Bundle, EmbeddedEngine
from tests.conftest import ACTOR, PROD, TESTING, A, deploy, promote
from tests.fakes.platform import FakePlatform
from tests.ledger.test_formats import AS_FORMAT_2
from tests.on_postgres import LEDGER_ID, gate_on, migrated
from tests.postgres import PASSWORD, USERNAME, PostgresServer

pytestmark = pytest.mark.thorough  # servers are stopped and started, connections cut


@pytest.fixture
def ledger(postgres: str, tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(tmp_path, migrated(postgres), holds_records=False)) as ledger:
        yield ledger


@pytest.fixture
def gate(
    postgres: str, tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine, platform: FakePlatform
) -> Iterator[Gate]:
    gate = gate_on(migrated(postgres), tmp_path, bundle, engine, platform)
    yield gate
    gate.ledger.close()


def hold(ledger: Ledger, *lanes: Lane, wait_s: float = 0) -> Any:
    return ledger.hold(lanes, Wish(Terms(run_s=60), wait_s=wait_s))


def said(ledger: Ledger, statement: str) -> Any:
    with ledger.database.write() as connection:
        return connection.exec_driver_sql(statement).scalar()


# -- locks


def test_while_one_lane_is_locked_another_goes_on(ledger: Ledger) -> None:
    with ledger.database.write() as connection:
        ledger.database.lock(connection, [PROD])
        began = time.monotonic()
        waiting = threading.Thread(target=lambda: hold(ledger, PROD).__enter__())
        waiting.start()
        with in_another_thread(lambda: ledger.end_hold(TESTING, {})):
            pass
        assert time.monotonic() - began < 5
        assert waiting.is_alive()
    waiting.join(5)
    assert not waiting.is_alive()


@contextmanager
def in_another_thread(work: Callable[[], object]) -> Iterator[threading.Thread]:
    """It has ended when this does."""
    thread = threading.Thread(target=work)
    thread.start()
    yield thread
    thread.join()


def test_lanes_are_locked_in_one_order_whatever_the_order_they_are_asked_in(ledger: Ledger) -> None:
    failed: list[BaseException] = []

    def swap(*lanes: Lane) -> None:
        try:
            for _ in range(40):
                with hold(ledger, *lanes, wait_s=30):
                    pass
        except BaseException as error:  # noqa: BLE001  # told below
            failed.append(error)

    threads = [threading.Thread(target=swap, args=order) for order in ((TESTING, PROD), (PROD, TESTING)) for _ in "ab"]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failed == []


def test_no_connection_is_held_while_something_outside_is_waited_for(gate: Gate, platform: FakePlatform) -> None:
    """Neither while a platform is observed, nor while evidence is gathered, a deploy is done, or a driver records."""
    seen: dict[str, int] = {}

    def note(where: str) -> None:
        seen[where] = max(seen.get(where, 0), gate.ledger.database.engine.pool.checkedout())  # type: ignore[attr-defined]  # its kind has it

    def deploying(of: FakePlatform, approval: Approval) -> Outcome:
        note("before redeem")
        outcome = of.change(approval)
        note("after")
        return outcome

    def recording(inventory: InventoryWriter) -> None:
        note("before recording")
        inventory.write()
        note("after recording")

    def sampling(_: Question) -> None:
        note("evidence")

    def observing(_: Lane) -> None:
        note("observe")

    platform.observing, platform.sampling = observing, sampling
    platform.behaves, platform.recording = deploying, recording
    for request in (deploy(A), promote(A), promote(A, redeploy=True)):
        assert gate.run(request, ACTOR).status == "recorded"
    assert set(seen) == {"before redeem", "after", "before recording", "after recording", "evidence", "observe"}
    assert set(seen.values()) == {0}


# -- transactions


def test_whatever_is_read_in_a_snapshot_is_of_one_moment(ledger: Ledger) -> None:
    with ledger.snapshot():
        before = ledger.heads()
        with in_another_thread(lambda: ledger.end_hold(TESTING, {})):
            pass
        assert ledger.heads() == before
    assert ledger.heads() != before


def test_who_reads_writes_nothing(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="read-only"), ledger.database.read() as connection:
        connection.execute(tables.lanes.delete())


def test_durable_is_durable_and_isolated_whatever_the_server_says(
    postgres: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    name = postgres.rpartition("/")[2]
    postgres_server.administer("ALTER DATABASE {} SET synchronous_commit = off", name)
    postgres_server.administer("ALTER DATABASE {} SET default_transaction_isolation = 'serializable'", name)
    with closing(Ledger.open(tmp_path, migrated(postgres), holds_records=False)) as ledger:
        assert said(ledger, "SHOW synchronous_commit") == "on"
        assert said(ledger, "SHOW transaction_isolation") == "read committed"
        with ledger.database.write(durable=False) as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "off"
        with ledger.database.read() as connection:
            assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "repeatable read"


def test_time_is_the_servers_and_goes_on_within_a_transaction(ledger: Ledger) -> None:
    with ledger.database.write() as connection:
        first = ledger.database.time(connection)
        time.sleep(0.01)
        assert ledger.database.time(connection) > first
    ledger.clock.anchor()
    assert abs(ledger.now().timestamp() - said(ledger, "SELECT extract(epoch FROM clock_timestamp())::float8")) < 1


def test_a_server_that_was_started_again_is_found_again(own_postgres: PostgresServer, tmp_path: Path) -> None:
    url = migrated(own_postgres.create_database("again"))
    with closing(Ledger.open(tmp_path, url, holds_records=False)) as ledger:
        ledger.end_hold(TESTING, {})
        own_postgres.restart("immediate")
        ledger.end_hold(TESTING, {})
        assert len(ledger.entries(lane=TESTING)) == 2


def test_a_server_that_is_away_is_told_and_nothing_is_done(own_postgres: PostgresServer, tmp_path: Path) -> None:
    url = migrated(own_postgres.create_database("away"))
    with closing(Ledger.open(tmp_path, url, holds_records=False)) as ledger:
        own_postgres.stop()
        with pytest.raises(LedgerError, match=r"the ledger in 127\.0\.0\.1:\d+/away cannot be used"):
            ledger.end_hold(TESTING, {})
        own_postgres.start()
        assert ledger.entries(lane=TESTING) == []


# -- tables


def test_both_databases_have_one_schema(postgres: str, tmp_path: Path) -> None:
    sqlite = Sqlite.create(tmp_path / "ledger.sqlite", LEDGER_ID)
    of_postgres = Postgres.connect(migrated(postgres))
    told = []
    for database, schema in ((sqlite, None), (of_postgres, SCHEMA)):
        with closing(database), database.read() as connection:
            here = sa.inspect(connection)
            told.append(
                {
                    name: (
                        {(column["name"], column["nullable"]) for column in here.get_columns(name, schema)},
                        {
                            index["name"]
                            for index in here.get_indexes(name, schema)
                            if not index.get("duplicates_constraint")
                        },
                        here.get_pk_constraint(name, schema)["constrained_columns"],
                    )
                    for name in here.get_table_names(schema)
                }
            )
    assert told[0] == told[1]


@pytest.mark.parametrize("table", ["entries", "policies", "inputs"])
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET {} = NULL", "DELETE FROM {}", "TRUNCATE {}", "TRUNCATE {} CASCADE"]
)
def test_what_was_recorded_is_changed_by_no_statement(gate: Gate, postgres: str, table: str, statement: str) -> None:
    gate.run(deploy(A), ACTOR)
    column = {"entries": "body", "policies": "packed", "inputs": "packed"}[table]
    whole = statement.format(f"{SCHEMA}.{table}", column)
    with psycopg.connect(postgres) as connection:
        if (table, statement) == ("inputs", "DELETE FROM {}"):  # they can be archived
            connection.execute(whole)
            connection.rollback()
            return
        with pytest.raises(psycopg.errors.RaiseException, match="append only"):
            connection.execute(whole)


def test_migrating_makes_the_tables_once_whoever_is_about_it_too(postgres: str, tmp_path: Path) -> None:
    with pytest.raises(PastLost, match="has none of our tables") as error:
        Ledger.open(tmp_path, postgres, holds_records=False)
    assert "launchplane-gate ledger migrate" in error.value.hint
    found: list[int | None] = []

    def migrate() -> None:
        with closing(Postgres.connect(postgres)) as database:
            found.append(database.migrate(LEDGER_ID))

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(found, key=str) == [FORMAT, FORMAT, FORMAT, None]


def test_a_database_of_another_version_is_refused(ledger: Ledger, postgres: str, tmp_path: Path) -> None:
    for version, says in ((FORMAT + 1, f"has schema {FORMAT + 1}"), (1, f"this version needs {FORMAT}")):
        with psycopg.connect(postgres) as connection:
            connection.execute("UPDATE launchplane_gate.meta SET schema_version = %s", [version])
        with pytest.raises(LedgerError, match=says):
            Ledger.open(tmp_path, postgres, holds_records=False)
        if version > FORMAT:
            with closing(Postgres.connect(postgres)) as database, pytest.raises(LedgerError, match=says):
                database.migrate(LEDGER_ID)


def test_a_database_of_format_2_is_migrated_and_not_used_before(gate: Gate, postgres: str, tmp_path: Path) -> None:
    gate.run(deploy(A), ACTOR)
    made = _tables_of(postgres)
    with psycopg.connect(postgres) as connection:
        for statement in AS_FORMAT_2:
            connection.execute(statement.format(f"{SCHEMA}."))
    with pytest.raises(LedgerError, match="has schema 2; this version needs 3"):
        Ledger.open(tmp_path / "other", postgres, holds_records=False)
    with closing(Postgres.connect(postgres)) as database:
        assert (database.migrate(LEDGER_ID), database.migrate(LEDGER_ID)) == (2, FORMAT)
    assert _tables_of(postgres) == made and not gate.ledger.verify().wrong


def _tables_of(url: str) -> list[tuple[object, ...]]:
    columns = "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
    indexes = "SELECT tablename, indexdef, '', '' FROM pg_indexes"
    with psycopg.connect(url) as connection:
        return sorted(
            connection.execute(
                f"{columns} WHERE table_schema = '{SCHEMA}' UNION {indexes} WHERE schemaname = '{SCHEMA}'"
            ).fetchall()
        )


def test_nothing_is_migrated_while_an_older_gate_has_a_run_open(ledger: Ledger, postgres: str) -> None:
    with hold(ledger, TESTING), closing(Postgres.connect(postgres)) as database:
        with psycopg.connect(postgres) as connection:
            connection.execute("UPDATE launchplane_gate.meta SET schema_version = 1")
        with pytest.raises(LedgerError, match="a run of an older version holds sellyouroutboard/testing"):
            database.migrate(LEDGER_ID)


def test_a_migration_only_adds() -> None:
    """Whatever an older version wrote is there afterwards, and nothing of it reads otherwise."""
    for path in (FOLDER / "versions").glob("*.py"):
        takes_away = re.findall(
            r"\b(op\.drop_\w+|op\.alter_column|op\.rename_table|DROP|DELETE|TRUNCATE)\b", path.read_text()
        )
        assert takes_away == [], path


def test_a_gate_needs_no_more_than_to_read_and_write_tables_of_somebody_else(
    ledger: Ledger, postgres: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """As the README says it: the owner of the tables migrates, and the gate is another one."""
    name = postgres.rpartition("/")[2]
    rights = [
        "DROP ROLE IF EXISTS lesser",
        "CREATE ROLE lesser LOGIN PASSWORD 'lesser'",
        f"GRANT USAGE ON SCHEMA {SCHEMA} TO lesser",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {SCHEMA} TO lesser",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {SCHEMA} TO lesser",
    ]
    for statement in rights:
        postgres_server.administer(statement, database=name)
    url = postgres.replace(f"{USERNAME}:{quote(PASSWORD)}", "lesser:lesser")
    with closing(Ledger.open(tmp_path, url, holds_records=False)) as gates, hold(gates, TESTING):
        gates.end_hold(TESTING, {})
        with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"ALTER TABLE {SCHEMA}.entries DISABLE TRIGGER ALL")
        with closing(Postgres.connect(url)) as database:
            assert database.migrate(LEDGER_ID) == FORMAT
    for statement in ("DROP OWNED BY lesser", "DROP ROLE lesser"):
        postgres_server.administer(statement, database=name)


# -- who asks


@pytest.fixture
def nothing_from_elsewhere(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize("how", ["PGPASSWORD", "PGPASSFILE", "service"])
def test_a_password_may_stand_wherever_libpq_looks_for_it(
    postgres: str, tmp_path: Path, nothing_from_elsewhere: pytest.MonkeyPatch, how: str
) -> None:
    migrated(postgres)
    bare = postgres.replace(f":{quote(PASSWORD)}", "")
    host, port, name = re.findall(r"@([\d.]+):(\d+)/(\w+)", bare)[0]
    if how == "PGPASSWORD":
        nothing_from_elsewhere.setenv(how, PASSWORD)
    elif how == "PGPASSFILE":
        (tmp_path / "pass").write_text(f"{host}:{port}:{name}:{USERNAME}:{PASSWORD}\n")
        (tmp_path / "pass").chmod(0o600)
        nothing_from_elsewhere.setenv(how, str(tmp_path / "pass"))
    else:
        lines = [f"host={host}", f"port={port}", f"dbname={name}", f"user={USERNAME}", f"password={PASSWORD}"]
        (tmp_path / "services").write_text("\n".join(["[ledger]", *lines, ""]))
        nothing_from_elsewhere.setenv("PGSERVICEFILE", str(tmp_path / "services"))
        bare = "postgresql:///?service=ledger"
    with closing(Ledger.open(tmp_path, bare, holds_records=False)) as ledger:
        assert ledger.ledger_id() == LEDGER_ID


WRONG = [
    "postgresql://gate:hunter2@127.0.0.1:1/none",
    "postgresql://gate:hunter2%20is@127.0.0.1:1/none?sslmode=verify-full",
    "postgresql://gate@127.0.0.1:1/none?password=hunter2",
    "postgresql://gate:hunter2@127.0.0.1:99999/none",
    "postgresql://gate:hunter2@127.0.0.1:port/none",
    "postgresql://gate:hunter2@127.0.0.1/none?nothing=known",
    "postgresql://gate:hunter2@[::1/none",
    "postgresql://gate:hunter2@no.such.host.invalid/none",
    "mysql://gate:hunter2@127.0.0.1/none",
    "hunter2",
]


@pytest.mark.parametrize("url", WRONG)
def test_no_password_is_told_whatever_is_wrong_with_the_url(url: str, tmp_path: Path) -> None:
    with pytest.raises((LedgerError, SettingsError)) as error:
        Ledger.open(tmp_path, url, holds_records=False)
    assert "hunter2" not in f"{error.value} {error.value.hint}"


def test_a_password_that_is_wrong_is_not_told(postgres: str, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="password authentication failed") as error:
        Ledger.open(tmp_path, postgres.replace("hunter2", "hunter3"), holds_records=False)
    assert "hunter3" not in str(error.value)


def test_what_a_server_repeats_of_a_password_is_masked(postgres: str) -> None:
    with (
        closing(Postgres.connect(migrated(postgres))) as database,
        pytest.raises(LedgerError) as error,
        database.write() as connection,
    ):
        connection.exec_driver_sql(f'"{PASSWORD}"')
    assert "hunter2" not in str(error.value) and "***" in str(error.value)


def test_the_server_ends_what_a_process_that_halted_left_open(ledger: Ledger) -> None:
    assert said(ledger, "SHOW idle_in_transaction_session_timeout") == "20s"
    assert said(ledger, "SHOW lock_timeout") == "10s"
