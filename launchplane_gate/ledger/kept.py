"""What decisions rest on, kept apart from the chains: the input of each, and the policies of each revision."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from launchplane_gate import strictjson
from launchplane_gate.errors import LedgerError
from launchplane_gate.ledger import tables

LARGEST = 2**26  # bytes of what we wrote ourselves

Packed = Callable[[], bytes]

_INPUT = sa.select(tables.inputs.c.packed).where(tables.inputs.c.digest == sa.bindparam("of_digest"))
_POLICIES = sa.select(tables.policies.c.revision).where(tables.policies.c.revision == sa.bindparam("of_revision"))


def input_text(connection: sa.Connection, digest: str) -> str | None:
    """The input of a decision as it was hashed; None where it was archived. Raises LedgerError where it was altered."""
    packed = connection.execute(_INPUT, {"of_digest": digest}).scalar()
    return None if packed is None else unpacked(packed, digest)


def unpacked(packed: bytes, digest: str) -> str:
    """Raises LedgerError."""
    text = inflated(packed)
    if text is None or strictjson.sha256(text) != digest:
        raise LedgerError(f"the policy input {digest[:12]} is not what was decided on")
    return text.decode("utf-8", "surrogatepass")


def inflated(packed: bytes) -> bytes | None:
    """None for what was not packed by us."""
    try:
        return zlib.decompressobj().decompress(packed, LARGEST)
    except (zlib.error, TypeError):
        return None


def has_policies(connection: sa.Connection, revision: str) -> bool:
    return connection.execute(_POLICIES, {"of_revision": revision}).first() is not None


def keep_policies(connection: sa.Connection, revision: str, packed: bytes) -> None:
    """Keep them, unless somebody was sooner."""
    values = sa.select(sa.literal(revision), sa.literal(packed, sa.LargeBinary))
    absent = values.where(~sa.exists().where(tables.policies.c.revision == revision))
    fresh = absent.suffix_with("ON CONFLICT DO NOTHING")  # another process may be about it right now
    connection.execute(tables.policies.insert().from_select(["revision", "packed"], fresh))


def body_in(text: str) -> dict[str, Any]:
    body: dict[str, Any] = strictjson.loads(text, max_bytes=LARGEST)
    return body
