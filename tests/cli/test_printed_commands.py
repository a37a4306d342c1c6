"""A command that is printed exists, is whole, and runs as it was printed; what is the reader's to fill in is marked.

Each form of those that are to be pasted is made in ``launchplane_gate.commands``, and run here on a real workspace.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import click
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from launchplane_gate import commands
from launchplane_gate.cli import program
from launchplane_gate.commands import PROGRAM, Gap, command
from launchplane_gate.ledger import FILE_NAME
from launchplane_gate.policy import load_bundle, shipped_policies
from tests import opa
from tests.cli.printed import ended, newest, typed, until_step
from tests.cli.test_cli import LYING, NEW, OLD, Said, Site, clear, make_site
from tests.conftest import PRODUCT
from tests.fakes.github import FakeGitHub
from tests.line.test_publishing_crashes import REPOSITORY, SETTINGS
from tests.places import ROOT

GAPS = {name: gap for name, gap in vars(commands).items() if isinstance(gap, Gap)}
FORMS = {
    name
    for name, made in inspect.getmembers(commands, inspect.isfunction)
    if made.__module__ == commands.__name__ and made is not command
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = make_site(tmp_path / "site")
    text = made.settings.read_text()
    made.settings.write_text(text.replace("schema_version = 1", "schema_version = 1\nlease_s = 20", 1))
    yield made
    clear(made)


# -- each form


@pytest.mark.thorough  # releases run as processes, and so does each command that was printed
def test_each_form_runs_as_it_was_printed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = set()
    with FakeGitHub() as github:
        shop = github.add_repository(REPOSITORY)
        for commit in (OLD, NEW):
            shop.commit(sha=commit)
        monkeypatch.setenv("SHOP_RELEASES", github.add_token({REPOSITORY: {"contents": "write"}}, kind="personal"))
        with site.settings.open("a") as settings:
            settings.write(SETTINGS.format(url=github.url, product=PRODUCT))
        for form, printed, expected in story(site, github):
            assert "..." not in printed and "…" not in printed, printed
            said = typed(site, printed)
            assert said.exit_code == expected, (printed, said)
            ran.add(form)
    assert ran == FORMS


def story(site: Site, github: FakeGitHub) -> Iterator[tuple[str, str, int]]:
    """Each form, as something printed it, and how it ends."""
    assert site.deploy(OLD).exit_code == 0
    yield "promoting", lane(site, "prod")["command"], 0
    not_proven = site.deploy(LYING)
    yield "deploying", labelled(not_proven, "try again:"), 5
    yield "reconciling", labelled(not_proven, "look again:"), 5
    yield "showing", labelled(not_proven, "in full:"), 0
    yield "looking_for_faults", labelled(_undecided(site), "find out:"), 0
    yield "going_back", labelled(not_proven, "go back:"), 0
    site.run("lane", "hold", f"{PRODUCT}/testing", "--reason", "a freeze")
    yield "releasing", lane(site)["command"], 0
    site.run("lane", "hold", f"{PRODUCT}/testing", "--reason", "a freeze")
    released = site.run("lane", "release", f"{PRODUCT}/testing", "--reason", "it is over")
    yield "looking_at", labelled(released, "what it runs, and what is next:"), 0
    _somebody_writes(site)
    yield "putting_aside", lane(site)["aside"], 0
    _cut_off(site, NEW)
    yield "resuming", lane(site)["command"], 0
    github.break_next("POST */git/refs", "502")
    yield "publishing", labelled(site.promote("--bump", "minor"), "finish it:"), 0
    yield "revoking", labelled(_waived(site), "end it sooner:"), 0
    copy = site.folder.parent / "backup.sqlite"
    assert site.run("ledger", "backup", str(copy)).exit_code == 0
    assert site.deploy(OLD).exit_code == 0
    for path in (site.folder / "state").glob(f"{FILE_NAME}*"):
        path.unlink()
    shutil.copyfile(copy, site.folder / "state" / FILE_NAME)
    yield "restoring", lane(site)["command"].replace(commands.BACKUP, shlex.quote(str(copy))), 0


def lane(site: Site, instance: str = "testing") -> Any:
    lanes = site.run("lanes", PRODUCT, "--output", "json").document["lanes"]
    return next(one for one in lanes if one["lane"]["instance"] == instance)


def labelled(said: Said, label: str) -> str:
    line = next(line for line in said.out.splitlines() if line.strip().startswith(label))
    return line.strip().removeprefix(label).strip()


def _undecided(site: Site) -> Said:
    """A promotion while GitHub is away."""
    settings = site.settings.read_text()
    site.settings.write_text(re.sub(r'base_url = "[^"]*"', f'base_url = "http://{opa.free_address()}"', settings))
    assert site.promote("--redeploy", "--version", "v0.9.0").exit_code == 3
    site.settings.write_text(settings)
    run = site.run("runs", "list", "--output", "json").document["runs"][0]
    return site.run("runs", "show", run["run_id"])


def _somebody_writes(site: Site) -> None:
    folder = site.folder / "state" / "deployments" / PRODUCT / "testing"
    record = json.loads(next(folder.glob("deployment-*.json")).read_text())
    name = "by hand; it's odd"
    (folder / f"{name}.json").write_text(json.dumps(record | {"record_id": name, "runtime_source": {}}))


def _cut_off(site: Site, commit: str) -> None:
    before = newest(site)
    process = site.process("deploy", PRODUCT, "--to", "testing", "--artifact", site.artifacts[commit], "--ref", commit)
    until_step(site, "triggered", process, before)
    process.send_signal(signal.SIGKILL)
    assert ended(process).exit_code == -signal.SIGKILL


def _waived(site: Site) -> Said:
    """A waiver that counts by the word of who requests it."""
    _let(site, by_word=["window.open"])
    named = ["--lane", f"{PRODUCT}/prod", "--artifact", site.artifacts[NEW], "--ref", NEW]
    why = ["--reason", "it cannot wait", "--approver", "bob"]
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    return site.run("waiver", "request", "window.open", *named, "--expires", until, *why)


def _public_key() -> str:
    key = Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def _let(site: Site, *, approver: str = "", **more: Any) -> None:
    data = site.folder / "policies" / "config" / "data.json"
    policy = json.loads(data.read_text())
    product = policy["products"][PRODUCT]
    product |= more
    if approver:
        entry = {"subject": "alice", "verified_by": "ssh", "ssh_key": approver, "may": ["approve"]}
        product["actors"]["prod"].append(entry)
    data.write_text(json.dumps(policy))


# -- what `decisions explain` and `check --explain` print


@pytest.mark.thorough  # the same
def test_what_explains_a_refusal_prints_what_runs(site: Site) -> None:
    assert site.deploy(OLD).exit_code == 0
    _cut_off(site, OLD)
    assert typed(site, _act(site, "resume_run")).exit_code == 0
    inventory = next((site.folder / "state" / "inventory").rglob("*testing*.json"))
    inventory.write_text(json.dumps(json.loads(inventory.read_text()) | {"updated_at": "2026-01-01T00:00:00Z"}))
    assert typed(site, _act(site, "reconcile")).exit_code == 0
    assert lane(site)["settled"]
    _let(site, approver=_public_key())
    assert [site.promote().exit_code, site.deploy(NEW).exit_code, site.promote().exit_code] == [0, 0, 0]
    assert site.run("rollback", PRODUCT).exit_code == 0
    asked = typed(site, _act(site, "waive"))
    assert asked.exit_code == 0 and "release.not_rolled_back" in asked.out


def _act(site: Site, name: str) -> str:
    """The command of an act that is printed by both, in text and in JSON."""
    checked = site.run("check", "promote", PRODUCT, "--explain", "--output", "json")
    assert checked.exit_code == 1
    steps = [step for way in checked.document["ways"] for step in way["steps"]]
    found = [one for step in steps if step["act"] == name for one in step["commands"]]
    assert found, (name, steps)
    assert found[0].partition(" --expires ")[0] in site.run("check", "promote", PRODUCT, "--explain").out
    assert site.promote().exit_code == 1
    [refused] = site.run("decisions", "list", "--limit", "1", "--output", "json").document["decisions"]
    of_record = site.run("decisions", "explain", refused["decision_id"]).out
    assert found[0].partition(" --expires ")[0] in of_record  # which is counted from when it is read
    return str(found[0])


# -- what is the reader's


@pytest.mark.parametrize("gap", GAPS.values(), ids=GAPS)
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_command_with_a_gap_in_it_runs_nothing(tmp_path: Path, gap: Gap, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell}")
    stub = tmp_path / PROGRAM
    stub.write_text("#!/bin/sh\ntouch ran\n")
    stub.chmod(0o755)

    def pasted(line: str) -> bool:
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        subprocess.run([shell, "-c", f"{line}\n"], cwd=tmp_path, env=environment, capture_output=True, check=False)
        return (tmp_path / "ran").exists()

    for line in (command("lane", "release", "shop/prod", reason=gap), command("deploy", "shop", artifact=gap, ref="a")):
        assert not pasted(line), line
    assert pasted(command("lane", "release", "shop/prod", reason="<why>"))  # what somebody wrote is quoted


# -- whatever is printed


def in_programs() -> Iterator[tuple[str, str]]:
    """Each command that a text of a program names, and where; the help of commands and what a docstring says apart."""
    for path in sorted([*(ROOT / "launchplane_gate").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]):
        tree = ast.parse(path.read_text())
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                yield from ((found, path.name) for found in _commands_in(node.value))


def in_rules() -> Iterator[tuple[str, str]]:
    """The same of what a rule says, which is of no product."""
    for code, rule in load_bundle([shipped_policies()]).metadata.items():
        yield from ((found, code) for found in _commands_in(f"{rule.remedy} {rule.description}"))


def _commands_in(text: str) -> list[str]:
    """What stands in backquotes, or begins as a command does."""
    of_ours = "|".join(program.commands)
    found = re.findall(rf"`{PROGRAM} ([^`]*)`|\b{PROGRAM} ((?:{of_ours})\b[^\n`]*)", text)
    return [quoted or plain for quoted, plain in found]


@pytest.mark.parametrize("named", [in_programs, in_rules])
def test_every_command_that_a_text_names_exists_with_its_options(
    named: Callable[[], Iterator[tuple[str, str]]],
) -> None:
    found = list(named())
    assert len(found) > 5
    for text, where in found:
        words, known = text.split(), cast("click.Command", program)
        context = click.Context(program, info_name=PROGRAM)
        while isinstance(known, click.Group) and words and (sub := known.get_command(context, words[0])):
            known = sub
            words.pop(0)
        assert known is not program, (text, where)
        options = {name for parameter in known.params for name in parameter.opts} | {"--help"}
        given = {word.strip(".,;:)'").partition("=")[0] for word in words if word.startswith("--")}
        assert given <= options, (text, where)


def test_no_text_leaves_a_gap_that_is_not_marked() -> None:
    for text, where in in_programs():
        if where not in ("rule.py", "workspace.py"):  # what is written into files of an author of policies
            assert not re.search(r"\.\.\.|…|\b[A-Z]{2,}\b", text), (text, where)
