"""``ledger``: looking after the place where everything is recorded."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from launchplane_gate.cli.command import Changing, Group
from launchplane_gate.cli.moving import migrate, move
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.restore import restore
from launchplane_gate.cli.session import Session, pass_session, progress_shown


@click.group(cls=Group)
def ledger() -> None:
    """Look after what is recorded, so that it lasts.

    What reads it stands elsewhere: `decisions` and `runs`.

    \b
    Example:
      launchplane-gate ledger archive --before 2026-01-01
    """


@ledger.command(cls=Changing)
@click.option(
    "--before",
    required=True,
    metavar="DATE",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]),
    help="A day, or a moment such as 2026-01-01T12:00:00Z; in UTC.",
)
@click.option("--to", "folder", metavar="FOLDER", type=click.Path(path_type=Path), help="[default: archive, in state]")
@pass_session
def archive(session: Session, before: datetime, folder: Path | None) -> Answer:
    """Move the inputs of decisions from before a date out of the ledger, into a file.

    The input is all that a decision was made on, and most of what a ledger holds. Decisions, runs and chains stay, and
    verify as before: an entry says where the inputs are. The file is written and read back before anything leaves the
    ledger. Keep it with the backups.

    \b
    Examples:
      launchplane-gate ledger archive --before 2026-01-01
      launchplane-gate ledger archive --before 2026-01-01 --to /backups/decisions
    """
    from launchplane_gate.errors import UsageError
    from launchplane_gate.ledger import FILE_NAME
    from launchplane_gate.model import stamp
    from launchplane_gate.opening import opened
    from launchplane_gate.report.words import count

    settings, actor = session.settings(), session.actor()
    moment = before.replace(tzinfo=UTC)
    if not settings.database_url and not (settings.state_dir / FILE_NAME).exists():
        raise UsageError(f"{settings.state_dir} has no ledger yet", hint="Nothing was done.")
    _, there = opened(settings, to_read=False)
    try:
        if moment > there.now():
            raise UsageError(f"{stamp(moment)} is still to come", hint="Nothing was done. Name a day that has begun.")
        with progress_shown("reading inputs") as progress:
            made = there.archive(moment, folder or settings.state_dir / "archive", actor.model_dump(), progress)
    finally:
        there.close()
    if made is None:
        return Answer({"archive": None}, [f"No input in the ledger is from before {stamp(moment)}."])
    text = [f"{count(made.inputs, 'input')} from before {made.before} left the ledger for {made.file}."]
    text.append(f"  sha256 {made.sha256}, which the ledger has too. Keep the file with the backups.")
    return Answer({"archive": asdict(made)}, text)


@ledger.command(cls=Changing)
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@pass_session
def backup(session: Session, path: Path) -> Answer:
    """Copy the ledger to a new file, whole and as it stands at one moment, while runs go on.

    Keep it elsewhere, with the records. A ledger in Postgres is backed up with the server's own tools.

    \b
    Example:
      launchplane-gate ledger backup /backups/ledger-2026-11-29.sqlite
    """
    from launchplane_gate.errors import UsageError
    from launchplane_gate.ledger.sqlite import Sqlite

    with session.records() as (settings, _, ledger):
        database = ledger.database
        if not isinstance(database, Sqlite):
            hint = "Type: pg_dump --schema=launchplane_gate --format=custom --file=BACKUP and the database's URL"
            raise UsageError("the ledger is in Postgres, whose own tools make its backups", hint=hint)
        if not database.path.exists():
            raise UsageError(f"{settings.state_dir} has no ledger yet", hint="Nothing was done.")
        if path.exists():
            raise UsageError(f"{path} is there already", hint="Nothing was written. Name a file that is new.")
        database.backup(path)
        heads = ledger.heads()
    document = {
        "backup": str(path),
        "ledger_id": ledger.ledger_id(),
        "lanes": {str(one.lane): str(one) for one in heads},
    }
    told = [f"The ledger was copied to {path}.", "Keep it elsewhere, and the records of the same moment with it."]
    return Answer(document, told)


for _command in (restore, migrate, move):
    ledger.add_command(_command)
