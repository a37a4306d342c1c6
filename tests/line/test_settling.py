"""One good look proves a moment: what is deployed has to stay up before it is recorded."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from launchplane_gate.gate import Gate
from launchplane_gate.ledger import Ledger
from launchplane_gate.line.confirm import LOOKS_WHILE_SETTLING
from launchplane_gate.model import Decision, Lane
from launchplane_gate.policy import Bundle, EmbeddedEngine
from tests.conftest import ACTOR, PROD, TESTING, A, B, MakeGate, bundle_in, deploy, promote
from tests.fakes.platform import FakePlatform
from tests.line.test_evidence import report

pytestmark = pytest.mark.thorough  # it waits for containers to settle

SETTLE_S = 1


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, EmbeddedEngine]:
    bundle = bundle_in(tmp_path_factory.mktemp("patient"), settle_s=SETTLE_S)
    return bundle, EmbeddedEngine(bundle)


@pytest.fixture
def gate(make_gate: MakeGate, patient: tuple[Bundle, EmbeddedEngine]) -> Gate:
    return make_gate(bundle=patient[0], engine=patient[1], confirm_timeout_s=0.6)


def codes(decision: Decision | None) -> list[str]:
    assert decision
    return [refusal.code for refusal in decision.refusals]


def after_looks(count: int, act: Callable[[Lane], None]) -> Callable[[Lane], None]:
    """Act once a lane was looked at so often."""
    looks: list[Lane] = []

    def observing(lane: Lane) -> None:
        looks.append(lane)
        if len(looks) == count:
            act(lane)

    return observing


def test_a_release_is_recorded_once_every_look_of_the_settle_time_was_good(gate: Gate) -> None:
    began = time.monotonic()
    told: list[str] = []
    run = gate.run(deploy(A), ACTOR, told.append)
    assert run.status == "recorded" and time.monotonic() - began >= SETTLE_S
    assert [line for line in told if "stay so" in line][:1] == ["testing is seen running it; it has to stay so for 1 s"]
    confirmed = gate.ledger.body_of(run.run_id, "confirmed")
    assert confirmed and confirmed["containers"] == [["c1", "1", 0, A.artifact_id]] and confirmed["good_since"]


def test_few_looks_are_enough_to_see_it_stay(gate: Gate, platform: FakePlatform) -> None:
    """Each asks the platform, the health of each URL and the policies: a gate that only waits leaves its host be."""
    looks: list[Lane] = []
    platform.observing = looks.append
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    assert len(looks) <= 1 + 1 + LOOKS_WHILE_SETTLING  # of admit, the first good one, and those until it is settled


def test_a_release_that_dies_while_it_settles_is_not_recorded(gate: Gate, platform: FakePlatform) -> None:
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    platform.observing = after_looks(3, platform.stop)
    run = gate.run(deploy(B), ACTOR)
    assert run.status == "unconfirmed"
    inventory = gate.store.read_environment_inventory(context_name=TESTING.context, instance_name="testing")
    assert inventory.source_git_ref == A.source_git_ref


def test_slow_looks_see_it_stay_as_long_as_is_asked_for(gate: Gate, platform: FakePlatform) -> None:
    """What is reported is given no time to come up, and the whole time to stay up, however long each look takes."""
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    platform.run(TESTING, B)
    platform.observing = lambda _: time.sleep(0.6 * SETTLE_S)
    assert gate.run(report(B), ACTOR).status == "recorded"


def test_a_crash_loop_is_never_recorded(gate: Gate, platform: FakePlatform) -> None:
    """Every look is good, and finds another container."""
    platform.observing = platform.restart
    run = gate.run(deploy(A), ACTOR)
    assert run.status == "unconfirmed" and codes(run.confirmed) == ["confirm.stayed_up"]


def test_a_change_starts_the_time_anew(gate: Gate, platform: FakePlatform) -> None:
    platform.observing = after_looks(3, platform.restart)
    began = time.monotonic()
    assert gate.run(deploy(A), ACTOR).status == "recorded"
    assert time.monotonic() - began >= SETTLE_S * 1.1


def test_what_cannot_be_read_just_now_is_a_bad_look(gate: Gate, platform: FakePlatform) -> None:
    platform.observing = after_looks(3, lambda _: setattr(platform, "digests", "failed"))
    run = gate.run(deploy(A), ACTOR)
    assert run.status == "unconfirmed"
    assert codes(run.confirmed) == [
        "confirm.artifact_matches",
        "confirm.stayed_up",
        "release.told_apart",
    ]


def test_looks_keep_the_lease_alive(make_gate: MakeGate, patient: tuple[Bundle, EmbeddedEngine]) -> None:
    gate = make_gate(bundle=patient[0], engine=patient[1], lease_s=0.7, write_s=0.1)
    assert gate.run(deploy(A), ACTOR).status == "recorded"


def test_a_source_whose_containers_were_replaced_has_to_settle_again(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)
    platform.restart(TESTING)
    began = time.monotonic()
    told: list[str] = []
    assert gate.run(promote(), ACTOR, told.append).status == "recorded"
    assert time.monotonic() - began >= 2 * SETTLE_S
    assert any("are others than it was confirmed on" in line for line in told)


def test_a_source_that_keeps_restarting_is_not_promoted(gate: Gate, platform: FakePlatform) -> None:
    gate.run(deploy(A), ACTOR)
    platform.observing = lambda lane: platform.restart(lane) if lane == TESTING else None
    run = gate.run(promote(), ACTOR)
    assert run.status == "denied" and codes(run.admitted) == ["inventory.source_running"]
    assert str(PROD) not in platform.runs


def test_a_source_that_is_as_it_was_confirmed_waits_for_nothing(
    gate: Gate, platform: FakePlatform, tmp_path: Path
) -> None:
    gate.run(deploy(A), ACTOR)
    began = time.monotonic()
    assert gate.check(promote(), ACTOR).allowed
    assert time.monotonic() - began < SETTLE_S
    assert Ledger.open(tmp_path, holds_records=True).verify().wrong == ()
