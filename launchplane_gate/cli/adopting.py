"""``init --adopt``: a ledger beside records that are older than it, and what it would take to settle each lane."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from launchplane_gate.cli.output import Answer
from launchplane_gate.cli.session import Session

if TYPE_CHECKING:
    from launchplane_gate.adoption import Unsettled
    from launchplane_gate.ledger import Ledger
    from launchplane_gate.report.text import Block
    from launchplane_gate.settings import Settings


def adopt_records(session: Session, folder: Path) -> Answer:
    """Start a ledger for records that have none."""
    from datetime import UTC, datetime

    from launchplane_gate.adoption import adopt, unsettled
    from launchplane_gate.errors import UsageError
    from launchplane_gate.lanes import settling
    from launchplane_gate.line.standing import Asked, consent
    from launchplane_gate.opening import records_in

    if session.config is None and folder != Path():
        session.config = folder / "launchplane-gate.toml"
    settings = session.settings()
    _see_that_there_is_no_ledger(settings)
    store = records_in(settings)
    if not store.holds_records():
        where = settings.store or settings.state_dir
        raise UsageError(f"{where} holds no records", hint="Nothing was done. The first run starts a ledger.")
    bundle, actor, drivers = session.bundle(), session.actor(), session.plugins().drivers
    profiles, now = settings.profiles.values(), datetime.now(UTC)
    decided = consent(bundle, session.engine(bundle), profiles, Asked("adopt", "", ""), actor, now=now)
    with closing(_begun(settings)) as ledger:
        lanes = adopt(store, ledger, bundle, profiles, actor, decided=decided)
        found = [
            (one, settling(bundle, profile.product, one.records, one.newest))
            for profile in profiles
            for one in unsettled(store, ledger, bundle, profile, adopted=lanes, drivers=drivers)
        ]
    return Answer({name: _document(found, name == "adopted") for name in ("adopted", "others")}, _text(found))


def _see_that_there_is_no_ledger(settings: Settings) -> None:
    """Raises UsageError."""
    from launchplane_gate.errors import UsageError
    from launchplane_gate.ledger import FILE_NAME, MOVED

    if not settings.store and (settings.database_url or (settings.state_dir / MOVED).exists()):
        hint = "Nothing was done. Adopt records where they are; then `launchplane-gate ledger move` takes them along."
        raise UsageError("the ledger is in a database", hint=hint)
    if not settings.database_url and (settings.state_dir / FILE_NAME).exists():
        raise UsageError(f"{settings.state_dir} has a ledger already", hint="Nothing was done; nothing needs to be.")


def _begun(settings: Settings) -> Ledger:
    """A new ledger: a file, or the tables that stand empty in a host's database. Raises UsageError, LedgerError."""
    from launchplane_gate.errors import UsageError
    from launchplane_gate.ledger import Ledger

    if not settings.database_url:
        return Ledger.create(settings.state_dir, group=settings.state_group)
    url = settings.database_url.get_secret_value()
    ledger = Ledger.open(settings.state_dir, url, holds_records=True, group=settings.state_group)
    if ledger.heads():
        ledger.close()
        raise UsageError(f"{ledger.database.name} has entries already", hint="Nothing was done; nothing needs to be.")
    return ledger


def _document(found: list[tuple[Unsettled, str]], adopted: bool) -> list[dict[str, object]]:
    return [
        {"lane": str(one.lane), "why": one.why, "mend": list(one.mend), "command": command}
        for one, command in found
        if one.adopted == adopted
    ]


def _text(found: list[tuple[Unsettled, str]]) -> list[Block]:
    from launchplane_gate.report.text import Table
    from launchplane_gate.report.words import count

    adopted = [str(one.lane) for one, _ in found if one.adopted]
    text: list[Block] = ["Started a ledger. No lane of these settings has an inventory, so there was nothing to adopt."]
    if adopted:
        text = [f"Started a ledger and adopted {count(len(adopted), 'lane')}: {', '.join(adopted)}."]
    rows = [(str(one.lane), why) for one, _ in found for why in (*(() if one.adopted else (one.why,)), *one.mend)]
    if rows:
        text += ["What is known of them:", Table(rows, names=(0,)), ""]
    if found:
        text += [
            "Nobody saw what they run, so each is unsettled until a run on it is recorded. Where a path begins, deploy",
            "what the lane is to run; then promote along the path:",
            *(f"  {command}" for _, command in found),
        ]
    return text
