"""The README is true, and short: every command in it, and in the guides to which it leads, is run in its order."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from launchplane_gate.cli import program
from launchplane_gate_local import stop_all
from tests.places import ROOT
from tests.project.guides import EVERY, LEDGER, PLUGINS, README, RUNBOOK, SETTINGS, TOUR, Guide

EXPECTED = re.compile(r"# exit code (\d+)")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop_all(tmp_path / "tour" / "state" / "plugins" / "local")


@pytest.mark.thorough
def test_every_command_of_the_readme_ends_as_it_says(folder: Path) -> None:
    script = ["set -u", 'want() { [ "$1" = "$2" ] || { echo "exit code $1 instead of $2: $3" >&2; exit 99; }; }']
    for path, text in {path: text for guide in TOUR for path, text in guide.files().items()}.items():
        (folder / "tour" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "tour" / path).write_text(text)
    for command in [command for guide in TOUR for command in guide.commands()]:
        code = EXPECTED.search(command)
        script += [f"echo {shlex.quote('$ ' + command)}", command]
        script.append(f"want $? {code[1] if code else 0} {shlex.quote(command)}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        env=dict(os.environ) | {"PATH": path, "HOME": str(folder)},
        text=True,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "2 tests passed" in done.stdout and "41620cf" in done.stdout


def test_the_embedding_example_runs(folder: Path) -> None:
    environment = dict(os.environ) | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "launchplane_gate", "init", "--example", "tour"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    [asking], shipping = README.blocks("python"), PLUGINS.block("python", "act=ship")
    command = [sys.executable, "-c", asking]
    done = subprocess.run(command, cwd=folder / "tour", env=environment, text=True, capture_output=True, check=True)
    assert done.stdout.startswith("denied\n") and "actor.permitted" in done.stdout
    settings, policies = folder / "tour" / "launchplane-gate.toml", folder / "tour" / "policies/config/data.json"
    settings.write_text(re.sub("confirm_timeout_s = .*", "confirm_timeout_s = 0.5", settings.read_text()))
    decided = json.loads(policies.read_text())
    [(_, product)] = decided["products"].items()
    product["actors"]["testing"].append({"subject": "repo:me/shop:ref:refs/heads/main", "verified_by": "github-oidc"})
    policies.write_text(json.dumps(decided))
    command = [sys.executable, "-c", shipping]
    done = subprocess.run(command, cwd=folder / "tour", env=environment, text=True, capture_output=True, check=True)
    assert "shipping local/sellyouroutboard@sha256:abab" in done.stdout
    assert "the caller's timeout of 300 s is cut to" in done.stdout
    assert done.stdout.endswith("unconfirmed deployment-7 request-7\n"), done.stdout


def typed_in_guides() -> list[list[str]]:
    return [shlex.split(line)[1:] for guide in (RUNBOOK, SETTINGS, LEDGER) for line in guide.typed()]


def typed_in_the_tour() -> list[list[str]]:
    """Without what a shell makes of it."""
    commands = [command for guide in TOUR for command in guide.commands()]
    typed = [re.sub(r" > .*", "", re.sub(r"\$\(.*?\)", "some-artifact", command)) for command in commands]
    return [shlex.split(line, comments=True)[1:] for line in typed if line.startswith("launchplane-gate ")]


@pytest.mark.parametrize("arguments", [*typed_in_the_tour(), *typed_in_guides()], ids=" ".join)
def test_every_command_of_the_tour_and_of_the_runbook_is_one(arguments: list[str]) -> None:
    rest = list(arguments)
    command: click.Command = program
    context = click.Context(program)
    while isinstance(command, click.Group):
        found = command.get_command(context, rest.pop(0))
        assert found
        command = found
    rest = arguments[-1:] if command.name == "proposals" else rest  # the file stands in the place of that name
    command.make_context(command.name, rest)  # raises for an option that it does not have


def test_the_readme_opens_with_two_make_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = re.findall(r"^    make (\w+)", README.text, re.MULTILINE)
    assert named[:2] == ["demo", "test"]
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def anchors(guide: Guide) -> set[str]:
    """What GitHub makes of its headings."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", guide.text, flags=re.M | re.S), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("guide", EVERY, ids=lambda guide: str(guide.path.relative_to(ROOT)))
def test_every_link_leads_somewhere(guide: Guide) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([\w-]+))?\)", guide.text):
        path = (guide.path.parent / target).resolve() if target else guide.path
        assert path.exists(), target
        assert not anchor or anchor in anchors(Guide(path)), anchor


def test_from_the_readme_every_guide_can_be_reached() -> None:
    reached, left = set(), [README.path]
    while left:
        if (path := left.pop()) not in reached and path.suffix == ".md":
            reached.add(path)
            left += [(path.parent / to).resolve() for to in re.findall(r"\]\(([^)#:]+)", path.read_text())]
    assert reached >= {guide.path for guide in EVERY}


def test_the_readme_is_read_in_five_minutes_and_a_guide_for_the_night_on_a_screen() -> None:
    assert len(README.text.splitlines()) <= 250
    for guide in (RUNBOOK, SETTINGS):
        assert len(guide.text.splitlines()) <= 60, guide.path
    for word in ("lane", "release", "roll call", "settled"):
        assert README.text.count(f"**{word}**") == 1, word


def test_every_exit_code_is_in_the_table() -> None:
    from launchplane_gate import errors  # noqa: PLC0415  # the module as a whole is looked at

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.GateError)]
    codes = {kind.exit_code for kind in kinds}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", README.text, re.MULTILINE)} >= codes
