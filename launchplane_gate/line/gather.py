"""Gathering what a decision needs, and asking for it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import ValidationError

from launchplane_gate.bounded import Deadline, NoAnswerInTime, answer_of, start
from launchplane_gate.errors import EvidenceFailed, PastLost
from launchplane_gate.facts import destination_facts, lane_facts
from launchplane_gate.hookspecs import Question
from launchplane_gate.lane_records import Backups, read_backups
from launchplane_gate.ledger import Ledger, new_id
from launchplane_gate.line.errand import Errand
from launchplane_gate.looking import Seen, confirmed_on, containers_in, may_run, observe
from launchplane_gate.model import Decision, Expected, Lane, Observation, Phase, ReleaseIdentity, stamp
from launchplane_gate.outlook import product_facts
from launchplane_gate.past import unknown_run
from launchplane_gate.policy import decide
from launchplane_gate.policy_input import PolicyInput
from launchplane_gate.publications import due_version, runs_of_commit, versions_of
from launchplane_gate.settled import settled

WATCH_LOOKS = 10  # as many as that at most while containers are watched


def gather(errand: Errand, phase: Phase, *, dry_run: bool = False) -> dict[str, Any]:
    """The policy input, each lane read once. Raises Undecided where a fact cannot be had.

    Raises SettingsError too, for a promotion that could not be attested afterwards.
    """
    ledger, store = errand.parts.ledger, errand.parts.store
    own = "" if phase == "admit" else errand.run_id
    deadline = Deadline(errand.parts.limits.gather_timeout_s)
    if errand.parts.attester and errand.request.action == "promote" and phase == "admit":
        errand.parts.attester.key_id()  # raises where nothing could be signed
    with ledger.snapshot():
        ledger.clock.anchor()
        remembered = {lane: _remembered(ledger, lane) for lane in errand.lanes}
    # Before the records, and the destination last: a look at the source may take its time.
    seen = {lane: look(errand, lane, remembered[lane], deadline) for lane in reversed(errand.lanes)}
    with ledger.snapshot():
        errand.records = {lane: errand.read(lane) for lane in errand.lanes}
        _see_the_past(errand, seen, remembered)
        if phase == "admit":
            errand.release = _resolved(errand)
        here = errand.records[errand.destination]
        backups = read_backups(store, ledger, errand.destination)
        destination = destination_facts(
            here, ledger, seen[errand.destination], backups, release=_named_by(errand), but_run=own
        )
        source = lane_facts(errand.records[errand.source], ledger, seen[errand.source]) if errand.source else None
        errand.waivers = ledger.waivers(errand.destination, errand.release)
        ran = ledger.runs_since_recorded(errand.destination)
    if phase == "admit":
        _enter_what_is_new(errand, backups)
        errand.version = _version(errand, deadline)
    evidence = errand.parts.plugins.evidence(_question(errand, phase, here.release, deadline))
    destination["may_run"] = [
        release.model_dump()
        for release in may_run(
            here, ledger, ran, seen[errand.destination].observed, samples_of(evidence, "destination")
        )
    ]
    if errand.version and errand.release:
        known = runs_of_commit(ledger, errand.profile.product, errand.release.source_git_ref)
        destination["versions"] = [one.model_dump(mode="json") for one in versions_of(known)]
    if errand.claim and errand.origin:
        destination["brought"] = errand.origin.brought and errand.origin.brought.model_dump()
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
            **({"reported": errand.request.reported} if errand.request.reported else {}),
        },
        "release": errand.release and errand.release.model_dump(),
        "product": product_facts(errand.profile),
        "driver": {"driver_id": errand.driver.driver_id, "addressed": errand.request.driver},
        "source": source,
        "destination": destination,
        "evidence": evidence,
        "outcome": errand.outcome and errand.outcome.model_dump(),
    }
    facts["now"] = stamp(ledger.now())  # after the last fact
    _hold_to_contract(facts)
    return facts


@dataclass(frozen=True)
class _Remembered:
    """What the ledger has of a lane's last run: its id, and the containers it was confirmed on, good since when."""

    run_id: str
    is_recorded: bool  # what is not is refused, however steady it is
    containers: list[list[str | int | None]] | None
    good_since: str | None


def _remembered(ledger: Ledger, lane: Lane) -> _Remembered:
    last = ledger.last_effective(lane)
    return _Remembered(
        last.run_id if last else "", last is not None and last.status == "recorded", *confirmed_on(ledger, last)
    )


def _enter_what_is_new(errand: Errand, backups: Backups) -> None:
    """Have the ledger know of each record that the gate did not write, before this run redeems; a dry run cannot."""
    if errand.lease:
        for lane, records in errand.records.items():
            new = backups.unseen if lane == errand.destination else ()
            errand.parts.ledger.see(lane, [*records.unseen, *new])


def _see_the_past(errand: Errand, seen: Mapping[Lane, Seen], remembered: Mapping[Lane, _Remembered]) -> None:
    """Raises PastLost where records or platform of a lane know what the ledger does not."""
    ledger = errand.parts.ledger
    for lane, one in seen.items():
        newest = one.observed.run_id
        unknown = "" if newest == remembered[lane].run_id else unknown_run(ledger, lane, newest)
        if lost := errand.records[lane].lost or unknown:
            raise PastLost(lost)


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
        trace=errand.trace,
        mode=errand.mode,
    )


def look(errand: Errand, lane: Lane, remembered: _Remembered, deadline: Deadline) -> Seen:
    """A lane's platform, seen now; for a source whose containers changed, after looking for ``settle_s`` at them.

    The ledger's memory is what the lane's last run was confirmed on; ``observe`` has none.
    """
    observed = observe(errand.driver, lane, within_s=deadline.left_s())
    containers = containers_in(observed)
    if containers is not None and containers == remembered.containers:
        return Seen(observed, remembered.good_since)
    if lane != errand.source or containers is None or errand.outcome or not remembered.is_recorded:
        return Seen(observed)
    began = time.monotonic()
    watched = _watch(errand, lane, observed)
    deadline.put_off(time.monotonic() - began)
    return watched


def _watch(errand: Errand, lane: Lane, first: Observation) -> Seen:
    """Look for ``settle_s`` whether the containers stay as they are; the first change ends it."""
    observed, deadline = first, time.monotonic() + errand.settle_s
    told = f"the containers of {lane.instance} are others than it was confirmed on; seeing whether they stay"
    while (left_s := deadline - time.monotonic()) > 0:
        errand.progress(f"{told}, {left_s:.0f} s left")
        time.sleep(min(max(errand.parts.limits.confirm_interval_s, errand.settle_s / WATCH_LOOKS), left_s))
        errand.keep_alive()
        observed = observe(errand.driver, lane, within_s=errand.parts.limits.gather_timeout_s)
        if containers_in(observed) != containers_in(first):
            return Seen(observed, observed.seen_at)
    return Seen(observed, first.seen_at)


def samples_of(evidence: Mapping[str, Any], lane: str) -> Iterator[Mapping[str, Any]]:
    """What the health of a lane was found to be, where it was asked in the form that we know."""
    health = evidence.get("health")
    samples = health.get(lane) if isinstance(health, Mapping) else None
    for sample in samples if isinstance(samples, list | tuple) else ():
        if isinstance(sample, Mapping):
            yield sample


def _question(errand: Errand, phase: Phase, runs: ReleaseIdentity | None, deadline: Deadline) -> Question:
    bundle, driver_id, product = errand.parts.bundle, errand.driver.driver_id, errand.profile.product
    decided = bundle.settings.products.get(product)
    roll_call = bundle.roll_call(errand.request.action, phase, driver_id, product, errand.version)
    return Question(
        phase=phase,
        product=errand.profile,
        source=errand.source,
        destination=errand.destination,
        release=errand.release,
        runs=runs,
        version=errand.version,
        branches=decided.branches if decided else (),
        deadline_s=deadline.left_s(),
        read=bundle.evidence_read(roll_call),
        goes_back=errand.request.action == "rollback",
    )


def _resolved(errand: Errand) -> ReleaseIdentity | None:
    """The release, once: a deploy's is the request's, a promotion's is what the source's inventory says."""
    if errand.origin:
        return errand.origin.release
    if errand.source:
        return errand.records[errand.source].release
    if errand.request.action == "rollback":
        return _gone_back_to(errand)
    return ReleaseIdentity.model_validate(errand.request.expected.stated())


def _gone_back_to(errand: Errand) -> ReleaseIdentity | None:
    """What a rollback goes back to: the one release of the lane's history that is what the request states.

    Where it states nothing, what the lane's inventory named before; of an unsettled lane, what was recorded last.
    """
    ledger, lane, here = errand.parts.ledger, errand.destination, errand.records[errand.destination]
    if stated := errand.request.expected.stated():
        ran = [
            ReleaseIdentity(artifact_id=entry.artifact_id, source_git_ref=entry.source_git_ref)
            for entry in ledger.history(lane, errand.request.expected)
        ]
        fitting = [release for release in ran if stated.items() <= release.model_dump().items()]
        return fitting[0] if len(fitting) == 1 else None
    is_settled, _ = settled(here, ledger, ledger.last_effective(lane))
    if is_settled:
        return ledger.ran_before(lane, here.release)
    return next(iter(ledger.way_back(lane)), None)


def _named_by(errand: Errand) -> ReleaseIdentity | Expected | None:
    """The release, or of a rollback that found none, what it was to be."""
    if errand.release is None and errand.request.action == "rollback":
        return errand.request.expected
    return errand.release


def _version(errand: Errand, deadline: Deadline) -> str | None:
    """The version to publish, once: given, or made of the latest. Raises RequestError where nobody publishes it."""
    request = errand.request
    if errand.origin:
        return errand.origin.version
    if not (request.version or request.bump):
        return None
    publisher, ledger = errand.parts.plugins.publisher(errand.profile), errand.parts.ledger
    if request.bump is None:
        return request.version
    if errand.release:
        known = runs_of_commit(ledger, errand.profile.product, errand.release.source_git_ref)
        if due := due_version(known):
            errand.progress(f"{errand.release} was promoted as {due}, which is not out yet: that is published")
            return due
    asked = start(partial(publisher.next_version, errand.profile, request.bump), "next version")
    try:
        return answer_of(asked, deadline.left_s())
    except NoAnswerInTime as error:
        raise EvidenceFailed(f"the latest version of {errand.profile.product} cannot be told: {error}") from None


def _hold_to_contract(facts: dict[str, Any]) -> None:
    try:
        PolicyInput.model_validate(facts)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise EvidenceFailed(f"the facts do not fit together: {place}: {first['msg']}") from None
