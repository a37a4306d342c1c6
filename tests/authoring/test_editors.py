"""What policies/README.md says of new rules and of editors is so, and each schema stands where a file names it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from launchplane_gate.cli import program
from launchplane_gate.policy import shipped_policies
from launchplane_gate.strictyaml import loads
from tests.opa import PROGRAM, needs_opa
from tests.places import ROOT

pytestmark = pytest.mark.thorough  # it loads whole bundles

README = (ROOT / "policies/README.md").read_text()
NAMED = re.compile(r"^# yaml-language-server: \$schema=(\S+)$", re.MULTILINE)


def section(title: str) -> str:
    [found] = re.findall(rf"^## {title}\n(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    return str(found)


def commands(title: str, name: str) -> list[str]:
    return re.findall(rf"^    ({name} .*)$", section(title), re.MULTILINE)


def run(command: str) -> Result:
    result = CliRunner().invoke(program, shlex.split(command)[1:])
    assert result.exit_code == 0, f"{command}: {result.output}"
    return result


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@needs_opa
def test_opa_checks_a_new_rule_as_it_says_in_a_shell_and_in_vs_code(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{Path(str(PROGRAM)).parent}{os.pathsep}{os.environ['PATH']}")
    run(*commands("A rule", "launchplane-gate"))
    [in_a_shell] = [line for line in commands("Checking and testing", "opa") if "--schema" in line]
    [settings] = re.findall(r"^```json\n(.*?)^```", section("In an editor"), re.MULTILINE | re.DOTALL)
    said = json.loads(settings.replace("SHIPPED", str(shipped_policies())).replace("${workspaceFolder}", str(here)))
    assert said["opa.bundleMode"] is False and said["opa.strictMode"] is True
    in_vs_code = ["opa", "check", *said["opa.roots"], f"--schema={said['opa.schema']}", "--strict"]  # as it calls it
    both = [shlex.split(in_a_shell.replace("SHIPPED", str(shipped_policies()))), in_vs_code]
    subprocess.run(in_vs_code, check=True)
    rule = here / "mine/gate/rules/release/vetted.rego"
    rule.write_text(rule.read_text().replace("input.request.reason !=", "input.request.reson !="))
    for command in both:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "undefined ref: input.request.reson" in done.stderr, command


def test_the_overview_is_had_as_it_says(here: Path) -> None:
    run("launchplane-gate init --product shop")
    run("launchplane-gate policy new release.vetted --folder mine")
    listed, page = commands("What they come to", "launchplane-gate")
    assert "release.told_apart" in run(listed.replace("PRODUCT", "shop")).stdout
    run(page)
    assert "### release.vetted" in (here / "policies.md").read_text()


def test_settings_name_a_schema_beside_them_that_takes_them(here: Path) -> None:
    run("launchplane-gate init")
    text = (here / "launchplane-gate.toml").read_text()
    named = text.partition("\n")[0].removeprefix("#:schema ")
    schema = json.loads((here / named).read_text())
    settings = tomllib.loads(text)
    jsonschema.validate(settings, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**settings, "lane_weight_s": 60}, schema)
    [[again]] = [re.findall(r"`(launchplane-gate policy schema settings .*?)`", section("In an editor"))]
    (here / named).unlink()
    run(again)
    assert json.loads((here / named).read_text()).keys() == schema.keys()


def test_each_shipped_case_names_a_schema_that_takes_it() -> None:
    named = {file: NAMED.findall(file.read_text()) for file in (ROOT / "policies/cases").rglob("*.yaml")}
    [schema] = {(file.parent / name).resolve() for file, [name] in named.items()}
    validator = jsonschema.Draft7Validator(json.loads(schema.read_text()))
    for file in named:
        validator.validate(loads(file.read_text()).value)
