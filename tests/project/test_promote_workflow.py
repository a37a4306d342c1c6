"""The workflow that CI promotes with: its form, and its own steps, run as a runner would run them."""

from __future__ import annotations

import html
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
from tests.project.expressions import evaluated, value

pytestmark = pytest.mark.thorough  # a whole job of CI

TEXT = (ROOT / ".github" / "workflows" / "promote-prod.yml").read_text()
WORKFLOW: dict[Any, Any] = yaml.safe_load(TEXT)
ON = WORKFLOW[True]  # YAML's word for "on"
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
ACTING = ("promote", "publish")
STEPS: list[dict[str, Any]] = [one for job in JOBS.values() for one in job["steps"]]
SCRIPTS = [path for path in (ROOT / ".github" / "gate").iterdir() if path.is_file() and not path.suffix]
SUBJECT = "repo:acme/shop:ref:refs/heads/main"


# -- its form


def test_it_takes_the_same_inputs_however_it_is_started_but_the_environment() -> None:
    called, dispatched = ON["workflow_call"]["inputs"], ON["workflow_dispatch"]["inputs"]
    names = ["product", "artifact", "ref", "version", "bump", "reason", "dry_run", "idempotency_key"]
    assert list(called) == [*names, "environment"] and list(dispatched) == names
    for name in names:
        assert called[name]["default"] == dispatched[name]["default"]
    assert called["dry_run"]["default"] is True  # whoever forgets it promotes nothing
    assert dispatched["bump"]["options"] == ["none", "patch", "minor", "major"]


def test_its_key_is_that_of_the_run_and_never_made_from_what_is_promoted() -> None:
    key = step("promote", "Ask the gate")["env"]["KEY"]
    assert key == "${{ inputs.idempotency_key || format('gha-{0}', github.run_id) }}"
    assert evaluated(key, {"github": {"run_id": "77", "run_attempt": "3"}, "inputs": {}}) == "gha-77"


def test_each_job_may_what_it_needs_and_no_more() -> None:
    assert WORKFLOW["permissions"] == {} == JOBS["pinned"]["permissions"] and "{{ secrets" not in TEXT
    for job in ACTING:
        assert JOBS[job]["permissions"] == {"id-token": "write", "contents": "read"}
    assert JOBS["prove"]["permissions"] == {"contents": "read"}
    assert list(JOBS) == ["pinned", "promote", "publish", "prove"]


def test_who_asks_is_an_environment_that_nobody_chooses_who_dispatches() -> None:
    for job in ACTING:
        named = JOBS[job]["environment"]
        for contexts, environment in (
            ({}, "production"),
            ({"vars": {"LAUNCHPLANE_GATE_ENVIRONMENT": "prod-eu"}}, "prod-eu"),
            ({"vars": {"LAUNCHPLANE_GATE_ENVIRONMENT": "prod-eu"}, "inputs": {"environment": "prod-us"}}, "prod-us"),
        ):
            assert evaluated(named, {"vars": {}, "inputs": {}} | contexts) == environment
    assert "environment" not in ON["workflow_dispatch"]["inputs"]
    assert "environment" not in JOBS["prove"] and "environment" not in JOBS["pinned"]


def test_promotions_of_a_product_wait_for_one_another_to_the_end_and_a_dry_run_for_nobody() -> None:
    asked = WORKFLOW["concurrency"]
    assert asked["cancel-in-progress"] is False
    for dry_run, group in ((False, "launchplane-gate-shop-acts"), (True, "launchplane-gate-shop-77")):
        contexts = {
            "inputs": {"dry_run": dry_run},
            "github": {"run_id": "77", "event": {"repository": {"name": "shop"}}},
        }
        assert evaluated(asked["group"], contexts) == group


def bare(condition: str) -> str:
    return condition.strip().removeprefix("${{").removesuffix("}}")


@pytest.mark.parametrize(
    ("promoted", "dry_run", "published", "runs"),
    [
        ("0", False, None, {"prove"}),
        ("0", True, None, set()),
        ("6", False, "success", {"publish", "prove"}),
        ("6", False, "failure", {"publish"}),
        ("1", False, None, set()),
        ("5", False, None, set()),
    ],
)
def test_a_release_that_is_not_out_is_published_and_what_was_promoted_is_proven(
    promoted: str, dry_run: bool, published: str | None, runs: set[str]
) -> None:
    ended = "success" if promoted in ("0", "6") else "failure"
    needs = {"promote": {"result": ended, "outputs": {"exit_code": promoted}}, "publish": {"result": published or ""}}
    contexts = {"needs": needs, "inputs": {"dry_run": dry_run}}
    found = {job for job in ("publish", "prove") if value(bare(JOBS[job]["if"]), contexts)}
    if ended == "failure":  # without cancelled() in its condition a job waits for the success of what it needs
        assert "cancelled()" not in JOBS["publish"]["if"]
        found -= {"publish"}
    assert found == runs
    assert JOBS["publish"]["needs"] == ["pinned", "promote"]
    assert JOBS["prove"]["needs"] == ["pinned", "promote", "publish"]
    told = ON["workflow_call"]["outputs"]["exit_code"]["value"]
    for of_publishing, exit_code in (("", promoted), ("0", "0"), ("6", "6")):
        outputs = {
            "promote": {"outputs": {"exit_code": promoted}},
            "publish": {"outputs": {"exit_code": of_publishing}},
        }
        assert evaluated(told, {"jobs": outputs}) == exit_code


def test_it_uses_two_actions_by_commit_and_checks_out_the_gate_alone() -> None:
    used = [one["uses"] for one in STEPS if "uses" in one]
    assert {name.partition("@")[0] for name in used} == {"actions/checkout", "actions/setup-python"}
    for name in used:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", name)
    for job, told in JOBS.items():
        checkouts = [one["with"] for one in told["steps"] if one.get("uses", "").startswith("actions/checkout")]
        outputs = {name: f"${{{{ needs.pinned.outputs.{name} }}}}" for name in ("repository", "ref")}
        wanted = {**outputs, "path": "gate", "persist-credentials": False}
        assert checkouts == ([] if job == "pinned" else [wanted]), job
        assert job == "pinned" or "pinned" in told["needs"]


def test_no_script_holds_an_expression() -> None:
    scripts = [one["run"] for one in STEPS if "run" in one]
    assert WORKFLOW["defaults"]["run"]["shell"] == "bash"
    assert not [script for script in scripts if "${{" in script]
    asked = {f"gate/.github/gate/ask {job}" for job in ("promote", "publish", "prove")}
    assert set(scripts[1:]) == {"gate/.github/gate/install", *asked}
    for text in (scripts[0], *(path.read_text() for path in SCRIPTS)):
        assert "set -euo pipefail\n" in text and "${{" not in text


def test_python_is_isolated_wherever_it_is_run() -> None:
    for path in SCRIPTS:
        for line in path.read_text().splitlines():
            if not line.startswith("#") and re.search(r"python3?\b", line.replace("--python", "")):
                assert re.search(r'python"? -I ', line), line


def test_whoever_starts_it_chooses_neither_the_gate_nor_its_settings() -> None:
    for one in STEPS:
        for name, given in {**one.get("env", {}), **one.get("with", {})}.items():
            if name in ("GATE_REF", "GATE_REPOSITORY", "CONFIG", "repository", "ref") or name.startswith("LAUNCHPLANE"):
                assert "inputs." not in str(given), name
    for job in JOBS.values():
        assert job["runs-on"] == {"group": "${{ vars.LAUNCHPLANE_GATE_RUNNERS || 'launchplane-gate' }}"}


def test_it_says_what_has_to_be_so_that_nobody_else_gets_at_its_secrets() -> None:
    head = " ".join(TEXT.partition("\nname:")[0].replace("#", " ").split())
    for told in ("belongs to a group of the organization, for this workflow alone", "has a rule for branches"):
        assert told in head
    for variable in re.findall(r"vars\.(\w+)", TEXT):
        assert variable in head


# -- a runner


def step(job: str, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [one for one in JOBS[job]["steps"] if one.get("name") == name]
    assert len(found) == 1
    return found[0]


@dataclass(frozen=True)
class Ran:
    exit_code: int
    log: str
    summary: str
    outputs: str
    answer: Any


@dataclass(frozen=True)
class Runner:
    """A machine with a workspace, ``folder``, in which the gate is checked out; the settings are elsewhere on it."""

    folder: Path
    site: Site
    environment: Mapping[str, str]

    def run(self, job: str, name: str, inputs: Mapping[str, str] | None = None, **contexts: Any) -> Ran:
        """Run one step of the workflow."""
        one = step(job, name)
        defaults = {key: told["default"] for key, told in ON["workflow_call"]["inputs"].items()}
        needs = {
            "pinned": {"outputs": {"config": str(self.site.settings)}},
            "promote": {"outputs": {"run": "r-7Q2M4KXB"}},
        }
        known = {
            "inputs": defaults | {"product": PRODUCT} | dict(inputs or {}),
            "vars": {},
            "needs": needs,
            "github": {"event": {"repository": {"name": PRODUCT}}, "repository_owner": "acme", "run_id": "4242"},
            **contexts,
        }
        files = {key: self.folder / key.lower() for key in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
        for path in files.values():
            path.write_text("")
        environment = {key: evaluated(told, known) for key, told in one.get("env", {}).items()}
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
        text = answer.read_text() if answer.exists() else ""
        document = json.loads(text) if text.endswith("}\n") else None
        return Ran(done.returncode, done.stdout, summary, outputs, document)

    def ask(self, job: str = "promote", **inputs: str) -> Ran:
        ran = self.run(job, "Ask the gate", inputs)
        run = (ran.answer or {}).get("run_id", "") if job == "promote" else ""
        assert ran.outputs == f"exit_code={ran.exit_code}\nrun={run}\n"
        assert ran.summary.endswith(f"\nExit code {ran.exit_code}.\n")
        return ran


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
        installed = made.run("promote", "Install the gate")
        assert installed.exit_code == 0, installed.log
        [packages] = (folder / "temp" / "gate").glob("lib/python*/site-packages")
        (packages / "needed.pth").write_text(sysconfig.get_paths()["purelib"])
        yield made
    clear(site)


def _let_jobs_promote(site: Site, github: FakeGitHub) -> None:
    table = f'[plugins.github-oidc]\naudience = "launchplane-gate"\nissuer = "{github.oidc_issuer}"\n'
    site.settings.write_text(f"{site.settings.read_text()}\n{table}")
    policy = site.folder / "policies" / "config" / "data.json"
    data = json.loads(policy.read_text())
    data["products"][PRODUCT]["actors"]["prod"] = [{"subject": SUBJECT, "verified_by": "github-oidc"}]
    policy.write_text(json.dumps(data))


REF = {"LAUNCHPLANE_GATE_REF": "a" * 40}


@pytest.mark.parametrize(
    ("variables", "wrong"),
    [
        (REF, ""),
        (REF | {"LAUNCHPLANE_GATE_REPOSITORY": "ops/gate"}, ""),
        ({}, "LAUNCHPLANE_GATE_REF"),
        ({"LAUNCHPLANE_GATE_REF": "main"}, "LAUNCHPLANE_GATE_REF"),
        ({"LAUNCHPLANE_GATE_REF": f"{'a' * 40}\n"}, "LAUNCHPLANE_GATE_REF"),
        (REF | {"LAUNCHPLANE_GATE_REPOSITORY": "ops/gate/../x"}, "LAUNCHPLANE_GATE_REPOSITORY"),
        (REF | {"LAUNCHPLANE_GATE_REPOSITORY": "ops/gate\nref=b"}, "LAUNCHPLANE_GATE_REPOSITORY"),
        (REF | {"LAUNCHPLANE_GATE_CONFIG": ""}, "LAUNCHPLANE_GATE_CONFIG"),
        (REF | {"LAUNCHPLANE_GATE_CONFIG": "launchplane-gate.toml"}, "LAUNCHPLANE_GATE_CONFIG"),
        (REF | {"LAUNCHPLANE_GATE_CONFIG": "/absent/launchplane-gate.toml"}, "LAUNCHPLANE_GATE_CONFIG"),
        (REF | {"LAUNCHPLANE_GATE_CONFIG": "/a\nref=b"}, "LAUNCHPLANE_GATE_CONFIG"),
    ],
)
def test_a_gate_that_is_not_pinned_or_has_no_settings_is_not_run(
    tmp_path: Path, variables: dict[str, str], wrong: str
) -> None:
    (config := tmp_path / "settings.toml").touch()
    bare_runner = Runner(tmp_path, Site(tmp_path, {}), {"PATH": os.environ["PATH"]})
    told = {"LAUNCHPLANE_GATE_CONFIG": str(config), **variables}
    ran = bare_runner.run("pinned", "See that the gate is pinned and has its settings", vars=told)
    assert ran.exit_code == (2 if wrong else 0), ran.log
    assert wrong in ran.log and ("Nothing was done" in ran.log) is bool(wrong)
    repository = variables.get("LAUNCHPLANE_GATE_REPOSITORY", "acme/launchplane-gate")
    assert ran.outputs == ("" if wrong else f"repository={repository}\nref={'a' * 40}\nconfig={config}\n")


def test_a_dry_run_asks_as_the_job_and_does_nothing_then_it_promotes(runner: Runner) -> None:
    before = runner.site.files()
    asked = runner.ask(idempotency_key="k-1")
    assert asked.exit_code == 0, asked.log
    actor = {"subject": SUBJECT, "verified_by": "github-oidc", "person": "octo-operator"}
    claims = asked.answer["actor"].pop("claims")
    assert asked.answer["actor"] == actor and asked.answer["allowed"] and claims["repository"] == "acme/shop"
    assert html.unescape(asked.summary).startswith(f"## Allowed: promote {PRODUCT} testing -> prod. This was a check")
    assert f"| commit | {OLD} |" in asked.summary and re.search(r"^\d+ passed\.$", asked.summary, re.MULTILINE)
    assert runner.site.files() == before

    wanted = {"dry_run": "false", "ref": OLD, "artifact": runner.site.artifacts[OLD], "reason": "weekly release"}
    done = runner.ask(**wanted)
    assert done.exit_code == 0 and done.answer["reason"] == "weekly release", done.log
    assert done.answer["status"] == "recorded" and done.answer["actor"]["verified_by"] == "github-oidc"
    assert done.summary.startswith(f"## Promote {PRODUCT} {OLD[:7]} from testing to prod\n\n      admitted  ")
    again = runner.ask(**wanted)  # the same run of the workflow once more, with a token of its own
    assert again.answer["replayed"] and again.answer["run_id"] == done.answer["run_id"]
    proven = runner.ask("prove")
    assert proven.exit_code == 0 and proven.summary.startswith("## One&#58; everything that names the release of"), (
        proven.log
    )


def test_a_refusal_ends_with_its_exit_code_and_says_why(runner: Runner) -> None:
    refused = runner.ask(ref=NEW, dry_run="false", idempotency_key="k-2")
    assert refused.exit_code == 1
    summary = html.unescape(refused.summary)
    assert summary.startswith(f"## Refused: promote {PRODUCT} testing -> prod. Nothing was deployed.\n")
    for told in (summary, refused.log):
        assert "inventory.source_current" in told and "Promote without naming a release" in told


def test_a_job_whose_token_is_refused_asks_nothing(runner: Runner) -> None:
    environment = {**runner.environment, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "not-of-this-job"}
    ran = Runner(runner.folder, runner.site, environment).ask(dry_run="false")
    assert ran.exit_code == 3 and "the token of this job cannot be had" in ran.summary
    assert ran.summary.startswith("## launchplane-gate&#58; ") and ran.answer["error"]["exit_code"] == 3


HOSTILE = (
    "'; touch PWNED; $(touch PWNED) `touch PWNED` \"\n::error::PWNED\n\n# PWNED\r# PWNED\n```\n<img> --config=PWNED"
)


def test_the_gate_takes_what_stands_in_an_input_for_data(runner: Runner) -> None:
    ran = runner.ask(ref=HOSTILE, dry_run="false")
    assert ran.exit_code == 2 and "--ref&#58; " in ran.summary and "Nothing was done." in ran.summary
    assert not re.search(r"^(#+ PWNED|```|.*<img|::)", ran.summary, re.MULTILINE)
    assert not list(runner.folder.rglob("PWNED*"))


# -- a runner with another gate, which notes what it is asked and says what it is told to


GATE = """\
#!/usr/bin/env bash
[ "$1" = -I ] || exit 99
if [ "$2 $3" != "-m launchplane_gate" ]; then exec PYTHON "$@"; fi
shift 3
printf '%s\\0' "$@" > "$RUNNER_TEMP/asked"
for argument in "$@"; do
  case "$argument" in
    markdown=*) cp "$RUNNER_TEMP/summary" "${argument#markdown=}" ;;
    json=*) [ ! -f "$RUNNER_TEMP/answers" ] || cp "$RUNNER_TEMP/answers" "${argument#json=}" ;;
  esac
done
cat "$RUNNER_TEMP/says"
exit "$(cat "$RUNNER_TEMP/code")"
"""


SUMMARY = "## What the gate made of it\n\nExit code {}.\n"


@dataclass(frozen=True)
class Recorded(Runner):
    def asked(
        self, inputs: Mapping[str, str], *, code: int = 0, says: str = "", answers: str = "", job: str = "promote"
    ) -> tuple[list[str], Ran]:
        temp = self.folder / "temp"
        (temp / "answers").write_text(answers)
        if not answers:
            (temp / "answers").unlink()
        (temp / "code").write_text(str(code))
        (temp / "says").write_text(says)
        (temp / "summary").write_text(SUMMARY.format(code))
        (temp / "asked").unlink(missing_ok=True)
        ran = self.run(job, "Ask the gate", inputs)
        assert ran.outputs.startswith(f"exit_code={code}\nrun=") and ran.summary == SUMMARY.format(code), ran
        arguments = (temp / "asked").read_bytes().decode().split("\0")[:-1]
        outputs = ["--output", "text", "--output", f"markdown={temp}/gate.md", "--output", f"json={temp}/gate.json"]
        assert [one for one in arguments if one in outputs] == outputs
        return [one for one in arguments if one not in outputs], ran


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    (tmp_path / "settings").mkdir()
    programs = tmp_path / "temp" / "gate" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(GATE.replace("PYTHON", sys.executable))
    (programs / "python").chmod(0o755)
    (tmp_path / "gate").symlink_to(ROOT)
    environment = {"PATH": os.environ["PATH"], "RUNNER_TEMP": str(tmp_path / "temp")}
    return Recorded(tmp_path, Site(tmp_path / "settings", {}), environment)


KEY = "--idempotency-key=gha-4242"


def test_each_input_becomes_one_argument_whatever_stands_in_it(recorded: Recorded) -> None:
    for text in (HOSTILE, "--config=x", "-", "*", " ", "a\tb\\"):
        names = ("product", "artifact", "ref", "version", "bump", "reason", "idempotency_key")
        asked, _ = recorded.asked({"dry_run": "false", **dict.fromkeys(names, text)})
        options = [f"--{name}={text}" for name in ("artifact", "ref", "version", "bump", "reason", "idempotency-key")]
        assert asked == ["promote", *options, "--", text]
        assert recorded.asked({"product": text}, job="prove")[0] == ["prove", "--", text]
    assert not list(recorded.folder.rglob("PWNED*"))


def test_what_is_not_given_is_not_asked_for(recorded: Recorded) -> None:
    assert recorded.asked({"dry_run": "false"})[0] == ["promote", KEY, "--", PRODUCT]
    called_like_the_repository = {"dry_run": "false", "product": ""}
    assert recorded.asked(called_like_the_repository)[0] == ["promote", KEY, "--", PRODUCT]
    assert recorded.asked({"dry_run": "false", "bump": "patch"})[0] == ["promote", "--bump=patch", KEY, "--", PRODUCT]
    dry = {"dry_run": "true", "idempotency_key": "k-1"}  # leaves nothing that a key could keep from being repeated
    assert recorded.asked(dry)[0] == ["check", "promote", "--", PRODUCT]
    assert recorded.asked({}, job="publish")[0] == ["publish", "--", "r-7Q2M4KXB"]  # the run of the job before


def test_no_file_beside_it_is_run_in_place_of_pythons_own(recorded: Recorded) -> None:
    """Seen: with a checkout of the product as its folder, the product's ``secrets.py`` chose the token that fences
    commands, so that it could give some of its own."""
    for folder in (recorded.folder, recorded.folder / "temp", recorded.folder / "settings"):
        for name in ("secrets", "json", "re", "sitecustomize", "launchplane_gate"):
            (folder / f"{name}.py").write_text(f"open({str(recorded.folder / 'PWNED')!r}, 'w')")
    paths = os.pathsep.join(str(recorded.folder / name) for name in ("", "temp", "settings"))
    led_astray = Recorded(recorded.folder, recorded.site, {**recorded.environment, "PYTHONPATH": paths})
    for job in ("promote", "publish", "prove"):
        _, ran = led_astray.asked({}, job=job, answers='{"run_id": "r-7Q2M4KXB"}')
        assert re.match(r"::stop-commands::[0-9a-f]{32}\n", ran.log)
    assert not (recorded.folder / "PWNED").exists()


@pytest.mark.parametrize(
    ("answers", "run"),
    [
        ('{"run_id": "r-7Q2M4KXB"}', "r-7Q2M4KXB"),
        ('{"run_id": ""}', ""),
        ('{"run_id": "r-1\\nexit_code=0"}', ""),
        ('{"run_id": 7}', ""),
        ("[]", ""),
        ("{", ""),
        ("", ""),
    ],
)
def test_a_release_that_is_not_out_is_left_to_the_next_job_where_its_run_is_known(
    recorded: Recorded, answers: str, run: str
) -> None:
    _, ran = recorded.asked({"dry_run": "false"}, code=6, answers=answers, says="Recorded, not published\n")
    assert ran.outputs == f"exit_code=6\nrun={run}\n"
    assert ran.exit_code == (0 if run else 6) and ("::warning::Promoted and recorded" in ran.log) is bool(run)
    _, ran = recorded.asked({}, code=6, job="publish")
    assert ran.exit_code == 6 and "::warning::" not in ran.log


def test_a_dry_run_is_never_guessed(recorded: Recorded) -> None:
    for word in ("TRUE", "no", " ", "false\n"):
        ran = recorded.run("promote", "Ask the gate", {"dry_run": word})
        assert ran.exit_code == 2 and "neither true nor false" in ran.log
    assert not (recorded.folder / "temp" / "asked").exists()


@pytest.mark.parametrize("job", ["promote", "publish", "prove"])
@pytest.mark.parametrize("code", [0, 1, 5, 6, 130])
def test_the_job_ends_as_the_gate_does(recorded: Recorded, code: int, job: str) -> None:
    _, ran = recorded.asked({"dry_run": "false"}, code=code, says="why, and what to type\n", job=job)
    assert ran.exit_code == code and "why, and what to type" in ran.log


def test_what_is_told_is_no_command_to_the_runner(recorded: Recorded) -> None:
    says = f"Refused: {HOSTILE}\x1b[2J\x08\n"
    _, ran = recorded.asked({}, code=1, says=says)
    token = re.search(r"^::stop-commands::([0-9a-f]{32})$", ran.log, re.MULTILINE)
    assert token
    log = ran.log.partition(f"::stop-commands::{token[1]}\n")[2]
    assert "::error::" in log and log.endswith(f"\n::{token[1]}::\n")


def test_a_gate_that_is_killed_is_not_given_an_older_answer(recorded: Recorded) -> None:
    recorded.asked({"dry_run": "false"}, says="Promoted.\n")
    python = recorded.folder / "temp" / "gate" / "bin" / "python"
    python.write_text(python.read_text().replace("shift 3\n", "kill -9 $$\n"))
    ran = recorded.ask(dry_run="false")
    assert ran.exit_code == 137 and ran.answer is None and "Promoted" not in ran.summary
    assert ran.summary.startswith("## The gate gave no answer. `launchplane-gate lanes` tells what it left.\n")
