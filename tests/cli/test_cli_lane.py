"""``lane hold``, ``lane release`` and ``lane quarantine``, as they are typed, and what ``lanes`` says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.demo.workspace import PRODUCT
from tests.cli.test_cli import NEW, OLD, Said, Site, clear, make_site

pytestmark = pytest.mark.thorough  # tests/line/test_lane_requests asks the same below the command line

PROD, TESTING = f"{PRODUCT}/prod", f"{PRODUCT}/testing"
WHY = ("--reason", "the database is being moved")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Nothing has run here yet."""
    made = make_site(tmp_path / "site")
    yield made
    clear(made)


def lane_of(site: Site, instance: str) -> dict[str, Any]:
    lanes = site.run("lanes", PRODUCT, "--output", "json").document["lanes"]
    found: dict[str, Any] = next(one for one in lanes if one["lane"]["instance"] == instance)
    return found


def typed(site: Site, command: str) -> Said:
    """What somebody pastes who was told a command."""
    return site.run(*command.removeprefix("launchplane-gate ").replace(" <why>", " because").split())


def somebody_writes(site: Site, instance: str, record_id: str, text: str | None = None) -> Path:
    folder = site.folder / "state" / "deployments" / PRODUCT / instance
    record = json.loads(next(folder.glob("deployment-*.json")).read_text())
    record |= {"record_id": record_id, "runtime_source": {}}
    path = folder / f"{record_id}.json"
    path.write_text(json.dumps(record) if text is None else text)
    return path


def test_a_lane_is_held_and_released(site: Site) -> None:
    site.deploy(OLD)
    held = site.run("lane", "hold", PROD, *WHY, "--until", "2h")
    assert held.exit_code == 0
    assert held.out.startswith(f"Held: {PROD}. Nothing is deployed to it, or promoted from it.\n  until     20")
    assert "in 1 h" in held.out or "in 2 h" in held.out
    shown = site.run("lanes", PRODUCT).out
    until = lane_of(site, "prod")["hold"]["until"]
    assert f"held         until {until}: the database is being moved" in shown
    refused = site.promote()
    assert refused.exit_code == 1
    for said in (
        f"{until[11:16]} UTC",
        "the database is being moved",
        f"`launchplane-gate lane release {PROD} --reason <why>`",
    ):
        assert said in refused.out
    again = site.run("lane", "hold", PROD, *WHY)
    assert (again.exit_code, again.out) == (2, "")
    assert "is held already, by unverified:" in again.err and f"lane release {PROD} --reason <why>" in again.err
    released = typed(site, lane_of(site, "prod")["command"])
    assert released.exit_code == 0 and released.out.startswith(f"Released: {PROD}. unverified:")
    assert site.promote().exit_code == 0
    nothing = site.run("lane", "release", PROD, "--reason", "it was moved")
    assert (nothing.exit_code, "is not held: there is nothing to release" in nothing.err) == (2, True)


def test_json_is_one_document(site: Site) -> None:
    site.deploy(OLD)
    held = site.run("lane", "hold", TESTING, *WHY, "--output", "json").document["held"]
    assert held["lane"] == {"context": PRODUCT, "instance": "testing"}
    assert (held["hold"]["reason"], held["hold"]["until"]) == (WHY[1], None)
    assert held["by"]["subject"] == held["hold"]["subject"]
    assert "held         the database" in site.run("lanes", PRODUCT).out
    released = site.run("lane", "release", TESTING, "--reason", "it was moved", "--output", "json").document["released"]
    assert (released["hold"], released["reason"]) == (held["hold"], "it was moved")
    somebody_writes(site, "testing", "by-hand")
    document = site.run("lane", "quarantine", TESTING, "by-hand", "--reason", "a trial", "--output", "json").document
    put_aside = document["quarantined"]
    assert (put_aside["record_id"], put_aside["settled"], put_aside["why"]) == ("by-hand", True, "")
    assert (put_aside["reason"], put_aside["detail"], len(put_aside["digest"])) == ("a trial", "", 64)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["hold", "prod", *WHY], "is not PRODUCT/LANE"),
        (["hold", f"{PRODUCT}/", *WHY], "is not PRODUCT/LANE"),
        (["hold", f"{PRODUCT}/moon", *WHY], "has no lane 'moon'"),
        (["hold", "shop/prod", *WHY], "unknown product"),
        (["hold", PROD], "Missing option '--reason'"),
        (["hold", PROD, "--reason", ""], "reason: say why"),
        (["hold", PROD, *WHY, "--until", ""], "neither a moment with its zone"),
        (["hold", PROD, *WHY, "--until", "2026-11-23T18:00:00"], "neither a moment with its zone"),
        (["hold", PROD, *WHY, "--until", "2001-01-01T00:00:00Z"], "is past"),
        (["hold", PROD, *WHY, "--until", "0h"], "has to last"),
        (["release", PROD], "Missing option '--reason'"),
        (["quarantine", PROD, *WHY], "Missing argument 'RECORD'"),
        (["quarantine", PROD, "by-hand", *WHY], "has no deployment record 'by-hand'"),
    ],
)
def test_what_makes_no_sense_ends_with_2_and_does_nothing(site: Site, arguments: list[str], said: str) -> None:
    refused = site.run("lane", *arguments)
    assert (refused.exit_code, refused.out) == (2, "")
    assert said in refused.err
    assert site.run("decisions", "list", "--output", "json").document["decisions"] == []


@pytest.mark.parametrize("text", [None, "{"], ids=["readable", "torn"])
def test_the_command_that_lanes_names_puts_a_record_aside(site: Site, text: str | None) -> None:
    site.deploy(OLD)
    path = somebody_writes(site, "testing", "by-hand", text)
    before = path.read_bytes()
    view, shown = lane_of(site, "testing"), site.run("lanes", PRODUCT).out
    assert not view["settled"] and "by-hand" in view["why"]
    assert view["aside"] == f"launchplane-gate lane quarantine {TESTING} by-hand --reason <why>"
    assert view["aside"] in shown and f"deploy {PRODUCT} --to testing" in shown
    put_aside = typed(site, view["aside"])
    assert put_aside.exit_code == 0
    assert put_aside.out.endswith(f"{TESTING} is settled.\n")
    assert (path.read_bytes(), lane_of(site, "testing")["aside"]) == (before, "")
    assert site.promote().exit_code == 0
    assert site.run("decisions", "verify").exit_code == 0
    again = site.run("lane", "quarantine", TESTING, "by-hand", "--reason", "a trial")
    assert (again.exit_code, "was put aside at" in again.err) == (2, True)


def test_what_else_unsettles_the_lane_is_told(site: Site) -> None:
    site.deploy(OLD)
    somebody_writes(site, "testing", "one")
    somebody_writes(site, "testing", "two; rm -rf .", "{")
    put_aside = site.run("lane", "quarantine", TESTING, "one", "--reason", "a trial")
    assert put_aside.exit_code == 0
    assert f"{TESTING} is still unsettled: a record cannot be read" in put_aside.out
    assert f"launchplane-gate lanes {PRODUCT}" in put_aside.out
    assert lane_of(site, "testing")["aside"].endswith("'two; rm -rf .' --reason <why>")  # to be pasted as it is


def test_who_may_not_is_refused_with_1_by_the_policies(site: Site) -> None:
    site.deploy(OLD)
    data = site.folder / "policies" / "config" / "data.json"
    policy = json.loads(data.read_text())
    for entries in policy["products"][PRODUCT]["actors"].values():
        entries[0]["may"] = []
    data.write_text(json.dumps(policy))
    somebody_writes(site, "testing", "by-hand")
    for action, *rest in (("hold", PROD), ("release", PROD), ("quarantine", TESTING, "by-hand")):
        refused = site.run("lane", action, *rest, *WHY)
        assert refused.exit_code == 1
        assert refused.out.startswith(f"Refused: to {action} on {PRODUCT}/") and "actor.permitted" in refused.out
    listed = site.run("decisions", "list", "--output", "json").document["decisions"]
    assert [one["action"] for one in listed[:3]] == ["quarantine", "release", "hold"]
    assert lane_of(site, "prod")["hold"] is None


def test_decisions_show_them_as_any_other(site: Site) -> None:
    site.deploy(NEW)
    site.run("lane", "hold", PROD, *WHY)
    site.run("lane", "release", PROD, "--reason", "it was moved")
    listed = site.run("decisions", "list").out
    assert [" ".join(line.split()[-5:]) for line in listed.splitlines()[1:3]] == [
        f"release standing {PRODUCT} prod allowed",
        f"hold standing {PRODUCT} prod allowed",
    ]
    for one in site.run("decisions", "list", "--output", "json").document["decisions"][:2]:
        shown = site.run("decisions", "show", one["decision_id"])
        assert f"Allowed: {one['action']} {PRODUCT} prod" in shown.out and "actor.permitted" in shown.out
        document = site.run("decisions", "show", one["decision_id"], "--output", "json").document
        assert document["input"]["action"] == one["action"] and document["input"]["request"]["reason"]
    assert site.run("decisions", "verify").exit_code == 0
