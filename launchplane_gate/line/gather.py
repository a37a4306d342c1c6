"""Gathering what a decision needs, and asking for it."""

from __future__ import annotations

import secrets
from typing import Any

from pydantic import ValidationError

from launchplane_gate.errors import EvidenceFailed
from launchplane_gate.facts import destination_facts, lane_facts
from launchplane_gate.hookspecs import Question
from launchplane_gate.ledger import new_id
from launchplane_gate.line.errand import Errand
from launchplane_gate.line.parts import EVIDENCE_DEADLINE_S
from launchplane_gate.model import Decision, Phase, PolicyInput, ReleaseIdentity, stamp
from launchplane_gate.policy import decide


def gather(errand: Errand, phase: Phase, *, dry_run: bool = False) -> dict[str, Any]:
    """The policy input, each lane read once. Raises Undecided where a fact cannot be had."""
    ledger, store = errand.parts.ledger, errand.parts.store
    own = "" if phase == "admit" else errand.run_id
    with ledger.snapshot():
        errand.records = {lane: errand.read(lane) for lane in errand.lanes}
        if phase == "admit":
            errand.release = _resolved(errand)
        here = errand.records[errand.destination]
        destination = destination_facts(here, ledger, errand.driver, store, but_run=own)
        source = lane_facts(errand.records[errand.source], ledger, errand.driver) if errand.source else None
        errand.waivers = ledger.waivers(errand.destination, errand.release)
    if phase == "admit":
        errand.version = _version(errand)
    facts: dict[str, Any] = {
        "schema_version": 1,
        "action": errand.request.action,
        "phase": phase,
        "nonce": secrets.token_hex(16),
        "actor": errand.actor.model_dump(),
        "request": {
            "product": errand.request.product,
            "reason": errand.request.reason,
            "version": errand.version,
            "expected": errand.request.expected.stated(),
            "dry_run": dry_run,
        },
        "release": errand.release and errand.release.model_dump(),
        "product": errand.profile.model_dump(mode="json", exclude_none=True),
        "driver": {"driver_id": errand.driver.driver_id},
        "source": source,
        "destination": destination,
        "evidence": errand.parts.plugins.evidence(_question(errand, phase, here.release)),
        "outcome": errand.outcome and errand.outcome.model_dump(),
    }
    facts["now"] = stamp(ledger.now())  # after the last fact
    _hold_to_contract(facts)
    return facts


def ask(errand: Errand, facts: dict[str, Any]) -> Decision:
    """What the policies say. Raises Undecided."""
    errand.facts = facts
    parts = errand.parts
    return decide(
        parts.engine,
        parts.bundle,
        facts,
        waivers=errand.waivers,
        now=parts.ledger.now(),
        decision_id=new_id("d"),
    )


def _question(errand: Errand, phase: Phase, runs: ReleaseIdentity | None) -> Question:
    decided = errand.parts.bundle.settings.products.get(errand.profile.product)
    return Question(
        phase=phase,
        product=errand.profile,
        source=errand.source,
        destination=errand.destination,
        release=errand.release,
        runs=runs,
        version=errand.version,
        branches=decided.branches if decided else (),
        deadline_s=EVIDENCE_DEADLINE_S,
    )


def _resolved(errand: Errand) -> ReleaseIdentity | None:
    """The release, once: a deploy's is the request's, a promotion's is what the source's inventory says."""
    if errand.source:
        return errand.records[errand.source].release
    return ReleaseIdentity.model_validate(errand.request.expected.stated())


def _version(errand: Errand) -> str | None:
    """The version to publish, once: given, or made of the latest. Raises RequestError where nobody publishes it."""
    request = errand.request
    if not (request.version or request.bump):
        return None
    publisher = errand.parts.plugins.publisher(errand.profile)
    return publisher.next_version(errand.profile, request.bump) if request.bump else request.version


def _hold_to_contract(facts: dict[str, Any]) -> None:
    try:
        PolicyInput.model_validate(facts)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise EvidenceFailed(f"the facts do not fit together: {place}: {first['msg']}") from None
