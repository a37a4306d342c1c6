"""`policy new` begins a rule that the gate takes as it stands, and harms nothing that is there."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from launchplane_gate.authoring.new.adding import with_entry
from launchplane_gate.cli import program
from launchplane_gate.policy import shipped_policies
from tests.opa import PROGRAM, needs_opa

pytestmark = pytest.mark.thorough  # it loads and tests whole bundles

PLACE = ("roll_call", "base", "promote", "admit")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, list(arguments))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@needs_opa
def test_the_rule_is_good_as_it_stands_and_each_command_that_is_told_says_so(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("init").exit_code == 0
    said = run("policy", "new", "release.vetted", "--output", "json")
    assert said.exit_code == 0, said.output
    *ours, opa = json.loads(said.stdout)["next"]
    monkeypatch.setenv("PATH", f"{Path(str(PROGRAM)).parent}{os.pathsep}{os.environ['PATH']}")
    told = [run(*shlex.split(command)[1:]) for command in ours]
    assert [one.exit_code for one in told] == [0, 0, 0], [one.output for one in told]
    checked, tested, mutated = (one.stdout for one in told)
    assert "adds rule release.vetted to promote/admit" in checked
    assert "3 tests passed, on the embedded engine and on OPA" in tested
    assert "no test\nis missing" in mutated or "no test is missing" in mutated
    for command in (shlex.split(opa), ["opa", "fmt", "--list", "policies"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), command
    rule = here / "policies/gate/rules/release/vetted.rego"
    rule.write_text(rule.read_text().replace("input.request.reason !=", "input.request.reson !="))
    done = subprocess.run(shlex.split(opa), capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "undefined ref: input.request.reson" in done.stderr


def test_it_says_what_it_wrote_and_has_every_outcome_of_the_rule_tested(here: Path) -> None:
    said = run("policy", "new", "release.vetted", "--folder", "mine")
    assert said.exit_code == 0, said.output
    assert set(files(here)) == {
        "mine/.authoring.json",
        "mine/config/data.json",
        "mine/gate/rules/release/vetted.rego",
        "mine/gate/rules/release/vetted_test.rego",
    }
    assert all(f"  {name}\n" in said.stdout for name in files(here))
    assert json.loads((here / "mine/config/data.json").read_text()) == {
        "roll_call": {"base": {"promote": {"admit": ["release.vetted"]}}}
    }
    assert '"mine" in [policy] folders' in said.stdout  # which no settings name yet
    assert "  launchplane-gate policy check mine\n" in said.stdout
    assert max(map(len, said.stdout.partition("Type next:")[0].split("\n"))) <= 80
    covered = run("policy", "test", "--coverage", "--only", "release.vetted", "mine")
    assert "3 tests passed" in covered.stdout and "vetted" not in covered.stdout.partition("Not covered:")[2]
    more = run("policy", "new", "release.signed", "--folder", "mine")
    assert more.exit_code == 0, more.output
    assert ".authoring.json\n" not in more.stdout  # it is there


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("vetted", "with one dot"),
        ("release.vetted.twice", "with one dot"),
        ("Release.vetted", "'Release' is not of a-z"),
        ("release.vétted", "is not of a-z"),
        ("../release.vetted", "with one dot"),
        ("release.with", "a word of Rego's"),
        ("json.vetted", "a word of Rego's"),
        ("cases.vetted", "the good questions"),
        ("release.vetted_test", "holds tests"),
        (f"release.{'v' * 61}", "more than 60 letters"),
        ("release.commit_full", "is there already"),
    ],
)
def test_a_name_that_will_not_do_is_told_and_nothing_is_written(here: Path, code: str, why: str) -> None:
    said = run("policy", "new", code, "--folder", "mine")
    assert said.exit_code == 2
    assert why in said.stderr and "Nothing was written." in said.stderr
    assert files(here) == {}


def test_nothing_is_written_over_or_into_what_does_not_load(here: Path) -> None:
    assert run("policy", "new", "release.vetted", "--folder", "mine").exit_code == 0
    before = files(here)
    again = run("policy", "new", "release.vetted", "--folder", "mine")
    assert (again.exit_code, files(here)) == (2, before)
    assert "mine/gate/rules/release/vetted.rego is there already" in again.stderr
    (here / "mine/gate/rules/release/vetted.rego").write_text("package gate.rules.release.vetted\n")
    before = files(here)
    broken = run("policy", "new", "release.other", "--folder", "mine")
    assert broken.exit_code != 0 and "mine/gate/rules/release/vetted.rego:1" in broken.stderr
    assert files(here) == before


def test_what_cannot_be_written_leaves_nothing_behind(here: Path) -> None:
    (here / "mine/config").mkdir(parents=True)
    (here / "mine/config/data.json").mkdir()
    said = run("policy", "new", "release.vetted", "--folder", "mine")
    assert said.exit_code == 2 and "Nothing was written." in said.stderr
    assert files(here) == {}


def test_the_shipped_policies_stay_as_they_are(here: Path) -> None:
    said = run("policy", "new", "release.vetted", "--folder", str(shipped_policies()))
    assert said.exit_code == 2 and "as they were shipped" in said.stderr
    assert run("policy", "new", "release.vetted").exit_code == 2  # there are no settings that name a folder


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", '{\n  "roll_call": {\n    "base": {\n      "promote": {\n        "admit": [\n          "a.b"'),
        ('{"roll_call": {"base": {"promote": {"admit": ["x.y"]}}}}', '"admit": ["x.y", "a.b"]'),
        ('{"roll_call": {"base": {"promote": {"admit": [\n\t"x.y" ] }}}}', '[\n\t"x.y",\n\t"a.b" ]'),
        (
            '{\n  "products": {"]": {"paths": []}},\n  "roll_call": {"optional": ["x.y"]}\n}\n',
            '{"optional": ["x.y"], "base": {\n',
        ),
    ],
)
def test_an_entry_is_added_and_all_else_stays_as_it_was_written(before: str, after: str) -> None:
    made = with_entry(before, PLACE, "a.b")
    assert after in made
    assert json.loads(made)["roll_call"]["base"]["promote"]["admit"][-1] == "a.b"
    position = 0
    for letter in before:  # what stood there stands there, in its order
        position = made.index(letter, position) + 1
