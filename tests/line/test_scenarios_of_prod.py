"""What a gate in front of production must do, by number: what is true of a destination, races, and whom it believes."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from launchplane_gate.errors import EngineError, LaneBusy
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval, InventoryWriter
from launchplane_gate.model import Outcome, ReleaseIdentity, Run
from launchplane_gate.policy import Bundle, EmbeddedEngine, PolicyEngine, load_bundle, shipped_policies
from launchplane_gate.policy.engines.opa.engine import OpaEngine
from launchplane_gate.policy.engines.protocol import EvaluationFailed, Undefined
from launchplane_gate.records import ProductImage
from launchplane_gate.settings import OpaSettings
from launchplane_gate.store import FileStore
from tests.conftest import (
    ACTOR,
    IMAGE,
    POLICY,
    PROD,
    PRODUCT,
    PROFILE,
    TESTING,
    A,
    B,
    C,
    MakeGate,
    bundle_with,
    deploy,
    promote,
    release,
)
from tests.fakes.platform import FakePlatform
from tests.ledger.test_waivers import granted
from tests.line.test_order import codes, records_of, why
from tests.line.test_rollback import rollback
from tests.line.test_scenarios import both, inventory, promotions, runs_now
from tests.line.test_settling_runs import reconcile

__all__ = ["both"]

F = release("F")  # that nobody deployed anywhere


# -- what is true of a destination


def test_s22_a_promotion_that_is_not_proven_marks_prod_until_one_is(both: Gate, platform: FakePlatform) -> None:
    """S22: prod is told to be unverified in each later question, and takes what testing runs or goes back, no more."""
    both.run(deploy(B), ACTOR)
    platform.reports[str(PROD)] = A.source_git_ref
    run = both.run(promote(), ACTOR)
    assert (run.status, runs_now(both, PROD)) == ("unconfirmed", A.source_git_ref)
    assert both.store.read_promotion_record(str(run.promotion_record_id)).deploy.status == "fail"
    platform.reports.clear()
    for request in (promote(A), deploy(C, to="prod"), rollback(expected=F)):
        refused = both.run(request, ACTOR)
        assert refused.status == "denied" and refused.admitted
        if refused.admitted.phase == "admit":
            [entry] = both.ledger.decision_entries(decision_id=refused.admitted.decision_id)
            assert entry.input and entry.input["destination"]["run"]["settled"] is False
            last = entry.input["destination"]["run"]["last"]
            assert (last["status"], last["source_git_ref"]) == ("unconfirmed", B.source_git_ref)
            assert run.deployment_record_id in [one["record_id"] for one in entry.input["destination"]["deployments"]]
    back = both.check(rollback(), ACTOR)
    assert back.allowed and back.release == A
    assert both.run(promote(), ACTOR).status == "recorded"
    assert (runs_now(both, PROD), why(both, PROD)) == (B.source_git_ref, "")


@pytest.mark.parametrize("ends", [OSError("No space left on device"), KeyboardInterrupt()], ids=["full", "ended"])
def test_s24_an_inventory_that_was_not_written_is_finished_by_a_look(
    both: Gate, platform: FakePlatform, ends: BaseException
) -> None:
    """S24: after a deploy that passed and was not recorded nothing is promoted until it is seen to run."""

    def recording(_: InventoryWriter) -> None:
        raise ends

    platform.recording = recording
    if isinstance(ends, Exception):
        assert both.run(deploy(B), ACTOR).status == "unrecorded"
    else:
        with pytest.raises(KeyboardInterrupt):
            both.run(deploy(B), ACTOR)
    platform.recording = lambda writer: writer.write()
    assert records_of(both, TESTING)[-1].deploy.status == "pass" and runs_now(both, TESTING) == A.source_git_ref
    assert "lane.settled" in codes(both.run(promote(redeploy=True), ACTOR))
    platform.run(TESTING, C)
    assert both.run(reconcile(), ACTOR).status == "unconfirmed" and why(both, TESTING)
    platform.run(TESTING, B)
    count = len(platform.deploys)
    assert both.run(reconcile(), ACTOR).status == "recorded"
    assert (len(platform.deploys), runs_now(both, TESTING), why(both, TESTING)) == (count, B.source_git_ref, "")
    assert both.run(promote(), ACTOR).release == B


def test_s64_what_prod_did_not_get_is_nowhere_said_to_have_passed(both: Gate, platform: FakePlatform) -> None:
    """S64: a promotion that broke after redeem, or whose inventory is missing, has a record, and none that passed."""
    both.run(deploy(B), ACTOR)
    passed = [one.record_id for one in promotions(both) if one.deploy.status == "pass"]
    platform.behaves = lambda self, approval: self.change(approval, status="fail")
    run = both.run(promote(), ACTOR)
    assert both.store.read_promotion_record(str(run.promotion_record_id)).deploy.status == "fail"
    platform.behaves = None

    def recording(_: InventoryWriter) -> None:
        raise OSError("No space left on device")

    platform.recording = recording
    run = both.run(promote(), ACTOR)
    assert run.status == "unrecorded"
    assert both.store.read_promotion_record(str(run.promotion_record_id)).deploy.status != "pass"
    assert [one.record_id for one in promotions(both) if one.deploy.status == "pass"] == passed
    assert runs_now(both, PROD) == A.source_git_ref


def test_s66_a_rebuild_of_what_prod_runs_that_never_starts_is_not_recorded(both: Gate, platform: FakePlatform) -> None:
    """S66: prod answers with the right commit all the time, and from the container of before."""
    rebuild = ReleaseIdentity(artifact_id=f"{IMAGE}@sha256:{'9' * 64}", source_git_ref=A.source_git_ref)
    assert both.run(deploy(rebuild), ACTOR).status == "recorded"
    before = inventory(both, PROD)

    def never_starts(self: FakePlatform, approval: Approval) -> Outcome:
        outcome = self.change(approval)
        self.run(PROD, A)
        return outcome

    platform.behaves = never_starts
    run = both.run(promote(), ACTOR)
    assert run.status == "unconfirmed" and run.confirmed
    assert "confirm.artifact_matches" in [one.code for one in run.confirmed.refusals]
    assert inventory(both, PROD) == before and why(both, PROD)


# -- at the same time


def test_s29_of_two_promotions_the_second_is_decided_on_what_the_first_left(
    both: Gate, make_gate: MakeGate, platform: FakePlatform
) -> None:
    """S29: one promotion of a lane at a time; who comes second waits or is told so, and is asked about anew."""
    patient, hasty = make_gate(lane_wait_s=20), make_gate(lane_wait_s=0)
    both.run(deploy(B), ACTOR)
    second: list[Future[Run]] = []
    waits = Event()

    def meanwhile(self: FakePlatform, approval: Approval) -> Outcome:
        outcome = self.change(approval)
        self.behaves = None
        assert both.run(deploy(C), ACTOR).status == "recorded"
        second.append(ThreadPoolExecutor(1).submit(patient.run, promote(C), ACTOR, lambda _: waits.set()))
        assert waits.wait(10)
        with pytest.raises(LaneBusy, match=f"{PROD} is held"):
            hasty.run(promote(C), ACTOR)
        assert [lane for lane, _ in self.deploys].count(str(PROD)) == 2  # A, before, and B
        return outcome

    platform.behaves = meanwhile
    first = both.run(promote(B), ACTOR)
    late = second[0].result(20)
    assert [(one.status, one.release) for one in (first, late)] == [("recorded", B), ("recorded", C)]
    assert late.admitted and late.previous == B
    [entry] = both.ledger.decision_entries(decision_id=late.admitted.decision_id)
    assert entry.input and entry.input["destination"]["inventory"]["source_git_ref"] == B.source_git_ref
    assert [commit for lane, commit in platform.deploys if lane == str(PROD)] == [
        what.source_git_ref for what in (A, B, C)
    ]


def test_s30_a_direct_deploy_to_prod_waits_for_its_lane_and_needs_leave_that_is_on_record(
    both: Gate, make_gate: MakeGate, platform: FakePlatform
) -> None:
    """S30: beside a promotion nothing else is deployed to prod, and past one only with a waiver, which is kept."""
    other = make_gate()
    both.run(deploy(B), ACTOR)
    waiver = granted(both, C)

    def meanwhile(self: FakePlatform, approval: Approval) -> Outcome:
        for what in (A, C):
            with pytest.raises(LaneBusy):
                other.run(deploy(what, to="prod"), ACTOR)
        return self.change(approval)

    platform.behaves = meanwhile
    assert both.run(promote(), ACTOR).status == "recorded"
    platform.behaves, count = None, len(platform.deploys)
    refused = other.run(deploy(A, to="prod"), ACTOR)
    assert (refused.status, codes(refused), len(platform.deploys)) == ("denied", {"lane.not_bypassed"}, count)
    run = other.run(deploy(C, to="prod"), ACTOR)
    assert run.status == "recorded" and run.admitted
    [entry] = both.ledger.decision_entries(decision_id=run.admitted.decision_id)
    assert [one["waiver_id"] for one in entry.body["decision"]["waivers"]] == [waiver.waiver_id]
    assert entry.body["decision"]["action"] == "deploy"


def test_s31_what_happens_within_a_second_has_records_of_its_own(gate: Gate) -> None:
    """S31: however fast runs follow each other on a lane, each has its record and none is written over."""
    runs: list[Run] = []
    seconds: list[str] = []
    while len(runs) < 6 or len(set(seconds)) == len(seconds):
        for request in (deploy(release("ABCDEF"[len(runs) % 6])), promote(redeploy=True)):
            runs.append(gate.run(request, ACTOR))
            assert runs[-1].status == "recorded"
        seconds = [one.deploy.started_at[:19] for one in records_of(gate, TESTING)]
    for lane, action in ((TESTING, "deploy"), (PROD, "promote")):
        own = {run.run_id: run for run in runs if run.action == action}
        told = {str((one.runtime_source or {})["gate_run_id"]): one for one in records_of(gate, lane)}
        assert {run_id: one.record_id for run_id, one in told.items()} == {
            run_id: run.deployment_record_id for run_id, run in own.items()
        }
        for run_id, record in told.items():
            assert own[run_id].release and record.source_git_ref == own[run_id].release.source_git_ref  # type: ignore[union-attr]  # it has one
    promoted = [run.promotion_record_id for run in runs if run.action == "promote"]
    assert sorted(one.record_id for one in promotions(gate)) == sorted(map(str, promoted))
    assert len(set(promoted)) == len(promoted)


# -- whom it believes


def test_s33_a_run_ends_under_the_policies_and_the_product_that_let_it_go(
    make_gate: MakeGate, platform: FakePlatform, tmp_path: Path
) -> None:
    """S33: what is changed in mid-run counts for the next one, and each decision names what it was made by."""
    folder, profiles = tmp_path / "own", {PRODUCT: PROFILE}
    gate = make_gate(bundle=bundle_with(folder), store=FileStore(tmp_path, profiles))
    gate.run(deploy(A), ACTOR)

    def meanwhile(self: FakePlatform, approval: Approval) -> Outcome:
        strict = {**POLICY, "products": {PRODUCT: {**POLICY["products"][PRODUCT], "paths": []}}}
        (folder / "config" / "data.json").write_text(json.dumps(strict))
        profiles[PRODUCT] = PROFILE.model_copy(update={"image": ProductImage(repository="ghcr.io/somebody/else")})
        return self.change(approval)

    platform.behaves = meanwhile
    run = gate.run(promote(), ACTOR)
    assert run.status == "recorded" and run.admitted and run.confirmed
    for decision in (run.admitted, run.confirmed):
        [entry] = gate.ledger.decision_entries(decision_id=decision.decision_id)
        assert entry.body["decision"]["policy_revision"] == gate.bundle.revision
        assert entry.input and entry.input["product"]["image"] == {"repository": IMAGE}
    platform.behaves = None
    assert codes(gate.run(promote(redeploy=True), ACTOR)) == {"release.artifact_pinned"}
    again = make_gate(bundle=load_bundle([shipped_policies(), folder]))
    refused = again.run(promote(redeploy=True), ACTOR)
    assert codes(refused) == {"lane.path_allowed"} and refused.admitted
    assert refused.admitted.policy_revision == again.bundle.revision != gate.bundle.revision


class Says:
    """An engine of the right policies that admits by an altered answer."""

    def __init__(self, inner: PolicyEngine, alter: Callable[[Any], Any]) -> None:
        self.inner, self.alter = inner, alter
        self.name, self.revision = inner.name, inner.revision

    def ask(self, path: str, policy_input: Mapping[str, Any]) -> Any:
        answer = self.inner.ask(path, policy_input)
        return self.alter(answer) if policy_input["phase"] == "admit" else answer


def raises(error: Exception) -> Callable[[Any], Any]:
    def alter(_: Any) -> Any:
        raise error

    return alter


def satisfied_by(value: object) -> Callable[[Any], Any]:
    def alter(answer: Any) -> Any:
        results = {code: {**one, "satisfied": value} for code, one in answer["results"].items()}
        return {**answer, "results": results}

    return alter


NO_YES: dict[str, Callable[[Any], Any] | None] = {
    "unreachable": None,
    "undefined": raises(Undefined("nothing stands there")),
    "an error": raises(EvaluationFailed("division by zero")),
    "a word": satisfied_by("true"),
    "a number": satisfied_by(1),
    "yes, and no more": lambda _: True,
    "nothing": lambda _: None,
}


@pytest.mark.parametrize("wrong", NO_YES)
def test_s34_without_a_plain_yes_nothing_is_deployed(
    make_gate: MakeGate, bundle: Bundle, engine: EmbeddedEngine, platform: FakePlatform, wrong: str
) -> None:
    """S34: an engine that is away, fails, or says anything but yes lets nothing through, and that is on record."""
    alter, status = NO_YES[wrong], "undecided"
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and it does not listen
        away = OpaEngine(bundle, OpaSettings(url=f"http://127.0.0.1:{nobody.getsockname()[1]}"))
        gate = make_gate(engine=Says(engine, alter) if alter else away)
        try:
            status = gate.run(deploy(A), ACTOR).status
        except EngineError as error:
            assert error.exit_code == 3
    row = gate.ledger.run_row(gate.ledger.runs()[0])
    assert row and row.status == status == ("denied" if wrong == "an error" else "undecided")
    assert platform.deploys == [] and records_of(gate, TESTING) == []
    assert make_gate().run(deploy(A), ACTOR).status == "recorded"
