"""``ledger migrate`` and ``ledger move``: the tables in Postgres, and the way there from a file."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from launchplane_gate.cli.command import Changing
from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session, pass_session, progress_shown

if TYPE_CHECKING:
    from launchplane_gate.settings import Settings


@click.command(cls=Changing)
@pass_session
def migrate(session: Session) -> Answer:
    """Make the tables in Postgres, or bring them to the form of this version.

    The settings name the database (`database_url`). Tables are only ever added to. It is refused while a gate of an
    older version has a run open; take a backup before. A ledger in a file is brought to this version by itself.

    \b
    Example:
      launchplane-gate ledger migrate
    """
    from launchplane_gate.errors import UsageError
    from launchplane_gate.ledger import FILE_NAME, FORMAT
    from launchplane_gate.ledger.ledger import new_ledger_id
    from launchplane_gate.ledger.postgres import Postgres

    settings = session.settings()
    url = settings.database_url
    if url is None:
        hint = "Nothing was done, and nothing needs to be: a ledger in a file is brought to this version by itself."
        raise UsageError("the settings name no database_url", hint=hint)
    with closing(Postgres.connect(url.get_secret_value())) as database:
        with database.read() as connection:
            is_new = not database.has_tables(connection)
        if is_new and (settings.state_dir / FILE_NAME).exists():
            hint = "Nothing was done. `launchplane-gate ledger move` takes it along; or put the file elsewhere."
            raise UsageError(f"{settings.state_dir} has a ledger in a file, {FILE_NAME}", hint=hint)
        before = database.migrate(new_ledger_id())
    if before is None:
        told = f"Made the tables of schema {FORMAT}: {database.name}."
    elif before < FORMAT:
        told = f"Brought the tables from schema {before} to {FORMAT}: {database.name}."
    else:
        told = f"The tables are of schema {FORMAT} already: {database.name}."
    return Answer({"before": before, "schema": FORMAT}, [told])


@click.command(cls=Changing)
@click.argument("url", metavar="[URL]", required=False)
@click.option("--to-env", metavar="NAME", help="A variable that holds the URL, password and all.")
@click.option("--to-file", metavar="PATH", help="A file that does; a relative path starts at the settings' folder.")
@pass_session
def move(session: Session, url: str | None, to_env: str | None, to_file: str | None) -> Answer:
    """Move the ledger, and the records, from files into an empty database of Postgres.

    All of it or nothing: every entry as it is, with its number and hash, and every record, read back and verified
    before it counts. It is refused while a run is open. The file that was the ledger is renamed, so that nobody goes on
    with it. A URL on the command line holds no password; without any, it is the one of the settings.

    \b
    Examples:
      launchplane-gate ledger move --to-env DATABASE_URL
      launchplane-gate ledger move postgresql://gate@db.internal/gate
    """
    from launchplane_gate.errors import UsageError
    from launchplane_gate.ledger import FILE_NAME
    from launchplane_gate.ledger.moving import move as moved_to
    from launchplane_gate.ledger.postgres import Postgres
    from launchplane_gate.ledger.sqlite import Sqlite
    from launchplane_gate.report.words import count
    from launchplane_gate.store import FileStore

    settings = session.settings()
    if settings.store:
        hint = "Nothing was done. The ledger stands where those records are; it moves when they do, by a backup."
        raise UsageError(f"the records are kept by {settings.store}", hint=hint)
    target, line = _target(settings, url, to_env, to_file)
    path = settings.state_dir / FILE_NAME
    if not path.exists():
        hint = "Nothing was done. Where nothing was recorded yet, `launchplane-gate ledger migrate` makes the tables."
        raise UsageError(f"{settings.state_dir} has no ledger in a file", hint=hint)
    store = FileStore(settings.state_dir, settings.profiles)
    with (
        progress_shown("opening both") as progress,
        closing(Postgres.connect(target)) as database,
        closing(Sqlite.open(path)) as source,
    ):
        moved = moved_to(source, database, store, progress)
    counted = [count(moved.entries, "entry", "entries"), count(moved.runs, "run"), count(moved.records, "record")]
    text = [f"Moved {', '.join(counted)}, and verified them: {database.name}.", f"The file is {moved.aside} now."]
    if settings.database_url is None:
        text.append(f"Write into {settings.path.name}, above the tables:   {line}")
    return Answer({**asdict(moved), "aside": str(moved.aside), "setting": line}, text)


def _target(settings: Settings, url: str | None, to_env: str | None, to_file: str | None) -> tuple[str, str]:
    """The URL, and the line of the settings that names it."""
    from launchplane_gate.settings import database_named

    if sum(one is not None for one in (url, to_env, to_file)) > 1:
        raise click.UsageError("URL, --to-env and --to-file cannot go together")
    given: str | dict[str, str] | None = url
    if to_env is not None:
        given, line = {"env": to_env}, f'database_url = {{ env = "{to_env}" }}'
    elif to_file is not None:
        given, line = {"file": to_file}, f'database_url = {{ file = "{Path(to_file)}" }}'
    elif url is not None:
        line = f'database_url = "{url}"'
    elif settings.database_url is None:
        raise click.UsageError("name the database: URL, --to-env or --to-file")
    else:
        return settings.database_url.get_secret_value(), ""
    return database_named(given, settings.base_dir, os.environ).get_secret_value(), line
