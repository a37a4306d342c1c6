"""``runs``: what was asked for, and how far it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Group
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session

if TYPE_CHECKING:
    from launchplane_gate.ledger import Entry
    from launchplane_gate.model import Run
    from launchplane_gate.report.text import Block


@click.group(cls=Group)
def runs() -> None:
    """Every deploy and promotion that was asked for.

    A run says how far it came: denied, fail, unknown, unconfirmed, unrecorded, interrupted or recorded.

    \b
    Examples:
      launchplane-gate runs list sellyouroutboard
      launchplane-gate runs show r-7Q2M4KXB
    """


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
    from launchplane_gate.runs import read_run

    with session.records() as (settings, _, ledger):
        if product:
            settings.profile(product)
        found = [read_run(ledger, run_id) for run_id in ledger.runs(product=product, limit=limit)]
    return Answer({"runs": [run.model_dump(mode="json") for run in found]}, _list_text(found))


@runs.command()
@click.argument("run_id", metavar="ID")
@pass_session
def show(session: Session, run_id: str) -> Answer:
    """Show a run: every step that it took, when, and the decisions behind it.

    \b
    Example:
      launchplane-gate runs show r-7Q2M4KXB
    """
    from launchplane_gate.runs import read_run

    with session.records() as (_, _, ledger):
        run = read_run(ledger, run_id)
        steps = ledger.entries(subject=run_id)
    document = {
        **run.model_dump(mode="json"),
        "steps": [{"step": entry.kind, "at": entry.at, "detail": entry.body.get("detail", "")} for entry in steps],
    }
    return Answer(document, _show_text(run, steps))


def _list_text(found: list[Run]) -> list[Block]:
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
            run.status,
        )
        for run in found
    ]
    return [Table(rows, ("RUN", "WHEN", "ACTION", "LANE", "RELEASE", "STATUS"), indent=0)]


def _show_text(run: Run, steps: list[Entry]) -> list[Block]:
    from launchplane_gate.report.text import Table
    from launchplane_gate.report.words import brief

    release, source = run.release, f"{run.source} -> " if run.source else ""
    facts = [
        ("by", run.actor.subject + (f", verified by {run.actor.verified_by}" if run.actor.verified_by else "")),
        ("commit", release.source_git_ref if release else "none"),
        ("artifact", release.artifact_id if release else "none"),
        ("before", run.previous.source_git_ref if run.previous else "nothing"),
        ("reason", run.reason),
        ("deployment", run.deployment_record_id or ""),
        ("promotion", run.promotion_record_id or ""),
    ]
    journal = [(entry.kind, entry.at, brief(entry.body.get("detail", "")) or _decision_in(entry)) for entry in steps]
    return [
        f"{run.run_id}  {run.action} {source}{run.destination}: {run.status}",
        Table([fact for fact in facts if fact[1]]),
        "",
        Table(journal, ("STEP", "AT", "")),
    ]


def _decision_in(entry: Entry) -> str:
    decision = entry.body.get("decision")
    return f"launchplane-gate decisions show {decision['decision_id']}" if decision else ""
