"""Verifying, exporting and archiving as they are typed: what is told, with which exit code, and what is written."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from launchplane_gate.cli import program
from launchplane_gate.gate import Gate
from launchplane_gate.ledger import FILE_NAME
from launchplane_gate.model import stamp
from launchplane_gate.policy import Bundle, EmbeddedEngine
from tests.conftest import ACTOR, PRODUCT, A, deploy, promote
from tests.fakes.platform import FakePlatform
from tests.on_postgres import gate_on, migrated

SETTINGS = f"""
schema_version = 1
state_dir = "."
[products.{PRODUCT}]
repository = "cbusillo/{PRODUCT}"
driver = "local"
image = "ghcr.io/cbusillo/{PRODUCT}"
lanes.testing = {{ health_url = "https://testing.example.org/health", target = {{ port = 1 }} }}
lanes.prod = {{ health_url = "https://prod.example.org/health", target = {{ port = 2 }} }}
[plugins.local]
releases = "releases"
"""


class Site:
    """A state folder in which A was deployed and promoted."""

    def __init__(self, gate: Gate, folder: Path) -> None:
        self.gate, self.folder = gate, folder
        assert gate.run(deploy(A), ACTOR).status == "recorded"
        assert gate.run(promote(), ACTOR).status == "recorded"
        (folder / "releases").mkdir()
        (folder / "launchplane-gate.toml").write_text(SETTINGS)

    def run(self, *arguments: str, code: int = 0, stdin: str | None = None) -> str:
        """What it says, on both streams; with the exit code that it should end with."""
        full = ["--config", str(self.folder / "launchplane-gate.toml"), *arguments]
        result = CliRunner().invoke(program, full, input=stdin)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output and "internal error" not in result.output
        return result.output

    def document(self, *arguments: str, code: int = 0) -> Any:
        file = self.folder / "document"
        self.run(*arguments, "--output", f"json={file}", code=code)
        return json.loads(file.read_text())

    def alter(self, *statements: str) -> None:
        with sqlite3.connect(self.folder / FILE_NAME) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()


@pytest.fixture
def site(gate: Gate, tmp_path: Path) -> Site:
    return Site(gate, tmp_path)


def test_what_is_whole_says_what_it_was_held_to_and_what_not(site: Site) -> None:
    told = site.run("decisions", "verify")
    assert told.startswith("14 entries: every chain is whole, and all else is what they add up to.\n")
    for line in (
        "  heads      held to none: a chain that was rewritten as a whole, or lost its end, would not be seen (--head)",
        "  inputs     4 as decided on",
        "  runs       2, every column",
        "  records    5 as written",
        "  database   its own integrity check finds nothing",
    ):
        assert line in told.splitlines(), told
    document = site.document("decisions", "verify")
    assert (document["whole"], document["heads"], document["wrong"]) == (True, None, [])
    assert document["records"] == {"whole": 5, "open": 0, "others": 0}


def test_what_is_not_whole_ends_with_1_and_doctor_says_so_too(site: Site) -> None:
    site.alter("UPDATE runs SET product = 'another'")
    told = site.run("decisions", "verify", code=1)
    assert f"its product is 'another', its entries say '{PRODUCT}'" in told and "Trust nothing in it" in told
    assert site.document("decisions", "verify", code=1)["whole"] is False
    assert "its product is 'another'" in site.run("doctor", code=3)


def test_an_inventory_that_was_edited_is_found(site: Site) -> None:
    file = site.folder / "inventory" / PRODUCT / "prod.json"
    file.write_text(file.read_text().replace("@sha256:a", "@sha256:b"))
    assert f"x the inventory of {PRODUCT}/prod is not what its last run wrote" in site.run(
        "decisions", "verify", code=1
    )


@pytest.mark.parametrize("body", ["{", "[]", "{}", "5"])
def test_a_decision_that_cannot_be_read_is_told_in_words(site: Site, body: str) -> None:
    decision = site.gate.ledger.decision_entries()[0].body["decision"]["decision_id"]
    change = f"UPDATE entries SET body = '{body}' WHERE decision_id = '{decision}'"  # noqa: S608  # of our own
    site.alter("DROP TRIGGER no_UPDATE", change)
    for arguments in (["list"], ["show", decision]):
        assert "decisions verify` tells what else was altered" in site.run("decisions", *arguments, code=3)
    site.run("decisions", "verify", code=1)


# -- heads


@pytest.mark.parametrize("form", ["text", "json"])
def test_heads_are_printed_kept_and_held_to(site: Site, form: str) -> None:
    kept = site.folder / "heads"
    site.run("decisions", "head", "--output", f"{form}={kept}")
    assert "heads      held to 2 heads kept elsewhere" in site.run("decisions", "verify", "--head", str(kept))
    assert site.document("decisions", "verify", "--head", str(kept))["heads"] == 2
    site.run("decisions", "verify", "--head", "-", stdin=kept.read_text())


def test_a_head_is_a_line_a_lane(site: Site) -> None:
    lines = site.run("decisions", "head").splitlines()
    [prod, testing] = site.gate.ledger.heads()
    ledger_id = site.gate.ledger.ledger_id()
    assert lines == [f"{ledger_id} {one.lane} {one.position} {one.hash}" for one in (prod, testing)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda line: "0" * 32 + line[32:], "is of the ledger 00000000, not of this one"),
        (lambda line: line.replace(" 7 ", " 8 "), "entry 8 is not there, which a head kept elsewhere knows"),
        (lambda line: line[:-64] + "0" * 64, "is another one than the head kept elsewhere: the chain was rewritten"),
    ],
)
def test_a_head_that_does_not_fit_is_told_in_words(site: Site, change: Any, says: str) -> None:
    first = site.run("decisions", "head").splitlines()[0]
    assert says in site.run("decisions", "verify", "--head", "-", code=1, stdin=change(first))


@pytest.mark.parametrize("text", ["", "no head", "{}", "\xff"])
def test_what_is_no_head_is_bad_usage(site: Site, text: str) -> None:
    assert "Nothing was verified" in site.run("decisions", "verify", "--head", "-", code=2, stdin=text)
    assert "cannot be read" in site.run("decisions", "verify", "--head", "none-there", code=2)


# -- exports


def test_an_export_is_for_us_alone_and_verifies_where_there_is_nothing_else(
    site: Site, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    file, heads = elsewhere / "export", elsewhere / "heads"
    os.umask(0o022)
    assert f"{file}: 14 entries, for its owner alone" in site.run("decisions", "export", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    heads.write_text(site.run("decisions", "head"))
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("LAUNCHPLANE_GATE_CONFIG", str(elsewhere / "no-settings"))
    result = CliRunner().invoke(program, ["decisions", "verify", "export", "--head", "heads"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("14 entries: every chain is whole.\n")
    assert "heads    held to 2 heads kept elsewhere" in result.stdout
    file.write_text(file.read_text().replace(PRODUCT, "another"))
    result = CliRunner().invoke(program, ["decisions", "verify", "export"])
    assert result.exit_code == 1 and "was altered" in result.stdout


def test_an_export_replaces_nothing_unasked(site: Site) -> None:
    file = site.folder / "export"
    file.write_text("mine")
    assert "is there already" in site.run("decisions", "export", str(file), code=2)
    assert file.read_text() == "mine"
    site.run("decisions", "export", str(file), "--force")
    assert file.read_text().startswith('{"export":1,')
    site.run("decisions", "export", str(site.folder), "--force", code=2)
    site.run("decisions", "export", str(site.folder / "none" / "file"), code=2)


def test_on_the_screen_an_export_stands_alone(site: Site) -> None:
    result = CliRunner().invoke(
        program, ["--config", str(site.folder / "launchplane-gate.toml"), "decisions", "export"]
    )
    assert (result.exit_code, result.stderr) == (0, "")
    assert all(json.loads(line) for line in result.stdout.splitlines()) and len(result.stdout.splitlines()) == 15
    assert "give --output a file" in site.run("decisions", "export", "--output", "json", code=2)


@pytest.mark.parametrize("content", [b"", b"no export", b"\xff\xfe", b"{}"])
def test_what_is_no_export_is_bad_usage(site: Site, content: bytes) -> None:
    (site.folder / "file").write_bytes(content)
    assert "is no export of a ledger" in site.run("decisions", "verify", str(site.folder / "file"), code=2)
    assert "cannot be read" in site.run("decisions", "verify", str(site.folder), code=2)


# -- in Postgres


@pytest.fixture
def gate_in_postgres(
    postgres: str, tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine, platform: FakePlatform
) -> Iterator[Gate]:
    gate = gate_on(migrated(postgres), tmp_path, bundle, engine, platform)
    yield gate
    gate.ledger.close()


def test_in_postgres_it_is_typed_the_same(
    gate_in_postgres: Gate, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, site = gate_in_postgres, Site(gate_in_postgres, tmp_path)
    monkeypatch.setenv("DATABASE_URL", postgres)
    settings = tmp_path / "launchplane-gate.toml"
    settings.write_text(settings.read_text().replace("state_dir", 'database_url = { env = "DATABASE_URL" }\nstate_dir'))
    told = site.run("decisions", "verify", "--head", "-", stdin=site.run("decisions", "head"))
    assert "database   it has no integrity check of its own" in told and "records    5 as written" in told
    site.run("decisions", "export", str(tmp_path / "export"))
    site.run("decisions", "verify", str(tmp_path / "export"))
    time.sleep(1 - gate.ledger.now().microsecond / 1e6)
    moment = f"{gate.ledger.now():%Y-%m-%dT%H:%M:%SZ}"
    assert "4 inputs from before" in site.run("ledger", "archive", "--before", moment)
    assert "4 archived" in site.run("decisions", "verify")


# -- archives


def test_old_inputs_are_archived_and_told_of_their_decision(site: Site) -> None:
    decision = site.document("decisions", "list")["decisions"][0]["decision_id"]
    assert "(--output json shows it)" in site.run("decisions", "show", decision)
    time.sleep(1 - site.gate.ledger.now().microsecond / 1e6)
    moment = f"{site.gate.ledger.now():%Y-%m-%dT%H:%M:%SZ}"
    told = site.document("ledger", "archive", "--before", moment)["archive"]
    assert told["inputs"] == 4 and Path(told["file"]).parent == site.folder / "archive"
    shown = site.run("decisions", "show", decision)
    assert f"{told['file']} on {told['host']}, sha256 {told['sha256']}" in shown
    document = site.document("decisions", "show", decision)
    assert document["input"] is None and document["archived"]["sha256"] == told["sha256"]
    verified = site.run("decisions", "verify")
    assert "15 entries: every chain is whole" in verified
    assert "inputs     0 as decided on; 4 archived, which were not looked at" in verified
    assert "4 inputs archived" in site.run("doctor", code=3)  # whose driver is not there
    assert "No input in the ledger is from before" in site.run("ledger", "archive", "--before", moment)


def test_where_there_is_no_ledger_none_is_made_to_archive(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUNCHPLANE_GATE_STATE_DIR", str(site.folder / "none"))
    assert "has no ledger yet" in site.run("ledger", "archive", "--before", "2020-01-01", code=2)
    assert not (site.folder / "none").exists()


def test_what_is_still_to_come_is_not_archived(site: Site) -> None:
    tomorrow = stamp(site.gate.ledger.now()).replace("2", "3", 1)[:10]
    assert "is still to come" in site.run("ledger", "archive", "--before", tomorrow, code=2)
    assert "No input in the ledger" in site.run("ledger", "archive", "--before", "2020-01-01")
    site.run("ledger", "archive", "--before", "yesterday", code=2)
