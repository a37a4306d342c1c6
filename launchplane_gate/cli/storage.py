"""What ``doctor`` says of where records and ledger lie."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from launchplane_gate.settings import Settings


def storage(settings: Settings) -> tuple[str, str]:
    """What was found, and what could be better. Raises LedgerError for what loses or tears what is recorded."""
    from launchplane_gate.ledger.filesystems import kind_of

    if url := settings.database_url:
        return _server(url.get_secret_value())
    folder = settings.state_dir
    while not folder.exists():
        folder = folder.parent
    return lies_on(folder, kind_of(folder))


def lies_on(folder: Path, kind: str) -> tuple[str, str]:
    """The same of a folder on a filesystem of some kind."""
    from launchplane_gate.errors import LedgerError
    from launchplane_gate.ledger.filesystems import is_a_containers_own, is_on_a_network

    if is_on_a_network(kind):
        hint = (
            "Move the state folder to a local disk; for several machines, `launchplane-gate ledger move` to Postgres."
        )
        raise LedgerError(f"{folder} is on {kind}, over a network: its locks cannot be trusted", hint=hint)
    if is_a_containers_own(kind):
        remedy = "Mount a volume there, or have it in Postgres: `launchplane-gate ledger move`."
        return f"{folder} is in a container's own layer ({kind}), which goes when the container does", remedy
    return f"SQLite and files, on {kind or 'a filesystem that cannot be told'}", ""


def _server(url: str) -> tuple[str, str]:
    from launchplane_gate.errors import LedgerError
    from launchplane_gate.ledger.postgres import Postgres

    with closing(Postgres.connect(url)) as database:
        server = database.server()
    if off := [name for name in ("fsync", "full_page_writes") if server[name] == "off"]:
        hint = f"Set {' and '.join(f'{name} = on' for name in off)} in its postgresql.conf, and reload it."
        raise LedgerError(
            f"Postgres {server['server_version']} has {' and '.join(off)} off: a crash loses what is kept", hint=hint
        )
    found = f"Postgres {server['server_version']}"
    if server["synchronous_commit"] == "off":
        found += "; its synchronous_commit is off, and on for whatever has to last, which says so itself"
    if server["is_owner"] != "yes":
        return f"{found}; the tables are somebody else's, who alone could take their triggers away", ""
    remedy = "Have another user own the tables, who runs `ledger migrate`: the owner can switch the triggers off."
    return found, remedy
