"""A recorded promotion is attested: signed once, kept, put beside the release; refused before where it cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from launchplane_gate.attestation import PROMOTION, where_from
from launchplane_gate.attesting import Attester
from launchplane_gate.cli.deploy import exit_code
from launchplane_gate.errors import RequestError, SettingsError, Stale
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval
from launchplane_gate.ledger import Entry
from launchplane_gate.line.attest import looked_at
from launchplane_gate.model import Outcome, Request, Run
from launchplane_gate.plugins import Plugins
from launchplane_gate.runs import read_run
from launchplane_gate.settings import AttestationSettings
from launchplane_gate.strictjson import sha256
from tests.conftest import ACTOR, PROD, PRODUCT, TESTING, A, B, MakeGate, deploy, promote
from tests.fakes.platform import FakeHealth, FakePlatform, FakePublisher
from tests.keys import PrivateKey, private_pem, verified, write_key
from tests.ledger.test_waivers import granted

V = "v0.2.10"


class Keyring:
    """Where the gate finds its key: it can be taken away, and come back."""

    def __init__(self, key: PrivateKey) -> None:
        self.key, self.lost = key, ""

    def read(self) -> SecretStr:
        if self.lost:
            raise SettingsError(self.lost)
        return SecretStr(private_pem(self.key).decode().strip())


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring(write_key(tmp_path))


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher((PRODUCT,))


def attester(keyring: Keyring, state: Path) -> Attester:
    settings = AttestationSettings("https://gate.example.org", (), signs=True, private_key=keyring.read)
    return Attester(settings, state)


Attesting = Callable[..., Gate]


@pytest.fixture
def attesting(
    make_gate: MakeGate, platform: FakePlatform, publisher: FakePublisher, keyring: Keyring, tmp_path: Path
) -> Attesting:
    def make(**rest: object) -> Gate:
        plugins = Plugins({"fake": platform, "health": FakeHealth(platform), "github": publisher})
        gate = make_gate(**{"plugins": plugins, "attester": attester(keyring, tmp_path), **rest})
        publisher.now = gate.ledger.now
        return gate

    return make


@pytest.fixture
def gate(attesting: Attesting) -> Gate:
    gate = attesting()
    assert gate.run(deploy(A), ACTOR).attestation is None  # what can still change is not attested
    return gate


def file_of(run: Run, state: Path) -> bytes:
    assert run.attestation and run.attestation.made, run.attestation
    content = (state / "attestations" / f"{run.run_id}.intoto.json").read_bytes()
    assert sha256(content) == run.attestation.sha256
    return content


def losing(keyring: Keyring) -> Callable[[FakePlatform, Approval], Outcome]:
    """A deploy during which the key is lost."""

    def lose(driver: FakePlatform, approval: Approval) -> Outcome:
        keyring.lost = "the key is gone"
        return driver.change(approval)

    return lose


def kinds(gate: Gate, run: Run) -> list[str]:
    return [entry.kind for entry in gate.ledger.entries(subject=run.run_id)]


def test_the_statement_is_a_summary_of_what_was_verified(gate: Gate, keyring: Keyring, tmp_path: Path) -> None:
    run = gate.run(promote(version=V), ACTOR)
    statement = verified(file_of(run, tmp_path), keyring.key.public_key())
    repository, _, digest = A.artifact_id.partition("@sha256:")
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [{"name": repository, "digest": {"sha256": digest}}]
    assert statement["predicateType"] == "https://slsa.dev/verification_summary/v1"
    summary = statement["predicate"]
    told = summary.pop(PROMOTION)
    assert run.admitted and run.confirmed
    assert summary == {
        "verifier": {"id": "https://gate.example.org", "version": {"launchplane-gate": "0.1.0"}},
        "timeVerified": run.confirmed.decided_at,
        "resourceUri": f"pkg:oci/sellyouroutboard@sha256%3A{digest}?repository_url={repository}",
        "policy": {"uri": "urn:launchplane-gate:policies", "digest": {"sha256": gate.bundle.revision}},
        "inputAttestations": [],
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_UNEVALUATED"],
        "slsaVersion": "1.2",
    }
    [recorded] = [one for one in gate.ledger.entries(subject=run.run_id) if one.kind == "recorded"]
    assert told["chain"] == {
        "ledger": gate.ledger.ledger_id(),
        "lane": str(PROD),
        "position": recorded.position,
        "hash": gate.ledger.hash_at(PROD, recorded.position),
    }
    assert (told["run"], told["product"], told["version"]) == (run.run_id, PRODUCT, V)
    assert (told["artifactId"], told["sourceGitRef"]) == (A.artifact_id, A.source_git_ref)
    assert [(one["phase"], one["id"]) for one in told["decisions"]] == [
        ("admit", run.admitted.decision_id),
        ("confirm", run.confirmed.decision_id),
    ]
    assert told["decisions"][0]["passed"] == sorted(one.code for one in run.admitted.results)
    assert gate.ledger.verify().wrong == ()


def test_it_says_what_was_looked_at_and_what_was_not(gate: Gate, keyring: Keyring, tmp_path: Path) -> None:
    statement = verified(file_of(gate.run(promote(version=V), ACTOR), tmp_path), keyring.key.public_key())
    told = statement["predicate"][PROMOTION]
    assert told["lookedAt"] == {"digests": "shown", "healthUrls": 1, "evidence": ["github", "health"]}
    assert told["notLookedAt"] == {
        "provenance": "no attestation of the build, or of what it depends on, was asked for",
        "rules": ["release.artifact_revision", "release.commit_on_branch", "release.publisher_ready"],
    }


def test_digests_that_the_platform_does_not_show_are_said_to_be_unseen(
    gate: Gate, keyring: Keyring, platform: FakePlatform, tmp_path: Path
) -> None:
    platform.digests = "not_shown"
    gate.run(deploy(B), ACTOR)
    statement = verified(file_of(gate.run(promote(), ACTOR), tmp_path), keyring.key.public_key())
    told = statement["predicate"][PROMOTION]
    assert told["lookedAt"]["digests"] == "not_shown"
    assert told["notLookedAt"]["digests"] == "by which digest it runs: the platform does not show it"


def test_a_rule_that_was_waived_is_told_with_who_approved_it(gate: Gate, keyring: Keyring, tmp_path: Path) -> None:
    gate.run(promote(), ACTOR)
    gate.run(deploy(B), ACTOR)
    gate.run(promote(), ACTOR)
    gate.run(deploy(A), ACTOR)
    waiver = granted(gate, code="inventory.forward_only")
    statement = verified(file_of(gate.run(promote(), ACTOR), tmp_path), keyring.key.public_key())
    told = statement["predicate"][PROMOTION]["decisions"][0]
    approved = "github:alice, verified by host"
    waived = {"rule": "inventory.forward_only", "waiver": waiver.waiver_id, "approvedBy": approved}
    assert told["waived"] == [waived] and "inventory.forward_only" not in told["passed"]


def test_what_is_signed_is_kept_and_handed_on_with_the_release(
    gate: Gate, publisher: FakePublisher, tmp_path: Path
) -> None:
    run = gate.run(promote(version=V), ACTOR)
    content = file_of(run, tmp_path)
    assert publisher.carried == {V: {f"{run.run_id}.intoto.json": content}}
    assert kinds(gate, run)[-4:] == ["recorded", "attested", "publishing", "published"]
    assert read_run(gate.ledger, run.run_id) == run


def test_a_promotion_without_a_version_is_attested_too(gate: Gate, publisher: FakePublisher, tmp_path: Path) -> None:
    run = gate.run(promote(), ACTOR)
    assert json.loads(file_of(run, tmp_path)) and publisher.asked == []
    assert kinds(gate, run)[-2:] == ["recorded", "attested"]


def test_without_a_key_nothing_is_attested(attesting: Attesting, publisher: FakePublisher, tmp_path: Path) -> None:
    gate = attesting(attester=None)
    gate.run(deploy(A), ACTOR)
    run = gate.run(promote(version=V), ACTOR)
    assert (run.attestation, publisher.carried) == (None, {V: {}})
    assert not (tmp_path / "attestations").exists() and "attested" not in kinds(gate, run)
    with pytest.raises(RequestError, match="names no version"):
        gate.publish(gate.run(promote(redeploy=True), ACTOR).run_id, ACTOR)


def test_a_key_that_cannot_be_read_stops_a_promotion_before_its_deploy_and_nothing_else(
    gate: Gate, keyring: Keyring, platform: FakePlatform
) -> None:
    keyring.lost = "the key is gone"
    deploys = list(platform.deploys)
    for ask in (gate.run, gate.check):
        with pytest.raises(SettingsError, match="the key is gone"):
            ask(promote(version=V), ACTOR)
    assert platform.deploys == deploys
    assert gate.run(deploy(B), ACTOR).status == "recorded"


@pytest.mark.parametrize("version", [V, None])
def test_a_key_that_is_lost_meanwhile_leaves_the_release_unpublished_until_it_is_back(  # noqa: PLR0917  # fixtures
    gate: Gate, keyring: Keyring, platform: FakePlatform, publisher: FakePublisher, tmp_path: Path, version: str | None
) -> None:
    platform.behaves = losing(keyring)
    run = gate.run(promote(version=version), ACTOR)
    assert run.status == "recorded" and run.attestation and not run.attestation.made
    assert (run.attestation.detail, publisher.asked) == ("the key is gone", [])
    if version:
        assert run.publication and "not attested: the key is gone" in run.publication.detail
    assert read_run(gate.ledger, run.run_id) == run and run.detail == ""
    assert gate.publish(run.run_id, ACTOR).attestation == run.attestation
    keyring.lost = ""
    done = gate.publish(run.run_id, ACTOR)
    content = file_of(done, tmp_path)
    assert done.publication is None or done.publication.published
    assert publisher.carried == ({V: {f"{run.run_id}.intoto.json": content}} if version else {})
    assert read_run(gate.ledger, run.run_id) == done
    assert gate.ledger.verify().wrong == ()


def test_who_takes_the_key_out_of_the_settings_publishes_as_before(
    gate: Gate, attesting: Attesting, keyring: Keyring, platform: FakePlatform, publisher: FakePublisher
) -> None:
    platform.behaves = losing(keyring)
    run = gate.run(promote(version=V), ACTOR)
    done = attesting(attester=None).publish(run.run_id, ACTOR)
    assert done.publication and done.publication.published and done.attestation is None
    assert publisher.carried == {V: {}}


@pytest.mark.parametrize("lost", ["answer", "file"])
def test_the_same_bytes_are_handed_on_again(
    gate: Gate, keyring: Keyring, publisher: FakePublisher, tmp_path: Path, lost: str
) -> None:
    keyring.key = ec.generate_private_key(ec.SECP256R1())  # of whose signatures no two are the same
    publisher.fails = [RuntimeError("no answer")]
    run = gate.run(promote(version=V), ACTOR)
    content = file_of(run, tmp_path)
    keyring.lost = "not needed any more"
    if lost == "file":
        (tmp_path / "attestations" / f"{run.run_id}.intoto.json").unlink()
    done = gate.publish(run.run_id, ACTOR)
    assert file_of(done, tmp_path) == content == publisher.carried[V][f"{run.run_id}.intoto.json"]
    verified(content, keyring.key.public_key())
    assert kinds(gate, run).count("attested") == 1


def test_a_promotion_of_before_the_key_is_attested_when_it_is_published_again(
    attesting: Attesting, publisher: FakePublisher, tmp_path: Path
) -> None:
    plain = attesting(attester=None)
    plain.run(deploy(A), ACTOR)
    run = plain.run(promote(version=V), ACTOR)
    assert publisher.carried == {V: {}}
    done = attesting().publish(run.run_id, ACTOR)
    assert publisher.carried == {V: {f"{run.run_id}.intoto.json": file_of(done, tmp_path)}}


def test_what_is_out_stays_out_where_it_cannot_be_attested_afterwards(attesting: Attesting, keyring: Keyring) -> None:
    plain = attesting(attester=None)
    plain.run(deploy(A), ACTOR)
    run = plain.run(promote(version=V), ACTOR)
    keyring.lost = "the key is gone"
    done = attesting().publish(run.run_id, ACTOR)
    assert done.publication and done.publication.published
    assert done.publication.missing == (f"{run.run_id}.intoto.json",)
    assert (done.publication.detail, exit_code(done)) == ("it is not attested: the key is gone", 6)
    assert read_run(plain.ledger, run.run_id) == done


def test_what_the_lane_no_longer_runs_is_not_attested_any_more(attesting: Attesting) -> None:
    plain = attesting(attester=None)
    plain.run(deploy(A), ACTOR)
    run = plain.run(promote(), ACTOR)
    plain.run(deploy(B), ACTOR)
    plain.run(promote(), ACTOR)
    with pytest.raises(Stale, match="the attestation is of what run"):
        attesting().publish(run.run_id, ACTOR)


def test_a_folder_that_cannot_be_written_is_what_is_missing(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "attestations").write_text("somebody's file")
    run = gate.run(promote(version=V), ACTOR)
    assert run.status == "recorded" and run.attestation and not run.attestation.made
    (tmp_path / "attestations").unlink()
    assert file_of(gate.publish(run.run_id, ACTOR), tmp_path)


def test_an_archived_input_is_said_to_be_so(attesting: Attesting, keyring: Keyring, tmp_path: Path) -> None:
    plain = attesting(attester=None)
    plain.run(deploy(A), ACTOR)
    run = plain.run(promote(), ACTOR)
    plain.ledger.archive(plain.ledger.now(), tmp_path / "archive", ACTOR.model_dump(), lambda _: None)
    statement = verified(file_of(attesting().publish(run.run_id, ACTOR), tmp_path), keyring.key.public_key())
    told = statement["predicate"][PROMOTION]
    assert "lookedAt" not in told
    assert told["notLookedAt"]["evidence"] == "what was looked at is in the archive of the ledger"


@pytest.mark.parametrize(
    "inputs",
    [
        {"decided": "{}", "confirmed": "{}"},
        {"decided": '{"evidence": {}}', "confirmed": '{"evidence": {}, "destination": {"observed": null}}'},
        {"decided": '{"evidence": []}', "confirmed": '{"evidence": {}, "destination": {"observed": {}}}'},
        {"decided": '{"evidence": {}}', "unchanged": '{"evidence": {"health": {"destination": [5]}}}'},
        {"decided": '{"evidence": {}}'},
        {},
    ],
)
def test_what_an_older_gate_kept_in_another_form_is_said_to_be_unseen(inputs: dict[str, str]) -> None:
    entries = {kind: Entry(1, PROD, 1, kind, "r-1", "", {}, None, text) for kind, text in inputs.items()}
    looked, unseen = looked_at(entries)
    assert looked is None and unseen.evidence


def test_what_finishes_an_interrupted_promotion_is_attested_as_such(
    gate: Gate, keyring: Keyring, platform: FakePlatform, tmp_path: Path
) -> None:
    def ends(driver: FakePlatform, approval: Approval) -> Outcome:
        driver.change(approval)
        raise KeyboardInterrupt

    platform.behaves = ends
    with pytest.raises(KeyboardInterrupt):
        gate.run(promote(), ACTOR)
    platform.behaves = None
    cut_off = gate.ledger.runs(limit=1)[0]
    run = gate.run(Request(action="resume", product=PRODUCT, destination="prod", of_run=cut_off), ACTOR)
    told = verified(file_of(run, tmp_path), keyring.key.public_key())["predicate"][PROMOTION]
    assert (told["action"], told["ofRun"], told["source"]) == ("resume", cut_off, str(TESTING))


def test_what_ran_already_is_attested_with_its_publication(
    gate: Gate, keyring: Keyring, publisher: FakePublisher, tmp_path: Path
) -> None:
    gate.run(promote(), ACTOR)
    run = gate.run(promote(version=V), ACTOR)
    content = file_of(run, tmp_path)
    told = verified(content, keyring.key.public_key())["predicate"][PROMOTION]
    assert (run.status, told["status"], told["lookedAt"]["digests"]) == ("unchanged", "unchanged", "shown")
    assert publisher.carried == {V: {f"{run.run_id}.intoto.json": content}}
    assert gate.run(promote(), ACTOR).attestation is None  # nothing was recorded, and nothing is published


def test_a_rollback_is_not_attested(gate: Gate) -> None:
    gate.run(promote(), ACTOR)
    gate.run(deploy(B), ACTOR)
    gate.run(promote(), ACTOR)
    run = gate.run(Request(action="rollback", product=PRODUCT, destination="prod"), ACTOR)
    assert (run.status, run.attestation) == ("recorded", None)


def test_a_repeat_under_its_key_attests_what_is_missing(
    gate: Gate, keyring: Keyring, platform: FakePlatform, tmp_path: Path
) -> None:
    platform.behaves = losing(keyring)
    request = promote(idempotency_key="k")
    first = gate.run(request, ACTOR)
    assert first.attestation and not first.attestation.made
    keyring.lost = ""
    again = gate.run(request, ACTOR)
    assert (again.run_id, again.replayed) == (first.run_id, True)
    assert file_of(again, tmp_path)


@pytest.mark.parametrize(
    ("artifact_id", "uri"),
    [
        ("ghcr.io/acme/shop", "pkg:oci/shop@{}?repository_url=ghcr.io/acme/shop"),
        ("localhost/shop", "pkg:oci/shop@{}?repository_url=localhost/shop"),
        ("127.0.0.1:5000/a/shop", "pkg:oci/shop@{}?repository_url=127.0.0.1%3A5000/a/shop"),
        ("local/shop", "pkg:generic/local/shop@{}"),
        ("shop", "pkg:generic/shop@{}"),
    ],
)
def test_the_package_url_of_an_artifact(artifact_id: str, uri: str) -> None:
    digest = "a" * 64
    assert where_from(f"{artifact_id}@sha256:{digest}") == uri.format(f"sha256%3A{digest}")
