"""A secret that is not at hand stops what needs it, and nothing else; whoever needs it is told where to set it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from launchplane_gate.demo.workspace import PRODUCT
from tests.cli.test_cli import NEW, OLD, Said, Site, clear, make_site
from tests.fakes.github import FakeGitHub

pytestmark = pytest.mark.thorough  # a workspace with processes, for each

REPOSITORY = "cbusillo/sellyouroutboard"
GITHUB = """
[plugins.github]
base_url = "{url}"
{reader}

[plugins.github.release_identity]
{publisher}

[plugins.github.products.{product}]
"""
TOKEN = 'token = {{ env = "{name}" }}'
NAMED = "plugins.github.release_identity.token: the environment variable PUBLISHER is not set"


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as github:
        github.add_repository(REPOSITORY, private=False).commit("First")
        yield github


@pytest.fixture
def site(tmp_path: Path, github: FakeGitHub) -> Iterator[Site]:
    """It has a publisher whose secret is not at hand."""
    made = make_site(tmp_path / "site")
    publish(made, github, TOKEN.format(name="PUBLISHER"))
    yield made
    clear(made)


def publish(site: Site, github: FakeGitHub, publisher: str, reader: str = "") -> None:
    head = site.settings.read_text().partition("\n[plugins.github]")[0]
    told = GITHUB.format(url=github.url, reader=reader, publisher=publisher, product=PRODUCT)
    site.settings.write_text(head + told)


def flat(said: Said) -> str:
    return " ".join((said.out + said.err).split())


def test_an_unset_secret_of_the_publisher_stops_neither_looking_nor_a_deploy(site: Site) -> None:
    assert site.run("lanes").exit_code == 0
    assert site.deploy(OLD).exit_code == 0
    assert site.run("check", "promote", PRODUCT).exit_code == 0
    assert site.promote().exit_code == 0  # which publishes nothing
    assert site.run("prove", PRODUCT).exit_code == 0


@pytest.mark.parametrize("published", [["--version", "v1.0.0"], ["--bump", "patch"]])
def test_a_promotion_that_would_publish_is_refused_before_the_deploy(
    site: Site, github: FakeGitHub, published: list[str]
) -> None:
    reader = github.add_token({REPOSITORY: {"contents": "read"}})
    publish(site, github, TOKEN.format(name="PUBLISHER"), TOKEN.format(name="READER"))
    assert site.deploy(OLD).exit_code == 0
    for command in (["promote"], ["check", "promote"]):
        said = site.run(*command, PRODUCT, *published, READER=reader)
        assert said.exit_code == 3
        assert NAMED in flat(said) and "Set PUBLISHER, or refer to a file" in flat(said)
    assert site.run("inventory", "show", f"{PRODUCT}/prod").out.startswith(f"{PRODUCT}/prod: nothing recorded yet")


def test_publish_names_it(site: Site, github: FakeGitHub) -> None:
    token = github.add_token({REPOSITORY: {"contents": "write"}})
    assert site.deploy(OLD).exit_code == 0
    promoted = site.run("promote", PRODUCT, "--version", "v1.0.0", "--output", "json", PUBLISHER=token)
    assert promoted.exit_code == 6  # it has no such commit
    again = site.run("publish", promoted.document["run_id"])
    assert again.exit_code == 6
    assert NAMED in flat(again) and "Set PUBLISHER, or refer to a file" in flat(again)


def test_doctor_names_every_secret_that_is_not_at_hand(site: Site, github: FakeGitHub) -> None:
    publish(site, github, TOKEN.format(name="PUBLISHER"), 'token = { file = "nowhere" }')
    said = site.run("doctor")
    assert said.exit_code == 3
    assert NAMED in flat(said) and "plugins.github.token: the secret file" in flat(said)
    assert "Set PUBLISHER, or refer to a file" in flat(said)
    assert "Traceback" not in said.out + said.err


def test_what_reads_records_and_policies_alone_needs_no_secret(site: Site) -> None:
    site.settings.write_text('database_url = { env = "DATABASE" }\n' + site.settings.read_text())
    site.settings.write_text(
        site.settings.read_text().replace("[plugins.health]", '[plugins.health]\nt = { env = "T" }')
    )
    assert site.run("policy", "check").exit_code == 0
    said = site.run("lanes")
    assert said.exit_code == 2 and "database_url: the environment variable DATABASE is not set" in flat(said)
    doctor = site.run("doctor")
    assert doctor.exit_code == 3 and "database_url: the environment variable DATABASE is not set" in flat(doctor)


@pytest.mark.parametrize("lane", ["testing", "prod"])
def test_a_token_of_a_lane_is_asked_for_where_that_lane_is(site: Site, lane: str) -> None:
    lanes = f'[plugins.health.lanes."{PRODUCT}/{lane}"]\ntoken = {{ env = "HEALTH" }}\n'
    site.settings.write_text(site.settings.read_text() + lanes)
    assert site.run("lanes").exit_code == 0
    deployed, promoted = site.deploy(NEW), site.promote()
    assert (deployed.exit_code, promoted.exit_code) == ((3, 3) if lane == "testing" else (0, 3))
    refused = deployed if lane == "testing" else promoted
    assert f"{PRODUCT}/{lane}.token: the environment variable HEALTH is not set" in flat(refused)
