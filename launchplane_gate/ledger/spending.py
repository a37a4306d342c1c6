"""Tokens that are spent: each lets one request be admitted, and whatever is that request again.

What is spent stands under ``spent`` in the body of the entry that keeps the admitting decision, and is spent in the
transaction that keeps it: of two requests with one token, wherever they are asked, one is admitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from launchplane_gate.errors import ActorUnproven, TokenSpent
from launchplane_gate.ledger import tables

KEPT_S = 86400  # after its end: who was proven in time may wait, and a clock that is set back makes no token good again

_SPEND = {
    "sqlite": sqlite.insert(tables.tokens).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(tables.tokens).on_conflict_do_nothing(),  # waits for who spends it right now
}
_SPENT = sa.select(tables.tokens).where(tables.tokens.c.token == sa.bindparam("of_token"))
_FORGET = tables.tokens.delete().where(tables.tokens.c.until <= sa.bindparam("of_moment"))


def spend(connection: sa.Connection, spent: Mapping[str, Any], subject: str, now_s: float) -> None:
    """Raises TokenSpent where another request spent it, ActorUnproven where nobody could know any more."""
    forgotten = int(now_s) - KEPT_S
    if spent["until"] <= forgotten:
        raise ActorUnproven("the token expired long before the request was admitted")
    connection.execute(_FORGET, {"of_moment": forgotten})
    row = {name: spent[name] for name in ("token", "request_digest", "until")} | {"subject": subject}
    if connection.execute(_SPEND[connection.dialect.name], row).rowcount != 1:
        see_that_it_is_for_this(connection, spent)


def see_that_it_is_for_this(connection: sa.Connection, spent: Mapping[str, Any]) -> None:
    """Raises TokenSpent for a token that another request spent; one that nobody did is left as it is."""
    found = connection.execute(_SPENT, {"of_token": spent["token"]}).first()
    if found and found.request_digest != spent["request_digest"]:
        raise TokenSpent(f"the token was spent on another request, which led to {found.subject}")
