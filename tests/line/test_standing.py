"""Who asks comes first: before a lane is held, before anybody else is asked, and with next to nothing on record."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from launchplane_gate.errors import EvidenceFailed, LaneBusy, RequestError, StandingRefused
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval, Question, hookimpl
from launchplane_gate.ledger import NOWHERE, REFUSED, SUMMED, Terms, Wish
from launchplane_gate.ledger.refusals import STRANGERS_AN_HOUR
from launchplane_gate.line.waive import WaiverRequest
from launchplane_gate.model import Actor, Expected, Lane, Outcome, Request, Run
from launchplane_gate.plugins import Plugins
from launchplane_gate.records import ProductLane, ProductPreview
from launchplane_gate.store import FileStore
from tests.conftest import (
    ACTOR,
    APPROVER,
    LISTED,
    PROD,
    PRODUCT,
    PROFILE,
    TESTING,
    A,
    B,
    MakeGate,
    bundle_with,
    deploy,
    promote,
)
from tests.fakes.platform import FakeHealth, FakePlatform, FakePublisher

STRANGER = Actor(subject="repo:mallory/fork:ref:refs/heads/main", verified_by="github-oidc", person="mallory")


@pytest.fixture
def silent(gate: Gate, platform: FakePlatform) -> Gate:
    """A gate at which nobody may be asked any more."""
    gate.run(deploy(A), ACTOR)

    def asked(*_: object) -> None:
        raise AssertionError("somebody was asked")

    platform.observing = platform.sampling = asked
    return gate


@contextmanager
def held(gate: Gate, *lanes: Lane) -> Iterator[None]:
    with gate.ledger.hold(lanes, Wish(Terms(run_s=60))):
        yield


def codes(run: Run) -> list[str]:
    assert run.admitted
    return [one.code for one in run.admitted.refusals]


# -- somebody whom no policy names


@pytest.mark.parametrize("request_", [deploy(B), deploy(B, to="prod"), promote(), promote(version="v1.0.0")], ids=str)
def test_a_stranger_holds_nothing_and_has_nobody_asked(silent: Gate, request_: Request) -> None:
    """Seen: a registry of the actor's choice was logged in at, and prod's lane held for ten seconds a request."""
    with held(silent, TESTING, PROD):  # who wanted to hold one would wait, and be told that it is busy
        run = silent.run(request_, STRANGER)
    assert (run.status, run.run_id, codes(run)) == ("denied", "", ["actor.permitted"])
    assert run.admitted and run.admitted.refusals[0].message.endswith("asks; no entry of the policies names them.")
    assert not silent.check(request_, STRANGER).allowed


def told_to_a_stranger(gate: Gate, request: Request) -> str:
    """What a stranger reads, without what is new in each answer and what they said themselves."""
    run = gate.run(request, STRANGER)
    document = json.loads(run.model_dump_json())
    for part in (document, document["admitted"]):
        for new in ("decision_id", "decided_at", "started_at", "input_digest"):
            part.pop(new, None)
    text = json.dumps(document)
    for own in (request.product, request.destination, request.source):
        text = text.replace(f'"{own}"', '"own"')
    return text


def test_to_a_stranger_what_there_is_reads_like_what_there_is_not(gate: Gate) -> None:
    def asking(product: str, lane: str) -> Request:
        return Request(action="deploy", product=product, destination=lane, expected=Expected(**A.model_dump()))

    known = told_to_a_stranger(gate, asking(PRODUCT, "prod"))
    for product, lane in ((PRODUCT, "testing"), (PRODUCT, "moon"), ("another", "prod")):
        assert told_to_a_stranger(gate, asking(product, lane)) == known
    for name in (ACTOR.subject, APPROVER.subject, "example.org", "moon"):
        assert name not in known


def test_who_is_named_somewhere_is_told_what_there_is(gate: Gate) -> None:
    with pytest.raises(RequestError, match="has no lane 'moon'; it has: prod, testing"):
        gate.run(deploy(A, to="moon"), ACTOR)
    with pytest.raises(RequestError, match="unknown product"):
        gate.check(Request(action="promote", product="other", source="testing", destination="prod"), ACTOR)


@pytest.mark.parametrize(
    "ask",
    [
        lambda gate: gate.publish("r-NONE", STRANGER),
        lambda gate: gate.publish(gate.ledger.runs()[0], STRANGER),
        lambda gate: gate.approve_waiver("w-NONE", STRANGER),
        lambda gate: gate.approve_waiver("w-NONE", STRANGER, "yes"),
        lambda gate: gate.revoke_waiver("w-NONE", "no", STRANGER),
        lambda gate: gate.request_waiver(
            WaiverRequest("no.rule", "no product", "no lane", "x", "y", "z", gate.ledger.now()), STRANGER
        ),
    ],
)
def test_every_verb_is_refused_to_a_stranger_alike(gate: Gate, ask: Callable[[Gate], object]) -> None:
    """Seen: anybody could publish, and revoke somebody's waiver."""
    gate.run(deploy(A), ACTOR)
    with pytest.raises(StandingRefused, match="no entry of the policies names them") as refused:
        ask(gate)
    [result] = refused.value.decision.results
    assert result.code == "actor.permitted" and result.remedy
    assert gate.ledger.entries(kinds=["waiver_requested", "waiver_revoked", "publishing"]) == []


# -- what of it is on record


def subject(number: int) -> Actor:
    return STRANGER.model_copy(update={"subject": f"repo:mallory/fork-{number}:ref:refs/heads/main"})


def test_a_repeat_within_the_hour_carries_the_id_of_the_first_and_is_counted(gate: Gate, tmp_path: Path) -> None:
    first, *more = (gate.run(deploy(B, to="prod"), STRANGER) for _ in range(5))
    assert first.admitted and {run.admitted and run.admitted.decision_id for run in more} == {
        first.admitted.decision_id
    }
    [entry] = gate.ledger.entries(kinds=[REFUSED])
    assert (entry.lane, entry.subject) == (PROD, first.admitted.decision_id)
    assert entry.input is None and len(json.dumps(entry.body)) < 1500
    assert gate.ledger.repeats_of(entry.subject) == 4
    an_hour_passes(tmp_path)
    gate.run(deploy(A), ACTOR)  # whatever takes a lane next
    assert gate.ledger.repeats_of(entry.subject) == 4
    [summed] = gate.ledger.entries(kinds=[SUMMED])
    assert summed.body == {"hour": "2020-01-01T00:00:00Z", "repeats": {first.admitted.decision_id: 4}, "others": 0}
    assert gate.ledger.verify().wrong == ()
    again = gate.run(deploy(B, to="prod"), STRANGER)
    assert again.admitted and again.admitted.decision_id != first.admitted.decision_id


def an_hour_passes(state: Path) -> None:
    """As far as the refusals know."""
    with sqlite3.connect(state / "ledger.sqlite") as database:
        database.execute("UPDATE refusals SET hour = '2020-01-01T00'")


def test_a_crowd_of_strangers_writes_next_to_nothing(gate: Gate, tmp_path: Path) -> None:
    runs = [gate.run(deploy(B, to="prod"), subject(number)) for number in range(STRANGERS_AN_HOUR + 30)]
    assert all(run.status == "denied" for run in runs)
    ids = [run.admitted.decision_id for run in runs if run.admitted]
    assert len(set(ids)) == STRANGERS_AN_HOUR + 1 and ids.count("") == 30
    assert len(gate.ledger.entries()) == STRANGERS_AN_HOUR
    an_hour_passes(tmp_path)
    gate.run(deploy(B, to="prod"), STRANGER)
    [summed] = gate.ledger.entries(kinds=[SUMMED])
    assert (summed.lane, summed.body["others"], summed.body["repeats"]) == (PROD, 30, {})


def test_what_is_asked_about_no_lane_that_there_is_stands_in_a_chain_of_its_own(gate: Gate) -> None:
    for number in range(STRANGERS_AN_HOUR + 5):
        unknown = Request(action="promote", product=f"p{number}", source="testing", destination="prod")
        gate.run(unknown, STRANGER)
    entries = gate.ledger.entries()
    assert {entry.lane for entry in entries} == {NOWHERE} and len(entries) == STRANGERS_AN_HOUR
    assert gate.ledger.verify().wrong == ()


def test_who_is_named_elsewhere_only_is_on_record_once_an_hour(make_gate: MakeGate, tmp_path: Path) -> None:
    gate = make_gate(bundle=bundle_with(tmp_path / "p", actors={"testing": LISTED, "prod": [LISTED[1]]}))
    first, second = (gate.run(deploy(B, to="prod"), ACTOR) for _ in range(2))
    assert (first.run_id, codes(first)) == ("", ["actor.permitted"])
    assert first.admitted and second.admitted and first.admitted.decision_id == second.admitted.decision_id
    [entry] = gate.ledger.entries()
    assert entry.input and entry.input["phase"] == "standing"


def test_every_refusal_of_who_may_ask_is_a_run(silent: Gate) -> None:
    unpinned = A.model_copy(update={"artifact_id": "ghcr.io/cbusillo/sellyouroutboard:latest"})
    before = len(silent.ledger.runs())
    with held(silent, TESTING):
        first, second = (silent.run(deploy(unpinned), ACTOR) for _ in range(2))
    assert codes(first) == codes(second) == ["release.artifact_pinned"]
    assert first.run_id != second.run_id and len(silent.ledger.runs()) == before + 2
    assert first.admitted and first.admitted.phase == "standing"
    assert silent.ledger.verify().wrong == ()


def test_a_check_of_who_may_ask_shows_every_reason(gate: Gate) -> None:
    unpinned = A.model_copy(update={"artifact_id": "ghcr.io/cbusillo/sellyouroutboard:latest"})
    decision = gate.check(deploy(unpinned, to="prod"), ACTOR)
    assert decision.phase == "admit"
    assert {"release.artifact_pinned", "lane.not_bypassed"} <= {one.code for one in decision.refusals}


# -- the driver that was addressed


def test_another_driver_than_the_products_own_cannot_be_addressed(silent: Gate) -> None:
    """S36: a product of one driver, asked for by the route of another."""
    run = silent.run(deploy(A, driver="verireel"), ACTOR)
    assert (run.status, codes(run)) == ("denied", ["lane.driver_matches"])
    assert run.admitted and "verireel was addressed" in run.admitted.refusals[0].message


def test_the_products_own_driver_can_be_addressed(gate: Gate) -> None:
    assert gate.run(deploy(A, driver="fake"), ACTOR).status == "recorded"


# -- who was struck off


def test_who_was_struck_off_replays_nothing(gate: Gate, make_gate: MakeGate, tmp_path: Path) -> None:
    request = deploy(A, idempotency_key="k")
    assert gate.run(request, ACTOR).status == "recorded"
    without = make_gate(bundle=bundle_with(tmp_path / "p", actors={"testing": [LISTED[1]], "prod": [LISTED[1]]}))
    run = without.run(request, ACTOR)
    assert (run.status, run.replayed, codes(run)) == ("denied", False, ["actor.permitted"])


def test_who_was_struck_off_publishes_nothing(make_gate: MakeGate, platform: FakePlatform, tmp_path: Path) -> None:
    publisher = FakePublisher((PRODUCT,), fails=[OSError("no")])
    plugins = Plugins({"fake": platform, "health": FakeHealth(platform), "github": publisher})
    gate = make_gate(plugins=plugins)
    publisher.now = gate.ledger.now
    gate.run(deploy(A), ACTOR)
    run = gate.run(promote(version="v1.0.0"), ACTOR)
    assert run.publication and not run.publication.published
    without = make_gate(
        plugins=plugins, bundle=bundle_with(tmp_path / "p", actors={"prod": [LISTED[1]], "testing": LISTED})
    )
    with pytest.raises(StandingRefused):
        without.publish(run.run_id, ACTOR)
    assert publisher.releases == {}
    assert gate.publish(run.run_id, ACTOR).publication
    [_, publishing] = gate.ledger.entries(kinds=["publishing"])
    assert publishing.body["decision"]["action"] == "publish" and publisher.releases == {"v1.0.0": A.source_git_ref}


def test_a_replay_is_answered_where_only_what_is_asked_for_would_be_refused_by_now(
    gate: Gate, make_gate: MakeGate, tmp_path: Path
) -> None:
    gate.run(deploy(A), ACTOR)
    first = gate.run(promote(idempotency_key="k"), ACTOR)
    closed = make_gate(bundle=bundle_with(tmp_path / "p", paths=[]))
    again = closed.run(promote(idempotency_key="k"), ACTOR)
    assert (again.run_id, again.replayed) == (first.run_id, True)
    assert closed.run(promote(idempotency_key="other"), ACTOR).status == "denied"


# -- one waiter an actor and lane


def test_an_actor_has_one_place_in_the_queue_of_a_lane(make_gate: MakeGate) -> None:
    gate, other = make_gate(lane_wait_s=30), make_gate(lane_wait_s=30)
    waiting = threading.Event()
    ended: list[Run] = []
    with held(gate, TESTING):
        first = threading.Thread(target=lambda: ended.append(gate.run(deploy(A), ACTOR, lambda _: waiting.set())))
        first.start()
        assert waiting.wait(10)
        time.sleep(0.1)
        began = time.monotonic()
        with pytest.raises(LaneBusy, match="another request of unverified:operator@desk waits for it already"):
            other.run(deploy(B), ACTOR)
        assert time.monotonic() - began < 5
    first.join(10)
    assert [run.status for run in ended] == ["recorded"]
    assert other.run(deploy(B), ACTOR).status == "recorded"  # its place is free again


def test_somebody_else_may_wait_too(make_gate: MakeGate) -> None:
    gate = make_gate(lane_wait_s=0.3)
    waiting = threading.Event()

    def too_long() -> None:
        with pytest.raises(LaneBusy):
            gate.run(deploy(A), ACTOR, lambda _: waiting.set())

    with held(gate, TESTING):
        first = threading.Thread(target=too_long)
        first.start()
        assert waiting.wait(10)
        with pytest.raises(LaneBusy, match="is held by process"):
            gate.run(deploy(B), APPROVER)
        first.join(10)


# -- whatever a driver or a plugin waits for


def until(over: threading.Event) -> Callable[[Lane], None]:
    """A look that lasts."""

    def wait(_: Lane) -> None:
        over.wait(60)

    return wait


class Silent:
    """A plugin that never answers."""

    def __init__(self) -> None:
        self.over = threading.Event()

    @hookimpl
    def gate_evidence(self, question: Question) -> Mapping[str, Any] | None:
        self.over.wait(60)
        return None


def test_a_plugin_that_never_answers_ends_in_a_refusal_with_the_lane_free(
    make_gate: MakeGate, platform: FakePlatform
) -> None:
    """Seen: a silent registry held a lane beyond every deadline."""
    silent = Silent()
    plugins = Plugins({"fake": platform, "health": FakeHealth(platform), "silent": silent})
    gate = make_gate(plugins=plugins, gather_timeout_s=0.3)
    began = time.monotonic()
    with pytest.raises(EvidenceFailed, match="evidence of the plugin silent: no answer came in time"):
        gate.run(deploy(A), ACTOR)
    assert time.monotonic() - began < 5 and platform.deploys == []
    with held(gate, TESTING):
        pass  # it is free
    assert getattr(gate.ledger.database._here, "snapshot", None) is None
    silent.over.set()


def test_a_driver_that_never_answers_ends_in_a_refusal_with_the_lanes_free(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)
    over, gate.gather_timeout_s = threading.Event(), 0.3
    platform.observing = until(over)
    with pytest.raises(EvidenceFailed, match=r"did not say what .* runs: no answer came in time"):
        gate.run(promote(), ACTOR)
    with held(gate, TESTING, PROD):
        pass
    over.set()


def test_a_platform_that_falls_silent_after_the_deploy_leaves_it_unconfirmed(
    gate: Gate, platform: FakePlatform
) -> None:
    over, gate.gather_timeout_s = threading.Event(), 0.3

    def then_silence(self: FakePlatform, approval: Approval) -> Outcome:
        outcome = self.change(approval)
        self.observing = until(over)
        return outcome

    platform.behaves = then_silence
    run = gate.run(deploy(A), ACTOR)
    assert run.status == "unconfirmed" and "no answer came in time" in run.detail
    over.set()


# -- a profile of the host's


def test_rules_are_told_a_fixed_part_of_a_product_and_of_urls_no_query(
    make_gate: MakeGate, platform: FakePlatform, tmp_path: Path
) -> None:
    """Seen: a secret under `preview.override_env` went into the ledger and to OPA."""
    lanes = tuple(
        ProductLane(instance=name, context=PRODUCT, health_url=f"https://{name}.example.org/health?token=s3cr3t-{name}")
        for name in ("testing", "prod")
    )
    preview = ProductPreview(override_env={"STRIPE": "s3cr3t"})
    profile = PROFILE.model_copy(update={"lanes": lanes, "preview": preview})
    gate = make_gate(store=FileStore(tmp_path, {PRODUCT: profile}))
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    assert gate.run(promote(), ACTOR).status == "recorded"
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"s3cr3t" not in kept
    [asked] = [entry.input for entry in gate.ledger.entries(kinds=["decided"], lane=PROD) if entry.input]
    assert asked["product"].keys() == {"product", "repository", "driver_id", "image", "health_path", "lanes"}
    urls = [lane["health_url"] for lane in asked["product"]["lanes"]]
    assert [re.sub("[0-9a-f]{8}$", "…", url) for url in urls] == [
        "https://testing.example.org/health#…",
        "https://prod.example.org/health#…",
    ]
