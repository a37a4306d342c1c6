"""One release, proven: each place that names it is asked, and the odd one out is named."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.errors import EvidenceFailed, RequestError
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Question, hookimpl
from launchplane_gate.ledger import FILE_NAME
from launchplane_gate.model import Container, Observation, stamp
from launchplane_gate.plugins import Plugins
from launchplane_gate.prove import Proof, lane_of_version, prove
from launchplane_gate.report.prove import proof_text
from launchplane_gate.report.text import plain
from tests.conftest import ACTOR, PROD, PRODUCT, PROFILE, TESTING, A, B, MakeGate, deploy, promote
from tests.fakes.platform import FakeHealth, FakePlatform, FakePublisher

URL = "https://prod.example.org/api/health"


@dataclass(eq=False)
class Found:
    """What a registry or GitHub would be found to say; raises it where it is an exception."""

    says: Any = field(default_factory=dict)
    otherwise: FakePublisher | None = None  # who is asked where nothing was told to say

    @hookimpl
    def gate_evidence(self, question: Question) -> Mapping[str, Any] | None:
        if isinstance(self.says, Exception):
            raise self.says
        if not self.says and self.otherwise:
            return self.otherwise.gate_evidence(question)
        return self.says if question.phase == "admit" else {}


def image(*revisions: str | None) -> dict[str, Any]:
    platforms = [
        {"platform": f"linux/{number}", "digest": "d", "revision": revision}
        for number, revision in enumerate(revisions)
    ]
    return {"artifact_id": A.artifact_id, "manifest": {"platforms": platforms}}


def released(commit: str | None, made: tuple[str, str], **said: Any) -> dict[str, Any]:
    """``made``: the run that the release names, and its author."""
    tag = {"commit": commit} if commit else None
    run_id, author = made
    release = {"draft": False, "prerelease": False, "url": "https://x/r", "marked_by": [run_id], "author": author}
    return {"version": {"asked": "v0.2.10", "tag": tag, "release": {**release, **said} if tag else None}}


@dataclass
class Site:
    gate: Gate
    oci: Found
    github: Found
    publisher: FakePublisher

    def released(self, commit: str | None, **said: Any) -> dict[str, Any]:
        """A release of v0.2.10 that the run of the promotion made, but for what is said."""
        return released(commit, self.publisher.made["v0.2.10"], **said)

    def prove(self) -> Proof:
        return prove(self.gate, self.gate.profile(PRODUCT), PROD)

    def odd(self) -> list[tuple[str, str]]:
        proof = self.prove()
        assert proof.verdict == "differs"
        return [(identity.what, identity.where) for identity in proof.identities if identity.state == "odd"]


@pytest.fixture
def site(make_gate: MakeGate, platform: FakePlatform) -> Iterator[Site]:
    """Prod runs A, promoted and published as v0.2.10."""
    publisher = FakePublisher((PRODUCT,), platform.now)
    oci, github = Found(), Found(otherwise=publisher)
    plugins = {
        "fake": platform,
        "health": FakeHealth(platform),
        "oci": oci,
        "github": github,
        "publisher": publisher,
    }
    site = Site(make_gate(plugins=Plugins(plugins)), oci, github, publisher)
    publisher.now = site.gate.ledger.now
    assert site.gate.run(deploy(A), ACTOR).status == "recorded"
    assert site.gate.run(promote(version="v0.2.10"), ACTOR).status == "recorded"
    oci.says, github.says = image(A.source_git_ref, A.source_git_ref), site.released(A.source_git_ref)
    github.otherwise = None
    yield site


def test_everything_names_one_release(site: Site) -> None:
    proof = site.prove()
    assert (proof.verdict, proof.release, proof.version) == ("one", A, "v0.2.10")
    assert [identity.what for identity in proof.identities] == [
        "inventory", "deployment", "decision", "runs", "health", "image label", "tag", "release",
    ]  # fmt: skip
    assert {identity.state for identity in proof.identities} == {"one"}


def test_an_image_that_is_mislabelled_on_seven_platforms_is_the_odd_one_and_outvotes_nothing(site: Site) -> None:
    site.oci.says = image(*[B.source_git_ref] * 7)
    assert site.odd() == [("image label", A.artifact_id)]
    assert site.prove().release == A


def test_as_many_places_as_may_be_do_not_outvote_what_decision_and_inventory_name(
    site: Site, platform: FakePlatform
) -> None:
    site.oci.says, site.github.says = image(*[B.source_git_ref] * 7), site.released(B.source_git_ref)
    platform.runs[str(PROD)] = B
    assert [what for what, _ in site.odd()] == ["runs", "health", "image label", "tag", "release"]
    assert site.prove().release == A


def test_an_inventory_that_names_another_release_than_the_decision_is_a_difference(site: Site) -> None:
    inventory = site.gate.store.read_environment_inventory(context_name=PRODUCT, instance_name="prod")
    site.gate.store.write_environment_inventory(inventory.model_copy(update={"source_git_ref": B.source_git_ref}))
    assert site.odd() == [("inventory", str(PROD))]
    proof = site.prove()
    assert proof.release == A  # what was let go, by a chain that is whole
    [said] = [identity.detail for identity in proof.identities if identity.what == "inventory"]
    assert said == "another one, it is not what the lane's last run wrote"


def test_what_is_held_to_the_decision_where_the_inventory_is_gone(site: Site, tmp_path: Path) -> None:
    [file] = [path for path in (tmp_path / "inventory").rglob("*.json") if "prod" in path.name]
    file.unlink()
    assert site.odd() == [("inventory", str(PROD))]
    assert site.prove().release == A
    file.write_text("{")
    proof = site.prove()
    assert (proof.verdict, proof.release) == ("unknown", A)


def test_a_deployment_that_says_another_commit_is_odd(site: Site) -> None:
    inventory = site.gate.store.read_environment_inventory(context_name=PRODUCT, instance_name="prod")
    record = site.gate.store.read_deployment_record(inventory.deployment_record_id)
    site.gate.store.write_deployment_record(record.model_copy(update={"source_git_ref": B.source_git_ref}))
    assert site.odd() == [("deployment", record.record_id)]


def test_a_deployment_that_the_gate_did_not_write_is_odd(site: Site) -> None:
    inventory = site.gate.store.read_environment_inventory(context_name=PRODUCT, instance_name="prod")
    record = site.gate.store.read_deployment_record(inventory.deployment_record_id)
    site.gate.store.write_deployment_record(record.model_copy(update={"record_id": "by-hand"}))
    assert site.odd() == [("deployment", "by-hand")]


def test_what_runs_and_is_another_artifact_is_odd(site: Site, platform: FakePlatform) -> None:
    platform.runs[str(PROD)] = A.model_copy(update={"artifact_id": B.artifact_id})  # a rebuild of the same commit
    assert site.odd() == [("runs", "fake")]
    del platform.runs[str(PROD)]
    platform.reports[str(PROD)] = A.source_git_ref
    assert site.odd() == [("runs", "fake")]  # nothing runs


def test_a_health_url_that_reports_another_commit_is_odd(site: Site, platform: FakePlatform) -> None:
    platform.reports[str(PROD)] = B.source_git_ref
    assert site.odd() == [("health", URL)]


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (B.source_git_ref, f"{A.source_git_ref} on linux/0; {B.source_git_ref} on linux/1"),
        (None, f"{A.source_git_ref} on linux/0; no label org.opencontainers.image.revision on linux/1"),
    ],
)
def test_the_platform_of_an_image_whose_label_differs_is_named(site: Site, label: str | None, said: str) -> None:
    site.oci.says = image(A.source_git_ref, label)
    assert site.odd() == [("image label", A.artifact_id)]
    assert [one.detail for one in site.prove().identities if one.what == "image label"] == [said]


def test_an_image_of_no_platform_is_odd(site: Site) -> None:
    site.oci.says = image()
    assert site.odd() == [("image label", A.artifact_id)]


def test_an_image_that_is_in_no_registry_is_odd(site: Site) -> None:
    site.oci.says = {"artifact_id": A.artifact_id, "manifest": None}
    assert site.odd() == [("image label", A.artifact_id)]


def test_a_tag_on_another_commit_a_missing_one_and_a_draft_are_odd(site: Site) -> None:
    for says, odd in (
        (site.released(B.source_git_ref), ["tag", "release"]),
        (site.released(None), ["tag", "release"]),
        (site.released(A.source_git_ref, draft=True), ["release"]),
        (site.released(A.source_git_ref, prerelease=True), ["release"]),
    ):
        site.github.says = says
        assert [what for what, _ in site.odd()] == odd


@pytest.mark.parametrize("said", [{"author": "somebody"}, {"author": None}, {"marked_by": []}, {"marked_by": ["r-1"]}])
def test_a_release_that_no_run_of_this_version_made_is_odd_whatever_commit_it_is_of(
    site: Site, said: dict[str, Any]
) -> None:
    site.github.says = site.released(A.source_git_ref, **said)
    assert [what for what, _ in site.odd()] == ["release"]
    [release] = [one for one in site.prove().identities if one.what == "release"]
    assert "no run" in release.detail


def test_a_release_of_which_nobody_says_who_made_it_is_not_known(site: Site) -> None:
    site.github.says = site.released(A.source_git_ref)
    del site.github.says["version"]["release"]["marked_by"]
    assert site.prove().verdict == "unknown"


@pytest.mark.parametrize("kind", ["deployments", "promotions"])
def test_a_record_that_is_not_what_its_run_wrote_is_odd(site: Site, tmp_path: Path, kind: str) -> None:
    [file] = [path for path in (tmp_path / kind).rglob("*.json") if "prod" in path.name]
    file.write_text(file.read_text().replace('"fake"', '"hand"'))
    assert site.odd() == [(kind.removesuffix("s"), file.stem)]


def test_a_chain_that_was_altered_is_odd(site: Site, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE_NAME) as database:  # as somebody with an editor would
        database.execute("DROP TRIGGER no_UPDATE")
        database.execute("UPDATE entries SET at = '2020-01-01T00:00:00Z' WHERE number = 2")
    assert [what for what, _ in site.odd()] == ["decision"]


def shows(site: Site, platform: FakePlatform, *artifacts: str | None, **changed: Any) -> Proof:
    """What is proven where the platform shows a container for each artifact."""
    containers = tuple(Container(container_id=f"c{number}", artifact_id=one) for number, one in enumerate(artifacts))
    said: dict[str, Any] = {"reachable": True, "artifact_id": None, "digests": "shown", "in_flight": False}
    seen = Observation(seen_at=stamp(site.gate.ledger.now()), containers=containers, **(said | changed))

    def observe(lane: Any) -> Observation:
        return seen

    platform.observe = observe  # type: ignore[method-assign]  # a platform of another kind
    return site.prove()


def of_the_platform(proof: Proof) -> list[tuple[str, str, str]]:
    told = [(identity.what, identity.state, identity.detail) for identity in proof.identities]
    return [one for one in told if one[0] in ("platform", "set to run", "runs")]


def test_the_digest_is_proven_by_every_container(site: Site, platform: FakePlatform) -> None:
    proof = shows(site, platform, A.artifact_id, A.artifact_id)
    assert (proof.verdict, proof.by_digest) == ("one", True)
    assert of_the_platform(proof) == [("runs", "one", "digest shown on 2 containers")]
    said = "names aaaaaaa. What runs is shown by digest, and by commit at 1 URL.\n"
    assert said in plain(proof_text(proof))


def test_one_container_of_another_release_among_them_is_odd(site: Site, platform: FakePlatform) -> None:
    proof = shows(site, platform, A.artifact_id, B.artifact_id, artifact_id=A.artifact_id)
    assert (proof.verdict, proof.by_digest) == ("differs", False)
    assert of_the_platform(proof) == [
        ("runs", "one", "digest shown on 1 container"),
        ("runs", "odd", "another one, digest shown on 1 container"),
    ]


def test_a_container_without_a_digest_and_one_that_is_not_there_are_no_proof(
    site: Site, platform: FakePlatform
) -> None:
    proof = shows(site, platform, A.artifact_id, None)
    assert (proof.verdict, proof.by_digest) == ("unknown", False)
    assert of_the_platform(proof)[1] == ("runs", "unknown", "1 container of an image that has no digest")
    assert shows(site, platform, artifact_id=A.artifact_id).verdict == "differs"  # whatever it says beside that


@pytest.mark.parametrize("in_flight", [True, None])
def test_digests_that_could_not_be_read_and_a_deployment_under_way_leave_it_open(
    site: Site, platform: FakePlatform, in_flight: bool | None
) -> None:
    failed = shows(site, platform, A.artifact_id, digests="failed", artifact_id=A.artifact_id, detail="1 of 2 seen")
    assert (failed.verdict, failed.by_digest) == ("unknown", False)
    assert of_the_platform(failed)[1] == ("runs", "unknown", "what runs could not be read; 1 of 2 seen")
    assert shows(site, platform, A.artifact_id, in_flight=in_flight).verdict == "unknown"


def test_what_a_platform_does_not_show_is_not_shown_and_never_equal(site: Site, platform: FakePlatform) -> None:
    site.oci.says = site.github.says = {}
    lacks = "docker.read; it lets its holder stop containers too"
    proof = shows(site, platform, digests="not_shown", configured_artifact_id=A.artifact_id, lacks=lacks)
    states = {(identity.what, identity.state) for identity in proof.identities}
    assert {("set to run", "one"), ("runs", "unseen"), ("image label", "unseen"), ("release", "unseen")} <= states
    assert (proof.verdict, proof.by_digest) == ("one", False)
    said = plain(proof_text(proof))
    assert "What runs is shown by commit at 1 URL alone: its digest is not shown." in said
    assert proof.by_commit == (URL,)
    assert f"not shown: by which digest it runs; what is missing: {lacks}" in said


def test_a_run_that_found_the_release_running_counts_where_a_version_is_looked_for(
    make_gate: MakeGate, platform: FakePlatform
) -> None:
    publisher = FakePublisher((PRODUCT,))
    plugins = {"fake": platform, "health": FakeHealth(platform), "github": publisher}
    gate = make_gate(plugins=Plugins(plugins))
    publisher.now = gate.ledger.now
    for request in (deploy(A), promote(), promote(version="v0.3.0")):
        ended = gate.run(request, ACTOR).status
    assert ended == "unchanged"
    assert lane_of_version(gate, PROFILE, "v0.3.0") == PROD
    assert prove(gate, gate.profile(PRODUCT), PROD).version == "v0.3.0"


@pytest.mark.parametrize("says", [{"manifest": 1}, {"manifest": {"platforms": [{}]}}, {"version": 1}, ["x"]])
def test_evidence_of_another_form_leaves_it_open(site: Site, says: Any) -> None:
    site.oci.says = site.github.says = says
    proof = site.prove()
    assert proof.verdict == "unknown"
    assert {identity.state for identity in proof.identities} >= {"unknown"}


def test_a_health_url_is_known_by_its_query_which_is_not_told(site: Site, platform: FakePlatform) -> None:
    asked = URL + "?token=secret"
    lanes = [
        lane.model_copy(update={"health_url": asked}) if lane.instance == "prod" else lane for lane in PROFILE.lanes
    ]
    proof = prove(site.gate, PROFILE.model_copy(update={"lanes": tuple(lanes)}), PROD)
    assert proof.verdict == "one"
    assert "secret" not in proof.model_dump_json()


@pytest.mark.parametrize("broken", ["oci", "github"])
def test_what_cannot_be_asked_leaves_it_open(site: Site, broken: str) -> None:
    getattr(site, broken).says = EvidenceFailed("no answer")
    proof = site.prove()
    assert proof.verdict == "unknown"
    assert [identity.detail for identity in proof.identities if identity.state == "unknown"] == [
        f"evidence of the plugin {broken}: no answer"
    ]


def test_a_lane_that_does_not_answer_is_not_proven(site: Site, platform: FakePlatform) -> None:
    platform.reports[str(PROD)] = None
    assert site.prove().verdict == "unknown"

    def away(_: Any) -> None:
        raise OSError("the platform is away")

    platform.observing = away
    assert [identity.what for identity in site.prove().identities if identity.state == "unknown"] == [
        "platform",
        "health",
    ]


# -- a lane that nothing was ever recorded on


@pytest.fixture
def empty(make_gate: MakeGate, platform: FakePlatform) -> Iterator[Site]:
    yield Site(make_gate(), Found(), Found(), FakePublisher((PRODUCT,)))


def states_of(proof: Proof) -> list[tuple[str, str]]:
    return [(identity.what, identity.state) for identity in proof.identities]


def test_of_a_lane_that_nothing_was_ever_recorded_on_it_says_that_nothing_runs(empty: Site) -> None:
    proof = empty.prove()
    assert (proof.verdict, proof.release) == ("empty", None)
    assert states_of(proof) == [("inventory", "empty"), ("runs", "empty"), ("health", "empty")]
    said = plain(proof_text(proof))
    assert said.startswith(f"Nothing runs: {PROD}. No release was ever recorded there, and none is seen.\n")


def test_what_runs_where_nothing_was_ever_recorded_is_odd(empty: Site, platform: FakePlatform) -> None:
    platform.run(PROD, A)
    assert empty.odd() == [("runs", "fake"), ("health", URL)]
    assert "and nothing is to run there. The odd one out: runs (fake), health" in plain(proof_text(empty.prove()))
    del platform.runs[str(PROD)]
    platform.reports[str(PROD)] = A.source_git_ref
    assert empty.odd() == [("health", URL)]


def test_it_is_not_empty_where_that_cannot_be_seen(empty: Site, platform: FakePlatform, make_gate: MakeGate) -> None:
    for changed in (
        {"digests": "failed"},
        {"digests": "not_shown", "configured_artifact_id": A.artifact_id},
        {"reachable": False},
        {"in_flight": True},
    ):
        assert shows(empty, platform, **changed).verdict == "unknown"
    assert shows(empty, platform, digests="not_shown").verdict == "empty"

    def away(_: Any) -> None:
        raise OSError("no way there")

    platform.sampling = away
    assert shows(empty, platform).verdict == "unknown"
    shows(empty, platform, digests="not_shown")
    gate = make_gate(plugins=Plugins({"fake": platform}))  # and nobody asks its health URLs
    assert prove(gate, gate.profile(PRODUCT), PROD).verdict == "unknown"


def test_a_lane_whose_ledger_is_lost_is_not_empty(site: Site, tmp_path: Path, make_gate: MakeGate) -> None:
    site.gate.ledger.close()
    for file in tmp_path.glob("ledger.*"):
        file.unlink()
    gate = make_gate()
    assert prove(gate, gate.profile(PRODUCT), PROD).verdict == "differs"


def test_a_first_deploy_that_is_not_proven_leaves_no_empty_lane(empty: Site, platform: FakePlatform) -> None:
    platform.behaves = lambda driver, approval: driver.change(approval, status="unknown")
    assert empty.gate.run(deploy(A), ACTOR).status == "unknown"
    platform.stop(TESTING)
    proof = prove(empty.gate, empty.gate.profile(PRODUCT), TESTING)
    assert proof.verdict == "differs"
    [why] = [identity.detail for identity in proof.identities if identity.what == "decision"]
    assert "its last run, a deploy of aaaaaaa, ended unknown" in why


def test_an_inventory_that_its_run_did_not_write_is_odd(site: Site) -> None:
    inventory = site.gate.store.read_environment_inventory(context_name=PRODUCT, instance_name="prod")
    site.gate.store.write_environment_inventory(inventory.model_copy(update={"updated_at": "2026-11-23T00:00:00Z"}))
    assert site.odd() == [("inventory", str(PROD))]


def test_a_lane_whose_last_run_was_not_recorded_has_no_decision(site: Site, platform: FakePlatform) -> None:
    platform.behaves = lambda driver, approval: driver.change(approval, status="unknown")
    assert site.gate.run(promote(redeploy=True), ACTOR).status == "unknown"
    assert ("decision", str(PROD)) in site.odd()


def test_a_version_leads_to_its_lane(site: Site) -> None:
    assert lane_of_version(site.gate, PROFILE, "v0.2.10") == PROD
    with pytest.raises(RequestError, match="no promotion of sellyouroutboard that"):
        lane_of_version(site.gate, PROFILE, "v9.9.9")
