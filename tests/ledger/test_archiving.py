"""Inputs leave the ledger for a file, and whatever ends it in between, nothing is lost."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate import strictjson
from launchplane_gate.errors import LedgerError
from launchplane_gate.ledger import NOWHERE, Head, Ledger
from launchplane_gate.ledger.chain import Entering
from launchplane_gate.ledger.exporting import verify_file
from launchplane_gate.ledger.ledger import new_ledger_id
from launchplane_gate.ledger.postgres import Postgres
from launchplane_gate.model import Lane
from tests.places import ROOT

pytestmark = pytest.mark.thorough  # processes are killed again and again

PROD = Lane(context="shop", instance="prod")
INPUTS = 30
ME = {"subject": "unverified:me@desk"}
QUIET: Callable[[str], None] = lambda _: None  # noqa: E731


def fill(ledger: Ledger, first: int = 0) -> None:
    for number in range(first, first + INPUTS):
        body = {"input": {"number": number, "text": "x" * 500}}
        ledger.refuse(PROD, f"d-{number}", body, key=str(number), stranger=False)


def archive(ledger: Ledger, folder: Path, before: datetime | None = None) -> Any:
    return ledger.archive(before or ledger.now(), folder, ME, QUIET)


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    if request.param == "sqlite":
        ledger = Ledger.open(tmp_path, holds_records=False)
    else:
        url = request.getfixturevalue("postgres")
        Postgres.connect(url).migrate(new_ledger_id())
        ledger = Ledger(Postgres.open(url))
    fill(ledger)
    yield ledger
    ledger.close()


def in_file(path: str) -> dict[str, str]:
    """The inputs that a file holds, by their digests."""
    with gzip.open(path, "rt") as opened:
        first, *lines = map(json.loads, opened)
    assert first["inputs"] == len(lines)
    return {line["digest"]: line["input"] for line in lines}


def nothing_is_lost(ledger: Ledger) -> int:
    """Every input stands in the ledger, or in a file that the ledger names; gives how many are in files."""
    found = ledger.verify()
    assert found.wrong == ()
    archives = [entry.body for entry in ledger.entries(lane=NOWHERE, kinds=["archived"])]
    away: dict[str, str] = {}
    for body in archives:
        assert strictjson.sha256(Path(body["file"]).read_bytes()) == body["sha256"]
        away |= in_file(body["file"])
    entries = [entry for entry in ledger.entries(lane=PROD) if entry.input_digest]
    for entry in entries:
        text = entry.input_text if entry.input_text is not None else away[str(entry.input_digest)]
        assert strictjson.sha256(text.encode()) == entry.input_digest
    assert found.archived == len(away)
    return len(away)


def test_old_inputs_leave_for_a_file_that_the_ledger_names(ledger: Ledger, tmp_path: Path) -> None:
    before = ledger.now()
    fill(ledger, INPUTS)
    made = archive(ledger, tmp_path / "archive", before)
    assert made and made.inputs == INPUTS
    assert nothing_is_lost(ledger) == INPUTS
    [entry] = ledger.entries(lane=NOWHERE, kinds=["archived"])
    assert entry.body == {"actor": ME, **vars(made)}
    assert stat.S_IMODE(Path(made.file).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "archive").stat().st_mode) == 0o700
    assert [path.name for path in (tmp_path / "archive").iterdir()] == [Path(made.file).name]


def test_what_was_archived_is_told_of_its_decision(ledger: Ledger, tmp_path: Path) -> None:
    before = ledger.now()
    fill(ledger, INPUTS)
    made = archive(ledger, tmp_path, before)
    old, *_, new = ledger.entries(lane=PROD)
    assert (old.input, new.input is not None) == (None, True)
    told = ledger.archive_of(old)
    assert told and told[1] == made
    assert ledger.archive_of(new) is None


def test_it_can_be_done_again_and_where_nothing_is_old_nothing_is_done(ledger: Ledger, tmp_path: Path) -> None:
    archive(ledger, tmp_path)
    length = ledger.verify().entries
    assert archive(ledger, tmp_path) is None and ledger.verify().entries == length
    fill(ledger, INPUTS)
    archive(ledger, tmp_path)
    assert nothing_is_lost(ledger) == 2 * INPUTS


def test_an_export_after_it_verifies_too(ledger: Ledger, tmp_path: Path) -> None:
    archive(ledger, tmp_path)
    file = tmp_path / "export"
    file.write_text("".join(ledger.exported()))
    with file.open("rb") as opened:
        found = verify_file(opened, None, QUIET)
    assert (found.wrong, found.inputs, found.archived) == ((), 0, INPUTS)


def test_more_inputs_than_were_archived_are_not_to_be_gone(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, holds_records=False)
    fill(ledger)
    before = ledger.now()
    archive(ledger, tmp_path, before - timedelta(days=1))
    fill(ledger, INPUTS)
    with ledger.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM inputs WHERE at = (SELECT max(at) FROM inputs)")
    assert any("its input is gone, and was not archived" in wrong for wrong in ledger.verify().wrong)
    archive(ledger, tmp_path)
    assert len(ledger.verify().wrong) == 1
    ledger.close()


def test_an_input_that_was_altered_stays_where_it_is(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, holds_records=False)
    fill(ledger)
    with ledger.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER inputs_no_UPDATE")
        connection.exec_driver_sql("UPDATE inputs SET packed = x'00' WHERE at = (SELECT max(at) FROM inputs)")
    with pytest.raises(LedgerError, match="is not what was decided on") as error:
        archive(ledger, tmp_path / "archive")
    assert "Nothing left the ledger" in error.value.hint
    assert list((tmp_path / "archive").iterdir()) == []
    assert not ledger.entries(lane=NOWHERE, kinds=["archived"])
    ledger.close()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, holds_records=False)
    fill(ledger)
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be used"):
        archive(ledger, tmp_path / "file" / "folder")
    assert nothing_is_lost(ledger) == 0
    ledger.close()


# -- killed


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Dying(Ledger):
    """A ledger whose process dies in the transaction, before or after it has done what it should."""

    moment = ""

    def _forget(self, at: Entering, *rest: Any) -> Head:
        if self.moment == "before the inputs leave":
            die()
        head = super()._forget(at, *rest)
        if self.moment == "before it is committed":
            die()
        return head


def child(state: Path, moment: str) -> None:
    ledger = Dying.open(state, holds_records=False)
    assert isinstance(ledger, Dying)
    ledger.moment = moment

    def told(message: str) -> None:
        if moment == "when the file is written" and message.startswith("taking"):
            die()

    ledger.archive(datetime.now(UTC), state / "archive", ME, told)
    if moment == "when it is done":
        die()


def start(state: Path, moment: str) -> subprocess.Popen[bytes]:
    program = f"from tests.ledger.test_archiving import child; from pathlib import Path; child(Path({str(state)!r}), "
    return subprocess.Popen([sys.executable, "-c", f"{program}{moment!r})"], cwd=ROOT)


@pytest.mark.parametrize(
    "moment",
    ["when the file is written", "before the inputs leave", "before it is committed", "when it is done"],
)
def test_killed_at_any_moment_nothing_is_lost(tmp_path: Path, moment: str) -> None:
    ledger = Ledger.open(tmp_path, holds_records=False)
    fill(ledger)
    assert start(tmp_path, moment).wait() == -signal.SIGKILL
    assert nothing_is_lost(ledger) == (INPUTS if moment == "when it is done" else 0)
    archive(ledger, tmp_path / "archive")
    assert nothing_is_lost(ledger) == INPUTS
    assert len(list((tmp_path / "archive").glob("*.gz"))) == 1  # the file of the first try is the file of the next
    ledger.close()


def test_killed_at_a_moment_that_nobody_chose_nothing_is_lost(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path, holds_records=False)
    for round_ in range(4):
        fill(ledger, round_ * INPUTS)
        process = start(tmp_path, "")
        archives = tmp_path / "archive"
        while process.poll() is None and not archives.exists():
            time.sleep(0.001)
        time.sleep(random.random() * 0.02)  # noqa: S311  # any moment will do
        process.kill()
        process.wait()
        nothing_is_lost(ledger)
    archive(ledger, tmp_path / "archive")
    assert nothing_is_lost(ledger) == 4 * INPUTS
    ledger.close()
