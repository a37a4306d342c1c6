"""`policy list` and `policy docs` tell all of what is asked, from the policies themselves."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from launchplane_gate.cli import program
from launchplane_gate.policy import Bundle, load_bundle, shipped_policies

pytestmark = pytest.mark.thorough  # it loads whole bundles

RULE = """# METADATA
# title: A | title with `code`, <b> and @all
# custom:
#   remedy: Ask [somebody](https://elsewhere.example).
package gate.rules.reason.plain

satisfied if {
	is_string(input.request.reason)
	input.request.reson != ""
	input.evidence.scanner.high == 0
}

message := "There is none." if not satisfied
"""
TEST = """package gate_test.reason.plain

import data.gate.rules.reason.plain

test_nothing_is_none if not plain.satisfied with input as {}
"""
CONFIG = {
    "roll_call": {
        "drivers": {"boat": {"deploy": {"admit": ["reason.plain"]}}},
        "products": {"shop": {"promote": {"confirm": ["reason.plain"]}}},
    },
    "waivable": ["reason.plain"],
    "products": {"shop": {"paths": [], "thresholds": {"source_soak_s": 7}}},
}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, ["policy", *arguments])


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "mine"
    (folder / "gate/rules/reason").mkdir(parents=True)
    (folder / "config").mkdir()
    (folder / "gate/rules/reason/plain.rego").write_text(RULE)
    (folder / "gate/rules/reason/plain_test.rego").write_text(TEST)
    (folder / "config/data.json").write_text(json.dumps(CONFIG))
    settings = "schema_version = 1\n[policy]\nfolders = ['mine']\n[plugins.health]\n[plugins.local]\nreleases = 'r'\n"
    (tmp_path / "launchplane-gate.toml").write_text(settings + "command = ['true']\n")
    return folder


def document(*arguments: str) -> dict[str, Any]:
    said = run(*arguments, "--output", "json")
    assert said.exit_code == 0, said.output
    found: dict[str, Any] = json.loads(said.stdout)
    return found


@pytest.mark.parametrize("driver", ["boat", "local"])
def test_a_list_is_the_roll_call_of_the_product(mine: Path, driver: str) -> None:
    bundle: Bundle = load_bundle([shipped_policies(), mine])
    listed = document("list", "shop", "--driver", driver)
    asked: dict[tuple[str, str], set[str]] = {}
    for one in listed["rules"]:
        assert one["code"] not in asked.setdefault((one["action"], one["phase"]), set())
        asked[one["action"], one["phase"]].add(one["code"])
        assert one["listed_in"] or one["of"].startswith("the core")
    for (action, phase), codes in asked.items():
        assert codes == set(bundle.roll_call(action, phase, driver, "shop", "v1"))  # type: ignore[arg-type]  # read from JSON
    assert sum(map(len, asked.values())) == len(listed["rules"])
    own = {(one["action"], one["phase"], one["of"]) for one in listed["rules"] if one["code"] == "reason.plain"}
    of_driver = (
        {("deploy", "admit", "driver boat"), ("evidence", "admit", "driver boat")} if driver == "boat" else set()
    )
    assert own == {("promote", "confirm", "product shop"), *of_driver}
    assert listed["figures"]["source_soak_s"] == 7
    assert all(Path(one["file"]).is_file() for one in listed["rules"])
    told_in = {one["listed_in"] for one in listed["rules"] if one["code"] == "reason.plain"}
    assert told_in == {str(mine / "config/data.json")}


def test_people_see_it_within_80_columns_with_whose_rule_each_is(mine: Path) -> None:
    said = run("list", "shop", "--driver", "boat")
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith("shop, deployed by boat: ")
    assert max(map(len, said.stdout.partition("A rule CATEGORY")[0].split("\n"))) <= 80
    assert re.search(r"reason\.plain +- +yes +- +mine\n", said.stdout)
    assert re.search(r"release\.version_free +- +yes\* +- +shipped\n", said.stdout)
    assert re.search(rf"shipped +{re.escape(str(shipped_policies()))}\n +mine +{re.escape(str(mine))}\n", said.stdout)
    assert "reason.plain" in said.stdout.partition("Can be waived:")[2]
    assert "(--driver names it)" in run("list", "shop").stdout


def test_a_product_that_nobody_knows_is_named_with_those_that_there_are(mine: Path) -> None:
    said = run("list", "shpo")
    assert said.exit_code == 2
    assert "'shpo'" in said.stderr and "Did you mean shop? There are: shop." in said.stderr


def test_the_page_tells_of_each_rule_what_it_needs_and_what_tries_it(mine: Path) -> None:
    told = document("docs")
    bundle = load_bundle([shipped_policies(), mine])
    rules = {rule["code"]: rule for rule in told["rules"]}
    assert rules.keys() == bundle.metadata.keys()
    assert all(rule["tests"] for rule in rules.values())
    assert rules["reason.plain"]["facts"] == [
        "input.evidence.scanner.high", "input.request.reason", "input.request.reson",
    ]  # fmt: skip
    assert rules["reason.plain"]["tests"][0]["name"] == "gate_test.reason.plain.test_nothing_is_none"
    assert {"name": "incident/version_taken", "expects": "not satisfied"} in rules["release.version_free"]["cases"]
    assert {one["of"] for one in told["roll_call"]} >= {"every product", "driver boat", "product shop"}
    assert "input.evidence.oci.manifest.media_type" in told["unread"]
    assert "input.request.reason" not in told["unread"] and "input.now" not in told["unread"]
    lacking = " ".join(one["what"] for one in told["not_provided"])
    assert "input.request.reson" in lacking and "input.evidence.scanner" in lacking
    assert sum("input.evidence.scanner" in one["what"] for one in told["not_provided"]) == 1
    assert "input.evidence.github" in lacking  # asked of promotions, and the settings do not enable it


def test_the_page_is_the_page_in_each_form_and_no_text_of_others_is_markup(mine: Path) -> None:
    page = run("docs").stdout
    assert page.startswith("# Policies\n")
    assert run("docs", "--output", "markdown=other.md", "-o", "page.md").stdout == "The page is in page.md.\n"
    assert Path("page.md").read_text() == Path("other.md").read_text() == page
    assert r"A \| title with `code`, \<b\> and \@all." in page
    assert r"Ask \[somebody\](https" in page
    headings = re.findall(r"^### (.*)$", page, re.MULTILINE)
    anchors = {heading.replace("\\", "").replace(".", "") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]*)\)", page)) <= anchors
    rows = [line for line in page.split("\n") if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}
    assert run("docs", "-o", "nowhere/page.md").exit_code == 2
