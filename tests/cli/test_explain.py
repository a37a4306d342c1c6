"""`decisions explain` and `check --explain` on a real workspace, and what they print typed as it stands."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from launchplane_gate.authoring.explain.told import Explanation
from launchplane_gate.cli import program
from launchplane_gate.demo.workspace import PRODUCT
from tests import opa
from tests.cli.test_cli import LYING, NEW, OLD, Said, Site, clear, make_site
from tests.places import CASES

pytestmark = pytest.mark.thorough  # releases run as processes


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """OLD was promoted, and NEW runs on testing."""
    made = make_site(tmp_path_factory.mktemp("explained") / "site")
    for said in (made.deploy(OLD), made.promote(), made.deploy(NEW)):
        assert said.exit_code == 0, said
    yield made
    clear(made)


def newest(site: Site) -> str:
    decided = site.run("decisions", "list", "--limit", "1", "--output", "json").document["decisions"]
    return str(decided[0]["decision_id"])


def explained(said: Said) -> Any:
    Explanation.model_validate_json(said.out, strict=True)  # of which there is a schema
    return said.document


def typed(site: Site, way: Any) -> list[Said]:
    """Whatever is printed of a way, typed as it stands."""
    commands = [command for step in way["steps"] for command in step["commands"]] + [way["command"]]
    return [site.run(*shlex.split(command)[1:]) for command in commands if command]


def test_a_refusal_is_explained_and_what_is_printed_passes(site: Site) -> None:
    assert site.run("lane", "hold", f"{PRODUCT}/prod", "--reason", "a freeze").exit_code == 0
    assert site.promote("--ref", OLD).exit_code == 1
    refused = newest(site)
    told = explained(site.run("decisions", "explain", refused, "--output", "json"))
    assert [rule["code"] for rule in told["rules"]] == ["inventory.source_current", "lane.not_held"]
    first = told["rules"][0]["why"]
    assert Path(first["expression"]["file"]).name == "source_current.rego"
    assert {seen["value"] for seen in first["saw"]} >= {OLD, NEW}
    [way, *_] = told["ways"]
    assert [step["act"] for step in way["steps"]] == ["name_no_release", "release_lane"]
    assert [said.exit_code for said in typed(site, way)] == [0, 0]

    said = site.run("decisions", "explain", refused)  # of what was, also after it was mended
    assert said.exit_code == 0
    assert said.out.startswith(f"Refused: promote {PRODUCT} testing -> prod (admit)\nDecision {refused} of ")
    assert said.out.index("x inventory.source_current") < said.out.index("x lane.not_held")
    assert '        input.release[field] (release.source_git_ref) is "41620cf"\n' in said.out
    assert ". 18 other rules passed" in said.out
    for line in said.out.splitlines():
        assert len(line) <= 80 or "launchplane-gate " in line or ".rego:" in line, (
            line
        )  # commands and places stand whole


def test_a_check_explains_an_unsettled_lane_and_how_it_is_settled(site: Site) -> None:
    assert site.deploy(LYING).exit_code == 5
    checked = site.run("check", "promote", PRODUCT, "--explain", "--output", "json")
    assert checked.exit_code == 1
    told = explained(checked)
    assert told["rules"][0]["code"] == "lane.settled"  # the first cause first
    [way, *_] = told["ways"]
    assert [step["act"] for step in way["steps"]] == ["deploy"]
    assert [said.exit_code for said in typed(site, way)] == [0, 0]
    assert site.run("check", "promote", PRODUCT, "--explain").exit_code == 0
    confirm = next(
        one
        for one in site.run("decisions", "list", "--output", "json").document["decisions"]
        if one["phase"] == "confirm" and not one["allowed"]
    )
    assert "What would make it pass" in site.run("decisions", "explain", confirm["decision_id"]).out


def test_what_cannot_be_explained_is_named(site: Site) -> None:
    gone = site.run("decisions", "explain", "d-NOPE")
    assert (gone.exit_code, gone.out) == (2, "")
    assert "there is no decision d-NOPE" in gone.err
    assert site.promote("--ref", OLD).exit_code == 1
    refused = newest(site)
    broken = site.folder / "policies" / "gate" / "rules" / "x" / "y.rego"
    broken.parent.mkdir(parents=True)
    broken.write_text("package gate.rules.x.y\n\nsatisfied if {\n")
    said = site.run("decisions", "explain", refused)
    assert said.exit_code == 2
    assert "y.rego:" in said.err
    broken.unlink()
    settings = site.settings.read_text()
    assert 'engine = "embedded"' in settings
    on_opa = settings.replace('engine = "embedded"', 'engine = "opa"')
    site.settings.write_text(f'{on_opa}\n[opa]\nurl = "http://{opa.free_address()}"\n')
    away = site.run("decisions", "explain", refused)
    site.settings.write_text(settings)
    assert away.exit_code == 3
    assert "connection refused" in away.err


def test_facts_that_are_given_are_explained_without_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = json.loads((CASES / "promote_admit.json").read_text())
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    monkeypatch.chdir(tmp_path)  # there are no settings
    said = CliRunner().invoke(program, ["check", "--input", "facts.json", "--explain", "--output", "json"])
    told = json.loads(said.stdout)
    assert said.exit_code == 1  # the shipped policies know no product
    assert told["ways"] == []
    assert told["tried"] > 0
    assert all(rule["why"] for rule in told["rules"])
