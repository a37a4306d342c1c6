"""The run of a replay: over several processes, gone on from where it was ended, bounded in time and in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate import strictjson
from launchplane_gate.authoring.replay.asking import Change, Policies, Replayed
from launchplane_gate.authoring.replay.checkpoint import Checkpoint
from launchplane_gate.authoring.replay.facts import never_had, reads_of
from launchplane_gate.authoring.replay.running import UNANSWERED, Wanted, replay
from launchplane_gate.authoring.replay.stored import Result, Stored
from launchplane_gate.authoring.replay.tally import MOST_FLIPS, MOST_GROUPS, MOST_REASONS, Tally
from launchplane_gate.errors import EngineError, UsageError
from launchplane_gate.gate import Gate
from launchplane_gate.model import unstamp
from launchplane_gate.policy import Bundle, EmbeddedEngine
from launchplane_gate.settings import EmbeddedSettings
from tests.authoring.replaying import TOTAL, WITHOUT, past, place_in
from tests.fakes.platform import FakePlatform
from tests.on_postgres import gate_on, migrated
from tests.places import CASES

pytestmark = pytest.mark.thorough  # processes of engines, and a rule that never ends

NOW = unstamp("2026-05-07T12:00:00Z")
assert NOW
DEPLOY = json.loads((CASES / "deploy_admit.json").read_text())
ALLOWED = {"lane.settled": Result("pass", "")}


def decision(number: int, **changes: Any) -> Stored:
    question = {**DEPLOY, "nonce": f"{number:032x}"}
    fields: dict[str, Any] = {
        **{"name": f"line {number}", "decision_id": f"d-{number}", "product": "sellyouroutboard", "action": "deploy"},
        **{"phase": "admit", "revision": "old", "engine": "another", "at": NOW, "results": ALLOWED, "offered": ()},
        "input_text": strictjson.dumps(question),
    }
    return Stored(**(fields | changes))


def decisions(number: int) -> list[Stored]:
    return [decision(one) for one in range(number)]


@pytest.fixture(scope="module")
def policies(bundle: Bundle) -> Policies:
    return Policies(bundle, {"config": bundle.config}, reads_of(bundle.modules), lambda _: {})


def run(some: Sequence[Stored] | Iterator[Stored], policies: Policies, **changes: Any) -> Tally:
    told: list[str] = changes.pop("told", [])
    parts: dict[str, Any] = {"workers": 2, "bounds": EmbeddedSettings(), "checkpoint": None, "every_s": 0.0}
    return replay(some, policies, changes.pop("wanted", Wanted()), progress=told.append, **(parts | changes))


def test_two_processes_find_what_one_finds(policies: Policies) -> None:
    told: list[str] = []
    by_two, by_one = run(decisions(150), policies, told=told), run(decisions(150), policies, workers=1)
    assert by_two.as_document() == by_one.as_document()
    assert by_two.asked == 150 == by_two.counts["allow-to-deny"]
    assert told[-1].startswith("150 decisions read, ") and told[-1].endswith("150 asked, 150 flipped")


def test_what_was_ended_in_between_goes_on_from_there_and_finds_the_same(policies: Policies, tmp_path: Path) -> None:
    at = Checkpoint(tmp_path / "checkpoint", {"policies": "p", "decisions": "d"})

    def interrupted() -> Iterator[Stored]:
        yield from decisions(100)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(interrupted(), policies, checkpoint=at)
    kept = json.loads(at.path.read_text())
    assert 0 < kept["done"] < 100 and kept["done"] == sum(kept["tally"]["counts"].values())
    assert at.path.stat().st_mode & 0o777 == 0o600
    read = [replace(one, input_text="no input" if one.name == "line 0" else one.input_text) for one in decisions(150)]
    gone_on = run(read, policies, checkpoint=at)  # the first one is not asked again
    assert gone_on.as_document() == run(decisions(150), policies).as_document()
    assert not at.path.exists()


@pytest.mark.parametrize("name", ["policies", "decisions", "wanted"])
def test_a_checkpoint_of_another_replay_is_refused(policies: Policies, tmp_path: Path, name: str) -> None:
    bound = {"policies": "p", "decisions": "d", "wanted": "w"}
    Checkpoint(tmp_path / "checkpoint", bound).keep(Tally(), 7)
    with pytest.raises(UsageError, match=f"is of another replay: its {name} is not the one of this"):
        run([], policies, checkpoint=Checkpoint(tmp_path / "checkpoint", {**bound, name: "other"}))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"checkpoint": 2, "bound": {}}', '{"checkpoint": 1, "bound": {}, "tally": {}}']
)
def test_what_is_no_checkpoint_is_refused_and_stays(policies: Policies, tmp_path: Path, text: str) -> None:
    (tmp_path / "checkpoint").write_text(text)
    with pytest.raises(UsageError, match="is no checkpoint of a replay"):
        run([], policies, checkpoint=Checkpoint(tmp_path / "checkpoint", {}))
    assert (tmp_path / "checkpoint").read_text() == text


def edited(policies: Policies, code: str, text: str) -> Policies:
    """Policies that no check has seen: what the gate would not load may be asked in a test."""
    path = f"gate/rules/{code.replace('.', '/')}.rego"
    modules = tuple(replace(one, text=text) if one.path == path else one for one in policies.bundle.modules)
    return replace(policies, bundle=replace(policies.bundle, modules=modules))


ENDLESS = """package gate.rules.window.open

satisfied if count([1 | some a in numbers.range(1, 9999); some b in numbers.range(1, 9999); a * b < 0]) == 0

message := ""
"""
ODD = """package gate.rules.window.open

satisfied if time.parse_rfc3339_ns(input.nonce) == 0

message := ""
"""


def test_a_rule_that_never_ends_ends_the_replay(policies: Policies) -> None:
    bounds = EmbeddedSettings(timeout_s=0.1)
    with pytest.raises(EngineError, match="gave no answer within"):
        run(decisions(3 * UNANSWERED), edited(policies, "window.open", ENDLESS), bounds=bounds)


def test_a_rule_that_ends_in_an_error_is_denied_and_the_others_are_heard(policies: Policies) -> None:
    tally = run(decisions(3), edited(policies, "window.open", ODD))
    [group] = [group for group in tally.of("allow-to-deny") if group.code == "window.open"]
    assert group.count == 3 and group.now and group.now[1].startswith("could not be evaluated: ")


def test_an_input_of_another_form_is_not_known(policies: Policies) -> None:
    tally = run([decision(0, input_text='{"of": "another time"}')], policies)
    assert tally.counts["not-known"] == 1
    [group] = tally.of("not-known")
    assert group.code == "" and group.fact.endswith("an older or newer version wrote it")


def test_what_is_told_does_not_grow_with_the_decisions() -> None:
    tally = Tally()
    change = Change("lane.settled", Result("pass", ""), Result("fail", "It is not."))
    for number in range(3000):
        stored = decision(number, product=f"p-{number}", revision=f"{number}", input_text=None)
        tally.take(Replayed(stored, "allow-to-deny", (change,)))
        tally.take(Replayed(stored, "undecided", why=f"reason {number}"))
    assert tally.counts["allow-to-deny"] == 3000
    assert (len(tally.groups), tally.counts["groups_beyond"]) == (MOST_GROUPS, 3000 - MOST_GROUPS)
    assert (len(tally.flips), tally.counts["flips_beyond"]) == (MOST_FLIPS, 3000 - MOST_FLIPS)
    assert len(tally.revisions) == len(tally.undecided) == MOST_REASONS + 1
    assert Tally.read(json.loads(json.dumps(tally.as_document()))).as_document() == tally.as_document()


def test_a_decision_is_let_go_once_it_was_counted(policies: Policies) -> None:
    """No more of them are in memory than are on their way."""
    alive = 0
    most = 0

    class Counted(Stored):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def stream() -> Iterator[Stored]:
        nonlocal alive, most
        for one in decisions(400):
            alive += 1
            most = max(most, alive)
            yield Counted(**vars(one))

    run(islice(stream(), 400), policies)
    assert alive == 0 and most <= 200


# -- what an input never had


@pytest.mark.parametrize(
    ("fact", "missing"),
    [
        ("input.evidence.jira.ticket", "input.evidence.jira"),
        ("input.evidence.oci.digest", ""),  # looked for, and not found
        ("input.evidence.github.commit", "input.evidence.github.commit"),
        ("input.actor.claims.environment", ""),  # what was not claimed is known
        ("input.request.expected.artifact_id", ""),
        ("input.destination.deployments[_].update", "input.destination.deployments[_].update"),
        ("input.destination.backups[_].anything", ""),  # there are none
        ("input.destination.run.settled", ""),
    ],
)
def test_a_key_that_is_absent_was_never_looked_for(fact: str, missing: str) -> None:
    policy_input = {
        "phase": "admit",
        "actor": {"claims": {}},
        "request": {"expected": {}},
        "evidence": {"oci": None, "github": {"latest": None}},
        "destination": {"deployments": [{"record_id": "d"}], "backups": [], "run": {"settled": True}},
    }
    assert never_had(policy_input, {fact}) == missing


def test_what_no_input_of_standing_can_have_is_no_fact_that_is_missing() -> None:
    assert never_had({"phase": "standing"}, {"input.evidence.jira"}) == ""
    assert never_had({"phase": "standing"}, {"input.waiver.code"}) == "input.waiver"


# -- in Postgres


@pytest.mark.thorough  # the ledger's own tests read it there too
def test_a_ledger_in_postgres_is_replayed_as_one_in_a_file(
    postgres: str, tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate: Gate = gate_on(migrated(postgres), tmp_path, bundle, engine, FakePlatform())
    past(gate)
    gate.ledger.close()
    place = place_in(tmp_path)
    settings = tmp_path / "launchplane-gate.toml"
    settings.write_text(settings.read_text().replace("state_dir", 'database_url = { env = "DATABASE_URL" }\nstate_dir'))
    monkeypatch.setenv("DATABASE_URL", postgres)
    told = place.replay(place.policies())
    assert (told["asked"], told["same"], told["reworded"]) == (TOTAL - WITHOUT, TOTAL - WITHOUT, 0)
    flipped = place.replay(place.policies("without-paths", paths=[]))
    assert (flipped["allow_to_deny"], flipped["deny_to_allow"]) == (1, 1)
