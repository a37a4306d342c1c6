"""`policy case` and `policy test` on cases, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from launchplane_gate.authoring.cases.form import CaseFile
from launchplane_gate.cli import program
from tests.cli.test_cli import OLD, Site
from tests.cli.test_cli import busy_site as busy_site  # noqa: PLC0414  # a fixture

pytestmark = pytest.mark.thorough  # a site of its own, which deploys three times

BAD = "case: x\nbase: promotion\nfacts:\n  source.run.settled: false\nexpect: allowed\n"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(program, list(map(str, arguments)))


def refused_id(site: Site) -> str:
    [newest, *_] = site.run("decisions", "list", "--output", "json").document["decisions"]
    assert not newest["allowed"]
    return str(newest["decision_id"])


def test_a_case_of_a_refusal_is_the_fact_that_mattered(busy_site: Site, tmp_path: Path) -> None:
    decision_id = refused_id(busy_site)
    file = tmp_path / "stale.yaml"
    said = busy_site.run("policy", "case", decision_id, "-o", str(file))
    assert said.exit_code == 0, said
    text = file.read_text()
    named = text.partition("\n")[0].removeprefix("# yaml-language-server: $schema=")
    assert "expect" in json.loads((tmp_path / named).read_text())["properties"]  # so that editors find it
    assert f"  request.expected.source_git_ref: {OLD}\n" in text
    assert "expect: refused\nrules:\n  inventory.source_current: not satisfied\n" in text
    assert "state/" not in text and "127.0.0.1" not in text and "@sha256:" not in text
    assert said.out.startswith(f"{file}: ") and "left in it, since it matters: " in said.out
    assert "run it: launchplane-gate policy test --only cases.stale" in said.out
    again = busy_site.run("policy", "case", decision_id, "-o", str(file))
    assert again.exit_code == 2 and "is there already" in again.err
    document = busy_site.run("policy", "case", decision_id, "--output", "json").document
    assert document["case"] == text and document["differed"] > document["stated"]


def test_a_decision_that_is_not_there_is_named(busy_site: Site) -> None:
    said = busy_site.run("policy", "case", "d-AAAAAAAA")
    assert said.exit_code == 2 and "there is no decision d-AAAAAAAA" in said.err


def test_a_case_that_does_not_hold_ends_with_1_and_is_told_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases/bad.yaml").write_text(BAD)
    done = run("policy", "test", "--only", "cases.bad", tmp_path)
    assert done.exit_code == 1
    first, second, *_ = done.output.splitlines()
    assert first == "x cases.bad"
    assert second.startswith(f"  {tmp_path}/cases/bad.yaml:5: lane.settled was to be satisfied, and is not satisfied: ")
    assert "decided by source.run.settled, which is false (line 4; else it is true)" in done.output
    told = run("policy", "test", "--only", "cases.bad", tmp_path, "--output", "github")
    assert f"file={tmp_path}/cases/bad.yaml,line=5" in told.output.replace("%2F", "/")
    [one] = json.loads(run("policy", "test", "--only", "cases.bad", tmp_path, "--output", "json").stdout)["tests"]
    assert one["passed"] is False and one["engines"]["embedded"] == "fail"


def test_what_is_no_case_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases/bad.yaml").write_text(BAD.replace("settled", "setled"))
    done = run("policy", "test", tmp_path)
    assert done.exit_code == 2
    said = f"{tmp_path}/cases/bad.yaml:4: no policy input has `source.run.setled`. Did you mean `settled`?"
    assert said in done.stderr and "No test was run." in done.stderr


def test_the_schema_of_a_case_names_its_fields_and_the_shipped_rules() -> None:
    schema = json.loads(run("policy", "schema", "case").stdout)
    assert set(schema["properties"]) == set(CaseFile.model_fields)
    assert "inventory.source_current" in schema["properties"]["rules"]["properties"]
    assert schema["properties"]["facts"]["properties"]["source.run.settled"]["type"] == ["boolean", "null"]
