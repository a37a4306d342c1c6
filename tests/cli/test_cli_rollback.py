"""``rollback`` and ``check rollback`` at the command line: a bad release on prod, undone by one command."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from launchplane_gate.cli import program
from launchplane_gate.demo.release import release_program
from launchplane_gate.demo.workspace import PRODUCT
from launchplane_gate.strictjson import sha256
from tests.cli.test_cli import LYING, NEW, OLD, Said, Site, clear, make_site

pytestmark = pytest.mark.thorough  # tests/line/test_rollback asks the same below the command line

NEWER = "9c1d2e0b7a6f5e4d3c2b1a09f8e7d6c5b4a39281"


def promoted_twice(folder: Path) -> Iterator[Site]:
    """Prod ran OLD and runs NEW, which testing runs, too."""
    made = make_site(folder / "site")
    for commit in (OLD, NEW):
        assert made.deploy(commit).exit_code == 0
        assert made.promote().exit_code == 0
    yield made
    clear(made)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield from promoted_twice(tmp_path)


@pytest.fixture(scope="module")
def asked_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """For tests that change nothing that runs or is recorded on prod: to make one takes seven seconds."""
    yield from promoted_twice(tmp_path_factory.mktemp("asked"))


@pytest.fixture
def policies(asked_site: Site) -> Iterator[Path]:
    """The file of its policies, which is put back."""
    path = asked_site.folder / "policies" / "config" / "data.json"
    before = path.read_text()
    yield path
    path.write_text(before)


def inventory(site: Site) -> str:
    record = json.loads((site.folder / "state" / "inventory" / PRODUCT / "prod.json").read_text())
    return str(record["source_git_ref"])


def typed(site: Site, said: Said, label: str) -> Said:
    """What a command printed to type next, typed."""
    line = next(line for line in said.out.splitlines() if line.strip().startswith(label))
    return site.run(*line.split("launchplane-gate ")[1].split())


def test_a_bad_release_on_prod_is_undone_by_one_command_in_under_a_minute(site: Site) -> None:
    began = time.monotonic()
    said = site.run("rollback", PRODUCT, "--reason", "checkout is broken")
    assert said.exit_code == 0 and time.monotonic() - began < 60
    lines = said.out.splitlines()
    assert lines[0] == f"Roll {PRODUCT} prod back to 215f71b"
    assert [line.split()[0] for line in lines[1:]] == ["admitted", "deployed", "confirmed", "recorded"]
    assert "10 of 10 rules" in lines[1] and "1 URL reports 215f71b, shown by digest" in lines[3]
    assert "prod runs 215f71b (was 41620cf)" in lines[4]
    assert "settled" in site.run("lanes").out and inventory(site) == OLD
    refused = site.promote()
    assert refused.exit_code == 1 and "x   release.not_rolled_back" in refused.out
    listed = site.run("inventory", "history", f"{PRODUCT}/prod").out
    assert [row.split()[0] for row in listed.splitlines()[1:]] == ["215f71b", "41620cf"]
    assert listed.count("rolled back") == 1
    newest = site.run("runs", "list", "--output", "json").document["runs"][1]
    assert (newest["action"], newest["status"], newest["reason"]) == ("rollback", "recorded", "checkout is broken")
    assert site.run("decisions", "verify").exit_code == 0
    assert site.run("prove", PRODUCT).exit_code == 0


def test_a_repeat_under_a_key_acts_once_and_a_newer_release_passes_afterwards(site: Site) -> None:
    assert site.run("rollback", PRODUCT, "--idempotency-key", "k").exit_code == 0
    again = site.run("rollback", PRODUCT, "--idempotency-key", "k")
    assert (again.exit_code, again.out.split(":")[0]) == (0, "Done before")
    text = release_program(NEWER)
    (site.folder / "releases" / "newer.py").write_text(text)
    artifact = f"local/{PRODUCT}@sha256:{sha256(text.encode())}"
    site.run("deploy", PRODUCT, "--to", "testing", "--artifact", artifact, "--ref", NEWER)
    assert site.promote().exit_code == 0
    assert inventory(site) == NEWER


def test_after_a_promotion_that_is_not_proven_the_way_back_is_printed_and_works(site: Site) -> None:
    text = _answers_otherwise_on_prod(site)
    (site.folder / "releases" / "newer.py").write_text(text)
    artifact = f"local/{PRODUCT}@sha256:{sha256(text.encode())}"
    assert site.run("deploy", PRODUCT, "--to", "testing", "--artifact", artifact, "--ref", NEWER).exit_code == 0
    said = site.promote()
    assert said.exit_code == 5, said
    assert "only a promotion to it or a rollback to 41620cf is let through" in said.out
    assert f"go back:      launchplane-gate rollback {PRODUCT} --lane prod" in said.out
    lanes = site.run("lanes").out  # the same, once the terminal is gone
    assert f"promote {PRODUCT}\n" in lanes
    assert f"go back         launchplane-gate rollback {PRODUCT} --lane prod\n" in lanes
    back = typed(site, said, "go back:")
    assert back.exit_code == 0 and inventory(site) == NEW
    again = site.promote()
    assert again.exit_code == 1 and "release.not_rolled_back" in again.out


def _answers_otherwise_on_prod(site: Site) -> str:
    """A release that is well on testing, and reports another revision on prod."""
    testing = re.findall(r"port = (\d+)", site.settings.read_text())[0]
    reports = f"REPORTS = {NEWER!r}"
    return release_program(NEWER).replace(reports, f"{reports} if os.environ['PORT'] == '{testing}' else {LYING!r}")


def test_check_rollback_asks_the_same_and_does_nothing(asked_site: Site) -> None:
    before = asked_site.files()
    said = asked_site.run("check", "rollback", PRODUCT)
    assert said.exit_code == 0
    assert said.out.startswith(f"Allowed: rollback {PRODUCT} prod, back to 215f71b. This was a check: nothing was")
    refused = asked_site.run("check", "rollback", PRODUCT, "--ref", LYING)
    assert refused.exit_code == 1 and "Asked for was e5a83b1 (any artifact); found for it was nothing" in refused.out
    assert asked_site.files() == before


def test_a_release_is_named_by_its_commit_or_with_its_artifact(site: Site) -> None:
    named = ["--ref", OLD, "--artifact", site.artifacts[OLD], "--lane", "prod"]
    assert site.run("rollback", PRODUCT, *named).exit_code == 0
    assert inventory(site) == OLD
    other = site.run("rollback", PRODUCT, "--ref", NEW, "--artifact", site.artifacts[OLD])
    assert other.exit_code == 1 and "release.as_expected" in other.out


def test_a_file_that_is_gone_is_found_before_anything_is_changed(site: Site) -> None:
    """Where no plugin knows a registry, the driver looks before it redeems."""
    (site.folder / "releases" / f"{OLD}.py").unlink()
    said = site.run("rollback", PRODUCT)
    assert said.exit_code == 4
    assert "Nothing was changed on prod; the inventory says 41620cf." in said.out
    assert "settle it" not in said.out
    assert "can be promoted" not in said.out and inventory(site) == NEW
    assert "settled" in site.run("lanes").out
    assert site.promote().exit_code == 0  # nothing was rolled back


def test_who_may_is_policy(asked_site: Site, policies: Path) -> None:
    data = json.loads(policies.read_text())
    for entries in data["products"][PRODUCT]["actors"].values():
        for entry in entries:
            entry["may"].remove("rollback")
    policies.write_text(json.dumps(data))
    said = asked_site.run("rollback", PRODUCT)
    assert said.exit_code == 1 and "actor.permitted" in said.out
    assert inventory(asked_site) == NEW


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--lane", "Prod"], "--lane: 'Prod' is not lower-case letters"),
        (["--lane", "staging"], "has no lane 'staging'"),
        (["--ref", "two words"], "--ref: 'two words' is not one word"),
    ],
)
def test_bad_usage_names_the_option(asked_site: Site, arguments: list[str], says: str) -> None:
    for command in (["rollback"], ["check", "rollback"]):
        said = asked_site.run(*command, PRODUCT, *arguments)
        assert said.exit_code == 2 and says in said.err


def test_where_several_lanes_are_promoted_to_one_is_named(asked_site: Site, policies: Path) -> None:
    data = json.loads(policies.read_text())
    data["products"][PRODUCT]["paths"].append({"from": "prod", "to": "testing"})
    policies.write_text(json.dumps(data))
    said = asked_site.run("rollback", PRODUCT)
    assert said.exit_code == 2
    assert "has 2 lanes that are promoted to; the policies name: prod, testing" in said.err
    assert "Name the lane that goes back: --lane LANE." in said.err
    assert asked_site.run("check", "rollback", PRODUCT, "--lane", "prod").exit_code == 0


def test_the_help_tells_it() -> None:
    shown = CliRunner().invoke(program, ["--help"]).stdout
    assert "rollback" in shown.split("Ship:")[1].split("Look back:")[0]
