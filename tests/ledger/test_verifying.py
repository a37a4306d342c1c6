"""What verifying claims is what it checks: every cell that means something, every record, every head kept elsewhere."""

from __future__ import annotations

import io
import json
import random
import shutil
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from launchplane_gate import strictjson
from launchplane_gate.errors import LedgerError, RequestError, UsageError
from launchplane_gate.gate import Gate
from launchplane_gate.ledger import FILE_NAME, Key, Ledger, Terms, Verified, Wish, tables
from launchplane_gate.ledger.exporting import verify_file
from launchplane_gate.ledger.heads import as_document, kept_from, read_heads
from launchplane_gate.ledger.ledger import new_ledger_id
from launchplane_gate.ledger.postgres import SCHEMA, Postgres
from launchplane_gate.line.waive import WaiverRequest
from launchplane_gate.model import Hold, Lane, ReleaseIdentity, Token
from launchplane_gate.policy import Bundle, EmbeddedEngine
from launchplane_gate.store import FileStore
from launchplane_gate.verify import verify
from tests.conftest import ACTOR, APPROVER, PROD, PRODUCT, PROFILE, TESTING, A, B, deploy, open_gate, promote
from tests.fakes.platform import FakePlatform
from tests.ledger.test_formats import old_ledger
from tests.on_postgres import gate_on, migrated

pytestmark = pytest.mark.thorough  # tests/cli/test_cli_verify alters a little of what this alters all of

MEAN_NOTHING = {
    "meta": {"schema_version", "ledger_id"},  # another one is another ledger, which a head kept elsewhere tells
    "launchplane_gate_version": {"version_num"},
    "lanes": {"holder", "holder_process", "holder_run", "held_since", "held_until", "lease_until"},
    "runs": {"number"},  # its order means something, and has a test of its own
    "entries": {"number"},
    **{name: set(tables.metadata.tables[name].c.keys()) for name in ("refusals", "waiters")},
    **{name: set(tables.metadata.tables[name].c.keys()) for name in ("inventories", "deployments", "promotions")},
    "backup_gates": set(tables.backup_gates.c.keys()),
}
CELLS = [
    (table.name, column.name)
    for table in tables.metadata.sorted_tables
    for column in table.c
    if column.name not in MEAN_NOTHING.get(table.name, set())
]
QUIET: Callable[[str], None] = lambda _: None  # noqa: E731


def live(gate: Gate, platform: FakePlatform) -> None:
    """All kinds of things happen."""
    assert gate.run(deploy(A, idempotency_key="first"), ACTOR).status == "recorded"
    token = Token(digest="7" * 64, until=gate.ledger.now() + timedelta(minutes=5))
    assert gate.run(promote(), ACTOR.proven_by(token)).status == "recorded"
    platform.behaves = lambda self, approval: self.change(approval, status="fail")
    assert gate.run(deploy(B, idempotency_key="second"), ACTOR).status == "fail"
    platform.behaves = None
    until = gate.ledger.now() + timedelta(hours=1)
    wanted = WaiverRequest("lane.not_bypassed", PRODUCT, "prod", B.artifact_id, B.source_git_ref, "down", until)
    waiver = gate.request_waiver(wanted, ACTOR)
    gate.approve_waiver(waiver.waiver_id, APPROVER)
    assert gate.run(deploy(B, to="prod"), ACTOR).status == "recorded"
    gate.revoke_waiver(waiver.waiver_id, "over", ACTOR)
    gate.ledger.put_hold(TESTING, Hold(reason="audit", subject="me", since="2026-01-01T00:00:00Z"), {})


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, bundle: Bundle, engine: EmbeddedEngine) -> Path:
    """A state folder in which all kinds of things have happened."""
    state, platform = tmp_path_factory.mktemp("lived"), FakePlatform()
    gate = open_gate(state, bundle, engine, platform)
    live(gate, platform)
    gate.ledger.close()
    return state


@pytest.fixture
def state(lived: Path, tmp_path: Path) -> Path:
    """A copy of it, to be altered."""
    return Path(shutil.copytree(lived, tmp_path / "state"))


def verified(state: Path, **options: Any) -> Verified:
    ledger = Ledger.to_read(state, holds_records=True)
    try:
        return verify(ledger, FileStore(state, {PRODUCT: PROFILE}), **options)
    finally:
        ledger.close()


def altered(state: Path, *statements: str) -> None:
    """As somebody with an editor for SQLite would, past the triggers."""
    with sqlite3.connect(state / FILE_NAME) as connection:
        named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for statement in (*(f"DROP TRIGGER {name}" for (name,) in named), *statements):
            assert connection.execute(statement).rowcount, statement
    connection.close()


def test_what_nobody_altered_is_whole_and_its_answer_says_what_was_looked_at(state: Path) -> None:
    found = verified(state)
    assert found.wrong == () and found.integrity == "whole"
    assert (found.heads, found.runs, found.runs_of_format_1, found.archived) == (None, 4, 0, 0)
    assert found.inputs and found.records
    assert (found.records.whole, found.records.open, found.records.others) == (6, 1, 0)


def test_while_runs_go_on_nothing_is_taken_for_altered(gate: Gate, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        runs = [pool.submit(gate.run, deploy(release), ACTOR) for release in (A, B) * 3]
        while not all(run.done() for run in runs):
            assert verified(tmp_path).wrong == ()
    assert {run.result().status for run in runs} == {"recorded"}


@pytest.mark.parametrize(("table", "column"), CELLS, ids=["-".join(cell) for cell in CELLS])
def test_a_change_of_any_cell_is_found(state: Path, table: str, column: str) -> None:
    kind = tables.metadata.tables[table].c[column].type
    if isinstance(kind, sa.Boolean):
        value = f"NOT {column}"
    elif isinstance(kind, (sa.Integer, sa.Float, sa.BigInteger)):
        value = f"coalesce({column}, 0) + 1"
    elif isinstance(kind, sa.LargeBinary):
        value = "x'00'"
    else:
        value = f"coalesce({column}, '') || 'x'"
    where = f"rowid = (SELECT max(rowid) FROM {table})"  # noqa: S608  # names of our own
    altered(state, f"UPDATE {table} SET {column} = {value} WHERE {where}")  # noqa: S608  # the same
    assert verified(state).wrong


@pytest.mark.parametrize("table", sorted({table for table, _ in CELLS}))
@pytest.mark.parametrize("which", ["min", "max"])
def test_a_row_that_is_gone_is_found(state: Path, table: str, which: str) -> None:
    altered(state, f"DELETE FROM {table} WHERE rowid = (SELECT {which}(rowid) FROM {table})")  # noqa: S608  # our names
    assert verified(state).wrong


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("INSERT INTO keys VALUES ('s', 'k', 'd', (SELECT run_id FROM runs))", "the key 'k' is reserved for"),
        ("INSERT INTO waiver_uses VALUES ('w', 'r')", "r is noted to have used w"),
        ("INSERT INTO inputs VALUES ('abc', 'now', x'00')", "the policy input abc belongs to no entry"),
        (
            "INSERT INTO waivers SELECT 'w', context, instance, 'a', 'b', 1, 0 FROM lanes LIMIT 1",
            "the waiver w is noted",
        ),
        ("UPDATE runs SET number = 99 WHERE number = 1", "does not stand where its entries do"),
        ("UPDATE lanes SET hold = NULL", "is not held, its entries say another hold"),
        ("UPDATE runs SET redeemed = 7", "its redeemed is 7, its entries say True"),
        ("UPDATE lanes SET length = 'many'", "the chain does not end where the lane says"),
        ("UPDATE entries SET body = x'ff' WHERE number = 1", "cannot be read"),
        ("UPDATE entries SET body = '[]' WHERE number = 1", "cannot be read"),
        (
            "UPDATE entries SET body = '5' WHERE kind = 'recording'",
            "the records cannot be held to a ledger that is not",
        ),
        ("UPDATE entries SET at = CAST(x'ff41' AS TEXT) WHERE number = 1", "entry 1 (decided) was altered"),
        ("UPDATE runs SET product = CAST(x'ff41' AS TEXT)", "its product is '\\udcffA'"),
        ("UPDATE lanes SET context = CAST(x'ff41' AS TEXT) WHERE instance = 'prod'", "has entries, and no row says"),
        ("UPDATE entries SET position = 'x' WHERE number = 1", "does not follow entry 0"),
        ("UPDATE tokens SET token = 'x'", "a token is noted as spent on r-"),
        ("UPDATE policies SET packed = (SELECT packed FROM inputs)", "are not those"),
    ],
)
def test_what_does_not_belong_there_is_told_in_words(state: Path, statement: str, says: str) -> None:
    altered(state, statement)
    assert [wrong for wrong in verified(state).wrong if says in wrong]


def test_however_much_is_wrong_not_all_of_it_is_told(state: Path) -> None:
    altered(state, *("INSERT INTO waiver_uses VALUES (hex(randomblob(9)), 'r')" for _ in range(150)))
    found = verified(state)
    assert (len(found.wrong), found.wrong_beyond) == (100, 50)


def test_a_file_that_is_broken_is_told_by_its_own_check(state: Path) -> None:
    file = state / FILE_NAME
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        [root] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'runs_of_a_product'").fetchone()
        [size] = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with file.open("r+b") as opened:
        opened.seek((root - 1) * size + size - 40)
        opened.write(b"\x11" * 40)
    found = verified(state)
    assert found.integrity == "broken" and "the database file is broken" in found.wrong[0]


def test_whatever_is_broken_is_told_in_words(state: Path) -> None:
    """A byte here and there, as by a disk: it is found, or the ledger cannot be used; there is no other error."""
    with sqlite3.connect(state / FILE_NAME) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    whole, chance = (state / FILE_NAME).read_bytes(), random.Random(7)  # noqa: S311  # the same each time
    for _ in range(40):
        broken = bytearray(whole)
        for _ in range(chance.choice((1, 3, 20))):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        (state / FILE_NAME).write_bytes(broken)
        with suppress(LedgerError):
            json.dumps(verified(state).model_dump(mode="json"), ensure_ascii=False).encode()


# -- what format 1 wrote


def test_of_runs_of_format_1_step_and_status_are_held_to_their_entries_and_the_answer_says_so(tmp_path: Path) -> None:
    old_ledger(tmp_path)
    Ledger.open(tmp_path, holds_records=True).close()
    ledger = Ledger.to_read(tmp_path, holds_records=True)
    found = ledger.verify()
    assert (found.wrong, found.runs, found.runs_of_format_1) == ((), 2, 2)
    altered(tmp_path, "UPDATE runs SET status = 'fail'")
    assert len(ledger.verify().wrong) > 1 and of_file(list(ledger.exported())).wrong == ()
    ledger.close()


# -- records


@pytest.mark.parametrize("kind", ["deployments", "promotions", "inventory"])
@pytest.mark.parametrize("how", ["altered", "gone", "torn"])
def test_a_record_that_is_not_what_its_run_wrote_is_found(state: Path, kind: str, how: str) -> None:
    recorded = [path for path in (state / kind).rglob("*.json") if '"pass"' in path.read_text()]
    file = min(recorded)
    if how == "gone":
        file.unlink()
    else:
        text = file.read_text()
        file.write_text("{" if how == "torn" else text.replace("T", "t"))
    [first, *_] = verified(state).wrong
    words = {"altered": "is not what its", "gone": "is gone", "torn": "cannot be read"}
    assert words[how] in first


def test_a_record_of_somebody_else_is_counted_and_not_judged(state: Path) -> None:
    file = min((state / "deployments").rglob("*.json"))
    text = file.read_text().replace(file.stem, "deployment-by-hand")
    file.with_name("deployment-by-hand.json").write_text(text)
    found = verified(state)
    assert found.wrong == () and found.records and found.records.others == 1


# -- heads that were kept elsewhere


def kept_in(state: Path) -> str:
    ledger = Ledger.to_read(state, holds_records=True)
    heads = kept_from(ledger.ledger_id(), ledger.heads())
    ledger.close()
    return "\n".join(map(str, heads))


def rewritten(state: Path) -> None:
    """Every entry of prod as it might have been, with all that follows from it made to fit."""
    with sqlite3.connect(state / FILE_NAME) as connection:
        connection.row_factory = sqlite3.Row
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        previous = "0" * 64
        from launchplane_gate.ledger.chain import hash_of  # noqa: PLC0415  # what somebody who rewrites it has too

        for row in connection.execute("SELECT * FROM entries WHERE instance = 'prod' ORDER BY number").fetchall():
            body = row["body"].replace("down", "fine")
            entry = {**dict(row), "previous": previous, "body": body}
            previous = hash_of(entry)
            change = "UPDATE entries SET body = ?, previous = ?, hash = ? WHERE number = ?"
            connection.execute(change, (body, entry["previous"], previous, row["number"]))
        connection.execute("UPDATE lanes SET head = ? WHERE instance = 'prod'", (previous,))
    connection.close()


def test_heads_are_read_as_they_are_printed(state: Path) -> None:
    text = kept_in(state)
    heads = read_heads(text)
    assert len(heads) == 2 and read_heads(json.dumps(as_document(heads))) == heads
    found = verified(state, kept=heads)
    assert (found.wrong, found.heads) == ((), 2)


@pytest.mark.parametrize("text", ["", "\n", "{}", '{"heads": [{}]}', "{", "none", '{"heads": 5}', "a b/c 1 d"])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(RequestError):
        read_heads(text)


def test_a_chain_that_was_rewritten_as_a_whole_is_found_by_a_kept_head_alone(state: Path) -> None:
    heads = read_heads(kept_in(state))
    rewritten(state)
    assert verified(state).wrong == ()
    [wrong] = verified(state, kept=heads).wrong
    assert wrong.startswith(f"{PROD}: entry ") and "the chain was rewritten" in wrong


def test_a_tail_that_was_cut_off_is_found_by_a_kept_head_alone(state: Path) -> None:
    heads = read_heads(kept_in(state))
    altered(
        state,
        "DELETE FROM entries WHERE kind = 'lane_held'",
        "UPDATE lanes SET hold = NULL, length = length - 1, head = (SELECT hash FROM entries "
        "WHERE instance = 'testing' ORDER BY position DESC LIMIT 1) WHERE instance = 'testing'",
    )
    assert verified(state).wrong == ()
    [wrong] = verified(state, kept=heads).wrong
    assert wrong.startswith(f"{TESTING}: entry ") and "was cut off" in wrong


def test_a_head_that_is_on_record_as_lost_is_told_to_be(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, holds_records=False)
    lost = f"9:{'c' * 64}"
    ledger.say_restored(PROD, {"reason": "a disk was lost", "past": {"ledgers": [], "heads": [lost], "runs": []}})
    kept = read_heads(f"{ledger.ledger_id()} {PROD} 9 {'c' * 64}")
    [wrong] = ledger.verify(kept).wrong
    assert wrong.endswith("its chain ends at 1, and what followed was cut off (it is on record as lost)")
    ledger.close()


def test_a_head_of_another_ledger_is_told(state: Path) -> None:
    altered(state, "UPDATE meta SET ledger_id = 'another'")
    other = [f"{'a' * 32} {PROD} 1 {'b' * 64}"]
    [wrong] = verified(state, kept=read_heads("\n".join(other))).wrong
    assert "is of the ledger aaaaaaaa, not of this one" in wrong


# -- a file without a database


def exported(state: Path) -> list[str]:
    ledger = Ledger.to_read(state, holds_records=True)
    lines = list(ledger.exported())
    ledger.close()
    return lines


def of_file(lines: list[str], kept: str | None = None) -> Verified:
    return verify_file(io.BytesIO("".join(lines).encode()), None if kept is None else read_heads(kept), QUIET)


def test_an_export_is_verified_without_its_database(state: Path) -> None:
    lines = exported(state)
    found, whole = of_file(lines, kept_in(state)), verified(state)
    assert (found.wrong, found.of, found.heads) == ((), "file", 2)
    assert (found.entries, found.inputs, found.ledger_id) == (whole.entries, whole.inputs, whole.ledger_id)


@pytest.mark.parametrize(
    ("alter", "says"),
    [
        (lambda lines: lines[:-1], "the chain does not end with entry"),
        (lambda lines: [*lines[:2], *lines[3:]], "does not follow entry"),
        (lambda lines: [*lines[:1], lines[1].replace("deploy", "employ"), *lines[2:]], "was altered"),
        (lambda lines: [*lines[:-1], lines[-1][: len(lines[-1]) // 2]], "is not JSON"),
        (lambda lines: [*lines, "{}\n"], "has not the form of an entry"),
        (lambda lines: [*lines, "[" * 100_000], "is nested more than"),
        (lambda lines: [lines[0], *(without_input(line) for line in lines[1:])], "its input is gone"),
        (lambda lines: [lines[0], *(with_value(line, "input_text", 5) for line in lines[1:])], "is no entry"),
        (
            lambda lines: [lines[0], *(with_value(line, "input_text", "{}") for line in lines[1:])],
            "not what was decided",
        ),
        (lambda lines: [lines[0], *(with_value(line, "position", []) for line in lines[1:])], "does not follow"),
        (lambda lines: [lines[0], *(with_value(line, "format", "9") for line in lines[1:])], "was altered"),
    ],
)
def test_a_file_that_was_altered_is_told_in_words(
    state: Path, alter: Callable[[list[str]], list[str]], says: str
) -> None:
    found = of_file(alter(exported(state)))
    assert [wrong for wrong in found.wrong if says in wrong], found.wrong


def without_input(line: str) -> str:
    return with_value(line, "input_text", None)


def with_value(line: str, name: str, value: object) -> str:
    entry = json.loads(line)
    if name != "input_text" or entry["input_text"] is not None:
        entry[name] = value
    return json.dumps(entry) + "\n"


def test_a_file_that_lost_its_end_and_says_so_nowhere_is_found_by_a_kept_head_alone(state: Path) -> None:
    first, *lines = exported(state)
    last = json.loads(lines[-2])
    head = json.loads(first)
    for one in head["heads"]:
        if one["lane"] == f"{last['context']}/{last['instance']}":
            one |= {"position": last["position"], "hash": last["hash"]}
    cut = [json.dumps(head) + "\n", *lines[:-1]]
    if json.loads(lines[-1])["instance"] == last["instance"]:
        assert of_file(cut).wrong == ()
    assert [wrong for wrong in of_file(cut, kept_in(state)).wrong if "was cut off" in wrong]


@pytest.mark.parametrize("content", [b"", b"{}", b"no JSON", b"\xff\xfe", b"[]\n", b'{"export": 9, "format": 2}'])
def test_what_is_no_export_is_refused(content: bytes) -> None:
    with pytest.raises(UsageError):
        verify_file(io.BytesIO(content), None, QUIET)


@pytest.mark.parametrize("changed", [{"lane": []}, {"position": "1"}, {"position": True}, {"hash": None}, {"more": 1}])
def test_an_export_whose_first_line_names_no_heads_is_none(state: Path, changed: dict[str, object]) -> None:
    first, *lines = exported(state)
    head = json.loads(first)
    head["heads"][0] |= changed
    with pytest.raises(UsageError, match="does not say what follows"):
        of_file([json.dumps(head) + "\n", *lines])


# -- in Postgres


@pytest.fixture
def in_postgres(postgres: str) -> Iterator[tuple[Ledger, str]]:
    Postgres.connect(postgres).migrate(new_ledger_id())
    ledger = Ledger(Postgres.open(postgres))
    release = ReleaseIdentity(artifact_id="repo/shop@sha256:" + "a" * 64, source_git_ref="a" * 40)
    for number in range(3):
        with ledger.hold([PROD], Wish(Terms(run_s=60))) as lease:
            row = {"run_id": f"r-{number}", "product": "shop", "action": "deploy", **release.model_dump()}
            row |= {"step": "decided", "status": "open"}
            key = Key("scope", f"key-{number}", "digest")
            ledger.begin_run(PROD, row, {"input": {"number": number}}, lease=lease, key=key)
            ledger.step(f"r-{number}", PROD, "redeemed", {}, lease=lease, redeemed=True)
            ledger.step(f"r-{number}", PROD, "recorded" if number else "fail", {}, lease=lease)
    yield ledger, postgres
    ledger.close()


def test_in_postgres_all_is_verified_but_the_database_by_itself(in_postgres: tuple[Ledger, str]) -> None:
    found = in_postgres[0].verify(kept_from(in_postgres[0].ledger_id(), in_postgres[0].heads()))
    assert (found.wrong, found.entries, found.runs, found.heads) == ((), 9, 3, 1)
    assert found.integrity == "unasked"
    assert of_file(list(in_postgres[0].exported())).wrong == ()


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE {}.runs SET untouched = true WHERE run_id = 'r-0'", "its untouched is True, its entries say False"),
        ("DELETE FROM {}.keys WHERE run_id = 'r-1'", "the key 'key-1' of r-1 is not reserved any more"),
        ("UPDATE {}.lanes SET hold = '{{}}'", "is held, its entries say that it is not"),
        ("DELETE FROM {}.inputs", "its input is gone"),
        ("DELETE FROM {}.releases", "is noted nowhere"),
    ],
)
def test_in_postgres_a_change_is_found(in_postgres: tuple[Ledger, str], statement: str, says: str) -> None:
    ledger, url = in_postgres
    with psycopg.connect(url) as connection:
        connection.execute(statement.format(SCHEMA))
    assert [wrong for wrong in ledger.verify().wrong if says in wrong]


def test_in_postgres_the_records_are_held_to_their_runs_too(
    postgres: str, tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine, platform: FakePlatform
) -> None:
    gate = gate_on(migrated(postgres), tmp_path, bundle, engine, platform)
    live(gate, platform)
    found = verify(gate.ledger, gate.store)
    assert found.wrong == () and found.records and found.records.whole == 6
    with psycopg.connect(postgres) as connection:
        for table in ("deployments", "promotions", "inventories"):
            change = "SET record = replace(record, '@sha256:', '-2@sha256:')"
            connection.execute(f"UPDATE {SCHEMA}.{table} {change}")
    wrong = verify(gate.ledger, gate.store).wrong
    assert len(wrong) == 6 and all("is not what its" in what for what in wrong)
    gate.ledger.close()


# -- how much it takes


def test_what_is_held_in_memory_does_not_grow_with_the_entries(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, holds_records=False)
    peaks = []
    for entries in (500, 2000):
        for number in range(entries):
            ledger.refuse(
                TESTING, f"d-{entries}-{number}", {"detail": "x" * 900}, key=f"{entries} {number}", stranger=False
            )
        tracemalloc.start()
        assert ledger.verify().wrong == () and sum(map(len, ledger.exported())) > entries
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    ledger.close()
    assert peaks[1] < 1.5 * peaks[0]


def test_a_lane_alone_is_verified_by_its_own_chain(state: Path) -> None:
    altered(
        state, "UPDATE entries SET at = 'x' WHERE number = (SELECT max(number) FROM entries WHERE instance = 'prod')"
    )
    ledger = Ledger.to_read(state, holds_records=True)
    assert ledger.verify_lane(TESTING).wrong == () and ledger.verify_lane(Lane.parse("no/lane")).wrong == ()
    assert ledger.verify_lane(PROD).wrong
    ledger.close()


def test_the_digest_of_an_input_is_that_of_the_text_that_is_exported(state: Path) -> None:
    entries = [json.loads(line) for line in exported(state)[1:]]
    with_input = [entry for entry in entries if entry["input_text"] is not None]
    assert with_input
    assert all(strictjson.sha256(one["input_text"].encode()) == one["input_digest"] for one in with_input)
