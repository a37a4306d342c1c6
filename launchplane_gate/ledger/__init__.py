"""The append-only record of decisions, runs, leases, keys, holds and waivers."""

from launchplane_gate.ledger.chain import CLOSING, PUBLISHING
from launchplane_gate.ledger.database import SCHEMA_VERSION
from launchplane_gate.ledger.entry import Entry
from launchplane_gate.ledger.lease import Lease
from launchplane_gate.ledger.leave import APPROVED, KINDS, REVOKED, waivers_of
from launchplane_gate.ledger.ledger import FILE_NAME, Key, Ledger, Row, new_id
from launchplane_gate.ledger.refusals import NOWHERE, REFUSED, SUMMED

__all__ = [
    "APPROVED",
    "CLOSING",
    "FILE_NAME",
    "KINDS",
    "NOWHERE",
    "PUBLISHING",
    "REFUSED",
    "REVOKED",
    "SCHEMA_VERSION",
    "SUMMED",
    "Entry",
    "Key",
    "Lease",
    "Ledger",
    "Row",
    "new_id",
    "waivers_of",
]
