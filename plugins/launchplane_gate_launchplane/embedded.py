"""The gate as the host calls it: an authorized call goes down the line, and comes back in the host's shapes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, Protocol

from launchplane_gate.errors import GateError, NotSettled, Undecided, in_a_sentence
from launchplane_gate.gate import Gate, quiet
from launchplane_gate.hookspecs import Act
from launchplane_gate.lanes import look_at
from launchplane_gate.line import find_lane
from launchplane_gate.model import Actor, Lane, Request, Run
from launchplane_gate.on_record import kept
from launchplane_gate.records import ProductProfile
from launchplane_gate.runs import read_run
from launchplane_gate_launchplane import answers, calls
from launchplane_gate_launchplane.answers import Refusal
from launchplane_gate_launchplane.calls import Place
from launchplane_gate_launchplane.evidence import Evidence
from launchplane_gate_launchplane.protocol import Answer, Call, Deny, Reading

log = logging.getLogger(__name__)

LOOKS_S = 0.2  # between two looks at a run that another call has under way

Taken = Answer | Refusal | Callable[[], Answer] | None
"""What becomes of a call; what is still to be called is the host's own, whose exceptions are the host's too."""


class Acting(Protocol):
    """What deploys in a call, and stands at the provider meanwhile."""

    def act_of(self, call: Call) -> Act:
        """The host's executor of a call, as what deploys in it."""

    def change(
        self,
        *,
        method: str,
        path: str,
        payload: Any,
        query: Any,
        timeout_s: float,
        send: Callable[[Any, float], Any],
    ) -> Any:
        """See protocol.HostGate.change."""


class EmbeddedGate:
    """What a host installs. Safe in its threads.

    ``deny`` makes the host's GateDenied; ``products`` lists the host's product profiles. ``governs``: the drivers whose
    products are governed; ``not_governed`` says what happens to a deploy of any other product.
    """

    def __init__(
        self,
        gate: Gate,
        acting: Acting,
        *,
        deny: Deny,
        products: Callable[[], Iterable[Any]],
        governs: frozenset[str],
        not_governed: Literal["pass", "refuse"] = "refuse",
    ) -> None:
        self._gate, self._acting, self._deny, self._products = gate, acting, deny, products
        self._governs, self._not_governed = governs, not_governed
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
        if call.request is None:
            return _past_the_gate(call, "whatever it holds")
        profile = self._governed(call)
        if profile is None:
            return self._of_nobody(call)
        place = Place.of(call.request)
        if calls.is_command(call.route):
            return _past_the_gate(call, f"{profile.product}/{place.instance}")
        if call.route in calls.DEPLOYS | calls.PROMOTES:
            return self._shipped(call, calls.request_of(call, profile.product), calls.actor_of(call.identity))
        if call.route in calls.WRITES:
            return self._evidence.taken(call, profile)
        what = f"{call.route} for {profile.product}, a product of the driver {profile.driver_id}"
        told = f"The gate does not govern {what}, yet. Nothing was done."
        return Refusal(409, "policy_denied", f"{told} Deploy or promote through the routes that it knows.")

    def _shipped(self, call: Call, request: Request, actor: Actor) -> Taken:
        trace = call.trace_id or None
        if calls.is_dry(call):
            decision = self._gate.check(request, actor, trace=trace)
            if not decision.allowed:
                return Refusal(409, "policy_denied", answers.denied_text(decision))
            return lambda: Answer(result=call.execute(call.record_store))
        act = self._acting.act_of(call)
        try:
            run = self._ended(lambda: self._gate.run(request, actor, quiet, act=act, trace=trace))
        except NotSettled as error:
            return Answer(result=answers.result_of(answers.unread(call, request, actor, self._lane(request), error)))
        if refusal := answers.refusal_in(run):
            return refusal
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
        return find_lane(self._gate.profile(request.product), request.destination)

    # -- who is governed

    def _governed(self, call: Call) -> ProductProfile | None:
        """The governed product that a call is about; None where it is about none. Raises Undecided.

        A caller may claim one product, and name the lane of another.
        """
        place, claimed = Place.of(call.request), self._profile(call.product)
        if claimed and self._is_governed(claimed) and (not place.context or calls.owns(claimed, place)):
            return claimed
        if not place.context:
            return None
        owner = self._owner(place)
        return self._profile(owner) if owner else None

    def _owner(self, place: Place) -> str | None:
        """The governed product whose lane this is. Raises Undecided."""
        try:
            owners = [one.product for one in self._products() if self._is_governed(one) and calls.owns(one, place)]
        except Exception as error:  # whatever the host's store raises: a lane that may be governed is not let go
            what = f"whose lane {place.context}/{place.instance} is cannot be told: {in_a_sentence(error)}"
            raise Undecided(what, hint="Nothing was done. Restore the product profile that cannot be read.") from error
        return owners[0] if owners else None

    def _profile(self, product: str) -> ProductProfile | None:
        try:
            return self._gate.store.read_product_profile_record(product) if product else None
        except FileNotFoundError:
            return None

    def _is_governed(self, profile: Any) -> bool:
        return profile.driver_id in self._governs

    def _of_nobody(self, call: Call) -> Taken:
        """What the settings say of a deploy that is not governed; records of anybody else are the host's alone."""
        if not calls.deploys(call.route):
            return None
        what = f"{call.route} for {call.product or 'a product that is not named'}"
        if self._not_governed == "pass":
            log.warning("%s is not governed: by the settings it goes past the gate", what)
            return None
        governs = ", ".join(sorted(self._governs))
        told = f"{what} is not governed, and the settings of the gate refuse that. Nothing was done."
        return Refusal(409, "not_governed", f"{told} Governed are the products of {governs} that have a profile.")

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
        owner = self._owner(place)
        if owner is None:
            return None
        lane = Lane(context=place.context, instance=place.instance)
        view = look_at(self._gate, self._gate.profile(owner), lane)
        return Reading(context=place.context, payload={"lane": view.model_dump(mode="json")})

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


def _past_the_gate(call: Call, what: str) -> Refusal:
    told = f"`{call.route}` would go past the gate, which governs {what}. Nothing was done."
    return Refusal(409, "policy_denied", f"{told} Ask the service instead, or the command `launchplane-gate`.")
