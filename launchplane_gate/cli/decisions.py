"""``decisions``: what the policies decided, on which facts, and that the record of it is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Group
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session

if TYPE_CHECKING:
    from launchplane_gate.ledger import Entry
    from launchplane_gate.model import Decision
    from launchplane_gate.report.text import Block


@click.group(cls=Group)
def decisions() -> None:
    """Every decision, and what it was made on.

    Decisions are kept with their whole input, in a chain of hashes for each lane.

    \b
    Examples:
      launchplane-gate decisions list
      launchplane-gate decisions show d-7Q2M4KXB
      launchplane-gate decisions verify
    """


@decisions.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many at most.")
@pass_session
def list_(session: Session, limit: int) -> Answer:
    """List the newest decisions.

    \b
    Example:
      launchplane-gate decisions list --limit 5
    """
    with session.records() as (_, _, ledger):
        found = [_decision(entry) for entry in ledger.decision_entries(limit=limit)]
    document = [{**decision.model_dump(mode="json"), "allowed": decision.allowed} for decision in found]
    return Answer({"decisions": document}, _list_text(found))


@decisions.command()
@click.argument("decision_id", metavar="ID")
@pass_session
def show(session: Session, decision_id: str) -> Answer:
    """Show a decision: every rule, what it saw, and what it would take.

    With --output json the input that the policies were asked on is shown too; `check --input` takes it as it is.

    \b
    Examples:
      launchplane-gate decisions show d-7Q2M4KXB
      launchplane-gate decisions show d-7Q2M4KXB --output json | jq .input | launchplane-gate check --input -
    """
    from launchplane_gate.errors import RequestError
    from launchplane_gate.ledger import REFUSED
    from launchplane_gate.report.decision import saved_text

    with session.records() as (_, _, ledger):
        entries = ledger.decision_entries(decision_id=decision_id)
        repeats = ledger.repeats_of(decision_id) if entries and entries[0].kind == REFUSED else 0
    if not entries:
        hint = "`launchplane-gate decisions list` shows the newest ones. What `check` decides is not saved."
        raise RequestError(f"there is no decision {decision_id}", hint=hint)
    decision = _decision(entries[0])
    document = {
        **decision.model_dump(mode="json"),
        "allowed": decision.allowed,
        "run_id": entries[0].subject,
        "repeats": repeats,
        "input": entries[0].input,
    }
    return Answer(document, saved_text(decision, entries[0].subject, repeats))


@decisions.command()
@pass_session
def verify(session: Session) -> Answer:
    """Verify that no decision or run was altered, taken out or put in: 0 if none was, 1 otherwise.

    The entries of each lane are chained by hash. What is found by this: a change behind the gate's back. What is not:
    a whole ledger that was replaced by an older copy of itself.

    \b
    Example:
      launchplane-gate decisions verify
    """
    from launchplane_gate.report.words import count

    with session.records() as (_, _, ledger):
        entries, wrong = ledger.verify()
    text = [f"x {what}" for what in wrong]
    if wrong:
        text.append(
            "The ledger is not as it was written. Trust nothing in it until you know why; a backup has the rest."
        )
    else:
        text.append(f"{count(entries, 'entry', 'entries')}: every chain is whole.")
    return Answer({"entries": entries, "wrong": wrong}, text, 1 if wrong else 0)


def _decision(entry: Entry) -> Decision:
    from launchplane_gate.model import Decision

    return Decision.model_validate(entry.body["decision"])


def _list_text(found: list[Decision]) -> list[Block]:
    from launchplane_gate.report.decision import what
    from launchplane_gate.report.text import Table
    from launchplane_gate.report.words import ago

    if not found:
        return ["nothing has been decided yet"]
    rows = [
        (
            decision.decision_id,
            ago(decision.decided_at),
            f"{decision.action} {decision.phase}",
            what(decision),
            _in_short(decision),
        )
        for decision in found
    ]
    return [Table(rows, ("DECISION", "WHEN", "ASKED", "WHAT", "ANSWER"), indent=0)]


def _in_short(decision: Decision) -> str:
    if decision.allowed:
        return "allowed"
    first, *more = (result.code for result in decision.refusals)
    return f"refused: {first}" + (f" and {len(more)} more" if more else "")
