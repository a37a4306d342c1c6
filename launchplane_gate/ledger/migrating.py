"""Bringing a ledger of an older format to this one: what it holds is kept as it is, and only added to."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from launchplane_gate.errors import LedgerError
from launchplane_gate.holders import is_gone
from launchplane_gate.ledger import tables

FOLDER = Path(__file__).with_name("migrations")


def migrate(connection: sa.Connection, now: float, *, schema: str | None = None) -> None:
    """Inside a transaction that nobody else writes in. Raises LedgerError while an older gate has a run open."""
    held = sa.select(
        tables.lanes.c.context, tables.lanes.c.instance, tables.lanes.c.holder_process, tables.lanes.c.lease_until
    ).where(tables.lanes.c.holder.is_not(None))
    for context, instance, process, lease_until in connection.execute(held).all():
        if lease_until > now and not is_gone(process):
            raise LedgerError(
                f"the ledger cannot be brought to schema {tables.FORMAT} now: a run of an older version holds "
                f"{context}/{instance}",
                hint="Nothing was done. Wait for that run to end, and see that no older version is used any more.",
            )
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes |= {"connection": connection, "schema": schema}
    command.upgrade(config, "head")
