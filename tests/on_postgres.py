"""A gate whose records and ledger are in one database of Postgres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from launchplane_gate.gate import Gate
from launchplane_gate.ledger import Ledger, SqlStore
from launchplane_gate.ledger.postgres import Postgres
from launchplane_gate.policy import Bundle, PolicyEngine
from tests.conftest import PRODUCT, PROFILE, open_gate
from tests.fakes.platform import FakePlatform

LEDGER_ID = "ab" * 16


def migrated(url: str) -> str:
    """The URL, with our tables there."""
    database = Postgres.connect(url)
    database.migrate(LEDGER_ID)
    database.close()
    return url


def gate_on(
    url: str, state: Path, bundle: Bundle, engine: PolicyEngine, platform: FakePlatform, **replaced: Any
) -> Gate:
    """As a gate is opened whose settings name the database."""
    ledger = Ledger.open(state, url, holds_records=False)
    parts: dict[str, Any] = {"ledger": ledger, "store": SqlStore(ledger.database, {PRODUCT: PROFILE})}
    return open_gate(state, bundle, engine, platform, **(parts | replaced))
