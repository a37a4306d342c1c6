"""Opening what the settings name: records and ledger, in files of the state folder or in one database."""

from __future__ import annotations

from launchplane_gate.errors import LedgerError
from launchplane_gate.ledger import FILE_NAME, MOVED, Ledger, SqlStore
from launchplane_gate.settings import Settings
from launchplane_gate.store import FileStore, OwnStore, RecordStore, holds_records


def opened(settings: Settings, *, to_read: bool) -> tuple[OwnStore, Ledger]:
    """``to_read``: nothing is made or written then, and nothing has to be writable. Raises LedgerError."""
    if settings.database_url:
        ledger = _ledger(settings, holds_records=False, to_read=to_read)
        return SqlStore(ledger.database, settings.profiles), ledger
    store = FileStore(settings.state_dir, settings.profiles, keeps_hints=not to_read)
    return store, _ledger(settings, holds_records=store.holds_records(), to_read=to_read)


def ledger_beside(settings: Settings, store: RecordStore, *, to_read: bool) -> Ledger:
    """The same, of records that live somewhere else: none is begun anew beside those that there are."""
    return _ledger(settings, holds_records=holds_records(store), to_read=to_read)


def records_beside(settings: Settings, ledger: Ledger, *, to_read: bool) -> OwnStore:
    """Our records of a ledger that somebody opened: in its database where the settings name one, else in files."""
    if settings.database_url:
        return SqlStore(ledger.database, settings.profiles)
    return FileStore(settings.state_dir, settings.profiles, keeps_hints=not to_read)


def unmarked(settings: Settings) -> tuple[OwnStore, Ledger]:
    """Both, whatever the mark says of the ledger: to restore it. Raises LedgerError."""
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    ledger = Ledger.unmarked(settings.state_dir, url)
    return records_beside(settings, ledger, to_read=True), ledger


def _ledger(settings: Settings, *, holds_records: bool, to_read: bool) -> Ledger:
    state_dir, in_file = settings.state_dir, (settings.state_dir / FILE_NAME).exists()
    url = settings.database_url.get_secret_value() if settings.database_url else ""
    if not url and not in_file and (state_dir / MOVED).exists():
        hint = f"Nothing was done. Name that database in {settings.path.name}: database_url."
        raise LedgerError(f"the ledger in {state_dir} was moved to a database", hint=hint)
    if to_read:
        return Ledger.to_read(state_dir, url, holds_records=holds_records)
    if url and in_file:
        hint = "Nothing was done. `launchplane-gate ledger move` takes it along; or put the file elsewhere."
        raise LedgerError(f"{state_dir} has a ledger in a file too, {FILE_NAME}", hint=hint)
    return Ledger.open(state_dir, url, holds_records=holds_records, group=settings.state_group)
