"""May this one ask this here? Decided before a lane is held, and before a plugin, a platform or a server is asked."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from launchplane_gate import strictjson
from launchplane_gate.errors import EngineError, PastLost, RequestError, StandingRefused
from launchplane_gate.ledger import NOWHERE, new_id
from launchplane_gate.line.parts import Parts, find_lane
from launchplane_gate.model import Action, Actor, Decision, Expected, Lane, ReleaseIdentity, Request, lanes_of
from launchplane_gate.on_record import on_record
from launchplane_gate.outlook import product_facts
from launchplane_gate.policy import Bundle, PolicyEngine, decide
from launchplane_gate.policy_input import WaiverFacts
from launchplane_gate.records import ProductProfile

PERMITTED = "actor.permitted"
UNKNOWN = "unknown"  # in place of what a stranger may not learn of


@dataclass(frozen=True)
class Asked:
    """Any request, as far as it says who may ask for it. Lanes are named by instance.

    ``release``: the one that the request names; a promotion names none. ``trace``: of the call, for the decision.
    """

    action: Action
    product: str
    destination: str
    source: str | None = None
    release: ReleaseIdentity | None = None
    expected: Expected = field(default_factory=Expected)
    reason: str = ""
    version: str | None = None
    driver: str | None = None
    waiver: WaiverFacts | None = None
    reported: str | None = None
    trace: str | None = None

    @classmethod
    def of(cls, request: Request, trace: str | None = None) -> Asked:
        stated = request.expected.stated()
        return cls(
            action=request.action,
            product=request.product,
            destination=request.destination,
            source=request.source,
            release=ReleaseIdentity.model_validate(stated) if request.action in ("deploy", "evidence") else None,
            expected=request.expected,
            reason=request.reason,
            version=request.version,
            driver=request.driver,
            reported=request.reported,
            trace=trace,
        )


@dataclass(frozen=True)
class Standing:
    """What the policies say to who asks, with all that they were asked on."""

    asked: Asked
    lane: Lane  # the one that there is, or nowhere
    decision: Decision
    facts: dict[str, Any]
    stranger: bool = False

    @property
    def permitted(self) -> bool:
        """Whether this one may ask, whatever else stands against it."""
        return any(result.code == PERMITTED and result.status == "pass" for result in self.decision.results)

    @property
    def allowed(self) -> bool:
        return self.decision.allowed


def is_stranger(parts: Parts, actor: Actor) -> bool:
    """Whether no entry of the policies names the actor, for any lane of any product."""
    return not parts.bundle.settings.names(actor)


def ask(parts: Parts, asked: Asked, actor: Actor) -> Standing:
    """Put a request to the rules of ``standing``.

    Raises PastLost, on which nothing is to be written, Undecided, and for those whom an entry of the policies names
    RequestError, where the product or a lane is not there. To anybody else that reads like a refusal, and nothing of
    what there is is told to the rules.
    """
    if is_stranger(parts, actor):
        return _of_a_stranger(parts, asked, actor)
    if lost := parts.ledger.behind_its_mark():
        raise PastLost(lost)
    profile = parts.profile(asked.product)
    facts = facts_about(profile, asked, actor)
    decision = decided(parts.bundle, parts.engine, facts, parts.ledger.now(), asked.trace)
    return Standing(asked, decision.destination, decision, facts)


def facts_about(profile: ProductProfile, asked: Asked, actor: Actor) -> dict[str, Any]:
    """The input of ``standing``. Raises RequestError for a lane that the product has not."""
    return {
        **_facts(asked, actor, find_lane(profile, asked.destination)),
        "product": product_facts(profile),
        "driver": {"driver_id": profile.driver_id, "addressed": asked.driver},
        "source": {"lane": find_lane(profile, asked.source).model_dump()} if asked.source else None,
    }


def decided(
    bundle: Bundle, engine: PolicyEngine, facts: dict[str, Any], now: datetime, trace: str | None = None
) -> Decision:
    """What the rules of ``standing`` say, at which no waiver is looked at. Raises Undecided."""
    return decide(engine, bundle, facts, waivers=(), now=now, decision_id=new_id("d"), trace=trace)


def consent(
    bundle: Bundle,
    engine: PolicyEngine,
    profiles: Iterable[ProductProfile],
    asked: Asked,
    actor: Actor,
    *,
    now: datetime,
) -> dict[Lane, tuple[Decision, dict[str, Any]]]:
    """What lets an actor ask the same of every lane of some products, before there is a ledger that could keep it.

    Raises StandingRefused, of which nothing is kept, and Undecided.
    """
    found = {}
    for profile in profiles:
        for lane in lanes_of(profile):
            facts = facts_about(profile, replace(asked, product=profile.product, destination=lane.instance), actor)
            decision = decided(bundle, engine, facts, now)
            if not decision.allowed:
                raise StandingRefused(asked.action, decision.model_copy(update={"decision_id": ""}))
            found[lane] = (decision, facts)
    return found


def refuse(parts: Parts, standing: Standing) -> Decision:
    """Keep a refusal for which there is no run; gives the decision under the id by which it is on record."""
    decision = standing.decision
    codes = sorted(result.code for result in decision.refusals)
    who = decision.actor.model_dump(exclude={"claims"})  # which differ from one job to the next
    about: list[Any] = [who, standing.asked.action, standing.asked.product, codes]
    if standing.permitted:
        about.append(decision.decision_id)  # what is refused to who may ask is an entry each time
    body = on_record(parts.ledger, parts.bundle, decision, standing.facts) | {"reason": standing.asked.reason}
    if standing.stranger:
        del body["input"]
    kept = parts.ledger.refuse(
        standing.lane,
        decision.decision_id,
        body,
        key=strictjson.digest([*about, standing.asked.destination]),
        stranger=standing.stranger,
    )
    return decision.model_copy(update={"decision_id": kept})


def count(parts: Parts, asked: Asked) -> None:
    """Keep that nobody could decide on a stranger's request: no more than that."""
    parts.ledger.refuse(_real_lane(parts, asked), "", {}, key="undecided", stranger=True)


def ask_or_raise(parts: Parts, asked: Asked, actor: Actor) -> Standing:
    """For requests that are no runs. Raises StandingRefused, which is on record, where it is refused."""
    standing = ask(parts, asked, actor)
    if not standing.allowed:
        decision = refuse(parts, standing)
        raise StandingRefused(asked.action, decision)
    return standing


def refuse_stranger(parts: Parts, action: Action, actor: Actor) -> None:
    """Before anything is looked up that a request names by an id: raises StandingRefused for whom no policy names."""
    if is_stranger(parts, actor):
        ask_or_raise(parts, Asked(action, UNKNOWN, UNKNOWN), actor)


def _facts(asked: Asked, actor: Actor, lane: Lane) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "action": asked.action,
        "phase": "standing",
        "nonce": secrets.token_hex(16),
        "actor": actor.model_dump(),
        "request": {
            "product": asked.product,
            "reason": asked.reason,
            "version": asked.version,
            "expected": asked.expected.stated(),
            "dry_run": False,
            **({"reported": asked.reported} if asked.reported else {}),
        },
        "release": asked.release and asked.release.model_dump(),
        "destination": {"lane": lane.model_dump()},
        "waiver": asked.waiver and asked.waiver.model_dump(),
    }


def _of_a_stranger(parts: Parts, asked: Asked, actor: Actor) -> Standing:
    """The same for what there is and what there is not: who may is none of their business."""
    called = Lane.model_construct(context=asked.product, instance=asked.destination)
    facts = {**_facts(asked, actor, called), "product": None, "driver": {"driver_id": ""}, "source": None}
    decision = decided(parts.bundle, parts.engine, facts, parts.ledger.now(), asked.trace)
    refused = tuple(result for result in decision.results if result.code == PERMITTED)
    if not refused or decision.allowed or refused[0].status != "fail":
        raise EngineError("the policies permit somebody whom no entry of theirs names")
    return Standing(asked, _real_lane(parts, asked), decision.model_copy(update={"results": refused}), facts, True)


def _real_lane(parts: Parts, asked: Asked) -> Lane:
    """In whose chain a stranger's request is kept."""
    try:
        return find_lane(parts.profile(asked.product), asked.destination)
    except RequestError:
        return NOWHERE
