"""What tells two sets of policies apart: in words, each loosening marked, and by an input that shows it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from launchplane_gate.authoring.diff.sides import side
from launchplane_gate.authoring.diff.stored import stored_inputs
from launchplane_gate.authoring.diff.words import differences
from launchplane_gate.cli import program
from launchplane_gate.errors import UsageError
from launchplane_gate.policy import load_bundle
from tests.authoring.test_replay_running import decision
from tests.fakes import bundles

CODE = "reason.plain"
BODY = 'satisfied if input.request.reason == "why"\n\nmessage := "It says no." if not satisfied\n'
ANN = {"subject": "repo:acme/shop:*", "verified_by": "github-oidc"}
SHOP = {
    "paths": [{"from": "testing", "to": "prod"}],
    "actors": {"prod": [ANN]},
    "thresholds": {"health_s": 50},
    "windows": {"prod": [{"days": ["Monday"], "from": "09:00", "to": "17:00", "zone": "UTC"}]},
    "backup": {"prod": {"max_age_s": 600}},
    "branches": ["main"],
}

EVENING = {"days": ["Friday"], "from": "18:00", "to": "24:00", "zone": "UTC"}

Said = Callable[[Mapping[str, Any], Mapping[str, Any]], list[tuple[str, str]]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.small(tmp_path_factory.mktemp("small"))


@pytest.fixture
def said(base: Path, tmp_path: Path) -> Said:
    """What differs where a configuration becomes another one."""

    def told(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[str, str]]:
        made = []
        for name, config in (("a", a), ("b", b)):
            folder = bundles.write(tmp_path / name, {bundles.path_of(CODE): bundles.rule(CODE, BODY)}, optional(config))
            made.append(load_bundle([base, folder]))
        return [(one.effect, one.what) for one in differences(*made)]

    return told


def optional(config: Mapping[str, Any]) -> dict[str, Any]:
    return {**config, "roll_call": {"optional": [CODE], **config.get("roll_call", {})}}


def asked(**more: Any) -> dict[str, Any]:
    return {"roll_call": {"base": {"promote": {"admit": [CODE]}}}, **more}


def shop(**changes: Any) -> dict[str, Any]:
    return {"products": {"shop": {name: part for name, part in (SHOP | changes).items() if part}}}


def test_the_same_policies_do_not_differ(said: Said) -> None:
    assert said(shop(), shop()) == []


def test_a_rule_on_or_off_the_roll_call_is_told(said: Said) -> None:
    assert said(asked(), {}) == [("loosens", f"{CODE} is no longer asked of promote/admit")]
    assert said({}, asked()) == [("tightens", f"{CODE} is asked of promote/admit")]
    of_shop = shop() | {"roll_call": {"products": {"shop": {"promote": {"admit": [CODE]}}}}}
    assert said(of_shop, shop()) == [("loosens", f"{CODE} is no longer asked of promote/admit of shop")]
    assert said(of_shop, shop() | asked()) == [("tightens", f"{CODE} is asked of promote/admit")]


@pytest.mark.parametrize(
    ("a", "b", "effect", "what"),
    [
        ({}, {"thresholds": {"observed_s": 30}}, "tightens", "observed_s 60 -> 30 for all products"),
        ({"thresholds": {"observed_s": 30}}, {}, "loosens", "observed_s 30 -> 60 for all products"),
        ({"thresholds": {"health_matches": 3}}, {}, "loosens", "health_matches 3 -> 1 for all products"),
        ({"drivers": {"slow": {"settle_s": 60}}}, {}, "loosens", "settle_s 60 -> 15 for the driver slow"),
        ({}, {"waivable": [CODE]}, "loosens", f"{CODE} may be waived"),
        ({"waivable": [CODE]}, {}, "tightens", f"{CODE} may no longer be waived"),
        (shop(), {}, "tightens", "shop is gone: whatever is asked of it is refused"),
        ({}, shop(), "loosens", "shop is introduced: what nobody could ship may be shipped"),
        (shop(), shop(thresholds={}), "loosens", "health_s 50 -> 60 for shop"),
        (shop(), shop(windows={}), "loosens", "shop/prod is always open"),
        (shop(windows={}), shop(), "tightens", "shop/prod is open in windows alone"),
        (shop(), shop(backup={}), "loosens", "shop/prod needs no backup"),
        (shop(), shop(backup={"prod": {}}), "loosens", "a backup of shop/prod may be 600 -> 3600 s old"),
        (shop(), shop(branches=["main", "next"]), "loosens", "commits of shop may come from next"),
        (shop(), shop(actors={}), "tightens", "shop/prod no longer lists repo:acme/shop:* (github-oidc)"),
        (
            shop(),
            shop(actors={"prod": [ANN | {"may": ["waive"]}]}),
            "loosens",
            "shop/prod lists repo:acme/shop:* (github-oidc, waive)",
        ),
        (
            shop(),
            shop(windows={"prod": [EVENING]}),
            "loosens",
            "shop/prod is open Friday from 18:00 to 24:00 (UTC), too",
        ),
        (
            shop(),
            shop(paths=[]),
            "loosens",
            "shop is no longer promoted from testing to prod, and prod may be deployed to directly",
        ),
    ],
)
def test_each_part_is_told_with_what_it_does(
    said: Said, a: dict[str, Any], b: dict[str, Any], effect: str, what: str
) -> None:
    assert (effect, what) in said(a, b)


REPOSITORY = ["init", "add .", "-c user.name=a -c user.email=a@b.invalid commit -m one"]


def git(folder: Path, *commands: str) -> None:
    for command in commands:
        subprocess.run(["git", *command.split()], cwd=folder, check=True, capture_output=True)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, ["policy", "diff", *arguments])


def test_a_folder_of_a_commit_is_read_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = bundles.write(tmp_path / "mine", {bundles.path_of(CODE): bundles.rule(CODE, BODY)}, asked())
    (tmp_path / ".gitattributes").write_text("*.rego export-ignore\n")
    git(tmp_path, *REPOSITORY)
    (folder / "config" / "data.json").write_text(json.dumps({"roll_call": {"optional": [CODE]}}))
    monkeypatch.chdir(tmp_path)
    with side("HEAD:mine") as before, side("mine") as after:
        [_, asked_there] = [one for one in before.modules if CODE.replace(".", "/") in one.path]
        assert asked_there.text.startswith("package gate_test.")
        assert [one.what for one in differences(before, after)] == [f"{CODE} is no longer asked of promote/admit"]


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("nowhere", "is no folder, and names none of a commit"),
        ("--output=x:policies", "is no folder, and names none of a commit"),
        ("no-such-commit:policies", "cannot be read: "),
        ("HEAD:no/such/folder", "cannot be read: "),
    ],
)
def test_what_is_no_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, why: str) -> None:
    (tmp_path / "a").write_text("a")
    git(tmp_path, *REPOSITORY)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=why), side(named):
        pass


def test_decisions_on_record_give_their_inputs() -> None:
    some = [decision(1), decision(2, input_text=None), decision(3)]
    assert [name for name, _ in stored_inputs(some)] == ["the input of decision d-1", "the input of decision d-3"]
    assert next(stored_inputs(some))[1]["action"] == "deploy"
    for odd in ("{", "[1]", "7"):
        with pytest.raises(UsageError, match="line 2: its input is none"):
            list(stored_inputs([decision(1), decision(2, input_text=odd)]))


@pytest.mark.thorough  # it decides by the shipped policies, some hundred times
def test_the_command_marks_what_loosens_shows_an_input_and_fails_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {bundles.path_of(CODE): bundles.rule(CODE, BODY)}
    bundles.write(tmp_path / "a", files, asked())
    bundles.write(tmp_path / "b", files, {"roll_call": {"optional": [CODE]}})
    loosened = run("a", "b", "--fail-on", "loosening", "--output", "json=found.json")
    assert loosened.exit_code == 1, loosened.output
    lines = loosened.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[:2] == ["roll call", f"  loosens   {CODE} is no longer asked of promote/admit"]
    assert "a denies, and b allows: the good promote/admit that every bundle is asked. It is" in lines
    document = json.loads((tmp_path / "found.json").read_text())
    [first, *_] = document["inputs"]
    assert document["loosens"] and first["loosens"] and first["refused_by"] == [CODE]
    assert first["input"]["request"]["reason"] == ""
    tightened = run("b", "a", "--fail-on", "loosening", "--output", "markdown=told.md")
    assert tightened.exit_code == 0 and "  tightens   " in tightened.stdout, tightened.output
    comment = (tmp_path / "told.md").read_text()  # says what changes where nothing of it is wrong, too
    assert "| roll call |" in comment and "| inputs | b allows, and a denies&#58; " in comment
    assert run("b", "a", "--fail-on", "any").exit_code == 1
    assert run("a", "a", "--fail-on", "any").stdout == "a and a are the same policies.\n"


@pytest.mark.thorough  # it decides by the shipped policies, some hundred times
def test_a_case_may_be_what_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else would think of that reason."""
    monkeypatch.chdir(tmp_path)
    for name, reason in (("a", "seven bells"), ("b", "eight bells")):
        body = BODY.replace('== "why"', f'!= "{reason}"')
        bundles.write(tmp_path / name, {bundles.path_of(CODE): bundles.rule(CODE, body)}, asked())
    (tmp_path / "a" / "cases").mkdir()
    case = "case: A bell\nbase: promotion\nfacts: {request.reason: seven bells}\nexpect: refused\n"
    (tmp_path / "a" / "cases" / "bell.yaml").write_text(f"{case}rules: {{{CODE}: not satisfied}}\n")
    told = run("a", "b").stdout
    assert "a denies, and b allows: the case cases.bell. It is refused by reason.plain." in " ".join(told.split()), told
