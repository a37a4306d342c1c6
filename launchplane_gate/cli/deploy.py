"""``deploy``, ``promote`` and ``rollback``: the commands that act."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from launchplane_gate.cli.asking import (
    deploy_request,
    deploying,
    promote_request,
    promoting,
    rollback_request,
    rolling_back,
)
from launchplane_gate.cli.command import Changing
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session, progress_shown

if TYPE_CHECKING:
    from launchplane_gate.gate import Gate
    from launchplane_gate.model import Observation, Request, Run
    from launchplane_gate.report.points import Report
    from launchplane_gate.report.run import Aftermath

F = TypeVar("F", bound=Callable[..., Any])

EXIT_CODES: Mapping[str, int] = {
    "recorded": 0,
    "observed": 0,
    "unchanged": 0,  # the lane runs it already
    "denied": 1,
    "stale": 1,
    "undecided": 3,
    "fail": 4,
    "unknown": 5,
    "unconfirmed": 5,
    "unrecorded": 5,
    "interrupted": 5,
    "open": 7,  # a repeat of a request that is under way
}
NOT_PUBLISHED = 6  # or not attested: it is recorded or unchanged, and that stands


def looking(command: F) -> F:
    """Options of every command that runs a request: of how it is run and told, not of what is asked."""
    wait = click.option("--wait", type=click.FloatRange(0, 3600), metavar="S", help="Seconds to wait for a busy lane.")
    every = click.option("--all", "every_rule", is_flag=True, help="Show the rules that passed, too.")
    return wait(every(command))


@click.command(cls=Changing)
@deploying
@looking
@pass_session
def deploy(session: Session, /, wait: float | None, every_rule: bool, **asked: Any) -> Answer:
    """Deploy a release to a lane, if the policies allow it.

    The release is named by its artifact and its commit. It is recorded in the inventory only once the lane was seen to
    run it. A lane that is promoted to takes no deploys: deploy to the lane where its path begins. In an
    emergency, a waiver of lane.not_bypassed breaks the glass: see `launchplane-gate waiver --help`.

    \b
    Example:
      launchplane-gate deploy sellyouroutboard --to testing \\
        --artifact ghcr.io/cbusillo/sellyouroutboard@sha256:... --ref 41620cf13151d1a12f09d06007d67bdf791d200c
    """
    request = deploy_request(**asked)
    with session.gate() as gate:
        return run_request(session, gate, request, wait, every_rule=every_rule)


@click.command(cls=Changing)
@promoting
@looking
@pass_session
def promote(session: Session, /, wait: float | None, every_rule: bool, **asked: Any) -> Answer:
    """Promote what one lane runs now, if the policies allow it.

    With nothing but the product named, what testing runs is promoted to prod, or whatever the product's only path is.
    The release is never chosen here: --artifact and --ref say what you believe it to be, and another one is refused.
    Where the destination is seen to run it already, nothing is deployed, and that is no error; --redeploy does anyway.
    With --version or --bump it is published once it is recorded, and where the settings name a key for that, it is
    attested; if either fails, the exit code is 6 and `publish` finishes it.

    \b
    Examples:
      launchplane-gate promote sellyouroutboard
      launchplane-gate promote sellyouroutboard --ref 41620cf13151d1a12f09d06007d67bdf791d200c
      launchplane-gate promote sellyouroutboard --bump patch
    """
    with session.gate() as gate:
        return run_request(session, gate, promote_request(gate, **asked), wait, every_rule=every_rule)


@click.command(cls=Changing)
@rolling_back
@looking
@pass_session
def rollback(session: Session, /, wait: float | None, every_rule: bool, **asked: Any) -> Answer:
    """Have a lane run again what it ran before, if the policies allow it.

    With nothing but the product named, prod goes back to the release that was recorded there before, or whatever lane
    is the only one that is promoted to. An unsettled lane goes back to what was recorded there last. --ref names any
    release that ran there. It is deployed, confirmed and recorded as any other.

    From then on what came after it there is rolled back, recorded or not: it is not promoted to that lane again, nor is
    another build of its commit, but under a waiver of release.not_rolled_back. Who may go back is named in the
    policies, by "rollback" in `may`.

    \b
    Examples:
      launchplane-gate rollback sellyouroutboard --reason "checkout is broken"
      launchplane-gate rollback sellyouroutboard --lane testing
      launchplane-gate rollback sellyouroutboard --ref 215f71bc1a58639fe4bcd3b3609a4e68304184ab
    """
    with session.gate() as gate:
        return run_request(session, gate, rollback_request(gate, **asked), wait, every_rule=every_rule)


@click.command(cls=Changing)
@click.argument("run_id", metavar="RUN")
@click.option("--wait", type=click.FloatRange(0, 3600), metavar="S", help="Seconds to wait for a busy lane.")
@pass_session
def publish(session: Session, run_id: str, wait: float | None) -> Answer:
    """Publish the release of a promotion that was recorded or unchanged, or finish publishing it.

    Where the settings name a key for that, it is attested first: that is finished too.

    The version is the one that was fixed with the promotion. It may be run again at any time: what is right already is
    left. Once the lane runs something else, it is refused: an old release must not become the latest.

    \b
    Example:
      launchplane-gate publish r-7Q2M4KXB
    """
    from launchplane_gate.report.run import published_text

    with session.gate() as gate:
        if wait is not None:
            gate.lane_wait_s = wait
        with progress_shown() as progress:
            run = gate.publish(run_id, session.actor(), progress)
    return Answer(run.model_dump(mode="json"), published_text(run), exit_code(run))


def exit_code(run: Run) -> int:
    is_out = run.publication is None or run.publication.is_whole
    is_attested = run.attestation is None or run.attestation.made
    if run.status in ("recorded", "observed", "unchanged") and not (is_out and is_attested):
        return NOT_PUBLISHED
    return EXIT_CODES[run.status]


def run_request(session: Session, gate: Gate, request: Request, wait: float | None, *, every_rule: bool) -> Answer:
    from launchplane_gate.errors import GateError
    from launchplane_gate.report.run import run_text

    if wait is not None:
        gate.lane_wait_s = wait
    with progress_shown() as progress:
        actor = session.actor()
        session.acting = True
        run = gate.run(request, actor, progress)
    document, code = run.model_dump(mode="json"), exit_code(run)
    try:
        after = _aftermath(gate, run)
    except GateError as error:  # the run is over, and its result must not be lost over this
        unread = f"  How {run.destination} stands now cannot be read: {error}"
        return Answer(document, [f"Run {run.run_id} ended {run.status}. {run.detail}".rstrip(), unread], code)
    document["lane"] = after.lane.model_dump(mode="json")
    text = run_text(after, every_rule=every_rule)
    return Answer(document, text, code, report=_denied(gate, run, str(text[0])))


def _denied(gate: Gate, run: Run, headline: str) -> Callable[[], Report] | None:
    """A refusal, rule by rule; what happened is told in text alone."""
    decision = run.admitted
    if run.status != "denied" or decision is None:
        return None

    def report() -> Report:
        from launchplane_gate.report.told import decision_report

        return decision_report(run.action, headline, decision, gate.bundle)

    return report


def _aftermath(gate: Gate, run: Run) -> Aftermath:
    """How the run's lane stands now."""
    from launchplane_gate.lanes import look_at, published_as, standing
    from launchplane_gate.report.run import Aftermath

    profile = gate.profile(run.product)
    lane = run.destination
    return Aftermath(
        run=run,
        lane=look_at(gate, profile, lane),
        stands=standing(gate, profile, lane),
        driver=profile.driver_id,
        urls=len(profile.health_urls(lane.context, lane.instance)),
        took_s=_took_s(gate, run),
        seen=_seen(gate, run),
        out_as=published_as(gate.ledger, run) if run.status == "unchanged" else "",
    )


def _seen(gate: Gate, run: Run) -> Observation | None:
    """What the platform showed of the lane when the run was confirmed."""
    from launchplane_gate.model import Observation

    for entry in gate.ledger.entries(subject=run.run_id, kinds=["confirmed", "unchanged"]):
        if asked := entry.input:
            return Observation.model_validate(asked["destination"]["observed"])
    return None


def _took_s(gate: Gate, run: Run) -> float | None:
    """How long the deploy took, as its record says."""
    from launchplane_gate.model import unstamp

    if run.status not in ("recorded", "observed") or run.deployment_record_id is None:
        return None
    try:
        evidence = gate.store.read_deployment_record(run.deployment_record_id).deploy
    except FileNotFoundError:
        return None
    began, ended = unstamp(evidence.started_at), unstamp(evidence.finished_at)
    return (ended - began).total_seconds() if began and ended else None
