"""The issue that this gate was built for, criterion by criterion, in its own words where they are quoted.

"Fix generic-web prod promotion source integrity": production was promoted from a stale record, through a replayed
request. Here the product is deployed by the local driver, as real processes, and released on a GitHub that is a fake.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from launchplane_gate.demo.release import release_program
from launchplane_gate.demo.stage import COMMITS
from launchplane_gate.demo.workspace import PRODUCT, two_free_ports, write_workspace
from launchplane_gate.errors import StaleReplay
from launchplane_gate.gate import Gate
from launchplane_gate.model import Actor, Expected, Request, Run
from launchplane_gate.records import EnvironmentInventory
from launchplane_gate_local import stop_all
from tests.fakes.github import FakeGitHub, Repository

OLD, NEW, LYING = COMMITS["first"], COMMITS["second"], COMMITS["lying"]
BROKEN = "7d3f0c58e1b24a96c0d5e8f7a1b3c4d5e6f70819"
ACTOR = Actor(subject="unverified:operator@desk")
REPOSITORY = "cbusillo/sellyouroutboard"


@dataclass
class Site:
    """SellYourOutboard on this machine: ``artifacts`` by commit, ``ports`` by lane."""

    gate: Gate
    folder: Path
    artifacts: dict[str, str]
    ports: dict[str, int]

    def deploy(self, commit: str, to: str = "testing") -> Run:
        expected = Expected(artifact_id=self.artifacts[commit], source_git_ref=commit)
        return self.gate.run(Request(action="deploy", product=PRODUCT, destination=to, expected=expected), ACTOR)

    def promotion(self, commit: str | None = None, key: str | None = None, version: str | None = None) -> Request:
        expected = Expected(artifact_id=self.artifacts[commit], source_git_ref=commit) if commit else Expected()
        return Request(
            action="promote",
            product=PRODUCT,
            source="testing",
            destination="prod",
            expected=expected,
            version=version,
            idempotency_key=key,
        )

    def promote(self, commit: str | None = None, key: str | None = None) -> Run:
        return self.gate.run(self.promotion(commit, key), ACTOR)

    def inventory(self, instance: str) -> EnvironmentInventory:
        return self.gate.store.read_environment_inventory(context_name=PRODUCT, instance_name=instance)

    def inventory_file(self, instance: str) -> bytes:
        return (self.folder / "state" / "inventory" / PRODUCT / f"{instance}.json").read_bytes()

    def health(self, instance: str) -> str:
        """The revision that the lane itself reports."""
        url = f"http://127.0.0.1:{self.ports[instance]}/health"
        with build_opener(ProxyHandler({})).open(url, timeout=5) as answer:
            return str(json.load(answer)["revision"])


def opened(folder: Path, settings: str = "", *, rules: Sequence[str] = ()) -> Iterator[Site]:
    """A site in a folder; ``settings`` and ``rules``, of promotions, are added to those of every site."""
    ports = two_free_ports()
    programs = {
        OLD: release_program(OLD),
        NEW: release_program(NEW),
        BROKEN: release_program(BROKEN, crashes=True),
        LYING: release_program(LYING, reports=OLD),
    }
    named = {f"{commit[:7]}.py": text for commit, text in programs.items()}
    written = write_workspace(
        folder, releases=named, ports=ports, actor=ACTOR.subject, confirm_timeout_s=2.0, confirm_interval_s=0.1
    )
    artifacts = {commit: written[f"{commit[:7]}.py"] for commit in programs}
    with (folder / "launchplane-gate.toml").open("a") as file:
        file.write(settings)
    policies = folder / "policies" / "config" / "data.json"
    roll_call = {"roll_call": {"products": {PRODUCT: {"promote": {"admit": list(rules)}}}}} if rules else {}
    policies.write_text(json.dumps(json.loads(policies.read_text()) | roll_call))
    with Gate.open(folder / "launchplane-gate.toml") as gate:
        yield Site(gate, folder, artifacts, {"testing": ports[0], "prod": ports[1]})
    stop_all(folder / "state" / "plugins" / "local")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield from opened(tmp_path)


@dataclass
class GitHubSite:
    """The same, with a repository on GitHub, where v0.2.9 is out on OLD, and the policies ask of it."""

    site: Site
    github: FakeGitHub
    repository: Repository


PUBLISHING = """
[plugins.github]
base_url = "{url}"
token = {{ file = "reader" }}
release_identity = {{ token = {{ file = "publisher" }} }}

[plugins.github.products.{product}]
"""


@pytest.fixture(params=[{"contents": "write"}], ids=["an identity that may"])
def github_site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[GitHubSite]:
    """``request.param`` is what the release identity is permitted."""
    with FakeGitHub() as github:
        repository = github.add_repository(REPOSITORY)
        for commit in (OLD, NEW):
            repository.commit(sha=commit)
        repository.release("v0.2.9", OLD)
        (tmp_path / "reader").write_text(github.add_token({REPOSITORY: {"contents": "read"}}))
        (tmp_path / "publisher").write_text(github.add_token({REPOSITORY: request.param}))
        table = PUBLISHING.format(url=github.url, product=PRODUCT)
        for site in opened(tmp_path, table, rules=["release.version_free", "release.publisher_ready"]):
            yield GitHubSite(site, github, repository)


def refused_by(run: Run) -> list[str]:
    assert run.status == "denied" and run.admitted
    return [refusal.code for refusal in run.admitted.refusals]


# -- acceptance criteria


def test_a_successful_deploy_writes_the_inventory_with_artifact_id_and_source_git_ref(site: Site) -> None:
    """A successful deploy writes/updates EnvironmentInventory for the deployed context + instance."""
    for commit in (OLD, NEW):
        run = site.deploy(commit)
        inventory = site.inventory("testing")
        assert inventory.artifact_identity
        assert inventory.artifact_identity.artifact_id == site.artifacts[commit]
        assert (inventory.source_git_ref, inventory.deployment_record_id) == (commit, run.deployment_record_id)
        assert (inventory.context, inventory.instance) == (PRODUCT, "testing")


@pytest.mark.parametrize(("commit", "ends"), [(BROKEN, "fail"), (LYING, "unconfirmed")])
def test_a_failed_deploy_does_not_update_environment_inventory(site: Site, commit: str, ends: str) -> None:
    """A failed generic-web deploy does not update environment inventory."""
    site.deploy(OLD if ends == "fail" else NEW)
    before = site.inventory_file("testing")
    assert site.deploy(commit).status == ends
    assert site.inventory_file("testing") == before


def test_prod_promotion_does_not_accept_stale_source_inventory(site: Site) -> None:
    """Prod promotion does not ... accept stale source inventory when testing points at a newer artifact/ref."""
    site.deploy(OLD)
    site.promote()
    site.deploy(NEW)
    run = site.promote(OLD)
    assert refused_by(run) == ["inventory.source_current"]
    assert run.admitted and OLD in run.admitted.refusals[0].message and NEW in run.admitted.refusals[0].message
    assert site.inventory("prod").source_git_ref == site.health("prod") == OLD


def test_prod_promotion_does_not_replay_a_stale_result(site: Site) -> None:
    """Prod promotion does not replay ... when the current testing inventory points at a newer artifact/ref."""
    site.deploy(OLD)
    first = site.promote(OLD, key="promotion-1")
    assert site.promote(OLD, key="promotion-1").run_id == first.run_id  # still true
    site.deploy(NEW)
    with pytest.raises(StaleReplay):
        site.promote(OLD, key="promotion-1")
    assert site.health("prod") == OLD


def test_a_live_recovery_promotes_the_unpromoted_release_and_prod_health_reports_it(site: Site) -> None:
    """A live recovery promotes SYO 41620cf... to prod and verifies prod health reports that revision."""
    site.deploy(OLD)
    site.promote()
    site.deploy(NEW)
    run = site.promote(NEW)
    assert (run.status, str(run.previous)) == ("recorded", OLD[:7])
    assert site.health("prod") == site.inventory("prod").source_git_ref == NEW


def test_release_and_tag_state_points_at_the_promoted_revision(github_site: GitHubSite) -> None:
    """SYO promote-prod can create the GitHub release using an explicit release-capable identity."""
    site, repository = github_site.site, github_site.repository
    site.deploy(OLD)
    site.promote()
    site.deploy(NEW)
    run = site.gate.run(site.promotion(NEW, version="v0.2.10"), ACTOR)
    assert run.status == "recorded" and run.publication and run.publication.published, run.publication
    assert repository.refs["refs/tags/v0.2.10"] == site.health("prod") == site.inventory("prod").source_git_ref == NEW
    assert [(one.tag_name, one.draft) for one in repository.releases] == [("v0.2.9", False), ("v0.2.10", False)]


@pytest.mark.parametrize("github_site", [{"contents": "read"}], ids=["an identity that may not"], indirect=True)
def test_a_release_identity_without_permission_is_refused_before_the_deploy(github_site: GitHubSite) -> None:
    """An explicit release-capable identity: one that is not is found out while nothing has happened yet."""
    site = github_site.site
    site.deploy(NEW)
    run = site.gate.run(site.promotion(NEW, version="v0.2.10"), ACTOR)
    assert refused_by(run) == ["release.publisher_ready"]
    assert run.admitted and "contents: write" in run.admitted.refusals[0].message
    with pytest.raises(FileNotFoundError):
        site.inventory("prod")
    assert "refs/tags/v0.2.10" not in github_site.repository.refs


def test_a_version_that_is_taken_is_refused_before_the_deploy(github_site: GitHubSite) -> None:
    """Release/tag state points at the promoted revision: what is on another commit is never moved."""
    site = github_site.site
    site.deploy(NEW)
    assert refused_by(site.gate.run(site.promotion(NEW, version="v0.2.9"), ACTOR)) == ["release.version_free"]
    assert github_site.repository.refs["refs/tags/v0.2.9"] == OLD


# -- validation


def test_the_explicit_pair_is_taken_only_if_it_is_what_testing_runs(site: Site) -> None:
    """SYO workflow dry run or live run with explicit artifact/ref after fix deploys."""
    site.deploy(NEW)
    assert site.gate.check(site.promotion(NEW), ACTOR).allowed  # the dry run
    mixed = site.promotion(NEW).model_copy(
        update={"expected": Expected(artifact_id=site.artifacts[OLD], source_git_ref=NEW)}
    )
    assert refused_by(site.gate.run(mixed, ACTOR)) == ["inventory.source_current"]


def test_direct_prod_health_check_verifies_the_promoted_revision(site: Site) -> None:
    """Direct prod health check verifies promoted revision."""
    site.deploy(NEW)
    run = site.promote()
    assert run.confirmed and "confirm.revision_live" in [r.code for r in run.confirmed.results if r.status == "pass"]
    assert site.health("prod") == NEW


# -- decisions


def test_stale_inventory_is_a_refusal_and_not_something_to_retry(site: Site) -> None:
    """Treat stale inventory promotion as a correctness bug, not an operator retry problem."""
    site.deploy(OLD)
    site.deploy(NEW)
    assert [refused_by(site.promote(OLD)) for _ in range(3)] == [["inventory.source_current"]] * 3


def test_a_lost_inventory_write_is_never_promoted_over(site: Site) -> None:
    """The incident itself: a passed testing deploy whose inventory was not written."""
    site.deploy(OLD)
    old = site.inventory_file("testing")
    site.deploy(NEW)
    path = site.folder / "state" / "inventory" / PRODUCT / "testing.json"
    path.write_bytes(old)  # as if the second write had been lost
    codes = refused_by(site.promote())
    assert {"inventory.source_latest", "lane.settled", "release.source_revision"} <= set(codes)
