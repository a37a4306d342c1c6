"""The gate as the host calls it: an authorized call goes down the line, and comes back in the host's shapes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Literal, Protocol

from launchplane_gate.errors import GateError, NotSettled, Undecided
from launchplane_gate.gate import Gate, quiet
from launchplane_gate.hookspecs import Approval, Progress
from launchplane_gate.lanes import look_at
from launchplane_gate.model import Actor, Lane, Outcome, Request, Run, lanes_of
from launchplane_gate.on_record import kept
from launchplane_gate.records import ProductProfile
from launchplane_gate.runs import read_run
from launchplane_gate_launchplane import answers, calls
from launchplane_gate_launchplane.answers import Refusal
from launchplane_gate_launchplane.calls import Place
from launchplane_gate_launchplane.cutover import cut_over
from launchplane_gate_launchplane.evidence import Evidence
from launchplane_gate_launchplane.governed import Governed, Ungoverned
from launchplane_gate_launchplane.kept_back import KeptBack
from launchplane_gate_launchplane.protocol import Answer, Call, Deny, Reading
from launchplane_gate_launchplane.store import LaunchplaneStore

log = logging.getLogger(__name__)

LOOKS_S = 0.2  # between two looks at a run that another call has under way

Taken = Answer | Refusal | Callable[[], Answer] | None
"""What becomes of a call; what is still to be called is the host's own, whose exceptions are the host's too."""


class Deploying(Protocol):
    """The host's executor of one call, as what deploys in it.

    ``result``: what it returned, once it did; ``raised``: what it raised instead.
    """

    result: Any
    raised: Exception | None

    def __call__(self, approval: Approval, progress: Progress) -> Outcome: ...


class Acting(Protocol):
    """What deploys in a call, and stands at the provider meanwhile."""

    def act_of(self, call: Call) -> Deploying: ...

    @property
    def change(self) -> Callable[..., Any]:
        """See protocol.HostGate.change."""


class EmbeddedGate:
    """What a host installs. Safe in its threads. ``deny`` makes the host's GateDenied."""

    def __init__(self, gate: Gate, store: LaunchplaneStore, acting: Acting, governed: Governed, deny: Deny) -> None:
        self._gate, self._store, self._acting, self._governed, self._deny = gate, store, acting, governed, deny
        self._evidence = Evidence(gate)

    # -- a call

    def run(self, call: Call) -> Answer | None:
        """See protocol.HostGate.run."""
        with self._in_its_words(call.route):
            taken = self._taken(call)
        if isinstance(taken, Refusal):
            raise self._denied(taken)
        return taken() if callable(taken) else taken

    def _taken(self, call: Call) -> Taken:
        if not self._store.is_over(call.record_store):
            raise Undecided(
                "the records that this call is about are not those that the gate reads",
                hint="Nothing was done. Name the host's own state_dir or database_url in [plugins.launchplane].",
            )
        if call.request is None:
            return _past_the_gate(call, "whatever it holds")
        calls.hold_to_their_folders(call.request)
        if call.route == calls.CUTOVER:
            return self._cut_over(call)
        profile = self._governed.product_of(call)
        if not isinstance(profile, ProductProfile):
            return _of_nobody(call, profile)
        place, is_observed = Place.of(call.request), profile.product in self._gate.observed
        if calls.is_command(call.route):
            return _unseen(call) if is_observed else _past_the_gate(call, f"{profile.product}/{place.instance}")
        if profile.driver_id in self._gate.plugins.drivers:
            if call.route in calls.DEPLOYS | calls.PROMOTES:
                shipped = self._observed if is_observed else self._shipped
                return shipped(call, calls.request_of(call, profile.product), calls.actor_of(call.identity))
            if call.route in calls.WRITES:
                told = self._told if is_observed else self._evidence.taken
                return told(call, profile)
        return _unseen(call) if is_observed else _not_yet(call, profile)

    def _cut_over(self, call: Call) -> Taken:
        context = call.request.target_context  # type: ignore[union-attr]  # of this route's request
        moved = self._governed.moved(call.product, context)
        enforced = {instance for instance, products in moved.items() if not products <= self._gate.observed}
        if enforced:
            return lambda: Answer(result=cut_over(call, context, enforced))
        return _unseen(call) if moved else None

    def _shipped(self, call: Call, request: Request, actor: Actor) -> Taken:
        trace = call.trace_id or None
        if calls.is_dry(call):
            decision = self._gate.check(request, actor, trace=trace)
            if not decision.allowed:
                return Refusal(409, "policy_denied", answers.denied_text(decision))
            return lambda: Answer(result=call.execute(KeptBack(call.record_store)))
        act = self._acting.act_of(call)
        try:
            run = self._ended(lambda: self._gate.run(request, actor, quiet, act=act, trace=trace))
        except NotSettled as error:
            return Answer(result=answers.result_of(answers.unread(call, request, actor, self._lane(request), error)))
        return answers.refusal_in(run) or self._answer(call, run)

    def _observed(self, call: Call, request: Request, actor: Actor) -> Taken:
        """The answer of the host's own executor, once it has one; what it brought is proven after that."""
        if calls.is_dry(call):
            return lambda: Answer(result=call.execute(KeptBack(call.record_store)))
        act = self._acting.act_of(call)
        try:
            begun = self._gate.observe(request, actor, quiet, act=act, trace=call.trace_id or None)
        except GateError:
            if not (act.raised or act.result):
                raise
            log.exception("what %s did is not on record as it should be", call.route)
            return lambda: _as_before(act, None)
        begun.ended.add_done_callback(_tell)
        run = begun.run
        if not run.replayed and (act.raised or act.result):
            return lambda: _as_before(act, run)
        if run.status == "fail" and not run.touched:
            return _unseen(call)  # its executor was not asked: the gate has no target for its lane, or not that alone
        return answers.refusal_in(run) or self._answer(call, run)

    def _told(self, call: Call, profile: ProductProfile) -> Taken:
        """Evidence about a product that is observed: what the gate would not take is the host's alone."""
        try:
            taken = self._evidence.taken(call, profile)
        except GateError as error:
            log.warning("the gate cannot take what %s tells: %s", call.route, error)
            return _unseen(call)
        return _unseen(call) if isinstance(taken, Refusal) else taken

    def _answer(self, call: Call, run: Run) -> Answer:
        return Answer(
            result=answers.result_of(answers.told_of(call, run, self._gate)),
            original_trace_id=(run.trace or run.run_id) if run.replayed else "",
        )

    def _ended(self, ask: Callable[[], Run]) -> Run:
        """The run of a request; of one that is under way already, as it ended, where that is soon enough."""
        run, deadline = ask(), time.monotonic() + self._gate.lane_wait_s
        while run.replayed and run.status == "open":
            if time.monotonic() >= deadline:
                return run
            time.sleep(LOOKS_S)
            if read_run(self._gate.ledger, run.run_id).status != "open":
                run = ask()
        return run

    def _lane(self, request: Request) -> Lane:
        lanes = lanes_of(self._gate.profile(request.product))
        return next(lane for lane in lanes if lane.instance == request.destination)

    @property
    def change(self) -> Callable[..., Any]:
        """See protocol.HostGate.change."""
        return self._acting.change

    # -- what is read

    def read(self, action: Literal["gate_decision.read", "gate_lane.read"], params: Mapping[str, str]) -> Reading:
        """See protocol.HostGate.read: the documents of ``decisions show`` and ``lanes``."""
        with self._in_its_words(action):
            found = self._decision(params) if action == "gate_decision.read" else self._lane_view(params)
        if found is None:
            raise FileNotFoundError(f"the gate knows of none: {', '.join(params.values())}")
        return found

    def _decision(self, params: Mapping[str, str]) -> Reading | None:
        found = kept(self._gate.ledger, params["decision_id"])
        if found is None:
            return None
        return Reading(context=found.decision.destination.context, payload={"decision": found.document})

    def _lane_view(self, params: Mapping[str, str]) -> Reading | None:
        place = Place(params["context"], params["instance"])
        profile = self._governed.on(place)
        if profile is None:
            return None
        if source := params.get("from"):
            return self._outlook(profile, place, source)
        view = look_at(self._gate, profile, Lane(context=place.context, instance=place.instance))
        return Reading(context=place.context, payload={"lane": view.model_dump(mode="json")})

    def _outlook(self, profile: ProductProfile, place: Place, source: str) -> Reading | None:
        """All that a promotion from another lane would be decided on; for whoever may see the lane that it leads to."""
        if Lane(context=place.context, instance=source) not in lanes_of(profile):
            return None
        outlook = self._gate.outlook(profile.product, source, place.instance)
        return Reading(context=place.context, payload={"outlook": outlook.model_dump(mode="json")})

    # -- what is refused

    @contextmanager
    def _in_its_words(self, what: str) -> Iterator[None]:
        """Raises the host's GateDenied, and nothing that one of its handlers would take for a fault of the caller."""
        try:
            yield
        except GateError as error:
            raise self._denied(answers.refusal_of(error)) from error
        except Exception as error:
            log.exception("the gate failed at %s", what)
            told = f"The gate failed: {type(error).__name__}. `launchplane-gate lanes` tells how each lane stands."
            raise self._denied(Refusal(503, answers.UNAVAILABLE, told)) from error

    def _denied(self, refusal: Refusal) -> Exception:
        return self._deny(status=refusal.status, code=refusal.code, message=refusal.message)


def _as_before(act: Deploying, run: Run | None) -> Answer:
    """The answer of the executor itself, where policies are only observed. Raises what it raised."""
    if act.raised:
        raise act.raised
    return Answer(result=answers.as_executed(act.result, run) if run else act.result)


def _unseen(call: Call) -> Taken:
    """The host goes on alone; what it leaves unsettles its lane, as all that is done past the gate."""
    log.warning("%s goes past the gate, which only observes its product: see `launchplane-gate lanes`", call.route)
    return None


def _tell(ended: Future[Run]) -> None:
    """Of what was observed, and could not be finished."""
    if error := ended.exception():
        log.error("a run that was observed could not be finished, see `launchplane-gate runs list`: %s", error)


def _past_the_gate(call: Call, what: str) -> Refusal:
    told = f"`{call.route}` would go past the gate, which governs {what}. Nothing was done."
    return Refusal(409, "policy_denied", f"{told} Ask the service instead, or the command `launchplane-gate`.")


def _of_nobody(call: Call, why: Ungoverned) -> Refusal | None:
    """What the settings say of a deploy that is not governed; records of anybody else are the host's alone."""
    if not calls.deploys(call.route):
        return None
    what = f"{call.route} for {call.product or 'a product that is not named'}"
    if why == "left alone":
        log.warning("%s goes past the gate: the settings name it under not_governed", what)
        return None
    told = f"{what} is of no product that Launchplane has a record of, and so is not governed. Nothing was done."
    return Refusal(409, "not_governed", f"{told} Write its product profile; or name it under not_governed.")


def _not_yet(call: Call, profile: ProductProfile) -> Refusal:
    told = f"The gate cannot govern {call.route} for {profile.product}, of the driver {profile.driver_id}, yet."
    return Refusal(409, "policy_denied", f"{told} Nothing was done. Leave it alone by name, in not_governed, or wait.")
