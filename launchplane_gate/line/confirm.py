"""Did what was allowed happen, and nothing else, and did it stay? The lane is looked at until the policies are content.

One good look proves a moment. What is kept from look to look is kept here: ``observe`` has no memory, and the clock of
the platform is never compared with ours.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from launchplane_gate.errors import Undecided, in_a_sentence
from launchplane_gate.line import journal
from launchplane_gate.line.deploy import told_apart_by
from launchplane_gate.line.errand import Errand
from launchplane_gate.line.gather import ask, gather
from launchplane_gate.line.record import promotion_now
from launchplane_gate.line.written import finished, health_of, with_health
from launchplane_gate.looking import containers_in
from launchplane_gate.model import Decision, Observation, stamp
from launchplane_gate.on_record import on_record
from launchplane_gate.policy_input import OutcomeFacts
from launchplane_gate.records import ReleaseStatus
from launchplane_gate.store import version

STAYED_UP = "confirm.stayed_up"
TELL_AFTER_S = 5.0  # how often a person is told how long is left
LOOKS_WHILE_SETTLING = 4  # between which a container that was replaced, and what restarted it, still shows


@dataclass
class Looks:
    """Looks at a destination, one after the other. ``good_since``: when the first of the good ones in a row began."""

    errand: Errand
    decision: Decision | None = None
    body: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    good_since: str | None = None
    containers: list[Any] | None = None

    @property
    def allowed(self) -> bool:
        return self.decision is not None and self.decision.allowed

    def once(self) -> bool:
        """Look and ask; whether the look was good: all rules but ``confirm.stayed_up`` satisfied, nothing replaced."""
        errand = self.errand
        try:
            errand.keep_alive()
            facts = gather(errand, "confirm")
            observed = Observation.model_validate(facts["destination"]["observed"])
            changed = containers_in(observed) != self.containers
            if changed:
                self.good_since, self.containers = self._start(facts), containers_in(observed)
            facts["outcome"]["good_since"] = self.good_since
            self.decision = ask(errand, facts)
        except Undecided as error:
            self.decision, self.body, self.good_since = None, {}, None
            self.reason = f"no decision could be had: {in_a_sentence(error)}"
            return False
        kept = on_record(errand.parts.ledger, errand.parts.bundle, self.decision, facts, errand.waivers)
        self.body = {**kept, "containers": self.containers, "good_since": self.good_since}
        refused = [refusal for refusal in self.decision.refusals if refusal.code != STAYED_UP]
        self.reason = "; ".join(refusal.message for refusal in refused or self.decision.refusals)
        good = not refused and self.containers is not None
        self.good_since = (self.good_since or observed.seen_at) if good else None
        return good

    def _start(self, facts: dict[str, Any]) -> str | None:
        """Since when all was good, at the first look at these containers: a lane that is unchanged may have a past."""
        unchanged = self.containers is None and facts["outcome"]["status"] == "unchanged"
        since: str | None = facts["destination"]["steady_since"] if unchanged else None
        return since


def confirm(errand: Errand) -> bool:
    """Whether the policies confirmed the deploy in time; else the run is closed."""
    errand.at = "unconfirmed"
    limits, looks = errand.parts.limits, Looks(errand)
    _until_settled(errand, looks, patience_s=_patience_s(errand))
    assert errand.deployment  # written with the outcome
    status: ReleaseStatus = "pass" if looks.allowed else "fail"
    health = health_of(errand.profile, errand.destination, status, limits.confirm_timeout_s + errand.settle_s)
    if looks.decision and looks.allowed and errand.deployment.deploy.status != "pass":  # which its driver did not know
        errand.deployment = finished(
            errand.deployment,
            "pass",
            finished_at=looks.decision.decided_at,
            deployment_id=errand.deployment.deploy.deployment_id,
        )
    errand.deployment = with_health(errand.deployment, health)
    failed = None if looks.allowed else promotion_now(errand, "fail")
    with errand.as_one():
        errand.writing.write_deployment_record(errand.deployment)
        if failed:
            errand.writing.write_promotion_record(failed)
        if looks.decision and looks.allowed:
            is_only_seen = errand.origin is not None and errand.origin.is_only_seen
            columns = {"redeemed": True, "untouched": False} if is_only_seen else {}  # it may be recorded from here on
            journal.step(errand, "confirmed", looks.body, confirmed_at=looks.decision.decided_at, **columns)
        else:
            journal.close(errand, "unconfirmed", looks.reason, extra=looks.body)
    return looks.allowed


def look_again(errand: Errand) -> None:
    """Close a run about a settled lane, of which nothing has to be recorded: unchanged where it is seen to run it."""
    errand.at = "unconfirmed"
    looks = Looks(errand)
    _until_settled(errand, looks, patience_s=_patience_s(errand))
    if looks.allowed:
        inventory = errand.records[errand.destination].inventory
        journal.close(errand, "unchanged", "", extra=looks.body, inventory_version=version(inventory))
    else:
        journal.close(errand, "unconfirmed", looks.reason, extra=looks.body)


def runs_it_already(errand: Errand) -> bool:
    """Whether the settled destination of a promotion is seen to run its very release: the run is closed then.

    One look with the rules of ``confirm`` takes the place of the deploy; where its containers are others than it was
    confirmed on, looks for as long as they have to stay up.
    """
    destination = errand.facts["destination"]
    runs_it = errand.records[errand.destination].release == errand.release
    if errand.source is None or errand.request.redeploy or not destination["run"]["settled"] or not runs_it:
        return False
    moment = stamp(errand.parts.ledger.now())
    errand.outcome = OutcomeFacts(
        status="unchanged",
        touched=False,
        started_at=moment,
        finished_at=moment,
        told_apart_by=told_apart_by(errand),
    )
    admitted, looks = errand.facts, Looks(errand)
    _until_settled(errand, looks, patience_s=0)
    if looks.allowed:
        inventory = errand.records[errand.destination].inventory
        journal.close(errand, "unchanged", "", extra=looks.body, inventory_version=version(inventory))
        return True
    errand.progress(f"{errand.destination.instance} is not proven to run it already: {looks.reason}")
    errand.outcome, errand.facts = None, admitted
    return False


def _patience_s(errand: Errand) -> float:
    """How long a first good look is waited for: what is reported runs already, so that one look decides."""
    return 0 if errand.claim else errand.parts.limits.confirm_timeout_s


def _until_settled(errand: Errand, looks: Looks, *, patience_s: float) -> None:
    """Look until the policies allow, or no look was good within ``patience_s``, or it did not stay so after that."""
    settle_s, lane = errand.settle_s, errand.destination.instance
    patience = time.monotonic() + patience_s
    end, told, told_at = patience + settle_s, "", 0.0
    was_good = False
    while True:
        began = time.monotonic()
        good = looks.once()
        now = time.monotonic()
        if good and not was_good:
            end = max(end, now + settle_s)  # however long a look takes, it can stay good for as long as is asked for
        is_over = began >= end if good else now >= patience
        if looks.allowed or is_over:
            return
        was_good = good
        pause_s = errand.parts.limits.confirm_interval_s
        if good:
            what, left_s = f"{lane} is seen running it; it has to stay so for {settle_s} s", end - now
            pause_s = max(pause_s, min(settle_s, errand.parts.limits.lease_s) / LOOKS_WHILE_SETTLING)
        else:
            what, left_s = f"waiting for {lane} to be seen running it: {looks.reason}", patience - now
        if what != told or now - told_at >= TELL_AFTER_S:
            errand.progress(what if what != told else f"{what}; {left_s:.0f} s left at most")
            told, told_at = what, now
        time.sleep(min(pause_s, max(left_s, 0)))
