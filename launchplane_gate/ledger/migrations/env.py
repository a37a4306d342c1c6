"""How alembic is run: on the connection, and in the schema, that it is handed; never on one of its own."""

from __future__ import annotations

from alembic import context

from launchplane_gate.ledger.tables import version

given = context.config.attributes
context.configure(
    connection=given["connection"],
    version_table=version.name,
    version_table_schema=given["schema"],
    transaction_per_migration=False,
)
context.run_migrations()
