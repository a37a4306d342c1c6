"""What policies/README.md says of cases is so: each command runs as it stands there, and its case holds."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from launchplane_gate.authoring.cases.form import CaseFile, CaseWaiver
from launchplane_gate.authoring.cases.questions import good_questions
from launchplane_gate.cli import program
from launchplane_gate.policy import load_bundle, shipped_policies
from tests.places import ROOT

pytestmark = pytest.mark.thorough  # every command of a guide

[SECTION] = re.findall(r"^## Cases\n(.*?)^## ", (ROOT / "policies/README.md").read_text(), re.MULTILINE | re.DOTALL)
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", SECTION, re.MULTILINE))
COMMANDS = re.findall(r"^    (launchplane-gate .*)$", SECTION, re.MULTILINE)


def test_each_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [(path, text)] = re.findall(r"`(mine/[\w/.]+)`:\n\n```yaml\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    shown = {}
    for command in COMMANDS[:-1]:  # the last one is of a decision, and run where there are some: tests/cli/test_cli.py
        result = CliRunner().invoke(program, shlex.split(command)[1:])
        assert result.exit_code == 0, f"{command}: {result.output}"
        shown[command] = result.stdout
    assert (tmp_path / "mine/cases/.schema.json").exists()
    assert "tests passed" in shown[COMMANDS[1]]
    facts = yaml.safe_load(shown[COMMANDS[2]])["facts"]
    assert facts["source.run.settled"] is True and facts["source.deployments[2].touched"] is False
    assert "policy case d-" in COMMANDS[-1]


def test_the_bases_are_those_that_there_are() -> None:
    assert set(re.findall(r"`(\w+)`[,;.]", ROWS["base"])) - {"confirm", "standing"} == set(
        good_questions(load_bundle([shipped_policies()])).questions
    )


def test_each_field_is_told() -> None:
    assert set(ROWS) | {"case"} == set(CaseFile.model_fields)
    assert set(CaseWaiver.model_fields) - {"rule"} <= set(re.findall(r"`(\w+)`", ROWS["waivers"]))
