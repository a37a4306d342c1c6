"""What a run that deploys nothing is about: the run before it whose release is to be found on the lane.

``resume`` finishes the lane's last run that redeemed, where that was interrupted. ``reconcile`` settles a lane by what
it is seen to run: the release of its last run that redeemed, or the one that was recorded last. What was merely
admitted is never recorded by either. ``evidence`` is about a release that somebody else says to have deployed; where
that is the one of the lane's last run that redeemed, it is about that run.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from launchplane_gate.commands import looking_at, reconciling
from launchplane_gate.errors import RecordUnreadable, RequestError
from launchplane_gate.ledger import Head, Row
from launchplane_gate.line.written import deployment_of, naming
from launchplane_gate.looking import observe
from launchplane_gate.model import Observation, Outcome, ReleaseIdentity, Run, Target, noun, stamp
from launchplane_gate.records import DeploymentRecord
from launchplane_gate.runs import read_run

if TYPE_CHECKING:
    from launchplane_gate.line.errand import Errand

NOTHING = "Nothing was done."


@dataclass(frozen=True)
class Origin:
    """``run``: that brought ``release`` to the lane, or recorded it there; ``deployment``: the record of that.

    None of a release that somebody else deployed. ``became``: what its driver told of its deploy, where it was asked.
    ``is_settled``: nothing has to be recorded. ``brought``: the release of the lane's last run that redeemed.
    """

    run: Run | None
    release: ReleaseIdentity
    deployment: DeploymentRecord
    became: Outcome | None
    is_settled: bool
    source_version: str | None = None
    brought: ReleaseIdentity | None = None

    @property
    def version(self) -> str | None:
        """That it was to publish, and did not; none of a settled lane, about which nothing is done."""
        publication = self.run and self.run.publication
        is_due = publication and not publication.published and not self.is_settled
        return publication.version if publication and is_due else None

    @property
    def is_only_seen(self) -> bool:
        """Whether the record is made now: of a deployment that no run of the gate made, or of one that left none."""
        return self.run is None or self.deployment.record_id != self.run.deployment_record_id

    @property
    def of_run(self) -> dict[str, str]:
        """The run that it is about, as the journal has it."""
        return {"of_run": self.run.run_id} if self.run else {}


def origin_of(errand: Errand) -> Origin:
    """Raises RequestError where there is nothing to finish or to record, with what can be done instead."""
    if errand.claim:
        return _of_a_claim(errand, errand.claim)
    ledger, lane = errand.parts.ledger, errand.destination
    _see_that_nobody_else_came_after(errand)
    row = _interrupted(errand) if errand.request.action == "resume" else _seen(errand)
    run = read_run(ledger, row.run_id)
    if run.release is None:
        raise RequestError(f"the release of {run.run_id} is not known", hint=f"{NOTHING} Deploy to {lane} again.")
    if run.overlooked and errand.request.action == "reconcile":
        what = f"{run.run_id} was only observed: enforced, the policies would have refused what it brought"
        hint = f"{NOTHING} A deploy or promotion to {lane} settles it, where the policies allow that."
        raise RequestError(what, hint=hint)
    is_settled = errand.settled(lane)[0]
    told = ledger.body_of(run.run_id, "found") if run.status == "interrupted" else None
    became = Outcome(**{name: told[name] for name in Outcome.model_fields if name in told}) if told else None
    return Origin(run, run.release, _deployment(errand, run), became, is_settled, row.source_version)


def _of_a_claim(errand: Errand, claim: DeploymentRecord) -> Origin:
    """What a report is about. That of a deploy since, by somebody else, is left to the policies."""
    ledger, lane = errand.parts.ledger, errand.destination
    release = ReleaseIdentity.model_validate(errand.request.expected.stated())
    row = ledger.last_bringing(lane)
    last = read_run(ledger, row.run_id) if row else None
    is_settled = errand.settled(lane)[0] and errand.read(lane).release == release
    brought = last.release if last and not last.overlooked else None
    if row is None or last is None or brought != release:
        return Origin(None, release, claim, None, is_settled, brought=brought)
    return Origin(last, release, _deployment(errand, last), None, is_settled, row.source_version, brought)


def claim_of(errand: Errand) -> DeploymentRecord:
    """The record of what is reported, as if it began now: whatever the report says, no other clock is asked."""
    release = ReleaseIdentity.model_validate(errand.request.expected.stated())
    name = errand.names.get("deployment", "")
    return _seen_only(errand, release, decision_id="", mode="reported, not deployed", name=name)


def _see_that_nobody_else_came_after(errand: Errand) -> None:
    """A record that the gate did not write may be of a deploy since: a look does not prove that it is not."""
    product, lane = errand.profile.product, errand.destination
    if others := errand.read(lane).others:
        hint = f"{NOTHING} A deploy or promotion to {lane} settles it: `{looking_at(product)}` names the commands."
        what = f"the gate did not write the deployment record {others[0].record_id}"
        raise RequestError(f"{what}, and it may be of a deploy since", hint=hint)


def _interrupted(errand: Errand) -> Row:
    ledger, lane, run_id = errand.parts.ledger, errand.destination, str(errand.request.of_run)
    run, last = read_run(ledger, run_id), ledger.last_effective(lane)
    if last is not None and last.run_id != run_id:
        last = ledger.last_bringing(lane)  # a report that came to nothing is no deploy that came after
    if last is not None and last.run_id == run_id and run.status == "interrupted":
        return last
    ended = f"run {run_id} ended {run.status}"
    if run.destination != lane:
        raise RequestError(f"run {run_id} was on {run.destination}, not on {lane}", hint=NOTHING)
    if not run.redeemed and run.status in ("interrupted", "fail"):
        raise RequestError(f"{ended} before it changed anything", hint=f"{NOTHING} Ask for it again.")
    if last is not None and last.run_id != run_id:
        since = f"a {noun(last.action)} ({last.run_id}) came after it on {lane}"
        raise RequestError(
            f"{ended}, and {since}", hint=f"{NOTHING} `{looking_at(run.product)}` tells how the lane stands."
        )
    reconcile = f"`{reconciling(run.product, lane.instance)}` settles a lane by what it is seen to run."
    hint = NOTHING if run.status == "recorded" else f"{NOTHING} {reconcile}"
    raise RequestError(f"{ended}; there is nothing to resume", hint=hint)


def _seen(errand: Errand) -> Row:
    """The run whose release the platform shows, of those that may be recorded; the last one, where it shows neither."""
    ledger, lane = errand.parts.ledger, errand.destination
    last = ledger.last_bringing(lane)
    if last is None:
        raise RequestError(
            f"no run of the gate has touched {lane}: there is nothing to record", hint=f"{NOTHING} Deploy to it."
        )
    named = ledger.last_naming(lane)
    if named is None or named.run_id == last.run_id or _is_rolled_back(errand, named):
        return last
    observed = observe(errand.driver, lane, within_s=errand.parts.limits.gather_timeout_s)
    return next((row for row in (last, named) if row.artifact_id in _artifacts(observed)), last)


def _is_rolled_back(errand: Errand, named: Row) -> bool:
    """Whether a rollback took a release out of service: it does not come back by being looked at."""
    release = read_run(errand.parts.ledger, named.run_id).release
    return release is None or release in errand.parts.ledger.past_of(errand.destination, release)[1]


def _artifacts(observed: Observation) -> set[str]:
    running = {container.artifact_id for container in observed.containers} - {None}
    shown = running if observed.digests == "shown" else {observed.artifact_id or observed.configured_artifact_id}
    return {artifact for artifact in shown if artifact}


def _deployment(errand: Errand, run: Run) -> DeploymentRecord:
    """The record of a run's deployment; where it is gone or torn, or somebody else's, made anew from the journal."""
    ledger, store, lane = errand.parts.ledger, errand.parts.store, errand.destination
    if run.deployment_record_id:
        with suppress(FileNotFoundError, RecordUnreadable):
            found = store.read_deployment_record(run.deployment_record_id)
            if (found.context, found.instance) == (lane.context, lane.instance):
                return found
        for entry in ledger.entries(subject=run.run_id, kinds=["redeemed"]):
            target = Target.model_validate(entry.body["target"])
            anew = _anew(errand, run, target, started_at=entry.at)
            head = Head(lane, entry.position, ledger.hash_at(lane, entry.position) or "")
            return naming(anew.model_copy(update={"record_id": run.deployment_record_id}), ledger.ledger_id(), head)
    assert run.release
    return _seen_only(errand, run.release, decision_id=_decision_of(run), mode="seen, not deployed")


def _anew(errand: Errand, run: Run, target: Target, *, started_at: str) -> DeploymentRecord:
    assert run.release
    lane, decision_id = errand.destination, _decision_of(run)
    return deployment_of(run.run_id, lane, run.release, target, decision_id=decision_id, started_at=started_at)


def _decision_of(run: Run) -> str:
    return run.admitted.decision_id if run.admitted else ""


def _seen_only(
    errand: Errand, release: ReleaseIdentity, *, decision_id: str, mode: str, name: str = ""
) -> DeploymentRecord:
    """The pending record of a deployment that no run of the gate made; this one is named in its place."""
    ledger, lane = errand.parts.ledger, errand.destination
    target = Target(target_type="application", target_id=str(lane), target_name=str(lane), deploy_mode=mode)
    now, head = stamp(ledger.now()), next((head for head in ledger.heads() if head.lane == lane), None)
    anew = deployment_of(errand.run_id, lane, release, target, decision_id=decision_id, started_at=now, name=name)
    return naming(anew, ledger.ledger_id(), head) if head else anew
