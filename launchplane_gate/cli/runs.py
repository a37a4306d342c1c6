"""``runs``: what was asked for, and how far it came."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Group
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session
from launchplane_gate.cli.settling import resume

if TYPE_CHECKING:
    from launchplane_gate.ledger import Entry, Ledger
    from launchplane_gate.model import Run
    from launchplane_gate.report.text import Block
    from launchplane_gate.settings import Settings
    from launchplane_gate.store import RecordStore
    from launchplane_gate.ways import Way


@click.group(cls=Group)
def runs() -> None:
    """Every deploy, promotion and rollback that was asked for.

    A run says how far it came: denied, stale, undecided, fail, unknown, unconfirmed, unrecorded, interrupted, recorded;
    unchanged, which is a promotion of what the lane was seen to run already; or observed, which enforced policies would
    have refused. Recorded, and unpublished, is one whose release is not out. One that was interrupted can be resumed;
    the next run on its lane asks the platform what became of its deploy, and notes it as `found`.

    \b
    Examples:
      launchplane-gate runs list sellyouroutboard
      launchplane-gate runs show r-7Q2M4KXB
      launchplane-gate runs resume r-7Q2M4KXB
    """


runs.add_command(resume)


@runs.command("list")
@click.argument("product", required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many at most.")
@pass_session
def list_(session: Session, product: str | None, limit: int) -> Answer:
    """List the newest runs, of one product or of all.

    \b
    Example:
      launchplane-gate runs list sellyouroutboard
    """
    from launchplane_gate.publications import is_due
    from launchplane_gate.runs import read_run

    with session.records() as (settings, store, ledger):
        if product:
            settings.profile(product)
        found = [read_run(ledger, run_id) for run_id in ledger.runs(product=product, limit=limit)]
        became = {run.run_id: _became(ledger, run) for run in found}
        due = {run.run_id for run in found if is_due(store, ledger, run)}
    document = [
        {**run.model_dump(mode="json"), "became": became[run.run_id], "unpublished": run.run_id in due} for run in found
    ]
    return Answer({"runs": document}, _list_text(found, became, due))


@runs.command()
@click.argument("run_id", metavar="ID")
@pass_session
def show(session: Session, run_id: str) -> Answer:
    """Show a run: every step that it took, when, the decisions behind it, and what can be done about it now.

    \b
    Example:
      launchplane-gate runs show r-7Q2M4KXB
    """
    from launchplane_gate.publications import is_due, why_over
    from launchplane_gate.runs import read_run

    with session.records() as (settings, store, ledger):
        run = read_run(ledger, run_id)
        steps = ledger.entries(subject=run_id)
        became, due = _became(ledger, run), is_due(store, ledger, run)
        over = why_over(store, ledger, run) if _was_to_be_out(run) else ""
        ways = _ways(session, settings, store, ledger, run)
    document = {
        **run.model_dump(mode="json"),
        "became": became,
        "unpublished": due,
        "steps": [{"step": entry.kind, "at": entry.at, "detail": entry.body.get("detail", "")} for entry in steps],
        "ways": [way.model_dump(mode="json") for way in ways],
    }
    return Answer(document, _show_text(run, steps, _status(run, became, due), became, over, ways))


def _was_to_be_out(run: Run) -> bool:
    """Whether something was to be published by a run that was recorded."""
    return run.publication is not None and run.status in ("recorded", "unchanged")


def _ways(session: Session, settings: Settings, store: RecordStore, ledger: Ledger, run: Run) -> tuple[Way, ...]:
    """What can be done about a run now. While no policies load, nothing can but finding out why."""
    from launchplane_gate.commands import looking_for_faults
    from launchplane_gate.errors import GateError
    from launchplane_gate.lanes import paths_of
    from launchplane_gate.ways import Way, standing_of, ways_on

    profile = settings.profiles.get(run.product)
    if profile is None:  # of a product that the settings know no more nothing can be asked
        return ()
    try:
        paths = paths_of(session.bundle(remembers=True), run.product)
    except GateError:
        return (Way(what="find out", command=looking_for_faults()),)
    return ways_on(standing_of(store, ledger, profile, run.destination, paths), run)


def _became(ledger: Ledger, run: Run) -> str | None:
    """What the platform told later of the deploy of an interrupted run; None where nobody has asked it."""
    found = ledger.body_of(run.run_id, "found") if run.status == "interrupted" else None
    return str(found["status"]) if found else None


def _status(run: Run, became: str | None, due: bool) -> str:
    """``due``: its release is not out, or not whole, and can be yet."""
    if became:
        return f"{run.status}, its deploy: {became}"
    version = run.publication.version if run.publication else "not attested"
    if due:
        return f"{run.status}, unpublished: {version}"
    if _was_to_be_out(run) and run.publication:
        return f"{run.status}, {version}{'' if run.publication.published else ' is not out'}"
    return run.status


def _list_text(found: list[Run], became: Mapping[str, str | None], due: Collection[str]) -> list[Block]:
    from launchplane_gate.report.text import Table
    from launchplane_gate.report.words import ago

    if not found:
        return ["there are no runs yet"]
    rows = [
        (
            run.run_id,
            ago(run.started_at),
            run.action,
            f"{run.source.instance} -> {run.destination}" if run.source else str(run.destination),
            str(run.release) if run.release else "-",
            _status(run, became[run.run_id], run.run_id in due),
        )
        for run in found
    ]
    return [Table(rows, ("RUN", "WHEN", "ACTION", "LANE", "RELEASE", "STATUS"), indent=0, names=(3,))]


def _show_text(  # what is known of a run
    run: Run, steps: list[Entry], status: str, became: str | None, over: str, ways: Sequence[Way]
) -> list[Block]:
    from launchplane_gate.report.run import release_text, ways_text
    from launchplane_gate.report.text import Table
    from launchplane_gate.report.words import brief

    release, source = run.release, f"{run.source} -> " if run.source else ""
    facts = [
        ("by", run.actor.subject + (f", verified by {run.actor.verified_by}" if run.actor.verified_by else "")),
        ("commit", release.source_git_ref if release else "none"),
        ("artifact", release.artifact_id if release else "none"),
        ("before", run.previous.source_git_ref if run.previous else "nothing"),
        ("reason", run.reason),
        ("confirmed on", _looked_at(steps)),
        ("its deploy", f"{became}, as the platform told later; nobody confirmed it" if became else ""),
        ("deployment", run.deployment_record_id or ""),
        ("promotion", run.promotion_record_id or ""),
        ("trace", run.trace or ""),
    ]
    journal = [(entry.kind, entry.at, brief(_detail_of(entry)) or _decision_in(entry)) for entry in steps]
    return [
        f"{run.run_id}  {run.action} {source}{run.destination}: {status}",
        Table([fact for fact in facts if fact[1]]),
        "",
        Table(journal, ("STEP", "AT", "")),
        *(["", *release_text(run, over)] if _was_to_be_out(run) else ()),
        *(["", "What can be done now:", *ways_text(ways)] if ways else ()),
    ]


def _looked_at(steps: list[Entry]) -> str:
    """What the platform showed when the run was confirmed; empty where it was not."""
    from launchplane_gate.model import Observation
    from launchplane_gate.report.seen import platform_text

    last = next((entry.input for entry in reversed(steps) if entry.kind in ("confirmed", "unchanged")), None)
    return platform_text(Observation.model_validate(last["destination"]["observed"])) if last else ""


def _detail_of(entry: Entry) -> str:
    detail = str(entry.body.get("detail", ""))
    if entry.kind != "found":
        return detail
    return f"the deploy: {entry.body['status']}" + (f"; {detail}" if detail else "")


def _decision_in(entry: Entry) -> str:
    decision = entry.body.get("decision")
    return f"launchplane-gate decisions show {decision['decision_id']}" if decision else ""
