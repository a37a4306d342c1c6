"""What a command printed can be had again, elsewhere and later: after each exit code, in the same words."""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.cli.deploy import EXIT_CODES, NOT_PUBLISHED
from launchplane_gate.commands import PROGRAM
from launchplane_gate.demo.release import release_program
from launchplane_gate.ledger import Ledger, Terms, Wish
from launchplane_gate.model import Lane
from tests import opa
from tests.cli.printed import ended, typed, until_step
from tests.cli.test_cli import LYING, NEW, OLD, Site, clear, make_site
from tests.conftest import PRODUCT
from tests.fakes.github import FakeGitHub
from tests.line.test_publishing_crashes import REPOSITORY, SETTINGS
from tests.places import ROOT

pytestmark = pytest.mark.thorough  # releases run as processes, and so does each command that was printed

PRINTED = re.compile(rf"(?<!`){PROGRAM} [^\n`]+")  # what a rule names in its words stands between backquotes


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """OLD runs on testing and on prod."""
    made = make_site(tmp_path / "site")
    text = made.settings.read_text()
    made.settings.write_text(text.replace("schema_version = 1", "schema_version = 1\nlease_s = 20", 1))
    for said in (made.deploy(OLD), made.promote()):
        assert said.exit_code == 0, said
    yield made
    clear(made)


def ways_in(text: str) -> list[str]:
    """The commands that were printed as ways on, without the one that says where they stand again."""
    found = [line.strip() for line in PRINTED.findall(text)]
    looks = (f"{PROGRAM} runs show", f"{PROGRAM} decisions", f"{PROGRAM} check")
    return [line for line in found if not line.startswith(looks)]


def newest(site: Site) -> Any:
    return site.run("runs", "list", "--output", "json").document["runs"][0]


def lane(site: Site, instance: str = "testing") -> Any:
    lanes = site.run("lanes", PRODUCT, "--output", "json").document["lanes"]
    return next(one for one in lanes if one["lane"]["instance"] == instance)


def told_everywhere(site: Site, run_id: str, instance: str = "testing") -> list[dict[str, str]]:
    """The ways on of a run, once `runs show`, `lanes` and `doctor` were seen to agree on them, as text and as JSON."""
    ways: list[dict[str, str]] = site.run("runs", "show", run_id, "--output", "json").document["ways"]
    typed = [way["command"] for way in ways]
    assert lane(site, instance)["ways"] == ways
    [doubt] = site.run("doctor", "--output", "json").document["lanes"]
    assert doubt["ways"] == ways
    shown = site.run("runs", "show", run_id).out.split("What can be done now:\n")[1]
    in_lanes = [line for line in ways_in(site.run("lanes", PRODUCT).out) if line in typed]
    in_doctor = [line for line in ways_in(site.run("doctor").out) if line in typed]
    assert ways_in(shown) == in_lanes == in_doctor == typed
    return ways


# -- after each exit code


def test_after_5_the_ways_on_are_told_again_and_each_of_them_runs(site: Site) -> None:
    said = site.deploy(LYING, "--reason", "it's a try")
    assert said.exit_code == EXIT_CODES["unconfirmed"]
    ways = told_everywhere(site, newest(site)["run_id"])
    assert ways_in(said.out) == [way["command"] for way in ways]
    assert [way["what"] for way in ways] == ["try again", "go back", "look again"]
    assert f"--artifact {site.artifacts[LYING]} --ref {LYING}" in ways[0]["command"]
    again, back, look = (way["command"] for way in ways)
    assert [typed(site, one).exit_code for one in (again, look, back)] == [5, 5, 0]
    assert lane(site)["ways"] == []
    shown = site.run("runs", "show", newest(site)["run_id"])
    assert "What can be done now" not in shown.out


def test_after_a_promotion_that_is_not_proven_it_is_settled_or_undone(site: Site) -> None:
    testing, _ = re.findall(r"port = (\d+)", site.settings.read_text())
    elsewhere = f"{NEW!r} if os.environ['PORT'] == '{testing}' else {OLD!r}"
    program = release_program(NEW).replace(f"REPORTS = {NEW!r}", f"REPORTS = {elsewhere}")
    artifact = site.add(program)
    assert site.run("deploy", PRODUCT, "--to", "testing", "--artifact", artifact, "--ref", NEW).exit_code == 0
    assert site.promote().exit_code == 5
    ways = told_everywhere(site, newest(site)["run_id"], "prod")
    assert [way["what"] for way in ways] == ["settle it", "go back", "look again"]
    assert ways[0] == {"what": "settle it", "command": f"{PROGRAM} promote {PRODUCT}", "source": "testing"}
    assert [typed(site, ways[at]["command"]).exit_code for at in (0, 2, 1)] == [5, 5, 0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_what_was_cut_off_is_finished_by_what_is_told(site: Site, number: signal.Signals) -> None:
    before = newest(site)["run_id"]
    process = site.process("deploy", PRODUCT, "--to", "testing", "--artifact", site.artifacts[NEW], "--ref", NEW)
    until_step(site, "triggered", process, before)
    process.send_signal(number)
    said = ended(process)
    if number == signal.SIGINT:
        assert said.exit_code == 130 and f"`{PROGRAM} lanes` tells what it left." in said.err
    run = newest(site)
    assert run["status"] == "interrupted"
    ways = told_everywhere(site, run["run_id"])
    assert [way["what"] for way in ways] == ["finish it", "try again", "go back"]
    finished = typed(site, ways[0]["command"])
    assert (finished.exit_code, lane(site)["settled"]) == (0, True), finished


def test_after_3_it_is_found_out_and_tried_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert site.deploy(NEW).exit_code == 0
    monkeypatch.setenv("SHOP_RELEASES", "nobodys")
    settings = site.settings.read_text()
    away = SETTINGS.format(url=f"http://{opa.free_address()}", product=PRODUCT)
    site.settings.write_text(settings + away)
    said = site.promote("--version", "v0.1.0", "--reason", "it's a try")
    assert said.exit_code == EXIT_CODES["undecided"] and f"`{PROGRAM} doctor` asks whom a decision asks" in said.err
    run = newest(site)
    first, again = site.run("runs", "show", run["run_id"], "--output", "json").document["ways"]
    assert (first["command"], again["what"]) == (f"{PROGRAM} doctor", "try again")
    assert (
        f"--artifact {site.artifacts[NEW]} --ref {NEW}" in again["command"] and "--version v0.1.0" in again["command"]
    )
    assert [typed(site, way["command"]).exit_code for way in (first, again)] == [3, 3]
    assert lane(site, "prod")["ways"] == []  # nothing was deployed
    site.settings.write_text(settings)
    without = again["command"].replace(" --version v0.1.0", "")  # for which it takes GitHub
    assert typed(site, without).exit_code == 0
    assert newest(site)["reason"] == "it's a try"


def test_after_4_it_is_tried_again_once_it_is_mended(site: Site) -> None:
    release = site.folder / "releases" / f"{NEW}.py"
    text = release.read_text()
    release.unlink()
    said = site.deploy(NEW, "--reason", "it's a try")
    assert said.exit_code == EXIT_CODES["fail"]
    run = newest(site)
    shown = site.run("runs", "show", run["run_id"]).out.split("What can be done now:\n")[1]
    [again] = ways_in(shown)
    assert ways_in(said.out) == [again]
    assert f"--artifact {site.artifacts[NEW]} --ref {NEW}" in again and shlex.quote("it's a try") in again
    assert lane(site)["ways"] == []  # it is as it was
    release.write_text(text)
    assert typed(site, again).exit_code == 0
    assert "What can be done now" not in site.run("runs", "show", run["run_id"]).out


def test_after_6_it_is_published_by_what_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeGitHub() as github:
        shop = github.add_repository(REPOSITORY)
        shop.commit(sha=OLD)
        shop.commit(sha=NEW)
        monkeypatch.setenv("SHOP_RELEASES", github.add_token({REPOSITORY: {"contents": "write"}}, kind="personal"))
        with site.settings.open("a") as settings:
            settings.write(SETTINGS.format(url=github.url, product=PRODUCT))
        assert site.deploy(NEW).exit_code == 0
        github.break_next("POST */git/refs", "502")
        said = site.promote("--bump", "minor")
        assert said.exit_code == NOT_PUBLISHED, said
        run = newest(site)
        ways = told_everywhere(site, run["run_id"], "prod")
        assert ways == [{"what": "finish it", "command": f"{PROGRAM} publish {run['run_id']}", "source": None}]
        assert ways_in(said.out) == [ways[0]["command"]]
        assert run["unpublished"] and "recorded, unpublished: v0.1.0" in site.run("runs", "list").out
        assert lane(site, "prod")["unpublished"] == "v0.1.0"
        assert "unpublished: v0.1.0" in site.run("lanes", PRODUCT).out
        assert typed(site, ways[0]["command"]).exit_code == 0
        assert not newest(site)["unpublished"] and lane(site, "prod")["ways"] == []
        assert "unpublished" not in site.run("runs", "list").out + site.run("lanes", PRODUCT).out


def test_the_readme_says_the_same_of_each_exit_code() -> None:
    rows = dict(re.findall(r"^\| ([\d, ]+) \| .*? \| (.*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE))
    for code, names in {
        "3": f"`{PROGRAM} doctor`",
        "4": "`runs show RUN`",
        "5": "`lanes` and `runs show RUN`",
        "6": f"`{PROGRAM} publish RUN`",
        "7": "`lanes`",
        "130, 143, 129": f"`{PROGRAM} lanes`",
    }.items():
        assert names in rows[code]


def test_while_7_it_is_told_who_has_the_lane(site: Site) -> None:
    ledger = Ledger.open(site.folder / "state", holds_records=True)
    with ledger.hold([Lane(context=PRODUCT, instance="testing")], Wish(Terms(run_s=60))):
        busy = site.deploy(NEW, "--wait", "0")
        assert busy.exit_code == EXIT_CODES["open"]
        view = lane(site)
    ledger.close()
    assert view["busy"] and view["busy"].split(", until")[0] in busy.err
    assert f"`{PROGRAM} lanes` tells" in busy.err
    assert view["next"] == view["busy"] and lane(site)["busy"] == ""


def test_a_run_that_is_under_way_is_looked_at_and_not_begun_again(site: Site) -> None:
    before = newest(site)["run_id"]
    slow = site.process("deploy", PRODUCT, "--to", "testing", "--artifact", site.artifacts[LYING], "--ref", LYING)
    until_step(site, "outcome", slow, before)
    view = lane(site)
    run_id = newest(site)["run_id"]
    assert view["command"] == f"{PROGRAM} runs show {run_id}" and "is under way" in view["why"]
    assert "deploy" not in ways_in(site.run("lanes", PRODUCT).out)
    slow.send_signal(signal.SIGINT)
    slow.communicate(timeout=30)
