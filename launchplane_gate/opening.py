"""Opening what the settings name: records and ledger, in files of the state folder or in one database."""

from __future__ import annotations

from launchplane_gate.errors import LedgerError
from launchplane_gate.ledger import FILE_NAME, MOVED, Ledger, SqlStore
from launchplane_gate.settings import Settings
from launchplane_gate.store import FileStore, OwnStore


def opened(settings: Settings, *, to_read: bool) -> tuple[OwnStore, Ledger]:
    """``to_read``: nothing is made or written then, and nothing has to be writable. Raises LedgerError."""
    if url := settings.database_url:
        return _in_one_database(settings, url.get_secret_value(), to_read=to_read)
    store = FileStore(settings.state_dir, settings.profiles, keeps_hints=not to_read)
    holds_records = store.holds_records()
    if (settings.state_dir / MOVED).exists() and not (settings.state_dir / FILE_NAME).exists():
        hint = f"Nothing was done. Name that database in {settings.path.name}: database_url."
        raise LedgerError(f"the ledger in {settings.state_dir} was moved to a database", hint=hint)
    if to_read:
        return store, Ledger.to_read(settings.state_dir, holds_records=holds_records)
    return store, Ledger.open(settings.state_dir, holds_records=holds_records, group=settings.state_group)


def unmarked(settings: Settings) -> tuple[OwnStore, Ledger]:
    """Both, whatever the mark says of the ledger: to restore it. Raises LedgerError."""
    if url := settings.database_url:
        ledger = Ledger.unmarked(settings.state_dir, url.get_secret_value())
        return SqlStore(ledger.database, settings.profiles), ledger
    return FileStore(settings.state_dir, settings.profiles), Ledger.unmarked(settings.state_dir)


def _in_one_database(settings: Settings, url: str, *, to_read: bool) -> tuple[OwnStore, Ledger]:
    if to_read:
        ledger = Ledger.to_read(settings.state_dir, url, holds_records=False)
    elif (settings.state_dir / FILE_NAME).exists():
        hint = "Nothing was done. `launchplane-gate ledger move` takes it along; or put the file elsewhere."
        raise LedgerError(f"{settings.state_dir} has a ledger in a file too, {FILE_NAME}", hint=hint)
    else:
        ledger = Ledger.open(settings.state_dir, url, holds_records=False, group=settings.state_group)
    return SqlStore(ledger.database, settings.profiles), ledger
