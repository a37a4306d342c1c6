"""The line: from a request to a record. It reads top to bottom here; each stage is a module of its own.

standing  the policies decide whether this one may ask this here; nobody else is asked, and nothing is held
gather    the facts, each lane read once; the release is resolved there
admit     the policies decide whether it may happen; the decision is saved with its whole input
deploy    the driver acts, behind the one door: ``approval.redeem``; a run that deploys nothing has ``found`` instead
confirm   the lane is looked at until the policies are content, or the time is over
record    promotion record, then inventory
publish   the release for exactly the recorded commit
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

from launchplane_gate.errors import (
    LedgerError,
    NotSettled,
    PastLost,
    RecordExists,
    TokenSpent,
    Undecided,
    in_a_sentence,
)
from launchplane_gate.ledger import Key, Wish
from launchplane_gate.line import evidence, journal, standing
from launchplane_gate.line.admit import admit
from launchplane_gate.line.approval import RunApproval
from launchplane_gate.line.confirm import confirm, look_again, runs_it_already
from launchplane_gate.line.deploy import deploy
from launchplane_gate.line.errand import Call, Errand
from launchplane_gate.line.found import found
from launchplane_gate.line.gather import ask, gather
from launchplane_gate.line.interrupted import tell_what_became
from launchplane_gate.line.origin import claim_of, origin_of
from launchplane_gate.line.parts import Limits, Parts, find_lane, see_that_thresholds_can_be_met
from launchplane_gate.line.publish import publish_again, publish_recorded
from launchplane_gate.line.record import leave_pending, record
from launchplane_gate.line.replay import already_open, answered, interrupted, is_known, key_of, replay
from launchplane_gate.line.standing import Asked, Standing
from launchplane_gate.line.written import taken
from launchplane_gate.model import Decision, Outcome, Request, Run, Settling, Waiver, noun
from launchplane_gate.on_record import on_record
from launchplane_gate.outlook import Outlook, without_the_asker
from launchplane_gate.runs import read_run

__all__ = [
    "Begun",
    "Call",
    "Checked",
    "Limits",
    "Parts",
    "check",
    "find_lane",
    "may_ask",
    "observe",
    "outlook",
    "publish_again",
    "run",
]

OBSERVED_WAIT_S = 3600.0  # for a lane, where nobody is refused: as long as any deploy takes


@dataclass(frozen=True)
class Checked:
    """A decision of a check, and what it was made on. ``facts``: None for a stranger, who learns nothing of any."""

    decision: Decision
    facts: Mapping[str, Any] | None
    waivers: tuple[Waiver, ...] = ()


def check(parts: Parts, call: Call) -> Checked:
    """See Gate.check."""
    stands = standing.ask(parts, Asked.of(call.request, call.trace), call.actor)
    if not stands.permitted:
        decision = stands.decision.model_copy(update={"mode": parts.mode_of(call.request)})
        return Checked(decision, None if stands.stranger else stands.facts)
    errand = Errand(parts, call)
    see_that_thresholds_can_be_met(parts.bundle, parts.plugins, errand.profile.product)
    if found := taken(parts.store, call.request.names):
        raise RecordExists(found)
    is_known(errand, key_of(errand))
    _settle_on(errand)
    decision = ask(errand, gather(errand, "admit", dry_run=True))
    return Checked(decision, errand.facts, tuple(errand.waivers))


def outlook(parts: Parts, call: Call) -> Outlook:
    """See Gate.outlook."""
    if lost := parts.ledger.behind_its_mark():
        raise PastLost(lost)
    errand = Errand(parts, call)
    assert errand.source  # of a promotion
    see_that_thresholds_can_be_met(parts.bundle, parts.plugins, errand.profile.product)
    facts = gather(errand, "admit", dry_run=True)
    return Outlook(
        product=errand.profile.product,
        source=errand.source,
        destination=errand.destination,
        as_of=facts["now"],
        facts=without_the_asker(facts),
        waivers=tuple(errand.waivers),
    )


def may_ask(parts: Parts, call: Call) -> Decision:
    """See Gate.may_ask."""
    return standing.ask(parts, Asked.of(call.request, call.trace), call.actor).decision


def run(parts: Parts, call: Call) -> Run:
    """See Gate.run."""
    if parts.mode_of(call.request) == "observe":
        return observe(parts, call).finish()
    stands = _standing(parts, call)
    if not stands.permitted:
        return _not_permitted(call, standing.refuse(parts, stands))
    errand = Errand(parts, call)
    see_that_thresholds_can_be_met(parts.bundle, parts.plugins, errand.profile.product)
    _see_that_the_token_is_for_this(errand)
    key = key_of(errand)
    if open_run := already_open(errand, key):
        return open_run
    if not stands.allowed and not is_known(errand, key) and call.request.action != "evidence":
        return _refused(errand, stands)
    with _holding(errand):
        if stands.allowed:
            tell_what_became(errand)
            if run_id := interrupted(errand, key):
                return _told(_resumed(errand, run_id, key), errand)
        if replayed := replay(errand, key):
            return publish_recorded(errand, replayed, decided=errand.spends)
        _see_that_names_are_new(errand)
        if not stands.allowed:
            return _refused(errand, stands)
        return _told(_gone(errand, key), errand)


@dataclass(frozen=True)
class Begun:
    """A run of which the deploy is over, as it stands. ``finish`` confirms and records it, in any thread, and once."""

    run: Run
    finish: Callable[[], Run]


def observe(parts: Parts, call: Call) -> Begun:
    """See Gate.observe. Its lanes are held until it is finished.

    Nobody is refused for who asks either: admit asks those rules too, and that is on record.
    """
    if lost := parts.ledger.behind_its_mark():
        raise PastLost(lost)
    errand = Errand(parts, call)
    _see_that_the_token_is_for_this(errand)
    key = key_of(errand)
    is_known(errand, key)
    with ExitStack() as held:
        held.enter_context(_holding(errand))
        tell_what_became(errand)
        if replayed := answered(errand, key):
            return Begun(replayed, lambda: replayed)
        _see_that_names_are_new(errand)
        acted = _acted(errand, key)
        now = _read_back(errand)
        return Begun(now, partial(_finished, errand, acted, held.pop_all()))


def _finished(errand: Errand, acted: tuple[RunApproval, Outcome] | None, held: ExitStack) -> Run:
    with held:
        if acted:
            _prove(errand, *acted)
        return _told(_ended(errand), errand)


def _told(ended: Run, errand: Errand) -> Run:
    """What ended, once the plugins were told of what was recorded, or left unsettled."""
    plugins, wrong = errand.parts.plugins, []
    if ended.status == "recorded":
        wrong = plugins.recorded(ended)
    elif ended.touched:
        why = f"{ended.run_id}, a {noun(ended.action)} of {ended.release}, ended {ended.status}"
        wrong = plugins.unsettled(ended.product, ended.destination, why)
    for what in wrong:
        errand.progress(what)
    return ended


def _resumed(errand: Errand, run_id: str, key: Key | None) -> Run:
    """The end of an interrupted run, in place of a repeat of its request: nothing is deployed before that is known."""
    asked, parts = errand.request, errand.parts
    request = Request(
        action="resume",
        product=asked.product,
        destination=asked.destination,
        reason=asked.reason,
        of_run=run_id,
    )
    stands = standing.ask(parts, Asked.of(request, errand.trace), errand.actor)
    resuming = Errand(parts, Call(request, errand.actor, errand.progress, trace=errand.trace))
    resuming.lease, resuming.spends = errand.lease, errand.spends
    return _gone(resuming, key) if stands.allowed else _refused(resuming, stands)


def _see_that_the_token_is_for_this(errand: Errand) -> None:
    """Raises TokenSpent, which is on record, before a lane is held or anybody else is asked."""
    if errand.spends:
        try:
            errand.parts.ledger.see_unspent(errand.spends["spent"])
        except TokenSpent as error:
            journal.refuse(errand, error)
            raise


def _see_that_names_are_new(errand: Errand) -> None:
    """Raises RecordExists, which is on record, for an id that the caller chose and that a record has already.

    Where the policies are only observed nobody is refused for it, and no record overwritten either.
    """
    found = taken(errand.parts.store, errand.names)
    if found and errand.observes:
        errand.give_up_names(found)
    elif found:
        error = RecordExists(found)
        journal.refuse(errand, error)
        raise error


def _standing(parts: Parts, call: Call) -> Standing:
    """Raises as ``standing.ask`` does; that no decision could be had is on record then."""
    asked = Asked.of(call.request, call.trace)
    try:
        return standing.ask(parts, asked, call.actor)
    except PastLost:
        raise  # nothing is written into a ledger that is not the one
    except Undecided as error:
        if standing.is_stranger(parts, call.actor):
            standing.count(parts, asked)
        else:
            errand = Errand(parts, call)
            errand.release = asked.release  # so that it can be asked again
            journal.begin(errand, "undecided", {"detail": in_a_sentence(error)})
        raise


@contextmanager
def _holding(errand: Errand) -> Iterator[None]:
    ledger, limits = errand.parts.ledger, errand.parts.limits
    ledger.sum_up()
    wish = Wish(
        limits.terms(errand.run_s),
        wait_s=OBSERVED_WAIT_S if errand.observes else limits.lane_wait_s,
        waiting=errand.progress,
        subject="" if errand.observes else errand.actor.subject,
        run_id=errand.run_id,
        in_turn=errand.observes,  # nobody is refused for another one of his requests, or overtaken
    )
    with ledger.hold(errand.lanes, wish) as lease:
        errand.lease = lease
        yield


def _not_permitted(call: Call, decision: Decision) -> Run:
    """What is told to who may not ask: the decision is on record, and no run."""
    request = call.request
    return Run(
        run_id="",
        status="denied",
        action=request.action,
        product=request.product,
        source=decision.source,
        destination=decision.destination,
        release=decision.release,
        previous=None,
        actor=call.actor,
        reason=request.reason,
        started_at=decision.decided_at,
        admitted=decision,
        trace=call.trace,
    )


def _refused(errand: Errand, stands: Standing) -> Run:
    """A run that ends as it began: who asks may, and what is asked for can never be. A report is kept all the same."""
    parts = errand.parts
    if errand.request.action == "evidence":
        _settle_on(errand)
        evidence.look(errand)
    errand.release = stands.decision.release
    body = on_record(parts.ledger, parts.bundle, stands.decision, stands.facts)
    journal.begin(errand, "denied", body)
    return _kept(errand)


def _settle_on(errand: Errand) -> None:
    """Find what a run is about that deploys nothing. Raises RequestError."""
    if errand.request.action == "evidence":
        errand.claim = claim_of(errand)
    if errand.request.action in get_args(Settling):
        errand.origin = origin_of(errand)
        errand.overlooked = errand.origin.run.overlooked if errand.origin.run else ""  # it ends as that would have


def _kept(errand: Errand) -> Run:
    """The run as it ended; a report with its record, if it did not become the inventory."""
    ended = _read_back(errand)
    if ended.status not in ("recorded", "observed"):
        evidence.keep(errand, ended.admitted.decision_id if ended.admitted else "")
    return ended


def _gone(errand: Errand, key: Key | None) -> Run:
    """The run as it ended, published where it was to be."""
    if acted := _acted(errand, key):
        _prove(errand, *acted)
    return _ended(errand)


def _ended(errand: Errand) -> Run:
    ended = _kept(errand)
    return publish_recorded(errand, ended) if ended.status in ("recorded", "unchanged") else ended


def _acted(errand: Errand, key: Key | None) -> tuple[RunApproval, Outcome] | None:
    """Decide, and have the driver act; None where the run is over by then."""
    _settle_on(errand)
    approval = admit(errand, key)
    if approval is None:
        return None
    with _closing(errand, approval):
        if not errand.origin and not errand.observes and runs_it_already(errand):
            return None
        outcome = found(errand, errand.origin) if errand.origin else deploy(errand, approval)
        return (approval, outcome) if outcome else None
    return None


def _prove(errand: Errand, approval: RunApproval, outcome: Outcome) -> None:
    """See whether what the driver did can be told to the inventory, and tell it."""
    with _closing(errand, approval):
        if errand.origin and errand.origin.is_settled:
            look_again(errand)
        elif confirm(errand):
            record(errand, approval, outcome)


@contextmanager
def _closing(errand: Errand, approval: RunApproval) -> Iterator[None]:
    """Whatever is raised inside closes the run; what is no error goes on upwards."""
    try:
        yield
    except BaseException as error:
        if errand.at != errand.ends:
            leave_pending(errand, approval)
            journal.close_after(errand, error, approval)
        if not isinstance(error, Exception):
            raise


def _read_back(errand: Errand) -> Run:
    try:
        return read_run(errand.parts.ledger, errand.run_id)
    except LedgerError as error:
        raise NotSettled(f"run {errand.run_id} ended, but how cannot be read: {in_a_sentence(error)}") from error
