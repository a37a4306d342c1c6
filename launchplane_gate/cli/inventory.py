"""``inventory``: what the lanes run, and what they ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Group
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session
from launchplane_gate.cli.settling import drift, reconcile, report

if TYPE_CHECKING:
    from launchplane_gate.model import Lane
    from launchplane_gate.policy_input import HistoryEntry
    from launchplane_gate.records import EnvironmentInventory
    from launchplane_gate.report.text import Block
    from launchplane_gate.settings import Settings


@click.group(cls=Group)
def inventory() -> None:
    """What each lane runs, and what it ran before.

    The inventory of a lane is written when a deploy or promotion to it was seen to run, and at no other time.

    \b
    Examples:
      launchplane-gate inventory show sellyouroutboard
      launchplane-gate inventory history sellyouroutboard/prod
      launchplane-gate inventory drift sellyouroutboard
    """


inventory.add_command(drift)
inventory.add_command(reconcile)
inventory.add_command(report)


@inventory.command()
@click.argument("where", metavar="PRODUCT[/LANE]")
@pass_session
def show(session: Session, where: str) -> Answer:
    """Show the inventory record of a product's lanes, or of one lane.

    It is what was recorded, in full; `launchplane-gate lanes` holds it against what the platform shows.

    \b
    Example:
      launchplane-gate inventory show sellyouroutboard/prod
    """
    from launchplane_gate.store import plain

    with session.records() as (settings, store, _):
        records: dict[Lane, EnvironmentInventory | None] = {}
        for lane in lanes_at(settings, where):
            try:
                found = store.read_environment_inventory(context_name=lane.context, instance_name=lane.instance)
            except FileNotFoundError:
                records[lane] = None
            else:
                records[lane] = found
    document = {"inventory": [{"lane": str(lane), "record": found and plain(found)} for lane, found in records.items()]}
    return Answer(document, [block for lane, found in records.items() for block in _record_text(lane, found)])


@inventory.command()
@click.argument("where", metavar="PRODUCT/LANE")
@pass_session
def history(session: Session, where: str) -> Answer:
    """List the releases that a lane's inventory has named, the newest first.

    \b
    Example:
      launchplane-gate inventory history sellyouroutboard/prod
    """
    with session.records() as (settings, _, ledger):
        lanes = lanes_at(settings, where)
        if len(lanes) != 1:
            raise click.UsageError("name one lane: PRODUCT/LANE")
        entries = ledger.history(lanes[0])
    document = {"lane": str(lanes[0]), "history": [entry.model_dump(mode="json") for entry in entries]}
    return Answer(document, _history_text(lanes[0], entries))


def lanes_at(settings: Settings, where: str) -> list[Lane]:
    """The lanes that ``PRODUCT`` or ``PRODUCT/LANE`` names. Raises RequestError."""
    from launchplane_gate.line import find_lane
    from launchplane_gate.model import lanes_of

    product, separator, instance = where.partition("/")
    profile = settings.profile(product)
    return [find_lane(profile, instance)] if separator else lanes_of(profile)


def _record_text(lane: Lane, record: EnvironmentInventory | None) -> list[Block]:
    from launchplane_gate.report.text import Table

    if record is None:
        return [f"{lane}: nothing recorded yet"]
    artifact = record.artifact_identity.artifact_id if record.artifact_identity else "none"
    rows = [
        ("commit", record.source_git_ref),
        ("artifact", artifact),
        ("recorded", record.updated_at),
        ("deployment", record.deployment_record_id),
    ]
    if record.promotion_record_id:
        rows += [("promotion", record.promotion_record_id), ("promoted from", record.promoted_from_instance)]
    return [str(lane), Table(rows)]


def _history_text(lane: Lane, entries: list[HistoryEntry]) -> list[Block]:
    from launchplane_gate.model import short
    from launchplane_gate.report.text import Table
    from launchplane_gate.report.words import ago, brief

    if not entries:
        return [f"{lane}: nothing has been recorded yet"]
    rows = [
        (
            short(entry.source_git_ref),
            ago(entry.at),
            entry.action + (", rolled back" if entry.rolled_back else ""),
            brief(entry.artifact_id),
        )
        for entry in entries
    ]
    return [Table(rows, ("RELEASE", "LAST", "BY", "ARTIFACT"), indent=0, prose=(2,), names=(3,))]
