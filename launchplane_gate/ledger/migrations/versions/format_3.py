"""From format 2: a table of the tokens that are spent. Which were before, nobody knows; none lasts for long."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    schema = context.config.attributes["schema"]
    op.create_table(
        "tokens",
        sa.Column("token", sa.Text, primary_key=True),
        sa.Column("request_digest", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("until", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        schema=schema,
    )
    op.create_index("ix_tokens_until", "tokens", ["until"], schema=schema)
    op.execute(sa.table("meta", sa.column("schema_version"), schema=schema).update().values(schema_version=3))


def downgrade() -> None:
    raise NotImplementedError("what was recorded is never taken away")
