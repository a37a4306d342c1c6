"""What a pull request is shown: the workflow's form, and its own steps, run on good and on bad proposals."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from launchplane_gate.demo.workspace import PRODUCT
from tests.cli.test_cli import NEW, OLD, Site, clear, make_site
from tests.keys import write_key
from tests.places import ROOT
from tests.project.expressions import evaluated, value
from tests.project.test_policy_comment import PROGRAM

pytestmark = pytest.mark.thorough  # jobs of CI

GITHUB = ROOT / ".github"
TEXTS = {name: (GITHUB / "workflows" / f"{name}.yml").read_text() for name in ("policy", "policy-comment")}
WORKFLOWS: dict[str, dict[Any, Any]] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
ACTION: dict[str, Any] = yaml.safe_load((GITHUB / "actions" / "policy" / "action.yml").read_text())
COMMENT: dict[str, Any] = yaml.safe_load((GITHUB / "actions" / "policy-comment" / "action.yml").read_text())
JOBS: dict[str, dict[str, Any]] = WORKFLOWS["policy"]["jobs"]
STEPS: list[dict[str, Any]] = [
    *(step for workflow in WORKFLOWS.values() for job in workflow["jobs"].values() for step in job["steps"]),
    *(step for action in (ACTION, COMMENT) for step in action["runs"]["steps"]),
]


is_of_the_gate = PROGRAM.is_of_the_gate

# -- its form


def test_no_job_of_a_pull_request_may_write_and_the_one_that_comments_may_nothing_else() -> None:
    assert {workflow["permissions"] == {} for workflow in WORKFLOWS.values()} == {True}
    assert JOBS["policies"]["permissions"] == {"contents": "read"}
    assert JOBS["promotion"]["permissions"] == {"contents": "read", "id-token": "write"}
    [comment] = WORKFLOWS["policy-comment"]["jobs"].values()
    assert comment["permissions"] == {"actions": "read", "pull-requests": "write"}
    assert not any("checkout" in step.get("uses", "") for step in comment["steps"])
    for workflow in WORKFLOWS.values():
        assert list(workflow[True]) == ["workflow_call"]  # never pull_request_target, whose checkout has the secrets


def test_actions_are_pinned_and_the_gate_is_of_the_commit_of_the_workflow() -> None:
    used = {step["uses"] for step in STEPS if "uses" in step}
    ours = {name for name in used if name.startswith("$/")}
    assert ours == {"$/.github/actions/policy", "$/.github/actions/policy-comment"}
    for name in used - ours:
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", name)
    assert {name.partition("@")[0] for name in used - ours} == {
        "actions/checkout",
        "actions/setup-python",
        "actions/upload-artifact",
    }
    promotes = (GITHUB / "workflows" / "promote-prod.yml").read_text()
    assert [name for name in used - ours if "upload" not in name and name not in promotes] == []


def test_what_decides_is_of_the_base_and_no_checkout_leaves_a_login() -> None:
    base = "${{ github.event.pull_request.base.sha }}"
    for job in JOBS.values():
        checkouts = {s["with"]["path"]: s["with"] for s in job["steps"] if s.get("uses", "").startswith("actions/chec")}
        assert all(given["persist-credentials"] is False for given in checkouts.values())
        assert checkouts["base"]["ref"] == base and "ref" not in checkouts["head"]
        assert "repository" not in str(checkouts)
    facts = evaluated(checkouts["facts"]["ref"].replace("base.sha", "base"), {"inputs": {"snapshot_ref": "lanes"}})
    assert facts == "lanes"
    for script in ("changed", "pull-request"):
        text = (GITHUB / "gate" / script).read_text()
        assert not re.search(r"\$HEAD/\$(SETTINGS|SAMPLE|SNAPSHOT)", text)


def test_no_script_of_it_holds_an_expression() -> None:
    assert [step["run"] for step in STEPS if "${{" in step.get("run", "")] == []


def test_each_input_of_the_workflow_is_handed_on_as_it_is() -> None:
    inputs = WORKFLOWS["policy"][True]["workflow_call"]["inputs"]
    handed: dict[str, str] = {}
    for job in JOBS.values():
        [step] = [step for step in job["steps"] if step.get("id") == "gate"]
        handed |= {name: given for name, given in step["with"].items() if name != "facts"}
    assert handed == {name: f"${{{{ inputs.{name} }}}}" for name in inputs if name != "snapshot_ref"}
    assert set(handed) | {"head", "base", "facts"} == set(ACTION["inputs"])


@pytest.mark.parametrize(("event", "exit_code"), [("pull_request", 0), ("pull_request_target", 2), ("push", 2)])
def test_it_is_for_pull_requests_alone(event: str, exit_code: int) -> None:
    for job in JOBS.values():
        script = job["steps"][0]["run"]
        done = subprocess.run(["bash", "-c", script], env={"EVENT": event}, capture_output=True, text=True, check=False)
        assert (done.returncode, "Nothing was asked" in done.stdout) == (exit_code, exit_code != 0)


# -- a runner


@dataclass(frozen=True)
class Ran:
    exit_code: int
    log: str
    summary: str
    report: str

    @property
    def annotations(self) -> list[str]:
        """The commands that the runner heeds: those within a fence it does not."""
        heard = re.sub(r"^::stop-commands::(\w+)\n.*?^::\1::$", "", self.log, flags=re.MULTILINE | re.DOTALL)
        return [line for line in heard.splitlines() if line.startswith("::") and line != "::"]


@dataclass(frozen=True)
class Runner:
    """A machine with a workspace, in which a base and a pull request are checked out."""

    folder: Path

    @property
    def head(self) -> Path:
        return self.folder / "head"

    def write(self, path: str, text: str) -> None:
        (self.head / path).parent.mkdir(parents=True, exist_ok=True)
        (self.head / path).write_text(text)

    def ask(self, **given: str) -> Ran:
        """The steps of the action, one after the other, as a runner runs them."""
        inputs = {name: told["default"] for name, told in ACTION["inputs"].items()} | given
        steps: dict[str, Any] = {}
        contexts = {"inputs": inputs, "steps": steps, "github": {"workspace": str(self.folder)}}
        files = {name: self.folder / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        log, code = "", 0
        files["GITHUB_STEP_SUMMARY"].write_text("")
        for step in ACTION["runs"]["steps"]:
            if "uses" in step or step["name"] == "Install the gate" or not value(step.get("if", "'yes'"), contexts):
                continue
            files["GITHUB_OUTPUT"].write_text("")
            code, said = self._run(step, contexts, files)
            log += said
            outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
            steps[step["id"]] = {"outputs": outputs}
            if code:
                break
        report = evaluated(ACTION["outputs"]["report"]["value"], contexts)
        told = Path(report).read_text() if report else ""
        return Ran(code, log, files["GITHUB_STEP_SUMMARY"].read_text(), told)

    def _run(self, step: dict[str, Any], contexts: Mapping[str, Any], files: Mapping[str, Path]) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.folder,
            env={
                "PATH": os.defpath,
                **{name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME") if name in os.environ},
                "RUNNER_TEMP": str(self.folder / "temp"),
                "GITHUB_ACTION_PATH": str(GITHUB / "actions" / "policy"),
                **{name: str(path) for name, path in files.items()},
                **{name: evaluated(given, contexts) for name, given in step["env"].items()},
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout


SETTINGS = 'schema_version = 1\npolicy.folders = ["policies"]\n[attestation]\npublic_keys = ["attest.pub"]\n'
POLICIES = {"policies": "policies", "sample": "sample.jsonl"}
PROPOSALS = {"proposals": "promotion.yaml", "settings": "launchplane-gate.toml", "snapshot": "lanes.json"}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The base: policies, a sample of what was decided under them, and a snapshot. OLD runs on prod, NEW on testing."""
    site = make_site(tmp_path_factory.mktemp("shop") / "site")
    write_key(site.folder)
    with site.settings.open("a") as settings:
        settings.write('\n[attestation]\nkey = { file = "attest.pem" }\n')
    for said in (site.deploy(OLD), site.promote(), site.deploy(NEW)):
        assert said.exit_code == 0, said
    assert site.promote("--ref", OLD).exit_code == 1
    base = tmp_path_factory.mktemp("repository")
    for export in (["lanes", "--export", str(base / "lanes.json")], _sample(site, base)):
        assert site.run(*export).exit_code == 0
    shutil.copytree(site.folder / "policies", base / "policies")
    shutil.copy(site.folder / "attest.pub", base)
    (base / "launchplane-gate.toml").write_text(SETTINGS)
    (base / ".git").mkdir()
    yield base
    clear(site)


def _sample(site: Site, base: Path) -> list[str]:
    return ["decisions", "export", "--for-replay", str(base / "sample.jsonl")]


@pytest.fixture
def runner(repository: Path, tmp_path: Path) -> Runner:
    """A pull request that changes nothing yet. The gate is installed, and `install` is tested where it promotes."""
    for name in ("base", "head"):
        shutil.copytree(repository, tmp_path / name)
    programs = tmp_path / "temp" / "gate" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (programs / "python").chmod(0o755)
    return Runner(tmp_path)


def edited(runner: Runner, **product: Any) -> None:
    """Of the product's policies, something else."""
    file = runner.head / "policies" / "config" / "data.json"
    data = json.loads(file.read_text())
    data["products"][PRODUCT] |= product
    file.write_text(json.dumps(data))


CLOSED = {"prod": [{"days": ["Monday"], "from": "09:00", "to": "09:01", "zone": "UTC"}]}


def test_what_changes_nothing_asks_nothing(runner: Runner) -> None:
    runner.write("README.md", "More words.\n")
    ran = runner.ask(**POLICIES, **{"proposals": "promotion.yaml"})
    assert (ran.exit_code, ran.report, ran.summary) == (0, "", "")


def rows_of(ran: Ran) -> dict[str, tuple[str, str]]:
    """By the command that was asked: the word of the table, and what was said."""
    found = re.findall(r"^\| ([a-z ]+) \| <code>([a-z ]+)</code> \| (.+) \|$", ran.report, re.MULTILINE)
    return {command: (word, said) for word, command, said in found}


def test_policies_show_what_they_would_have_decided(runner: Runner) -> None:
    shutil.rmtree(runner.folder / "base" / "policies")
    edited(runner, windows=CLOSED)
    runner.write("sample.jsonl", "{}\n")  # whoever edits could bring along one in which nothing flips
    runner.write("launchplane-gate.toml", '[embedded]\npython = "PWNED"\n')
    ran = runner.ask(**POLICIES)
    assert ran.exit_code == 0, ran.log
    words = {command: word for command, (word, _) in rows_of(ran).items()}
    assert words == {
        "policy check": "passed",
        "policy test": "passed",
        "policy diff": "not asked",
        "policy replay": "told",
    }
    assert ran.report.startswith("## The gate on this pull request, nothing stands in its way\n")
    assert "1 decision flipped" in rows_of(ran)["policy replay"][1] and "allow to deny | 1 |" in ran.report
    assert ran.report == ran.summary and is_of_the_gate(ran.report)
    assert any(line.startswith("::warning ") and "window.open" in line for line in ran.annotations)


def test_a_case_that_does_not_hold_is_shown_at_its_line_and_the_edit_is_compared(runner: Runner) -> None:
    """An edit of which it is told without a search for inputs what it makes different."""
    runner.write("policies/cases/friday.yaml", "case: Anybody may\nbase: promotion\nexpect: allowed\n")
    ran = runner.ask(**(POLICIES | {"sample": ""}))
    assert ran.exit_code == 1 and is_of_the_gate(ran.report), ran.log
    rows = rows_of(ran)
    assert rows["policy test"][0] == "failed"
    assert rows["policy diff"] == ("told", "base/policies -&#62; head/policies&#58; 0 differences")
    assert rows["policy replay"] == ("not asked", "No sample of decisions is named")
    assert any("::error file=policies/cases/friday.yaml,line=3," in line for line in ran.annotations)


def test_each_input_is_one_argument_and_the_worst_answer_counts(runner: Runner) -> None:
    """With another gate, which notes what it is asked, and to whose replay 1 is the answer."""
    python, asked = runner.folder / "temp" / "gate" / "bin" / "python", runner.folder / "asked"
    noting = f'for one in "$@"; do printf "%s\\0" "$one"; done >> {asked}\n[ "$5" != replay ]'
    python.write_text(f'#!/bin/sh\nif [ "$2" = -c ]; then exec {sys.executable} "$@"; fi\n{noting}\n')
    edited(runner, windows=CLOSED)
    hostile = "'; touch PWNED; $(touch PWNED)"
    runner.write("promotion.yaml", "")
    ran = runner.ask(
        **POLICIES,
        **{"proposals": "promotion.yaml", "settings": "launchplane-gate.toml", "as": hostile, "launchplane": hostile},
        fail_on=" deny-to-allow\n\nallow-to-deny\nloosening\n",
        sample_sha256=hostile,
    )
    assert ran.exit_code == 1 and "1 of 5 did not pass" in ran.report and not list(runner.folder.rglob("PWNED*"))
    told = asked.read_bytes().decode().split("\0")
    loosens = ["--fail-on=loosening", "--", "base/policies", "head/policies"]
    assert told[told.index(loosens[0]) :][: len(loosens)] == loosens
    flips = [f"--sha256={hostile}", "--fail-on=deny-to-allow", "--fail-on=allow-to-deny", "--"]
    assert told[told.index(flips[0]) :][: len(flips) + 1] == [*flips, "head/policies"]
    assert told[told.index("--config") :][:2] == ["--config", "base/launchplane-gate.toml"]
    facts = [f"--from-launchplane={hostile}", f"--as={hostile}", "--", "head/promotion.yaml"]
    assert told[-5:-1] == facts


def test_a_rule_that_does_not_load_is_shown_at_its_line(runner: Runner) -> None:
    runner.write("policies/gate/rules/extra/wanted.rego", "package gate.rules.extra.wanted\n\nsatisfied if {\n")
    ran = runner.ask(**POLICIES)
    assert ran.exit_code != 0 and is_of_the_gate(ran.report)
    assert ran.report.count("| not asked |") == 3
    assert any("file=policies/gate/rules/extra/wanted.rego,line=" in line for line in ran.annotations), ran.log


@pytest.mark.parametrize(("commit", "exit_code", "word"), [(NEW, 0, "passed"), (OLD, 1, "refused")])
def test_a_proposal_is_decided_by_the_policies_of_the_base(
    runner: Runner, commit: str, exit_code: int, word: str
) -> None:
    edited(runner, windows=CLOSED)
    reason = "'; touch PWNED; $(touch PWNED) ::error::PWNED"
    runner.write("promotion.yaml", f"product: {PRODUCT}\nfrom: testing\nto: prod\nref: {commit}\nreason: {reason!r}\n")
    ran = runner.ask(**PROPOSALS)
    assert ran.exit_code == exit_code, ran.log
    assert is_of_the_gate(ran.report)
    assert f"| {word} | <code>check proposals</code> |" in ran.report and "as of" in ran.report
    assert "<code>promotion&#46;yaml&#58;4</code>" in ran.report or not exit_code
    assert ("Promote without naming a release" in ran.report) is bool(exit_code)
    found = [line for line in ran.annotations if "file=promotion.yaml,line=4," in line]
    assert len(found) == exit_code and not list(runner.folder.rglob("PWNED*"))


def test_without_facts_a_proposal_is_not_known(runner: Runner) -> None:
    runner.write("promotion.yaml", f"product: {PRODUCT}\nfrom: testing\nto: prod\n")
    ran = runner.ask(**(PROPOSALS | {"snapshot": ""}))
    assert ran.exit_code == 3 and "| not known | <code>check proposals</code> |" in ran.report
    (runner.folder / "base" / "lanes.json").write_text("{}")
    assert runner.ask(**PROPOSALS).exit_code == 2


def test_no_link_leads_to_what_else_is_on_the_machine(runner: Runner) -> None:
    for target in ("/etc/passwd", "README.md"):
        (runner.head / "promotion.yaml").unlink(missing_ok=True)
        (runner.head / "promotion.yaml").symlink_to(target)
        ran = runner.ask(**PROPOSALS)
        assert (ran.exit_code, ran.report) == (2, "") and "root:" not in ran.log
        assert ("leads out" if target[0] == "/" else "symbolic link") in ran.log
    (runner.head / "policies" / "more").symlink_to("/etc")
    assert "symbolic link" in runner.ask(**POLICIES).log
    shutil.rmtree(runner.head / "policies")
    (runner.head / "policies").symlink_to("/etc")
    assert "leads out" in runner.ask(**POLICIES).log


def test_policies_that_are_gone_or_misspelt_are_no_pass(runner: Runner) -> None:
    assert runner.ask(**(POLICIES | {"policies": "polices"})).exit_code == 2
    shutil.rmtree(runner.head / "policies")
    ran = runner.ask(**POLICIES)
    assert ran.exit_code == 2 and "is gone" in ran.log


def test_a_gate_that_is_killed_passes_nothing(runner: Runner) -> None:
    python = runner.folder / "temp" / "gate" / "bin" / "python"
    python.write_text(f'#!/bin/sh\n[ "$2" = -c ] || kill -9 $$\nexec {sys.executable} "$@"\n')
    edited(runner, windows=CLOSED)
    ran = runner.ask(**POLICIES)
    assert ran.exit_code == 137 and "| error | <code>policy check</code> | The gate gave no answer |" in ran.report
