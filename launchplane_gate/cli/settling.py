"""``runs resume``, ``inventory reconcile``, ``report`` and ``drift``: nothing is deployed, the lanes are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from launchplane_gate.cli.asking import addressed, reasoned, releasing, repeatable, report_request, request_of
from launchplane_gate.cli.command import Changing, Command
from launchplane_gate.cli.deploy import exit_code, looking, run_request
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session, progress_shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from launchplane_gate.drift import Drift
    from launchplane_gate.gate import Gate
    from launchplane_gate.model import Lane, Request
    from launchplane_gate.report.text import Block

DIFFERS, NOT_KNOWN = 1, 3


@click.command(cls=Changing)
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option("--every-lane", is_flag=True, help="Each lane's last run that was interrupted, one after the other.")
@reasoned
@looking
@pass_session
def resume(
    session: Session, run_id: str | None, every_lane: bool, reason: str, wait: float | None, every_rule: bool
) -> Answer:
    """Finish a run whose process ended, without deploying anything.

    The driver is asked what became of its deploy, and the lane is looked at as after any deploy: what is proven to run
    is recorded, and a deploy that failed is closed as failed. It can be done for the last run that touched a lane.
    A repeat of a request under its idempotency key does the same by itself.

    With --every-lane, for a service that starts: the last run of each lane, where it was interrupted.

    \b
    Examples:
      launchplane-gate runs resume r-7Q2M4KXB
      launchplane-gate runs resume --every-lane
    """
    if bool(run_id) == every_lane:
        raise click.UsageError("name a run, or say --every-lane")
    with session.gate() as gate:
        if run_id:
            return run_request(session, gate, _request_of(gate, run_id, reason), wait, every_rule=every_rule)
        return _every_lane(session, gate, reason, wait)


@click.command(cls=Changing)
@click.argument("where", metavar="PRODUCT/LANE")
@reasoned
@looking
@pass_session
def reconcile(session: Session, where: str, reason: str, wait: float | None, every_rule: bool) -> Answer:
    """Settle a lane by what it is seen to run, without deploying anything.

    What may be recorded is the release of the lane's last run that touched it, or the one that was recorded last,
    whichever the platform shows; it is confirmed by the policies as after a deploy. Anything else that runs there is
    never recorded: deploy, promote or roll back instead.

    \b
    Example:
      launchplane-gate inventory reconcile sellyouroutboard/prod
    """
    product, instance = one_lane(where)
    with session.gate() as gate:
        gate.profile(product)
        request = request_of({"action": "reconcile", "product": product, "destination": instance, "reason": reason})
        return run_request(session, gate, request, wait, every_rule=every_rule)


@click.command(cls=Changing)
@click.argument("where", metavar="PRODUCT/LANE")
@releasing(required=True)
@click.option(
    "--status",
    type=click.Choice(["pass", "fail", "pending", "skipped"]),
    default="pass",
    show_default=True,
    help="What became of that deploy.",
)
@addressed
@reasoned
@repeatable
@looking
@pass_session
def report(
    session: Session,
    where: str,
    artifact: str,
    ref: str,
    status: str,
    driver: str | None,
    reason: str,
    idempotency_key: str | None,
    wait: float | None,
    every_rule: bool,
) -> Answer:
    """Report a release that somebody else deployed to a lane; nothing is deployed here.

    The lane is looked at, and its inventory says so only where the policies approve it and it is seen to run: where
    releases arrive by promotion, only that of the last run of the gate that deployed there. The report is kept as a
    deployment record in any case. Where the lane is seen to be as recorded it stays settled, whatever was reported.

    \b
    Example:
      launchplane-gate inventory report sellyouroutboard/testing \\
        --artifact ghcr.io/cbusillo/sellyouroutboard@sha256:... --ref 41620cf13151d1a12f09d06007d67bdf791d200c
    """
    product, instance = one_lane(where)
    with session.gate() as gate:
        gate.profile(product)
        rest = {"reported": status, "driver": driver, "reason": reason, "idempotency_key": idempotency_key}
        request = report_request(product, instance, artifact, ref, **rest)
        return run_request(session, gate, request, wait, every_rule=every_rule)


def one_lane(where: str) -> tuple[str, str]:
    """The product and the lane that ``PRODUCT/LANE`` names. Raises UsageError."""
    product, separator, instance = where.partition("/")
    if not separator:
        raise click.UsageError("name one lane: PRODUCT/LANE")
    return product, instance


@click.command(cls=Command)
@click.argument("where", metavar="[PRODUCT[/LANE]]", required=False)
@pass_session
def drift(session: Session, where: str | None) -> Answer:
    """Hold what is recorded of each lane against what its platform and its health URLs show now.

    Exit code 0 where all is as recorded, 1 where a lane has drifted or is unsettled, 3 where one could not be looked
    at: for a timer. Plugins are told of each lane that is not as recorded. Nothing is changed.

    \b
    Examples:
      launchplane-gate inventory drift
      launchplane-gate inventory drift sellyouroutboard/prod
    """
    from launchplane_gate.cli.inventory import lanes_at
    from launchplane_gate.drift import drift_of

    with session.gate(to_read=True) as gate, progress_shown("looking at the lanes") as progress:
        products = [where] if where else sorted(session.settings().profiles)
        lanes = [(one, lane) for one in products for lane in lanes_at(session.settings(), one)]
        found = []
        for one, lane in lanes:
            progress(f"looking at {lane}")
            found.append(drift_of(gate, gate.profile(one.partition("/")[0]), lane))
        for seen in found:
            for wrong in gate.plugins.unsettled(seen.product, seen.lane, seen.why) if seen.why else ():
                progress(wrong)
    states = {one.state for one in found}
    code = DIFFERS if states & {"drifted", "unsettled"} else NOT_KNOWN if "unknown" in states else 0
    return Answer({"lanes": [one.model_dump(mode="json") for one in found]}, _drift_text(found), code)


def _request_of(gate: Gate, run_id: str, reason: str) -> Request:
    from launchplane_gate.model import Request
    from launchplane_gate.runs import read_run

    run = read_run(gate.ledger, run_id)
    return Request(
        action="resume", product=run.product, destination=run.destination.instance, of_run=run_id, reason=reason
    )


def _every_lane(session: Session, gate: Gate, reason: str, wait: float | None) -> Answer:
    from launchplane_gate.errors import GateError
    from launchplane_gate.report.text import Table

    told: list[dict[str, Any]] = []
    rows, codes = [], [0]
    if wait is not None:
        gate.lane_wait_s = wait
    session.acting = True
    with progress_shown() as progress:
        for lane, run_id in _interrupted(session, gate):
            try:
                run = gate.run(_request_of(gate, run_id, reason), session.actor(), progress)  # a token is for one
            except GateError as error:
                ended, code = {"error": str(error)}, error.exit_code
                rows.append((str(lane), run_id, f"not finished: {error}"))
            else:
                ended, code = run.model_dump(mode="json"), exit_code(run)
                rows.append((str(lane), run_id, f"{run.status}, as {run.run_id}"))
            told.append({"lane": str(lane), "of_run": run_id, **ended})
            codes.append(code)
    header = ("LANE", "RUN", "ENDED")
    text: list[Block] = [Table(rows, header, indent=0, names=(0,)) if rows else "no run was interrupted"]
    return Answer({"resumed": told}, text, max(codes))


def _interrupted(session: Session, gate: Gate) -> Sequence[tuple[Lane, str]]:
    """Each lane whose last run was interrupted, with that run."""
    from launchplane_gate.model import lanes_of

    found = []
    for profile in session.settings().profiles.values():
        for lane in lanes_of(profile):
            last = gate.ledger.last_effective(lane)
            if last is not None and gate.ledger.status_of(last) == "interrupted":
                found.append((lane, str(last.run_id)))
    return found


def _drift_text(found: list[Drift]) -> list[Block]:
    from launchplane_gate.report.text import Table
    from launchplane_gate.report.words import brief

    if not found:
        return ["there are no lanes yet"]
    rows = [(str(one.lane), str(one.recorded or "-"), one.state, brief(one.why)) for one in found]
    text: list[Block] = [Table(rows, ("LANE", "RECORDED", "STATE", ""), indent=0, names=(0,))]
    return [*text, *(f"  {one.lane}: {one.command}" for one in found if one.command)]
