"""The workflow that CI promotes with: its form, and its own shell steps, run as a runner would run them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from launchplane_gate.demo.workspace import PRODUCT
from tests.cli.test_cli import COMMAND, NEW, OLD, Site, clear, make_site
from tests.fakes.github import FakeGitHub
from tests.places import ROOT

pytestmark = pytest.mark.thorough  # a whole job of CI

TEXT = (ROOT / ".github" / "workflows" / "promote-prod.yml").read_text()
WORKFLOW: dict[Any, Any] = yaml.safe_load(TEXT)
ON = WORKFLOW[True]  # YAML's word for "on"
STEPS: list[dict[str, Any]] = WORKFLOW["jobs"]["promote"]["steps"]
SUBJECT = "repo:acme/shop:ref:refs/heads/main"
EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")


# -- its form


def test_it_takes_the_same_inputs_however_it_is_started() -> None:
    called, dispatched = ON["workflow_call"]["inputs"], ON["workflow_dispatch"]["inputs"]
    names = ["product", "artifact", "ref", "version", "bump", "dry_run", "idempotency_key"]
    assert list(called) == list(dispatched) == names
    for name in names:
        assert called[name]["default"] == dispatched[name]["default"]
    assert called["dry_run"]["default"] is True  # whoever forgets it promotes nothing
    assert dispatched["bump"]["options"] == ["none", "patch", "minor", "major"]


def test_no_key_is_made_from_what_is_promoted() -> None:
    assert ON["workflow_call"]["inputs"]["idempotency_key"]["default"] == ""
    assert step("Ask the gate")["env"]["KEY"] == "${{ inputs.idempotency_key }}"


def test_it_may_have_a_token_of_its_own_and_read_and_no_more() -> None:
    assert WORKFLOW["permissions"] == {"id-token": "write", "contents": "read"}
    assert "permissions" not in WORKFLOW["jobs"]["promote"] and "{{ secrets" not in TEXT
    assert WORKFLOW["jobs"]["promote"]["environment"] == "production"


def test_it_uses_two_actions_by_commit_and_leaves_no_credentials_behind() -> None:
    used = [one["uses"] for one in STEPS if "uses" in one]
    assert {name.partition("@")[0] for name in used} == {"actions/checkout", "actions/setup-python"}
    for name in used:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", name)
    for one in STEPS:
        if one.get("uses", "").startswith("actions/checkout"):
            assert one["with"]["persist-credentials"] is False


def test_no_script_holds_an_expression() -> None:
    scripts = [one["run"] for one in STEPS if "run" in one]
    assert len(scripts) == 3 and WORKFLOW["defaults"]["run"]["shell"] == "bash"
    for script in scripts:
        assert "${{" not in script
        assert script.startswith("set -euo pipefail\n")


def test_whoever_starts_it_chooses_neither_the_gate_nor_its_settings() -> None:
    for one in STEPS:
        for name, value in {**one.get("env", {}), **one.get("with", {})}.items():
            if name in ("GATE_REF", "repository", "ref", "STATE_DIR") or name.startswith("LAUNCHPLANE_GATE"):
                assert "inputs." not in str(value), name
    assert "inputs." not in WORKFLOW["jobs"]["promote"]["runs-on"]
    assert step("Get the settings and the policies")["with"]["ref"] == "${{ github.event.repository.default_branch }}"


# -- a runner


def step(name: str) -> dict[str, Any]:
    [found] = [one for one in STEPS if one.get("name") == name]
    return found


@dataclass(frozen=True)
class Ran:
    exit_code: int
    log: str
    summary: str
    outputs: str
    answer: Any


@dataclass(frozen=True)
class Runner:
    """A machine with a workspace, where the site is the checkout of the settings; ``folder`` is its own."""

    folder: Path
    site: Site
    environment: Mapping[str, str]

    def run(
        self, name: str, inputs: Mapping[str, str] | None = None, variables: Mapping[str, str] | None = None
    ) -> Ran:
        """Run one step of the workflow."""
        one = step(name)
        defaults = {key: value["default"] for key, value in ON["workflow_call"]["inputs"].items()}
        contexts = {
            "inputs": defaults | {"product": PRODUCT} | dict(inputs or {}),
            "vars": {"LAUNCHPLANE_GATE_STATE_DIR": str(self.site.folder / "state")} | dict(variables or {}),
            "github": {"event": {"repository": {"name": PRODUCT}}},
        }
        files = {key: self.folder / key.lower() for key in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
        for path in files.values():
            path.write_text("")
        environment = {key: evaluated(value, contexts) for key, value in one.get("env", {}).items()}
        script = self.folder / "step.sh"
        script.write_text(one["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.folder / one.get("working-directory", ""),
            env={**self.environment, **{key: str(path) for key, path in files.items()}, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=120,
            check=False,
        )
        summary, outputs = (path.read_bytes().decode() for path in files.values())
        answer = self.folder / "temp" / "gate.json"
        document = json.loads(answer.read_text()) if answer.exists() else None
        return Ran(done.returncode, done.stdout, summary, outputs, document)

    def ask(self, **inputs: str) -> Ran:
        ran = self.run("Ask the gate", inputs)
        assert ran.outputs == f"exit_code={ran.exit_code}\n"
        assert ran.summary.endswith(f"\nExit code {ran.exit_code}.\n")
        return ran


def evaluated(text: str, contexts: Mapping[str, Any]) -> str:
    """What an expression of the kind that the steps use stands for: the first of its parts that is not empty."""

    def value(found: re.Match[str]) -> str:
        for part in found[1].split(" || "):
            here: Any = contexts
            for name in part.split("."):
                here = here.get(name, "")
            if here != "":
                return str(here).lower() if isinstance(here, bool) else str(here)
        return ""

    return EXPRESSION.sub(value, str(text))


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Testing runs OLD, prod nothing yet; to prod only a job of acme/shop may promote. The gate is installed."""
    folder = tmp_path_factory.mktemp("runner")
    site = make_site(folder / "settings")
    with FakeGitHub() as github:
        _let_jobs_promote(site, github)
        release = ["--artifact", site.artifacts[OLD], "--ref", OLD]
        deploy = [*COMMAND, "--config", str(site.settings), "deploy", PRODUCT, "--to", "testing", *release]
        subprocess.run(deploy, check=True, capture_output=True)
        (folder / "temp").mkdir()
        (folder / "gate").symlink_to(ROOT)
        environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "RUNNER_TEMP": str(folder / "temp"),
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": github.oidc_request_url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": github.oidc_request_token,
            # Without an index: what is locked is there already, where these tests run.
            "PYTHONPATH": sysconfig.get_paths()["purelib"],
            "PIP_NO_INDEX": "1",
        }
        made = Runner(folder, site, environment)
        installed = made.run("Install the gate")
        assert installed.exit_code == 0, installed.log
        yield made
    clear(site)


def _let_jobs_promote(site: Site, github: FakeGitHub) -> None:
    table = f'[plugins.github-oidc]\naudience = "launchplane-gate"\nissuer = "{github.oidc_issuer}"\n'
    site.settings.write_text(f"{site.settings.read_text()}\n{table}")
    policy = site.folder / "policies" / "config" / "data.json"
    data = json.loads(policy.read_text())
    data["products"][PRODUCT]["actors"]["prod"] = [{"subject": SUBJECT, "verified_by": "github-oidc"}]
    policy.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("variables", "wrong"),
    [
        ({"LAUNCHPLANE_GATE_REF": "a" * 40}, ""),
        ({}, "LAUNCHPLANE_GATE_REF"),
        ({"LAUNCHPLANE_GATE_REF": "main"}, "LAUNCHPLANE_GATE_REF"),
        ({"LAUNCHPLANE_GATE_REF": f"{'a' * 40}\n"}, "LAUNCHPLANE_GATE_REF"),
        ({"LAUNCHPLANE_GATE_REF": "a" * 40, "LAUNCHPLANE_GATE_STATE_DIR": ""}, "LAUNCHPLANE_GATE_STATE_DIR"),
        ({"LAUNCHPLANE_GATE_REF": "a" * 40, "LAUNCHPLANE_GATE_STATE_DIR": "state"}, "LAUNCHPLANE_GATE_STATE_DIR"),
    ],
)
def test_a_gate_that_is_not_pinned_or_has_no_place_is_not_run(
    tmp_path: Path, variables: dict[str, str], wrong: str
) -> None:
    bare = Runner(tmp_path, Site(tmp_path / "settings", {}), {"PATH": os.environ["PATH"]})
    ran = bare.run("See that the gate is pinned and its records have a place", variables=variables)
    assert ran.exit_code == (2 if wrong else 0)
    assert wrong in ran.log and ("Nothing was done" in ran.log) is bool(wrong)


def test_a_dry_run_asks_as_the_job_and_does_nothing_then_it_promotes(runner: Runner) -> None:
    before = runner.site.files()
    asked = runner.ask(idempotency_key="k-1")
    assert asked.exit_code == 0, asked.log
    actor = {"subject": SUBJECT, "verified_by": "github-oidc", "person": "octo-operator"}
    assert asked.answer["actor"] == actor and asked.answer["allowed"]
    assert asked.summary.startswith("## Allowed. Nothing was done: to promote, run this again without dry_run.\n\n    ")
    assert runner.site.files() == before

    done = runner.ask(dry_run="false", ref=OLD, artifact=runner.site.artifacts[OLD], idempotency_key="k-1")
    assert done.exit_code == 0, done.log
    assert done.answer["status"] == "recorded" and done.answer["actor"]["verified_by"] == "github-oidc"
    assert done.summary.startswith(f"## Done.\n\n    Promote {PRODUCT} {OLD[:7]} from testing to prod\n")


def test_a_refusal_ends_with_its_exit_code_and_says_why(runner: Runner) -> None:
    refused = runner.ask(ref=NEW, dry_run="false")
    assert refused.exit_code == 1
    assert refused.summary.startswith("## Refused, or stale. Nothing was deployed.\n\n    Refused: ")
    for told in (refused.summary, refused.log):
        assert "inventory.source_current" in told and "Promote without naming a release" in told


def test_a_job_whose_token_is_refused_asks_nothing(runner: Runner) -> None:
    environment = {**runner.environment, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "not-of-this-job"}
    ran = Runner(runner.folder, runner.site, environment).ask(dry_run="false")
    assert ran.exit_code == 3 and ran.summary.startswith("## No decision could be had. Nothing was deployed.\n")
    assert "the token of this job cannot be had" in ran.summary and ran.answer["error"]["exit_code"] == 3


HOSTILE = (
    "'; touch PWNED; $(touch PWNED) `touch PWNED` \"\n::error::PWNED\n\n# PWNED\r# PWNED\n```\n<img> --config=PWNED"
)


def test_the_gate_takes_what_stands_in_an_input_for_data(runner: Runner) -> None:
    ran = runner.ask(ref=HOSTILE, dry_run="false")
    assert ran.exit_code == 2 and ran.summary.startswith("## Not asked: ") and "--ref: " in ran.summary
    assert not list(runner.folder.rglob("PWNED*"))


# -- a runner with another gate, which notes what it is asked and says what it is told to


GATE = """\
#!/usr/bin/env bash
printf '%s\\0' "$@" > "$RUNNER_TEMP/asked"
for argument in "$@"; do case "$argument" in text=*) cp "$RUNNER_TEMP/says" "${argument#text=}" ;; esac; done
cat "$RUNNER_TEMP/says"
exit "$(cat "$RUNNER_TEMP/code")"
"""


@dataclass(frozen=True)
class Recorded(Runner):
    def asked(self, inputs: Mapping[str, str], *, code: int = 0, says: str = "") -> tuple[list[str], Ran]:
        temp = self.folder / "temp"
        (temp / "code").write_text(str(code))
        (temp / "says").write_text(says)
        (temp / "asked").unlink(missing_ok=True)
        ran = self.ask(**inputs)
        assert ran.exit_code == code, ran.log
        arguments = (temp / "asked").read_bytes().decode().split("\0")[:-1]
        outputs = ["--output", "text", "--output", f"text={temp}/gate.txt", "--output", f"json={temp}/gate.json"]
        assert [one for one in arguments if one in outputs] == outputs
        return [one for one in arguments if one not in outputs], ran


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    (tmp_path / "settings").mkdir()
    programs = tmp_path / "temp" / "gate" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    (programs / "launchplane-gate").write_text(GATE)
    (programs / "launchplane-gate").chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "RUNNER_TEMP": str(tmp_path / "temp")}
    return Recorded(tmp_path, Site(tmp_path / "settings", {}), environment)


def test_each_input_becomes_one_argument_whatever_stands_in_it(recorded: Recorded) -> None:
    for text in (HOSTILE, "--config=x", "-", "*", " ", "a\tb\\"):
        names = ("product", "artifact", "ref", "version", "bump", "idempotency_key")
        asked, _ = recorded.asked({"dry_run": "false", **dict.fromkeys(names, text)})
        options = [f"--{name}={text}" for name in ("artifact", "ref", "version", "bump", "idempotency-key")]
        assert asked == ["promote", *options, "--", text]
    assert not list(recorded.folder.rglob("PWNED*"))


def test_what_is_not_given_is_not_asked_for(recorded: Recorded) -> None:
    assert recorded.asked({"dry_run": "false"})[0] == ["promote", "--", PRODUCT]
    assert recorded.asked({"dry_run": "false", "product": ""})[0] == [
        "promote",
        "--",
        PRODUCT,
    ]  # called like the repository
    assert recorded.asked({"dry_run": "false", "bump": "patch"})[0] == ["promote", "--bump=patch", "--", PRODUCT]
    dry = {"dry_run": "true", "idempotency_key": "k-1"}  # leaves nothing that a key could keep from being repeated
    assert recorded.asked(dry)[0] == ["check", "promote", "--", PRODUCT]


def test_a_dry_run_is_never_guessed(recorded: Recorded) -> None:
    for word in ("TRUE", "no", " ", "false\n"):
        ran = recorded.run("Ask the gate", {"dry_run": word})
        assert ran.exit_code == 2 and "neither true nor false" in ran.log
    assert not (recorded.folder / "temp" / "asked").exists()


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 6, 7, 130])
def test_the_job_ends_as_the_gate_does_and_says_what_that_means(recorded: Recorded, code: int) -> None:
    _, ran = recorded.asked({"dry_run": "false"}, code=code, says="why, and what to type\n")
    headline, _, rest = ran.summary.partition("\n\n")
    assert headline.startswith("## ") and ("130" in headline) is (code == 130)
    assert rest == f"    why, and what to type\n\nExit code {code}.\n"
    meanings = re.findall(rf"^ +{code}\) happened=\"(.+)\" ;;$", TEXT, re.MULTILINE)
    assert [f"## {meaning}" for meaning in meanings] == ([] if code == 130 else [headline])


def test_what_is_told_is_neither_markdown_nor_a_command_to_the_runner(recorded: Recorded) -> None:
    says = f"Refused: {HOSTILE}\x1b[2J\x08\n"
    _, ran = recorded.asked({}, code=1, says=says)
    token = re.search(r"^::stop-commands::([0-9a-f]{32})$", ran.log, re.MULTILINE)
    assert token
    log = ran.log.partition(f"::stop-commands::{token[1]}\n")[2]
    assert "::error::" in log and log.endswith(f"\n::{token[1]}::\n")
    block = ran.summary.partition("\n\n")[2].removesuffix("\nExit code 1.\n")
    assert "::error::PWNED" in block and not set(block) & set("\r\x1b\x08")
    assert all(line.startswith("    ") for line in block.splitlines())


def test_a_gate_that_is_killed_is_not_given_an_older_answer(recorded: Recorded) -> None:
    recorded.asked({"dry_run": "false"}, says="Promoted.\n")
    (recorded.folder / "temp" / "gate" / "bin" / "launchplane-gate").write_text("#!/bin/sh\nkill -9 $$\n")
    ran = recorded.ask(dry_run="false")
    assert ran.exit_code == 137 and ran.answer is None and "Promoted" not in ran.summary
    assert ran.summary.startswith("## The gate ended with exit code 137: launchplane-gate lanes tells what it left.\n")
