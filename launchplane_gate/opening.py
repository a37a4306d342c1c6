"""Opening what the settings name: records and ledger, in files of the state folder or in one database."""

from __future__ import annotations

from typing import cast

from launchplane_gate.errors import LedgerError, SettingsError
from launchplane_gate.ledger import FILE_NAME, MOVED, Ledger, SqlStore
from launchplane_gate.plugins import kept_by
from launchplane_gate.settings import Settings
from launchplane_gate.store import FileStore, OwnStore, RecordStore, holds_records


def hosted(settings: Settings) -> Settings:
    """Where a plugin knows the records, have the settings say what it does: where the ledger is, and which products.

    Raises SettingsError where that cannot be known.
    """
    if not settings.store or settings.kept:
        return settings
    settings.kept = kept = kept_by(settings.store, settings)
    if kept.state_dir:
        if settings.names_state_dir:
            raise SettingsError(
                f"settings: state_dir: the ledger stands beside the records of {settings.store}: {kept.state_dir}",
                hint="Nothing was done. Take state_dir out, and LAUNCHPLANE_GATE_STATE_DIR: there is to be one ledger.",
            )
        settings.state_dir = kept.state_dir
    settings.database_url = kept.database_url
    settings.profiles = {profile.product: profile for profile in kept.products()}
    return settings


def records_in(settings: Settings, *, keeps_hints: bool = False) -> OwnStore:
    """The records, where they are no part of the ledger's database: in files, or in a host's store."""
    if settings.kept:
        return cast("OwnStore", settings.kept.store)
    return FileStore(settings.state_dir, settings.profiles, keeps_hints=keeps_hints)


def opened(settings: Settings, *, to_read: bool) -> tuple[OwnStore, Ledger]:
    """``to_read``: nothing is made or written then, and nothing has to be writable. Raises LedgerError."""
    if settings.database_url and not settings.kept:
        ledger = _ledger(settings, holds_records=False, to_read=to_read)
        return SqlStore(ledger.database, settings.profiles), ledger
    store = records_in(settings, keeps_hints=not to_read)
    return store, _ledger(settings, holds_records=store.holds_records(), to_read=to_read)


def ledger_beside(settings: Settings, store: RecordStore, *, to_read: bool) -> Ledger:
    """The same, of records that live somewhere else: none is begun anew beside those that there are."""
    return _ledger(settings, holds_records=holds_records(store), to_read=to_read)


def records_beside(settings: Settings, ledger: Ledger, *, to_read: bool) -> OwnStore:
    """The records of a ledger that somebody opened: ours in its database where the settings name one, or elsewhere."""
    if settings.database_url and not settings.kept:
        return SqlStore(ledger.database, settings.profiles)
    return records_in(settings, keeps_hints=not to_read)


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
