"""The command line, on a real workspace: settings on disk, the local driver, releases that run as processes."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from launchplane_gate.cli import SECTIONS, failure, program
from launchplane_gate.cli.session import actor_subject, progress_shown
from launchplane_gate.demo.release import release_program
from launchplane_gate.demo.workspace import PRODUCT, two_free_ports, write_workspace
from launchplane_gate.ledger import Ledger, Terms, Wish
from launchplane_gate.model import Lane
from launchplane_gate.strictjson import sha256
from launchplane_gate_local import stop_all
from tests import warm
from tests.fakes import bundles

OLD = "215f71bc1a58639fe4bcd3b3609a4e68304184ab"
NEW = "41620cf13151d1a12f09d06007d67bdf791d200c"
LYING = "e5a83b1f20c94d67a8b5e3f1c7d29064ab81f35e"
RELEASE = ["--artifact", "a", "--ref", NEW]
COMMAND = [sys.executable, "-m", "launchplane_gate"]


@dataclass(frozen=True)
class Said:
    exit_code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Site:
    """A workspace; ``artifacts`` by commit."""

    folder: Path
    artifacts: dict[str, str]

    @property
    def settings(self) -> Path:
        return self.folder / "launchplane-gate.toml"

    def run(self, *arguments: str, stdin: bytes | str | None = None, **environment: str) -> Said:
        full = ["--config", str(self.settings), *arguments]
        result = CliRunner().invoke(program, full, input=stdin, env=environment)
        return Said(result.exit_code, result.stdout, result.stderr)

    def deploy(self, commit: str, *more: str, to: str = "testing") -> Said:
        return self.run("deploy", PRODUCT, "--to", to, "--artifact", self.artifacts[commit], "--ref", commit, *more)

    def digest(self, commit: str) -> str:
        """The short digest of a release."""
        return self.artifacts[commit].rpartition(":")[2][:7]

    def promote(self, *more: str) -> Said:
        return self.run("promote", PRODUCT, *more)

    def add(self, program: str) -> str:
        """One more release, by its artifact."""
        digest = sha256(program.encode())
        (self.folder / "releases" / f"{digest}.py").write_text(program)
        return f"local/{PRODUCT}@sha256:{digest}"

    def process(self, *arguments: str) -> warm.Process:
        command = [*COMMAND[1:], "--config", str(self.settings), *arguments]
        return warm.Process(*command, proves=[self.folder / "policies"])

    def files(self) -> dict[str, bytes]:
        """Every file of the workspace but SQLite's own, which change by being read."""
        found = (path for path in self.folder.rglob("*") if path.is_file() and "sqlite" not in path.name)
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}


def make_site(folder: Path) -> Site:
    programs = {
        OLD: release_program(OLD),
        NEW: release_program(NEW),
        LYING: release_program(LYING, reports=NEW),
    }
    written = write_workspace(
        folder,
        releases={f"{commit}.py": text for commit, text in programs.items()},
        ports=two_free_ports(),
        actor=actor_subject(),
        confirm_timeout_s=1,
        confirm_interval_s=0.1,
    )
    return Site(folder, {name.removesuffix(".py"): artifact for name, artifact in written.items()})


def clear(site: Site) -> None:
    stop_all(site.folder / "state" / "plugins" / "local")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Nothing has run here yet."""
    made = make_site(tmp_path / "site")
    yield made
    clear(made)


@pytest.fixture(scope="module")
def busy_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """OLD was promoted, NEW runs on testing, a promotion of OLD was refused. For tests that only read."""
    made = make_site(tmp_path_factory.mktemp("busy") / "site")
    for said in (made.deploy(OLD), made.promote("--idempotency-key", "first"), made.deploy(NEW)):
        assert said.exit_code == 0, said
    assert made.promote("--ref", OLD).exit_code == 1
    yield made
    clear(made)


# -- the story


def test_a_promotion_tells_its_steps(site: Site) -> None:
    assert "after testing" in site.run("lanes").out
    deployed = site.deploy(OLD)
    assert deployed.exit_code == 0
    assert deployed.out.startswith(f"Deploy {PRODUCT} 215f71b to testing\n  admitted    9 of 9 rules")
    promoted = site.promote()
    steps = [line.split()[0] for line in promoted.out.splitlines()]
    assert steps == ["Promote", "admitted", "deployed", "confirmed", "recorded"]
    assert "1 URL reports 215f71b, shown by digest" in promoted.out
    assert "prod runs 215f71b" in promoted.out
    assert promoted.err  # a pipe is told what is going on, a line a step
    assert "runs it too" in site.run("lanes", PRODUCT).out


def test_a_promotion_of_what_prod_runs_deploys_nothing_and_says_since_when(site: Site) -> None:
    site.deploy(OLD)
    recorded = site.promote("--output", "json").document["run_id"]
    said = site.promote()
    assert said.exit_code == 0
    assert said.out.startswith("prod runs 215f71b already (since ")
    assert said.out.endswith(f", {recorded}), shown by digest, and reports it. Nothing was deployed.\n")
    assert "unchanged" in site.run("runs", "list").out.splitlines()[1]
    newest = site.run("runs", "list", "--output", "json").document["runs"][0]["run_id"]
    shown = site.run("runs", "show", newest).out
    assert shown.splitlines()[0].endswith("prod: unchanged")
    assert f"confirmed on   digest shown: {site.digest(OLD)}" in shown
    again = site.promote("--redeploy")
    assert again.exit_code == 0
    assert again.out.startswith(f"Promote {PRODUCT} 215f71b from testing to prod")


def test_what_became_of_an_interrupted_deploy_is_told(site: Site) -> None:
    slow = release_program(NEW).replace("\n", "\nimport time\ntime.sleep(1)\n", 1)
    (site.folder / "releases" / "slow.py").write_text(slow)
    artifact = f"local/{PRODUCT}@sha256:{sha256(slow.encode())}"
    killed = site.process("deploy", PRODUCT, "--to", "testing", "--artifact", artifact, "--ref", NEW)
    while "to accept connections" not in killed.stderr.readline():
        assert killed.poll() is None
    killed.kill()
    killed.communicate()
    assert "because         its last run, a deploy of" in site.run("lanes").out
    busy = site.deploy(OLD, "--wait", "0")
    assert busy.exit_code == 7 and "it is gone, and what it began may go on until 20" in busy.err
    with sqlite3.connect(site.folder / "state" / "ledger.sqlite") as database:
        database.execute("UPDATE lanes SET lease_until = lease_until - 3600")  # its time passes
    next_one = site.deploy(OLD)
    assert next_one.exit_code == 0
    assert "that was interrupted" in next_one.err
    listed = site.run("runs", "list", "--output", "json").document["runs"]
    assert [(run["status"], run["became"]) for run in listed] == [("recorded", None), ("interrupted", "pass")]
    shown = site.run("runs", "show", listed[1]["run_id"]).out
    assert shown.splitlines()[0].endswith("interrupted, its deploy: pass")
    assert "its deploy   pass, as the platform told later; nobody confirmed it" in shown
    assert "found         " in shown and "the deploy: pass; pid" in shown


def test_a_stale_promotion_is_refused_with_rule_revisions_and_remedy(busy_site: Site) -> None:
    said = busy_site.promote("--ref", OLD)
    assert said.exit_code == 1
    assert "window.open" not in said.out
    assert said.out.startswith(f"Refused: promote {PRODUCT} testing -> prod. Nothing was deployed.")
    assert "x   inventory.source_current   Asked for was 215f71b" in said.out
    assert "the source lane runs 41620cf" in said.out
    assert "Promote without naming a release" in said.out
    assert "19 other rules passed" in said.out
    decision = said.out.split("decisions explain ")[1].strip()
    shown = busy_site.run("decisions", "show", decision)
    assert shown.exit_code == 0
    assert OLD not in shown.out.split("\n\n")[1]  # the rules speak in short revisions
    assert "window.open" in shown.out


def test_a_repeat_under_a_key_acts_once_and_not_when_it_is_stale(site: Site) -> None:
    site.deploy(OLD)
    assert site.promote("--idempotency-key", "k").exit_code == 0
    again = site.promote("--idempotency-key", "k")
    assert (again.exit_code, again.out.split(":")[0]) == (0, "Done before")
    other = site.promote("--idempotency-key", "k", "--reason", "another request")
    assert other.exit_code == 2
    site.deploy(NEW)
    stale = site.promote("--idempotency-key", "k", "--output", "json")
    assert stale.exit_code == 1
    assert stale.document["error"]["kind"] == "StaleReplay"
    assert stale.document["error"]["message"] in stale.err


def test_what_is_not_proven_ends_with_5_and_names_the_way_on(site: Site) -> None:
    site.deploy(OLD)
    said = site.deploy(LYING)
    assert said.exit_code == 5
    assert said.out.startswith("Not confirmed: the deploy of e5a83b1 to testing passed")
    assert "testing may run      e5a83b1, 41620cf or 215f71b" in said.out  # 41620cf is what it reports
    assert f"seen just now        health reports 41620cf, digest shown: {site.digest(LYING)}" in said.out
    assert "the inventory says   215f71b" in said.out
    lanes = site.run("lanes").out
    assert "  may run         e5a83b1, 41620cf or 215f71b" in lanes
    assert f"  seen just now   health reports 41620cf, digest shown: {site.digest(LYING)}" in lanes
    assert "215f71b?" in lanes
    assert "unsettled" in lanes
    again = next(line for line in said.out.splitlines() if "try again:" in line)
    assert f"--artifact {site.artifacts[LYING]} --ref {LYING}" in again  # to be typed, so never shortened
    go_back = next(line for line in said.out.splitlines() if line.strip().startswith("go back:"))
    assert go_back.endswith(f"launchplane-gate rollback {PRODUCT} --lane testing")
    assert "until a deploy or a rollback to 215f71b settles it, nothing is promoted from it" in said.out
    refused = site.promote("--output", "json")
    assert refused.exit_code == 1
    assert refused.document["status"] == "denied"
    typed = go_back.split("launchplane-gate ")[1].split()
    assert site.run(*typed).exit_code == 0
    assert "unsettled" not in site.run("lanes").out


def test_a_deploy_that_changed_nothing_fails_with_4(site: Site) -> None:
    said = site.run(
        "deploy", PRODUCT, "--to", "testing", "--artifact", f"local/{PRODUCT}@sha256:{'0' * 64}", "--ref", NEW
    )
    assert said.exit_code == 4
    assert "Nothing was changed on testing; the inventory says nothing." in said.out
    assert "unsettled" not in site.run("lanes").out


def test_a_lane_that_was_changed_behind_the_gate_is_shown(site: Site) -> None:
    site.deploy(OLD)
    clear(site)
    said = site.run("lanes")
    assert "drifted\n  because         nothing is seen running" in said.out
    assert "215f71b?" in said.out


def test_a_busy_lane_ends_with_7(site: Site) -> None:
    ledger = Ledger.create(site.folder / "state")
    lane = Lane(context=PRODUCT, instance="testing")
    with ledger.hold([lane], Wish(Terms(run_s=60))):
        said = site.deploy(OLD, "--wait", "0.1")
    ledger.close()
    assert said.exit_code == 7
    assert f"{lane} is held by process {os.getpid()}" in said.err
    assert not said.out


def test_ctrl_c_ends_with_130_and_one_line(site: Site) -> None:
    ledger = Ledger.create(site.folder / "state")
    with ledger.hold([Lane(context=PRODUCT, instance="testing")], Wish(Terms(run_s=60))):
        arguments = ["--to", "testing", "--artifact", site.artifacts[OLD], "--ref", OLD, "--wait", "60"]
        waiting = site.process("deploy", PRODUCT, *arguments)
        assert "is held by process" in waiting.stderr.readline()
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=10)
    ledger.close()
    assert (waiting.returncode, out) == (130, "")
    assert err.strip().startswith("launchplane-gate: interrupted\n")
    assert "Traceback" not in err


# -- asking without doing


def test_check_tells_what_a_promotion_would_be_told_and_does_nothing(busy_site: Site) -> None:
    before = busy_site.files()
    allowed = busy_site.run("check", "promote", PRODUCT)
    refused = busy_site.run("check", "promote", PRODUCT, "--artifact", busy_site.artifacts[OLD])
    bypass = busy_site.run("check", "deploy", PRODUCT, "--to", "prod", "--artifact", "a", "--ref", "215f71b")
    assert (allowed.exit_code, refused.exit_code, bypass.exit_code) == (0, 1, 1)
    assert allowed.out.startswith(f"Allowed: promote {PRODUCT} testing -> prod. This was a check: nothing was done.")
    assert "lane.not_bypassed" in bypass.out
    assert busy_site.files() == before


def test_check_input_decides_on_the_input_of_an_earlier_decision(busy_site: Site, tmp_path: Path) -> None:
    newest = busy_site.run("decisions", "list", "--limit", "1", "--output", "json").document["decisions"][0]
    shown = busy_site.run("decisions", "show", newest["decision_id"], "--output", "json").document
    text = json.dumps(shown["input"])
    piped = busy_site.run("check", "--input", "-", "--output", "json", stdin=text)
    (tmp_path / "input.json").write_text(text)
    read = busy_site.run("check", "--input", str(tmp_path / "input.json"), "--output", "json")
    assert piped.exit_code == read.exit_code == (0 if shown["allowed"] else 1)
    assert piped.document["results"] == read.document["results"] == shown["results"]
    assert piped.document["input_digest"] == shown["input_digest"]


def test_check_input_needs_no_settings(busy_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = busy_site.run("decisions", "list", "--limit", "1", "--output", "json").document["decisions"][0]
    shown = busy_site.run("decisions", "show", newest["decision_id"], "--output", "json").document
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(program, ["check", "--input", "-"], input=json.dumps(shown["input"]))
    assert result.exit_code == 1  # the shipped policies alone know no product, so nothing is allowed
    assert "lane.path_allowed" in result.stdout


BAD_INPUTS: dict[str, bytes] = {
    "not JSON": b"{",
    "not UTF-8": b'{"a": "\xff"}',
    "50 MB": b" " * (50 * 1024 * 1024),
    "NaN": b'{"now": NaN}',
    "a key twice": b'{"now": 1, "now": 2}',
    "200 levels": b"[" * 200 + b"]" * 200,
    "100,000 levels": b"[" * 100_000,
    "a large integer": b'{"now": 99999999999999999999}',
    "no object": b"[]",
    "another form": b'{"schema_version": 1, "surprise": true}',
    "nothing": b"",
}


@pytest.mark.parametrize("text", BAD_INPUTS.values(), ids=BAD_INPUTS.keys())
def test_an_input_that_is_none_is_told_in_one_error(busy_site: Site, text: bytes) -> None:
    said = busy_site.run("check", "--input", "-", "--output", "json", stdin=text)
    assert said.exit_code == 2
    assert said.document["error"]["kind"] == "RequestError"
    assert said.err.startswith("launchplane-gate: standard input")
    assert len(said.err) < 500


# -- reading


@pytest.mark.parametrize(
    "arguments",
    [
        ["lanes"],
        ["inventory", "show", PRODUCT],
        ["inventory", "show", f"{PRODUCT}/prod"],
        ["inventory", "history", f"{PRODUCT}/testing"],
        ["runs", "list"],
        ["runs", "list", PRODUCT],
        ["decisions", "list"],
        ["decisions", "verify"],
        ["plugins"],
        ["doctor"],
        ["policy", "check"],
        ["policy", "test", "--only", "source_current"],
        ["policy", "case", "promotion"],
        ["check", "promote", PRODUCT],
    ],
    ids=" ".join,
)
def test_every_command_reads_as_text_and_as_one_json_document(
    busy_site: Site, arguments: list[str], tmp_path: Path
) -> None:
    said = busy_site.run(*arguments, "--output", f"json={tmp_path / 'document'}")
    assert (said.exit_code, said.err) == (0, ""), said
    assert said.out.strip()
    assert "\x1b" not in said.out
    assert isinstance(json.loads((tmp_path / "document").read_text()), dict)


@pytest.mark.parametrize(
    "arguments", [["runs", "list"], ["inventory", "show", PRODUCT], ["promote", PRODUCT, "--ref", OLD]]
)
def test_json_on_the_screen_stands_there_alone(busy_site: Site, arguments: list[str]) -> None:
    done = busy_site.process(*arguments, "--output", "json")
    out, _ = done.communicate(timeout=30)
    assert isinstance(json.loads(out), dict)


def test_a_run_is_shown_with_its_journal(busy_site: Site) -> None:
    newest = busy_site.run("runs", "list", "--output", "json").document["runs"]
    recorded = next(run for run in newest if run["action"] == "promote" and run["status"] == "recorded")
    shown = busy_site.run("runs", "show", recorded["run_id"])
    assert shown.out.startswith(f"{recorded['run_id']}  promote {PRODUCT}/testing -> {PRODUCT}/prod: recorded")
    steps = busy_site.run("runs", "show", recorded["run_id"], "--output", "json").document["steps"]
    journal = ["decided", "redeemed", "triggered", "outcome", "confirmed", "recording", "recorded"]
    assert [step["step"] for step in steps] == journal


def test_an_altered_entry_is_found(site: Site) -> None:
    site.deploy(OLD)
    ledger = site.folder / "state" / "ledger.sqlite"
    alter = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('DROP TRIGGER no_UPDATE');"
    alter += "c.execute('UPDATE entries SET body = ? WHERE number = 2', ('{}',)); c.commit()"
    subprocess.run([sys.executable, "-c", alter, str(ledger)], check=True)
    said = site.run("decisions", "verify")
    assert said.exit_code == 1
    assert "entry 2 (redeemed) was altered" in said.out
    doctor = site.run("doctor")
    assert doctor.exit_code == 3
    assert "not ok   ledger" in doctor.out


def test_doctor_tells_every_thing_that_is_wrong(site: Site) -> None:
    (site.folder / "policies" / "gate").mkdir()
    (site.folder / "policies" / "gate" / "odd.rego").write_text("package gate.odd\n")
    inventory = site.folder / "state" / "inventory" / PRODUCT / "testing.json"
    inventory.parent.mkdir(parents=True)
    (site.folder / "state").chmod(0o755)
    inventory.write_text("{")
    said = site.run("doctor", "--output", "json")
    assert said.exit_code == 3
    wrong = {check["what"]: check for check in said.document["checks"] if not check["ok"]}
    assert set(wrong) == {"policies", "state folder", "ledger", f"{PRODUCT}/testing records"}
    assert all(check["remedy"] for check in wrong.values())
    assert not (site.folder / "state" / "ledger.sqlite").exists()


# -- progress


def test_a_pipe_is_told_each_step_once_however_the_time_in_it_changes(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_shown() as progress:
        for left in (12, 7, 2):
            progress(f"testing is seen running it; {left} s left at most")
        for at in (1, 2):
            progress(f"seen at 2026-11-24T23:07:0{at}.753742Z: nothing" + " more" * 100)
        progress("publishing")
    first, second, last = capsys.readouterr().err.splitlines()
    assert first == "testing is seen running it; 12 s left at most ..."
    assert second.startswith("seen at 2026-11-24T23:07:01") and len(second) < 260
    assert last == "publishing ..."


# -- beginning


def test_init_writes_settings_that_work_and_overwrites_nothing(tmp_path: Path) -> None:
    runner, folder = CliRunner(), tmp_path / "mine"
    first = runner.invoke(program, ["init", str(folder), "--product", "shop", "--repository", "me/shop"])
    assert first.exit_code == 0
    assert "launchplane-gate doctor" in first.stdout
    config = ["--config", str(folder / "launchplane-gate.toml")]
    assert runner.invoke(program, [*config, "doctor"]).exit_code == 0
    assert "shop/testing" in runner.invoke(program, [*config, "lanes"]).stdout
    before = (folder / "launchplane-gate.toml").read_bytes()
    again = runner.invoke(program, ["init", str(folder)])
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    assert (folder / "launchplane-gate.toml").read_bytes() == before


def test_init_takes_a_name_with_a_dot_and_a_folder_with_a_space(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    said = CliRunner().invoke(program, ["init", str(folder), "--product", "shop.v2"])
    assert f"  cd '{folder}'\n" in said.stdout
    lanes = CliRunner().invoke(program, ["--config", str(folder / "launchplane-gate.toml"), "lanes", "shop.v2"])
    assert lanes.exit_code == 0


@pytest.mark.parametrize("arguments", [["--product", "No Such"], ["--product", "../x"], ["--repository", "alone"]])
def test_init_refuses_names_that_are_none(tmp_path: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(program, ["init", str(tmp_path / "new"), *arguments])
    assert result.exit_code == 2
    assert not (tmp_path / "new").exists()


def test_init_leaves_no_folder_empty_and_its_comments_in_one_column(tmp_path: Path) -> None:
    for folder, more in (("mine", []), ("my example", ["--example"])):
        assert CliRunner().invoke(program, ["init", str(tmp_path / folder), *more]).exit_code == 0
        folders = [path for path in (tmp_path / folder).rglob("*") if path.is_dir()]
        assert folders and all(any(path.iterdir()) for path in folders)
        text = (tmp_path / folder / "launchplane-gate.toml").read_text()
        beside = [line.index(" # ") for line in text.splitlines() if " # " in line and not line.startswith("#")]
        assert len(beside) > 8 and set(beside) == {38}


def test_what_init_prints_is_aligned_within_80_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(program, ["init", "mine"])
    assert said.stdout.splitlines() == [
        "Wrote settings and policies for myproduct to mine.",
        "Read and change:",
        "  mine/launchplane-gate.toml   lanes, their health URLs, plugins",
        "  mine/policies/README.md      who may ship what, and what is asked",
        "Type next:",
        "  cd mine",
        "  launchplane-gate doctor",
        "  launchplane-gate lanes myproduct",
    ]
    for line in CliRunner().invoke(program, ["init", "--example", "try it"]).stdout.splitlines():
        assert len(line) <= 80 or line.startswith("  ")  # a command is never folded


@pytest.mark.thorough  # releases run as processes
def test_the_example_runs_as_it_is_printed(tmp_path: Path) -> None:
    """Each line that is set in, in one shell, as somebody pastes it; the last release is stopped as it says, too."""
    command = [*COMMAND, "init", "--example", "try it"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    typed = [line for line in said.splitlines() if line.startswith("  ")]
    script = "\n".join(f'{line}\necho "ended with $?" >&2' for line in typed)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    site = Site(tmp_path / "try it", {})
    try:
        command, environment = ["bash", "-c", script], {**os.environ, "PATH": path}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        ends = [int(line.split()[-1]) for line in done.stderr.splitlines() if line.startswith("ended with")]
        assert ends == [0, 0, 0, 0, 0, 1, 0], done.stderr
        observed = site.run("lanes", "--output", "json").document["lanes"]
        assert [lane["observed"]["containers"] for lane in observed] == [[], []]
    finally:
        clear(site)


def test_init_adopts_records_without_a_ledger(site: Site) -> None:
    site.deploy(OLD)
    for file in (site.folder / "state").glob("ledger.sqlite*"):
        file.unlink()
    refused = site.run("lanes")
    assert refused.exit_code == 3
    assert "`launchplane-gate init --adopt`" in refused.err
    adopted = site.run("init", "--adopt")
    assert adopted.exit_code == 0
    assert f"--artifact {site.artifacts[OLD]} --ref {OLD}" in adopted.out
    assert "unsettled" in site.run("lanes").out
    assert site.run("init", "--adopt").exit_code == 2
    assert site.run(*adopted.out.splitlines()[-1].split()[1:]).exit_code == 0
    assert "unsettled" not in site.run("lanes").out


def test_who_may_not_adopt_starts_no_ledger(site: Site) -> None:
    site.deploy(OLD)
    for file in (site.folder / "state").glob("ledger.sqlite*"):
        file.unlink()
    data = site.folder / "policies" / "config" / "data.json"
    policy = json.loads(data.read_text())
    for entries in policy["products"][PRODUCT]["actors"].values():
        entries[0]["may"].remove("adopt")
    data.write_text(json.dumps(policy))
    refused = site.run("init", "--adopt")
    assert refused.exit_code == 1 and "actor.permitted" in refused.out and "Nothing was done" in refused.out
    assert list((site.folder / "state").glob("ledger.sqlite*")) == []


# -- policies


def test_a_failing_policy_test_is_told_with_its_place(site: Site) -> None:
    folder = site.folder / "policies" / "gate"
    folder.mkdir()
    (folder / "mine_test.rego").write_text("package gate_test.mine\n\ntest_two if {\n\tx := 1 + 1\n\tx == 3\n}\n")
    said = site.run("policy", "test", "--only", "mine")
    assert said.exit_code == 1
    assert f"{folder / 'mine_test.rego'}:5: " in said.out
    assert "1 of 1 test failed" in said.out
    assert site.run("policy", "test", "--only", "no such test").exit_code == 2


def test_only_given_twice_means_both(tmp_path: Path) -> None:
    tests = {name: f"package gate_test.{name}\n\ntest_it if true\n" for name in ("mine", "yours", "theirs")}
    folder = bundles.write(tmp_path / "more", {f"gate/{name}_test.rego": text for name, text in tests.items()})
    only = ["--only", "gate_test.mine", "--only", "*.yours.*"]
    said = CliRunner().invoke(program, ["policy", "test", *only, str(folder), "--output", "json"])
    ran = [test["name"] for test in json.loads(said.stdout)["tests"]]
    assert (said.exit_code, sorted(ran)) == (0, ["gate_test.mine.test_it", "gate_test.yours.test_it"])


def test_findings_are_told_with_their_place(site: Site) -> None:
    rule = site.folder / "policies" / "gate" / "rules" / "mine" / "odd.rego"
    rule.parent.mkdir(parents=True)
    rule.write_text("package gate.rules.mine.odd\n\ndefault satisfied := true\n")
    said = site.run("policy", "check")
    assert said.exit_code == 1
    assert f"{rule}:3: " in said.out
    named = CliRunner().invoke(program, ["policy", "check", str(site.folder / "policies"), "--output", "json"])
    assert named.exit_code == 1
    assert json.loads(named.stdout)["findings"][0]["file"] == str(rule)
    lanes = site.run("lanes")
    assert lanes.exit_code == 0 and "Not told: what can be promoted" in lanes.out and f"\n  {rule}:3: " in lanes.out


# -- what cannot be asked: one clear error, and nothing is done


@pytest.mark.parametrize(
    ("arguments", "tells"),
    [
        (["deploy", PRODUCT, *RELEASE, "--to", "testing", "--idempotency-key", "two words"], "--idempotency-key"),
        (["deploy", PRODUCT, *RELEASE, "--to", "testing", "--idempotency-key", ""], "--idempotency-key"),
        (["deploy", "No Such", *RELEASE, "--to", "testing"], "PRODUCT"),
        (["promote", "another"], "unknown product 'another'"),
        (["promote", PRODUCT, "--from", "prod"], "testing -> prod"),
        (["promote", PRODUCT, "--from", "prod", "--to", "prod"], "other than its destination"),
        (["promote", PRODUCT, "--from", "testing", "--to", "moon"], "no lane 'moon'"),
        (["promote", PRODUCT, "--wait", "soon"], "--wait"),
        (["deploy", PRODUCT, "--to", "testing", "--artifact", "a b", "--ref", NEW], "--artifact"),
        (["deploy", PRODUCT, "--to", "testing", "--artifact", "a", "--ref", "\N{SNOWMAN}"], "--ref"),
        (["deploy", PRODUCT, "--to", "No/Lane", *RELEASE], "--to"),
        (["deploy", PRODUCT, "--to", "testing", "--ref", NEW], "--artifact"),
        (["deploy", PRODUCT, "--to", "testing", *RELEASE, "--reason", "x" * 1001], "--reason"),
        (["promote", PRODUCT, "--output", "yaml"], "'yaml' is no format"),
        (["promote", PRODUCT, "--output", "json="], "names no file"),
        (["promote", PRODUCT, "--output", "json=/no/such/folder/file"], "cannot be written"),
        (["promote", PRODUCT, "--output", "json=/"], "it is a folder"),
        (["promot", PRODUCT], "promot"),
        (["promote", PRODUCT, "--no-such-option"], "--no-such-option"),
        (["check"], "--input FILE"),
        (["check", "--input", "no-such-file.json"], "no-such-file.json cannot be read"),
        (["check", "--input", "a.json", "promote", PRODUCT], "cannot go together"),
        (["runs", "show", "r-NONE"], "there is no run r-NONE"),
        (["decisions", "show", "d-NONE"], "there is no decision d-NONE"),
        (["inventory", "show", "another"], "unknown product"),
        (["inventory", "show", f"{PRODUCT}/moon"], "no lane 'moon'"),
        (["inventory", "history", PRODUCT], "PRODUCT/LANE"),
        (["--config", "no-such.toml", "lanes"], "there is no settings file"),
        (["policy", "check", "no-such-folder"], "no-such-folder"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_bad_usage_is_one_error_and_changes_nothing(busy_site: Site, arguments: list[str], tells: str) -> None:
    before = busy_site.files()
    said = busy_site.run(*arguments)
    assert said.exit_code == 2, said
    assert said.out == ""
    assert said.err.startswith("launchplane-gate: ")
    assert tells in said.err
    assert "Traceback" not in said.err
    assert busy_site.files() == before


@pytest.mark.parametrize(
    ("change", "tells"),
    [
        (
            ("lane_wait_s = 60", "lane_weight_s = 60"),
            "lane_weight_s is not a known key (launchplane-gate.toml, line 10)",
        ),
        (
            ("\n[policy]", '\ndatabase_url = { env = "GATE_NO_SUCH" }\n[policy]'),
            "the environment variable GATE_NO_SUCH",
        ),
        (("[plugins.health]", "[plugins.helth]"), "there is no such plugin"),
        (('driver = "local"', 'driver = "locale"'), "'locale'"),
        (('folders = ["policies"]', 'folders = ["nowhere"]'), "nowhere"),
        (("schema_version = 1", "schema_version = "), "is not TOML"),
        (("schema_version = 1", "schema_version = 2"), "schema_version"),
    ],
    ids=lambda change: change[1] if isinstance(change, tuple) else "",
)
def test_settings_that_cannot_be_used_are_told_with_their_place(
    site: Site, change: tuple[str, str], tells: str
) -> None:
    site.settings.write_text(site.settings.read_text().replace(*change, 1))
    before = site.files()
    said = site.promote("--output", "json")
    assert said.exit_code == 2
    assert tells in said.err
    assert tells in said.document["error"]["message"]
    assert site.files() == before


# -- outputs


def test_lanes_carries_what_was_observed(busy_site: Site) -> None:
    [testing, prod] = busy_site.run("lanes", "--output", "json").document["lanes"]
    assert (testing["observed"]["digests"], prod["observed"]["digests"]) == ("shown", "shown")
    [container] = testing["observed"]["containers"]
    assert container["artifact_id"] == busy_site.artifacts[NEW]
    assert testing["may_run"] == [{"artifact_id": busy_site.artifacts[NEW], "source_git_ref": NEW}]
    assert testing["health"] == []  # nobody asked: nothing leaves that open


def test_json_goes_to_a_file_and_text_to_the_screen(busy_site: Site, tmp_path: Path) -> None:
    file = tmp_path / "lanes.json"
    said = busy_site.run("lanes", "--output", f"json={file}")
    assert said.out.startswith("LANE")
    assert json.loads(file.read_text()).keys() == {"lanes", "not_told"}
    assert list(tmp_path.iterdir()) == [file]
    busy_site.run("runs", "show", "r-NONE", "--output", f"json={file}")
    assert json.loads(file.read_text())["error"]["exit_code"] == 2


def test_two_documents_cannot_share_the_screen(busy_site: Site) -> None:
    said = busy_site.run("promote", PRODUCT, "--output", "json", "--output", "text")
    assert said.exit_code == said.document["error"]["exit_code"] == 2
    assert "only one --output" in said.err


def test_a_device_is_written_to_and_not_replaced(busy_site: Site) -> None:
    assert busy_site.run("lanes", "--output", "json=/dev/null").exit_code == 0
    assert not Path("/dev/null").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_an_answer_that_cannot_be_written_is_not_a_success(busy_site: Site) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "--config", str(busy_site.settings), "runs", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 3
    assert b"could not be written" in done.stderr


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_changes_no_exit_code(busy_site: Site, closed: str) -> None:
    def ends(*arguments: str) -> int:
        command = ["sh", "-c", f'"$@" {closed}', "sh", *COMMAND, "--config", str(busy_site.settings), *arguments]
        return subprocess.run(command, check=False, capture_output=True).returncode

    assert (ends("decisions", "verify"), ends("runs", "show", "r-NONE")) == (0, 2)


def test_options_may_stand_before_and_after_the_command(busy_site: Site) -> None:
    before = CliRunner().invoke(program, ["--output", "json", "--config", str(busy_site.settings), "runs", "list"])
    after = CliRunner().invoke(program, ["runs", "list", "--output", "json", "--config", str(busy_site.settings)])
    assert json.loads(before.stdout) == json.loads(after.stdout)


def test_a_usage_error_is_json_too_wherever_output_stands() -> None:
    for arguments in (
        ["deploy", "--bogus", "--output", "json"],
        ["--output=json", "deploy"],
        ["nothing", "--output=json"],
    ):
        result = CliRunner().invoke(program, arguments)
        assert result.exit_code == 2
        assert json.loads(result.stdout)["error"]["kind"] == "UsageError"


def test_a_terminal_is_given_colour_and_nothing_that_steers_it(site: Site) -> None:
    site.deploy(LYING)
    assert "\x1b[" in site.run("lanes", FORCE_COLOR="1", COLUMNS="100").out
    reason = "\x1b]0;title\x07 \x1b[2J"
    site.promote("--reason", reason)
    newest = site.run("runs", "list", "--output", "json").document["runs"][0]
    assert newest["reason"] == reason
    plain, coloured = (site.run("runs", "show", newest["run_id"], **more).out for more in ({}, {"FORCE_COLOR": "1"}))
    assert "\\x1b]0;title\\x07" in plain
    assert "\x1b]0" not in plain + coloured


def test_a_reader_that_goes_away_is_no_error(busy_site: Site) -> None:
    reading = busy_site.process("runs", "list", "--limit", "500")
    reading.stdout.close()
    assert (reading.communicate(10), reading.returncode) == (("", ""), 0)


def test_a_state_folder_that_cannot_be_one_is_told(site: Site) -> None:
    (site.folder / "state").write_text("a file where a folder belongs")
    said = site.run("lanes")
    assert said.exit_code == 3
    assert "Traceback" not in said.err


@pytest.mark.parametrize(("acting", "exit_code"), [(False, 3), (True, 5)])
def test_an_unforeseen_error_is_one_line_and_never_a_clean_refusal(acting: bool, exit_code: int) -> None:
    answer = failure(ZeroDivisionError("of all things"), acting=acting)
    assert (answer.exit_code, answer.failed) == (exit_code, True)
    assert answer.text[0] == "launchplane-gate: internal error: ZeroDivisionError: of all things"
    assert "LAUNCHPLANE_GATE_DEBUG=1" in str(answer.text[1])
    assert ("launchplane-gate lanes" in str(answer.text[1])) is acting


# -- until when

WANTED = ["waiver", "request", "window.open", "--lane", f"{PRODUCT}/prod", "--reason", "checkout is down"]


@pytest.mark.parametrize("text", ["2", "2 weeks", "1h2d", "-2h", "yesterday", "2026-11-23T18:00:00", ""])
def test_what_is_neither_a_moment_nor_how_long_is_named(text: str) -> None:
    for name, command in (
        ("expires", [*WANTED, *RELEASE, f"--expires={text}"]),
        ("until", ["lane", "hold", f"{PRODUCT}/prod", "--reason", "moved", f"--until={text}"]),
    ):
        said = CliRunner().invoke(program, command)
        told = (
            f"{name}: {text!r} is neither a moment with its zone, such as 2026-11-23T18:00:00Z, nor how long, such as"
        )
        assert said.exit_code == 2 and said.stderr.startswith(f"launchplane-gate: {told} 2h or 1d12h\n")


@pytest.mark.parametrize("lasts", ["90m", "1d12h"])
def test_a_waiver_may_be_asked_for_some_hours(site: Site, lasts: str) -> None:
    release = ["--artifact", site.artifacts[NEW], "--ref", NEW]
    waiver = site.run(*WANTED, *release, "--expires", lasts, "--output", "json").document["waiver"]
    asked, ends = (datetime.fromisoformat(waiver[name]) for name in ("requested_at", "expires_at"))
    hours = {"90m": 1.5, "1d12h": 36}[lasts]
    assert timedelta() <= ends - asked - timedelta(hours=hours) < timedelta(seconds=1)


# -- help


def commands() -> Iterator[tuple[str, ...]]:
    for listed in SECTIONS.values():
        for command in listed:
            yield (command.name or "",)
            yield from ((command.name or "", name) for name in getattr(command, "commands", {}))


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_every_command_explains_itself_with_an_example(command: tuple[str, ...]) -> None:
    result = CliRunner().invoke(program, [*command, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.stdout
    assert f"launchplane-gate {' '.join(command)}" in result.stdout
    assert "--output FORMAT[=PATH]" in result.stdout


@pytest.mark.parametrize("command", [(), ("lanes",), ("policy", "test")], ids=" ".join)
def test_help_is_short_too(command: tuple[str, ...]) -> None:
    asked = [CliRunner().invoke(program, [*command, option]) for option in ("-h", "--help")]
    assert asked[0].exit_code == 0 and asked[0].stdout == asked[1].stdout != ""


# -- what is no text

CAFE = b"caf\xe9"


@pytest.mark.parametrize(
    ("arguments", "tells"),
    [
        (["promote", PRODUCT, "--reason", CAFE], r"'caf\xe9', after --reason, is not UTF-8"),
        (["promote", PRODUCT, b"--reason=" + CAFE], r"--reason: 'caf\xe9' is not UTF-8"),
        (["--output", b"json=" + CAFE, "lanes"], r"'json=caf\xe9', after --output, is not UTF-8"),
        (["init", CAFE], r"'caf\xe9' is not UTF-8"),
        ([CAFE], r"'caf\xe9' is not UTF-8"),
        ([b"--" + CAFE], r"'--caf\xe9' is not UTF-8"),
        (["runs", "show", "--help", CAFE], r"'caf\xe9', after --help, is not UTF-8"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_text_is_bad_usage(tmp_path: Path, arguments: list[str | bytes], tells: str) -> None:
    done = subprocess.run([*COMMAND, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"launchplane-gate: {tells}\n  Nothing was done.")
    assert list(tmp_path.iterdir()) == []


def test_no_command_takes_what_is_no_text() -> None:
    broken = os.fsdecode(CAFE)
    for command in commands():
        said = CliRunner().invoke(program, [*command, broken, "--output", "json"])
        assert (said.exit_code, json.loads(said.stdout)["error"]["message"]) == (2, r"'caf\xe9' is not UTF-8")


def test_a_folder_whose_name_is_no_text_holds_no_settings(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(CAFE)
    folder.mkdir()
    (tmp_path / "launchplane-gate.toml").write_text("schema_version = 1\n")
    for where, environment in (
        (folder, {"LAUNCHPLANE_GATE_CONFIG": str(folder / ".." / "launchplane-gate.toml")}),
        (tmp_path, {"LAUNCHPLANE_GATE_STATE_DIR": str(folder)}),
    ):
        command, told = [*COMMAND, "lanes"], dict(os.environ) | environment
        done = subprocess.run(command, cwd=where, env=told, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "is not UTF-8\n  Nothing was done." in done.stderr
    assert list(folder.iterdir()) == []


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(program, ["--version"]).stdout.startswith("launchplane-gate 0.")


def test_without_a_command_help_is_given() -> None:
    result = CliRunner().invoke(program, [])
    assert result.exit_code == 2
    assert "Usage: launchplane-gate" in result.stderr


def test_help_imports_nothing_heavy() -> None:
    heavy = {"pydantic", "sqlalchemy", "httpx", "rich", "regorus", "yaml", "pluggy", "psutil", "requests"}
    code = f"import sys, launchplane_gate.cli as c; print(sorted({heavy!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_help_is_there_at_once() -> None:
    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*COMMAND, "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(5)) < 0.2  # of work: wanted is 0.1, and a busy machine is given more
