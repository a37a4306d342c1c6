"""Whatever is done to two lanes, in whatever order, what the gate says of them is true, and something leads back.

Deploys, promotions, rollbacks and reports; runs that fail, that nobody hears of again, that are killed or stopped at
any point; what somebody else does by hand, to platform and records; older ledgers put back. After each of them the
inventories are held against all that was seen to run. LAUNCHPLANE_GATE_MATRIX=1 tells more and longer stories.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from launchplane_gate.commands import ARTIFACT, COMMIT
from launchplane_gate.errors import GateError
from launchplane_gate.gate import Gate
from launchplane_gate.hookspecs import Approval
from launchplane_gate.lanes import look
from launchplane_gate.ledger import FILE_NAME, Ledger, Terms, Wish
from launchplane_gate.ledger.sqlite import Sqlite
from launchplane_gate.line import standing
from launchplane_gate.line.lane_requests import LaneRequest
from launchplane_gate.model import Lane, Outcome, ReleaseIdentity, Request, Run, lanes_of
from launchplane_gate.policy import Bundle, EmbeddedEngine
from launchplane_gate.restoring import Consent, copied, enter, heads_of, losses, opened_copy, put_in_place
from launchplane_gate.runs import read_run
from launchplane_gate.store import FileStore
from tests.conftest import ACTOR, APPROVER, PROD, PRODUCT, PROFILE, TESTING, deploy, promote, release
from tests.fakes.platform import FakePlatform
from tests.line.test_evidence import report
from tests.line.test_order import file_of, why
from tests.line.test_settling_runs import reconcile, resume
from tests.line.worlds import DiskPlatform, Points, World, begun, typed

STORIES, STEPS = {"": (6, 20), "1": (40, 30)}.get(os.environ.get("LAUNCHPLANE_GATE_MATRIX", ""), (200, 40))
SHORT_S = 1.5  # the lease of a process that is killed or stopped, which is waited for
LANES = (TESTING, PROD)
RELEASES = [release(letter) for letter in "abc"]
FILLED_IN, LAST = release("e"), release("f")  # of which no story tells

lanes, releases = st.sampled_from(LANES), st.sampled_from(RELEASES)


def fails(platform: FakePlatform, approval: Approval) -> Outcome:
    return platform.change(approval, status="fail", detail="it says so")


def does_nothing(platform: FakePlatform, approval: Approval) -> Outcome:
    return Outcome(status="fail", touched=False, detail="nothing was done")


def does_not_know(platform: FakePlatform, approval: Approval) -> Outcome:
    return platform.change(approval, status="unknown")


def raises(platform: FakePlatform, approval: Approval) -> Outcome:
    platform.change(approval)
    raise RuntimeError("the connection was lost")


def ends(platform: FakePlatform, approval: Approval) -> Outcome:
    platform.change(approval)
    raise KeyboardInterrupt


def ends_before(platform: FakePlatform, approval: Approval) -> Outcome:
    raise KeyboardInterrupt


def runs_another(platform: FakePlatform, approval: Approval) -> Outcome:
    outcome = platform.change(approval)
    platform.run(approval.lane, next(one for one in RELEASES if one != approval.release))
    return outcome


Behaviour = Callable[[FakePlatform, Approval], Outcome] | None
behaviours = st.sampled_from(
    [None, None, None, None, fails, does_nothing, does_not_know, raises, ends, ends_before, runs_another]
)


class Story(RuleBasedStateMachine):
    """Two lanes, and all that can happen to them. ``named``: what the inventories said after the last step."""

    root: ClassVar[Path]
    policies: ClassVar[Bundle]
    engine: ClassVar[EmbeddedEngine]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=self.root))
        self.world = World(self.folder / "state", self.policies)
        self.world.state.mkdir(parents=True)
        self.numbers = count()
        self.older: Path | None = None
        self.stopped: tuple[int, int] | None = None
        self.gate = self._open()
        self.named: dict[Lane, ReleaseIdentity | None] = dict.fromkeys(LANES)
        self.brought: set[ReleaseIdentity] = set()  # to prod, by runs that redeemed
        self.words = ""  # in which the last request ended that ended in words

    def _open(self) -> Gate:
        return self.world.gate(self.engine)

    @property
    def platform(self) -> DiskPlatform:
        platform = self.gate.plugins.drivers["fake"]
        assert isinstance(platform, DiskPlatform)
        return platform

    def ask(self, request: Request, behaves: Behaviour = None, *, actor: Any = ACTOR) -> Run | None:
        """How a request ends; None where it ends in words."""
        source = self.named_now(TESTING) if request.action == "promote" else None
        seen = self.platform.runs.get(str(TESTING))
        self.platform.behaves = behaves
        try:
            run = self.gate.run(request, actor)
        except KeyboardInterrupt:
            run = read_run(self.gate.ledger, self.gate.ledger.runs(limit=1)[0])
        except GateError as error:
            self.words = str(error)
            return None
        finally:
            self.platform.behaves = None
            self.platform.save()
        if run.redeemed and request.action == "promote":  # what was promoted is what testing ran, and was recorded to
            assert run.release == source == seen
        if run.admitted and run.run_id:
            assert self.gate.ledger.decision_entries(decision_id=run.admitted.decision_id)
        if run.status == "recorded":
            assert why(self.gate, run.destination) == ""
        return run

    def named_now(self, lane: Lane) -> ReleaseIdentity | None:
        try:
            found = self.gate.store.read_environment_inventory(context_name=lane.context, instance_name=lane.instance)
        except FileNotFoundError:
            return None
        assert found.artifact_identity
        return ReleaseIdentity(artifact_id=found.artifact_identity.artifact_id, source_git_ref=found.source_git_ref)

    # -- what people ask for

    @initialize(is_new=st.booleans())
    def both_lanes_run_a_release(self, is_new: bool) -> None:
        if not is_new:
            self.ask(deploy(RELEASES[0]))
            self.ask(promote())

    @rule(what=releases, behaves=behaviours)
    def somebody_deploys(self, what: ReleaseIdentity, behaves: Behaviour) -> None:
        self.ask(deploy(what), behaves)

    @rule(behaves=behaviours, redeploy=st.booleans())
    def somebody_promotes(self, behaves: Behaviour, redeploy: bool) -> None:
        self.ask(promote(redeploy=redeploy), behaves)

    @rule(lane=lanes, behaves=behaviours)
    def somebody_rolls_back(self, lane: Lane, behaves: Behaviour) -> None:
        self.ask(Request(action="rollback", product=PRODUCT, destination=lane.instance), behaves, actor=APPROVER)

    @rule(lane=lanes)
    def somebody_reconciles(self, lane: Lane) -> None:
        self.ask(reconcile(lane))

    @rule(lane=lanes)
    def somebody_resumes(self, lane: Lane) -> None:
        if last := self.gate.ledger.last_effective(lane):
            self.ask(resume(last.run_id, lane))

    @rule(lane=lanes, what=releases, ended=st.sampled_from(["pass", "pass", "fail"]))
    def somebody_reports(self, lane: Lane, what: ReleaseIdentity, ended: Any) -> None:
        self.ask(report(what, lane, reported=ended))

    # -- what nobody asked for

    @rule(lane=lanes, what=releases)
    def somebody_deploys_by_hand(self, lane: Lane, what: ReleaseIdentity) -> None:
        self.platform.run(lane, what)
        self.platform.save()

    @rule(lane=lanes, started_at=st.sampled_from(["", "2099-01-01T00:00:00Z", "2001-01-01T00:00:00Z"]))
    def somebody_writes_a_record(self, lane: Lane, started_at: str) -> None:
        store = self.gate.store
        try:
            named = store.read_environment_inventory(context_name=lane.context, instance_name=lane.instance)
            own = store.read_deployment_record(named.deployment_record_id)
        except FileNotFoundError:
            return
        told = own.deploy.model_copy(update={"started_at": started_at})
        other = {"record_id": f"by-hand-{next(self.numbers)}", "deploy": told, "runtime_source": {}}
        store.write_deployment_record(own.model_copy(update=other))

    @rule(lane=lanes)
    def a_record_is_torn(self, lane: Lane) -> None:
        path = file_of(self.gate, lane, f"torn-{next(self.numbers)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{")

    # -- what becomes of processes

    @precondition(lambda self: self.stopped is None)
    @rule(what=releases, is_promotion=st.booleans(), point=st.integers(1, 30))
    def a_process_is_killed(self, what: ReleaseIdentity, is_promotion: bool, point: int) -> None:
        request = promote(redeploy=True) if is_promotion else deploy(what)
        self._see_that_it_ends(*self._begin(request, Points(point)))
        self.world.let_time_pass(self.gate)

    @precondition(lambda self: self.stopped is None)
    @rule(what=releases, is_promotion=st.booleans(), point=st.integers(1, 30))
    def a_process_is_stopped(self, what: ReleaseIdentity, is_promotion: bool, point: int) -> None:
        request = promote(redeploy=True) if is_promotion else deploy(what)
        pid, told = self._begin(request, Points(point, by=signal.SIGSTOP))
        _, status = os.waitpid(pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            self.stopped = pid, told
        else:
            os.close(told)
        self.platform.load()

    @precondition(lambda self: self.stopped is not None)
    @rule()
    def it_goes_on(self) -> None:
        assert self.stopped
        (pid, told), self.stopped = self.stopped, None
        os.kill(pid, signal.SIGCONT)
        self._see_that_it_ends(pid, told)

    def _begin(self, request: Request, points: Points) -> tuple[int, int]:
        def act(gate: Gate) -> Run:
            try:
                return gate.run(request, ACTOR)
            except GateError:
                raise SystemExit from None

        return begun(self.world, act, points, self.engine, lease_s=SHORT_S)

    def _see_that_it_ends(self, pid: int, told: int) -> None:
        with os.fdopen(told) as answer:
            answer.read()
        os.waitpid(pid, 0)
        self.platform.load()

    # -- what becomes of the ledger

    @precondition(lambda self: self.older is None)
    @rule()
    def the_ledger_is_kept(self) -> None:
        self.older = self.folder / f"older-{next(self.numbers)}.sqlite"
        database = self.gate.ledger.database
        assert isinstance(database, Sqlite)
        database.backup(self.older)

    @precondition(lambda self: self.older is not None and self.stopped is None)
    @rule()
    def an_older_ledger_is_put_back(self) -> None:
        """Unless nothing came since, it is noticed; and on it goes once that is on record."""
        assert self.older
        self._wait_until_nobody_holds_a_lane()
        known = [*heads_of(self.world.state / FILE_NAME), *Ledger.marked(self.world.state)]
        self.gate.ledger.close()
        self._restore(self.older, known)
        self.older = None
        self.gate = self._open()

    def _wait_until_nobody_holds_a_lane(self) -> None:
        for lane in LANES:
            with self.gate.ledger.hold([lane], Wish(Terms(run_s=1), wait_s=30)):
                pass

    def _restore(self, older: Path, known: list[Any]) -> None:
        products = dict.fromkeys(lanes_of(PROFILE), PRODUCT)
        seen: dict[Lane, Any] = {lane: self.platform.observe(lane) for lane in LANES}
        with copied(older, self.world.state) as copy:
            ledger = opened_copy(copy, older)
            ledger.let_go()
            asked = standing.Asked("restore", "", "", reason="a story")
            decided = standing.consent(self.policies, self.engine, [PROFILE], asked, APPROVER, now=ledger.now())
            store = FileStore(self.world.state, {PRODUCT: PROFILE})
            found = losses(store, ledger, products, known, seen)
            enter(store, ledger, self.policies, found, Consent(APPROVER, "a story", decided))
            ledger.close()
            put_in_place(copy, self.world.state, f"kept-{next(self.numbers)}")
        ledger = Ledger.in_file(self.world.state / FILE_NAME)
        ledger.mark_anew(self.world.state)
        ledger.close()

    # -- what holds after each step

    @invariant()
    def an_inventory_names_what_was_seen_to_run(self) -> None:
        ledger = self.gate.ledger
        for run_id in ledger.runs(PROD, limit=5):
            run = read_run(ledger, run_id)
            if run.redeemed and run.release:
                self.brought.add(run.release)
        for lane in LANES:
            now = self.named_now(lane)
            if now != self.named[lane]:
                assert now == self.platform.runs.get(str(lane)), (lane, now)
                assert lane == TESTING or now in self.brought, "what no run brought there was recorded"
            self.named[lane] = now

    @invariant()
    def the_ledger_is_whole(self) -> None:
        if self.stopped is None:
            assert self.gate.ledger.verify().wrong == ()

    def teardown(self) -> None:
        try:
            if self.stopped:
                self.it_goes_on()
            self._lead_back()
            assert [why(self.gate, lane) for lane in LANES] == ["", ""]
            for request in (deploy(LAST), promote()):  # and a release that nothing stands against passes
                run = self.gate.run(request, ACTOR)
                assert run.status == "recorded", (run.status, run.detail, run.admitted and run.admitted.refusals)
            self.an_inventory_names_what_was_seen_to_run()
        finally:
            self.gate.ledger.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _lead_back(self) -> None:
        """Type what is printed, for the lanes that are not settled first, until all of them are."""
        did: list[str] = []
        for _ in range(8):
            views = look(self.gate, [PROFILE], ACTOR)
            if not (open_ones := [view for view in views if not view.settled]):
                return
            commands = [(view, view.command or view.aside or view.back) for view in open_ones]
            if not any(command for _, command in commands):  # what it waits for is at its source
                commands = [(view, view.command) for view in views]
            for view, command in commands:
                if command:
                    did.append(f"{command}: {self._type(command, view.lane)}")
        raise AssertionError("\n".join([*did, *(f"{view.lane}: {view.why}" for view in open_ones)]))

    def _type(self, command: str, lane: Lane) -> str:
        for gap, told in ((ARTIFACT, FILLED_IN.artifact_id), (COMMIT, FILLED_IN.source_git_ref)):
            command = command.replace(gap, told)  # what only the reader can know
        words = command.split()
        if words[1:3] == ["lane", "quarantine"]:
            self.gate.quarantine_record(LaneRequest(PRODUCT, lane.instance, "a story"), words[4], APPROVER)
            return "put aside"
        run = self.ask(typed(command, lane), actor=APPROVER)
        return f"{run.status} {run.detail} {run.admitted and run.admitted.refusals}" if run else self.words


def test_whatever_is_done_something_leads_back(tmp_path: Path, bundle: Bundle, engine: EmbeddedEngine) -> None:
    here = type("Here", (Story,), {"root": tmp_path, "policies": bundle, "engine": engine})
    told = settings(
        max_examples=STORIES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # a story takes seconds, and is printed as it was told
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(here, settings=told)
