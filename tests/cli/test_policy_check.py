"""`policy check` ends 1 for whatever the gate would not take, and names the file and the line at fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from launchplane_gate.authoring.proof import unproven
from launchplane_gate.cli import program
from launchplane_gate.errors import GateError
from launchplane_gate.policy import EmbeddedEngine, load_bundle, shipped_policies, start_within
from launchplane_gate.settings import EmbeddedSettings
from tests.fakes import bundles

pytestmark = pytest.mark.thorough  # tests/policy asks the same below the command line

CONFIG = "config/data.json"
RULE = "gate/rules/reason/plain.rego"
TEST = "gate/rules/reason/plain_test.rego"
ASKED = {"roll_call": {"base": {"promote": {"admit": ["reason.plain"]}}}}
PLAIN = """
satisfied if {
	is_string(input.request.reason)
	input.request.reason != ""
}

message := "There is none." if not satisfied
"""
A_TEST = """package gate_test.rules.reason.plain

import data.gate.rules.reason.plain

test_a_reason_is_one if plain.satisfied with input as {"request": {"reason": "REASON"}}
"""


def write(folder: Path, body: str = PLAIN, reason: str = "why", asked: dict[str, Any] = ASKED) -> Path:
    rule = bundles.rule("reason.plain", body.lstrip("\n"))
    texts = {RULE: rule, TEST: A_TEST.replace("REASON", reason), CONFIG: json.dumps(asked, indent=1)}
    return bundles.write(folder, texts, tested=False)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(program, ["policy", *map(str, arguments)])


def findings(folder: Path) -> list[dict[str, Any]]:
    said = run("check", folder, "--output", "json")
    assert said.exit_code == 1, said.output
    found: list[dict[str, Any]] = json.loads(said.stdout)["findings"]
    with pytest.raises(GateError):  # the gate does not take it either
        EmbeddedEngine(load_bundle([shipped_policies(), folder]))
    return found


@pytest.fixture
def brief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings by which a question takes a second at most."""
    settings = tmp_path / "brief.toml"
    settings.write_text("schema_version = 1\n[embedded]\ntimeout_s = 1\n")
    monkeypatch.setenv("LAUNCHPLANE_GATE_CONFIG", str(settings))
    yield
    start_within(EmbeddedSettings())


def test_what_the_gate_takes_is_told_with_what_it_changes(tmp_path: Path) -> None:
    added = {"products": {"shop": {"thresholds": {"health_s": 60}}}, "thresholds": {"observed_s": 90}}
    folder = write(tmp_path / "mine", asked=ASKED | added)
    said = run("check", folder)
    assert said.exit_code == 0, said.output
    first, *changes = said.stdout.splitlines()
    assert first.endswith(": nothing to mend.")
    assert changes == [
        f"{folder}/{CONFIG}:",
        "  adds rule reason.plain to promote/admit",
        "  observed_s 120 -> 90 for all products",
        "  introduces the product shop",
        "  health_s 120 -> 60 for shop",
    ]
    document = json.loads(run("check", folder, "--output", "json").stdout)
    assert [change["what"] for change in document["changes"]] == [line.strip() for line in changes[1:]]
    assert {change["file"] for change in document["changes"]} == {f"{folder}/{CONFIG}"}


def test_a_failing_test_is_a_finding(tmp_path: Path) -> None:
    """Seen: 0."""
    folder = write(tmp_path, reason="")
    [found] = findings(folder)
    assert (found["file"], found["line"]) == (f"{folder}/{TEST}", 5)
    assert found["message"] == "test_a_reason_is_one does not hold"
    assert "policy test --only test_a_reason_is_one" in found["remedy"]


def test_a_rule_that_is_missing_is_a_finding_in_the_file_that_names_it(tmp_path: Path) -> None:
    """Seen: 2, and the shipped configuration was blamed."""
    asked = {"roll_call": {"base": {"promote": {"admit": ["reason.plain", "reason.none"]}}}}
    [found] = findings(write(tmp_path, asked=asked))
    assert (found["file"], found["line"]) == (f"{tmp_path}/{CONFIG}", 7)
    assert found["message"] == "roll_call.base.promote.admit: no rule has the code reason.none"


@pytest.mark.parametrize(
    "body",
    [
        'satisfied if regex.match("(", input.request.reason)\n\nmessage := "It is odd." if not satisfied\n',
        'satisfied if regex.match("a{2000}{2000}", input.request.reason)\n\nmessage := "Odd." if not satisfied\n',
        'satisfied if input.request.reason\n\nmessage := sprintf("%v", [to_number("x")])\n',
        'satisfied if to_number("x") > 1\n\nmessage := "It is odd." if not satisfied\n',
    ],
)
def test_an_error_in_an_added_rule_is_told_where_it_is(tmp_path: Path, body: str) -> None:
    """Seen: 0 for a pattern that is none, and decision_test.rego was blamed for an error of evaluation."""
    found = findings(write(tmp_path, body))
    assert found[0]["file"] == f"{tmp_path}/{RULE}"
    assert found[0]["line"] >= (1 if "{2000}" in body else 7)  # the engine says no line of a pattern that is too large


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("command", ["check", "test", "bundle"])
def test_a_rule_that_never_ends_is_told_by_its_test(tmp_path: Path, command: str) -> None:
    """Seen: 0 for every one."""
    folder = write(tmp_path / "mine", bundles.ENDLESS, "x" * 900)
    file = str(tmp_path / "gate.tar.gz")
    more = {"check": [], "test": ["--only", "reason.plain"], "bundle": ["-o", file]}[command]
    said = run(command, *more, folder)
    assert said.exit_code == (2 if command == "bundle" else 1), said.output
    assert f"{folder}/{TEST}:5: " in said.output
    assert "gives no answer" in said.output
    assert not (tmp_path / "gate.tar.gz").exists()


@pytest.mark.usefixtures("brief")
def test_a_rule_that_ends_in_no_good_question_is_told_itself(tmp_path: Path) -> None:
    many = ",\n".join(f'"{number}"' for number in range(150))
    body = bundles.ENDLESS.replace('split(input.request.reason, "")', f"[{many}]")
    text = A_TEST.replace('"REASON"', "5").replace("if plain", "if not plain")
    folder = write(tmp_path / "mine", body)
    (folder / TEST).write_text(text)
    found = findings(folder)[0]
    assert found["file"] == f"{folder}/{RULE}"
    assert "reason.plain gives no answer" in found["message"]


@pytest.mark.parametrize("since", ["2026-02-30", "&a b", "9" * 5000])
def test_odd_metadata_is_no_internal_error(tmp_path: Path, since: str) -> None:
    folder = write(tmp_path)
    rule = (folder / RULE).read_text().replace("# custom:", f"# since: {since}\n# custom:")
    (folder / RULE).write_text(rule)
    said = run("check", folder)
    assert said.exit_code in (0, 1)
    assert "internal error" not in said.output
    assert (said.exit_code == 1) == ("anchor" in said.output)


def test_a_link_is_a_finding_and_a_folder_that_is_not_there_bad_usage(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine")
    (tmp_path / "link").symlink_to(folder)
    [found] = findings(tmp_path / "link")
    assert (found["file"], found["line"], found["remedy"]) == (
        f"{tmp_path}/link",
        1,
        "Name the folder that it leads to.",
    )
    assert run("check", tmp_path / "nowhere").exit_code == 2


def test_a_rule_without_a_test_is_a_finding(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / TEST).unlink()
    [found] = findings(folder)
    assert (found["file"], found["line"]) == (f"{folder}/{RULE}", 5)
    assert found["remedy"] == f"Write one in {folder}/{TEST}."


def test_what_lets_through_what_has_to_be_refused_is_a_finding(tmp_path: Path) -> None:
    shipped = bundles.without_tests(tmp_path / "shipped")
    weak = bundles.rule("lane.settled", "satisfied if input.nonce\n\nmessage := ``\n")
    (shipped / "gate/rules/lane/settled.rego").write_text(weak)
    [found] = unproven(load_bundle([shipped]))
    assert (found.file, found.line) == (f"{shipped}/gate/rules/lane/settled.rego", 1)
    assert "lets through what has to be refused" in found.message
