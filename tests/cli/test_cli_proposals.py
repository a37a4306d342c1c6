"""``check promotion.yaml`` and ``lanes --export``, as they are typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchplane_gate.demo.workspace import PRODUCT
from tests.cli.test_cli import NEW, OLD, Said, Site, clear, make_site
from tests.keys import write_key

pytestmark = pytest.mark.thorough  # a site with processes; what is decided is tested in tests/authoring

SIGNS = '\n[attestation]\nkey = { file = "attest.pem" }\n'
CI = 'schema_version = 1\npolicy.folders = ["policies"]\n[attestation]\npublic_keys = ["attest.pub"]\n'


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """OLD runs on prod, NEW on testing; proposals of both, and a snapshot."""
    site = make_site(tmp_path_factory.mktemp("shop") / "site")
    write_key(site.folder)
    with site.settings.open("a") as settings:
        settings.write(SIGNS)
    for said in (site.deploy(OLD), site.promote(), site.deploy(NEW)):
        assert said.exit_code == 0, said
    for name, commit in (("good", NEW), ("stale", OLD)):
        text = f"product: {PRODUCT}\nfrom: testing\nto: prod\nref: {commit}\n"
        (site.folder / f"{name}.yaml").write_text(text)
    said = site.run("lanes", "--export", str(site.folder / "lanes.json"))
    assert (said.exit_code, said.out.split(" as of ")[0]) == (
        0,
        f"1 promotion can be checked on {site.folder / 'lanes.json'},",
    )
    yield site
    clear(site)


@pytest.fixture
def here(shop: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(shop.folder)
    return shop


def in_ci(site: Site, *arguments: str, key: str = "attest.pub") -> Said:
    """With the settings of a job that has the policies and a public key alone."""
    settings = site.folder / "ci.toml"
    settings.write_text(CI.replace("attest.pub", key))
    return site.run("--config", str(settings), *arguments)


@pytest.mark.parametrize(("name", "exit_code", "verdict"), [("good", 0, "Allowed"), ("stale", 1, "Refused")])
def test_files_are_checked_by_their_names(here: Site, name: str, exit_code: int, verdict: str) -> None:
    said = here.run("check", f"{name}.yaml")
    assert said.exit_code == exit_code
    assert said.out.startswith(f"{name}.yaml:1: {verdict}: {PRODUCT} testing -> prod, release {NEW[:7]}\n")
    assert ("inventory.source_current (line 4)" in said.out) == (name == "stale")
    assert here.run("check", "proposals", f"{name}.yaml").exit_code == exit_code


@pytest.mark.parametrize(("name", "exit_code"), [("good", 0), ("stale", 1)])
def test_a_snapshot_decides_where_neither_gate_nor_lanes_are(here: Site, name: str, exit_code: int) -> None:
    said = in_ci(here, "check", "--snapshot", "lanes.json", f"{name}.yaml", "--output", "json")
    assert said.exit_code == exit_code, said
    [told] = said.document["proposals"]
    assert (told["file"], told["as_of"][:2], said.document["facts"]) == (
        f"{name}.yaml",
        "20",
        {"from": "snapshot", "file": "lanes.json"},
    )
    assert "as of " in in_ci(here, "check", f"{name}.yaml", "--snapshot", "lanes.json").out


def test_a_snapshot_that_is_not_to_be_believed_decides_nothing(here: Site, tmp_path: Path) -> None:
    cut = here.folder / "cut.json"
    cut.write_bytes((here.folder / "lanes.json").read_bytes()[:-50])
    said = in_ci(here, "check", "good.yaml", "--snapshot", "cut.json")
    assert (said.exit_code, said.out) == (2, "")
    assert "cut.json: it is no snapshot of lanes" in said.err
    write_key(tmp_path)
    said = in_ci(here, "check", "good.yaml", "--snapshot", "lanes.json", key=str(tmp_path / "attest.pub"))
    assert (said.exit_code, said.out) == (3, "")
    assert "by none of the keys here: attest.pub" in said.err


def test_every_file_that_is_none_is_told_on_a_line_of_its_own(here: Site) -> None:
    said = here.run("check", "nowhere.yaml", "good.yaml", str(here.settings))
    assert (said.exit_code, said.out) == (2, "")
    first, second, hint = said.err.splitlines()
    assert first.startswith("launchplane-gate: nowhere.yaml:1: it cannot be read")
    assert second.startswith(f"{here.settings}:")
    assert "policy schema proposal" in hint
    said = here.run("check", "nowhere.yaml", "--output", "json")
    assert json.loads(said.out)["error"]["kind"] == "BadFiles"


def test_what_is_neither_file_nor_command_stays_an_unknown_command(here: Site) -> None:
    said = here.run("check", "promot", PRODUCT)
    assert said.exit_code == 2
    assert "Did you mean 'promote'?" in said.err
    assert here.run("check", "promote", PRODUCT).exit_code == 0
    both = here.run("check", "good.yaml", "--snapshot", "lanes.json", "--from-launchplane", "https://example.org")
    assert "cannot go together" in both.err


def test_a_pull_request_shows_a_refusal_at_the_line_that_is_stale(here: Site) -> None:
    said = here.run("check", "stale.yaml", "--output", "github", "--output", "sarif=told.sarif")
    assert said.exit_code == 1
    [annotation] = [line for line in said.out.splitlines() if line.startswith("::error")]
    assert "stale.yaml,line=4" in annotation
    assert "inventory.source_current" in annotation
    [result] = json.loads((here.folder / "told.sarif").read_text())["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 4


def test_a_pull_request_shows_what_is_wrong_with_a_file_at_its_line(here: Site) -> None:
    (here.folder / "misspelt.yaml").write_text(f"product: {PRODUCT}\nform: testing\nto: prod\n")
    said = here.run("check", "misspelt.yaml", "--output", "github")
    assert said.exit_code == 2
    [annotation] = [line for line in said.out.splitlines() if line.startswith("::error")]
    assert "misspelt.yaml,line=2" in annotation
    assert "form is no key of a proposal" in annotation


def test_a_summary_says_as_of_when(here: Site) -> None:
    told = in_ci(here, "check", "good.yaml", "--snapshot", "lanes.json", "--output", "markdown").out
    assert "1 of 1 proposal allowed, as of " in told
